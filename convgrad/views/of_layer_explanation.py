"""One entry of a network gathered, and the sums that its deltas are."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.chain.explaining import LayerExplanation
from convgrad.terms import bracketed
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Block, Column, Heading, Line, Prose, Section, Table, View, printable
from convgrad.views.layer_header import layer_header
from convgrad.views.of_explanation import explanation_sections
from convgrad.views.pooled_deltas import PRODUCTS
from convgrad.views.term_rows import products, unwindowed_table


def view(record: LayerExplanation, asked: Asked) -> View:
    """An entry of a layer as a sum, and where the deltas in it come from."""
    if asked.quiet:
        return iter((Line((f"{record.entry} = ", record.value)),))
    return _sections(record, asked)


def _sections(record: LayerExplanation, asked: Asked) -> View:
    yield Heading((printable(_title(record)),))
    if record.layer.layer.windowed:
        yield from explanation_sections(record.explanation, asked)
    else:
        yield Section(layer_header(record.explanation.case))
        yield _terms(record)
        yield Prose((f"{record.entry} = ", record.value))
    if record.senders:
        yield Section(_senders(record))


def _title(record: LayerExplanation) -> str:
    """The layer; and where the entry is not its own, what it is there."""
    layer = record.layer.name
    source = f"{layer}.{record.explanation.entry}"
    return layer if record.entry == source else f"{record.entry} is what {layer} sends: {source}"


def _terms(record: LayerExplanation) -> Block:
    terms = record.explanation.terms
    return unwindowed_table(terms, record.value) if terms else Prose(f"{record.entry}: nothing reaches it")


def _senders(record: LayerExplanation) -> Iterator[Block]:
    """The deltas of an entry, each as the sum by which the layer above sends it."""
    yield Prose(f"where these deltas come from: {record.senders[0][1].layer.name} sends")
    rows = [
        [f"delta{bracketed(index)}", products(sender.explanation.terms, PRODUCTS), sender.value]
        for index, sender in record.senders
    ]
    yield Table((Column("to", "left"), Column("as", "left"), Column("sum")), rows)
