"""A delta that does not fit is told of by the axes that differ."""

import numpy as np
import pytest

from convgrad.errors import RequestError
from convgrad.subject.case import make_case

CONV = {"input": np.ones((4, 2, 5, 6)), "kernel": np.ones((3, 2, 2, 3))}
POOL = {"op": "max-pool", "window": 2, "ceil_mode": True, "dims": 2, "input": np.ones((2, 5, 6))}


@pytest.mark.parametrize(
    ("case", "delta", "told"),
    [
        (CONV, (5, 3, 4, 4), "4 samples, not 5"),
        (CONV, (4, 2, 4, 4), "3 channels, not 2"),
        (CONV, (3, 4, 4, 4), "4 samples, not 3, 3 channels, not 4"),
        (CONV, (4, 3, 4, 5), "floor((6 + 0 + 0 - 3)/1) + 1 = 4"),
        (CONV, (4, 3, 5, 4), "floor((5 + 0 + 0 - 2)/1) + 1 = 4"),
        (CONV, (1, 3, 5, 4), "4 samples, not 1, floor((5 + 0 + 0 - 2)/1) + 1 = 4"),
        (CONV, (4, 4), "floor((5 + 0 + 0 - 2)/1) + 1 = 4, floor((6 + 0 + 0 - 3)/1) + 1 = 4"),
        (POOL, (3, 3, 3), "2 channels, not 3"),
        ({**POOL, "input": np.ones((1, 5, 6))}, (2, 3, 3), "1 channel, not 2"),
    ],
)
def test_a_wrong_delta_is_told_of_by_the_axes_that_differ(case, delta, told):
    with pytest.raises(RequestError) as refused:
        make_case({**case, "delta": np.ones(delta)})
    assert refused.value.problems[0].message.partition(": ")[2] == told
