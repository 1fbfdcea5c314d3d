"""Slips as programs have them, each in plain loops on shapes of its own, are named; what only looks like one is not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import convgrad
from tests import definitions

pytestmark = pytest.mark.slow


def numbers(seed, shape):
    return np.round(np.random.default_rng(seed).standard_normal(shape), 4)


def drawn(seed, x, w=None, **settings):
    """A case of numbers with four decimals, and delta in the output's shape."""
    case = {"dims": len(x) - 2, "input": numbers(seed, x), **settings}
    case |= {"op": "conv", "kernel": numbers(seed + 1, w)} if w else {}
    return case | {"delta": numbers(seed + 2, definitions.output_shape(case))}


def told(case, **claims):
    """The first mistake of every array, with its sentence."""
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in case.items()}
    claims = {name: np.round(np.asarray(array, float), 8).tolist() for name, array in claims.items()}
    return {one.array: one for one in reversed(convgrad.check(plain, claims, sample=1).diagnosis)}


def right(case):
    return {name: array.astype(float) for name, array in definitions.backward(case, float).items()}


# -- dX in the memory of x ---------------------------------------------------------------------------------------------


def in_x_itself(case, early):
    """dX and dW of two axes, stride s and padding p, whose buffer of dX is the padded x."""
    x, w, delta, s, p = *(case[name] for name in ("input", "kernel", "delta")), case["stride"], case["padding"]
    frame, dw = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)]), np.zeros(w.shape)
    for n, i, j in np.ndindex(len(x), *delta.shape[2:]):
        window = frame[n, :, i * s : i * s + w.shape[2], j * s : j * s + w.shape[3]]
        given = np.tensordot(delta[n, :, i, j], w, 1)
        window += given * early
        dw += delta[n, :, i, j][:, None, None, None] * window
        window += given * (not early)
    return dw


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_dw_of_an_x_in_which_dx_is_added_up_is_named(stride, padding, early):
    case = drawn(stride, (2, 3, 7, 6), (2, 3, 3, 4), stride=stride, padding=padding)
    (one,) = told(case, dW=in_x_itself(case, early)).values()
    assert (one.mistake, "before dW" in one.message) == ("buffer-shared", early)


def test_dw_of_an_x_that_all_of_dx_was_added_to_is_not_that():
    case = drawn(5, (2, 3, 7, 6), (2, 3, 3, 4), stride=1, padding=0)
    later = {**case, "input": case["input"] + right(case)["dX"]}
    (one,) = told(case, dW=right(later)["dW"]).values()
    assert one.mistake != "buffer-shared"


# -- Loops over the window of a max pool -------------------------------------------------------------------------------


def pooled(case, choose):
    """dX of a max pool of two axes whose winner is chosen from the rows of its window: [[(value, cell), …], …]."""
    x, delta, dx = case["input"], case["delta"], np.zeros(case["input"].shape)
    (k, m), (s, t), (p, q) = case["window"], case["stride"], case["padding"]
    for n, c, i, j in np.ndindex(*delta.shape):
        rows = [
            [(x[n, c, a, b], (a, b)) for b in range(j * t - q, j * t - q + m) if 0 <= b < x.shape[3]]
            for a in range(i * s - p, i * s - p + k)
            if 0 <= a < x.shape[2]
        ]
        dx[(n, c, *choose(rows))] += delta[n, c, i, j]
    return dx


def row_ends_early(rows):
    best, cell = -np.inf, None
    for row in rows:
        for value, at in row:
            if value > best:
                best, cell = value, at
                break
    return cell


def best_not_kept(rows):
    cells = [one for row in rows for one in row]
    cell = cells[0][1]
    for value, at in cells:
        if value > cells[0][0]:
            cell = at
    return cell


def compared_with_the_one_before(rows):
    cells = [one for row in rows for one in row]
    cell = cells[0][1]
    for before, (value, at) in pairwise(cells):
        if value > before[0]:
            cell = at
    return cell


def stops_at_the_first_larger(rows):
    cells = [one for row in rows for one in row]
    return next((at for value, at in cells if value > cells[0][0]), cells[0][1])


LOOPS = [
    (row_ends_early, "of each row of the window"), (best_not_kept, "the last that is larger than the window's first"),
    (compared_with_the_one_before, "than the one before"), (stops_at_the_first_larger, "the first that is larger than"),
    (lambda rows: rows[0][0][1], "the window's first"), (lambda rows: rows[-1][-1][1], "the window's last"),
    (lambda rows: max(rows[-1])[1], "last row"), (lambda rows: max(rows[0])[1], "first row"),
]  # fmt: skip


@pytest.mark.parametrize(("choose", "text"), LOOPS)
@pytest.mark.parametrize("stride", [(3, 3), (2, 1)])
def test_a_loop_over_the_window_with_a_slip_is_named(choose, text, stride):
    case = drawn(3, (2, 2, 9, 8), op="max-pool", window=[3, 3], stride=list(stride), padding=[1, 0])
    (one,) = told(case, dX=pooled(case, choose)).values()
    assert one.mistake == "wrong-winner"
    assert text in one.message


def best_of_another(case, compared=None, kept=None):
    """dX of a max pool whose loop compares with the best, or keeps as the best, x at another index."""
    x, delta, dx = case["input"], case["delta"], np.zeros(case["input"].shape)
    for n, c, i, j in np.ndindex(*delta.shape):
        best, winner = -np.inf, None
        for a, b in np.ndindex(*case["window"]):
            cell = (i * case["stride"][0] - case["padding"][0] + a, j * case["stride"][1] - case["padding"][1] + b)
            if all(0 <= at < length for at, length in zip(cell, x.shape[2:], strict=True)):
                loops = {"n": n, "c": c, "i": i, "j": j, "a": a, "row": cell[0], "column": cell[1]}
                if x[compared(**loops) if compared else (n, c, *cell)] > best:
                    best, winner = x[kept(**loops) if kept else (n, c, *cell)], cell
        dx[(n, c, *winner)] += delta[n, c, i, j]
    return dx


OTHERS = [
    ("by the position's row, not the cell's column", lambda n, c, row, i, **_: (n, c, row, i)),
    ("by the cell's column, not the cell's row", lambda n, c, column, **_: (n, c, column, column)),
    ("by the tap's row, not the channel", lambda n, a, row, column, **_: (n, a, row, column)),
]


@pytest.mark.parametrize("way", ["compared", "kept"])
@pytest.mark.parametrize(("text", "index"), OTHERS)
def test_a_maximum_that_is_compared_with_another_cell_or_keeps_it_is_named(text, index, way):
    case = drawn(18, (2, 3, 9, 8), op="max-pool", window=[3, 2], stride=[2, 2], padding=[1, 1])
    assert np.allclose(best_of_another(case), right(case)["dX"])
    (one,) = told(case, dX=best_of_another(case, **{way: index})).values()
    assert (one.mistake, f"{text}, which is {way}" in one.message) == ("wrong-winner", True)


def test_any_cell_of_a_window_is_no_slip_of_a_loop():
    random = np.random.default_rng(2)
    case = drawn(4, (2, 2, 9, 8), op="max-pool", window=[3, 3], stride=[3, 3], padding=[0, 0])
    (one,) = told(case, dX=pooled(case, lambda rows: rows[random.integers(3)][random.integers(2)][1])).values()
    assert one.mistake is None


def test_windows_a_row_too_short_that_have_no_cell_left_give_delta_to_the_first_cell():
    case = drawn(6, (2, 2, 7, 6), op="max-pool", window=[2, 3], stride=[2, 1], padding=[1, 1])
    x, delta, dx = case["input"], case["delta"], np.zeros(case["input"].shape)
    for n, c, i, j in np.ndindex(*delta.shape):
        cells = [(2 * i - 1, b) for b in range(j - 1, j + 2) if 0 <= b < 6 and 0 <= 2 * i - 1 < 7]
        dx[(n, c, *max(cells, key=lambda at, n=n, c=c: x[(n, c, *at)], default=(0, 0)))] += delta[n, c, i, j]
    (one,) = told(case, dX=dx).values()
    assert (one.mistake, "none is left" in one.message) == ("tap-missing", True)


# -- Averages ----------------------------------------------------------------------------------------------------------


def averaged(case, strides):
    """dX of an average pool of two axes at these strides, every window divided by its full size."""
    delta, dx, ((k, m), (p, q)) = case["delta"], np.zeros(case["input"].shape), (case["window"], case["padding"])
    for n, c, i, j in np.ndindex(*delta.shape):
        at = (i * strides[0] - p, j * strides[1] - q)
        rows, columns = (slice(max(a, 0), max(a + size, 0)) for a, size in zip(at, (k, m), strict=True))
        dx[n, c, rows, columns] += delta[n, c, i, j] / (k * m)
    return dx


def test_windows_of_an_average_at_the_other_axis_s_stride_are_divided_by_their_full_size():
    case = drawn(7, (2, 2, 8, 9), op="average-pool", window=[4, 2], stride=[2, 3], padding=[2, 1])
    assert np.allclose(averaged(case, (2, 3)), right(case)["dX"])
    (one,) = told(case, dX=averaged(case, (3, 2))).values()
    assert one.mistake == "stride-axes-swapped"


def test_running_sums_that_begin_with_one_divisor_and_end_with_another_are_named():
    case = drawn(8, (2, 3, 13), op="average-pool", window=[5], stride=[2], padding=[2], count_include_pad=False)
    delta, steps = case["delta"], np.zeros((2, 3, 14))
    for n, c, i in np.ndindex(*delta.shape):
        first, last = max(2 * i - 2, 0), min(2 * i + 3, 13)
        steps[n, c, first] += delta[n, c, i] / (last - first)
        steps[n, c, last] -= delta[n, c, i] / 5
    (one,) = told(case, dX=np.cumsum(steps, axis=2)[..., :13]).values()
    assert (one.mistake, "where it ends" in one.message) == ("wrong-divisor", True)


# -- Products in tiles, spectra, groups --------------------------------------------------------------------------------


def product_in_tiles(a, b, rows, columns, cleared):
    """A product of matrices, whose accumulator is cleared before every tile, or once for a row of them."""
    result = np.zeros((len(a), b.shape[1]))
    for top in range(0, len(a), rows):
        held = np.zeros((rows, columns))
        for left in range(0, b.shape[1], columns):
            part = a[top : top + rows] @ b[:, left : left + columns]
            held = np.zeros((rows, columns)) if cleared else held
            held[: part.shape[0], : part.shape[1]] += part
            result[top : top + rows, left : left + columns] = held[: part.shape[0], : part.shape[1]]
    return result


def by_matrix(case, cleared, columns=8):
    x, w, delta = case["input"], case["kernel"], case["delta"]
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))  # n c i j a b
    taps = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, w[0].size)
    rows = delta.transpose(1, 0, 2, 3).reshape(len(w), -1)
    return product_in_tiles(rows, taps, 4, columns, cleared).reshape(w.shape)


@pytest.mark.parametrize("columns", [4, 8])
def test_an_accumulator_that_is_kept_from_tile_to_tile_is_named(columns):
    case = drawn(9, (2, 3, 8, 7), (5, 3, 2, 3))
    assert np.allclose(by_matrix(case, cleared=True, columns=columns), right(case)["dW"])
    (one,) = told(case, dW=by_matrix(case, cleared=False, columns=columns)).values()
    assert (one.mistake, f"tile of {columns}" in one.message) == ("not-set-back", True)


def by_spectra(case, size):
    """dX and dW of one axis by FFT; the inverse is given this length, or none."""
    x, w, delta = case["input"], case["kernel"], case["delta"]
    n = x.shape[2] + w.shape[2] - 1
    x, w, delta = (np.fft.rfft(part, n) for part in (x, w, delta))
    dx = np.fft.irfft(np.einsum("nop,ocp->ncp", delta, w), size)[..., : case["input"].shape[2]]
    return {
        "dX": dx,
        "dW": np.fft.irfft(np.einsum("ncp,nop->ocp", x, delta.conj()), size)[..., : case["kernel"].shape[2]],
    }


def test_an_inverse_fft_without_its_odd_length_is_named():
    case = drawn(10, (2, 2, 12), (3, 2, 4))
    good, wrong = by_spectra(case, 15), by_spectra(case, None)
    assert all(np.allclose(good[name], right(case)[name]) for name in good)
    found = told(case, **wrong)
    assert {array: one.mistake for array, one in found.items()} == {"dX": "wrapped-round", "dW": "wrapped-round"}
    assert all("odd length" in one.message for one in found.values())


def test_groups_that_replace_what_another_wrote_are_named():
    case = drawn(11, (2, 6, 5, 6), (6, 2, 2, 3), groups=3)
    full, dw = right(case)["dW"], np.zeros((6, 2, 2, 3))
    for g in range(3):  # filters g, g + 1 in place of 2 g, 2 g + 1
        part = {"input": case["input"][:, 2 * g : 2 * g + 2], "kernel": case["kernel"][g : g + 2]}
        alone = {"op": "conv", "dims": 2, **part, "delta": case["delta"][:, g : g + 2]}
        dw[g : g + 2] = right(alone)["dW"]
    assert not np.allclose(dw, full)
    (one,) = told(case, dW=dw).values()
    assert (one.mistake, "the last kept" in one.message) == ("groups-mixed", True)


def test_a_sum_as_often_as_there_are_rows_of_positions_is_told_by_one_number():
    case = drawn(12, (2, 2, 7, 6), (1, 2, 2, 2))
    (one,) = told(case, db=right(case)["db"] * 6).values()  # positions: 6 rows of 5
    assert (one.mistake, "multiplied by 6" in one.message) == ("scaled", True)
    (one,) = told(case, db=right(case)["db"] * 1.37).values()
    assert one.mistake is None


# -- Addresses, cells and pools that are others' -----------------------------------------------------------------------


def by_addresses(case, level):
    """dX of two axes from w and delta in memory, at one level of w's address divided in place of multiplied."""
    x, w, delta, s, p = *(case[name] for name in ("input", "kernel", "delta")), case["stride"], case["padding"]
    dx = np.zeros(x.shape)
    for n, o, c, i, j, a, b in np.ndindex(len(x), len(w), *w.shape[1:2], *delta.shape[2:], *w.shape[2:]):
        place, cell = 0, (i * s - p + a, j * s - p + b)
        for axis, (index, length) in enumerate(zip((o, c, a, b), w.shape, strict=True)):
            place = (place // length if axis == level else place * length) + index
        if all(0 <= at < size for at, size in zip(cell, x.shape[2:], strict=True)):
            dx[(n, c, *cell)] += delta[n, o, i, j] * w.ravel()[place]
    return dx


@pytest.mark.parametrize("level", [1, 2, 3])
def test_an_address_that_is_divided_by_a_length_is_named(level):
    case = drawn(13, (2, 3, 7, 6), (4, 3, 2, 3), stride=2, padding=1)
    assert np.allclose(by_addresses(case, None), right(case)["dX"])
    (one,) = told(case, dX=by_addresses(case, level)).values()
    assert (one.mistake, f"divided by the length of axis {level}" in one.message) == ("read-offset", True)


@pytest.mark.parametrize(("first", "end", "text"), [(-1, 0, "before"), (0, 1, "after")])
def test_dw_from_one_cell_past_an_end_is_named(first, end, text):
    """A bound that lets one cell through: of two in the padding the nearer, which in memory is of another row."""
    case = drawn(14, (2, 2, 6, 7), (3, 2, 3, 4), stride=1, padding=2)
    x, delta, dw = case["input"], case["delta"], np.zeros(case["kernel"].shape)
    for n, o, c, i, j, a, b in np.ndindex(2, 3, 2, *delta.shape[2:], 3, 4):
        row, column = i - 2 + a, j - 2 + b
        place = ((n * 2 + c) * 6 + row) * 7 + column
        if 0 <= row < 6 and first <= column < 7 + end and 0 <= place < x.size:
            dw[o, c, a, b] += delta[n, o, i, j] * x.ravel()[place]
    (one,) = told(case, dW=dw).values()
    assert (one.mistake, "one cell past" in one.message, text in one.message) == ("read-offset", True, True)


def only_outside(case, axis, cell_of):
    """dX of two axes whose condition on one is the wrong way round: taps inside are passed over, others written."""
    x, w, delta, p = case["input"], case["kernel"], case["delta"], case["padding"]
    dx = np.zeros(x.shape)
    for n, o, c, i, j, a, b in np.ndindex(len(x), len(w), *w.shape[1:2], *delta.shape[2:], *w.shape[2:]):
        cell = (i - p[0] + a, j - p[1] + b)
        inside = [0 <= at < length for at, length in zip(cell, x.shape[2:], strict=True)]
        place = cell_of((n, c, *cell), x.shape) if inside[1 - axis] and not inside[axis] else None
        if place is not None:
            dx[np.unravel_index(place, x.shape)] += delta[n, o, i, j] * w[o, c, a, b]
    return dx


def in_memory(index, shape):
    place = 0
    for at, length in zip(index, shape, strict=True):
        place = place * length + at
    return place % np.prod(shape) if place < np.prod(shape) else None


def in_its_axis(index, shape):
    past = any(at >= length for at, length in zip(index, shape, strict=True))
    return None if past else in_memory([at % length for at, length in zip(index, shape, strict=True)], shape)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("cell_of", "text"), [(in_memory, "alone"), (in_its_axis, "from the axis's end")])
def test_a_condition_on_cells_that_is_the_wrong_way_round_is_named(cell_of, text, axis):
    case = drawn(16, (2, 2, 6, 7), (3, 2, 3, 4), stride=1, padding=[2, 2])
    (one,) = told(case, dX=only_outside(case, axis, cell_of)).values()
    assert (one.mistake, text in one.message, f"axis {axis}" in one.message) == ("read-offset", True, True)


@pytest.mark.parametrize(
    ("lengths", "text"), [((3, 6), "every axis as long"), ((6, 6), "axis 1 of 6"), ((3, 7), "axis 0 of 3")]
)
def test_dx_that_is_cut_in_other_lengths_is_named(lengths, text):
    case = drawn(17, (2, 3, 6, 7), (4, 3, 2, 3), stride=1, padding=1)
    wider = {**case, "input": np.pad(case["input"], [(0, 0), (0, 0), (1, 1), (1, 1)]), "padding": 0}
    frame = right(wider)["dX"]
    (one,) = told(case, dX=frame[:, :, 1 : 1 + lengths[0], 1 : 1 + lengths[1]]).values()
    assert (one.mistake, text in one.message) == ("cut-short", True)


def as_the_other_pool(case):
    other = {"max-pool": "average-pool", "average-pool": "max-pool"}[case["op"]]
    return right({**case, "op": other})["dX"]


@pytest.mark.parametrize(("op", "text"), [("max-pool", "as of an average"), ("average-pool", "as of a max pool")])
@pytest.mark.parametrize("padding", [0, 1])
def test_a_pool_that_is_taken_for_the_other_is_named(op, text, padding):
    case = drawn(15, (2, 2, 8, 7), op=op, window=[2, 3], stride=[2, 2], padding=[padding, padding])
    (one,) = told(case, dX=as_the_other_pool(case)).values()
    assert (one.mistake, text in one.message) == ("wrong-winner" if op == "max-pool" else "wrong-divisor", True)
