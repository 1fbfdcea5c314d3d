"""Max unpooling graded in all three ways: indices reach a program as whole numbers, and its mistakes have names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.program import convgrad

CALLED = """
import numpy as np

def right(delta, x, indices, output_size):
    assert indices.dtype == np.int64
    rows = np.take_along_axis(delta.reshape(*x.shape[:2], -1), indices.reshape(*x.shape[:2], -1), 2)
    return {"dX": rows.reshape(x.shape)}

def wrong(delta, x, indices, output_size):  # a cell is counted over all channels
    rows = np.take_along_axis(delta.reshape(len(x), -1), indices.reshape(len(x), -1), 1)
    return {"dX": rows.reshape(x.shape)}

def course(dout, switches, x):
    return right(dout, x, switches, None)["dX"]
"""
IN_LINES = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["type"] == "start":
        print(json.dumps({"type": "ready", "protocol": 1, "can": {"op": ["max-unpool"], "dims": [2]}}), flush=True)
    elif request["type"] == "run":
        case = request["case"]
        wide = case["output_size"][WHICH]
        dx = [[[[case["delta"][n][c][cell // wide][cell % wide] if cell // wide < len(case["delta"][n][c]) and
                 cell % wide < len(case["delta"][n][c][0]) else 0 for cell in row] for row in plane]
               for c, plane in enumerate(sample)] for n, sample in enumerate(case["indices"])]
        print(json.dumps({"type": "result", "id": request["id"], "dX": dx}), flush=True)
"""
IN_FILES = """
import json, sys
import numpy as np
folder = sys.argv[1]
shapes = json.load(open(folder + "/case.json"))["shapes"]
cells = np.fromfile(folder + "/indices.bin", "<i8").reshape(*shapes["indices"][:2], -1)
delta = np.fromfile(folder + "/delta.bin", "<f4").reshape(*shapes["delta"][:2], -1)
np.take_along_axis(delta, CELLS, 2).tofile(folder + "/dX.bin")
"""


def graded(*target: str) -> tuple[str, set[str]]:
    done = convgrad("grade", "--op", "max-unpool", "--want", "dX", "--format", "json", "--cases", "core", *target)
    record = json.loads(done.stdout)
    named = {one["mistake"] for row in record["results"] for one in row.get("diagnosis", ())}
    return record["verdict"], named


@pytest.mark.parametrize(("name", "told"), [("right", ("agrees", set())),
                                            ("wrong", ("differs", {"indices-counted-otherwise"}))])  # fmt: skip
def test_a_function_is_given_indices_by_name(name: str, told: tuple[str, set[str]], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CALLED)
    assert graded(f"{tmp_path}/mine.py:{name}") == told


def test_a_signature_may_have_them_anywhere(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CALLED)
    assert graded("--signature", "dout, switches, x", f"{tmp_path}/mine.py:course") == ("agrees", set())


@pytest.mark.parametrize(
    ("which", "told"), [("1", ("agrees", set())), ("0", ("differs", {"indices-counted-otherwise"}))]
)
def test_an_adapter_reads_them_in_its_line(which: str, told: tuple[str, set[str]], tmp_path: Path) -> None:
    (tmp_path / "adapter.py").write_text(IN_LINES.replace("WHICH", which))
    assert graded("--loop", "--", sys.executable, f"{tmp_path}/adapter.py") == told


@pytest.mark.parametrize(("cells", "told"), [
    ("cells", ("agrees", set())), ("np.sort(cells, 2)", ("differs", {"indices-in-order"})),
])  # fmt: skip
def test_a_command_reads_them_in_a_file(cells: str, told: tuple[str, set[str]], tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(IN_FILES.replace("CELLS", cells))
    assert graded("--", sys.executable, f"{tmp_path}/kernel.py", "{dir}") == told
