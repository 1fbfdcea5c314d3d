"""Mistakes found in programs as people write them: other operands, channels, numbers, memory; families."""

from __future__ import annotations

from typing import Any

from convgrad.catalogue import misgrouped, mishandled, misindexed, misread, overrun, shared, uncleared
from convgrad.catalogue.mistake import Form, Variants
from convgrad.catalogue.of_convolutions import CONVOLUTIONS, PLAIN
from convgrad.catalogue.of_places import WINDOWED


def _no_winners(c: Any) -> Variants:
    """Operands of another sample or channel; a winner of another is a mistake of its own."""
    return {name: made for name, made in misindexed.indexed(c).items() if not name.startswith("x:") or c.array != "dX"}


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
        lambda c: {**misread.offset(c), **overrun.row_run_over(c)},
    ),
    "not-set-back": Form(
        "an accumulator is not set back to 0: {variant}",
        "set it to 0 before every entry",
        lambda c: {**uncleared.running(c), **uncleared.tiled(c)},
    ),
}  # fmt: skip

SHARED: dict[str, Form] = {
    "buffer-shared": Form(
        "dX is added up in the memory of x, which later windows read: {variant}",
        "add dX up in an array of its own: np.zeros_like(x), not x itself",
        shared.buffer_shared, ("overlap",), PLAIN,
    ),
}  # fmt: skip

STEPPED: dict[str, Form] = {
    "updated-kernel": Form(
        "the kernel is the one after a step: {variant}",
        "compute dX before the kernel is updated, or keep the old one",
        mishandled.stepped_by_sample, ("samples",), PLAIN,
    ),
}  # fmt: skip
