"""What PyTorch refuses is refused here as well, in words, but for what has a meaning here."""

from __future__ import annotations

import ast
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convgrad

ROWS = json.loads((Path(__file__).parent / "cases" / "refused_by_pytorch.json").read_text(encoding="utf-8"))["rows"]
KEYS = {"kernel_size": "window", "divisor_override": "divisor"}
TAKEN = {
    "pad must be non-negative": "padding below 0 crops",
    "negative padding is not supported": "padding below 0 crops",
    "Input dimension should be at least": "one channel of one sample needs no axis for either",
    "pad should be at most half of effective kernel size": "windows in the padding alone are refused, and no others",
    "should be the same": "arrays are of one kind once they are read",
    "padding='same' is not supported for strided convolutions": "`same` has a meaning under strides",
}


def written(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def case(row: dict[str, str]) -> dict[str, Any]:
    """The request in convgrad's words, its arrays full of ones."""
    parts = re.fullmatch(r"(\(.*?\)) (\[.*\]) (\{.*\})", row["input_shape args kwargs"])
    assert parts is not None
    shape, others, settings = map(ast.literal_eval, parts.groups())
    op, dims = row["op"][:-2].replace("avg", "average").replace("_", "-"), int(row["op"][-2])
    named = {KEYS.get(key, key): written(value) for key, value in settings.items() if key != "return_indices"}
    arrays = {"input": shape, **(dict(zip(("kernel", "bias"), others, strict=True)) if op == "conv" else {})}
    return {"op": op, "dims": dims, **named, **{name: np.ones(shape) for name, shape in arrays.items()}}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['op']} {row['input_shape args kwargs']}")
def test_what_pytorch_refuses_is_refused_or_has_a_meaning(row: dict[str, str]) -> None:
    if any(words in row["message"] for words in TAKEN):
        with suppress(convgrad.RequestError):
            convgrad.forward(case(row))
        return
    with pytest.raises(convgrad.RequestError):
        convgrad.forward(case(row))


def test_all_100_requests_were_read() -> None:
    assert len(ROWS) == 100
