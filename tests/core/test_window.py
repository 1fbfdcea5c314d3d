"""Geometries in which a shortcut would be wrong."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import convgrad
from convgrad.core.unfold import source_cells


def test_as_many_windows_as_cells_at_stride_2_are_no_shift():
    case = {"input": [1, 2, 3, 4], "kernel": [1, 10, 100], "stride": 2, "padding": [[3, 2]], "delta": [5, 6, 7, 8]}
    found = convgrad.backward(case)
    assert found.output.tolist() == [0, 210, 432, 4]
    assert found.dW.tolist() == [7 * 2 + 8 * 4, 6 * 1 + 7 * 3, 6 * 2 + 7 * 4]
    assert found.dX.tolist() == [60, 600 + 7, 70, 700 + 8]


@pytest.mark.parametrize("mode", ["reflect", "circular", "edge"])
def test_copied_cells_are_numpys_however_far_out(mode: str) -> None:
    ours = "replicate" if mode == "edge" else mode
    modes = {"circular": "wrap"}
    for length, before, after in product(range(1, 6), range(12), range(12)):
        copied = np.pad(np.arange(length), (before, after), mode=modes.get(mode, mode))  # type: ignore[call-overload]
        assert source_cells(range(-before, length + after), length, ours).tolist() == copied.tolist()
