"""What a wrong claim on a layer comes from: an error carried forward, a network's mistake, or one of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.case import Case, make_case
from convgrad.chain import Network
from convgrad.chain.layers import in_kind
from convgrad.core.arithmetic import EXACT, Array, nearest
from convgrad.mistakes import Diagnoser, Diagnosis, diagnose
from convgrad.network_checking.claims import LayerClaim
from convgrad.network_checking.steps import all_of, stepped_mistakes, unknown
from convgrad.network_checking.variants import STEPPED_BY, Arrays, Variant, arrays, mistakes, stepped_kernel
from convgrad.verify.claims import Claim, within
from convgrad.verify.network_bounds import gradient_sizes

Key = tuple[int, str]
WHAT = {
    "activation-derivative-missing": (
        "delta is handed on through {layer} without the slope of the activation",
        "multiply delta by dy/dx at the activation's input, entry by entry",
    ),
    "updated-kernel": (
        "dX is computed with the kernel of {layer} after its step",
        "compute every delta first, with the kernels of the forward pass, and step afterwards",
    ),
}


@dataclass(frozen=True)
class Told:
    """A diagnosis, and the claim that it takes for given ("" where it needs none)."""

    diagnosis: Diagnosis
    given: str = ""


@dataclass(frozen=True)
class Judge:
    """The network as it is, and as it follows from the claims above and below an array."""

    network: Network
    truth: Arrays
    claims: Mapping[Key, LayerClaim]

    @cached_property
    def _deltas(self) -> dict[int, tuple[str, Array]]:
        """By layer the claimed delta at its output, under the name it was claimed by: its own, or dX of the next."""
        found = {}
        for (place, array), claim in self.claims.items():
            own = place - 1 if array == "dX" else place
            if array in ("dX", "delta") and own >= 0 and self._usable(claim):
                shape = self.truth[own, "delta"].shape
                if array == "delta" or own not in found:
                    found[own] = (claim.name, claim.claim.values.reshape(shape))
        return found

    @cached_property
    def _outputs(self) -> dict[int, tuple[str, Array]]:
        usable = ((key, claim) for key, claim in self.claims.items() if key[1] == "output" and self._usable(claim))
        return {key[0]: (claim.name, claim.claim.values) for key, claim in usable}

    def _mistaken(self, claim: LayerClaim) -> Array | None:
        """The array that a wrong claim is, with all its digits, where it is one mistake of the catalogue in full."""
        case = self._case(claim, self.truth, Variant())
        if case is None or not claim.layer.layer.windowed or claim.claim.allows(self.truth[claim.key]).all():
            return None
        search = Diagnoser(case, claim.claim.array, self.truth[claim.key], advise=False).search
        matches = search.whole(claim.claim)
        return search.candidates.value(matches[0].candidate) if matches and not matches[0].fit else None

    def _usable(self, claim: LayerClaim) -> bool:
        return bool(claim.claim.values.shape == self.truth[claim.key].shape)

    def givens(self, key: Key) -> Iterator[tuple[str, Variant]]:
        """The variants in which what an array was made from is as claimed, with the name of the nearest such claim."""
        place, array = key
        if array in STEPPED_BY:
            source = self.claims.get((place, STEPPED_BY[array]))
            if source is not None and self._usable(source):
                mistaken = self._mistaken(source)
                if mistaken is not None:
                    yield source.name, Variant(gradients={source.key: mistaken})
                yield source.name, Variant(gradients={source.key: source.claim.values})
        first = place + (array == "delta")  # a claimed delta of its own is not what it was made from
        above = {at: part for at, part in self._deltas.items() if at >= first}
        below = {at: part for at, part in self._outputs.items() if at < place}
        deltas, outputs = ({at: part[1] for at, part in found.items()} for found in (above, below))
        if above and array != "output":
            yield above[min(above)][0], Variant(deltas=deltas)
        if below:
            name = below[max(below)][0]
            yield name, Variant(outputs=outputs)
            if above and array != "output":
                yield f"{above[min(above)][0]} and {name}", Variant(outputs=outputs, deltas=deltas)

    def of(self, claim: LayerClaim) -> list[Told]:
        """What a claim that is not the truth comes from."""
        if not self._usable(claim):
            return list(self._catalogued(claim, self.truth, "", Variant()))
        known = [(name, variant, arrays(self.network, variant)) for name, variant in self.givens(claim.key)]
        for name, variant, found in known:
            if self._follows(claim, found[claim.key], variant):
                return [Told(_carried(claim, name), name)]
        # what was made from a wrong claim is judged by it first; a right one, known to few digits, is the last resort
        wrong = [one for one in known if self._is_wrong(one[1])]
        tries = [*wrong, ("", Variant(), self.truth), *(one for one in known if not self._is_wrong(one[1]))]
        for name, variant, _ in tries:
            if told := list(self._network_mistakes(claim, name, variant)):
                return told
        return self._best(claim, tries)

    def _follows(self, claim: LayerClaim, found: Array, variant: Variant) -> bool:
        """Whether a claim is what follows from other claims, each known as well as its digits tell."""
        values, slack = claim.claim.values, self._slack(claim.key, variant)
        if slack is not None and values.dtype == EXACT:
            slack = fractions_of(slack)
        excuse = claim.claim.excuse if slack is None else claim.claim.excuse + slack.reshape(values.shape)
        return bool(within(values, found, excuse).all())

    def _slack(self, key: Key, variant: Variant) -> Array | None:
        """What an array may be off by because the claimed deltas above it, or dW, have so few digits."""
        place, array = key
        if array in STEPPED_BY and (place, STEPPED_BY[array]) in variant.gradients:
            source = self.claims[place, STEPPED_BY[array]]
            rate = float(self.network.chain.learning_rate)
            return rate * np.broadcast_to(_float(source.claim.excuse), source.claim.values.shape)
        above = [at for at in variant.deltas if at >= place]
        if not above:
            return None
        first = min(above)
        slack = np.broadcast_to(_float(self._source(first).claim.excuse), variant.deltas[first].shape)
        for at in range(first, place - 1, -1):
            case = in_kind(self.network.layers[at].case, "float64")
            x = case.operands["x"]
            assert x is not None
            sizes = gradient_sizes(case, slack.reshape(case.output_shape), abs(x))
            if at == place:
                return {"dX": sizes["x"], "dW": sizes.get("w"), "db": sizes.get("b"), "delta": slack}.get(array)
            slack = sizes["x"]
        return None

    def _source(self, place: int) -> LayerClaim:
        """The claim that the delta of a layer was taken from."""
        return self.claims.get((place, "delta")) or self.claims[place + 1, "dX"]

    def _is_wrong(self, variant: Variant) -> bool:
        """Whether a variant takes for given what is not so."""
        taken = [((at, "delta"), values) for at, values in variant.deltas.items()]
        taken += [((at, "output"), values) for at, values in variant.outputs.items()]
        return bool(variant.gradients) or any(not self._is_right(key, values) for key, values in taken)

    def _is_right(self, key: Key, values: Array) -> bool:
        """Whether a claimed array that others are made from is the truth as far as its digits tell."""
        for (place, array), claim in self.claims.items():
            own = place - 1 if array == "dX" else place
            if own == key[0] and claim.claim.values.size == values.size and array in ("dX", key[1]):
                return bool(claim.claim.allows(self.truth[claim.key]).all())
        return False

    def _network_mistakes(self, claim: LayerClaim, given: str, base: Variant) -> Iterator[Told]:
        for mistake, layer, change in mistakes(self.network):
            variant = replace(base, skipped=change.skipped, stepped=change.stepped)
            if claim.claim.allows(arrays(self.network, variant)[claim.key]).all():
                what, fix = (text.format(layer=layer or "every layer") for text in WHAT[mistake])
                size = claim.claim.values.size
                message = f"it is, in {all_of(size)}, what comes out when {what} ({mistake})"
                yield Told(
                    Diagnosis(claim.array, mistake, size, size, message, fix, {"layer": layer} if layer else {}), given
                )
                return

    def _best(self, claim: LayerClaim, tries: list[tuple[str, Variant, Arrays]]) -> list[Told]:
        """The diagnosis of the catalogue that explains all entries, else the first that names a mistake."""
        found = [list(self._catalogued(claim, right, name, variant)) for name, variant, right in tries]
        named = [told for told in found if told and told[0].diagnosis.mistake is not None]
        whole = [told for told in named if sum(part.diagnosis.matches for part in told) >= claim.claim.values.size]
        return (whole or named or [found[-1]])[0]

    def _catalogued(self, claim: LayerClaim, right: Arrays, given: str, variant: Variant) -> Iterator[Told]:
        if claim.array in STEPPED_BY:
            yield from (Told(part, given) for part in stepped_mistakes(claim, self.network, right))
            return
        case = self._case(claim, right, variant)
        if claim.array == "delta" or case is None:
            yield Told(unknown(claim), given)
            return
        truth, own = right[claim.key], claim.claim
        updated = stepped_kernel(claim.layer)
        if case.operation.name != claim.layer.op:  # a dense layer, as a convolution of one cell
            truth, own, updated = _as_cell(case, claim, truth, own, updated)
        for part in diagnose(case, {own.array: truth}, {own.array: own}, updated_kernel=updated):
            yield Told(part, given)

    def _case(self, claim: LayerClaim, right: Arrays, variant: Variant) -> Case | None:
        """The layer as a case of the catalogue, with what arrives as claimed; None where it is none."""
        layer, place = claim.layer, claim.layer.layer.place
        delta = variant.deltas.get(place, right[place, "delta"])
        case = replace(layer.case, delta=delta)
        if place and place - 1 in variant.outputs:
            x = variant.outputs[place - 1].reshape(case.shapes["x"])
            case = replace(case, operands={**case.operands, "x": x})
        if layer.layer.windowed:
            return case
        return _dense_as_conv(case) if layer.op == "dense" else None


def _dense_as_conv(case: Case) -> Case:
    """A dense layer as what it is, a convolution whose window is the whole input: here of one cell a feature."""
    x, w, b = case.arrays
    assert x is not None
    assert w is not None
    assert case.delta is not None
    document = {"op": "conv", "dims": 1, "input": x.reshape(len(x), -1, 1), "kernel": w[:, :, None]}
    document |= {"delta": case.delta[:, :, None]} | ({} if b is None else {"bias": b})
    asked = "exact" if case.arithmetic == "exact" else case.arithmetic
    return replace(make_case(document, arithmetic=asked, nonfinite=True), rounded=case.rounded)


def _as_cell(
    case: Case, claim: LayerClaim, truth: Array, own: Claim, updated: Array | None
) -> tuple[Array, Claim, Array | None]:
    shapes = {"dW": case.shapes["w"], "dX": case.shapes["x"], "output": case.output_shape}
    shape = shapes.get(claim.array, truth.shape)
    allowed = own.allowed.reshape(shape) if isinstance(own.allowed, np.ndarray) else own.allowed
    values = own.values.reshape(shape) if own.values.shape == truth.shape else own.values
    own = replace(own, values=values, allowed=allowed)
    return truth.reshape(shape), own, None if updated is None else updated[:, :, None]


def _float(excuse: Any) -> Any:
    return nearest(excuse) if isinstance(excuse, Fraction) else np.asarray(excuse, float)


def fractions_of(values: Array) -> Array:
    """Floats as the rationals that they are."""
    found = np.empty(values.size, EXACT)
    found[:] = [Fraction(value) for value in values.ravel().tolist()]
    return found.reshape(values.shape)


def _carried(claim: LayerClaim, given: str) -> Diagnosis:
    size = claim.claim.values.size
    message = f"it is right, in {all_of(size)}, given the claimed {given}: an error there is carried forward"
    return Diagnosis(claim.array, "carried-forward", size, size, message, f"correct {given} first")
