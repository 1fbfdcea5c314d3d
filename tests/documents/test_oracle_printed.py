"""What NumPy, PyTorch and JAX print is read back equal to the digits printed, whatever the options of printing."""

from __future__ import annotations

import importlib.util
import io
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from convgrad.documents import read, source

pytestmark = pytest.mark.oracle
SEED = int(os.environ.get("CONVGRAD_SEED", "0"))
DIGITS = re.compile(r"-?(?:\d+\.?\d*(?:e[+-]\d+)?|nan|inf)")


def arrays(kind: type = np.float32) -> Iterator[Any]:
    """Arrays of one to five axes, of large, small, whole and odd numbers, one printed on several lines a row."""
    rng = np.random.default_rng(SEED)
    for shape in ((7,), (1,), (3, 4), (1, 1), (2, 3, 2), (2, 2, 3, 3), (1, 2, 1, 2, 3), (2, 40), (300,)):
        for scale in (1, 1e-6, 1e7):
            yield (scale * rng.normal(size=shape)).astype(kind)
        yield rng.integers(-9, 9, shape).astype(kind)
    yield np.array([1, np.nan, -np.inf], kind)


def assert_read(text: str, shape: tuple[int, ...]) -> None:
    """The digits of a text, in their order and in this shape."""
    (document,) = read(source("-", stdin=io.BytesIO(text.encode())))
    assert document.error is None, (text, document.error)
    value = document.exact()
    assert np.shape(value) == shape, text
    body = re.sub(r"dtype=\S+|e\d+\b(?=.*>)", "", text)
    expected = [float(number) for number in DIGITS.findall(body)][: int(np.prod(shape))]
    words = np.array(value, "U40").ravel().tolist()
    np.testing.assert_array_equal([float(word) for word in words], expected)


@pytest.mark.parametrize("options", [{}, {"precision": 3}, {"precision": 17, "floatmode": "unique"}, {"sign": "+"},
                                     {"suppress": True}, {"linewidth": 200}])  # fmt: skip
@pytest.mark.parametrize("form", [str, repr])
def test_numpy(form: Callable[[Any], str], options: dict[str, Any]) -> None:
    with np.printoptions(threshold=10**9, **options):
        for array in (*arrays(np.float64), *arrays()):
            assert_read(form(array), array.shape)


@pytest.mark.parametrize("options", [{}, {"precision": 8}, {"sci_mode": True}, {"linewidth": 200}])
def test_pytorch(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'convgrad[oracle]'")
    try:
        torch.set_printoptions(profile="full", **options)
        for array in arrays():
            tensor = torch.tensor(array, requires_grad=True)
            for each in (tensor, tensor * 1, torch.nn.Parameter(tensor.detach()), tensor.detach().double()):
                assert_read(repr(each), array.shape)
    finally:
        torch.set_printoptions(profile="default")


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax: pip install jax")
@pytest.mark.parametrize("form", [str, repr])
def test_jax(form: Callable[[Any], str]) -> None:
    from jax import numpy as jnp

    with np.printoptions(threshold=10**9):
        for array in arrays():
            assert_read(form(jnp.asarray(array)), array.shape)
