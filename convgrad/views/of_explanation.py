"""One entry gathered: a row a term, what it is a product of, and the sum."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.terms import Explanation, bracketed
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Block, Line, Prose, Section, View, index
from convgrad.views.case_header import header
from convgrad.views.term_rows import TermTable


def view(explanation: Explanation, asked: Asked) -> View:
    """What is summed, the terms in a table with their sum, and a remark on the order of the taps."""
    if asked.quiet:
        return iter((Line((f"{explanation.entry} = ", explanation.value)),))
    return explanation_sections(explanation, asked)


def explanation_sections(explanation: Explanation, asked: Asked) -> View:
    """An entry of a case, or of a layer with windows."""
    yield header(explanation.case)
    yield Section(_body(explanation, asked))
    yield Prose((f"{explanation.entry} = ", explanation.value))


def _body(explanation: Explanation, asked: Asked) -> Iterator[Block]:
    yield Prose(_title(explanation))
    if explanation.terms:
        yield TermTable(explanation).table(asked)
    if remark := _remark(explanation):
        yield Prose(remark)


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


def _remark(explanation: Explanation) -> str:
    """That the taps run backwards, where they do: in dX of a convolution, under a cell that all taps meet."""
    kernel = explanation.case.operands.get("w")
    taps = [term.tap for term in explanation.terms]
    if explanation.name != "dX" or kernel is None or None in taps or len(set(taps)) != len(taps):
        return ""
    if len(taps) < 2 or len(taps) != kernel[0, 0].size or len(taps) > 9:
        return ""
    order = " ".join(f"w{index(tap)}" for tap in taps if tap is not None)
    if taps == sorted(taps, reverse=True):  # type: ignore[type-var]
        how = "w turned by 180 degrees" if kernel.ndim > 3 else "w back to front"
        return f"Top to bottom the taps run {order}: {how}."
    return f"Top to bottom the taps run {order}: w as it is." if taps == sorted(taps) else ""  # type: ignore[type-var]
