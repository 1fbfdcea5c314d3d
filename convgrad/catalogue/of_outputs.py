"""Mistakes in a claimed output, because a wrong forward is often the real culprit."""

from __future__ import annotations

from convgrad.catalogue import alterations as alter
from convgrad.catalogue.mistake import Form
from convgrad.catalogue.of_convolutions import DW, DX, PLAIN
from convgrad.catalogue.of_shapes import or_own_shape

OUTPUT: dict[str, Form] = {
    "kernel-rotated": Form(
        "the kernel is turned by 180 degrees",
        "say which convention is meant: `mode: convolution` turns the kernel, `cross-correlation` does not",
        alter.kernel_turned,
        ("taps", "asymmetric kernel"),
    ),
    "kernel-mirrored": DX["kernel-mirrored"],
    "axes-swapped": Form(
        "the kernel's spatial axes are exchanged",
        "read the kernel's rows along the input's rows",
        alter.kernel_axes_swapped,
        ("axes", "taps", "asymmetric kernel"),
    ),
    "bias-missing": Form(
        "the bias is left out",
        "add the bias of its channel to every output",
        alter.without_bias,
        ("bias",),
    ),
    "padding-ignored": Form(
        "windows are taken from the unpadded x, positions counted from its first cell",
        "pad x first",
        or_own_shape(alter.from_cell_zero),
        ("padding or cropping",),
    ),
    "padding-mode-ignored": Form(
        "the padding is read as zeros",
        "pad x with the cells that the padding mode copies",
        alter.zeros_for_copies,
        ("copied padding",),
        PLAIN,
    ),
    "stride-ignored": DW["stride-ignored"],
    "dilation-ignored": DW["dilation-ignored"],
    "stride-dilation-swapped": DX["stride-dilation-swapped"],
    "stride-axes-swapped": DW["stride-axes-swapped"],
    "remainder-shifted": Form(
        "output padding is put before the first window",
        "put output padding at the end",
        alter.remainder_first,
        ("remainder",),
        ("conv-transpose",),
    ),
    "groups-mixed": Form(
        "every group reads the first group's channels, or uses its kernels",
        "let group g read channels g*C/groups to (g+1)*C/groups, with its own kernels",
        alter.group_mixed,
        ("groups",),
    ),
    "channels-swapped": DX["channels-swapped"],
    "channel-missing": Form(
        "only the last input channel counts",
        "add over input channels: `+=`, not `=`",
        alter.last_input_channel,
        ("input channels",),
    ),
    "overwritten": Form(
        "overlapping overlays replace each other",
        "add them: `+=`, not `=`",
        alter.windows_replace,
        ("overlap",),
        ("conv-transpose",),
    ),
}
