"""A claim of another shape than it must have: what of the right arrays it is, or that it has another shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from convgrad.catalogue.computation import pads_of
from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import Array
from convgrad.diagnosis.candidates import squeezed
from convgrad.diagnosis.chance import FITTED, HAND_SIZED, evidence
from convgrad.diagnosis.cropped import among_zeros, cropped
from convgrad.diagnosis.diagnosis import Diagnosis, Names
from convgrad.diagnosis.reordered import reshaped
from convgrad.diagnosis.search import Search
from convgrad.operations.geometry import shape_text
from convgrad.subject.case import Case

ALL_ARRAYS = ("dW", "dX", "db", "y", "x", "w", "b", "delta")
"""What may be given back in another's place."""


class Misshapen(NamedTuple):
    """Claims of one array of a case in shapes, and with numbers, that no mistake of the catalogue gives."""

    case: Case
    names: Names
    search: Search

    @property
    def truth(self) -> Array:
        return self.search.truth

    @property
    def array(self) -> str:
        return self.search.candidates.array

    @property
    def limit(self) -> float:
        """How many false explanations may be expected."""
        return HAND_SIZED if self.search.exact else FITTED

    def told(self, claim: Claim) -> Diagnosis:
        """What a claim is, the specific first."""
        ways = (self._cropped, self._among_zeros, self._another, self._uncut)
        return next((found for way in ways if (found := way(claim)) is not None), self._unknown(claim))

    def _uncut(self, claim: Claim) -> Diagnosis | None:
        """dX in the shape of the padded input, whatever its numbers are; None for any other."""
        table = self.search.candidates.all_forms
        if self.array != "dX" or "padding-kept" not in table or not any(map(any, pads_of(self.case))):
            return None
        rows = list(zip(self.truth.shape[2:], pads_of(self.case), strict=True))
        padded = (*self.truth.shape[:2], *(length + sum(pair) for length, pair in rows))
        if squeezed(claim.values.shape) != squeezed(padded):
            return None
        inside = (..., *(slice(before, before + length) for length, (before, _) in rows))
        inner = {name: _part(getattr(claim, name), padded, inside) for name in ("values", "excuse")}
        matches, entries = int(replace(claim, **inner).allows(self.truth).sum()), self.truth.size
        form = table["padding-kept"]
        message = f"it has the shape of the padded input: {form.what} (padding-kept)"
        message += f"; of the {entries} entries inside, {matches} are right"
        return Diagnosis(self.names.place, "padding-kept", matches, entries, message, form.fix)

    def _cropped(self, claim: Claim) -> Diagnosis | None:
        """A part of the right array, in another shape."""
        part = cropped(self.search.candidates.right, self.truth, claim)
        if part is None or part.chance > self.limit:
            return None
        size, expected = claim.values.size, shape_text(claim.expected)
        message = f"it is the right {self.array} cut to {part.text}: it should have shape {expected} (cut-short)"
        fix = "cut `before` cells at the start of every axis and keep as many as its operand has"
        details = {"evidence": part.evidence.to_dict(), "chance": part.chance}
        return Diagnosis(self.names.place, "cut-short", size, self.truth.size, message, fix, details)

    def _among_zeros(self, claim: Claim) -> Diagnosis | None:
        """The right array in one that is too large."""
        found = among_zeros(self.truth, claim)
        if found is None or found[1] > self.limit:
            return None
        given, expected = shape_text(claim.values.shape), shape_text(claim.expected)
        where = " and ".join(f"from {first} on along axis {axis}" for axis, (first, _) in enumerate(found[0]) if first)
        message = f"the right {self.array} stands in it{f', {where}' if where else ''}, among zeros: "
        message += f"it has shape {given}, and should have {expected} (zeros-beside)"
        fix = "make the array in the shape of its operand"
        size = self.truth.size
        return Diagnosis(self.names.place, "zeros-beside", size, size, message, fix, {"chance": found[1]})

    def _another(self, claim: Claim) -> Diagnosis | None:
        """Another array of the case, whole, in this one's place."""
        for name, array in _arrays(self.search.candidates.right):
            if squeezed(array.shape) == squeezed(claim.values.shape) and array.any():
                lifted = reshaped(claim, array.shape)
                says = evidence(lifted, array * 0, array)
                if lifted.allows(array).all() and says.chance(len(ALL_ARRAYS)) <= self.limit:
                    message = f"it is {name}, and not {self.array} (wrong-operand)"
                    fix = "give back every array under its own name"
                    details = {"variant": f"{name} itself", "evidence": says.to_dict()}
                    size = claim.values.size
                    return Diagnosis(self.names.place, "wrong-operand", size, self.truth.size, message, fix, details)
        return None

    def _unknown(self, claim: Claim) -> Diagnosis:
        given, needed = shape_text(claim.values.shape), shape_text(claim.expected)
        message = f"no mistake of the catalogue gives this shape: it has {given}, but {self.array} has {needed}"
        return Diagnosis(self.names.place, None, 0, self.truth.size, message, "give it the shape of its operand")


def _arrays(right: Any) -> Iterator[tuple[str, Array]]:
    """All other arrays of a case by name: what goes in, and what comes out."""
    for name in ALL_ARRAYS:
        if name in ("dW", "db", "dX", "y"):
            array = "output" if name == "y" else name
            made = hasattr(right, "w") or array in ("dX", "output")
            if made and array != right.array:
                yield name, right.but(array=array).value()
        elif getattr(right, name, None) is not None:
            yield name, getattr(right, name)


def _part(values: Any, shape: tuple[int, ...], where: Any) -> Any:
    return values.reshape(shape)[where] if isinstance(values, np.ndarray) and values.ndim else values
