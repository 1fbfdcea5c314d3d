"""Mistakes in the gradient and output of a max unpooling: specific before general, then families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convgrad.catalogue import alterations as alter
from convgrad.catalogue import misread, unpooled
from convgrad.catalogue.mistake import Form, Variants
from convgrad.catalogue.of_operands import CHANNELS, MEMORY, NUMBERS
from convgrad.catalogue.of_places import PLACES
from convgrad.catalogue.of_pools import POOL_DX
from convgrad.catalogue.of_practice import FILLED, where_numbers

_WHERE: dict[str, Form] = {
    "indices-ignored": Form(
        "indices are not looked at: {variant}",
        "let the number at position p go to cell indices[n, c, p] of its plane, and take delta from there",
        unpooled.ignored, ("other cells",),
    ),
    "indices-in-order": Form(
        "the cells are the right ones, but numbers go to them in the order of the cells, as by a mask",
        "let indices say which number goes where: a mask of winners has lost their order",
        unpooled.in_order, ("cells out of order",),
    ),
    "indices-counted-otherwise": Form(
        "cells are counted otherwise: {variant}",
        "count the cells of every plane by itself, row by row from 0, in the output's lengths",
        unpooled.counted_otherwise,
    ),
    "indices-of-another-plane": Form(
        "indices are those of another sample or channel: {variant}",
        "take indices[n, c] for the plane of sample n and channel c",
        unpooled.of_another_plane, ("planes that differ",),
    ),
    "gather-for-scatter": Form(
        "indices are read the other way round: {variant}",
        "put forward, y[indices[p]] = x[p], and take back, dx[p] = delta[indices[p]]",
        unpooled.other_way_round, ("other cells",),
    ),
}  # fmt: skip

UNPOOL_DX: dict[str, Form] = {
    **_WHERE,
    "delta-not-gathered": Form(
        "delta is masked and not taken from its cells: {variant}",
        "take delta[n, c, indices[n, c, p]] for position p: dX has the input's shape",
        unpooled.not_gathered,
    ),
    "spread-to-all": Form(
        "delta of a whole window is taken: {variant}",
        "take delta of the one cell that the number went to",
        unpooled.of_all_cells, ("room",),
    ),
    "delta-forgotten": Form(
        "delta counts as 1 everywhere", "take delta from every cell", alter.delta_of_ones, ("delta other than ones",)
    ),
    "delta-rotated": POOL_DX["delta-rotated"],
    "overlay-missing": Form(
        "positions are left out: the loop stops too early",
        "run the loop over all positions: range(P), not range(P - 1)",
        unpooled.fewer_positions, ("positions",),
    ),
}  # fmt: skip
UNPOOL_OUTPUT: dict[str, Form] = {
    **_WHERE,
    "spread-to-all": Form(
        "every number goes to all cells of a window, as where an image is made larger",
        "put it to its one cell, and leave the others at 0",
        unpooled.to_all_cells, ("room",),
    ),
    "overlay-missing": UNPOOL_DX["overlay-missing"],
}  # fmt: skip


def _anywhere(form: Form, made: Callable[[Any], Variants] | None = None) -> Form:
    """A form of other operations, for this one too."""
    return form._replace(operations=(), alter=made or form.alter)


_CHANNELS = {
    name: _anywhere(CHANNELS[name])
    for name in ("wrong-index", "wrong-operand", "channels-flipped", "channels-summed", "result-flipped",
                 "operand-flipped")
}  # fmt: skip
_MEMORY = {
    "operand-reshaped": MEMORY["operand-reshaped"],
    "read-offset": _anywhere(MEMORY["read-offset"], misread.offset),
    "not-set-back": MEMORY["not-set-back"],
}
_OTHERS = {"delta-axes-swapped": PLACES["delta-axes-swapped"], **_CHANNELS, **NUMBERS, **_MEMORY}
UNPOOL_PRACTICE: dict[str, dict[str, Form]] = {
    array: {name: where_numbers(form) for name, form in table.items()}
    for array, table in (("dX", {**FILLED, **_OTHERS}), ("output", _OTHERS))
}
