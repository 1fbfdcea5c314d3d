"""A check in units of one backward pass of PyTorch in float64, each on one thread; and beside PyTorch's gradcheck.

Processor time, measured in turns: what else the machine does falls on neither side. gradcheck perturbs one entry at a
time (slow mode), or all along one direction (fast mode), so that it is compared on layers that it gets through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from convgrad.checking.judging import check
from convgrad.core import threads
from convgrad.differences.finite_differences import evaluations, finite_differences
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case, make_case
from tests.benchmarks.memory import memory
from tests.benchmarks.row import ALONE, FASTER, LONGER, Row

try:
    import torch
except ImportError:
    torch = None

PEERS = {
    "conv": "conv", "conv-transpose": "conv_transpose", "max-pool": "max_pool", "average-pool": "avg_pool",
    "lp-pool": "lp_pool", "adaptive-average-pool": "adaptive_avg_pool", "adaptive-max-pool": "adaptive_max_pool",
}  # fmt: skip
"""What PyTorch calls the operations, and settings that it calls otherwise:"""
SETTINGS = {"window": "kernel_size", "norm": "norm_type"}
BACKWARD = "one backward pass of PyTorch"
SIDES = CHANNELS = (16, 32, 64, 128)
Call = Callable[[], Any]


@dataclass(frozen=True)
class Layer:
    """A layer as people have it, and one so small that gradcheck gets through it."""

    name: str
    op: str
    x: tuple[int, ...]
    w: tuple[int, ...] = ()
    small: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    settings: dict[str, Any] = field(default_factory=dict)

    def reduced(self) -> Layer:
        """The small one."""
        groups = {"groups": self.small[0][1]} if "groups" in self.settings else {}
        return Layer(self.name, self.op, *self.small, settings=self.settings | groups)


LAYERS = (
    Layer("1-D, kernel 9, 4x64x1024, 64 filters", "conv", (4, 64, 1024), (64, 64, 9), ((2, 8, 96), (8, 8, 9)),
          {"padding": 4}),
    Layer("3x3, 4x64x56x56, 64 filters", "conv", (4, 64, 56, 56), (64, 64, 3, 3), ((2, 8, 12, 12), (8, 8, 3, 3)),
          {"padding": 1}),
    Layer("depthwise 3x3, 4x128x28x28", "conv", (4, 128, 28, 28), (128, 1, 3, 3), ((2, 8, 12, 12), (8, 1, 3, 3)),
          {"padding": 1, "groups": 128}),
    Layer("transposed 4x4 stride 2, 4x32x28x28, 32 filters", "conv-transpose", (4, 32, 28, 28), (32, 32, 4, 4),
          ((2, 8, 8, 8), (8, 8, 4, 4)), {"padding": 1, "stride": 2}),
    Layer("max pool 3x3 stride 2, 4x64x56x56", "max-pool", (4, 64, 56, 56), (), ((2, 8, 16, 16), ()),
          {"window": 3, "stride": 2, "padding": 1}),
)  # fmt: skip
POOLS = (
    Layer("average pool 3x3 stride 2, 4x64x56x56", "average-pool", (4, 64, 56, 56),
          settings={"window": 3, "stride": 2, "padding": 1}),
    Layer("Lp pool 3x3 stride 2, p = 2, 4x64x56x56", "lp-pool", (4, 64, 56, 56),
          settings={"window": 3, "stride": 2, "norm": 2}),
    Layer("adaptive average to 7x7, 4x64x28x28", "adaptive-average-pool", (4, 64, 28, 28),
          settings={"output_size": 7}),
    Layer("adaptive maximum to 5x5, 4x64x28x28", "adaptive-max-pool", (4, 64, 28, 28), settings={"output_size": 5}),
    Layer("global average, 4x512x7x7", "adaptive-average-pool", (4, 512, 7, 7), settings={"output_size": 1}),
    Layer("global average, 1x1x112x112", "adaptive-average-pool", (1, 1, 112, 112), settings={"output_size": 1}),
)  # fmt: skip
LARGE = Layer("8x16x32x32, 16 filters 3x3", "conv", (8, 16, 32, 32), (16, 16, 3, 3), settings={"padding": 1})


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """Judging and differencing of five layers, and gradcheck; differencing of pools, by image and by channels.

    And the memory that judging takes.
    """
    yield from memory(only)
    asked = threads.threads()
    threads.limit(1)
    try:
        if only in LARGE.name:
            yield _alone(rounds)
        if torch is not None:
            torch.set_num_threads(1)
            yield from (row() for name, row in _named(rounds) if only in name)
    finally:
        threads.limit(asked)


def _named(rounds: int) -> Iterator[tuple[str, Callable[[], Row]]]:
    for layer in LAYERS:
        for name, compared in (("judging", _judging), ("differencing", _differencing)):
            yield f"{layer.name}: {name}", partial(compared, layer, rounds)
        for name, fast in (("slow", False), ("fast", True)):
            yield f"gradcheck {name}, {layer.reduced().x}: {layer.name}", partial(_gradcheck, layer, fast, rounds)
    for layer in (*POOLS, *(_square(16, side) for side in SIDES), *(_square(channels, 28) for channels in CHANNELS)):
        yield f"{layer.name}: differencing", partial(_differencing, layer, rounds)


def _square(channels: int, side: int) -> Layer:
    name = f"4x{channels}x{side}x{side}, {channels} filters 3x3"
    return Layer(name, "conv", (4, channels, side, side), (channels, channels, 3, 3), settings={"padding": 1})


def case_of(layer: Layer) -> Case:
    """The layer with normal numbers."""
    random = np.random.default_rng(0)
    document: dict[str, Any] = {"op": layer.op, "dims": len(layer.x) - 2, "input": random.standard_normal(layer.x)}
    if layer.w:
        document["kernel"] = random.standard_normal(layer.w)
    document |= {**layer.settings, "delta": "ones"}
    return make_case({**document, "delta": random.standard_normal(make_case(document).output_shape)})


def _alone(rounds: int) -> Row:
    case = case_of(LARGE)
    note = f"{evaluations(case)} passes, {entries(case)} entries, off by {accuracy(case):.0e}"
    return Row(LARGE.name, median(work(partial(check, case)) for _ in range(rounds)), figure=ALONE, note=note)


def _judging(layer: Layer, rounds: int) -> Row:
    """Claims for every gradient, until they are judged and named: dW turned by 180 degrees, a pool's dX negated."""
    case = case_of(layer)
    gradients = Gradients(case).by_array
    claim = {name: case.layout.restored(operand, gradients[name]) for name, operand in _gradients(case)}
    claim |= {"dW": np.flip(claim["dW"], tuple(range(2, len(layer.w)))).copy()} if layer.w else {"dX": -claim["dX"]}
    ours, peer = in_turn(partial(answer, case, claim), backward(layer, case), rounds)
    return Row(f"{layer.name}: judging", ours, peer, BACKWARD, LONGER, at_most=20)


def _gradients(case: Case) -> Iterator[tuple[str, str]]:
    names = {"dW": "w", "db": "b", "dX": "x"}
    return ((name, operand) for name, operand in names.items() if operand in case.operation.operands)


class _Answered(Exception):
    """Claims are judged: what follows is not part of it."""


def answer(case: Case, claim: dict[str, Any]) -> None:
    """Claims judged and named, and nothing more."""

    def leave(*found: object) -> None:
        raise _Answered

    try:
        check(case, claim, answer=leave)
    except _Answered:
        return


def _differencing(layer: Layer, rounds: int) -> Row:
    """Every entry."""
    case = case_of(layer)
    ours, peer = in_turn(partial(finite_differences, case), backward(layer, case), rounds)
    note = f"{entries(case)} entries, {evaluations(case)} passes"
    return Row(f"{layer.name}: differencing", ours, peer, BACKWARD, LONGER, at_most=80, note=note)


def _gradcheck(layer: Layer, fast: bool, rounds: int) -> Row:
    """A check of every entry beside gradcheck, which in fast mode looks at one number of each Jacobian."""
    small = layer.reduced()
    case = case_of(small)
    operands, forward = _tensors(small, case)
    call = partial(torch.autograd.gradcheck, forward, operands, fast_mode=fast)
    ours, peer = in_turn(partial(check, case), call, rounds if fast else 1)
    mode = "fast" if fast else "slow"
    name = f"gradcheck {mode}, {small.x}: {layer.name}"
    note = f"{entries(case)} entries" + ("; of which fast mode sees one sum" if fast else "")
    return Row(name, ours, peer, f"torch.autograd.gradcheck, {mode} mode", FASTER, note=note)


def entries(case: Case) -> int:
    """How many entries there are to difference."""
    return sum(array.size for array in Gradients(case).by_operand.values())


def accuracy(case: Case) -> float:
    """The largest difference from the gradients, in parts of each array's largest entry."""
    ours, found = Gradients(case).by_operand, finite_differences(case).gradients
    return max(float(abs(found[name] - ours[name]).max() / abs(ours[name]).max()) for name in ours)


def backward(layer: Layer, case: Case) -> Call:
    """One backward pass of PyTorch, its forward pass made."""
    operands, forward = _tensors(layer, case)
    y, delta = forward(*operands), torch.tensor(case.delta)
    return lambda: torch.autograd.grad(y, operands, delta, retain_graph=True)


def _tensors(layer: Layer, case: Case) -> tuple[tuple[Any, ...], Callable[..., Any]]:
    """The operands, and PyTorch's function of them."""
    operands = tuple(torch.tensor(array, requires_grad=True) for array in case.arrays if array is not None)
    function = getattr(torch.nn.functional, f"{PEERS[layer.op]}{case.dims}d")
    settings = {SETTINGS.get(name, name): value for name, value in layer.settings.items()}
    return operands, lambda *arrays: function(*arrays, **settings)


def in_turn(first: Call, second: Call, rounds: int) -> tuple[float, float]:
    """Median processor times of each, run A B A B; one run of each beforehand is not counted."""
    first(), second()
    pairs = [(work(first), work(second)) for _ in range(rounds)]
    return median(a for a, _ in pairs), median(b for _, b in pairs)


def work(call: Call) -> float:
    """Seconds of the processor that a call takes."""
    started = process_time()
    call()
    return process_time() - started
