"""A network: a panel a layer, the sums behind a pool's delta, the loss; one entry and where its deltas come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import Any

import numpy as np

from convgrad.operations import LAYERS
from convgrad.operations.terms import Term
from convgrad.passes.explanation import Explanation, above, bracketed, pooled_sums
from convgrad.passes.subject import Part, Subject
from convgrad.subject.case import Case
from convgrad.views.arrays import listed, shape_text
from convgrad.views.backward import rounding, sections
from convgrad.views.explain import parts as explain_parts
from convgrad.views.header import header, printable, titles
from convgrad.views.look import Look, plain_lines, prose, wrapped
from convgrad.views.table import Column, Entry, Table

ROWS, PRODUCTS = 12, 6
"""Deltas of a pool, and products of each, that are written out."""


@dataclass(frozen=True)
class Shown:
    """What is to be shown of a network: all layers or the one of a name, and the losses of so many steps."""

    network: Subject
    layer: str | None = None
    steps: int | None = None

    @property
    def case(self) -> Case:
        return self.network.case


def view(record: Shown | Explanation, look: Look) -> Iterator[str]:
    """A network's panels, its loss last; or an entry of a layer, and the sums that its deltas are."""
    if isinstance(record, Explanation):
        return sections(_entry(record, look))
    return sections(_network(record, look))


# -- The network -------------------------------------------------------------------------------------------------------


def _network(shown: Shown, look: Look) -> Iterator[Iterator[str] | str]:
    made = shown.network
    if shown.layer is not None:
        yield from _panel(made, made.layer(shown.layer), look)
    else:
        if not look.quiet:
            yield network_head(made, look)
        for layer in made.layers:
            yield from _panel(made, layer, look)
    if made.loss is not None:
        yield prose(f"loss = {look.numbers.text(made.loss)}", look)
    if shown.steps is not None:
        yield _steps(made, shown.steps, look)
    if not look.quiet:
        yield rounding(look)


def network_head(made: Subject, look: Look) -> str:
    """What the network is: shapes, loss, rates, and the kind of number."""
    lines = wrapped(_items(made, look), look.width)
    called = titles(made.chain.document, look)
    return look.text([*called, *plain_lines(*lines[:1], style="title"), *plain_lines(*lines[1:])])


def _items(made: Subject, look: Look) -> Iterator[str]:
    chain = made.chain
    yield f"network of {len(chain.layers)} layer{'s' * (len(chain.layers) != 1)}"
    yield f"x {shape_text(chain.input.shape)}"
    yield f"{look.symbols.to}  output {shape_text(made.output.shape)}"
    if chain.loss is not None:
        how = ", mean over samples" if chain.loss.reduction == "mean" else ""
        yield f"loss {LOSSES[chain.loss.loss.name]}{how}"
    yield from _rates(made, look)
    yield kinds(made)


LOSSES = {"mse": "mse: 1/2 sum (t - y)^2", "cross-entropy": "cross-entropy: -sum t log softmax(y)"}


def _rates(made: Subject, look: Look) -> Iterator[str]:
    for name in ("learning_rate", "momentum", "weight_decay"):
        if value := getattr(made.chain, name):
            yield f"{name.replace('_', ' ')} {look.numbers.text(value)}"


def kinds(made: Subject) -> str:
    """The kind of number, and where it stops being exact."""
    outputs = [layer.arithmetic["output"] for layer in made.layers]
    if made.arithmetic == "exact" or outputs[0] != "exact":
        return made.arithmetic
    stop = next((layer.name for layer in made.layers if layer.arithmetic["output"] != "exact"), "the loss")
    return f"exact up to {stop}, {made.arithmetic} from there on and back"


def _panel(made: Subject, layer: Part, look: Look) -> Iterator[Iterator[str] | str]:
    """A layer: its input, parameters and output, deltas in and out, gradients, and new parameters."""
    if not look.quiet:
        yield look.text(plain_lines(*wrapped(_title(layer), look.width), style="title")) + layer_header(
            layer.case, look
        )
        yield listed(_given(layer), look)
    else:
        yield f"{printable(layer.name)}\n"
    yield listed(_found(layer), look)
    yield listed(((f"{SHORT[name]} after the step", array) for name, array in layer.updated.items()), look)
    if not look.quiet:
        yield _sums(made, layer, look)


SHORT = {"kernel": "w", "bias": "b"}


def _title(layer: Part) -> list[str]:
    """The place and name; and where output and gradients are of different kinds, which."""
    kinds = layer.arithmetic
    mixed = [f"output {kinds['output']},", f"gradients {kinds['gradients']}"] if len(set(kinds.values())) > 1 else []
    return [f"{layer.number + 1}  {printable(layer.name)}", *mixed]


def layer_header(case: Case, look: Look) -> str:
    """The header of a layer; one without windows has shapes only."""
    if case.operation.name not in LAYERS:
        return header(case, look)
    layout = case.layout
    items = [case.operation.name, f"x {shape_text(layout.input)}"]
    if layout.kernel is not None:
        items += [f"kernel {shape_text(layout.kernel)}"]
    items += [f"{look.symbols.to}  output {shape_text(layout.output(case.output_shape))}", case.arithmetic]
    return look.text(plain_lines(*wrapped(items, look.width)))


def _given(layer: Part) -> Iterator[tuple[str, Any]]:
    yield "x", layer.signal.values
    for name, array in layer.layer.parameters.items():
        yield SHORT[name], array


def _found(layer: Part) -> Iterator[tuple[str, Any]]:
    yield "output", layer.output
    yield "delta in", layer.delta
    yield "delta out (dX)", layer.dX
    yield "dW", layer.dW
    yield "db", layer.db


def _steps(made: Subject, count: int, look: Look) -> Iterator[str]:
    """The loss after each step."""
    if made.loss is None:
        yield prose(f"{count} steps: delta is given, so there is no loss to show", look)
        return
    rows: list[list[Entry]] = [["0", look.numbers.text(made.loss)]]
    rows += [[str(step.number), look.numbers.text(step.loss)] for step in made.steps(count)]
    yield Table([Column("steps", "right"), Column("loss")], rows).text(look)


# -- Sums through a pool -----------------------------------------------------------------------------------------------


def _sums(made: Subject, layer: Part, look: Look) -> str:
    """Of a pool below a dense layer or a convolution: each delta as the sum that it is, and where it goes."""
    sender = above(made, layer)
    if sender is None or layer.op not in POOLS or sender.layer.operation.operands == ("x",):
        return ""
    title = f"who sends how much to whom: each delta of {layer.name} is a sum over {sender.name}"
    rows = [_row(layer, explanation, index, look) for index, explanation in islice(_indexed(made, layer), ROWS)]
    text = Table([Column("delta in", "left"), Column(f"from {sender.name}: delta {look.symbols.times} w", "left"),
                  Column("sum"), Column("goes to", "left")], rows).text(look)  # fmt: skip
    left = prod(layer.delta.shape) - len(rows)
    example = f"{layer.name}.delta{bracketed((0,) * layer.delta.ndim)}"
    more = prose(f"{left} more: convgrad explain '{example}' shows any of them", look) if left else ""
    return prose(title, look) + text + more


POOLS = ("max-pool", "average-pool", "lp-pool", "adaptive-max-pool", "adaptive-average-pool")


def _indexed(made: Subject, layer: Part) -> Iterator[tuple[tuple[int, ...], Explanation]]:
    return zip(np.ndindex(layer.delta.shape), pooled_sums(made, layer), strict=True)


def _row(layer: Part, explanation: Explanation, index: tuple[int, ...], look: Look) -> list[Entry]:
    value = look.numbers.text(explanation.value)
    return [bracketed(index), products(explanation.terms, look), value, _target(layer, index, look)]


def products(terms: tuple[Term, ...], look: Look) -> str:
    """A sum of products, written out."""
    written = [
        look.symbols.times.join(look.numbers.text(number(factor.value)) for factor in term.factors)
        for term in terms[:PRODUCTS]
    ]
    more = [f"{len(terms) - PRODUCTS} more"] if len(terms) > PRODUCTS else []
    return " + ".join([*written, *more]) or "0"


def number(value: Any) -> Any:
    """A NumPy number as Python's."""
    return value.item() if hasattr(value, "item") else value


def _target(layer: Part, index: tuple[int, ...], look: Look) -> str:
    """Where a pool passes a delta on to."""
    case = layer.case
    sample, channel, *position = (0,) * (case.dims + 2 - len(index)) + index
    laid = layer.gradients.full_overlays.at(sample, tuple(position))
    lead = index[: len(index) - case.dims]
    if laid.winners is not None:
        return ", ".join(f"x{bracketed((*lead, *cell))}" for cell in laid.winners[channel])
    cells = sum(bool(value != 0) for value in laid.dx[channel].flat)
    share = f" / {laid.divisor}" if laid.divisor is not None else ""
    return f"{cells} cell{'s' * (cells != 1)}" + (f", {look.symbols.times} 1{share} each" if share else "")


# -- One entry ---------------------------------------------------------------------------------------------------------


def _entry(record: Explanation, look: Look) -> Iterator[Iterator[str] | str]:
    if look.quiet:
        yield f"{record.entry} = {look.numbers.text(number(record.value))}\n"
        return
    source = f"{record.part.name}.{record.own_entry}"
    line = record.part.name if record.entry == source else f"{record.entry} is what {record.part.name} sends: {source}"
    yield look.text(plain_lines(*wrapped([printable(line)], look.width), style="title"))
    if record.part.layer.windowed:
        yield from explain_parts(record, look)
    else:
        yield layer_header(record.case, look)
        yield _terms(record, look)
        yield prose(f"{record.entry} = {look.numbers.text(number(record.value))}", look)
    if record.senders:
        yield _senders(record, look)
    yield rounding(look)


def _terms(record: Explanation, look: Look) -> str:
    """The terms of a layer without windows: a row each, a factor a column."""
    terms = record.terms
    if not terms:
        return prose(f"{record.entry}: nothing reaches it", look)
    names = [factor.name for factor in terms[0].factors]
    placed = [any(_place(term, i) for term in terms) for i in range(len(names))]
    columns = [
        column
        for name, has_place in zip(names, placed, strict=True)
        for column in ([Column("entry", "left")] if has_place else []) + [Column(name)]
    ]
    columns.append(Column(f" {look.symbols.times} ".join(names) if len(names) > 1 else "gives"))
    rows = [_term(term, placed, look) for term in terms]
    total: list[Entry] = [look.symbols.total, *[""] * (len(columns) - 2), look.numbers.text(number(record.value))]
    return Table(columns, rows, total).text(look)


def _place(term: Term, i: int) -> str:
    """Where a factor of a term stands, if there is one and it does."""
    factor = term.factors[i] if i < len(term.factors) else None
    return "" if factor is None or factor.index is None else f"{factor.name}{bracketed(factor.index)}"


def _term(term: Term, placed: Sequence[bool], look: Look) -> list[Entry]:
    """A term's row: each factor's place, where the column has any, and its value; then the product."""
    row: list[Entry] = []
    for i, has_place in enumerate(placed):
        row += [_place(term, i)] if has_place else []
        row.append(look.numbers.text(number(term.factors[i].value)) if i < len(term.factors) else "")
    return [*row, look.numbers.text(number(term.value))]


def _senders(record: Explanation, look: Look) -> str:
    """The deltas of an entry, each as the sum by which the layer above sends it."""
    source = record.senders[0][1].part.name
    rows: list[list[Entry]] = [
        [f"delta{bracketed(index)}", products(found.terms, look), look.numbers.text(number(found.value))]
        for index, found in record.senders
    ]
    title = prose(f"where these deltas come from: {source} sends", look)
    return title + Table([Column("to", "left"), Column("as", "left"), Column("sum")], rows).text(look)
