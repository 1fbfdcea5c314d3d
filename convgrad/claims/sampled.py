"""Arrays that are worked out some samples at a time, when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import FLOAT64, Array


class Sampled:
    """An array with an axis of samples, some of which are worked out when they are asked for, and the last kept."""

    def __init__(self, shape: tuple[int, ...], spans: list[slice], made: Callable[[slice], Any]) -> None:
        self.shape, self.ndim, self.size, self.dtype = shape, len(shape), prod(shape), np.dtype(FLOAT64)
        self._spans, self._made = spans, made
        self._kept: tuple[slice, Array] | None = None

    def __getitem__(self, at: tuple[Any, ...]) -> Any:
        first = at[0].start if isinstance(at[0], slice) else int(at[0])
        samples = next(span for span in self._spans if span.start <= first < span.stop)
        if not isinstance(at[0], slice):
            return self._part(samples)[(first - samples.start, *at[1:])]
        if at[0].stop > samples.stop:
            return np.asarray(self)[at]
        return self._part(samples)[(slice(first - samples.start, at[0].stop - samples.start), *at[1:])]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        whole = np.empty(self.shape, dtype or self.dtype)
        for samples in self._spans:
            whole[samples] = self._made(samples)
        return whole

    def _part(self, samples: slice) -> Array:
        if self._kept is None or self._kept[0] != samples:
            shape = (samples.stop - samples.start, *self.shape[1:])
            self._kept = samples, np.broadcast_to(np.asarray(self._made(samples), FLOAT64), shape)
        return self._kept[1]
