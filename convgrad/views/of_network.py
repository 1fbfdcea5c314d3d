"""A network: a panel a layer, the sums behind a pool's delta, the loss."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.passes.loss_terms import LossExplanation
from convgrad.passes.shown import Shown
from convgrad.passes.subject import Part, Subject
from convgrad.views import of_gradients
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import (
    Arrays,
    Block,
    Column,
    Facts,
    Heading,
    Line,
    Prose,
    Section,
    Table,
    View,
    Words,
    printable,
    shape_text,
)
from convgrad.views.case_header import output, printed, titles
from convgrad.views.layer_header import layer_header
from convgrad.views.of_loss import loss_blocks
from convgrad.views.pooled_deltas import pooled_deltas
from convgrad.vocabulary import INDICES, RATES

LOSSES = {"mse": "mse: 1/2 sum (t - y)^2", "cross-entropy": "cross-entropy: -sum t log softmax(y)"}
SHORT = {"kernel": "w", "bias": "b"}


def view(shown: Shown, asked: Asked) -> View:
    """A network's panels, or that of one layer, and its loss last; one that slides a window as a case is shown.

    Raises RequestError for a channel or an overlay that there is not.
    """
    return _panels(shown, asked) if shown.gradients is None else of_gradients.view(shown.gradients, asked)


def _panels(shown: Shown, asked: Asked) -> View:
    network, one = shown.network, shown.layer is not None
    if not one and not asked.quiet:
        yield network_head(network)
    for layer in [network.layer(shown.layer)] if shown.layer is not None else network.layers:
        yield from _panel(network, layer, asked)
    if network.loss is not None:
        if not (one or asked.quiet):
            yield Section(loss_blocks(LossExplanation(network), asked))
        yield Prose(("loss = ", network.loss))
    if shown.steps is not None:
        yield _steps(network, shown.steps)


# -- What it is --------------------------------------------------------------------------------------------------------


def network_head(network: Subject) -> Section:
    """What the network is: shapes, loss, rates, and the kind of number."""
    return Section((*titles(network.chain.document), Facts(tuple(_items(network)))))


def _items(network: Subject) -> Iterator[Words]:
    chain = network.chain
    yield f"network of {len(chain.layers)} layer{'s' * (len(chain.layers) != 1)}"
    yield f"x {shape_text(network.parts[0].signal.shape)}"
    yield from printed(chain.document)
    if layout := chain.document.get("layout"):
        yield f"layout {', '.join(layout) if isinstance(layout, list | tuple) else layout}"
    yield output(network.output.shape)
    if chain.loss is not None:
        how = ", mean over samples" if chain.loss.reduction == "mean" else ""
        yield f"loss {LOSSES[chain.loss.loss.name]}{how}"
    for name in RATES:
        if value := getattr(chain, name):
            yield (f"{name.replace('_', ' ')} ", value)
    yield kinds(network)


def kinds(network: Subject) -> str:
    """The kind of number, and where it stops being exact."""
    outputs = [layer.arithmetic["output"] for layer in network.layers]
    if network.arithmetic == "exact" or outputs[0] != "exact":
        return network.arithmetic
    stop = next((layer.name for layer in network.layers if layer.arithmetic["output"] != "exact"), "the loss")
    return f"exact up to {stop}, {network.arithmetic} from there on and back"


# -- Its layers --------------------------------------------------------------------------------------------------------


def _panel(network: Subject, layer: Part, asked: Asked) -> View:
    """A layer: its input, parameters and output, deltas in and out, gradients, and new parameters."""
    if asked.quiet:
        yield Line(printable(layer.name))
    else:
        yield Section(_layer_head(layer))
        cells = [(INDICES, layer.case.settings[INDICES])] if INDICES in layer.case.settings else []
        own = ((SHORT[name], array) for name, array in layer.parameters.items())
        yield Arrays((("x", layer.signal.shown), *cells, *own))
    yield Arrays((
        ("output", layer.output), *layer.forward.asked_indices.items(), ("delta in", layer.delta),
        ("delta out (dX)", layer.dX), ("dW", layer.dW), ("db", layer.db),
    ))  # fmt: skip
    yield Arrays(tuple((f"{SHORT[name]} after the step", array) for name, array in layer.updated.items()))
    if not asked.quiet:
        yield Section(pooled_deltas(network, layer))


def _layer_head(layer: Part) -> Iterator[Block]:
    """Its place and name; where output and gradients are of different kinds, which; and what it is."""
    kinds = layer.arithmetic
    mixed = (f"output {kinds['output']},", f"gradients {kinds['gradients']}") if len(set(kinds.values())) > 1 else ()
    yield Heading((f"{layer.number + 1}  {printable(layer.name)}", *mixed))
    yield from layer_header(layer.case)


def _steps(network: Subject, count: int) -> Block:
    """The loss after each step."""
    if network.loss is None:
        return Prose(f"{count} steps: delta is given, so there is no loss to show")
    rows = [["0", network.loss], *([str(step.number), step.loss] for step in network.steps(count))]
    return Table((Column("steps", "right"), Column("loss")), rows)
