"""Mistakes that were found in programs as people write them: families, tried where no other mistake fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convgrad.catalogue import (
    loops,
    miscut,
    misgrouped,
    mishandled,
    misindexed,
    mispadded,
    misplaced,
    misread,
    pool_loops,
    rewritten,
    shared,
    transformed,
    uncleared,
)
from convgrad.catalogue.mispooled import divisors_mistaken, winners_mistaken
from convgrad.catalogue.mistake import Form, Variants
from convgrad.catalogue.of_convolutions import CONVOLUTIONS, PLAIN
from convgrad.catalogue.of_pools import ADAPTIVE, AVERAGE, MAX, STRIDED
from convgrad.catalogue.of_shapes import or_own_shape

WINDOWED = (*CONVOLUTIONS, *STRIDED)


def _no_winners(c: Any) -> Variants:
    """Operands of another sample or channel; a winner of another is a mistake of its own."""
    return {name: made for name, made in misindexed.indexed(c).items() if not name.startswith("x:") or c.array != "dX"}


PLACES: dict[str, Form] = {
    "remainder-shifted": Form(
        "the cells past the last window are put before the first: {variant}",
        "put the zeros for the remainder of the stride at the end",
        misplaced.remainder_on_one_axis, ("remainder",), WINDOWED,
    ),
    "dilation-ignored": Form(
        "windows have dilation 1: {variant}",
        "let tap t of a window meet the cell t*dilation after its start",
        lambda c: {**misplaced.dilation_from_the_end(c), **misplaced.laid_otherwise(c, "dilation")},
        ("dilation",), WINDOWED,
    ),
    "stride-ignored": Form(
        "windows are taken at stride 1: {variant}",
        "let the window at position p start at cell p*stride - before",
        lambda c: misplaced.laid_otherwise(c, "stride"), ("stride",), ("max-pool",),
    ),
    "padding-ignored": Form(
        "positions are counted from the first cell of the unpadded input: {variant}",
        "let the window at position p start at cell p*stride - before",
        lambda c: misplaced.laid_otherwise(c, "before"), ("padding",), ("max-pool",),
    ),
    "stride-one-axis": Form(
        "an axis has another stride than its own: {variant}",
        "give every axis its own stride: rows first, then columns",
        or_own_shape(misplaced.stride_of_one_axis), ("axes", "stride", "positions"), WINDOWED,
    ),
    "dilation-one-axis": Form(
        "an axis has another dilation than its own: {variant}",
        "give every axis its own dilation: rows first, then columns",
        or_own_shape(misplaced.dilation_of_one_axis), ("axes", "dilation"), WINDOWED,
    ),
    "padding-other-side": Form(
        "the padding before an axis is not what it should be: {variant}",
        "take `before` for where the first window starts; `after` only says how many there are",
        mispadded.padding_of_other_side, ("padding",), WINDOWED,
    ),
    "padding-axes-swapped": Form(
        "an axis has another's padding: {variant}",
        "give every axis its own padding, in the order of the axes: rows first",
        mispadded.padding_of_other_axis, ("axes", "padding", "uneven padding"), WINDOWED,
    ),
    "stride-misused": Form(
        "stride, dilation or a row's index is used where something else is meant: {variant}",
        "let tap t of the window at position p meet cell p*stride - before + t*dilation, on every axis by itself",
        misplaced.stride_misused, ("positions",), WINDOWED,
    ),
    "delta-axes-swapped": Form(
        "height and width are exchanged: {variant}",
        "read delta, and every length, in the order of the axes: rows first",
        misread.delta_exchanged, ("axes",),
    ),
    "kernel-rotated": Form(
        "the kernel is turned by a quarter, not by a half: {variant}",
        "turn the kernel by 180 degrees where it must be turned: flip it along every spatial axis",
        misplaced.turned_by_a_quarter, ("axes", "taps", "asymmetric kernel"), CONVOLUTIONS,
    ),
    "shifted": Form(
        "windows start at other cells: {variant}",
        "let the window at position p start at cell p*stride - before",
        misplaced.moved_over, (), WINDOWED,
    ),
}  # fmt: skip
_PADDED: dict[str, Form] = {
    "padding-values": Form(
        "the padding has other values: {variant}",
        "pad as the forward pass does: with zeros, or with the cells that its padding mode copies",
        mispadded.padding_values, ("padding",), CONVOLUTIONS,
    ),
    "padding-not-folded": Form(
        "the gradient of copied cells is not sent back: {variant}",
        "add the gradient of a padded cell to the cell that it copies, on every side",
        mispadded.padding_not_folded, ("copied padding",), PLAIN,
    ),
    "tap-clamped": Form(
        "a tap outside the input reads the cell at the edge: {variant}",
        "leave out a tap whose cell is outside, do not clamp its index",
        mispadded.tap_clamped, (), (*PLAIN, *STRIDED),
    ),
}  # fmt: skip
CHANNELS: dict[str, Form] = {
    "wrong-index": Form(
        "an operand is that of another sample, channel or position: {variant}",
        "index every operand by the loop's own variables: x by sample, channel, cell, delta by sample, filter, cell",
        _no_winners,
    ),
    "wrong-operand": Form(
        "another array stands in an operand's place: {variant}",
        "multiply delta with x for dW, with the kernel for dX; neither y nor a running sum",
        misindexed.other_operand,
    ),
    "channels-flipped": Form(
        "channels are flipped: {variant}",
        "flip the kernel along its spatial axes only: w[:, :, ::-1, ::-1]",
        misindexed.channels_flipped,
    ),
    "channels-permuted": Form(
        "channels stand in another order: {variant}",
        "count output channels of a depthwise layer as c*M + m; channels of a group stand together",
        misindexed.channels_permuted, ("channels",), CONVOLUTIONS,
    ),
    "groups-mixed": Form(
        "groups read, or write, other channels than theirs: {variant}",
        "let group g of G read channels g*C/G to (g+1)*C/G with filters g*O/G to (g+1)*O/G",
        misgrouped.groups_misread, ("groups",), CONVOLUTIONS,
    ),
    "channels-summed": Form(
        "channels are added up: {variant}",
        "keep the channel axis: sum over samples and positions for db, over output channels for dX",
        mishandled.channels_summed, ("channels",),
    ),
    "result-flipped": Form(
        "the result is reversed: {variant}",
        "write every entry to its own place",
        misindexed.result_flipped,
    ),
    "operand-flipped": Form(
        "an operand is reversed: {variant}",
        "reverse nothing but the kernel, and that only where it must be turned",
        misindexed.operand_flipped, (), WINDOWED,
    ),
}  # fmt: skip
NUMBERS: dict[str, Form] = {
    "masked": Form(
        "entries are set to 0 by a sign: {variant}",
        "leave the slope of an activation to its own layer",
        mishandled.masked,
    ),
    "multiplied": Form(
        "there is a factor too many: {variant}",
        "multiply delta with what the chain rule asks for, and nothing else",
        mishandled.multiplied,
    ),
    "truncated": Form(
        "numbers are cut to whole ones: {variant}",
        "compute in floating point: an array of integers, or `//`, cuts",
        mishandled.truncated, ("fractions",),
    ),
    "operand-narrow": Form(
        "an operand is rounded to half precision: {variant}",
        "keep operands in the type that they came in",
        mishandled.narrowed, ("fractions",),
    ),
    "clipped": Form(
        "entries are clipped at {variant}",
        "give the gradient itself, and clip it afterwards",
        mishandled.clipped,
    ),
}  # fmt: skip
MEMORY: dict[str, Form] = {
    "operand-reshaped": Form(
        "an array is read in another order than it lies in memory: {variant}",
        "transpose axes before a reshape merges or splits them; a reshape does not move numbers",
        misread.reshaped,
    ),
    "read-offset": Form(
        "an array is read, or written, elsewhere in memory: {variant}",
        "address entry (n, c, i, j) as ((n*C + c)*H + i)*W + j with the array's own lengths, and test both ends",
        lambda c: {**misread.offset(c), **mispadded.row_run_over(c)},
    ),
    "not-set-back": Form(
        "an accumulator is not set back to 0: {variant}",
        "set it to 0 before every entry",
        lambda c: {**uncleared.running(c), **uncleared.tiled(c)},
    ),
}  # fmt: skip
_SHARED: dict[str, Form] = {
    "buffer-shared": Form(
        "dX is added up in the memory of x, which later windows read: {variant}",
        "add dX up in an array of its own: np.zeros_like(x), not x itself",
        shared.buffer_shared, ("overlap",), PLAIN,
    ),
}  # fmt: skip
_SUMS: dict[str, Form] = {
    "one-overlay-only": Form(
        "one overlay alone counts: {variant}",
        "add over positions: `+=`, not `=`, and return after the loop",
        mishandled.one_overlay, ("positions",),
    ),
}  # fmt: skip
FILLED: dict[str, Form] = {
    "sample-missing": Form(
        "only one sample is filled: {variant}",
        "run the loop over the whole batch, and return after it",
        mishandled.one_sample_filled, ("samples",),
    ),
}  # fmt: skip
_CUT: dict[str, Form] = {
    "cut-short": Form(
        "cells at its ends are missing: {variant}",
        "cut `before` cells at the start of every axis and keep as many as the input has: dx[before:before + length]",
        miscut.cut_short,
    ),
}  # fmt: skip
_UNREAD: dict[str, Form] = {
    "cut-short": Form(
        "cells at the ends of x are not read, or dW has other taps: {variant}",
        "read every cell that a window covers, padding counted, and give dW as many taps as the kernel has",
        lambda c: {**miscut.cells_unread(c), **miscut.taps_counted_otherwise(c)}, (), PLAIN,
    ),
}  # fmt: skip
_WRAPPED: dict[str, Form] = {
    "wrapped-round": Form(
        "it is a circular convolution: {variant}",
        "pad both to the length of the full convolution before the FFT, give irfft that length too, "
        "and conjugate only where it is a correlation",
        lambda c: {**miscut.wrapped(c), **transformed.one_short(c)}, (), PLAIN,
    ),
}  # fmt: skip
_TAIL: dict[str, Form] = {
    "rows-missing": Form(
        "positions are left out: {variant}",
        "run the loop over all positions, also over what its steps leave at the end",
        mishandled.tail_missing, ("positions",),
    ),
}  # fmt: skip
_STEPPED: dict[str, Form] = {
    "updated-kernel": Form(
        "the kernel is the one after a step: {variant}",
        "compute dX before the kernel is updated, or keep the old one",
        mishandled.stepped_by_sample, ("samples",), PLAIN,
    ),
}  # fmt: skip
_TAPS: dict[str, Form] = {
    "tap-missing": Form(
        "a tap of every window is left out: {variant}",
        "run the loop over all taps: range(K), from 0 on",
        miscut.tap_missing, (), WINDOWED,
    ),
}  # fmt: skip
_OVERWRITTEN: dict[str, Form] = {
    "taps-overwritten": Form(
        "a cell keeps one term in place of their sum: {variant}",
        "add: `+=` in col2im, and np.add.at where indices repeat",
        mishandled.taps_overwritten, ("taps",), CONVOLUTIONS,
    ),
}  # fmt: skip
_POOL: dict[str, Form] = {
    "wrong-winner": Form(
        "another cell wins: {variant}",
        "give delta to the largest cell of this window, in this sample and channel",
        winners_mistaken, ("larger window",), MAX,
    ),
    "windows-floored": Form(
        "windows are too short: {variant}",
        "let window o of n go from floor(o*i/n) to before ceil((o+1)*i/n)",
        misplaced.windows_floored, (), ADAPTIVE,
    ),
    "wrong-divisor": Form(
        "the divisor counts other cells: {variant}",
        "divide by the product of the cells along every axis",
        divisors_mistaken, (), AVERAGE,
    ),
}  # fmt: skip

_OF_DB = {**_SUMS, **_TAIL, **CHANNELS, **MEMORY, **NUMBERS}
_PRACTICE: dict[str, dict[str, dict[str, Form]]] = {
    "convolution": {
        "dW": {
            **_SUMS, **_TAIL, **_WRAPPED, **_TAPS, **PLACES, **_PADDED, **_UNREAD, **CHANNELS, **NUMBERS, **MEMORY,
            **_SHARED,
        },
        "dX": {
            **FILLED, **_OVERWRITTEN, **_STEPPED, **_SUMS, **_TAIL, **_WRAPPED, **_TAPS, **PLACES, **_PADDED, **_CUT,
            **CHANNELS, **NUMBERS, **MEMORY,
        },
        "db": {name: form for name, form in _OF_DB.items() if name != "clipped"},
        "output": {**_OVERWRITTEN, **_TAPS, **PLACES, **_PADDED, **_UNREAD, **CHANNELS, **NUMBERS, **MEMORY},
    },
    "pool": {
        "dX": {
            **FILLED, **_SUMS, **_TAIL, **_POOL, **_TAPS, **PLACES, "tap-clamped": _PADDED["tap-clamped"], **_CUT,
            **CHANNELS, **NUMBERS, **MEMORY,
        },
        "output": {**{name: form for name, form in _POOL.items() if name != "wrong-winner"}, **_TAPS, **PLACES,
                   "tap-clamped": _PADDED["tap-clamped"], **CHANNELS, **NUMBERS, **MEMORY},
    },
}  # fmt: skip


def where_numbers(form: Form) -> Form:
    """A form that alters nothing where there are no numbers."""

    def alter(c: Any) -> Variants:
        return form.alter(c) if c.x.size and c.delta.size else {}

    return form._replace(alter=alter)


PRACTICE = {
    kind: {array: {name: where_numbers(form) for name, form in table.items()} for array, table in tables.items()}
    for kind, tables in _PRACTICE.items()
}
"""In the order in which they are tried: what is specific and quickly made before families."""


def _by_loops(name: str, alter: Callable[[Any], Variants]) -> Form:
    table = PLACES if name in PLACES else CHANNELS
    return where_numbers(table[name]._replace(alter=alter))


_LOOPS = {
    "stride-misused": _by_loops(
        "stride-misused", lambda c: {**loops.cells_by_other_loop(c), **pool_loops.cells_by_other_loop(c)}
    ),
    "wrong-index": _by_loops(
        "wrong-index",
        lambda c: {
            **rewritten.written_elsewhere(c),
            **loops.indices_by_other_loop(c),
            **pool_loops.indices_by_other_loop(c),
        },
    ),
}
LAST: dict[str, dict[str, dict[str, Form]]] = {
    "convolution": {"dW": _LOOPS, "dX": _LOOPS, "db": {"wrong-index": _LOOPS["wrong-index"]}, "output": _LOOPS},
    "pool": {"dX": _LOOPS},
}
"""Other ways in which those happen, which take longer: tried after all."""
