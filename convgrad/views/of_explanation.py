"""One entry gathered: a row a term, what it is a product of, and the sum."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.operations.activations import SOFTMAX
from convgrad.passes.explanation import Explanation, bracketed
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import (
    Block,
    Column,
    Formula,
    Heading,
    Line,
    Prose,
    Section,
    Table,
    View,
    index,
    printable,
)
from convgrad.views.case_header import header
from convgrad.views.index_formula import index_formula
from convgrad.views.layer_header import layer_header
from convgrad.views.met import met
from convgrad.views.pooled_deltas import PRODUCTS
from convgrad.views.softmax_rows import shared_sum
from convgrad.views.term_rows import TermTable, products, unwindowed_table
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED, UNPOOLING

WRITTEN_OUT = 40
"""Terms that a document writes out in a formula."""


def view(explanation: Explanation, asked: Asked) -> View:
    """What is summed, the terms in a table with their sum, and a remark on the order of the taps."""
    if asked.quiet:
        return iter((Line((f"{explanation.entry} = ", explanation.value)),))
    return _of_layer(explanation, asked) if explanation.part.name else _of_case(explanation, asked)


def _of_case(explanation: Explanation, asked: Asked) -> View:
    """An entry of a case, or of a layer with windows."""
    yield header(explanation.case)
    yield Section(_drawn(explanation, asked))
    yield Section(_body(explanation, asked))
    yield Prose((f"{explanation.own_entry} = ", explanation.value))


def _drawn(explanation: Explanation, asked: Asked) -> Iterator[Block]:
    """The law of such an entry, and the cells that it is made of."""
    if law := index_formula(explanation.case, explanation.name):
        yield Formula(law)
    if drawn := met(explanation):
        yield drawn
    if asked.document and 0 < len(explanation.terms) <= WRITTEN_OUT:
        yield Formula((f"{explanation.own_entry} = ", *products(explanation.terms), " = ", explanation.value))


def _body(explanation: Explanation, asked: Asked) -> Iterator[Block]:
    yield Prose(_title(explanation))
    if explanation.terms:
        terms = TermTable(explanation)
        yield terms.table(asked)
        if count := terms.left_out:
            zeros = f"{count} more term{'s are a 0' if count > 1 else ' is a 0'} of the padding"
            yield Prose(f"{zeros}; --terms all shows {'them' if count > 1 else 'it'}")
    if remark := _remark(explanation):
        yield Prose(remark)


def _title(explanation: Explanation) -> str:
    """In words, what the terms are."""
    terms, entry, family = explanation.terms, explanation.own_entry, explanation.case.operation.family
    overlays = len({(term.sample, term.position) for term in terms})
    many = f"{overlays} overlay{'s' * (overlays != 1)}"
    where = bracketed(explanation.index)
    if not terms:
        return f"{entry}: nothing reaches it"
    if explanation.name == "dX":
        each = f", {len(terms) // overlays} terms each" if len(terms) > overlays else ""
        if family == TRANSPOSED:
            return f"{entry}: x{where} was laid on {len(terms)} entries of the output"
        return f"{entry}: {many} cover{'s' * (overlays == 1)} x{where}{each}"
    if explanation.name == "dW":
        return f"{entry}: w{where} was used by {many}"
    if explanation.name == "db":
        return f"{entry}: the bias was added to {len(terms)} entries of the output"
    return f"{entry}: {_output_title(explanation)}"


def _output_title(explanation: Explanation) -> str:
    terms, family = explanation.terms, explanation.case.operation.family
    cells = sum(term.position is not None for term in terms)
    bias = ", and the bias" if cells < len(terms) else ""
    if family == TRANSPOSED:
        return f"{cells} cell{'s' * (cells != 1)} of x reach it, times w{bias}"
    if family == UNPOOLING:
        return "the number that was put there"
    if family == CONVOLUTION:
        return f"w times the cells of x under the window{bias}"
    return f"{POOLED.get(family, f'the {family}')} of the {cells} cells under the window"


POOLED = {MAXIMUM: "the largest", NORM: "the norm", MEAN: "the mean"}
"""What a pool's output is; another is called by its family."""


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


# -- An entry of a layer -----------------------------------------------------------------------------------------------


def _of_layer(explanation: Explanation, asked: Asked) -> View:
    """The entry as a sum, and where the deltas in it come from."""
    yield Heading((printable(_source(explanation)),))
    if explanation.part.layer.windowed:
        yield from _of_case(explanation, asked)
    else:
        yield Section(layer_header(explanation.case))
        yield Section(shared_sum(explanation)) if _is_softmax(explanation) else _unwindowed(explanation)
        yield Prose((f"{explanation.entry} = ", explanation.value))
    if explanation.senders:
        yield Section(_senders(explanation))


def _source(explanation: Explanation) -> str:
    """The layer; and where the entry is not its own, what it is there."""
    layer = explanation.part.name
    source = f"{layer}.{explanation.own_entry}"
    return layer if explanation.entry == source else f"{explanation.entry} is what {layer} sends: {source}"


def _is_softmax(explanation: Explanation) -> bool:
    """Whether the entry is an output over which every entry of x weighs."""
    return explanation.name == "y" and explanation.case.operation is SOFTMAX


def _unwindowed(explanation: Explanation) -> Block:
    if explanation.terms:
        return unwindowed_table(explanation.terms, explanation.value)
    return Prose(f"{explanation.entry}: nothing reaches it")


def _senders(explanation: Explanation) -> Iterator[Block]:
    """The deltas of an entry, each as the sum by which the layer above sends it."""
    yield Prose(f"where these deltas come from: {explanation.senders[0][1].part.name} sends")
    rows = [
        [f"delta{bracketed(index)}", products(sender.terms, PRODUCTS), sender.value]
        for index, sender in explanation.senders
    ]
    yield Table((Column("to", "left"), Column("as", "left"), Column("sum")), rows)
