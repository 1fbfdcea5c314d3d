"""What became of a wrong array: the mistake, how much it explains, what to do; and what its entries are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convgrad.core.record import Mapped
from convgrad.operations.operation import Shape
from convgrad.passes.explanation import bracketed, full_shapes, user_index
from convgrad.subject.case import Case
from convgrad.subject.layout import OPERANDS
from convgrad.subject.place import Place

LIKELY = 1.0
"""How many false explanations may be expected of one that another array is asked about."""


@dataclass(frozen=True, slots=True)
class Diagnosis(Mapped):
    """What became of an array: the mistake (None where nothing matches), how many entries it explains, and what to do.

    `given` is the claim that it takes for right, if any. `details` may have: variant; also, a second mistake on the
    same array; factor or rate, where one was fitted; index, other and term of a single entry; alternatives, other
    mistakes that give these numbers on this case, and tell_apart, the smallest change that would separate them;
    uncertain, where so few numbers match by chance, and then likely, which variants of mistakes would give them;
    evidence, the entries that tell and how many of them match; chance, the number of false explanations to be expected;
    parts, how often parts of the sum count; added, the array on top.
    """

    place: Place
    mistake: str | None
    matches: int
    entries: int
    message: str
    fix: str
    details: Mapping[str, Any] = field(default_factory=dict)
    given: str = ""

    def __repr__(self) -> str:
        return f"Diagnosis({self.place}: {self.mistake or 'not named'}, {self.matches} of {self.entries})"

    @property
    def array(self) -> str:
        return self.place.array

    @property
    def layer(self) -> str:
        """The layer's name; none of a case."""
        return self.place.part

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        head = {"layer": self.layer} if self.layer else {}
        names = ("array", "mistake", "matches", "entries", "message", "fix")
        head |= {name: getattr(self, name) for name in names}
        return head | dict(self.details) | ({"given": self.given} if self.given else {})


def variant_of(mistake: str, variant: str) -> str:
    """What the variant of a mistake is called among what arrays show."""
    return f"{mistake}: {variant}"


def shown(diagnosis: Diagnosis) -> Iterator[str]:
    """What a diagnosis shows that another array may show too: its mistake, its parts, what it takes to be likely."""
    if diagnosis.mistake is not None:
        yield diagnosis.mistake
    elif diagnosis.details.get("chance", LIKELY) < LIKELY:
        yield from diagnosis.details.get("alternatives", ())
        yield from diagnosis.details.get("likely", ())
    if "variant" in diagnosis.details:
        yield variant_of(str(diagnosis.mistake), diagnosis.details["variant"])
    if "parts" in diagnosis.details:
        yield str(diagnosis.details["parts"])


@dataclass(frozen=True, slots=True)
class Names:
    """What the entries of an array are called: by its place, and as the user of `case` counts them.

    `like` is the array of the case that it is shaped as.
    """

    place: Place
    case: Case
    like: str

    def index(self, index: tuple[int, ...], shape: Shape) -> tuple[int, ...]:
        """The user's index of an entry of the array in this shape, whose entries are in the same order."""
        full = full_shapes(self.case)[OPERANDS[self.like]]
        if shape != full:
            index = tuple(int(i) for i in np.unravel_index(np.ravel_multi_index(index, shape), full))
        return user_index(self.case, self.like, index)

    def entry(self, index: tuple[int, ...], shape: Shape) -> str:
        """An entry as people write it: dW[0,1], conv2.dW[0,1]."""
        return str(self.place) + bracketed(self.index(index, shape))
