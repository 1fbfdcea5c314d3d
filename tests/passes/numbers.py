"""Numbers of which every sum is exact."""

import numpy as np


def whole_numbers(shape, seed=0):
    """Whole numbers as float64, so that sums are the same in any order."""
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(float)
