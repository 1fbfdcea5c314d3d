"""What may explain a claim: digits, types, the order of sums, algorithms, printed inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np

from convgrad.claims.added_up import AddedUp
from convgrad.claims.attempts import Attempt
from convgrad.claims.compared import HALF, as_floats
from convgrad.claims.printed import Printed
from convgrad.claims.text_types import types_behind
from convgrad.claims.whole_array import Together, together
from convgrad.core.arithmetic import Array
from convgrad.differences.roundoff import SURE, TYPES

GUESSED = 2.0**-10
"""The part of a network's largest number that a type may be off by where nothing says that it is of that type."""


class Attempted(AddedUp):
    """A claim with all that may explain it, what is likelier first."""

    def _tries(self) -> Iterator[Attempt]:
        direct = self.asked.algorithm in (None, "direct")
        bases: list[Attempt] = []
        for attempt in self._direct() if direct else ():
            bases.append(attempt)
            yield attempt
            if attempt.by == "digits":  # inputs with as many digits are more likely than a type that nothing tells of
                yield from (one for one in self._printed(attempt, types=()) if not one.beside)
        for dtype, sure in self.types if direct else ():
            yield from self._in_order(dtype, sure)
        if direct:
            yield from self._printed(bases[0])
        for dtype, sure in self.types:
            # half types are added up in float32 or in their own: nobody transforms in them
            if not direct or (sure and dtype not in HALF):
                yield from self._otherwise(dtype)
        if not direct:
            yield from self._direct()  # of what the algorithm does not compute
            yield from self._printed(next(self._direct()))

    @cached_property
    def types(self) -> list[tuple[str, bool]]:
        """The types that the claim may be of, each with whether it surely is."""
        said = self.asked.dtype or self.dtype
        if said is not None:
            return [(said, True)]
        assert self.text is not None
        behind = types_behind(self.text)
        if behind.sure is not None:
            return [(behind.sure, True)]
        if self.text.is_binary:
            return [("float64", True)]
        return [(name, False) for name in ("float64", *reversed(behind.possible))]

    def _direct(self) -> Iterator[Attempt]:
        """Digits, and types with sums of products."""
        if self.types[0][0] == "whole":
            yield Attempt(self.own, "whole numbers, which are exact", "digits")
            return
        if not self.types[0][1]:
            yield Attempt(self.halves + self._own_of_digits(), self._digits_rule, "digits")
        for dtype, sure in self.types:
            yield self._of_type(dtype, sure)
            if dtype in HALF and sure:
                yield replace(self._computed_in(dtype, sure, more=2 * TYPES[dtype].unit * self.sizes), cut=True,
                              told=(f"its numbers were cut off to {dtype}, not rounded to the nearest",))  # fmt: skip

    def _of_type(self, dtype: str, sure: bool) -> Attempt:
        """Results of a type, worked out once."""
        if (dtype, sure) not in self._tried:
            self._tried[dtype, sure] = self._tightly(dtype, sure) or self._computed_in(dtype, sure)
        return self._tried[dtype, sure]

    def _tightly(self, dtype: str, sure: bool) -> Attempt | None:
        """The same without what rounding the inputs moved, a pass of its own, where that is enough for every entry."""
        kind = TYPES[dtype]
        if not sure or self.asked.accumulate or not self.large or kind.bits != kind.accumulated:
            return None
        excused = self.bounds.excused(self.place, dtype, self.truth, sure=self.sure, moved=False)
        bounds = self.bounds.bounds if self.bounds.case(self.place) is not None else None
        if bounds is not None and not bounds.is_moved(self.place.array, dtype):
            self._worked_out[dtype, self.asked.bits] = excused
        attempt = self._direct_in(dtype, sure, excused)
        enough = self._close(attempt.allowed) and self._errors_of(attempt).is_rounding(attempt.unit)
        return attempt if enough else None

    @cached_property
    def _tried(self) -> dict[tuple[str, bool], Attempt]:
        return {}

    def _computed_in(self, dtype: str, sure: bool, *, more: Any = 0) -> Attempt:
        excused = self._excused(dtype, self.asked.bits) + more
        if not sure and self.bounds.case(self.place) is None:  # sizes carried through layers are more than errors are
            excused = np.minimum(excused, GUESSED * abs(self.floats).max(initial=0))
        return self._direct_in(dtype, sure, excused)

    def _direct_in(self, dtype: str, sure: bool, excused: Array) -> Attempt:
        by = dtype + (f", sums in {self.asked.accumulate}" if self.asked.accumulate else "")
        allowed = self._with_text(excused, dtype)
        return Attempt(allowed, f"{by} rounding", by, 2.0 ** -TYPES[dtype].result, dtype=dtype, spread=not sure)

    def _excused(self, dtype: str, bits: int) -> Array:
        """What a result of a type, its sums in so many bits, may be off by; worked out once."""
        if (dtype, bits) not in self._worked_out:
            self._worked_out[dtype, bits] = self.bounds.excused(
                self.place, dtype, self.truth, accumulated=bits, sure=self.sure
            )
        return self._worked_out[dtype, bits]

    @cached_property
    def _worked_out(self) -> dict[tuple[str, int], Array]:
        return {}

    def _errors_of(self, attempt: Attempt) -> Together:
        """Those of the last attempt, worked out once."""
        if not self._compared or self._compared[-1][0] is not attempt:
            self._compared[:] = [(attempt, self._together(attempt, 0))]
        return self._compared[-1][1]

    @cached_property
    def _compared(self) -> list[tuple[Attempt, Together]]:
        return []

    def _together(self, attempt: Attempt, moved: Any) -> Together:
        """The errors over the whole array, beyond what rounding the inputs moved."""
        errors, moved, truth, allowed = map(self._some, (self.errors, moved, self.floats, attempt.allowed))
        return together(errors - moved, truth, allowed / sqrt(3))

    def _in_order(self, dtype: str, sure: bool) -> Iterator[Attempt]:
        """Sums that lean one way, and sums held in a half type, as adding them up again shows."""
        if dtype == "whole" or not sure:
            return
        base, kind = self._of_type(dtype, sure), TYPES[dtype]
        bits = self.asked.bits or kind.accumulated
        if (again := self._added_again(dtype, bits, base)) is not None:
            yield again
        if dtype in HALF and bits != kind.bits:
            if (again := self._added_again(dtype, kind.bits, base)) is not None:
                yield again
            yield from self._by_sample(dtype, base)
            told = (f"sums were held in {dtype}{self._worse(base)}",)
            yield replace(base, allowed=self._with_text(self._excused(dtype, kind.bits), dtype), told=told,
                          by=f"{dtype}, sums in {dtype}", narrow=True, spread=True)  # fmt: skip

    def _otherwise(self, dtype: str) -> Iterator[Attempt]:
        """Algorithms that are not sums of products."""
        algorithms, said = self.bounds.algorithms(self.place), self.asked.algorithm
        if algorithms is None or dtype == "whole" or not self.truth.size:
            return
        base = self._of_type(dtype, True)
        off = self._furthest_off(base)
        unit = max(TYPES[dtype].unit, 2.0**-24) if dtype not in ("float64",) else 2.0**-53
        for algorithm in ("fft", "winograd") if said is None else (said,):
            if algorithm == "direct":
                continue
            for name, most, each in algorithms.of(self.place.array, unit, self.sure, algorithm):
                if said is None and off > most * SURE:
                    continue
                told = (f"it is as far off as {name} in {dtype} is{self._exactly(base)}",) if said is None else ()
                more = each().reshape(self.truth.shape)
                yield replace(base, allowed=base.allowed + more, rule=f"{name} in {dtype}",
                              by=f"{dtype}, {name}", told=told, spread=said is None,
                              algorithm=said is None)  # fmt: skip

    def _printed(self, base: Attempt, types: Iterable[tuple[str, bool]] | None = None) -> Iterator[Attempt]:
        """Inputs that were rounded when they were printed, beside what else the claim may be off by."""
        if (inputs := self._inputs) is None:
            return
        told = f"it agrees if the inputs were rounded when they were printed ({inputs.places})"
        unsure = tuple(f"{text} hangs on digits that were not printed" for text in inputs.open)
        plainly, moved = self.asked.printed or inputs.enough, inputs.allowed.reshape(self.truth.shape)
        if not plainly and not (abs(self.floats) > 2 * moved).any():
            return  # to so few digits everything agrees
        beside = () if plainly else (f"{told}; say so with `printed: true`",)
        for attempt in (
            base,
            *(self._of_type(*one) for one in (self.types if types is None else types) if one[0] != "whole"),
        ):
            yield replace(attempt, allowed=attempt.allowed + moved, spread=False, told=(told, *unsure),
                          rule=f"{attempt.rule}, and inputs as printed", by=f"{attempt.by}, printed inputs",
                          beside=beside)  # fmt: skip

    @cached_property
    def _inputs(self) -> Printed | None:
        """What the inputs may have moved the array by where they were rounded as they were printed."""
        said = self.asked.printed
        return None if said is False else self.bounds.printed(self.place, said=bool(said))

    def _exactly(self, base: Attempt) -> str:
        exact = not as_floats(base.allowed).any()
        return "; of whole numbers sums of products would be exact" if exact else ""
