"""Small changes of a case, from the smallest: what would tell two mistakes apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from convgrad.errors import RequestError
from convgrad.subject.case import Case, make_case
from convgrad.vocabulary import OPERANDS, TRANSPOSED, row_of

Sketch = dict[str, Any]
"""A case with shapes, or arrays that stay, in place of its numbers."""


def sketch_of(case: Case) -> Sketch:
    """A case document with its arrays at full shape and its settings resolved."""
    settings = {name: value for name, value in case.settings.items() if value is not None}
    arrays = {"input": case.operands["x"], "kernel": case.operands.get("w"), "bias": case.operands.get("b")}
    given = {name: array for name, array in arrays.items() if array is not None}
    return {"op": case.operation.name, **settings, **given, "delta": case.delta}


def _fresh(*names: str) -> Callable[[Sketch], Sketch]:
    return lambda sketch: {**sketch, **{name: np.shape(sketch[name]) for name in names if name in sketch}}


def _longer(key: str, axis: int) -> Callable[[Sketch], Sketch]:
    return _with(key, lambda sketch: _one_more(np.shape(sketch[key]), axis))


def _one_more(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(length + ((n == axis) if axis < 2 else n >= 2) for n, length in enumerate(shape))


def _with(key: str, value: Callable[[Sketch], Any]) -> Callable[[Sketch], Sketch]:
    return lambda sketch: {**sketch, key: value(sketch), "delta": None} if key in sketch else {}


def _with_bias(sketch: Sketch) -> Sketch:
    if "kernel" not in sketch:
        return {}
    shape, groups = np.shape(sketch["kernel"]), sketch["groups"]
    return {**sketch, "bias": (shape[1] * groups if row_of(sketch["op"]).family == TRANSPOSED else shape[0],)}


def _with_channels(sketch: Sketch) -> Sketch:
    """Two more channels on either side of the kernel's, so many that it is square."""
    if "kernel" not in sketch:
        return {}
    shape, groups, x = np.shape(sketch["kernel"]), sketch["groups"], np.shape(sketch["input"])
    each = max(shape[0] // groups, shape[1]) + 1
    return {
        **sketch, "kernel": (each * groups, each, *shape[2:]), "input": (x[0], each * groups, *x[2:]),
        "bias": (each * groups,) if "bias" in sketch else None, "delta": None,
    }  # fmt: skip


def _with_groups(sketch: Sketch) -> Sketch:
    if "kernel" not in sketch:
        return {}
    (first, *rest), x = np.shape(sketch["kernel"]), np.shape(sketch["input"])
    return {
        **sketch, "groups": 2 * sketch["groups"], "kernel": (2 * first, *rest), "input": (x[0], 2 * x[1], *x[2:]),
        "bias": None, "delta": None,
    }  # fmt: skip


def _steps(sketch: Sketch) -> list[int]:
    return [2 + axis for axis in range(sketch["dims"])]


CHANGES: dict[str, Callable[[Sketch], Sketch]] = {
    "use a delta that is not symmetric": _fresh("delta"),
    "use a kernel that is not symmetric": _fresh("kernel"),
    "use an input without symmetry or repeats": _fresh("input"),
    "use other numbers": _fresh("delta", "kernel", "input", "bias"),
    "give a bias": _with_bias,
    "use one sample more": _longer("input", 0),
    "use an input that is a cell longer on every axis": _longer("input", 2),
    "use a kernel that is a tap longer on every axis": _longer("kernel", 2),
    "use a longer window": _with("window", lambda sketch: [size + 1 for size in sketch["window"]]),
    "use padding 1": _with("padding", lambda sketch: [[1, 1]] * sketch["dims"]),
    "use padding before only": _with("padding", lambda sketch: [[1, 0]] * sketch["dims"]),
    "use another stride on each axis, from 2 on": _with("stride", _steps),
    "use another dilation on each axis, from 2 on": _with("dilation", lambda sketch: _steps(sketch)[::-1]),
    "use stride 1": _with("stride", lambda sketch: 1),
    "use more channels, as many in as out": _with_channels,
    "use more groups": _with_groups,
    "use norm 3": _with("norm", lambda sketch: 3),
    "use padding_mode replicate": _with("padding_mode", lambda sketch: "replicate"),
    "use another output size": _with("output_size", lambda sketch: [size + 1 for size in sketch["output_size"]]),
}
"""From the smallest: other numbers, then one more of something, then other settings."""


def changed(case: Case) -> Iterator[tuple[str, Case]]:
    """The case with one small change each, where that gives a case."""
    sketch = sketch_of(case)
    for advice, change in CHANGES.items():
        altered = change(sketch)
        if altered and (made := drawn(altered)) is not None:
            yield advice, made


def drawn(sketch: Mapping[str, Any], seed: int = 1) -> Case | None:
    """A case from a sketch: whole numbers where it has shapes; None where it does not fit together."""
    random = np.random.default_rng(seed)
    filled = {key: _filled(key, value, random) for key, value in sketch.items() if value is not None}
    try:
        if filled.get("delta") is not None:
            return make_case(filled)
        shape = make_case(filled, needs_delta=False).output_shape
        return make_case({**filled, "delta": _numbers(shape, random)})
    except RequestError:
        return None


def _filled(key: str, value: Any, random: np.random.Generator) -> Any:
    is_shape = key in OPERANDS and isinstance(value, tuple)
    return _numbers(value, random) if is_shape else value


def _numbers(shape: tuple[int, ...], random: np.random.Generator) -> Any:
    values = random.integers(-9, 10, shape)
    return np.where(values == 0, 10, values).tolist()
