"""The published example, as it lies among the samples: every array is named for what it is, the right ones pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from convgrad.checking.judging import check
from convgrad.documents import read, source

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("published-layer1.yaml", [("dW", "delta-rotated", 4)]),
        (
            "published-layer2.yaml",
            [("dW", "delta-rotated", 4), ("dX", "kernel-rotated", 7), ("dX", "term-sign", 1), ("dX", "misrounded", 1)],
        ),
    ],
)
def test_each_published_array_is_named_for_what_it_is(name, expected):
    (document,) = read(source(str(SAMPLES / name)))
    report = check(document.value)
    assert [(part.array, part.mistake, part.matches) for part in report.diagnosis] == expected
    assert {part.array: part.verdict for part in report.findings if part.against == "claim"}["output"] == "agrees"
