"""Random cases of every operation of the table, drawn by hypothesis (which shrinks them) or by NumPy (which is fast).

What is drawn follows from an operation's operands and settings, so that a new one is drawn, and tested, unasked.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from convgrad import vocabulary
from tests import definitions


def of_families(*families):
    """The operations of some families."""
    return tuple(name for name, row in vocabulary.OPERATIONS.items() if row.family in families)


OPERATIONS = tuple(vocabulary.OPERATIONS)
CONVOLUTIONS = of_families(vocabulary.CONVOLUTION, vocabulary.TRANSPOSED)
MAX_POOLS, NORMS, MEANS = (of_families(family) for family in (vocabulary.MAXIMUM, vocabulary.NORM, vocabulary.MEAN))
UNPOOLINGS = of_families(vocabulary.UNPOOLING)
# what most tests are about: windows, and differences by which cells they read
SLIDING = tuple(name for name in OPERATIONS if name not in UNPOOLINGS)
POOLS = tuple(name for name in SLIDING if name not in CONVOLUTIONS)
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
TIES = ("first", "last", "split", "all")

# the definitions are plain loops: what is drawn stays small enough for them, whatever the number of axes
LARGEST_WINDOW = {1: 4, 2: 3, 3: 2}
SPARE_CELLS = {1: 6, 2: 3, 3: 2}


@dataclass
class Drawn:
    """Choices made by hypothesis; the data come from one drawn seed, so that what shrinks is the geometry."""

    draw: Any

    def integer(self, low, high):
        return self.draw(st.integers(low, high))

    def one_of(self, *choices):
        return self.draw(st.sampled_from(choices))

    def generator(self):
        return np.random.default_rng(self.draw(st.integers(0, 2**16)))


@dataclass
class Seeded:
    """The same choices made by a NumPy generator."""

    random: np.random.Generator

    def integer(self, low, high):
        return int(self.random.integers(low, high + 1))

    def one_of(self, *choices):
        return choices[self.integer(0, len(choices) - 1)]

    def generator(self):
        return self.random


@st.composite
def cases(draw, operations=SLIDING, batches=(0, 3), **fixed):
    """A case of one of the operations, its numbers exact; `fixed` keys have that value."""
    choose = Drawn(draw)
    return random_case(choose, choose.one_of(*operations), choose.integer(1, 3), exact_data, batches, **fixed)


def float_cases(operations=SLIDING, **fixed):
    """Cases of the operations with float64 data, drawn by a seed."""

    def made(seed, operation):
        choose = Seeded(np.random.default_rng(seed))
        return random_case(choose, operation, choose.integer(1, 3), float_data, (1, 3), **fixed)

    return st.builds(made, st.integers(0, 2**20), st.sampled_from(operations))


def random_case(choose, operation, dims, data, batches=(1, 3), **fixed):
    """A valid case; `data(choose, operation, shape)` makes its arrays."""
    case = {"op": operation, "dims": dims, **geometry(choose, operation, dims), **fixed}
    case["input"] = np.zeros(case["input"])  # the shape first: what words like `same` mean depends on it
    if "kernel" in case:
        case["kernel"] = np.zeros(case["kernel"])
    case = with_ranks(choose, made_valid(case), batches)
    return with_data(choose, case, data)


# -- Geometry ----------------------------------------------------------------------------------------------------------


def geometry(choose, operation, dims):
    """Shapes in place of arrays, and a value for every setting."""
    row = vocabulary.OPERATIONS[operation]
    if row.family in KERNELS:
        return KERNELS[row.family](choose, dims)
    return {**windows(choose, row.settings, dims), **other_settings(choose, row.settings)}


def windows(choose, settings, dims):
    """The windows of what has no kernel."""
    if vocabulary.INDICES in settings:
        return unpooling_geometry(choose, dims)
    if "output_size" in settings:
        return adaptive_geometry(choose, dims)
    return pool_geometry(choose, dims, dilated="dilation" in settings)


def other_settings(choose, settings):
    """Settings that are no geometry, in the order of the table; some are left out now and then."""
    drawn = {}
    for name in settings:
        if name in OTHER_SETTINGS:
            drawn |= OTHER_SETTINGS[name](choose)
        elif name not in GEOMETRY and vocabulary.SETTINGS[name].choices:
            drawn[name] = choose.one_of(*vocabulary.SETTINGS[name].choices)
    return drawn


GEOMETRY = ("window", "stride", "padding", "dilation", "ceil_mode", "output_size", "indices")
OTHER_SETTINGS = {
    "ties": lambda choose: {"ties": choose.one_of(*TIES)},
    "counted": lambda choose: {},  # which only indices go by: tests/operations/test_cells.py
    "count_include_pad": lambda choose: {"count_include_pad": choose.one_of(True, False)},
    "divisor": lambda choose: {"divisor": choose.integer(1, 5)} if choose.one_of(True, False, False) else {},
    "norm": lambda choose: {"norm": 1},  # the one norm that is rational
    "signed": lambda choose: {"signed": choose.one_of(True, False)},
}


def conv_geometry(choose, dims):
    channels = channel_counts(choose, dims)
    axes = [axis_geometry(choose, dims, slack=0) for _ in range(dims)]
    return {
        "input": [axis["length"] for axis in axes],
        "kernel": [channels["out"], channels["inside"], *(axis["window"] for axis in axes)],
        "groups": channels["groups"],
        "stride": one_or_each(choose, [axis["stride"] for axis in axes]),
        "dilation": one_or_each(choose, [axis["dilation"] for axis in axes]),
        "padding": padding(choose, axes, ("valid", "same", "same-lower", "full", "causal")),
        "padding_mode": choose.one_of(*PADDING_MODES),
        "mode": choose.one_of("cross-correlation", "convolution"),
    }


def conv_transpose_geometry(choose, dims):
    channels = channel_counts(choose, dims)
    axes = [axis_geometry(choose, dims, slack=0) for _ in range(dims)]
    more = [choose.integer(0, max(axis["stride"], axis["dilation"]) - 1) for axis in axes]
    return {
        "input": [choose.integer(1, 1 + SPARE_CELLS[dims]) for _ in axes],
        "kernel": [channels["inside"] * channels["groups"], channels["per_group"], *(axis["window"] for axis in axes)],
        "groups": channels["groups"],
        "stride": one_or_each(choose, [axis["stride"] for axis in axes]),
        "dilation": one_or_each(choose, [axis["dilation"] for axis in axes]),
        "padding": padding(choose, axes, ("valid", "full")),
        "output_padding": one_or_each(choose, more),
        "mode": choose.one_of("cross-correlation", "convolution"),
    }


def pool_geometry(choose, dims, dilated):
    """Without `ceil_mode` a window must fit; with it the last may reach past the end."""
    ceil_mode = choose.one_of(False, True)
    axes = [axis_geometry(choose, dims, slack=1 if ceil_mode else 0, dilated=dilated) for _ in range(dims)]
    result = {
        "input": [axis["length"] for axis in axes],
        "window": one_or_each(choose, [axis["window"] for axis in axes]),
        "padding": padding(choose, axes, ("valid", "same", "same-lower", "full", "causal")),
        "ceil_mode": ceil_mode,
    }
    if choose.one_of(True, True, False):  # a pool's stride is its window where none is given
        result["stride"] = one_or_each(choose, [axis["stride"] for axis in axes])
    if dilated:
        result["dilation"] = one_or_each(choose, [axis["dilation"] for axis in axes])
    return result


def adaptive_geometry(choose, dims):
    lengths = [choose.integer(1, LARGEST_WINDOW[dims] + SPARE_CELLS[dims]) for _ in range(dims)]
    sizes = [choose.integer(1, length + 1) for length in lengths]  # more windows than cells is allowed
    return {"input": lengths, "output_size": one_or_each(choose, sizes)}


def unpooling_geometry(choose, dims):
    """Lengths of the output that have room for every number, each in a cell of its own."""
    lengths = [choose.integer(1, LARGEST_WINDOW[dims]) for _ in range(dims)]
    return {"input": lengths, "output_size": one_or_each(choose, [i + choose.integer(0, i + 1) for i in lengths])}


KERNELS = {vocabulary.CONVOLUTION: conv_geometry, vocabulary.TRANSPOSED: conv_transpose_geometry}


def axis_geometry(choose, dims, slack, dilated=True):
    """Numbers of one axis: stride beyond the window, unequal padding, cells that no window reaches, all happen."""
    window = choose.integer(1, LARGEST_WINDOW[dims])
    stride, dilation = choose.integer(1, window + 2), choose.integer(1, 3 if dims == 1 else 2) if dilated else 1
    extent = dilation * (window - 1) + 1
    before, after = choose.integer(-2, extent), choose.integer(0 if slack else -2, extent)  # below 0: cropped
    shortest = max(extent - before - after - slack * (stride - 1), 1)
    return {
        "window": window,
        "stride": stride,
        "dilation": dilation,
        "sides": [before, after],
        "length": choose.integer(shortest, max(shortest, extent) + SPARE_CELLS[dims]),
    }


def channel_counts(choose, dims):
    """Groups of one channel each are the depthwise convolution."""
    groups = choose.integer(1, 3 if dims < 3 else 2)
    inside, per_group = choose.integer(1, 2), choose.integer(1, 2)
    return {"groups": groups, "inside": inside, "per_group": per_group, "out": groups * per_group}


def one_or_each(choose, values):
    """One number for all axes, where the axes agree, or a list."""
    return values[0] if len(set(values)) == 1 and choose.one_of(True, False) else values


def padding(choose, axes, words):
    sides = [axis["sides"] for axis in axes]
    form = choose.one_of("each side", "each side", "each side", "each axis", "one number", "nothing", *words)
    numbers = {
        "each side": sides,
        "each axis": [before for before, _ in sides],
        "one number": sides[0][0],
        "nothing": 0,
    }
    return numbers.get(form, form)


def made_valid(case):
    """The case, its input grown or its padding less where the choices do not go together."""
    if is_valid(case):
        return case
    sides, total = definitions.paddings(case), sum if case["op"] == "conv-transpose" else max
    axes = zip(definitions.lengths(case), definitions.extents(case), sides, strict=True)
    larger = {**case, "input": np.zeros([max(i, extent, total(pair) + 1) for i, extent, pair in axes])}
    halves = [
        [min(side, size // 2) for side in pair] for pair, size in zip(sides, definitions.window(case), strict=True)
    ]
    choices = [larger, {**case, "padding": halves}, {**larger, "padding": halves}, {**larger, "padding": 0}]
    return next(choice for choice in choices if is_valid(choice))


def is_valid(case):
    """Whether there is an output, copies have a cell to copy, and windows meet the input where they must."""
    if "output_size" in case:
        return True
    if any(length < 1 for length in definitions.output_lengths(case)):
        return False
    if case.get("ceil_mode") and any(after < 0 for _, after in definitions.paddings(case)):
        return False
    if "kernel" in case:
        limit = {"reflect": -1, "circular": 0}.get(case.get("padding_mode"), np.inf)
        copies = case.get("padding_mode", "zeros") != "zeros"
        return all(
            max(pair) <= i + limit and not (copies and min(pair) < 0 < max(pair))
            for pair, i in zip(definitions.paddings(case), definitions.lengths(case), strict=True)
        )
    return not needs_cells(case) or all(
        definitions.pool_cells(case, position) for position in np.ndindex(*definitions.output_lengths(case))
    )


def needs_cells(case):
    """Whether a window that meets padding only has no value: no maximum, no mean of nothing."""
    counted = case.get("count_include_pad", True) or "divisor" in case
    return case["op"] not in (*MEANS, *NORMS) or (case["op"] in MEANS and not counted)


# -- Ranks and data ----------------------------------------------------------------------------------------------------


def with_ranks(choose, case, batches):
    """The same case with arrays of shapes in one of the ranks that its operands may have."""
    lengths, dims = np.shape(case["input"]), case["dims"]
    kernel = np.shape(case["kernel"]) if "kernel" in case else ()
    channels = input_channels(case) if kernel else choose.integer(1, 2)
    bare = (lengths,) if channels == 1 else ()
    batched = (choose.integer(*batches), channels, *lengths)
    shape = choose.one_of(batched, batched, (channels, *lengths), *bare)
    case = {**case, "input": np.zeros(shape)}
    if kernel[:2] == (1, 1) and choose.one_of(True, False):
        case["kernel"] = np.zeros(kernel[-dims:])
    return case


def input_channels(case):
    shape = np.shape(case["kernel"])
    return shape[0] if case["op"] == "conv-transpose" else shape[1] * case["groups"]


def with_data(choose, case, data):
    """The case with numbers in place of shapes."""
    operation = case["op"]
    case = {**case, "input": data(choose, operation, case["input"].shape)}
    if "kernel" in case:
        case["kernel"] = data(choose, operation, case["kernel"].shape)
        if choose.one_of(True, False):
            case["bias"] = data(choose, operation, (definitions.out_channels(case),))
    if operation in UNPOOLINGS:
        case["indices"] = cells(choose, case)
    shape = definitions.lowered(case, np.zeros(definitions.output_shape(case))).shape
    return {**case, "delta": data(choose, "delta", shape)}


def cells(choose, case):
    """For every number of a plane a cell of the output, none of them twice."""
    count, size = int(np.prod(definitions.lengths(case))), int(np.prod(definitions.output_lengths(case)))
    planes = []
    for _ in range(int(np.prod(definitions.full_shape(case, "input")[:2]))):
        left, plane = list(range(size)), []
        while len(plane) < count:
            plane.append(left.pop(choose.integer(0, len(left) - 1)))
        planes.append(plane)
    return np.array(planes, int).reshape(np.shape(case["input"]))


def exact_data(choose, operation, shape):
    """Small rationals, now and then ones too long for a float; few different whole numbers where ties matter."""
    random = choose.generator()
    if operation in MAX_POOLS:
        return rationals(random.integers(-1, 3, shape), 1)
    denominator = choose.one_of(1, 2, 3, 10, 1_000_003)
    most = 9 if denominator <= 10 else 10**12
    return rationals(random.integers(-most, most + 1, shape), denominator)


def rationals(numerators, denominator):
    result = np.empty(numerators.shape, dtype=object)
    for index in np.ndindex(numerators.shape):
        result[index] = Fraction(int(numerators[index]), denominator)
    return result


def float_data(choose, operation, shape):
    """Normal numbers, away from zero; few different whole numbers where ties matter."""
    random = choose.generator()
    if operation in MAX_POOLS:
        return random.integers(-1, 3, shape).astype(float)
    values = random.standard_normal(shape)
    return np.where(values < 0, values - 0.125, values + 0.125)
