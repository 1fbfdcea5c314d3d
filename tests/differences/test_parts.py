"""A mean over all of a plane is differenced part by part, as it would be in whole passes; what is no sum is refuted."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import prod

import numpy as np
import pytest

from convgrad.differences import parts
from convgrad.differences.finite_differences import evaluations, finite_differences
from convgrad.differences.parts import parts_of_mean
from convgrad.differences.probe import probe
from convgrad.subject.case import make_case

GLOBAL = [
    ("adaptive-average-pool", (7,), {"output_size": 1}),
    ("adaptive-average-pool", (5, 6), {"output_size": 1}),
    ("average-pool", (5, 6), {"window": [5, 6], "stride": 2}),
    ("average-pool", (5, 6), {"window": [7, 8], "padding": 1}),
    ("average-pool", (5, 6), {"window": [7, 8], "padding": 1, "count_include_pad": False}),
    ("average-pool", (3, 2, 4), {"window": [3, 2, 4], "divisor": 7}),
]


def made(op, lengths, settings, arithmetic):
    random = np.random.default_rng(prod(lengths))
    x, delta = random.integers(-9, 10, (2, 3, *lengths)), random.integers(1, 9, (2, 3, *(1,) * len(lengths)))
    document = {"op": op, "dims": len(lengths), "input": x.tolist(), "delta": delta.tolist(), **settings}
    return make_case(document, arithmetic=arithmetic)


@pytest.mark.parametrize(("op", "lengths", "settings"), GLOBAL)
@pytest.mark.parametrize("part", [1, 4, 13])
def test_parts_give_every_cell_delta_over_the_divisor(op, lengths, settings, part, monkeypatch):
    monkeypatch.setattr(parts, "PART", part)
    divisor = settings.get("divisor", prod(lengths))
    if "padding" in settings and settings.get("count_include_pad", True):
        divisor = prod(settings["window"])
    for arithmetic in ("exact", "float64"):
        case = made(op, lengths, settings, arithmetic)
        assert bool(parts_of_mean(probe(case))) == (part < prod(lengths))
        found = finite_differences(case)
        right = np.broadcast_to(case.delta, case.shapes["x"]) * Fraction(1, divisor)
        if arithmetic == "exact":
            assert (found.gradients["x"] == right).all()
        else:  # a step is 2^20 times as large as any output: what cancels costs 2^-20 of it, of 2^-53
            np.testing.assert_allclose(found.gradients["x"], right.astype(float), rtol=2.0**-48)
        assert found.evaluations == evaluations(case)
        assert not found.outside["x"].any()
        assert not found.undecided["x"].any()


@pytest.mark.parametrize("part", [1, 4, 13])
def test_parts_cover_every_cell_once(part, monkeypatch):
    monkeypatch.setattr(parts, "PART", part)
    covered = np.zeros((5, 6), int)
    for box in parts_of_mean(probe(made(*GLOBAL[1], "float64"))):
        covered[box.cells] += 1
        assert box.size <= part
    assert (covered == 1).all()


def test_what_is_no_mean_over_all_of_a_plane_has_no_parts(monkeypatch):
    monkeypatch.setattr(parts, "PART", 4)
    for op, settings in (
        ("adaptive-average-pool", {"output_size": [1, 2]}), ("average-pool", {"window": [5, 5]}),
        ("average-pool", {"window": [3, 6], "dilation": [2, 1]}), ("adaptive-max-pool", {"output_size": 1}),
        ("lp-pool", {"window": [5, 6]}),
    ):  # fmt: skip
        assert not parts_of_mean(probe(made_float(op, settings)))


def made_float(op, settings):
    document = {"op": op, "dims": 2, "input": np.arange(180.0).reshape(2, 3, 5, 6), "delta": "ones", **settings}
    return make_case(document, arithmetic="float64")


@pytest.mark.parametrize("arithmetic", ["exact", "float64"])
@pytest.mark.parametrize("part", [4, 13])
def test_a_mean_that_is_not_the_sum_of_its_parts_is_refuted(arithmetic, part, monkeypatch):
    monkeypatch.setattr(parts, "PART", part)
    case = made(*GLOBAL[1], arithmetic)
    right = case.operation.forward

    def forgetful(x, **arguments):  # of whole planes alone, as no part shows it
        whole = x.shape[2:] == (5, 6)
        return right(x, **arguments) - (x[:, :, -1:, -1:] / 1024 if whole else 0)

    wrong = replace(case, operation=case.operation._replace(forward=forgetful))
    assert finite_differences(wrong).outside["x"].all()


@pytest.mark.parametrize("op", ["adaptive-average-pool", "average-pool"])
def test_a_large_plane_takes_parts_of_it_where_whole_passes_would_take_its_square(op, monkeypatch):
    settings = {"output_size": 1} if "adaptive" in op else {"window": 64}
    x = np.random.default_rng(1).standard_normal((1, 1, 64, 64))
    case = make_case({"op": op, "dims": 2, "input": x, "delta": "ones", **settings}, arithmetic="float64")
    read, right = [], type(probe(case)).forward
    monkeypatch.setattr("convgrad.differences.probe.Probe.forward",
                        lambda self, x: read.append(x.size) or right(self, x))  # fmt: skip
    assert finite_differences(case).evaluations == x.size + 1
    assert sum(read) < x.size**2 / 3
