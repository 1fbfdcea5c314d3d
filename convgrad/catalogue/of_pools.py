"""Mistakes in the gradients and outputs of pools: specific before general."""

from __future__ import annotations

from functools import partial

from convgrad.catalogue import alterations as alter
from convgrad.catalogue.mispooled import divided, even_windows, padding_competes, replaced, tied
from convgrad.catalogue.mistake import Form, one
from convgrad.catalogue.of_convolutions import DW
from convgrad.catalogue.of_shapes import or_own_shape
from convgrad.catalogue.pooling import or_by_whole_windows

MAX = ("max-pool", "adaptive-max-pool")
AVERAGE = ("average-pool", "adaptive-average-pool")
LP = ("lp-pool",)
ADAPTIVE = ("adaptive-max-pool", "adaptive-average-pool")
STRIDED = ("max-pool", "average-pool", "lp-pool")

TIES: dict[str, Form] = {
    f"ties-{rule}": Form(
        f"{who} of equal cells {gets}",
        f"follow the rule that is asked for, or ask for `ties: {rule}`",
        partial(tied, rule=rule),
        ("ties",),
        MAX,
    )
    for rule, who, gets in (
        ("first", "the first", "takes the whole delta"),
        ("last", "the last", "takes the whole delta"),
        ("split", "every one", "takes an equal part of delta"),
        ("all", "every one", "takes the whole delta"),
    )
}
_DIVISORS: dict[str, Form] = {
    "not-divided": Form(
        "nothing is divided",
        "divide by the number of cells that the mean counts",
        partial(divided, by=1),
        ("larger window",),
        AVERAGE,
    ),
    "padding-counted": Form(
        "cells in the padding count in the divisor",
        "divide by the cells inside the input, or ask for `count_include_pad: true`",
        partial(divided, by="padding counted"),
        ("padding",),
        ("average-pool",),
    ),
    "padding-not-counted": Form(
        "cells in the padding do not count in the divisor",
        "divide by all cells of the window, or ask for `count_include_pad: false`",
        partial(divided, by="padding not counted"),
        ("padding",),
        ("average-pool",),
    ),
    "full-window-divided": Form(
        "every window is divided by its full size",
        "divide a window that the edge cuts, or an adaptive one, by the cells that it has",
        partial(divided, by="window"),
        ("cut windows",),
        AVERAGE,
    ),
}
_GEOMETRY: dict[str, Form] = {
    "stride-ignored": Form(
        "windows are taken at stride 1",
        "let the window at position p start at cell p*stride - before (a pool's stride is its window by default)",
        or_own_shape(alter.stride_one),
        ("stride", "positions"),
        STRIDED,
    ),
    "stride-axes-swapped": DW["stride-axes-swapped"]._replace(
        alter=or_own_shape(lambda c: or_by_whole_windows(alter.strides_swapped(c))), operations=("average-pool",)
    ),
    "padding-ignored": Form(
        "positions are counted from the first cell of the unpadded input",
        "let the window at position p start at cell p*stride - before",
        or_own_shape(alter.from_cell_zero),
        ("padding or cropping",),
        STRIDED,
    ),
    "dilation-ignored": Form(
        "windows are taken at dilation 1",
        "let tap t of a window meet the cell t*dilation after its start",
        or_own_shape(alter.dilation_one),
        ("dilation", "larger window"),
        STRIDED,
    ),
    "windows-even": Form(
        "all windows have one size and stride, the input's length over the output's",
        "let window o of n go from floor(o*i/n) to before ceil((o+1)*i/n)",
        even_windows,
        ("uneven windows",),
        ADAPTIVE,
    ),
}

POOL_DX: dict[str, Form] = {
    **TIES,
    "spread-to-all": Form(
        "delta goes to every cell of the window",
        "give delta to the largest cell alone",
        lambda c: one(c.but(rule="spread")),
        ("larger window",),
        MAX,
    ),
    "padding-as-zero": Form(
        "padding competes as 0",
        "let padding act as minus infinity: it is never the maximum",
        padding_competes,
        ("padding", "negative window"),
        ("max-pool",),
    ),
    "overwritten": Form(
        "overlapping windows replace each other",
        "add them: `+=`, not `=`",
        replaced,
        ("overlap",),
    ),
    **_DIVISORS,
    **_GEOMETRY,
    "sign-forgotten": Form(
        "the sign of x is left out",
        "multiply by sign(x): the norm takes absolute values",
        lambda c: {} if c.powers_signed else one(c.but(signed=False)),
        ("negative numbers",),
        LP,
    ),
    "root-forgotten": Form(
        "the root is left out: it is the gradient of the sum of powers",
        "multiply by y^(1-p)/p, the derivative of the root",
        lambda c: one(c.but(rooted=False)),
        ("norm above 1",),
        LP,
    ),
    "delta-forgotten": Form(
        "delta counts as 1 everywhere",
        "multiply by delta at every window",
        alter.delta_of_ones,
        ("delta other than ones",),
    ),
    "delta-rotated": Form(
        "delta is turned by 180 degrees",
        "leave delta as it is",
        alter.delta_turned,
        ("positions", "delta that varies", "asymmetric delta"),
    ),
    "overlay-missing": DW["overlay-missing"],
}

POOL_OUTPUT: dict[str, Form] = {
    "padding-as-zero": POOL_DX["padding-as-zero"],
    **_DIVISORS,
    **_GEOMETRY,
    "root-forgotten": Form(
        "the root is left out",
        "take the p-th root of the sum",
        lambda c: one(c.but(rooted=False)),
        ("norm above 1",),
        LP,
    ),
}
