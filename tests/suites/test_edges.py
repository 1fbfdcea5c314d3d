"""`edges` meets every condition that a public bug needed; what must come out is what loops and differences say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest

import convgrad
from convgrad.suites.core import core
from convgrad.suites.edges import edges
from convgrad.suites.exactness import fits
from convgrad.suites.selection import SUITES, sketches
from convgrad.suites.sketch import Sketch
from convgrad.suites.trial import Trial, is_held, of_sketch
from convgrad.vocabulary import GRADED
from tests import definitions

Facts = Mapping[str, tuple[Any, ...]]
CONDITIONS: dict[str, Callable[[Facts], bool]] = {
    "stride in width over 1, C > 16, width < 17": lambda f: f["stride.1"][0] > 1 and f["C"][0] > 16 and f["W"][0] < 17,
    "height greater than width": lambda f: f["H"] > f["W"],
    "depthwise with 24 channels": lambda f: f["groups"] == f["C"] == (24,),
    "1x1, stride 2, C < 8": lambda f: f["K"] == (1, 1) and f["stride"] == (2, 2) and f["C"][0] < 8,
    "width that leaves a vector's tail": lambda f: f["W"][0] > 16 and f["W"][0] % 4 != 0,
    "left padding over 16": lambda f: f["pad.1.before"][0] > 16,
    "kernel smaller than stride": lambda f: any(k < s for k, s in zip(f["K"], f["stride"], strict=True)),
    "stride leaves a remainder": lambda f: any(
        (length + sum(f["pad"][2 * axis : 2 * axis + 2]) - f["dilation"][axis] * (f["K"][axis] - 1) - 1)
        % f["stride"][axis]
        for axis, length in enumerate(f["L"])
    ),
    "batch over 32": lambda f: f["N"][0] > 32,
    "1x1, groups, even channels": lambda f: f["K"] == (1, 1) and f["groups"][0] > 1 and f["C"][0] % 2 == 0,
    "C over 32 and no multiple of 32": lambda f: f["C"][0] > 32 and f["C"][0] % 32 != 0,
    "asymmetric padding with stride": lambda f: f["pad"][0] != f["pad"][1] and f["stride"] > (1, 1),
    "dilation, stride and groups together": lambda f: (
        f["dilation"] > (1, 1) and f["stride"] > (1, 1) and f["groups"] > (1,)
    ),
}
OF_POOLS = ("height greater than width", "width that leaves a vector's tail", "kernel smaller than stride",
            "stride leaves a remainder", "batch over 32", "C over 32 and no multiple of 32",
            "asymmetric padding with stride")  # fmt: skip


def facts(op: str) -> list[Facts]:
    return [of_sketch(sketch, "float64").facts for sketch in edges(op, 2) if "trigger" in sketch.flags]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_of_a_public_bug_is_met(condition: str) -> None:
    assert any(CONDITIONS[condition](known) for known in facts("conv"))
    assert any(CONDITIONS[condition](known) for known in facts("conv-transpose"))
    if condition in OF_POOLS:
        assert any(CONDITIONS[condition](known) for known in facts("max-pool"))


OF_UNPOOLING: dict[str, Callable[[Facts], bool]] = {
    "an output that is no multiple of the input": lambda f: all(p % n for p, n in zip(f["P"], f["L"], strict=True)),
    "planes wider than the windows together": lambda f: f["P"][1] > 3 * f["L"][1] and f["P"][0] == 2 * f["L"][0],
}
OF_NETWORKS: dict[str, Callable[[Facts], bool]] = {
    "a leaky ReLU whose slope matters": lambda f: f["activation"] == ("leaky-relu",) and f["slope"] == ("0.5",),
    "channels that leave a vector's tail, in many rows": lambda f: f["O"][0] % 8 != 0 and f["P"][0] * f["P"][1] > 32,
    "a smooth activation shaped as the input": lambda f: (
        f["activation"] == ("sigmoid",) and (f["C"], f["L"]) == (f["O"], f["P"])
    ),
}


@pytest.mark.parametrize("condition", OF_UNPOOLING)
def test_every_condition_of_a_public_bug_in_unpooling_is_met(condition: str) -> None:
    assert any(OF_UNPOOLING[condition](known) for known in facts("max-unpool"))


@pytest.mark.parametrize("condition", [*CONDITIONS, *OF_NETWORKS])
def test_every_condition_of_a_public_bug_in_a_fused_convolution_is_met(condition: str) -> None:
    test = {**CONDITIONS, **OF_NETWORKS}[condition]
    assert any(test(known) for known in facts("network"))


def test_every_operation_has_a_trigger_but_those_whose_windows_are_not_asked_for() -> None:
    without = {op for op in GRADED if not any("trigger" in sketch.flags for sketch in edges(op, 2))}
    assert without == {"adaptive-max-pool", "adaptive-average-pool"}


@pytest.mark.parametrize("op", ["max-pool", "average-pool", "lp-pool"])
def test_windows_that_ceil_mode_cuts_are_among_the_cases(op: str) -> None:
    assert any(known.get("ceil_mode") == ("true",) for known in facts(op))


def test_every_trigger_names_the_public_issue_that_it_stems_from() -> None:
    for op, dims in product(GRADED, (1, 2, 3)):
        for sketch in edges(op, dims):
            assert sketch.source.startswith("https://github.com/") == ("trigger" in sketch.flags)


@pytest.mark.slow
@pytest.mark.parametrize("op", GRADED)
def test_every_sum_is_exact_in_every_type_that_holds_a_case(op: str) -> None:
    """Added up backwards, and in the type itself, the results are the same to the bit."""
    for dtype in ("float32", "float16", "bfloat16"):
        trials = [of_sketch(sketch, dtype) for sketch in sketches([op], (1, 2), SUITES)]
        held = [trial for trial in trials if is_held(trial) and trial.is_exact]
        assert len(held) > len(trials) / 2 or op == "lp-pool"
        for trial in held:
            assert fits(trial.case, dtype, trial.sketch.lattice)  # type: ignore[union-attr]
            for array in trial.expected.values():
                assert (abs(array) + trial.poison <= 2.0**24).all()
                assert (array % float(trial.lattice or 1) == 0).all()


# -- What must come out ------------------------------------------------------------------------------------------------


def small(op: str) -> Iterator[Trial]:
    """Cases that loops in fractions come to an end with."""
    for sketch in sketches([op], (1, 2), SUITES):
        if sketch.numbers < 400:
            yield of_sketch(sketch, "float64")


def as_lists(trial: Trial) -> dict[str, Any]:
    document = trial.case.document
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in document.items()}


def by_loops(document: dict[str, Any], settings: Mapping[str, Any], number: Any) -> dict[str, Any]:
    """Every array by the definitions; of a network y = f(z), and the gradients for delta f'(z)."""
    if (activation := settings.get("activation")) is None:
        return definitions.backward(document, number) | {"output": definitions.forward(document, number)}
    plain = {key: value for key, value in document.items() if key not in ("activation", "slope")}
    slope = number(str(settings.get("slope", 0)))
    z = np.asarray(definitions.forward({**plain, "op": "conv"}, number))
    delta = np.asarray(definitions.array(document["delta"], number)).reshape(z.shape)
    inner = [e * SLOPES[activation](v, slope) for e, v in zip(delta.ravel(), z.ravel(), strict=True)]
    within = np.array(inner, dtype=object).reshape(z.shape).tolist()
    right = definitions.backward({**plain, "op": "conv", "delta": within}, number)
    return right | {"output": [FUNCTIONS[activation](v, slope) for v in z.ravel()]}


FUNCTIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "relu": lambda z, slope: z if z > 0 else 0,
    "leaky-relu": lambda z, slope: z if z > 0 else slope * z,
    "sigmoid": lambda z, slope: 1 / (1 + math.exp(-z)),
    "tanh": lambda z, slope: math.tanh(z),
    "softplus": lambda z, slope: math.log1p(math.exp(z)),
}
SLOPES: Mapping[str, Callable[[Any, Any], Any]] = {
    "relu": lambda z, slope: int(z > 0),
    "leaky-relu": lambda z, slope: 1 if z > 0 else slope,
    "sigmoid": lambda z, slope: FUNCTIONS["sigmoid"](z, 0) * (1 - FUNCTIONS["sigmoid"](z, 0)),
    "tanh": lambda z, slope: 1 - math.tanh(z) ** 2,
    "softplus": lambda z, slope: FUNCTIONS["sigmoid"](z, 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("op", GRADED)
def test_what_must_come_out_is_what_plain_loops_give(op: str) -> None:
    count = 0
    for trial in small(op):
        case = convgrad.backward(as_lists(trial)).case
        settings = {name: [list(p) if isinstance(p, tuple) else p for p in value] if isinstance(value, tuple) else value
                    for name, value in case.settings.items() if value is not None}  # fmt: skip
        document = {**as_lists(trial), **settings}
        number: Any = float if trial.sketch is not None and trial.sketch.is_real else definitions.Fraction
        right = by_loops(document, trial.settings, number)
        for name, array in trial.expected.items():
            other = np.asarray(right[name], dtype=np.float64).reshape(array.shape)
            np.testing.assert_allclose(
                array, other, rtol=1e-12 if number is float else 0, atol=1e-14 * (number is float)
            )
        count += 1
    assert count >= 5


@pytest.mark.slow
@pytest.mark.parametrize("op", GRADED)
def test_what_must_come_out_is_what_differences_give(op: str) -> None:
    for sketch in core(op, 2):
        report = convgrad.check(of_sketch(sketch, "float64").subject)
        assert report.verdict != "differs"


def test_another_seed_gives_other_numbers_to_the_same_shapes() -> None:
    sketch: Sketch = core("conv", 2)[0]
    first, other = sketch.case(), sketch.case(seed=1)
    assert first.shapes == other.shapes
    assert all((first.operands[name] != other.operands[name]).any() for name in ("x", "w"))  # type: ignore[union-attr]
