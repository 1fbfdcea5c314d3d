"""Mistakes found in programs as people write them: windows, padding, cells and taps at other places; families."""

from __future__ import annotations

from convgrad.catalogue import miscut, mispadded, misplaced, misread, misstrided, transformed
from convgrad.catalogue.mistake import Form
from convgrad.catalogue.of_convolutions import CONVOLUTIONS, PLAIN
from convgrad.catalogue.of_pools import STRIDED
from convgrad.catalogue.of_shapes import or_own_shape

WINDOWED = (*CONVOLUTIONS, *STRIDED)

PLACES: dict[str, Form] = {
    "remainder-shifted": Form(
        "the cells past the last window are put before the first: {variant}",
        "put the zeros for the remainder of the stride at the end",
        misplaced.remainder_on_one_axis, ("remainder",), WINDOWED,
    ),
    "dilation-ignored": Form(
        "windows have dilation 1: {variant}",
        "let tap t of a window meet the cell t*dilation after its start",
        lambda c: {**misstrided.dilation_from_the_end(c), **misstrided.laid_otherwise(c, "dilation")},
        ("dilation",), WINDOWED,
    ),
    "stride-ignored": Form(
        "windows are taken at stride 1: {variant}",
        "let the window at position p start at cell p*stride - before",
        lambda c: misstrided.laid_otherwise(c, "stride"), ("stride",), ("max-pool",),
    ),
    "padding-ignored": Form(
        "positions are counted from the first cell of the unpadded input: {variant}",
        "let the window at position p start at cell p*stride - before",
        lambda c: misstrided.laid_otherwise(c, "before"), ("padding",), ("max-pool",),
    ),
    "stride-one-axis": Form(
        "an axis has another stride than its own: {variant}",
        "give every axis its own stride: rows first, then columns",
        or_own_shape(misstrided.stride_of_one_axis), ("axes", "stride", "positions"), WINDOWED,
    ),
    "dilation-one-axis": Form(
        "an axis has another dilation than its own: {variant}",
        "give every axis its own dilation: rows first, then columns",
        or_own_shape(misstrided.dilation_of_one_axis), ("axes", "dilation"), WINDOWED,
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
        misstrided.stride_misused, ("positions",), WINDOWED,
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
        "windows begin or end at other cells: {variant}",
        "let the window at position p start at cell p*stride - before, and end an extent after that",
        misplaced.moved_over, (), WINDOWED,
    ),
}  # fmt: skip

PADDED: dict[str, Form] = {
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

CUT: dict[str, Form] = {
    "cut-short": Form(
        "cells at its ends are missing: {variant}",
        "cut `before` cells at the start of every axis and keep as many as the input has: dx[before:before + length]",
        miscut.cut_short,
    ),
}  # fmt: skip

UNREAD: dict[str, Form] = {
    "cut-short": Form(
        "cells at the ends of x are not read, or dW has other taps: {variant}",
        "read every cell that a window covers, padding counted, and give dW as many taps as the kernel has",
        lambda c: {**miscut.cells_unread(c), **miscut.taps_counted_otherwise(c)}, (), PLAIN,
    ),
}  # fmt: skip

WRAPPED: dict[str, Form] = {
    "wrapped-round": Form(
        "it is a circular convolution: {variant}",
        "pad both to the length of the full convolution before the FFT, give irfft that length too, "
        "and conjugate only where it is a correlation",
        lambda c: {**miscut.wrapped(c), **transformed.one_short(c)}, (), PLAIN,
    ),
}  # fmt: skip

TAPS: dict[str, Form] = {
    "tap-missing": Form(
        "a tap of every window is left out: {variant}",
        "run the loop over all taps: range(K), from 0 on",
        miscut.tap_missing, (), WINDOWED,
    ),
}  # fmt: skip
