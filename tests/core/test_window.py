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


def walked(position: int, length: int, mode: str) -> int:
    """The cell a padded position copies, found by walking to it a step at a time."""
    cell, step = 0, 1
    for _ in range(abs(position)):
        if mode == "replicate":
            cell = min(length - 1, cell + 1) if position > 0 else 0
        elif mode == "circular":
            cell = (cell + (1 if position > 0 else -1)) % length
        elif length > 1:
            step = -step if not 0 <= cell + step < length else step
            cell += step
    return cell


@pytest.mark.parametrize("mode", ["reflect", "circular", "replicate"])
def test_copied_cells_are_walked_to_however_far_out(mode: str) -> None:
    for length, before, after in product(range(1, 6), range(12), range(12)):
        positions = range(-before, length + after)
        walks = [walked(position, length, mode) for position in positions]
        assert source_cells(positions, length, mode).tolist() == walks


@pytest.mark.parametrize("mode", ["reflect", "circular", "replicate"])
def test_copied_cells_are_numpys(mode: str) -> None:
    """As far out as one reflection: beyond it NumPy 1.26 copies other cells than NumPy 2."""
    theirs = {"circular": "wrap", "replicate": "edge"}.get(mode, mode)
    for length in range(1, 6):
        for before, after in product(range(length), repeat=2):
            copied = np.pad(np.arange(length), (before, after), mode=theirs)  # type: ignore[call-overload]
            assert source_cells(range(-before, length + after), length, mode).tolist() == copied.tolist()
