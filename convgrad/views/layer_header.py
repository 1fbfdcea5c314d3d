"""What a layer of a network is."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.operations import LAYERS
from convgrad.subject.case import Case
from convgrad.views.block_kinds import Block, Facts, Words, shape_text
from convgrad.views.case_header import header, output


def layer_header(case: Case) -> Iterator[Block]:
    """The header of a layer; one without windows has shapes only."""
    if case.operation.name in LAYERS:
        yield Facts(tuple(_items(case)), lead=False)
    else:
        yield from header(case).blocks


def _items(case: Case) -> Iterator[Words]:
    layout = case.layout
    yield case.operation.name
    yield f"x {shape_text(layout.input)}"
    if layout.kernel is not None:
        yield f"kernel {shape_text(layout.kernel)}"
    yield output(layout.output(case.output_shape))
    yield case.arithmetic
