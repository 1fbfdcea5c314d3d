"""The wrong arrays that a case can give, side by side, so that a claim is compared with all of them in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property
from math import inf
from typing import Any, NamedTuple

import numpy as np

from convgrad.catalogue.computation import Computation
from convgrad.catalogue.conditions import TIED, unmet
from convgrad.catalogue.mishandled import clipped_like
from convgrad.catalogue.mistake import Form
from convgrad.catalogue.of_entries import ENTRIES
from convgrad.catalogue.of_shapes import SHAPES
from convgrad.catalogue.tables import asked_for, forms, is_practised, practised, right, tried_last
from convgrad.claims.piecewise import pieces, taken
from convgrad.core.arithmetic import EXACT, Array
from convgrad.diagnosis.boxed import SCREENED, Box
from convgrad.diagnosis.chance import as_float, largest_of
from convgrad.subject.case import Case

FEW_CLIPPED = 2
"""Entries that have to be at the limit, and within it, for a claim to look clipped."""
MOST_KEPT = 1 << 23
"""Numbers that are kept for mistakes that start from the same array: 64 MB."""
MOST_HELD = 1 << 22
"""Numbers of input and delta together of which the altered ones of all mistakes are held side by side."""
AGAIN = "again: "
"""Before the name of a family of which other ways are tried last."""
ROUNDING = {np.dtype(np.float64): 2.0**-40, np.dtype(np.float32): 2.0**-12}
"""Differences, relative to the largest entry, that may be rounding: far above any sum's, far below any mistake's."""


class Candidate(NamedTuple):
    """A wrong array: the mistakes that it comes from (one, or two), their variants, and its computation.

    None where that is made again when it is asked for, as it holds large arrays.
    """

    ids: tuple[str, ...]
    variants: tuple[str, ...]
    computation: Computation | None


class Bare:
    """Computes arrays, each bare one once: most mistakes only move or multiply what another one computes."""

    def __init__(self, start: Any = None) -> None:
        self.made: dict[Any, tuple[Computation, Array]] = {}
        self.right: Array | None = None
        self.start, self.kept = start, 0

    def value(self, c: Computation) -> Array:
        if c.samples:
            return c.value()
        if c.key not in self.made:
            made = c.bare()
            own = made.size + _altered_numbers(c, self.start)
            if self.kept + own > MOST_KEPT:
                self.made, self.kept = {key: one for key, one in self.made.items() if one[1] is self.right}, 0
            if own > MOST_KEPT:
                return c.arranged(made)
            self.kept += own
            self.made[c.key] = (c, made)  # the computation is kept too: its arrays' ids stay theirs
        return c.arranged(self.made[c.key][1])


def _altered_numbers(c: Any, start: Any) -> int:
    """How many numbers a computation has in copies of its own: views are of arrays that are there anyhow."""
    arrays = ((name, part) for name, part in vars(c).items() if isinstance(part, np.ndarray) and part.base is None)
    return sum(part.size for name, part in arrays if part is not getattr(start, name, None))


class Candidates:
    """All single mistakes on one array of a case that differ from the truth, and, when asked for, pairs of two."""

    def __init__(self, case: Case, array: str, truth: Array, updated: Array | None = None) -> None:
        self.case, self.array, self.truth = case, array, truth
        self.right = right(case, array, updated)
        self.bare = Bare(self.right)
        self.variants: dict[tuple[str, str], None] = {}
        if truth.size > SCREENED and self.right.arrange == () and self.right.factor == 1 and not self.right.samples:
            self.bare.right = truth  # what most mistakes only move or multiply
            self.bare.made[self.right.key] = (self.right, truth)

    @cached_property
    def forms(self) -> dict[str, Form]:
        """The mistakes that are compared first, as whole arrays; those in single entries are found otherwise."""
        skipped = {*ENTRIES, *asked_for(self.case), "scaled"}
        return {name: form for name, form in self.all_forms.items() if name not in skipped and not self.late(name)}

    def late(self, name: str) -> bool:
        """Whether a mistake is a family that is tried where nothing else fits."""
        return is_practised(self.case.operation.name, self.array, name)

    @cached_property
    def all_forms(self) -> dict[str, Form]:
        return forms(self.case.operation.name, self.array)

    def value(self, candidate: Candidate) -> Array:
        return alike(self.bare.value(self.computation(candidate)), self.truth.shape)

    def computation(self, candidate: Candidate) -> Computation:
        """That of a candidate."""
        one = candidate if candidate.computation is not None else self.rebuilt(candidate)
        assert one.computation is not None
        return one.computation

    @cached_property
    def is_large(self) -> bool:
        """Whether no more than one alteration of its operands is held at a time."""
        return self.right.x.size + self.right.delta.size > MOST_HELD

    @property
    def singles(self) -> Iterable[Candidate]:
        """One a variant, in the order of the catalogue; of a large case each is made again."""
        return self._singles() if self.is_large else self._held

    @cached_property
    def _held(self) -> list[Candidate]:
        return list(self._singles())

    def _singles(self) -> Iterator[Candidate]:
        for name, form in self.forms.items():
            variants = form.alter(self.right)
            self.variants |= dict.fromkeys((name, variant) for variant in variants)
            if variants and form.needs == TIED and self._without_ties:
                continue  # every rule gives the truth
            for variant in variants:  # not their items: one is let go of before the next is made
                yield Candidate((name,), (variant,), variants[variant])

    @cached_property
    def _without_ties(self) -> bool:
        return unmet(self.case, TIED) is not None

    @cached_property
    def practised(self) -> dict[str, Form]:
        return practised(self.case.operation.name, self.array)

    @cached_property
    def last(self) -> dict[str, Form]:
        return tried_last(self.case.operation.name, self.array)

    @cached_property
    def families(self) -> Families:
        """The mistakes that are tried where nothing else fits, made one after another as they are asked for."""
        start, truth = floated(self.right), as_float(self.truth)
        bare = Bare(start)

        def made(name: str) -> Screen:
            return Screen(truth, self._family(name, start), bare)

        return Families(made, (*self.practised, *(f"{AGAIN}{name}" for name in self.last)))

    def _family(self, named: str, start: Any) -> Iterator[Candidate]:
        name = named.removeprefix(AGAIN)
        for variant, altered in (self.practised if name == named else self.last)[name].alter(start).items():
            yield Candidate((name,), (variant,), altered)

    @cached_property
    def free(self) -> set[str]:
        """The mistakes that have a number to be fitted: a factor, a learning rate."""
        names = set(forms(self.case.operation.name, self.array)) & {"scaled", "updated-kernel"}
        return names - {"updated-kernel"} if getattr(self.right, "updated", None) is not None else names

    @cached_property
    def screen(self) -> Screen:
        """The single mistakes, for comparing; an array of another shape only counts where a claim has that shape."""
        return Screen(self.truth, self.singles, self.bare, held=not self.is_large)

    def shaped(self, shape: Sequence[int]) -> Iterator[tuple[Candidate, Array]]:
        """The mistakes whose arrays have a shape, but for axes of length one: single ones first, then families."""
        for single in self.singles:
            value = self.value(single)
            if alike_in_shape(value.shape, shape):
                yield single, value.reshape(shape)
        for candidate, other in self._misshapen:
            if alike_in_shape(other, shape):
                exact = self.rebuilt(candidate)
                yield exact, self.bare.value(self.computation(exact)).reshape(shape)

    @cached_property
    def _misshapen(self) -> list[tuple[Candidate, tuple[int, ...]]]:
        """Those of the families that have another shape than they should; of a large array only those that cut it."""
        start = floated(self.right)
        bare = Bare(start)
        names = self.practised if self.truth.size <= SCREENED else {"cut-short"} & set(self.practised)
        families = (one for name in names for one in self._family(name, start))
        made = ((one, bare.value(self.computation(one)).shape) for one in families)
        return [(one, shape) for one, shape in made if squeezed(shape) != squeezed(self.truth.shape)]

    def clipped(self, values: Array) -> Candidate | None:
        """The right array clipped at the largest entry of a claim, where that is several of its entries."""
        limit = abs(values).max(initial=0)
        if not limit < inf:
            return None
        at_limit, within = int((abs(values) == limit).sum()), int(((values != 0) & (abs(values) < limit)).sum())
        if min(at_limit, within) < FEW_CLIPPED or "clipped" not in self.practised:
            return None
        if self.truth.dtype == EXACT and values.dtype != EXACT:
            limit = Fraction(limit)
        return Candidate(("clipped",), (f"{float(limit):.6g}",), clipped_like(self.right, limit))

    def pairs(self) -> Iterator[Candidate]:
        """Two mistakes, the second on top of the first, in float64: they are told apart there and confirmed later."""
        start = floated(self.right)
        tables = {name: form for name, form in self.forms.items() if name not in SHAPES.get(self.array, {})}
        for name, form in tables.items():
            for variant, first in form.alter(start).items():
                for other, second in tables.items():
                    if other == name or not composed(name, other):
                        continue
                    for label, altered in second.alter(first).items():
                        yield Candidate((name, other), (variant, label), altered)

    def form(self, name: str, variant: str) -> Form:
        """What is said of a mistake: of a family's, in its own words."""
        late = name in self.practised and (self.late(name) or variant not in self.all_forms[name].alter(self.right))
        return self.practised[name] if late else self.all_forms[name]

    def rebuilt(self, candidate: Candidate) -> Candidate:
        """A candidate found in float64, in the case's own kind of number."""
        computation = self.right
        for name, variant in zip(candidate.ids, candidate.variants, strict=True):
            computation = self._altered(name, variant, computation)
        return candidate._replace(computation=computation)

    def _altered(self, name: str, variant: str, computation: Computation) -> Computation:
        for table in (self.forms, self.practised, self.last):
            altered = table[name].alter(computation) if name in table else {}
            if variant in altered:
                return altered[variant]  # type: ignore[no-any-return]
        raise KeyError(variant)


LATE = ("transposed-layout", "flattened", "shifted", "negated", "left-at-zero")
"""What is done to a result comes after what is done to get it, and not twice."""


def composed(first: str, second: str) -> bool:
    """Whether two mistakes are tried in this order."""
    return "left-at-zero" not in (first, second) and (first not in LATE or second == "negated" != first)


class Screen:
    """Rows of numbers, one a candidate, at some entries of the array, for comparing all with a claim at once."""

    def __init__(self, truth: Array, made: Iterable[Candidate], bare: Bare, *, held: bool = True) -> None:
        self.truth, self.box, self.bare = truth, Box(truth.shape), bare
        self.places = self.box.places
        self._right = truth.ravel()[self.places]
        self.candidates: list[Candidate] = []
        rows: list[Array] = []
        for candidate in made:
            if (row := self._row(candidate.computation)) is not None:
                rows.append(row)
                self.candidates.append(candidate if held else candidate._replace(computation=None))
            del candidate  # before the next is made
        self.matrix = np.array(rows).reshape(-1, len(self.places))

    def _row(self, computation: Any) -> Array | None:
        """The numbers of a wrong array at the places; None where it does not differ from the truth, or in shape too."""
        some = self.box.of(computation)
        if some is not None and some.size != self.places.size:
            return None
        if some is not None and differs(self._right, some):  # then the others need not be known
            return as_float(some)
        value = alike(self.bare.value(computation), self.truth.shape)
        if value.shape != self.truth.shape:
            return None
        some = self.box.looked_at(value)
        shown = self.box.cut and differs(self._right, some)
        return as_float(some) if shown or differs(self.truth, value) else None


@dataclass
class Families:
    """Screens, each made when it is first asked for, and how many arrays have been compared in them."""

    make: Callable[[str], Screen]
    names: Sequence[str]
    made: list[Screen] = field(default_factory=list)

    def __iter__(self) -> Iterator[Screen]:
        for number, name in enumerate(self.names):
            if number == len(self.made):
                self.made.append(self.make(name))
            yield self.made[number]

    @property
    def tried(self) -> int:
        return sum(len(screen.candidates) for screen in self.made)


def floated(computation: Any) -> Any:
    """The same computation in float64."""
    arrays = {
        part.name: as_float(getattr(computation, part.name))
        for part in fields(computation)
        if isinstance(getattr(computation, part.name), np.ndarray)
    }
    return computation.but(**arrays)


def differs(truth: Array, wrong: Array) -> bool:
    """Whether two arrays differ by more than rounding, or in shape by more than axes of length one."""
    if squeezed(truth.shape) != squeezed(wrong.shape):
        return True
    wrong = wrong.reshape(truth.shape)
    if truth.dtype == EXACT and wrong.dtype == EXACT:
        return bool((truth != wrong).any())
    if not truth.size:
        return False
    allowed = ROUNDING.get(truth.dtype, 2.0**-40) * max(largest_of(truth), largest_of(wrong))
    return any(_apart(as_float(taken(truth, at)), as_float(taken(wrong, at)), allowed) for at in pieces(truth.shape))


def _apart(a: Array, b: Array, allowed: float) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(~((abs(a - b) <= allowed) | (a == b) | ((a != a) & (b != b))).all())


def alike(array: Array, shape: tuple[int, ...]) -> Array:
    """An array in a shape that differs from its own by axes of length one only; any other as it is."""
    return array.reshape(shape) if squeezed(array.shape) == squeezed(shape) else array


def alike_in_shape(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two shapes differ by axes of length one only; an empty array has lost the axes after its empty one."""
    return squeezed(one) == squeezed(other) or (0 in one and 0 in other)


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape without its axes of length one."""
    return tuple(length for length in shape if length != 1)
