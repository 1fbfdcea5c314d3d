"""What `cases` writes is read by the packages whose formats these are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.program import convgrad

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_safetensors_are_read_by_their_own_package(dtype: str, tmp_path: Path) -> None:
    package = pytest.importorskip("safetensors.torch", reason="needs the extra `oracle`")
    torch = pytest.importorskip("torch", reason="needs the extra `oracle`")
    for name in ("suite.safetensors", "suite.json"):
        done = convgrad("cases", "--op", "conv,max-unpool", "--dtype", dtype, "--output", str(tmp_path / name))
        assert done.returncode == 0
    held = package.load_file(tmp_path / "suite.safetensors")
    for case in json.loads((tmp_path / "suite.json").read_text())["cases"]:
        for name, array in {**case["case"], **case["expected"]}.items():
            if (stored := held.get(f"{case['id']}/{name}")) is None:
                continue
            assert stored.dtype == (torch.int64 if name == "indices" else getattr(torch, dtype))
            np.testing.assert_array_equal(stored.to(torch.float64).numpy(), np.array(array, float))
        assert {f"{case['id']}/{name}" for name in ("input", "delta", *case["expected"])} <= held.keys()
