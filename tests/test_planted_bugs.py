"""A bug planted in convgrad makes the comparison with the definitions fail: the tests can see what they are there for.

Each bug replaces one of convgrad's own functions. Several are wrong in forward and backward alike, a geometry that
derivative, adjoint and checksum laws all pass; only the definitions in plain loops tell it from the right one.
"""

from dataclasses import replace

import numpy as np
import pytest

import convgrad
from convgrad.core import unfold, window
from convgrad.core.window import Window
from convgrad.operations import OPERATIONS, average_pool, conv, conv_transpose, geometry, lp_pool, max_pool
from tests.agreement import assert_matches_definition
from tests.geometry import rationals

# -- Cases that between them show every bug ----------------------------------------------------------------------------


def whole(seed, *shape, low=-9, high=10):
    """Whole numbers without a pattern that a mistake could hide in."""
    return rationals(np.random.default_rng(seed).integers(low, high, shape), 1)


def conv_case(**settings):
    """5x6 cells under 2x3 taps: two samples, two channels in and two out; `delta` is given by its lengths."""
    x, w = whole(1, 2, 2, 5, 6), whole(2, 2, 2, 2, 3)
    return {"op": "conv", "dims": 2, "input": x, "kernel": w, "bias": whole(3, 2), **settings}


def with_delta(case):
    shape = convgrad.forward(case, arithmetic="exact").output.shape
    return {**case, "delta": whole(4, *shape)}


def pool_case(op, **settings):
    return {"op": op, "dims": 2, "input": whole(5, 2, 2, 5, 6, low=-2, high=2), **settings}


CASES = {
    "plain": conv_case(),
    "padded": conv_case(padding=[[1, 0], [0, 2]]),
    "strided": conv_case(stride=[2, 3]),
    "dilated": conv_case(dilation=[2, 1]),
    "same": conv_case(padding="same"),
    "turned": conv_case(mode="convolution"),
    "grouped": conv_case(groups=2, kernel=whole(6, 4, 1, 2, 3), bias=whole(7, 4)),
    "reflect": conv_case(padding=[[1, 2], [2, 1]], padding_mode="reflect"),
    "circular": conv_case(padding=[[1, 2], [2, 1]], padding_mode="circular"),
    "transposed": conv_case(op="conv-transpose", stride=[1, 2], padding=[[1, 0], [0, 2]], output_padding=[0, 1]),
    "maximum": pool_case("max-pool", window=[2, 3], stride=1, padding=[[1, 0], [1, 1]]),
    "below zero": pool_case("max-pool", window=2, padding=1, input=whole(8, 2, 2, 5, 6, low=-9, high=0)),
    "last tie": pool_case("max-pool", window=[2, 3], stride=1, ties="last"),
    "shared tie": pool_case("max-pool", window=[2, 3], stride=1, ties="split"),
    "average": pool_case("average-pool", window=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    "counted": pool_case("average-pool", window=3, stride=2, padding=1, ceil_mode=True, count_include_pad=True),
    "ceiled": pool_case("average-pool", window=1, stride=[4, 2], ceil_mode=True, divisor=2),
    "cropped": conv_case(padding=[[-1, 1], [0, -2]]),
    "causal": conv_case(padding="causal"),
    "cropped maximum": pool_case("max-pool", window=2, stride=1, padding=[[0, -1], [-2, 1]]),
    "dilated average": pool_case("average-pool", window=2, stride=1, dilation=[2, 3], padding=[[0, 1], [2, 0]]),
    "dilated, not counted": pool_case(
        "average-pool", window=2, stride=1, dilation=[2, 3], padding=[[0, 1], [2, 0]], count_include_pad=False
    ),
    "dilated norm": pool_case("lp-pool", window=2, stride=1, dilation=[2, 1], norm=1),
    "wanted length": conv_case(op="conv-transpose", stride=[3, 2], output_size=[15, 14]),
    "signed": pool_case("lp-pool", window=2, stride=1, norm=1, signed=True, input=whole(9, 2, 2, 5, 6, low=-2, high=3)),
    "absolute": pool_case("lp-pool", window=2, stride=1, norm=1),
    "adaptive": pool_case("adaptive-average-pool", output_size=[3, 4]),
}
CASES = {name: with_delta(case) for name, case in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_without_a_bug_every_case_is_its_definition(name):
    assert_matches_definition(CASES[name])


# -- The bugs: a name, the cases that show it, and how it is planted ---------------------------------------------------

BUGS = {}


def bug(*shown_by):
    """Enter a bug under its function's name."""

    def enter(plant):
        BUGS[plant.__name__] = (plant, shown_by)
        return plant

    return enter


def wrong_axes(monkeypatch, wrong):
    """Let every operation place its windows by other axes, with as many positions: in forward and backward alike."""
    for name, operation in OPERATIONS.items():
        monkeypatch.setitem(OPERATIONS, name, operation._replace(prepare=misplacing(operation.prepare, wrong)))


def misplacing(right, wrong):
    def prepare(shapes, settings):
        arguments = right(shapes, settings)
        under = arguments.get("lengths", shapes["x"][2:])  # a transposed convolution's windows lie on its output
        axes = zip(arguments["window"].axes, under, strict=True)
        axes = [wrong(axis).fitted(length, axis.positions(length)) for axis, length in axes]
        return {**arguments, "window": Window(tuple(axes))}

    return prepare


@bug("plain", "padded", "maximum", "absolute")
def taps_are_shifted_by_a_cell(monkeypatch):
    wrong_axes(monkeypatch, lambda axis: replace(axis, before=axis.before - 1))


@bug("padded", "maximum", "transposed")
def padding_after_is_put_before(monkeypatch):
    wrong_axes(monkeypatch, lambda axis: replace(axis, before=axis.after))


@bug("dilated", "dilated average", "dilated norm")
def dilation_is_ignored(monkeypatch):
    wrong_axes(monkeypatch, lambda axis: replace(axis, dilation=1))


@bug("strided", "transposed", "average")
def stride_is_ignored(monkeypatch):
    wrong_axes(monkeypatch, lambda axis: replace(axis, stride=1))


@bug("cropped", "cropped maximum")
def padding_below_0_is_none(monkeypatch):
    wrong_axes(monkeypatch, lambda axis: replace(axis, before=max(axis.before, 0)))


@bug("causal")
def causal_padding_comes_after(monkeypatch):
    monkeypatch.setitem(geometry._PADDINGS, "causal", lambda axis, length: (0, axis.extent - 1))


@bug("wanted length")
def a_wanted_length_is_had_at_the_start(monkeypatch):
    output_padding_comes_before(monkeypatch)


@bug("strided")
def stride_and_dilation_are_exchanged(monkeypatch):
    wrong_axes(monkeypatch, lambda axis: replace(axis, stride=axis.dilation, dilation=axis.stride))


@bug("plain", "transposed")
def windows_overwrite_where_they_overlap(monkeypatch):
    altering_gradients(monkeypatch, dx=overwriting)
    monkeypatch.setattr(conv_transpose, "spread", overwriting(conv_transpose.spread))


def altering_gradients(monkeypatch, dx=lambda right: right, dw=lambda right: right):
    """Replace the two gradients of a convolution, which come from one pass, by what is made of each alone."""
    right = conv.correlate_gradients

    def altered(delta, x, w, **rest):
        to_input = dx(lambda delta, w, **rest: right(delta, x, w, **rest)[0])
        to_kernel = dw(lambda delta, x, **rest: right(delta, x, w, **rest)[1])
        return to_input(delta, w, **rest), to_kernel(delta, x, **rest)

    monkeypatch.setattr(conv, "correlate_gradients", altered)


def overwriting(right):
    """Every window by itself, in row-major order, in place of what was there before."""

    def spread(delta, w, **rest):
        result = right(delta * 0, w, **rest)
        for position in np.ndindex(delta.shape[2:]):
            alone, here = delta * 0, (slice(None), slice(None), *position)
            alone[here] = 1
            touched = right(alone, w * 0 + 1, **rest) != 0
            alone[here] = delta[here]
            result = np.where(touched, right(alone, w, **rest), result)
        return result

    return spread


def overwrite(x, cells, values):
    x[(slice(None), slice(None), *cells)] = values


@bug("last tie", "absolute", "adaptive")
def pools_overwrite_where_windows_overlap(monkeypatch):
    for module in (max_pool, unfold, lp_pool):
        monkeypatch.setattr(module, "add_at", overwrite)


@bug("turned")
def the_kernel_is_not_turned(monkeypatch):
    monkeypatch.setattr(conv, "oriented", lambda w, mode: w)


@bug("plain", "padded", "strided")
def the_kernel_is_turned_where_it_must_not_be(monkeypatch):
    right = conv.oriented
    monkeypatch.setattr(conv, "oriented", lambda w, mode: right(w, "convolution"))


@bug("turned")
def the_kernel_is_turned_along_its_last_axis_only(monkeypatch):
    monkeypatch.setattr(conv, "oriented", lambda w, mode: w if mode == "cross-correlation" else w[..., ::-1])


@bug("plain", "turned")
def delta_is_turned_for_the_kernels_gradient(monkeypatch):
    def turned(right):
        return lambda delta, x, **rest: right(delta[..., ::-1, ::-1], x, **rest)

    altering_gradients(monkeypatch, dw=turned)


@bug("grouped")
def every_group_reads_the_first_groups_channels(monkeypatch):
    correlate = conv.correlate

    def first(x, groups):
        return np.concatenate([x[:, : x.shape[1] // groups]] * groups, axis=1)

    def mixed(x, w, *, groups, **rest):
        return correlate(first(x, groups), w, groups=groups, **rest)

    def mixed_gradient(right):
        return lambda delta, x, *, groups, **rest: right(delta, first(x, groups), groups=groups, **rest)

    monkeypatch.setattr(conv, "correlate", mixed)
    altering_gradients(monkeypatch, dw=mixed_gradient)


@bug("circular")
def the_gradient_of_circular_padding_is_cut_off(monkeypatch):
    def cropped(dxp, window, mode, lengths):
        return dxp[(..., *(slice(a.before, a.before + i) for a, i in zip(window.axes, lengths, strict=True)))]

    monkeypatch.setattr(conv, "unpad", cropped)


@bug("reflect")
def reflection_repeats_the_edge(monkeypatch):
    right = unfold.source_cells

    def symmetric(cells, length, mode):
        cell = np.asarray(cells)
        if mode != "reflect":
            return right(cells, length, mode)
        return np.where(cell < 0, -cell - 1, np.where(cell >= length, 2 * length - 1 - cell, cell))

    monkeypatch.setattr(unfold, "source_cells", symmetric)


@bug("same")
def the_odd_cell_of_same_comes_before(monkeypatch):
    monkeypatch.setitem(geometry._PADDINGS, "same", geometry._PADDINGS["same-lower"])


@bug("plain", "transposed")
def the_bias_has_the_gradient_of_one_sample(monkeypatch):
    right = conv.channel_sums
    for module in (conv, conv_transpose):
        monkeypatch.setattr(module, "channel_sums", lambda delta: right(delta[:1]))


@bug("plain", "grouped")
def the_bias_is_left_out(monkeypatch):
    monkeypatch.setattr(conv, "biased", lambda y, b: y)


@bug("plain", "padded")
def the_last_row_of_positions_is_left_out(monkeypatch):
    forward = conv.correlate

    def blanked(values):
        return np.concatenate([values[:, :, :-1], values[:, :, -1:] * 0], axis=2)

    def without_last(right):
        return lambda delta, other, **rest: right(blanked(delta), other, **rest)

    monkeypatch.setattr(conv, "correlate", lambda *operands, **rest: blanked(forward(*operands, **rest)))
    altering_gradients(monkeypatch, dx=without_last, dw=without_last)


@bug("transposed")
def output_padding_comes_before(monkeypatch):
    right = conv_transpose.spread

    def shifted(delta, w, *, lengths, **rest):
        return np.roll(right(delta, w, lengths=lengths, **rest), 1, axis=-1)

    monkeypatch.setattr(conv_transpose, "spread", shifted)


@bug("maximum")
def the_last_of_equal_cells_wins_instead_of_the_first(monkeypatch):
    right = max_pool.winners
    monkeypatch.setattr(max_pool, "winners", lambda x, window, last: right(x, window, last=not last))


@bug("shared tie")
def a_shared_tie_is_not_divided(monkeypatch):
    monkeypatch.setattr(max_pool, "tied", lambda x, y, winner, window: 1)


@bug("below zero")
def padding_competes_as_zero(monkeypatch):
    right = max_pool.winners

    def with_zeros(x, window, last):
        y, winner = right(x, window, last=last)
        under = [[axis.cells(p) for p in range(count)] for axis, count in zip(window.axes, y.shape[2:], strict=True)]
        edges = [[a < 0 or z > i for a, z in spans] for spans, i in zip(under, x.shape[2:], strict=True)]
        over = np.logical_or.outer(*edges) & (y < 0)
        return np.where(over, y * 0, y), np.where(over, -1, winner)

    monkeypatch.setattr(max_pool, "winners", with_zeros)


@bug("average", "counted")
def every_average_is_divided_by_the_whole_window(monkeypatch):
    right = average_pool.divisors

    def whole_window(window, counted, divisor, like):
        return right(window, counted, divisor, like) * 0 + np.prod(window.size)

    monkeypatch.setattr(average_pool, "divisors", whole_window)


@bug("dilated average", "dilated, not counted")
def the_cells_between_taps_count(monkeypatch):
    def all_cells(edges, dilation, start, stop):
        return np.minimum(edges[1], stop) - np.maximum(edges[0], start)

    monkeypatch.setattr(window, "taps_within", all_cells)


@bug("ceiled")
def a_window_may_start_past_the_input(monkeypatch):
    def ceiled(axis, length):
        room = length + axis.before + axis.after - axis.extent
        return axis.fitted(length, -(room // -axis.stride) + 1)

    monkeypatch.setattr(geometry, "ceiled", ceiled)


@bug("adaptive")
def adaptive_windows_do_not_overlap(monkeypatch):
    def span(position, length, count):
        return position * length // count, (position + 1) * length // count

    monkeypatch.setattr(window, "adaptive_span", span)


@bug("absolute")
def the_sign_is_summed_as_in_pytorch(monkeypatch):
    monkeypatch.setattr(lp_pool, "abs", lambda x: x, raising=False)


@bug("signed")
def a_sum_of_zero_has_the_slope_of_a_sum(monkeypatch):
    right = lp_pool.slope
    monkeypatch.setattr(lp_pool, "slope", lambda x, y, *rest: right(x, y * 0 + 1, *rest))


@bug("signed")
def signed_powers_are_sizes(monkeypatch):
    right = lp_pool._scaled_norms
    monkeypatch.setattr(lp_pool, "_scaled_norms", lambda x, window, norm, signed: right(x, window, norm, False))


@bug("maximum", "shared tie")
def zeros_are_whole_numbers_and_no_fractions(monkeypatch):
    monkeypatch.setattr(max_pool, "zeros", np.zeros)


@pytest.mark.parametrize(("name", "shown_by"), [(name, case) for name, (_, cases) in BUGS.items() for case in cases])
def test_a_planted_bug_is_caught(name, shown_by, monkeypatch):
    BUGS[name][0](monkeypatch)
    # not any exception will do: a bug that no longer fits the code would raise one without having been planted
    with pytest.raises(AssertionError, match=r"definition|holds"):
        assert_matches_definition(CASES[shown_by])


@pytest.mark.parametrize(
    ("plant", "shown_by", "wrong"),
    [
        (windows_overwrite_where_they_overlap, "plain", {"dX"}),
        (windows_overwrite_where_they_overlap, "transposed", {"output"}),
        (delta_is_turned_for_the_kernels_gradient, "plain", {"dW"}),
        (every_group_reads_the_first_groups_channels, "grouped", {"output", "dW"}),
        (the_last_row_of_positions_is_left_out, "padded", {"output", "dX", "dW"}),
    ],
)
@pytest.mark.parametrize("arithmetic", ["exact", "float64"])
def test_a_bug_in_one_of_the_arrays_of_a_convolution_alters_that_one(plant, shown_by, wrong, arithmetic, monkeypatch):
    def arrays():  # all computed here: a result computes an array when it is first read
        found = convgrad.backward(CASES[shown_by], arithmetic=arithmetic)
        return {name: getattr(found, name) for name in ("output", "dX", "dW", "db")}

    right = arrays()
    plant(monkeypatch)
    assert {name for name, array in arrays().items() if not np.array_equal(array, right[name])} == wrong


@pytest.mark.parametrize(
    ("plant", "shown_by"),
    [(dilation_is_ignored, "dilated"), (taps_are_shifted_by_a_cell, "plain"), (stride_is_ignored, "strided")],
)
def test_a_geometry_that_is_wrong_both_ways_passes_the_checksums_and_only_the_definition_sees_it(
    plant, shown_by, monkeypatch
):
    plant(monkeypatch)
    case = CASES[shown_by]
    found = convgrad.backward(case, arithmetic="exact")
    without_bias = found.output - case["bias"].reshape(1, -1, 1, 1)
    assert (case["input"] * found.dX).sum() == (case["kernel"] * found.dW).sum() == (without_bias * case["delta"]).sum()
    with pytest.raises(AssertionError, match="definition"):
        assert_matches_definition(case)


def test_at_least_ten_bugs_are_planted():
    assert len(BUGS) >= 10
