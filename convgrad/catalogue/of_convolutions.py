"""Mistakes in the gradients of a convolution, plain or transposed: specific before general."""

from __future__ import annotations

import numpy as np

from convgrad.catalogue import alterations as alter
from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mistake import Form, Variants
from convgrad.catalogue.of_shapes import or_own_shape

CONVOLUTIONS = ("conv", "conv-transpose")
PLAIN = ("conv",)


def summed_to_another_axis(c: Convolution) -> Variants:
    """db with samples, or a spatial axis, in place of channels; or everything in one sum."""
    others = [axis for axis in range(c.delta.ndim) if axis != 1]
    left = {f"axis {axis} left": c.but(delta=np.swapaxes(c.delta, axis, 1)) for axis in others}
    flat = c.delta.reshape(*c.delta.shape[:2], -1)
    return {
        **left, "none left": c.but(delta=c.delta.reshape(1, 1, -1)), "positions left": c.but(delta=flat.swapaxes(1, 2)),
    }  # fmt: skip


DW: dict[str, Form] = {
    "kernel-rotated": Form(
        "it is turned by 180 degrees: the gradient of the other convention, or a flip too many",
        "leave out the flip, or say which convention is meant (`mode: convolution` or `cross-correlation`)",
        alter.kernel_turned,
        ("taps", "asymmetric dW"),
    ),
    "kernel-mirrored": Form(
        "it is flipped along one axis only",
        "flip along every spatial axis, or along none",
        alter.kernel_mirrored,
        ("axes", "taps", "asymmetric dW"),
    ),
    "delta-rotated": Form(
        "delta is turned by 180 degrees",
        "correlate x with delta as it is; a true convolution turns it once too often",
        alter.delta_turned,
        ("positions", "delta that varies", "asymmetric delta"),
    ),
    "axes-swapped": Form(
        "its spatial axes are exchanged",
        "give every tap the row and the column that it has in the kernel",
        alter.kernel_axes_swapped,
        ("axes", "taps", "asymmetric dW"),
    ),
    "channels-swapped": Form(
        "its output and input channels are exchanged",
        "put output channels first: dW[o,c] pairs delta's channel o with x's channel c",
        alter.kernel_channels_swapped,
        ("kernel channels",),
    ),
    "stride-ignored": Form(
        "windows are taken at stride 1",
        "let the window at position p start at cell p*stride - before",
        or_own_shape(alter.stride_one),
        ("stride", "positions"),
    ),
    "dilation-ignored": Form(
        "windows are taken at dilation 1",
        "let tap t of a window meet the cell t*dilation after its start",
        or_own_shape(alter.dilation_one),
        ("dilation", "taps"),
    ),
    "stride-dilation-swapped": Form(
        "stride is used as dilation and dilation as stride",
        "in dW positions step by the stride and taps by the dilation: x is read at p*stride + t*dilation",
        or_own_shape(alter.stride_for_dilation),
        ("stride other than dilation",),
    ),
    "stride-axes-swapped": Form(
        "two axes have each other's stride",
        "give strides in the order of the axes: rows first",
        or_own_shape(alter.strides_swapped),
        ("axes", "strides that differ"),
    ),
    "padding-ignored": Form(
        "windows are taken from the unpadded x, positions counted from its first cell",
        "pad x first, as the forward pass does",
        or_own_shape(alter.from_cell_zero),
        ("padding or cropping",),
    ),
    "padding-mode-ignored": Form(
        "the padding is read as zeros",
        "pad x with the cells that the forward pass copies",
        alter.zeros_for_copies,
        ("copied padding",),
        PLAIN,
    ),
    "groups-mixed": Form(
        "every group reads the first group's input channels",
        "let group g read input channels g*C/groups to (g+1)*C/groups",
        alter.input_of_first_group,
        ("groups",),
    ),
    "delta-forgotten": Form(
        "delta counts as 1 everywhere",
        "multiply every window by its delta",
        alter.delta_of_ones,
        ("delta other than ones",),
    ),
    "batch-averaged": Form(
        "it is divided by the number of samples",
        "add over samples; where the loss is a mean, delta has that factor already",
        alter.divided_by_samples,
        ("samples",),
    ),
    "overlays-averaged": Form(
        "it is divided by the number of positions",
        "add over positions, do not average",
        alter.divided_by_overlays,
        ("positions",),
    ),
    "sample-missing": Form(
        "only one sample counts",
        "add over samples: `+=`, not `=`, in the loop over the batch",
        alter.one_sample,
        ("samples",),
    ),
    "overlay-missing": Form(
        "the last positions are left out",
        "run the loop over all positions: range(P), not range(P - 1)",
        alter.fewer_overlays,
    ),
}

DX: dict[str, Form] = {
    "kernel-rotated": Form(
        "the kernel is turned by 180 degrees",
        "lay the kernel as the forward pass has it; a full convolution turns it by itself, a correlation does not",
        alter.kernel_turned,
        ("taps", "asymmetric kernel"),
    ),
    "kernel-mirrored": Form(
        "the kernel is flipped along one axis only",
        "flip along every spatial axis, or along none",
        alter.kernel_mirrored,
        ("axes", "taps", "asymmetric kernel"),
    ),
    "delta-rotated": Form(
        "delta is turned by 180 degrees",
        "leave delta as it is: of the two, only the kernel may need a turn",
        alter.delta_turned,
        ("positions", "delta that varies", "asymmetric delta"),
    ),
    "axes-swapped": Form(
        "the kernel's spatial axes are exchanged",
        "turn the kernel by 180 degrees where it must be turned; a transpose is something else",
        alter.kernel_axes_swapped,
        ("axes", "taps", "asymmetric kernel"),
    ),
    "channels-swapped": Form(
        "the kernel is indexed (input, output)",
        "index the kernel as it is stored",
        alter.kernel_channels_swapped,
        ("kernel channels", "square kernel channels"),
    ),
    "stride-ignored": Form(
        "delta is not spread out by the stride: overlays lie at 0, 1, 2, …",
        "let the overlay at position p start at cell p*stride - before",
        or_own_shape(alter.stride_one),
        ("stride", "positions"),
    ),
    "dilation-ignored": Form(
        "the kernel is laid without its dilation",
        "let tap t land on the cell t*dilation after the start of its overlay",
        or_own_shape(alter.dilation_one),
        ("dilation", "taps"),
    ),
    "stride-dilation-swapped": Form(
        "stride is used as dilation and dilation as stride",
        "positions step by the stride, taps by the dilation",
        or_own_shape(alter.stride_for_dilation),
        ("stride other than dilation",),
    ),
    "stride-axes-swapped": DW["stride-axes-swapped"],
    "padding-ignored": Form(
        "the padded gradient is cut from its first cell on",
        "cut from `before` on: the first cells of the padded gradient belong to the padding",
        alter.from_cell_zero,
        ("padding or cropping",),
    ),
    "padding-mode-ignored": Form(
        "what falls on the padding is dropped",
        "send the gradient of a padded cell back to the cell that it copies",
        alter.zeros_for_copies,
        ("copied padding",),
        PLAIN,
    ),
    "remainder-shifted": Form(
        "the cells past the last window are put before the first",
        "put the zeros for the remainder of the stride at the end",
        alter.remainder_first,
        ("remainder",),
    ),
    "groups-mixed": Form(
        "every group uses the first group's kernels",
        "let group g use filters g*O/groups to (g+1)*O/groups",
        alter.kernel_of_first_group,
        ("groups",),
    ),
    "delta-forgotten": Form(
        "delta counts as 1 everywhere",
        "multiply the kernel by delta at every overlay",
        alter.delta_of_ones,
        ("delta other than ones",),
    ),
    "overwritten": Form(
        "overlapping overlays replace each other",
        "add them: `+=`, not `=`",
        alter.windows_replace,
        ("overlap",),
        PLAIN,
    ),
    "channel-missing": Form(
        "only the last output channel counts",
        "add over output channels: `+=`, not `=`",
        alter.last_output_channel,
        ("output channels",),
    ),
    "overlay-missing": DW["overlay-missing"],
    "updated-kernel": Form(
        "the kernel is the one after the step",
        "compute dX before the kernel is updated, or keep the old one",
        alter.kernel_stepped,
    ),
}

DB: dict[str, Form] = {
    "batch-averaged": DW["batch-averaged"],
    "overlays-averaged": Form(
        "it is divided by the number of positions",
        "add delta over positions, do not average",
        alter.divided_by_overlays,
        ("positions",),
    ),
    "sample-missing": DW["sample-missing"],
    "wrong-axes": Form(
        "delta is summed over the wrong axes",
        "sum over samples and positions, so that the output channels are left",
        summed_to_another_axis,
    ),
    "delta-forgotten": Form(
        "overlays are counted, whatever their delta",
        "add up delta, not ones",
        alter.delta_of_ones,
        ("delta other than ones",),
    ),
    "overlay-missing": DW["overlay-missing"],
}
