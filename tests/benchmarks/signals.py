"""One channel and one filter, against SciPy's and NumPy's functions for signals and images: output and gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from convgrad.subject.case import Case, make_case
from tests.benchmarks.row import FASTER, Row
from tests.benchmarks.timing import alternating

try:
    from scipy import ndimage, signal
except ImportError:
    signal = None

Peer = Callable[..., Any]
SHAPES = (((512, 512), (3, 3)), ((512, 512), (7, 7)), ((64, 64, 64), (3, 3, 3)))
WAVE, TAPS = 1 << 16, 31


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """Two or three rows a shape: the output, by each function that has it, and both gradients."""
    if signal is not None:
        for x, w in SHAPES:
            yield from _image(x, w, rounds, only)
    name = f"{TAPS} taps on {WAVE} samples"
    if only in name:
        yield from _wave(name, rounds)


def _image(x: tuple[int, ...], w: tuple[int, ...], rounds: int, only: str) -> Iterator[Row]:
    name = f"{'x'.join(map(str, w))} on {'x'.join(map(str, x))}"
    if only in name:
        inside, padded = _case(x, w), _case(x, w, padding=w[0] // 2)
        yield _forward(f"{name}, output", inside, "scipy.signal.correlate", _by_signal, rounds)
        yield _forward(f"{name}, padded, output", padded, "scipy.ndimage.correlate", _by_ndimage, rounds)
        yield _backward(f"{name}, gradients", inside, "scipy.signal.correlate, convolve", _slopes_by_signal, rounds)


def _wave(name: str, rounds: int) -> Iterator[Row]:
    case = _case((WAVE,), (TAPS,))
    yield _forward(f"{name}, output", case, "numpy.correlate", _by_numpy, rounds)
    yield _backward(f"{name}, gradients", case, "numpy.correlate, convolve", _slopes_by_numpy, rounds)


def _by_signal(x: Any, w: Any) -> Any:
    return signal.correlate(x, w, "valid", "direct")


def _by_ndimage(x: Any, w: Any) -> Any:
    return ndimage.correlate(x, w, mode="constant")


def _by_numpy(x: Any, w: Any) -> Any:
    return np.correlate(x, w, "valid")


def _slopes_by_signal(x: Any, w: Any, delta: Any) -> Any:
    return signal.correlate(x, delta, "valid"), signal.convolve(delta, w)


def _slopes_by_numpy(x: Any, w: Any, delta: Any) -> Any:
    return np.correlate(x, delta, "valid"), np.convolve(delta, w)


def _case(x: tuple[int, ...], w: tuple[int, ...], padding: int = 0) -> Case:
    random = np.random.default_rng(0)
    delta = random.standard_normal([i + 2 * padding - k + 1 for i, k in zip(x, w, strict=True)])
    arrays = {"input": random.standard_normal(x), "kernel": random.standard_normal(w), "delta": delta}
    return make_case({**arrays, "dims": len(x), "padding": padding}, arithmetic="float64")


def _forward(name: str, case: Case, against: str, peer: Peer, rounds: int) -> Row:
    x, w = (array[0, 0] for array in case.arrays[:2])
    call = case.operation.forward
    times = alternating(lambda: call(*case.arrays, **case.arguments), lambda: peer(x, w), rounds)
    return Row(name, *times, against, FASTER)


def _backward(name: str, case: Case, against: str, peer: Peer, rounds: int) -> Row:
    x, w = (array[0, 0] for array in case.arrays[:2])
    call, delta = case.operation.backward, case.delta
    times = alternating(lambda: call(delta, *case.arrays, **case.arguments), lambda: peer(x, w, delta[0, 0]), rounds)
    return Row(name, *times, against, FASTER)
