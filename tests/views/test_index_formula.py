"""The law that `explain` states, read literally and summed in plain loops, gives every entry."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

import convgrad
from convgrad.subject.case import as_case
from convgrad.views.index_formula import GROUPED, index_formula

LAW = re.compile(r"(\w+)(?:\[(.*?)\])? = (b \+ )?(?:sum over ([\w,]+) of )?(.*)")
SEEDS = range(24)


def drawn(seed):
    """A random convolution, plain or transposed, of one to three axes, without or with channels and samples."""
    draw = random.Random(seed)
    dims, transposed, rank = draw.choice((1, 1, 2, 2, 3)), draw.random() < 0.4, draw.choice((0, 1, 2))
    groups = draw.choice((1, 1, 2)) if rank else 1
    channels, filters = groups * draw.randint(1, 2), groups * draw.randint(1, 2)

    def array(*shape):
        values = np.array([draw.randint(-4, 4) for _ in range(int(np.prod(shape)))]).reshape(shape)
        return values.tolist()

    per_axis = lambda most, least=1: [draw.randint(least, most) for _ in range(dims)]  # noqa: E731
    kernel = per_axis(3)
    first = (channels, filters // groups) if transposed else (filters, channels // groups)
    case = {
        "op": "conv-transpose" if transposed else "conv", "dims": dims, "stride": per_axis(3), "dilation": per_axis(2),
        "padding": [[draw.randint(0, 1), draw.randint(0, 1)] for _ in range(dims)], "groups": groups,
        "mode": draw.choice(("cross-correlation", "convolution")), "delta": "ones",
        "input": array(*(2, channels)[2 - rank :], *per_axis(6, 5)),
        "kernel": array(*(first if rank else ()), *kernel),
    }  # fmt: skip
    forward = convgrad.forward({**case, "bias": array(filters) if rank else 3}, arithmetic="exact")
    shape = np.shape(forward.output)
    return {**case, "bias": array(filters) if rank else 3, "delta": array(*shape)}


def evaluated(text, letters, arrays, groups, transposed):
    """A product of indexed arrays at values of the letters; 0 where an index is not whole or not inside."""
    value = Fraction(1)
    for name, inside in re.findall(r"(x|w|delta)(?:\[([^\]]*)\])?", text):
        inside = re.sub(r"(\d)([a-z(])", r"\1*\2", inside)
        indices = [eval(part, {}, dict(letters)) for part in inside.split(",")] if inside else []
        if name == "w" and groups > 1:
            second = 1
            indices[second] -= group_of(letters, arrays, groups, transposed) * arrays["w"].shape[1]
        whole = all(i == int(i) and 0 <= i < n for i, n in zip(indices, arrays[name].shape, strict=True))
        if not whole:
            return 0
        value *= arrays[name][tuple(int(i) for i in indices)]
    return value


def bound(letter, arrays):
    """How far a letter runs at most: beyond its array a product is 0."""
    longest = max(*arrays["x"].shape, *arrays["delta"].shape)
    return {"n": 2, "c": 4, "o": 4, "i": 3, "j": 3, "k": 3}.get(letter, longest)


def group_of(letters, arrays, groups, transposed):
    first = letters["c"] if transposed else letters["o"]
    return int(first) // (arrays["w"].shape[0] // groups)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_law_read_literally_gives_every_entry(seed):
    document = drawn(seed)
    case = as_case(document, needs_delta=True, arithmetic="exact")
    gradients = convgrad.backward(document, arithmetic="exact")
    arrays = {
        "x": np.array(document["input"], object), "w": np.array(document["kernel"], object),
        "delta": np.array(document["delta"], object),
    }  # fmt: skip
    groups, transposed = document["groups"], document["op"] == "conv-transpose"
    for name, result in {"dX": gradients.dX, "dW": gradients.dW, "db": gradients.db, "y": gradients.output}.items():
        law = index_formula(case, name)
        assert (GROUPED in law) == (groups > 1 and name != "db")
        left, own, bias, over, factors = LAW.fullmatch(law.removesuffix(GROUPED)).groups()
        assert left == name
        own, over = (own or "").split(",") if own else [], (over or "").split(",") if over else []
        for entry in picked(np.shape(result), seed):
            total, known = Fraction(0), dict(zip(own, map(Fraction, entry), strict=True))
            if name == "dW" and groups > 1:
                known["o" if transposed else "c"] += group_of(known, arrays, groups, transposed) * arrays["w"].shape[1]
            for values in product(*(range(bound(letter, arrays)) for letter in over)):
                letters = {**known, **dict(zip(over, values, strict=True))}
                total += evaluated(factors, letters, arrays, groups, transposed)
            if bias:
                filters = np.atleast_1d(np.array(document["bias"], object))
                total += filters[int(entry[own.index("o")])] if "o" in own else filters[0]
            assert total == np.asarray(result)[tuple(entry)], (law, entry)


def picked(shape, seed):
    """Two entries of an array: more would only take longer."""
    entries = list(np.ndindex(*shape))
    return random.Random(seed).sample(entries, min(2, len(entries)))


@pytest.mark.parametrize(
    ("case", "entry", "law"),
    [
        ({"stride": 2, "padding": 1}, "dX", "dX[r,s] = sum over p,q of delta[p,q] w[r+1-2p,s+1-2q]"),
        ({"dilation": 2}, "dX", "dX[r,s] = sum over p,q of delta[p,q] w[(r-p)/2,(s-q)/2]"),
        ({"mode": "convolution"}, "y", "y[p,q] = sum over i,j of w[1-i,1-j] x[p+i,q+j]"),
        ({}, "db", "db = sum over p,q of delta[p,q]"),
        ({"padding_mode": "reflect", "padding": 1}, "dX", ""),
    ],
)
def test_the_law_as_people_write_it(case, entry, law):
    whole = {"input": np.ones((5, 5)).tolist(), "kernel": [[1, 2], [3, 4]], "delta": "ones", **case}
    assert index_formula(as_case(whole, needs_delta=True), entry) == law


@pytest.mark.parametrize(
    ("case", "entry", "law"),
    [
        ({"op": "max-pool", "window": 2}, "dX",
         "dX[r,s] = sum over p,q of delta[p,q], over the windows that x[r,s] wins"),
        ({"op": "max-pool", "window": 2, "ties": "split"}, "dX", ""),
        ({"op": "max-pool", "window": 2}, "y", "y[p,q] = max over i,j of x[2p+i,2q+j]"),
        ({"op": "average-pool", "window": 2, "stride": 1, "padding": 1}, "y",
         "y[p,q] = sum over i,j of x[p+i-1,q+j-1] / n, n being the divisor"),
        ({"op": "average-pool", "window": 2}, "dX",
         "dX[r,s] = sum over p,q of delta[p,q] / n, over the windows that cover x[r,s], n being their divisor"),
        ({"op": "adaptive-max-pool", "output_size": 3}, "dX", ""),
        ({"op": "lp-pool", "window": 2}, "dX", ""),
    ],
)  # fmt: skip
def test_the_law_of_a_pool_as_people_write_it(case, entry, law):
    whole = {"input": np.ones((4, 4)).tolist(), "delta": "ones", **case}
    assert index_formula(as_case(whole, needs_delta=True), entry) == law


def test_without_an_axis_of_channels_the_kernel_s_channel_is_0():
    case = {"input": np.ones((3, 3)).tolist(), "kernel": np.ones((2, 1, 2, 2)).tolist(), "delta": "ones"}
    law = index_formula(as_case(case, needs_delta=True), "dX")
    assert law == "dX[r,s] = sum over o,p,q of delta[o,p,q] w[o,0,r-p,s-q]"
