"""What a claim is excused by: its digits, its type, the order or the type of its sums, an algorithm, printed inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np

from convgrad.claims.digits import Written
from convgrad.claims.excuses import Excuses
from convgrad.claims.in_order import MOST_TERMS, Ordered, added_again, partial_sums
from convgrad.claims.lost_parts import Lost, lost_part
from convgrad.claims.printed import Printed
from convgrad.claims.sums import confidence
from convgrad.claims.text_types import types_behind
from convgrad.claims.whole_array import MOST, OUTLIERS, SHARE, Together, is_spread, together
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, floated, nearest, rounded
from convgrad.differences.roundoff import SURE, TYPES, Type
from convgrad.subject.place import Place

CUT = 2.0**-20
"""What is off by less of itself is no bit that a half type cut off: float64 and float32 round to it."""
HALF = ("float16", "bfloat16")
"""Types in which sums are sometimes held, too: elsewhere that is a type that the inputs are not of."""
REPLAYED = 64
"""Entries that are added up again: those furthest off, and others spread over the array."""
GUESSED = 2.0**-10
"""The part of a network's largest number that a type may be off by where nothing says that it is of that type."""
USUAL = 16
"""How many times as large as errors of an algorithm usually are what it may be off by at worst is."""
TOO_FEW = "but it shows in a single entry, which may as well be wrong"
SAME = 0.75
"""The part of the entries that are exactly what an order of sums gives, where it is that order."""
LOSES = 0.01
"""The part of the whole array that an accumulation may lose."""
UNSEEN = 0.005
"""The same of sums in a half type whose order is not known."""


@dataclass(frozen=True)
class Asked:
    """What was said of how the claims came about: their type, what sums are held in, the algorithm, printed inputs."""

    dtype: str | None = None
    accumulate: str | None = None
    algorithm: str | None = None
    printed: bool | None = None

    @property
    def bits(self) -> int:
        """Those that sums are held in; 0 where it was not said."""
        return TYPES[self.accumulate].bits if self.accumulate else 0


@dataclass(frozen=True)
class Judgement:
    """What a claim may be off by, entry by entry, and why.

    `by` is what excuses it, `told` what is to be said of it, `cause` the mistake that it is where it loses too much.
    `halves` is the part of `excuse` that its digits leave, which is the same for any other array.
    """

    allowed: Any
    rule: str
    by: str
    excuse: Any = 0
    scale: float = 0
    unit: float = 0
    told: tuple[str, ...] = ()
    cause: str = ""
    doubtful: bool = False
    """Whether it may as well be wrong."""
    explained: bool = True
    """Whether anything excuses it."""


@dataclass(frozen=True)
class _Try:
    """An explanation of a claim: what it may be off by then, how much rounding moves it, what is said if it holds."""

    allowed: Any
    rule: str
    by: str
    unit: float = 0
    told: tuple[str, ...] = ()
    dtype: str = ""
    spread: bool = False
    """Whether the errors must be spread over all entries, as nothing else says that it is so."""
    replayed: bool = False
    algorithm: bool = False
    """Whether it is one other than sums of products, which nobody said."""
    in_order: bool = False
    """Whether terms were added one after another, of which a half type loses the late ones."""
    cut: bool = False
    """Whether bits were cut off: then the numbers are small by some 0.75 u."""
    narrow: bool = False
    """Whether sums were held in a half type, which is worse than need be."""
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Judging:
    """One claimed array with as many numbers as there should be: its errors, its digits or type, its bounds."""

    place: Place
    values: Array
    truth: Array
    own: Any
    text: Written | None
    dtype: str | None
    bounds: Excuses
    asked: Asked
    claimed: Array = field(default_factory=lambda: np.ones((), bool))
    """Which entries are claimed."""
    samples: slice | None = None
    """Those that are judged, where they are not all, of so many `entries`."""
    entries: int = 0

    def judged(self) -> Judgement:
        """The first explanation that holds, else what the claim says of itself."""
        first: _Try | None = None
        doubtful: _Try | None = None
        beside: tuple[str, ...] = ()
        for attempt in self._tries():
            first = first or attempt
            if not self._holds(attempt):
                doubtful = doubtful or (attempt if self._may_hold(attempt) else None)
                continue
            if attempt.beside:  # an algorithm may explain it without
                beside = beside or attempt.beside
                continue
            if attempt.narrow and (self.asked.accumulate or abs(self.slope) > LOSES):
                return replace(self._refused(first), cause="accumulated-narrow")
            told = attempt.told + self._leaning(attempt)
            return replace(self._as_judgement(attempt), told=told)
        assert first is not None
        if doubtful is not None:
            return replace(self._as_judgement(doubtful), told=(f"{doubtful.told[0]}; {TOO_FEW}",), doubtful=True)
        refused = self._refused(first)
        return replace(refused, told=beside) if beside else self._on_printed_inputs(refused)

    def _on_printed_inputs(self, judgement: Judgement) -> Judgement:
        """The same, but where its inputs were surely printed: any other array is off by their rounding as well."""
        if self._inputs is None or not (self.asked.printed or self._inputs.surely):
            return judgement
        excuse = np.asarray(judgement.excuse, FLOAT64) + self._inputs.allowed.max(initial=0)
        return replace(judgement, excuse=excuse.reshape(self.truth.shape) if excuse.ndim else float(excuse))

    @cached_property
    def _inputs(self) -> Printed | None:
        """What the inputs may have moved the array by where they were rounded as they were printed."""
        said = self.asked.printed
        return None if said is False else self.bounds.printed(self.place, said=bool(said))

    # -- What may explain it -------------------------------------------------------------------------------------------

    def _tries(self) -> Iterator[_Try]:
        direct = self.asked.algorithm in (None, "direct")
        bases: list[_Try] = []
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

    def _direct(self) -> Iterator[_Try]:
        """Digits, and types with sums of products."""
        if self.types[0][0] == "whole":
            yield _Try(self.own, "whole numbers, which are exact", "digits")
            return
        if not self.types[0][1]:
            yield _Try(self.halves + self._own_of_digits(), self._digits_rule, "digits")
        for dtype, sure in self.types:
            yield self._of_type(dtype, sure)
            if dtype in HALF and sure:
                yield replace(self._computed_in(dtype, sure, more=2 * TYPES[dtype].unit * self.sizes), cut=True,
                              told=(f"its numbers were cut off to {dtype}, not rounded to the nearest",))  # fmt: skip

    def _of_type(self, dtype: str, sure: bool) -> _Try:
        """Results of a type, worked out once."""
        if (dtype, sure) not in self._tried:
            self._tried[dtype, sure] = self._computed_in(dtype, sure)
        return self._tried[dtype, sure]

    @cached_property
    def _tried(self) -> dict[tuple[str, bool], _Try]:
        return {}

    def _computed_in(self, dtype: str, sure: bool, *, more: Any = 0) -> _Try:
        by = dtype + (f", sums in {self.asked.accumulate}" if self.asked.accumulate else "")
        excused = self._excused(dtype, self.asked.bits) + more
        if not sure and self.bounds.case(self.place) is None:  # sizes carried through layers are more than errors are
            excused = np.minimum(excused, GUESSED * abs(self.floats).max(initial=0))
        allowed = self._with_text(excused, dtype)
        return _Try(allowed, f"{by} rounding", by, 2.0 ** -TYPES[dtype].result, dtype=dtype, spread=not sure)

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

    def _in_order(self, dtype: str, sure: bool) -> Iterator[_Try]:
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

    def _otherwise(self, dtype: str) -> Iterator[_Try]:
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

    def _furthest_off(self, attempt: _Try) -> float:
        """By how much the entry that is furthest off is beyond what it may be; 0 where none is."""
        beyond = self._known(abs(self.errors) - _floats(attempt.allowed))
        return float(np.fmax.reduce(beyond.ravel(), initial=0.0))

    def _printed(self, base: _Try, types: Iterable[tuple[str, bool]] | None = None) -> Iterator[_Try]:
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

    # -- Whether it does -----------------------------------------------------------------------------------------------

    def _holds(self, attempt: _Try) -> bool:
        allowed = _floats(attempt.allowed)
        if not self._close(attempt.allowed):
            return False
        if attempt.spread and not self._is_spread(allowed):
            return False
        if not attempt.replayed and not self._is_rounding(attempt):
            return False
        return attempt.in_order or self._lost(attempt) is None

    def _lost(self, attempt: _Try) -> Lost | None:
        """A part of the sum that counts otherwise than once, where the entries are too rough to show it each."""
        case = self.bounds.case(self.place)
        if case is None or (self.errors == 0).all():
            return None
        deviations = np.broadcast_to(_floats(attempt.allowed) / sqrt(3), self.truth.shape)
        errors = np.where(np.broadcast_to(self.claimed, self.truth.shape), self.errors, np.nan)
        first = self.samples.start if self.samples else 0
        lost = lost_part(case, self.place.array, errors, self.floats, deviations, first)
        if lost is not None:
            self._parts_lost.append(lost)
        return lost

    @cached_property
    def _parts_lost(self) -> list[Lost]:
        return []

    def _may_hold(self, attempt: _Try) -> bool:
        """Whether nothing speaks against an algorithm but that it shows in a single entry, as a wrong one would."""
        if not attempt.algorithm or not self._close(attempt.allowed) or not self._is_rounding(attempt):
            return False
        narrow, wide = (self._known(_floats(part)) for part in (next(self._direct()).allowed, attempt.allowed))
        off = abs(self._known(self.errors))
        beyond, usual = off > narrow, wide / USUAL
        # it leaves hardly any entry as it should be
        if int(beyond.sum()) != 1 or (off > 0).mean() <= 0.5 or not (off <= usual)[beyond].all():
            return False
        if SHARE * int((usual > narrow).sum()) <= 1:  # of so few it may show in one alone
            return True
        # of more it leaves the others nearly as far off
        with np.errstate(all="ignore"):
            sizes = np.nan_to_num(off / wide)
        return bool(sizes[beyond].max() <= 2 * self.sure * float(np.median(sizes)))

    def _is_spread(self, allowed: Array) -> bool:
        """Whether the errors beyond what the claim says of itself are those of many entries."""
        narrow = _floats(next(self._direct()).allowed)
        unsure = self.text is not None and not self.types[0][1]
        # where all cancels, digits show what a type left of it, however little
        told = self._known(self.floats != 0) if unsure else slice(None)
        errors, narrow, wide = (self._known(part)[told] for part in (self.errors, narrow, allowed))
        # beside digits a type may show hardly at all; an algorithm is thought of only where it shows
        return is_spread(errors, narrow, wide, self.sure, 4 if unsure else 1)

    def _close(self, allowed: Any) -> bool:
        with np.errstate(invalid="ignore"):
            off = abs(self.values - self.truth)
            close = (off <= allowed) | (self.values == self.truth)
        close = close | ((self.values != self.values) & (self.truth != self.truth))
        return bool((np.asarray(close, bool) | ~self.claimed).all())

    def _is_rounding(self, attempt: _Try) -> bool:
        """Whether rounding makes such errors over the whole array."""
        if attempt.by == "digits" and self.truth.dtype == EXACT and not self.large:
            return True
        if (attempt.narrow and abs(self.slope) > self._unseen(attempt)) or (attempt.cut and not self._is_cut):
            return False
        if self._errors_of(attempt).is_rounding(attempt.unit):
            return True
        return bool(attempt.dtype) and self._together(attempt, self._moved(attempt.dtype)).is_rounding(attempt.unit)

    def _unseen(self, attempt: _Try) -> float:
        """What sums in a half type may lose over the array: more where a few large numbers are nearly all of it."""
        squares = self.floats**2
        count = float(squares.sum()) ** 2 / max(float((squares**2).sum()), 1e-300)
        return UNSEEN + 2 * attempt.unit / sqrt(max(count, 1.0))

    def _errors_of(self, attempt: _Try) -> Together:
        """Those of the last attempt, worked out once."""
        if not self._compared or self._compared[-1][0] is not attempt:
            self._compared[:] = [(attempt, self._together(attempt, 0))]
        return self._compared[-1][1]

    @cached_property
    def _compared(self) -> list[tuple[_Try, Together]]:
        return []

    def _together(self, attempt: _Try, moved: Any) -> Together:
        """The errors over the whole array, beyond what rounding the inputs moved."""
        errors, moved, truth, allowed = map(self._some, (self.errors, moved, self.floats, attempt.allowed))
        return together(errors - moved, truth, allowed / sqrt(3))

    def _leaning(self, attempt: _Try) -> tuple[str, ...]:
        """A way of rounding that is not to the nearest."""
        if not attempt.unit or attempt.cut or not (found := self._errors_of(attempt)).leans:
            return ()
        small = f"its numbers are {abs(found.slope) / attempt.unit:.2g} u {'small' if found.slope < 0 else 'large'}"
        return (f"{small} on the whole: a way of rounding, not to the nearest",)

    @property
    def _is_cut(self) -> bool:
        """Whether nearly all numbers that are not exact lie nearer to 0 than the truth does, and they are not few."""
        off = self._known(np.where(abs(self.errors) > CUT * abs(self.floats), self.errors * np.sign(self.floats), 0))
        return bool((off != 0).sum() >= OUTLIERS and (off < 0).sum() >= 0.9 * (off != 0).sum())

    @property
    def large(self) -> bool:
        return self.truth.size >= 1000

    def _refused(self, attempt: _Try) -> Judgement:
        """What it may be off by where nothing explains it: where every entry alone could be so, less than that."""
        lost = tuple(part.said for part in self._parts_lost[:1])
        if self._close(attempt.allowed):
            with np.errstate(all="ignore"):
                ratios = self._known(abs(self.errors)) / self._known(_floats(attempt.allowed))
            ratios = ratios[~np.isnan(ratios)]
            share = min(float(np.median(ratios)) * 0.99, 1.0) if ratios.size else 1.0
            slope = f"over {self._where} it is the truth times {1 + self.slope:.6g}"
            less = replace(attempt, allowed=_floats(attempt.allowed) * share)
            return replace(self._as_judgement(less), told=lost or (slope,), explained=False)
        return replace(self._as_judgement(attempt), told=lost, explained=False)

    @property
    def _where(self) -> str:
        if self.samples is None:
            return "the whole array"
        first, last = self.samples.start, self.samples.stop - 1
        return f"sample {first}" if first == last else f"samples {first} to {last}"

    def _as_judgement(self, attempt: _Try) -> Judgement:
        halves = self.halves if self.text is not None else 0
        if attempt.by == "digits":
            excuse = halves + np.max(self._own_of_digits(), initial=0) if self.text is not None else 0
            if self.text is not None and not self.text.by_digits and None not in self.text.decimals and np.size(excuse):
                excuse = np.max(excuse)
            elif self.text is None:
                excuse = float(np.max(_floats(self.own), initial=0))
            return Judgement(attempt.allowed, attempt.rule, attempt.by, excuse)
        finite = _floats(attempt.allowed)
        excuse = float(finite[np.isfinite(finite)].max(initial=0))
        scale = floated(np.max(abs(self.truth), initial=0))
        return Judgement(attempt.allowed, attempt.rule, attempt.by, excuse, scale, attempt.unit)

    # -- Adding up again -----------------------------------------------------------------------------------------------

    def _by_sample(self, dtype: str, base: _Try) -> Iterator[_Try]:
        """Sums that were rounded to the type after each sample: then most entries are exactly so."""
        case, nearest_of, unit = self.bounds.case(self.place), TYPES[dtype].nearest, TYPES[dtype].unit
        if case is None or "w" not in case.operation.operands:
            return
        for total in Ordered(case, self.place.array, dtype).by_sample(nearest_of):
            # sums within a sample may be a little off, and then round to the next number of the type
            off, next_one = abs(self.claim - total), 4 * unit * abs(total)
            if (self._known(off) == 0).mean() >= SAME and (self._known(off - next_one) <= 0).all():
                allowed = np.maximum(_floats(base.allowed), abs(total - self.floats) + next_one)
                told = (f"it is exactly what comes out where the sum is rounded to {dtype} after each sample",)
                yield replace(base, allowed=allowed, told=told, replayed=True, narrow=True,
                              by=f"{dtype}, rounded to it after each sample")  # fmt: skip
                return

    def _added_again(self, dtype: str, bits: int, base: _Try) -> _Try | None:
        """What it may be off by as sums of this order show: None where they do not give such numbers."""
        case = self.bounds.case(self.place)
        narrow = dtype in HALF and bits == TYPES[dtype].bits
        # where nothing is rounded the order does not matter
        if case is None or "w" not in case.operation.operands or not (narrow or _floats(base.allowed).any()):
            return None
        if self._is_beyond_worst(dtype, bits):
            return None
        worst = self.bounds.excused(self.place, dtype, self.truth, accumulated=bits)
        if not self._close(self._with_text(worst, dtype)):
            return None
        accumulator = _accumulator(dtype, bits)
        ordered, terms, offs = Ordered(case, self.place.array, dtype), 0, 0.0
        allowed = np.array(np.broadcast_to(_floats(base.allowed), self.truth.shape))
        for at in self._furthest(allowed):
            products = ordered.products(tuple(int(part) for part in np.unravel_index(at, self.truth.shape)))
            terms += products.size
            if terms > MOST_TERMS and offs:
                break
            off = self._off_in_order(at, products, accumulator, float(allowed.flat[at]))
            if off is None:
                return None
            offs = max(offs, off)
        how = f"added one after another in {_named(bits)}"
        told = f"it is what comes out where the terms are {how}{self._worse(base) if narrow else ''}"
        allowed = np.minimum(np.maximum(allowed, offs), np.maximum(allowed, worst))
        return replace(base, allowed=allowed, told=(told,), replayed=True, in_order=True, narrow=narrow,
                       by=f"{base.by}, {how}")  # fmt: skip

    def _is_beyond_worst(self, dtype: str, bits: int) -> bool:
        """Whether the entry that is furthest off shows by itself that no order of sums gives the claim."""
        if self.text is not None:
            return False
        off = np.where(np.broadcast_to(self.claimed, self.truth.shape), abs(self.errors), 0)
        at = int(off.argmax())
        own = float(np.broadcast_to(_floats(self.own), off.shape).flat[at])
        return bool(off.flat[at] > self.bounds.worst(self.place, dtype, self.truth, at, accumulated=bits) + own)

    def _off_in_order(self, at: int, products: Array, accumulator: Type, allowed: float) -> float | None:
        """What one entry may be off by in this order; None where it is off by more."""
        truth, claimed = float(self.floats.flat[at]), float(self.claim.flat[at])
        likely = max(allowed, self.sure * accumulator.unit * sqrt(partial_sums(products)))
        if accumulator.bits >= 24 and abs(claimed - truth) <= likely:
            return likely
        for total in added_again(products, accumulator):
            # products that were not rounded, as by a fused multiply-add, change a sum in float32 a little
            near = allowed + (4 * accumulator.unit * abs(total) if accumulator.bits >= 24 else 0)
            if abs(claimed - total) <= near or claimed == total:
                return abs(total - truth) + near
        return None

    def _furthest(self, allowed: Array) -> list[int]:
        """The entries furthest off, and others spread over the array."""
        with np.errstate(all="ignore"):
            ratios = np.nan_to_num(abs(self.errors) / allowed, nan=0, posinf=1e300).ravel()
        worst = np.argsort(-ratios, kind="stable")[: REPLAYED // 2]
        spread = np.arange(0, ratios.size, max(ratios.size // (REPLAYED // 2), 1))
        return list(dict.fromkeys([*worst.tolist(), *spread.tolist()]))

    def _worse(self, base: _Try) -> str:
        """How much worse a claim is than it would be with sums in float32."""
        with np.errstate(all="ignore"):
            ratios = self._known(abs(self.errors)) / self._known(_floats(base.allowed))
        ratio = np.fmax.reduce(ratios.ravel(), initial=0)
        return f", which is {ratio:.3g} times as far off as sums in float32 may be" if np.isfinite(ratio) else ""

    def _exactly(self, base: _Try) -> str:
        exact = not _floats(base.allowed).any()
        return "; of whole numbers sums of products would be exact" if exact else ""

    # -- Its numbers ---------------------------------------------------------------------------------------------------

    @cached_property
    def errors(self) -> Array:
        with np.errstate(invalid="ignore"):
            off = _floats(self.values - self.truth)
        return off if np.isfinite(off).all() else np.nan_to_num(off, nan=0.0, posinf=np.inf, neginf=-np.inf)

    @cached_property
    def floats(self) -> Array:
        return _floats(self.truth)

    @cached_property
    def claim(self) -> Array:
        return _floats(self.values)

    @cached_property
    def sizes(self) -> Array:
        return np.where(np.isfinite(self.claim), abs(self.claim), 0.0)

    @cached_property
    def sure(self) -> float:
        return confidence(self.entries or self.truth.size)

    @cached_property
    def slope(self) -> float:
        square = float((self.floats**2).sum())
        return float((self.errors * self.floats).sum()) / square if square else 0.0

    def _some(self, array: Any) -> Array:
        """The claimed ones of some entries, where there are very many: all are judged together."""
        each = max((self.entries or self.truth.size) // MOST, 1)

        def looked_at(part: Any) -> Array:
            if np.ndim(part) == 0:
                return np.broadcast_to(part, -(self.truth.size // -each))
            flat: Array = np.broadcast_to(part, self.truth.shape).reshape(-1)[::each]
            return flat

        known: Array = looked_at(_floats(array))[looked_at(self.claimed)]
        return known

    def _known(self, array: Any) -> Array:
        """The claimed entries of an array."""
        flat = np.broadcast_to(array, self.truth.shape)
        known: Array = flat[np.broadcast_to(self.claimed, flat.shape)]
        return known

    @cached_property
    def halves(self) -> Array:
        """What its digits leave, in the kind of its values."""
        assert self.text is not None
        return filled(self.text.half_units(), self.values)

    @property
    def _digits_rule(self) -> str:
        return self.text.said if self.text is not None else ""

    def _own_of_digits(self) -> Any:
        if self.truth.dtype == EXACT:
            return self.own
        # inclusive, though reading the decimals into float64 and subtracting rounded both sides
        return self.own + 2.0**-50 * _floats(self.halves) + 2.0**-52 * self.sizes

    def _with_text(self, allowed: Any, dtype: str) -> Any:
        """What writing the numbers down added: half a unit of the last place; a shortest text reads back as its own."""
        total = allowed + _floats(self.own)
        if self.text is None:
            return total
        shortest = TYPES[dtype].unit * self.sizes if dtype in ("float32", *HALF) and not self.text.is_binary else 0
        return total + _floats(self.halves) + shortest

    def _moved(self, dtype: str) -> Any:
        return self.bounds.moved(self.place, dtype, self.truth)


def _accumulator(dtype: str, bits: int) -> Type:
    """The type that sums of so many bits are held in."""
    kind = next(one for one in (TYPES[dtype], *TYPES.values()) if one.bits == bits)
    return replace(kind, accumulated=bits, result=bits)


def _named(bits: int) -> str:
    return {8: "bfloat16", 11: "float16", 24: "float32", 53: "float64"}[bits]


def filled(halves: list[Fraction], values: Array) -> Array:
    """Half units as an array like the values."""
    result = np.empty(len(halves), EXACT)
    result[:] = halves
    return (result if values.dtype == EXACT else rounded(result)).reshape(values.shape)


def _floats(values: Any) -> Array:
    array: Array = np.asarray(values)
    if array.dtype != EXACT:
        floats: Array = array.astype(FLOAT64, copy=False)
        return floats
    flat = [nearest(part) if isinstance(part, Fraction) else float(part) for part in array.ravel()]
    return np.array(flat, FLOAT64).reshape(array.shape)
