"""Sums of a claim added up again, in their order and their type: what narrow or leaning ones come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import sqrt

import numpy as np

from convgrad.claims.attempts import Attempt
from convgrad.claims.compared import HALF, Compared, as_floats
from convgrad.claims.in_order import MOST_TERMS, Ordered, added_again, partial_sums
from convgrad.core.arithmetic import Array
from convgrad.differences.roundoff import TYPES, Type, growth

REPLAYED = 64
"""Entries that are added up again: those furthest off, and others spread over the array."""
SAME = 0.75
"""The part of the entries that are exactly what an order of sums gives, where it is that order."""


class AddedUp(Compared):
    """A claim whose sums may have been added one after another, or sample by sample."""

    def _by_sample(self, dtype: str, base: Attempt) -> Iterator[Attempt]:
        """Sums that were rounded to the type after each sample: then most entries are exactly so."""
        case, nearest_of, unit = self.bounds.case(self.place), TYPES[dtype].nearest, TYPES[dtype].unit
        if case is None or "w" not in case.operation.operands:
            return
        for total in Ordered(case, self.place.array, dtype).by_sample(nearest_of):
            # sums within a sample may be a little off, and then round to the next number of the type
            off, next_one = abs(self.claim - total), 4 * unit * abs(total)
            if (self._known(off) == 0).mean() >= SAME and (self._known(off - next_one) <= 0).all():
                allowed = np.maximum(as_floats(base.allowed), abs(total - self.floats) + next_one)
                told = (f"it is exactly what comes out where the sum is rounded to {dtype} after each sample",)
                yield replace(base, allowed=allowed, told=told, replayed=True, narrow=True,
                              by=f"{dtype}, rounded to it after each sample")  # fmt: skip
                return

    def _added_again(self, dtype: str, bits: int, base: Attempt) -> Attempt | None:
        """What it may be off by as sums of this order show: None where they do not give such numbers."""
        case = self.bounds.case(self.place)
        narrow = dtype in HALF and bits == TYPES[dtype].bits
        # where nothing is rounded the order does not matter
        if case is None or "w" not in case.operation.operands or not (narrow or as_floats(base.allowed).any()):
            return None
        if self._is_beyond_worst(dtype, bits):
            return None
        worst = self.bounds.excused(self.place, dtype, self.truth, accumulated=bits)
        if not self._close(self._with_text(worst, dtype)):
            return None
        accumulator = _accumulator(dtype, bits)
        ordered, terms, offs = Ordered(case, self.place.array, dtype), 0, 0.0
        allowed = np.array(np.broadcast_to(as_floats(base.allowed), self.truth.shape))
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
        own = float(np.broadcast_to(as_floats(self.own), off.shape).flat[at])
        if off.flat[at] > self.bounds.worst(self.place, dtype, self.truth, at, accumulated=bits) + own:
            return True
        case = self.bounds.case(self.place)
        if case is None or self.place.array not in ("dW", "db") or not self.large:
            return False
        # its own terms are soon added up, where those of all entries would be a pass
        index = tuple(int(part) for part in np.unravel_index(at, self.truth.shape))
        products = Ordered(case, self.place.array, dtype).products(index)
        count, unit = products.size, TYPES[dtype].unit
        times = (1 + unit) ** 4 * (1 + growth(count, 2.0**-bits)) - 1
        return bool(off.flat[at] > times * float(abs(products).sum()) + unit * abs(self.floats.flat[at]) + own)

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

    def _worse(self, base: Attempt) -> str:
        """How much worse a claim is than it would be with sums in float32."""
        with np.errstate(all="ignore"):
            ratios = self._known(abs(self.errors)) / self._known(as_floats(base.allowed))
        ratio = np.fmax.reduce(ratios.ravel(), initial=0)
        return f", which is {ratio:.3g} times as far off as sums in float32 may be" if np.isfinite(ratio) else ""


def _accumulator(dtype: str, bits: int) -> Type:
    """The type that sums of so many bits are held in."""
    kind = next(one for one in (TYPES[dtype], *TYPES.values()) if one.bits == bits)
    return kind._replace(accumulated=bits, result=bits)


def _named(bits: int) -> str:
    return {8: "bfloat16", 11: "float16", 24: "float32", 53: "float64"}[bits]
