"""Where a text changes its form."""

from __future__ import annotations

import numpy as np

from convgrad.documents.writing import chunks


def text(value):
    return "".join(chunks(value, "yaml"))


def test_a_single_row_of_fewer_than_ten_thousand_numbers_stays_on_the_line_of_its_key():
    assert text({"dW": np.zeros((1, 9_999))}).startswith("dW: [[0, 0, ")
    assert text({"dW": np.zeros((1, 10_000))}).startswith("dW:\n  - [0, 0, ")
