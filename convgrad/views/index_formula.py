"""The law of an entry, with its indices: dX[r,s] = sum over p,q of delta[p,q] w[r+1-2p,s+1-2q]."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from convgrad.core.window import Axis, Window
from convgrad.passes.explanation import full_shapes
from convgrad.subject.case import Case
from convgrad.views.block_kinds import index
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, TRANSPOSED

POSITIONS, CELLS, TAPS = "pqu", "rst", "ijk"
"""The letters of a position, of a cell of the array under the windows, and of a tap, per axis; n, o, c lead them."""
GROUPED = ", o and c of one group, within which the channels of w are counted"


def index_formula(case: Case, name: str) -> str:
    """What an entry of dX, dW, db or y is a sum of.

    Empty where letters do not tell it: copied padding, windows of many sizes, a delta that is shared. A product whose
    index is not whole, or lies outside of its array, is 0.
    """
    window, family, settings = case.arguments.get("window"), case.operation.family, case.settings
    if family not in (CONVOLUTION, TRANSPOSED, MAXIMUM, MEAN) or settings.get("ties") == "split":
        return ""
    if not isinstance(window, Window) or case.dims > len(POSITIONS):
        return ""
    evenly = all(isinstance(axis, Axis) for axis in window.axes)
    if not evenly or settings.get("padding_mode", "zeros") != "zeros":
        return ""
    letters = _Letters(case)
    return letters.law(name) if family in (CONVOLUTION, TRANSPOSED) else letters.of_pool(name)


class _Letters:
    """The indices of a case's arrays in letters, as its user counts; axes that an array has not are left out."""

    def __init__(self, case: Case) -> None:
        self.case, self.axes = case, case.arguments["window"].axes
        self.transposed = case.operation.family == TRANSPOSED
        self.positions, self.cells, self.taps = (tuple(letters[: case.dims]) for letters in (POSITIONS, CELLS, TAPS))
        self.near, self.far = ("x", "delta") if self.transposed else ("delta", "x")

    def law(self, name: str) -> str:
        if name == "db":
            return self._sum("db", self._at("b", ("o",)), [self._channelled("delta", self.positions)])
        of_near, of_far = ("dX", "y") if self.transposed else ("y", "dX")
        if name == "dW":
            far = self._channelled(self.far, self._under(turned=True))
            return self._sum("dW", self._kernel(self.taps, "c"), [self._channelled(self.near, self.positions), far])
        bias = "b + " if name == "y" and self.case.operands.get("b") is not None else ""
        operand = {"dX": "x", "y": "delta"}[name]
        if name == of_near:
            factors = [self._kernel(self._turned()), self._channelled(self.far, self._under())]
            return self._sum(name, self._channelled(operand, self.positions), factors, bias)
        assert name == of_far
        factors = [self._channelled(self.near, self.positions), self._kernel(self._meeting())]
        return self._sum(name, self._channelled(operand, self.cells), factors, bias)

    def of_pool(self, name: str) -> str:
        """The law of a pool, in whose sums only some windows are."""
        maximum, taps = self.case.operation.family == MAXIMUM, ",".join(self.taps)
        delta, cell = self._channelled("delta", self.positions, "c"), self._channelled("x", self.cells)
        if name == "y":
            under = self._channelled("x", self._under())
            over = f"max over {taps} of {under}" if maximum else f"sum over {taps} of {under} / n, n being the divisor"
            return f"{self._channelled('y', self.positions, 'c')} = {over}"
        which = f"the windows that {cell} wins" if maximum else f"the windows that cover {cell}, n being their divisor"
        share = "" if maximum else " / n"
        return f"d{cell.replace('x', 'X', 1)} = sum over {','.join(self.positions)} of {delta}{share}, over {which}"

    def _sum(self, name: str, entry: str, factors: Sequence[str], bias: str = "") -> str:
        """The law, summed over the letters that the entry has not."""
        own = set(_inside(entry))
        inside = "".join(map(_inside, factors))
        over = [letter for letter in "ncopqurstijk" if letter in inside and letter not in own]
        summed = f"sum over {','.join(over)} of " if over else ""
        left = name + (f"[{_inside(entry)}]" if _inside(entry) else "")
        grouped = GROUPED if self.case.settings["groups"] > 1 and name != "db" else ""
        return f"{left} = {bias}{summed}{' '.join(factors)}{grouped}"

    # -- Indices ----------------------------------------------------------------------------------------------------

    def _under(self, *, turned: bool = False) -> tuple[str, ...]:
        """The cell under a tap at a position: 2p+i-1; of a tap as given, where the kernel is laid turned."""
        taps = self._turned() if turned else self.taps
        return tuple(
            _linear((axis.stride, p), (axis.dilation, tap), constant=-axis.before)
            for axis, p, tap in zip(self.axes, self.positions, taps, strict=True)
        )

    def _meeting(self) -> tuple[str, ...]:
        """The tap by which a window at a position meets a cell: r+1-2p, with dilation 2 (r+1-2p)/2."""
        met = []
        for axis, p, r in zip(self.axes, self.positions, self.cells, strict=True):
            tap = _linear((1, r), constant=axis.before) + _linear((-axis.stride, p))
            tap = tap if axis.dilation == 1 else f"({tap})/{axis.dilation}"
            met.append(self._as_given(axis.size, tap))
        return tuple(met)

    def _turned(self) -> tuple[str, ...]:
        return tuple(self._as_given(axis.size, tap) for axis, tap in zip(self.axes, self.taps, strict=True))

    def _as_given(self, size: int, tap: str) -> str:
        """From the kernel as it is laid to the kernel as given, or back."""
        if self.case.settings["mode"] == "cross-correlation":
            return tap
        return f"{size - 1}-{tap}" if tap.isalpha() else f"{size - 1}-({tap})"

    # -- Arrays -----------------------------------------------------------------------------------------------------

    def _channelled(self, name: str, spatial: tuple[str, ...], channel: str = "o") -> str:
        """x with its channel c, delta and y with theirs, o; of a pool c as well."""
        return self._at(name, ("n", "c" if name == "x" else channel, *spatial))

    def _kernel(self, taps: tuple[str, ...], channel: str = "") -> str:
        """w, whose channel is 0 where x has no axis of channels."""
        c = channel or ("c" if self.case.layout.channels_in else "0")
        return self._at("w", (*((c, "o") if self.transposed else ("o", c)), *taps))

    def _at(self, name: str, full: tuple[str, ...]) -> str:
        shape = full_shapes(self.case)[name]
        kept = self.case.layout.index(name, full, len(self.case.layout.shape(name, shape)))  # type: ignore[arg-type]
        return name + (index(kept) if kept else "")


def _inside(indexed: str) -> str:
    return indexed.partition("[")[2].removesuffix("]")


def _linear(*terms: tuple[int, str], constant: int = 0) -> str:
    """A sum of multiples and a constant: 2p+i-1."""
    parts = list(chain(*((_sign(factor), _multiple(abs(factor), name)) for factor, name in terms)))
    tail = f"{constant:+d}" if constant else ""
    return "".join(parts).removeprefix("+") + tail


def _sign(factor: int) -> str:
    return "-" if factor < 0 else "+"


def _multiple(factor: int, name: str) -> str:
    if factor == 1:
        return name if name.isalpha() else f"({name})"
    return f"{factor}{name}" if name.isalpha() else f"{factor}({name})"
