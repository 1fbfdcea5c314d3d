"""One entry gathered: a row a term, what it is a product of, and the sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convgrad.operations.terms import Term
from convgrad.terms import Explanation, bracketed
from convgrad.views.backward import rounding, sections
from convgrad.views.header import header
from convgrad.views.ledger import HEAD, TAIL, index
from convgrad.views.look import Look, prose
from convgrad.views.table import CHUNK, Column, Entry, Table

ALL = 24
"""Terms that are shown without leaving any out."""


def view(explanation: Explanation, look: Look) -> Iterator[str]:
    """What is summed, the terms in a table with their sum, and a remark on the order of the taps."""
    if look.quiet:
        yield f"{explanation.entry} = {look.numbers.text(explanation.value)}\n"
        return
    yield from sections(_parts(explanation, look))


def _parts(explanation: Explanation, look: Look) -> Iterator[Iterator[str] | str]:
    yield from parts(explanation, look)
    yield rounding(look)


def parts(explanation: Explanation, look: Look) -> Iterator[Iterator[str] | str]:
    """All but the remark on rounding, which comes last, once."""
    yield header(explanation.case, look)
    yield _body(explanation, look)
    yield prose(f"{explanation.entry} = {look.numbers.text(explanation.value)}", look)


def _body(explanation: Explanation, look: Look) -> Iterator[str]:
    yield prose(_title(explanation), look)
    if explanation.terms:
        yield from _table(explanation, look)
    if remark := _remark(explanation):
        yield prose(remark, look)


def _title(explanation: Explanation) -> str:
    """In words, what the terms are."""
    terms, entry = explanation.terms, explanation.entry
    overlays = len({(term.sample, term.position) for term in terms})
    many = f"{overlays} overlay{'s' * (overlays != 1)}"
    where = bracketed(explanation.index)
    if not terms:
        return f"{entry}: nothing reaches it"
    if explanation.name == "dX":
        each = f", {len(terms) // overlays} terms each" if len(terms) > overlays else ""
        if "output_padding" in explanation.case.settings:
            return f"{entry}: x{where} was laid on {len(terms)} entries of the output"
        return f"{entry}: {many} cover{'s' * (overlays == 1)} x{where}{each}"
    if explanation.name == "dW":
        return f"{entry}: w{where} was used by {many}"
    if explanation.name == "db":
        return f"{entry}: the bias was added to {len(terms)} entries of the output"
    return f"{entry}: {_output_title(explanation)}"


def _output_title(explanation: Explanation) -> str:
    case, terms = explanation.case, explanation.terms
    cells = sum(term.position is not None for term in terms)
    bias = ", and the bias" if cells < len(terms) else ""
    if "output_padding" in case.settings:
        return f"{cells} cell{'s' * (cells != 1)} of x reach it, times w{bias}"
    if "w" in case.operation.operands:
        return f"w times the cells of x under the window{bias}"
    what = "the largest" if "ties" in case.settings else "the norm" if "norm" in case.settings else "the mean"
    return f"{what} of the {cells} cells under the window"


def _table(explanation: Explanation, look: Look) -> Iterator[str]:
    terms, form = explanation.terms, _Form(explanation, look)
    everything = look.overlays == "all" or len(terms) <= ALL
    head, tail = (len(terms), 0) if everything else (HEAD * 2, TAIL)
    rows = [form.row(term) for term in (terms[:head] if head <= CHUNK else terms[:ALL])]
    if not everything:
        rows.append(form.middle(terms[head:-tail]))
        rows += [form.row(term) for term in terms[-tail:]]
    table = Table(form.columns, rows, form.total())
    if head <= CHUNK:
        yield table.text(look)
    else:
        yield from table.streamed(map(form.row, terms), look)


class _Form:
    """The columns for an entry: the overlay; for each factor its value, and its place unless the overlay says it."""

    def __init__(self, explanation: Explanation, look: Look) -> None:
        self.explanation, self.look = explanation, look
        terms = explanation.terms
        self.samples = len({term.sample for term in terms if term.sample is not None}) > 1
        self.near = "x" if "output_padding" in explanation.case.settings else "delta"
        self.factors = [factor.name for factor in terms[0].factors]
        self.placed = [any(self._place(term, i) for term in terms) for i in range(len(self.factors))]
        self.product = len(self.factors) > 1 or any(term.value != term.factors[0].value for term in terms)
        self.notes = any(term.note or term.position is None for term in terms)

    def _place(self, term: Term, number: int) -> str:
        """Where a factor stands, unless the overlay's position says so already."""
        factor = term.factors[number] if number < len(term.factors) else None
        if factor is None or factor.index is None or term.position is None:
            return ""
        said = factor.name == self.near and factor.index == term.position
        return "" if said else f"{factor.name}{index(factor.index)}"

    @property
    def columns(self) -> list[Column]:
        columns = [*([Column("sample", "right")] if self.samples else []), Column("overlay", "left")]
        for name, placed in zip(self.factors, self.placed, strict=True):
            columns += [Column({"w": "tap", "x": "cell"}.get(name, "entry"), "left")] if placed else []
            columns.append(Column(name))
        if self.product:
            columns.append(Column(self._heading()))
        return [*columns, *([Column("note", "left")] if self.notes else [])]

    def _heading(self) -> str:
        if "divisor" in self.factors:
            return f"{self.factors[0]} / divisor"
        if len(self.factors) > 1:
            return f" {self.look.symbols.times} ".join(self.factors)
        return "|x|" if "norm" in self.explanation.case.settings else "gives"

    def row(self, term: Term) -> list[Entry]:
        numbers = self.look.numbers
        sample = [str(term.sample) if term.sample is not None else ""] if self.samples else []
        row: list[Entry] = [*sample, "bias" if term.position is None else index(term.position)]
        for number, placed in enumerate(self.placed):
            row += [self._place(term, number)] if placed else []
            inside = number < len(term.factors) and term.position is not None
            row.append(numbers.text(term.factors[number].value) if inside else "")
        value = numbers.text(term.value)
        if self.product:
            row.append(value)
        elif term.position is None:
            row[-1] = value
        note = term.note if term.position is not None else f"b{index(term.factors[0].index or ())}"
        return [*row, *([note] if self.notes else [])]

    def middle(self, terms: Sequence[Term]) -> list[Entry]:
        """What is not shown, summed."""
        values = [term.value for term in terms if term.value is not None]
        total = self.look.numbers.text(sum(values)) if values else "0"
        return self._summed(f"{len(terms)} more", f"({total})")

    def total(self) -> list[Entry]:
        return self._summed(self._sum_sign(), self.look.numbers.text(self.explanation.value))

    def _sum_sign(self) -> str:
        """What the last line is of the terms: their sum, but an output of some pools is no sum."""
        settings = self.explanation.case.settings
        if self.explanation.name == "y" and "ties" in settings:
            return "max"
        if self.explanation.name == "y" and settings.get("norm", 1) != 1:
            return f"norm {settings['norm']}"
        return self.look.symbols.total

    def _summed(self, name: str, value: str) -> list[Entry]:
        row: list[Entry] = [""] * len(self.columns)
        row[0] = name
        row[-2 if self.notes else -1] = value
        return row


def _remark(explanation: Explanation) -> str:
    """That the taps run backwards, where they do: in dX of a convolution, under a cell that all taps meet."""
    kernel = explanation.case.operands.get("w")
    taps = [term.tap for term in explanation.terms]
    if explanation.name != "dX" or kernel is None or None in taps or len(set(taps)) != len(taps):
        return ""
    if len(taps) < 2 or len(taps) != kernel[0, 0].size or len(taps) > 9:
        return ""
    shown = " ".join(f"w{index(tap)}" for tap in taps if tap is not None)
    if taps == sorted(taps, reverse=True):  # type: ignore[type-var]
        how = "w turned by 180 degrees" if kernel.ndim > 3 else "w back to front"
        return f"Top to bottom the taps run {shown}: {how}."
    return f"Top to bottom the taps run {shown}: w as it is." if taps == sorted(taps) else ""  # type: ignore[type-var]
