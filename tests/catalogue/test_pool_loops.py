"""Loops of a pool with another loop's variable are what the same loops, written out, give."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.catalogue import pool_loops
from convgrad.catalogue.tables import right
from convgrad.diagnosis.control import truth_of
from convgrad.diagnosis.diagnoser import Diagnoser
from convgrad.subject.case import make_case
from tests.diagnosis.cases import claimed

RANDOM = np.random.default_rng(8)
X = RANDOM.permutation(2 * 3 * 6 * 7).reshape(2, 3, 6, 7)
POOL = {"window": [2, 3], "stride": [2, 1], "padding": [[1, 0], [0, 1]], "input": (X - 100).tolist(),
        "delta": RANDOM.integers(6, 600, (2, 3, 3, 6)).tolist()}  # fmt: skip
MAX, MEAN = {**POOL, "op": "max-pool"}, {**POOL, "op": "average-pool"}


def in_loops(document, cell=None, delta=None, to=None):
    """dX in plain loops: where the first tap of a window lies, which delta it has, and in which plane it is laid."""
    case = make_case(document)
    result = np.zeros(X.shape, object)
    for n, c, p, q in np.ndindex(*case.delta.shape):
        first = cell(n, c, p, q) if cell else (2 * p - 1, q)
        cells = [(first[0] + i, first[1] + j) for i in range(2) for j in range(3)]
        cells = [(a, b) for a, b in cells if 0 <= a < 6 and 0 <= b < 7]
        value, plane = case.delta[delta(n, c, p, q) if delta else (n, c, p, q)], to(n, c, p, q) if to else (n, c)
        if document is MAX and cells:
            cells, share = [max(cells, key=lambda at: X[(n, c, *at)])], value
        else:
            share = value / 6
        for at in cells:
            result[(*plane, *at)] += share
    return result


@pytest.mark.parametrize("document", [MAX, MEAN], ids=lambda document: document["op"])
def test_loops_with_their_own_variables_give_dX(document):
    case = make_case(document)
    computed = pool_loops.variables_of(right(case, "dX"))[0]
    axes, taps, positions = right(case, "dX").axes, computed[2:4], computed[4:]
    cells = tuple(map(pool_loops.cell_of, axes, positions, taps))
    truth = truth_of(case)["dX"]
    assert (in_loops(document) == truth).all()
    assert (pool_loops._over_cells(truth, right(case, "dX"), cells) == truth).all()
    assert (pool_loops._laid(truth, right(case, "dX"), tuple(computed[:2]), cells) == truth).all()


SPOILT = {
    "a window's channel for its position's row": {"cell": lambda n, c, p, q: (2 * c - 1, q)},
    "a window's sample for its position's column": {"cell": lambda n, c, p, q: (2 * p - 1, n)},
    "position's row // stride": {"cell": lambda n, c, p, q: (p // 2 - 1, q)},
    "delta: by the channel, not the position's row": {"delta": lambda n, c, p, q: (n, c, c, q)},
    "dX: by the position's row, not the channel": {"to": lambda n, c, p, q: (n, p)},
}


@pytest.mark.parametrize("document", [MAX, MEAN], ids=lambda document: document["op"])
@pytest.mark.parametrize("text", SPOILT)
def test_another_loop_s_variable_is_named_by_both(document, text):
    case = make_case(document)
    truth, wrong = truth_of(case)["dX"], in_loops(document, **SPOILT[text])
    (found, *_) = Diagnoser(case, "dX", truth).of(claimed("dX", wrong + truth * 0, truth))
    assert found.mistake == ("stride-misused" if "cell" in SPOILT[text] else "wrong-index")
    assert text in found.message
