"""Volumes too large to read are cards: what they say is so, they fit, and medium layers take three screens."""

from __future__ import annotations

import re

import numpy as np
import pytest

import convgrad
from convgrad.views import render

RANDOM = np.random.default_rng(7)
MEDIUM = {
    "input": RANDOM.normal(size=(3, 28, 28)).round(2), "kernel": RANDOM.normal(size=(8, 3, 3, 3)).round(2),
    "padding": 1, "delta": RANDOM.normal(size=(8, 28, 28)).round(2),
}  # fmt: skip


def shown(width, **asked):
    return "".join(render(convgrad.backward(MEDIUM), width=width, color="never", **asked))


def test_a_layer_of_28_by_28_and_8_filters_takes_three_screens_and_says_where_to_look_next():
    text = shown(80)
    assert text.count("\n") <= 72
    assert "convgrad explain 'dX[0,13,13]'" in text
    assert "--channel 7,2 shows the last" in text


def test_a_card_says_what_numpy_says():
    text, x = shown(80), MEDIUM["input"]
    assert "x  3x28x28" in text
    assert f"smallest {x.min():.4g}  largest {x.max():.4g}" in text
    assert f"norm {np.linalg.norm(x):.4g}" in text
    assert f"{(x == 0).sum()} of {x.size} are 0" in text


@pytest.mark.parametrize("width", [24, 40, 80, 200])
@pytest.mark.parametrize("ascii", [False, True])
def test_no_line_of_a_card_is_longer_than_the_terminal(width, ascii):
    text = shown(width, ascii=ascii, overlays="none")
    assert max(map(len, text.splitlines())) <= width
    assert text.isascii() == ascii or not ascii


def test_the_darkest_block_is_where_the_largest_number_is():
    delta = np.ones((3, 28, 28))
    delta[1, 27, 0] = -4
    case = {"input": delta, "dims": 2, "kernel": np.eye(3)[:, :, None, None], "delta": delta}
    text = "".join(render(convgrad.backward(case), width=80, color="never", quiet=True))
    rows = re.findall(r"\|(.{28})\|", text)
    assert rows == ["░" * 28] * 4 + ["█" + "░" * 27]


def test_the_first_and_last_card_and_what_lies_between_add_up_to_the_total():
    """Of the text: what each adds to dW[0,0], to the rounding of its six digits."""
    lines = shown(80).splitlines()
    rows = [number for number, line in enumerate(lines) if "dW += " in line or line.startswith("Σ of all")]
    parts = []
    for number in rows:
        at = lines[number].index("dW") if "dW +=" in lines[number] else 0
        parts.append([[float(word) for word in line[at:].split()[:3]] for line in lines[number + 1 : number + 4]])
    assert len(parts) == 4
    np.testing.assert_allclose(np.sum(parts[:-1], axis=0), parts[-1], atol=4 * 5e-5)
