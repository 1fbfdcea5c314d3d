"""What a wrong claim comes from: an error carried forward, a chain's mistake, or one of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from convgrad.catalogue.of_networks import CHAIN_FORMS, FREQUENT, ChainMistake, chain_mistakes
from convgrad.catalogue.tables import FIRST
from convgrad.claims.claim import Claim, within
from convgrad.claims.findings import Finding
from convgrad.claims.propagated import gradient_sizes
from convgrad.core.arithmetic import EXACT, Array, nearest
from convgrad.diagnosis.chance import FITTED, HAND_SIZED, evidence
from convgrad.diagnosis.diagnoser import Diagnoser
from convgrad.diagnosis.diagnosis import Diagnosis, Names, shown
from convgrad.diagnosis.stepped import all_of, stepped_mistakes, unknown
from convgrad.diagnosis.telling import also_text
from convgrad.operations.geometry import shape_text
from convgrad.passes.layers import in_kind
from convgrad.passes.subject import NONE, STEPPED_BY, Arrays, Change, Part, Subject, stepped_kernel
from convgrad.subject.case import Case, make_case
from convgrad.subject.fused import fused
from convgrad.subject.place import Place
from convgrad.vocabulary import BENT, CONVOLUTION, ELEMENTWISE, PRODUCT


class Given(NamedTuple):
    """Claims that are taken for right, under the name of the nearest to what is judged, and the pass that they make."""

    name: str
    change: Change
    claims: tuple[Claim, ...] = ()


KEPT = 1 << 14
"""Entries of an array up to which what its claim is compared with is kept."""
NOTHING = Given("", NONE)
Try = tuple[Given, Arrays]


@dataclass(frozen=True)
class Judge:
    """What was asked as it is, and as it follows from the claims above and below an array."""

    subject: Subject
    truth: Arrays
    claims: Mapping[Place, Claim]
    _told: dict[Any, list[Diagnosis]] = field(default_factory=dict, compare=False, repr=False)
    _made: dict[Place, Diagnoser] = field(default_factory=dict, compare=False, repr=False)

    def of(self, claim: Claim, finding: Finding) -> list[Diagnosis]:
        """What became of a claim: nothing of a right one."""
        shaped = [_axes_of_one(claim, finding)] if finding.shapes and finding.comparable else []
        if claim.cause:
            return [*shaped, _lossy(claim, finding)]
        return shaped + (self._pooled(claim) if finding.wrong else [])

    def _pooled(self, claim: Claim) -> list[Diagnosis]:
        """What an array says by itself; of one that says too little what the others of its part say as well."""
        told = self._of(claim)
        if any(one.mistake for one in told):
            return told
        known = self._known(claim.place)
        return (self._of(claim, known) if known else None) or told

    def _known(self, place: Place) -> frozenset[str]:
        """The mistakes that other wrong arrays of a part show."""
        others = (claim for at, claim in self.claims.items() if at.part == place.part and at != place)
        wrong = [claim for claim in others if not claim.allows(self.truth[claim.place]).all()]
        return frozenset(name for claim in wrong for one in self._of(claim) for name in shown(one))

    def _of(self, claim: Claim, known: frozenset[str] = frozenset()) -> list[Diagnosis]:
        """What became of a claim, each once; `known` is what other arrays show."""
        key = (claim.place, known)
        if key not in self._told:
            told = self._found(claim, known)
            named = any(one.mistake for one in told) or not claim.loose
            self._told[key] = told if named else self._on_printed_inputs(claim, known) or told
        return self._told[key]

    def _on_printed_inputs(self, claim: Claim, known: frozenset[str]) -> list[Diagnosis]:
        """What has become of a claim whose inputs were rounded when they were printed, where that is no chance."""
        told = self._found(claim.loosened, known)
        if not told or any(one.details.get("chance", 1) > FITTED for one in told):
            return []
        first = f"{told[0].message}; its inputs are taken as rounded when they were printed"
        return [replace(told[0], message=first), *told[1:]]

    def _found(self, claim: Claim, known: frozenset[str]) -> list[Diagnosis]:
        if not self._usable(claim):
            return list(self._catalogued(claim, self.truth, NOTHING, known))
        taken = [(given, self.subject.arrays(given.change)) for given in self.givens(claim.place)]
        for given, arrays in taken:
            if self._follows(claim, arrays[claim.place], given):
                return [_carried(claim, given.name)]
        # what was made from a wrong claim is judged by it first; a right one, known to few digits, is the last resort
        wrong, right = ([one for one in taken if self._is_wrong(one[0]) == sort] for sort in (True, False))
        tries = [*wrong, (NOTHING, self.truth), *right]
        for given, _ in tries:
            if diagnoses := list(self._of_chain(claim, given, known)):
                return diagnoses
        return self._best(claim, tries, known)

    # -- What is taken for given ---------------------------------------------------------------------------------------

    def givens(self, place: Place) -> Iterator[Given]:
        """What an array was made from, as claimed: in its step, above it, below it, and both."""
        if place.array in STEPPED_BY:
            yield from self._steps(Place(STEPPED_BY[place.array], place.part))
        number = self._numbers[place.part]
        first = number + (place.array == "delta")  # a claimed delta of its own is not what it was made from
        above = {at: claim for at, claim in self._deltas.items() if at >= first and place.array != "output"}
        below = {at: claim for at, claim in self._outputs.items() if at < number}
        deltas, outputs = self._taken("delta", above), self._taken("output", below)
        if above:
            yield Given(str(above[min(above)].place), Change(deltas), tuple(above.values()))
        if below:
            name = str(below[max(below)].place)
            yield Given(name, Change(outputs), tuple(below.values()))
            if above:
                both = f"{above[min(above)].place} and {name}"
                yield Given(both, Change({**outputs, **deltas}), (*below.values(), *above.values()))

    def _steps(self, place: Place) -> Iterator[Given]:
        """The claimed gradient that stepped a parameter: in full where it is a known mistake, and as it is."""
        source = self.claims.get(place)
        if source is not None and self._usable(source):
            if (mistaken := self._mistaken(source)) is not None:
                yield Given(str(place), Change({place: mistaken}), (source,))
            yield Given(str(place), Change({place: source.values}), (source,))

    def _taken(self, array: str, claims: Mapping[int, Claim]) -> dict[Place, Array]:
        places = {at: self.subject.parts[at].place(array) for at in claims}
        return {places[at]: claim.values.reshape(self.truth[places[at]].shape) for at, claim in claims.items()}

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {part.name: part.number for part in self.subject.parts}

    @cached_property
    def _deltas(self) -> dict[int, Claim]:
        """By the number of a part the claimed delta at its output: its own, or dX of the next."""
        deltas: dict[int, Claim] = {}
        for place, claim in self.claims.items():
            at = self._numbers[place.part] - (place.array == "dX")
            usable = place.array in ("dX", "delta") and at >= 0 and self._usable(claim)
            if usable and (place.array == "delta" or at not in deltas):
                deltas[at] = claim
        return deltas

    @cached_property
    def _outputs(self) -> dict[int, Claim]:
        usable = ((place, claim) for place, claim in self.claims.items() if place.array == "output")
        return {self._numbers[place.part]: claim for place, claim in usable if self._usable(claim)}

    def _mistaken(self, claim: Claim) -> Array | None:
        """The array that a wrong claim is, with all its digits, where it is one mistake of the catalogue in full."""
        part, truth = self._part(claim), self.truth[claim.place]
        case = self._case(claim, self.truth, NOTHING)
        if case is None or not _is_catalogued(part) or claim.allows(truth).all():
            return None
        search = Diagnoser(case, claim.like, truth, advise=False).search
        matches = search.whole(claim)
        earned = matches and not matches[0].fit and matches[0].earned
        return search.candidates.value(matches[0].candidate) if earned else None

    def _usable(self, claim: Claim) -> bool:
        return bool(claim.values.shape == self.truth[claim.place].shape)

    def _part(self, claim: Claim) -> Part:
        return self.subject.parts[self._numbers[claim.place.part]]

    def _is_wrong(self, given: Given) -> bool:
        """Whether what is taken for given is not so; what stepped a parameter is looked at first in any case."""
        steps = any(place.array in STEPPED_BY.values() for place in given.change.taken)
        return steps or any(not claim.allows(self.truth[claim.place]).all() for claim in given.claims)

    # -- What follows from it ------------------------------------------------------------------------------------------

    def _follows(self, claim: Claim, array: Array, given: Given) -> bool:
        """Whether a claim is what follows from other claims, each known as well as its digits tell."""
        values, slack = claim.values, self._slack(claim.place, given)
        if slack is None:
            return bool(within(values, array, claim.excuse).all())
        slack = _fractions(slack) if values.dtype == EXACT else slack
        return bool(within(values, array, claim.excuse + slack.reshape(values.shape)).all())

    def _slack(self, place: Place, given: Given) -> Array | None:
        """What an array may be off by because the claimed deltas above it, or dW, have so few digits."""
        source = Place(STEPPED_BY.get(place.array, ""), place.part)
        if source in given.change.taken:
            rate, claim = float(self.subject.chain.learning_rate), self.claims[source]
            return rate * np.broadcast_to(_float(claim.excuse), claim.values.shape)
        number = self._numbers[place.part]
        above = [at for at in self._deltas if self.subject.parts[at].place("delta") in given.change.taken]
        if not above or min(above) < number:
            return None
        first = min(above)
        shape = self.truth[self.subject.parts[first].place("delta")].shape
        return self._through(place, first, number, np.broadcast_to(_float(self._deltas[first].excuse), shape))

    def _through(self, place: Place, first: int, number: int, slack: Array) -> Array | None:
        """A slack of the delta at one part, brought down to an array of a part below it."""
        for at in range(first, number - 1, -1):
            case = in_kind(self.subject.parts[at].case, "float64")
            x = case.operands["x"]
            assert x is not None
            sizes = gradient_sizes(case, slack.reshape(case.output_shape), abs(x))
            if at == number:
                return {"dX": sizes["x"], "dW": sizes.get("w"), "db": sizes.get("b"), "delta": slack}.get(place.array)
            slack = sizes["x"]
        return None

    # -- Mistakes ------------------------------------------------------------------------------------------------------

    def _of_chain(self, claim: Claim, given: Given, known: frozenset[str]) -> Iterator[Diagnosis]:
        """The mistakes that only a chain can have, where they give the whole claim."""
        every = list(chain_mistakes(self.subject, claim.place))
        sure = {*FREQUENT, *known}
        found = [one for one in every if self._gives(one, claim, given, 0 if one.id in sure else len(every))]
        once = list({one.id: one for one in reversed(found)}.values())[::-1]
        for one in once:
            told = self._told_of_chain(claim, one, [other.id for other in once if other is not one], given)
            yield replace(told, message=told.message + also_text(told.details)) if one is once[0] else told

    def _told_of_chain(self, claim: Claim, one: ChainMistake, others: list[str], given: Given) -> Diagnosis:
        form, size = CHAIN_FORMS[one.id], claim.values.size
        what = form.what.format(layer=one.layer or "every layer", variant=one.variant)
        details: dict[str, Any] = {"layer": one.layer} if one.layer else {}
        details |= {"alternatives": others} if others else {}
        message = f"it is, in {all_of(size)}, what comes out when {what} ({one.id})"
        return Diagnosis(claim.place, one.id, size, size, message, form.fix, details, given.name)

    def _gives(self, mistake: ChainMistake, claim: Claim, given: Given, tried: int) -> bool:
        """Whether a mistake gives the whole claim; and where several are tried, whether that is no chance."""
        wrong = self.subject.arrays(replace(mistake.change, taken=given.change.taken))[claim.place]
        if not claim.allows(wrong).all():
            return False
        says = evidence(claim, self.truth[claim.place], wrong)
        return not tried or bool(claim.values.any() and says.tell and says.chance(tried) <= HAND_SIZED)

    def _best(self, claim: Claim, tries: Sequence[Try], known: frozenset[str]) -> list[Diagnosis]:
        """The diagnosis of the catalogue that explains all entries, else the first that names a mistake."""
        told = [list(self._catalogued(claim, right, given, known)) for given, right in tries]
        named = [diagnoses for diagnoses in told if diagnoses and diagnoses[0].mistake is not None]
        whole = [diagnoses for diagnoses in named if sum(one.matches for one in diagnoses) >= claim.values.size]
        return (whole or named or [told[-1]])[0]

    def _catalogued(
        self, claim: Claim, right: Arrays, given: Given, known: frozenset[str] = frozenset()
    ) -> Iterator[Diagnosis]:
        part = self._part(claim)
        if claim.place.array in STEPPED_BY:
            diagnoses = stepped_mistakes(claim, part, right[claim.place])
        elif claim.place.array == "delta" or (case := self._case(claim, right, given)) is None:
            diagnoses = iter([unknown(claim)])
        else:
            diagnoses = self._of_case(claim, part, case, right[claim.place], known, given)
        yield from (replace(one, given=given.name) for one in diagnoses)

    def _of_case(
        self, claim: Claim, part: Part, case: Case, truth: Array, known: frozenset[str], given: Given
    ) -> Iterator[Diagnosis]:
        """What the catalogue knows of a layer as a case."""
        names, updated = Names(claim.place, part.case, claim.like), stepped_kernel(part)
        if case.operation.name != part.op:  # a dense layer, as a convolution of one cell
            truth, claim, updated = _as_cell(case, truth, claim, updated)
        made = self._made.get(claim.place) if given is NOTHING else None
        if made is None:
            made = Diagnoser(case, claim.like, truth, updated, names=names)
            if given is NOTHING and truth.size <= KEPT:  # a claim may be looked at more than once
                self._made[claim.place] = made
        yield from made.of(claim, known)

    def _case(self, claim: Claim, right: Arrays, given: Given) -> Case | None:
        """The part as a case of the catalogue, with what arrives as claimed; None where it is none."""
        part = self._part(claim)
        delta = part.place("delta")
        case, taken = part.case, given.change.taken
        if delta in taken or self.subject.chain.alone is None:
            case = replace(case, delta=taken.get(delta, right[delta]))
        below = self.subject.parts[part.number - 1].place("output") if part.number else None
        if below is not None and below in taken:
            x = taken[below].reshape(case.shapes["x"])
            case = replace(case, operands={**case.operands, "x": x})
        if _is_catalogued(part):
            return case
        if claim.place.array == "output" and below not in taken and part.number:
            return _with_activation(self.subject.parts[part.number - 1], part)
        return _dense_as_conv(case) if case.operation.family == PRODUCT else None


def _is_catalogued(part: Part) -> bool:
    """Whether the catalogue knows a layer's operation as it is."""
    return part.layer.operation.family in FIRST


def _axes_of_one(claim: Claim, finding: Finding) -> Diagnosis:
    """A claim of as many numbers as there should be, with axes of length 1 too many or too few."""
    assert finding.shapes is not None
    has, needed = finding.shapes
    if len(has) == len(needed):
        return _axes_elsewhere(claim, finding)
    kept = len(has) > len(needed)
    message = f"it has shape {shape_text(has)}, but {claim.place.array} has {shape_text(needed)}: "
    message += f"the batch or a channel axis {'was kept' if kept else 'is missing'}"
    fix = f"{'drop' if kept else 'add'} the axes of length 1: a gradient has the rank that its operand came in"
    mistake = "axis-kept" if kept else "axis-missing"
    return Diagnosis(claim.place, mistake, finding.entries - finding.wrong, finding.entries, message, fix)


def _axes_elsewhere(claim: Claim, finding: Finding) -> Diagnosis:
    """A claim whose axes, some of length 1, stand in another order."""
    assert finding.shapes is not None
    has, needed = finding.shapes
    message = (
        f"it has shape {shape_text(has)}, but {claim.place.array} has {shape_text(needed)}: "
        "its axes stand in another order (transposed-layout)"
    )
    fix = "leave the axes in the order of the operand"
    right = finding.entries - finding.wrong
    return Diagnosis(claim.place, "transposed-layout", right, finding.entries, message, fix)


def _lossy(claim: Claim, finding: Finding) -> Diagnosis:
    """Sums held in a type in which they lose too much."""
    message = f"its sums were held in a type too narrow for them ({claim.cause}): adding them up so gives its numbers"
    fix = "add up in float32, or in float64, and round the result once, at the end"
    return Diagnosis(claim.place, claim.cause, finding.entries, finding.entries, message, fix)


def _with_activation(before: Part, part: Part) -> Case | None:
    """A convolution with the activation after it, as one: what goes wrong in it shows only after that."""
    if before.layer.operation.family != CONVOLUTION or part.layer.operation.family not in (ELEMENTWISE, BENT):
        return None
    case = in_kind(before.forward.case, part.case.arithmetic)
    return fused(case, part.op, part.layer.settings.get("slope"))


def _dense_as_conv(case: Case) -> Case:
    """A dense layer as what it is, a convolution whose window is the whole input: here of one cell a feature."""
    x, w, b = case.arrays
    assert x is not None
    assert w is not None
    assert case.delta is not None
    document = {"op": "conv", "dims": 1, "input": x.reshape(len(x), -1, 1), "kernel": w[:, :, None]}
    document |= {"delta": case.delta[:, :, None]} | ({} if b is None else {"bias": b})
    return replace(make_case(document, arithmetic=case.arithmetic, nonfinite=True), rounded=case.rounded)


def _as_cell(case: Case, truth: Array, claim: Claim, updated: Array | None) -> tuple[Array, Claim, Array | None]:
    shapes = {"dW": case.shapes["w"], "dX": case.shapes["x"], "output": case.output_shape}
    shape = shapes.get(claim.like, truth.shape)

    def shaped(part: Any) -> Any:
        return part.reshape(shape) if isinstance(part, np.ndarray) and part.size == truth.size else part

    claim = replace(claim, values=shaped(claim.values), excuse=shaped(claim.excuse), allowed=shaped(claim.allowed))
    return truth.reshape(shape), claim, None if updated is None else updated[:, :, None]


def _float(excuse: Any) -> Any:
    return nearest(excuse) if isinstance(excuse, Fraction) else np.asarray(excuse, float)


def _fractions(values: Array) -> Array:
    """Floats as the rationals that they are."""
    fractions = np.empty(values.size, EXACT)
    fractions[:] = [Fraction(value) for value in values.ravel().tolist()]
    return fractions.reshape(values.shape)


def _carried(claim: Claim, given: str) -> Diagnosis:
    size = claim.values.size
    message = f"it is right, in {all_of(size)}, given the claimed {given}: an error there is carried forward"
    return Diagnosis(claim.place, "carried-forward", size, size, message, f"correct {given} first", given=given)
