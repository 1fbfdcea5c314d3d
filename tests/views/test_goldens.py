"""What people see, kept as text; `CONVGRAD_UPDATE_GOLDENS=1 pytest tests/views` writes it anew, to be read first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import convgrad
from convgrad.core.arithmetic import Plain
from convgrad.views import render
from tests.views import cases

GOLDEN = Path(__file__).parent / "golden"


def plain(case):
    """The case with its fractions as they come from a document."""
    texts = {
        key: [Plain(part) if isinstance(part, str) else part for part in value]
        for key, value in case.items()
        if isinstance(value, list)
    }
    return {**case, **texts}


def backward(case, width=None, arithmetic="auto", **asked):
    return "".join(render(convgrad.backward(plain(case), arithmetic=arithmetic), width=width, color="never", **asked))


def forward(case, width=None):
    return "".join(render(convgrad.forward(plain(case)), width=width, color="never"))


def explain(case, entry, width=None):
    return "".join(render(convgrad.explain(plain(case), entry), width=width, color="never"))


VIEWS = {
    "ledger": lambda: backward(cases.LEDGER),
    "ledger-ascii": lambda: backward(cases.LEDGER, ascii=True),
    "ledger-40": lambda: backward(cases.LEDGER, 40),
    "ledger-only": lambda: backward(cases.LEDGER, only=(1,)),
    "ledger-quiet": lambda: backward(cases.LEDGER, quiet=True),
    "ledger-none": lambda: backward(cases.LEDGER, overlays="none"),
    "ledger-forward": lambda: forward(cases.LEDGER),
    "square": lambda: backward(cases.SQUARE),
    "square-120": lambda: backward(cases.SQUARE, 120),
    "square-60": lambda: backward(cases.SQUARE, 60),
    "square-all": lambda: backward(cases.SQUARE, overlays="all"),
    "square-first-3": lambda: backward(cases.SQUARE, overlays=3),
    "square-only": lambda: backward(cases.SQUARE, only=(1, 1)),
    "square-only-50": lambda: backward(cases.SQUARE, 50, only=(1, 1)),
    "square-forward": lambda: forward(cases.SQUARE),
    "square-explain-dX": lambda: explain(cases.SQUARE, "dX[1,1]"),
    "square-explain-dX-30": lambda: explain(cases.SQUARE, "dX[1,1]", 30),
    "square-explain-dW": lambda: explain(cases.SQUARE, "dW[0,1]"),
    "square-explain-db": lambda: explain(cases.SQUARE, "db"),
    "square-explain-y": lambda: explain({**cases.SQUARE, "bias": 2}, "y[0,0]"),
    "turned": lambda: backward(cases.TURNED),
    "turned-explain": lambda: explain(cases.TURNED, "dX[1]"),
    "ties": lambda: backward(cases.TIES),
    "ties-40": lambda: backward(cases.TIES, 40),
    "ties-split": lambda: backward({**cases.TIES, "ties": "split"}),
    "ties-all": lambda: backward({**cases.TIES, "ties": "all"}),
    "ties-forward": lambda: forward(cases.TIES),
    "ties-only": lambda: backward(cases.TIES, only=(1, 1)),
    "ties-explain-y": lambda: explain(cases.TIES, "y[1,1]"),
    "overlapping": lambda: backward(cases.OVERLAPPING),
    "overlapping-explain": lambda: explain(cases.OVERLAPPING, "dX[1,1]"),
    "mean": lambda: backward(cases.MEAN),
    "mean-exact": lambda: backward(cases.MEAN, arithmetic="exact"),
    "mean-padded": lambda: backward(cases.PADDED_MEAN),
    "norm": lambda: backward(cases.NORM),
    "signed-norm": lambda: backward({**cases.NORM, "norm": 1, "signed": True}),
    "unpooling": lambda: backward(cases.UNPOOLING),
    "unpooling-opened": lambda: backward(cases.UNPOOLING, only=(1, 0)),
    "norm-explain-y": lambda: explain(cases.NORM, "y[0,0]"),
    "adaptive": lambda: backward(cases.ADAPTIVE),
    "transposed": lambda: backward(cases.TRANSPOSED),
    "transposed-only": lambda: backward(cases.TRANSPOSED, only=(1,)),
    "transposed-explain": lambda: explain(cases.TRANSPOSED, "dX[1]"),
    "padded": lambda: backward(cases.PADDED),
    "padded-only": lambda: backward(cases.PADDED, only=(0,)),
    "reflected": lambda: backward(cases.REFLECTED),
    "dilated": lambda: backward(cases.DILATED),
    "dilated-only": lambda: backward(cases.DILATED, only=(1,)),
    "bordered-only": lambda: backward(cases.BORDERED, only=(0, 3)),
    "grouped": lambda: backward(cases.GROUPED),
    "grouped-second": lambda: backward(cases.GROUPED, channel=(1, 0), only=(1, 2)),
    "volume": lambda: backward(cases.VOLUME, 80),
    "volume-only": lambda: backward(cases.VOLUME, 120, only=(0, 0, 1)),
    "extreme": lambda: backward(cases.EXTREME),
    "large": lambda: backward(cases.LARGE, 100),
    "large-only": lambda: backward(cases.LARGE, 100, only=(13, 14)),
    "named": lambda: backward(cases.NAMED),
}


@pytest.mark.parametrize("name", VIEWS)
def test_the_view_is_the_one_that_was_read_and_kept(name):
    path, text = GOLDEN / f"{name}.txt", VIEWS[name]()
    if os.environ.get("CONVGRAD_UPDATE_GOLDENS"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")


def test_every_golden_belongs_to_a_view():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(VIEWS)
