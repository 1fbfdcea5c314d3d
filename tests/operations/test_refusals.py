"""Settings that a document cannot mean are refused exactly from where they begin."""

from __future__ import annotations

import pytest

from convgrad.case import make_case
from convgrad.errors import RequestError


def padded(after):
    return make_case({"input": [1], "kernel": [1], "padding": [[0, after]]}, needs_delta=False)


def test_an_output_of_a_gigabyte_is_made_and_one_number_more_is_refused():
    assert padded(2**27 - 1).output_shape == (1, 1, 2**27)
    with pytest.raises(RequestError, match="the output would have shape"):
        padded(2**27)
