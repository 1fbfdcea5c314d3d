"""Convolution and pooling layers of real networks against PyTorch: the output, and the gradients.

A pool's gradients need to know what it chose, so that their time has the forward pass in it, on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from statistics import geometric_mean
from time import perf_counter, process_time
from typing import Any

import numpy as np

from convgrad.core.threads import threads
from convgrad.subject.case import make_case
from tests.benchmarks.machine import pinned
from tests.benchmarks.row import FASTER, Row
from tests.benchmarks.timing import alternating

try:
    import torch
except ImportError:
    torch = None

Call = Callable[[], Any]
PEER = "PyTorch"
MEANS = {"gradients, float64": 1.3, "gradients, float32": 1.0}


@dataclass(frozen=True)
class Layer:
    """One line of the table; the batch is so large, or the calls so many, that a run takes 0.05 to 1 s, at best."""

    name: str
    op: str
    x: tuple[int, ...]
    w: tuple[int, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    calls: int = 1

    @property
    def dims(self) -> int:
        return len(self.x) - 2


def _conv(name: str, x: tuple[int, ...], w: tuple[int, ...], **settings: Any) -> Layer:
    dilation = settings.get("dilation", 1)
    return Layer(name, "conv", x, w, {"padding": [dilation * (k // 2) for k in w[2:]], **settings})


LAYERS = (
    _conv("3x3 64->64 at 56x56", (48, 64, 56, 56), (64, 64, 3, 3)),
    _conv("7x7 stride 2 3->64 at 112x112", (48, 3, 112, 112), (64, 3, 7, 7), stride=2),
    _conv("3x3 128->128 at 28x28", (48, 128, 28, 28), (128, 128, 3, 3)),
    _conv("3x3 256->256 at 14x14", (48, 256, 14, 14), (256, 256, 3, 3)),
    _conv("3x3 512->512 at 7x7", (48, 512, 7, 7), (512, 512, 3, 3)),
    _conv("1x1 64->256 at 56x56", (32, 64, 56, 56), (256, 64, 1, 1)),
    _conv("1x1 512->2048 at 7x7", (96, 512, 7, 7), (2048, 512, 1, 1)),
    _conv("3x3 stride 2 128->128 at 56x56", (32, 128, 56, 56), (128, 128, 3, 3), stride=2),
    _conv("3x3 dilation 2 64->64 at 56x56", (48, 64, 56, 56), (64, 64, 3, 3), dilation=2),
    _conv("depthwise 3x3 256 at 28x28", (128, 256, 28, 28), (256, 1, 3, 3), groups=256),
    _conv("grouped (32) 3x3 256->256 at 28x28", (96, 256, 28, 28), (256, 8, 3, 3), groups=32),
    _conv("1-D 9 64->64 of 4096", (32, 64, 4096), (64, 64, 9)),
    _conv("3-D 3x3x3 16->32 at 16x28x28", (32, 16, 16, 28, 28), (32, 16, 3, 3, 3)),
    _conv("5x5 64->64 at 28x28", (64, 64, 28, 28), (64, 64, 5, 5)),
    _conv("11x11 stride 4 3->64 at 224x224", (32, 3, 224, 224), (64, 3, 11, 11), stride=4),
    _conv("3x3 strides 2 and 1 64->64 at 14x14", (192, 64, 14, 14), (64, 64, 3, 3), stride=[2, 1]),
    _conv("depthwise 5x5 stride 2 of 96 at 56x56", (64, 96, 56, 56), (96, 1, 5, 5), groups=96, stride=2),
    Layer("small: 3x3 4->8 at 16x16, 4 samples", "conv", (4, 4, 16, 16), (8, 4, 3, 3), {"padding": 1}, calls=200),
    Layer("transposed 4x4 stride 2 64->32 at 28x28", "conv-transpose", (128, 64, 28, 28), (64, 32, 4, 4),
          {"stride": 2, "padding": [1, 1]}),
    Layer("max pool 3x3 stride 2", "max-pool", (16, 64, 112, 112), (), {"window": 3, "stride": 2, "padding": 1}),
    Layer("average pool 3x3 stride 2", "average-pool", (16, 64, 112, 112), (),
          {"window": 3, "stride": 2, "padding": 1}),
    Layer("adaptive average to 7x7", "adaptive-average-pool", (16, 64, 112, 112), (), {"output_size": 7}),
)  # fmt: skip


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """A row a layer, pass and dtype; and for the convolutions, by pass and dtype, their geometric mean."""
    if torch is None:
        return
    torch.set_num_threads(threads())
    means: dict[str, list[Row]] = {}
    layers = [_quartered(layer) for layer in LAYERS] if pinned() else LAYERS
    for layer, passes, dtype in product(layers, PASSES, (np.float64, np.float32)):
        of = f"{passes}, {np.dtype(dtype).name}"
        if only in (name := f"{layer.name}, {of}"):
            row = _row(name, layer, np.dtype(dtype), passes, rounds)
            if layer.w:
                means.setdefault(of, []).append(row)
            yield row
    for of, found in means.items():
        ours, peer = (geometric_mean(times) for times in zip(*((row.ours, row.peer) for row in found), strict=True))
        target = MEANS.get(of)
        yield Row(f"all these convolutions, geometric mean, {of}", ours, peer, PEER, FASTER, at_least=target)


def _row(name: str, layer: Layer, dtype: np.dtype[Any], passes: str, rounds: int) -> Row:
    arrays = operands(layer, dtype)
    ours, theirs = PASSES[passes]
    clock = process_time if pinned() else perf_counter
    sides = (_repeated(make(layer, arrays), layer.calls) for make in (ours, theirs))
    times = (spent / layer.calls for spent in alternating(*sides, rounds, clock))
    return Row(name, *times, PEER, FASTER, at_least=_target(layer, passes, dtype))


def _quartered(layer: Layer) -> Layer:
    """A quarter of the samples: enough for one thread, of whose time nothing else is a part."""
    count, *others = layer.x
    return layer if layer.calls > 1 else replace(layer, x=(count // 4, *others))


def _repeated(call: Call, times: int) -> Call:
    def run() -> None:
        for _ in range(times):
            call()

    return run


def _target(layer: Layer, passes: str, dtype: np.dtype[Any]) -> float | None:
    """How many times as fast as PyTorch the gradients are meant to be."""
    if passes != "gradients":
        return None
    if dtype == np.float64:
        return 0.95 if layer.w else 0.6
    return 0.6 if layer.w and (pinned() or layer.settings.get("groups", 1) < layer.x[1]) else 0.4


def operands(layer: Layer, dtype: np.dtype[Any]) -> list[np.ndarray[Any, Any]]:
    """x, w and b where there are, and delta last."""
    generator = np.random.default_rng(0)
    shapes = [layer.x] + ([layer.w, (_outputs(layer),)] if layer.w else [])
    arrays = [generator.standard_normal(shape, dtype) for shape in shapes]
    shape = case_of(layer, arrays).output_shape
    return [*arrays, generator.standard_normal(shape, dtype)]


def _outputs(layer: Layer) -> int:
    return layer.w[1] * int(layer.settings.get("groups", 1)) if layer.op == "conv-transpose" else layer.w[0]


def case_of(layer: Layer, arrays: list[np.ndarray[Any, Any]]) -> Any:
    named = dict(zip(("input", "kernel", "bias") if layer.w else ("input",), arrays, strict=True))
    document = {"op": layer.op, "dims": layer.dims, **named, **layer.settings}
    return make_case(document, needs_delta=False, arithmetic=arrays[0].dtype.name)


def our_output(layer: Layer, arrays: list[np.ndarray[Any, Any]]) -> Call:
    *given, _ = arrays
    case = case_of(layer, given)
    return lambda: case.operation.forward(*given, **case.arguments)


def our_gradients(layer: Layer, arrays: list[np.ndarray[Any, Any]]) -> Call:
    *given, delta = arrays
    case = case_of(layer, given)

    def gradients() -> Any:
        if not layer.w:
            case.operation.forward(*given, **case.arguments)
        return case.operation.backward(delta, *given, **case.arguments)

    return gradients


def their_output(layer: Layer, arrays: list[np.ndarray[Any, Any]]) -> Call:
    *given, _ = [torch.from_numpy(array) for array in arrays]
    if layer.w:
        return lambda: torch.ops.aten.convolution(*given, *_settings(layer))
    pool, window = _their_pool(layer)
    return lambda: pool(*given, *window)


def their_gradients(layer: Layer, arrays: list[np.ndarray[Any, Any]]) -> Call:
    x, *_, delta = tensors = [torch.from_numpy(array) for array in arrays]
    if not layer.w:
        return lambda: _both_of_their_pool(layer, x, delta)
    backward, w = torch.ops.aten.convolution_backward, tensors[1]
    return lambda: backward(delta, x, w, [_outputs(layer)], *_settings(layer), [True, True, True])


PASSES = {"output": (our_output, their_output), "gradients": (our_gradients, their_gradients)}


def _settings(layer: Layer) -> tuple[Any, ...]:
    """Stride, padding, dilation, whether transposed, output padding and groups, as PyTorch takes them."""
    geometry = (_each(layer, name, default) for name, default in (("stride", 1), ("padding", 0), ("dilation", 1)))
    return (*geometry, layer.op == "conv-transpose", [0] * layer.dims, layer.settings.get("groups", 1))


def _each(layer: Layer, name: str, default: int) -> list[int]:
    value = layer.settings.get(name, default)
    return list(value) if isinstance(value, list) else [value] * layer.dims


def _their_pool(layer: Layer) -> tuple[Any, list[list[int]]]:
    """PyTorch's function, and what it takes besides x."""
    aten = torch.ops.aten
    if layer.op == "adaptive-average-pool":
        return aten._adaptive_avg_pool2d, [_each(layer, "output_size", 1)]
    window = [_each(layer, name, 1) for name in ("window", "stride", "padding")]
    return (aten.avg_pool2d if layer.op == "average-pool" else aten.max_pool2d_with_indices), window


def _both_of_their_pool(layer: Layer, x: Any, delta: Any) -> Any:
    aten, (pool, window) = torch.ops.aten, _their_pool(layer)
    y = pool(x, *window)
    if layer.op == "adaptive-average-pool":
        return y, aten._adaptive_avg_pool2d_backward(delta, x)
    if layer.op == "average-pool":
        return y, aten.avg_pool2d_backward(delta, x, *window, False, True, None)
    return y, aten.max_pool2d_with_indices_backward(delta, x, *window, [1, 1], False, y[1])
