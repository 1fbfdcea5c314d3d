"""PyTorch's own backward passes are right on every case that is theirs to do, to the bit, in every type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.program import convgrad

pytest.importorskip("torch", reason="needs the extra `oracle`")
pytestmark = [pytest.mark.oracle, pytest.mark.slow]
FILE = Path(__file__).with_name("torch_kernels.py")
FUNCTIONS = {"conv": "conv", "conv-transpose": "conv_transpose", "max-pool": "max_pool", "average-pool": "average_pool",
             "adaptive-max-pool": "adaptive_max", "adaptive-average-pool": "adaptive_average",
             "max-unpool": "max_unpool", "network": "network"}  # fmt: skip
DIMS = {"float64": "1,2", "float32": "2,3", "float16": "1,2", "bfloat16": "1,2"}
"""The axes that a type is tried on; three of them once, where that is quick and the kernel knows them."""


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("op", FUNCTIONS)
def test_pytorch_is_not_accused(op: str, dtype: str) -> None:
    dims = DIMS[dtype] if op != "max-unpool" else "1,2"
    done = convgrad(
        "grade", f"{FILE}:{FUNCTIONS[op]}", "--as", "torch", "--op", op, "--dims", dims, "--dtype", dtype,
        "--want", "dX,dW,db,output", "--format", "json", "--no-shrink", "--start-timeout", "300", "--timeout", "60",
    )  # fmt: skip
    record = json.loads(done.stdout)
    wrong = [row for row in record["results"] if row["verdict"] not in ("agrees", "skipped", "untested")]
    assert wrong == []
    assert record["cases"] > 40
