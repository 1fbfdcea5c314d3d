"""PyTorch computes the same outputs and gradients, over thousands of random cases of every operation."""

import importlib.util
import math
import os

import numpy as np
import pytest

import convgrad
from tests import definitions
from tests.geometry import MAX_POOLS, SLIDING, Seeded, float_data, random_case

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch: pip install 'convgrad[oracle]'"),
]

SEED = int(os.environ.get("CONVGRAD_SEED", "0"))
CASES_EACH = 150  # of 7 operations in 1, 2 and 3 axes: 3150 in all
SINGLE_EACH = 20
UNIT = {"float64": 2.0**-53, "float32": 2.0**-24}


# -- What PyTorch can express ------------------------------------------------------------------------------------------


def expressible(case):
    """Whether PyTorch has a way to say it; where it has none, another case is drawn."""
    return EXPRESSIBLE[case["op"]](case)


def symmetric(case):
    """Equal padding on both sides, of at most half the window: all that PyTorch's own pools take."""
    return all(
        0 <= before == after <= size // 2
        for (before, after), size in zip(definitions.paddings(case), definitions.window(case), strict=True)
    )


def max_pool_expressible(case):
    if case["ties"] == "split":  # torch.amax over unfolded windows, which are dense
        return not case["ceil_mode"] and not dilated(case)
    return case["ties"] == "first" and (symmetric(case) or not case["ceil_mode"])


def dilated(case):
    return max(definitions.per_axis(case, "dilation", 1)) > 1


def average_pool_expressible(case):
    if dilated(case):  # as a sum, which is a convolution, over a number of cells
        return not case["ceil_mode"]
    if case["dims"] == 3 and any(np.less(definitions.lengths(case), definitions.window(case))):
        return False  # avg_pool3d refuses an input below the window, also where padding makes up for it
    return symmetric(case) or (not case["ceil_mode"] and (case["count_include_pad"] or "divisor" in case))


EXPRESSIBLE = {
    "conv": lambda case: True,
    "conv-transpose": lambda case: True,
    "max-pool": max_pool_expressible,
    "average-pool": average_pool_expressible,
    # in ceil mode PyTorch takes the mean of the cut window times the size of the whole one, not the sum that is there
    "lp-pool": lambda case: not case["ceil_mode"],
    "adaptive-max-pool": lambda case: case["ties"] == "first",
    "adaptive-average-pool": lambda case: True,
}


# -- The operations in PyTorch's words ---------------------------------------------------------------------------------


def functional():
    import torch  # not at the top: it takes seconds, also where these tests are not the ones asked for

    return torch.nn.functional


def function(name, dims):
    """conv and 2 are torch.nn.functional.conv2d."""
    return getattr(functional(), f"{name}{dims}d")


def padded(x, sides, mode="constant", value=0.0):
    """x with its padding written out, or cropped where it is negative; PyTorch lists the last axis first."""
    flat = [side for pair in reversed(sides) for side in pair]
    return functional().pad(x, flat, mode=mode, **({"value": value} if mode == "constant" else {}))


def kernel_as_correlated(case, w):
    return w.flip(tuple(range(2, w.ndim))) if case["mode"] == "convolution" else w


def placement(case):
    return {"stride": definitions.strides(case), "dilation": definitions.per_axis(case, "dilation", 1)}


def befores(case):
    return [before for before, _ in definitions.paddings(case)]


def torch_conv(case, x, w, b):
    mode = {"zeros": "constant"}.get(case["padding_mode"], case["padding_mode"])
    x, w = padded(x, definitions.paddings(case), mode), kernel_as_correlated(case, w)
    return function("conv", case["dims"])(x, w, b, groups=case["groups"], **placement(case))


def torch_conv_transpose(case, x, w, b):
    w, settings = kernel_as_correlated(case, w), {"groups": case["groups"], **placement(case)}
    more, sides = definitions.per_axis(case, "output_padding", 0), definitions.paddings(case)
    transposed = function("conv_transpose", case["dims"])
    if all(0 <= before == after for before, after in sides):
        return transposed(x, w, b, padding=befores(case), output_padding=more, **settings)
    crop = [(-before, extra - after) for (before, after), extra in zip(sides, more, strict=True)]
    return padded(transposed(x, w, **settings), crop) + b.reshape(-1, *(1,) * case["dims"])


def torch_max_pool(case, x):
    if case["ties"] == "split":
        return torch_amax(case, padded(x, definitions.paddings(case), value=-math.inf))
    pool, window = function("max_pool", case["dims"]), definitions.window(case)
    if symmetric(case):
        return pool(x, window, padding=befores(case), ceil_mode=case["ceil_mode"], **placement(case))
    return pool(padded(x, definitions.paddings(case), value=-math.inf), window, **placement(case))


def torch_amax(case, x):
    for axis, (size, stride) in enumerate(zip(definitions.window(case), definitions.strides(case), strict=True), 2):
        x = x.unfold(axis, size, stride)
    return x.amax(tuple(range(-case["dims"], 0)))


def torch_average_pool(case, x):
    """One axis is computed as two: only the functions of more axes take a divisor."""
    if dilated(case):
        return summed(case, padded(x, definitions.paddings(case))) / torch_divisor(case, x)
    if case["dims"] == 1:
        two = {key: [[0, 0] if key == "padding" else 1, *per_axis(case)] for key, per_axis in AXES.items()}
        return torch_average_pool({**case, **two, "dims": 2, "input": case["input"][..., None, :]}, x[:, :, None])[
            :, :, 0
        ]
    settings = {"stride": definitions.strides(case), "divisor_override": case.get("divisor")}
    pool, window = function("avg_pool", case["dims"]), definitions.window(case)
    if not symmetric(case):
        return pool(padded(x, definitions.paddings(case)), window, **settings)
    settings |= {"ceil_mode": case["ceil_mode"], "count_include_pad": case["count_include_pad"]}
    return pool(x, window, padding=befores(case), **settings)


def summed(case, x):
    """The sum under every window, as a convolution of each channel with ones: PyTorch's own sums have no dilation."""
    ones = x.new_ones((x.shape[1], 1, *definitions.window(case)))
    return function("conv", case["dims"])(x, ones, groups=x.shape[1], **placement(case))


def torch_divisor(case, x):
    if "divisor" in case:
        return case["divisor"]
    counts = float(case["count_include_pad"])
    return summed(case, padded(x.detach() * 0 + 1, definitions.paddings(case), value=counts))


AXES = {"window": definitions.window, "stride": definitions.strides, "padding": definitions.paddings}


def torch_lp_pool(case, x):
    """PyTorch sums x^p with its sign: else the sizes are taken before, which gives the gradient its sign."""
    window, stride = definitions.window(case), definitions.strides(case)
    x = x if case.get("signed") else x.abs()
    if dilated(case):
        return summed(case, padded(x ** case["norm"], definitions.paddings(case))) ** (1 / case["norm"])
    numbers = (window[0], stride[0]) if case["dims"] == 1 else (window, stride)
    return function("lp_pool", case["dims"])(padded(x, definitions.paddings(case)), float(case["norm"]), *numbers)


def adaptive(name):
    return lambda case, x: function(name, case["dims"])(x, definitions.output_lengths(case))


TORCH = {
    "conv": torch_conv,
    "conv-transpose": torch_conv_transpose,
    "max-pool": torch_max_pool,
    "average-pool": torch_average_pool,
    "lp-pool": torch_lp_pool,
    "adaptive-max-pool": adaptive("adaptive_max_pool"),
    "adaptive-average-pool": adaptive("adaptive_avg_pool"),
}


def torch_results(case, dtype):
    """Output and gradients of PyTorch, in the shapes that the case's operands have."""
    import torch

    def leaf(values, shape):
        return torch.tensor(values, dtype=getattr(torch, dtype)).reshape(shape).requires_grad_()

    operands = {"dX": leaf(case["input"], definitions.full_shape(case, "input"))}
    if "kernel" in case:
        operands["dW"] = leaf(case["kernel"], definitions.full_shape(case, "kernel"))
        operands["db"] = leaf(bias_of(case), (definitions.out_channels(case),))
    y = TORCH[case["op"]](case, *operands.values())
    delta = torch.tensor(case["delta"], dtype=y.dtype).reshape(y.shape)
    gradients = torch.autograd.grad(y, list(operands.values()), delta)
    found = {name: gradient.numpy() for name, gradient in zip(operands, gradients, strict=True)}
    return {"y": y.detach().numpy(), **found}


def bias_of(case):
    return case.get("bias", np.zeros(definitions.out_channels(case)))


# -- Comparing ---------------------------------------------------------------------------------------------------------


def draw(random, operation, dims):
    while True:
        case = random_case(Seeded(random), operation, dims, float_data)
        if operation == "lp-pool":
            case["norm"] = [1, 2, 3, 1.5, 2.5][random.integers(5)]
            case["signed"] = case["signed"] and case["norm"] in (1, 2)  # others cancel, and have a test of their own
        if expressible(case):
            return case


def sizes(case, dtype):
    """Per array the sums of the sizes of the terms, sum |a||b|; what a max pool chooses stays as it is."""
    keys = {"delta"} if case["op"] in MAX_POOLS else {"input", "kernel", "bias", "delta"}
    return torch_results({key: abs(value) if key in keys else value for key, value in case.items()}, dtype)


def allowed(case, bound, dtype):
    """How far two right answers can be apart: each is g_n sum |a||b| from the true sum, g_n = n u / (1 - n u).

    n is no more than the products in the whole operation, y's entries times the products in one. An Lp pool takes
    powers as well: |x|^p, ^(1/p), |x|^(p-1) and y^(1-p), which libraries round to within a unit or two and which carry
    the error of their argument p times further; with p <= 3, 32 roundings more are ample.
    """
    terms = case["delta"].size * math.prod(np.shape(case.get("kernel", ()))[1:] or definitions.lengths(case)) + 33
    relative = terms * UNIT[dtype]
    return 2 * relative / (1 - relative) * np.abs(bound)


def assert_agrees_with_torch(case, dtype):
    found = convgrad.backward(case, arithmetic=dtype)
    ours = {"y": found.output, "dX": found.dX, "dW": found.dW, "db": found.db}
    bounds = sizes(case, dtype)
    for name, theirs in torch_results(case, dtype).items():
        values = np.asarray(ours[name])
        assert values.dtype == dtype, f"{name} is {values.dtype}"
        error = np.abs(values.reshape(theirs.shape) - theirs)
        assert (error <= allowed(case, bounds[name], dtype)).all(), f"{name}\n{values}\nPyTorch\n{theirs}"


def assert_all_agree(operation, dims, dtype, count):
    random = np.random.default_rng([SEED, SLIDING.index(operation), dims])
    for number in range(count):
        case = draw(random, operation, dims)
        try:
            assert_agrees_with_torch(case, dtype)
        except Exception as error:
            settings = {key: np.shape(value) if np.size(value) > 6 else value for key, value in case.items()}
            raise AssertionError(f"case {number}, CONVGRAD_SEED={SEED}: {settings}") from error


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("operation", SLIDING)
def test_output_and_gradients_are_those_of_torch(operation, dims):
    assert_all_agree(operation, dims, "float64", CASES_EACH)


@pytest.mark.parametrize("operation", SLIDING)
def test_output_and_gradients_are_those_of_torch_in_single_precision(operation):
    for dims in (1, 2, 3):
        assert_all_agree(operation, dims, "float32", SINGLE_EACH)


@pytest.mark.parametrize(
    ("x", "w", "settings"),
    [
        ((2, 3, 96, 80), (4, 3, 5, 5), {"padding": [[2, 1], [0, 3]]}),
        ((1, 4, 90, 90), (6, 2, 3, 7), {"groups": 2, "stride": [2, 1], "dilation": [1, 3], "mode": "convolution"}),
        ((3, 2, 20_000), (3, 2, 9), {"dilation": 4, "padding": 7, "padding_mode": "reflect"}),
        ((1, 2, 20, 24, 22), (3, 2, 3, 3, 3), {"padding": 1, "padding_mode": "circular"}),
        ((1, 16, 260, 250), (12, 16, 3, 3), {"padding": [[3, 0], [1, 1]], "dilation": [2, 1]}),
    ],
)
def test_an_input_of_many_blocks_is_computed_as_in_torch(x, w, settings):
    random = np.random.default_rng(SEED)
    defaults = {"padding_mode": "zeros", "mode": "cross-correlation", "groups": 1}
    case = {"op": "conv", "dims": len(x) - 2, **defaults, **settings}
    case |= {"input": random.standard_normal(x), "kernel": random.standard_normal(w)}
    case["delta"] = random.standard_normal(definitions.output_shape(case))
    assert_agrees_with_torch(case, "float64")


@pytest.mark.parametrize("operation", MAX_POOLS)
def test_the_winners_are_those_of_torch(operation):
    import torch

    random, compared = np.random.default_rng([SEED, 7]), 0
    for _ in range(60):
        case = draw(random, operation, 1 + compared % 3)
        if case.get("ties") != "first" or ("window" in case and not symmetric(case)):
            continue
        x = torch.tensor(case["input"], dtype=torch.float64).reshape(definitions.full_shape(case, "input"))
        if operation == "max-pool":
            pool, window = function("max_pool", case["dims"]), definitions.window(case)
            settings = {"padding": befores(case), "ceil_mode": case["ceil_mode"], **placement(case)}
            _, theirs = pool(x, window, return_indices=True, **settings)
        else:
            theirs = function("adaptive_max_pool", case["dims"])(x, definitions.output_lengths(case), True)[1]
        found = convgrad.forward({**case, "delta": None}, arithmetic="float64").indices
        np.testing.assert_array_equal(found.reshape(theirs.shape), theirs)
        compared += 1
    assert compared > 10


@pytest.mark.parametrize("norm", [1, 3, 5, 1.5, 2])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_signed_norms_are_those_of_torch(dims, norm):
    import torch

    random = np.random.default_rng([SEED, dims])
    for number in range(10):
        lengths, window, stride = random.integers(4, 7, dims), random.integers(1, 4, dims), random.integers(1, 4, dims)
        x = random.integers(-3, 5, (2, 3, *lengths)) * 0.25  # some windows cancel, and some are below 0
        x = abs(x) if norm == 1.5 else x  # below 0 PyTorch has NaN for cells under no window, too
        case = {"op": "lp-pool", "dims": dims, "window": window.tolist(), "stride": stride.tolist(), "norm": norm,
                "signed": True, "ceil_mode": bool(number % 2), "input": x}  # fmt: skip
        ends = [[0, (out - 1) * s + k - i] for out, s, k, i in zip(
            definitions.output_lengths(case), stride, window, lengths, strict=True)]  # fmt: skip
        given = torch.tensor(x, requires_grad=True)
        # what ceil mode cuts is the sum of what is there, which PyTorch would weigh: cells of 0 do not count
        laid = padded(given, [[0, max(int(after), 0)] for _, after in ends])
        sizes = (window.tolist(), stride.tolist()) if dims > 1 else (int(window[0]), int(stride[0]))
        y = function("lp_pool", dims)(laid, norm, *sizes)
        case["delta"] = random.standard_normal(y.shape)
        y.backward(torch.tensor(case["delta"]))
        found = convgrad.backward(case, arithmetic="float64")
        # cubes of quarters are exact, so nothing is lost where they cancel
        np.testing.assert_allclose(found.output, y.detach(), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found.dX, given.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_winners_are_put_back_as_in_torch(dims):
    import torch

    random = np.random.default_rng([SEED, dims])
    for _ in range(10):
        lengths = random.integers(2, 7, dims).tolist()
        x = torch.tensor(random.standard_normal((2, 3, *lengths)))
        pooled, cells = function("max_pool", dims)(x, 2, return_indices=True)
        pooled.requires_grad_()
        y = function("max_unpool", dims)(pooled, cells, 2, output_size=lengths)
        delta = torch.tensor(random.standard_normal(y.shape))
        (dx,) = torch.autograd.grad(y, pooled, delta)
        case = {"op": "max-unpool", "dims": dims, "input": pooled.detach().numpy(), "indices": cells.numpy(),
                "output_size": lengths, "delta": delta.numpy()}  # fmt: skip
        found = convgrad.backward(case, arithmetic="float64")
        np.testing.assert_array_equal(found.output, y.detach())
        np.testing.assert_array_equal(found.dX, dx)


def test_at_least_two_thousand_cases_are_compared():
    assert CASES_EACH * 3 * len(SLIDING) >= 2000


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_not_a_number_takes_delta_as_in_torch(dims):
    random = np.random.default_rng([SEED, dims])
    for _ in range(10):
        case = draw(random, "max-pool", dims)
        if case["ties"] != "first":
            continue
        case["input"][random.random(case["input"].shape) < 0.3] = np.nan
        found, theirs = convgrad.backward(case, arithmetic="float64", nonfinite=True), torch_results(case, "float64")
        np.testing.assert_array_equal(found.output.reshape(theirs["y"].shape), theirs["y"])
        np.testing.assert_allclose(found.dX.reshape(theirs["dX"].shape), theirs["dX"], rtol=0, atol=1e-12)
