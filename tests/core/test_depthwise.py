"""Kernels of one channel in a group are slid over whole planes: the same numbers as by matrix products, bit for bit."""

from unittest import mock

import numpy as np
import pytest

from convgrad.core import depthwise, sliding
from convgrad.core.bilinear import correlate, correlate_gradients, spread_gradients
from convgrad.core.window import Axis, Window


def random_axis(random):
    size, stride, dilation = random.integers(1, 5), random.integers(1, 4), random.integers(1, 3)
    return Axis(int(size), int(stride), int(dilation), *map(int, random.integers(-1, 3, 2)))


def random_case(seed):
    """x, w, delta of whole numbers, which floats add without an error in any order, and the geometry."""
    random = np.random.default_rng(seed)
    window = Window(tuple(random_axis(random) for _ in range(random.integers(1, 4))))
    lengths = random.integers(9, 12, len(window.axes)).tolist()
    samples, channels = random.integers(1, 4, 2)
    shapes = ((samples, channels, *lengths), (channels, 1, *window.size))
    shapes = (*shapes, (samples, channels, *window.positions(lengths)))
    kind = (np.float64, np.float32)[seed % 2]
    return [random.integers(-9, 10, shape).astype(kind) for shape in shapes], window


def computed(x, w, delta, window):
    settings = {"window": window, "groups": len(w)}
    with np.errstate(all="ignore"):
        return [
            correlate(x, w, **settings),
            *correlate_gradients(delta, x, w, **settings),
            *spread_gradients(x, delta, w, **settings),
        ]


def by_products(*case):
    with mock.patch.object(sliding, "is_short", return_value=False):
        return computed(*case)


def assert_same(found, expected):
    for ours, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, other)


@pytest.mark.parametrize("row", [3, depthwise.ROW])
@pytest.mark.parametrize("seed", range(40))
def test_planes_give_what_matrix_products_give(seed, row):
    arrays, window = random_case(seed)
    with mock.patch.object(depthwise, "ROW", row):
        assert_same(computed(*arrays, window), by_products(*arrays, window))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("seed", range(20))
def test_what_is_no_number_reaches_what_it_meets_and_nothing_else(seed, value):
    (x, w, delta), window = random_case(seed)
    for array in (x, delta):
        array.flat[seed % array.size] = value
    assert_same(computed(x, w, delta, window), by_products(x, w, delta, window))


def test_it_is_the_planes_that_are_tested():
    case, window = random_case(0)
    assert sliding.is_short(case[1][:, None], Window((Axis(3, before=1, after=1),) * 2), case[0])
    assert not sliding.is_short(case[1][:, None], Window((Axis(3, stride=2),) * 2), case[0])
    assert not sliding.is_short(case[1][:, None], Window((Axis(12),)), case[0])
    with mock.patch.object(depthwise, "slide_planes", side_effect=LookupError), pytest.raises(LookupError):
        computed(*case, window)
