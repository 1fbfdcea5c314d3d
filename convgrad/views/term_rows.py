"""The terms of an entry: a row a term, each factor with its place, and the sum; or all of them in a formula."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convgrad.operations.terms import Term
from convgrad.passes.explanation import Explanation, bracketed
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Column, Entry, Partial, Row, Rows, Sign, Table, Words, index
from convgrad.views.ledger import ENDS
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED, UNPOOLING

MOST = 24
"""Terms that are shown without leaving any out."""
PADDING = "padding"
"""What is noted of a term whose cell lies in the padding."""


class TermTable:
    """The columns for an entry: the overlay; for each factor its value, and its place unless the overlay says it."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation, self.terms = explanation, explanation.terms
        self.inside = tuple(term for term in self.terms if term.note != PADDING or term.value)
        self.samples = len({term.sample for term in self.terms if term.sample is not None}) > 1
        self.family = explanation.case.operation.family
        self.near = "x" if self.family == TRANSPOSED else "delta"
        self.factors = [factor.name for factor in self.terms[0].factors]
        self.placed = [any(self._place(term, i) for term in self.terms) for i in range(len(self.factors))]
        self.product = len(self.factors) > 1 or any(term.value != term.factors[0].value for term in self.terms)
        self.shown, self.notes = self.terms, True

    def table(self, asked: Asked) -> Table:
        """The terms with their sum."""
        self.shown = shown = self.terms if asked.terms == "all" or not self.summed else self.inside
        self.notes = any(term.note or term.position is None for term in shown)
        rows = Rows(shown, lambda _, term: self._row(term))
        total = self._summed(self._sum_sign(), self.explanation.value)
        return Table(tuple(self._columns()), rows, total, self._brief(asked, len(shown)), self._middle)

    def _brief(self, asked: Asked, count: int) -> tuple[int, int] | None:
        """How many terms are shown first and last, unless all are."""
        if isinstance(asked.terms, int):
            return None if asked.terms >= count else (asked.terms - asked.terms // 3, asked.terms // 3)
        return None if asked.terms == "all" or count <= MOST else (ENDS[0] * 2, ENDS[1])

    @property
    def summed(self) -> bool:
        """Whether the entry is the sum of its terms, so that zeros may be left to a count; not all are zeros."""
        return bool(self.inside) and self._sum_sign() is Sign.TOTAL

    @property
    def left_out(self) -> int:
        """Terms that are padding's zeros, and so no row of the table."""
        return len(self.terms) - len(self.shown)

    def _place(self, term: Term, number: int) -> str:
        """Where a factor stands, unless the overlay's position says so already."""
        factor = term.factors[number] if number < len(term.factors) else None
        if factor is None or factor.index is None or term.position is None:
            return ""
        said = factor.name == self.near and factor.index == term.position
        return "" if said else f"{factor.name}{index(factor.index)}"

    def _columns(self) -> Iterator[Column]:
        if self.samples:
            yield Column("sample", "right")
        yield Column("overlay", "left")
        for name, placed in zip(self.factors, self.placed, strict=True):
            if placed:
                yield Column({"w": "tap", "x": "cell"}.get(name, "entry"), "left")
            yield Column(name)
        if self.product:
            yield Column(self._product())
        if self.notes:
            yield Column("note", "left")

    def _product(self) -> Words:
        """What a term is of its factors."""
        if "divisor" in self.factors:
            return f"{self.factors[0]} / divisor"
        normed = self.explanation.name == "y" and self.family == NORM
        return "|x|" if normed else product_of(self.factors)

    def _row(self, term: Term) -> Row:
        row: list[Entry] = ["" if term.sample is None else str(term.sample)] if self.samples else []
        row.append("bias" if term.position is None else index(term.position))
        for number, placed in enumerate(self.placed):
            row += [self._place(term, number)] if placed else []
            inside = number < len(term.factors) and term.position is not None
            row.append(term.factors[number].value if inside else "")
        if self.product:
            row.append(term.value)
        elif term.position is None:
            row[-1] = term.value
        return [*row, self._note(term)] if self.notes else row

    def _note(self, term: Term) -> str:
        """What is remarkable about a term; of the bias, where it stands."""
        return term.note if term.position is not None else f"b{index(term.factors[0].index or ())}"

    def _middle(self, first: int, last: int) -> Row:
        """What is not shown, summed."""
        values = [term.value for term in self.shown[first:last] if term.value is not None]
        return self._summed(f"{last - first} more", Partial(sum(values) if values else 0))

    def _sum_sign(self) -> Sign | str:
        """What the last line is of the terms: their sum, but an output of some pools is no sum."""
        settings = self.explanation.case.settings
        if self.explanation.name != "y" or self.family in (CONVOLUTION, TRANSPOSED, MEAN, UNPOOLING):
            return Sign.TOTAL
        if self.family == NORM:
            return f"norm {settings['norm']}" if settings["norm"] != 1 else Sign.TOTAL
        return "max" if self.family == MAXIMUM else self.family

    def _summed(self, name: Entry, value: Entry) -> Row:
        row: list[Entry] = [""] * len(tuple(self._columns()))
        row[0] = name
        row[-2 if self.notes else -1] = value
        return row


def product_of(names: Sequence[str]) -> Words:
    """What the factors of a term give, as a heading."""
    return joined(names, (" ", Sign.TIMES, " ")) if len(names) > 1 else "gives"


def joined(pieces: Sequence[Any], between: tuple[Any, ...]) -> tuple[Any, ...]:
    """Pieces with others between them."""
    return tuple(part for number, piece in enumerate(pieces) for part in (*(between if number else ()), piece))


def products(terms: Sequence[Term], most: int | None = None) -> tuple[Any, ...]:
    """A sum of products, written out; beyond `most` the rest is counted."""
    written = [joined([factor.value for factor in term.factors], (Sign.TIMES,)) for term in terms[:most]]
    if most is not None and len(terms) > most:
        written.append((f"{len(terms) - most} more",))
    return tuple(piece for part in joined(written, ((" + ",),)) for piece in part) or ("0",)


def unwindowed_table(terms: Sequence[Term], value: Any) -> Table:
    """The terms of a layer without windows: a row each, a factor a column."""
    names = [factor.name for factor in terms[0].factors]
    placed = [any(_place(term, i) for term in terms) for i in range(len(names))]
    columns = [
        column
        for name, has_place in zip(names, placed, strict=True)
        for column in ([Column("entry", "left")] if has_place else []) + [Column(name)]
    ]
    columns.append(Column(product_of(names)))
    total = [Sign.TOTAL, *[""] * (len(columns) - 2), value]
    return Table(tuple(columns), [_row(term, placed) for term in terms], total)


def _place(term: Term, number: int) -> str:
    """Where a factor of a term stands, if there is one and it does."""
    factor = term.factors[number] if number < len(term.factors) else None
    return "" if factor is None or factor.index is None else f"{factor.name}{bracketed(factor.index)}"


def _row(term: Term, placed: Sequence[bool]) -> Row:
    """A term's row: each factor's place, where the column has any, and its value; then the product."""
    row: list[Entry] = []
    for number, has_place in enumerate(placed):
        row += [_place(term, number)] if has_place else []
        row.append(term.factors[number].value if number < len(term.factors) else "")
    return [*row, term.value]
