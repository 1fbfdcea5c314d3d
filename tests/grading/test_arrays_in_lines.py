"""Arrays go over JSON Lines as lists, base64 or files, both ways; files are of our folder, and are gone afterwards."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convgrad.grading import exchanged
from convgrad.grading.exchanged import Folder, read, sent
from tests.program import convgrad

ADAPTER = """
import base64, json, sys
import numpy as np

def given(array):
    kinds.add("list" if isinstance(array, list) else "file" if "file" in array else "base64")
    if isinstance(array, list):
        return np.array(array)
    raw = open(array["file"], "rb").read() if "file" in array else base64.b64decode(array["base64"])
    return np.frombuffer(raw, "<f4").reshape(array["shape"])

def taken(array, folder):
    about = {"dtype": "float32", "shape": list(array.shape)}
    if HOW == "list":
        return array.tolist()
    if HOW == "base64":
        return {**about, "base64": base64.b64encode(array.astype("<f4").tobytes()).decode()}
    array.astype("<f4").tofile(folder + "/answer.bin")
    return {**about, "file": WHERE}

kinds = set()
for line in sys.stdin:
    request = json.loads(line)
    if request["type"] == "start":
        can = {"op": ["conv"], "dims": [2], "arrays": [HOW]}
        print(json.dumps({"type": "ready", "protocol": 1, "can": can}), flush=True)
    elif request["type"] == "run":
        folder = request.get("folder", "")
        db = given(request["case"]["delta"]).sum((0, 2, 3))
        assert kinds == {HOW}, kinds
        print(json.dumps({"type": "result", "id": request["id"], "db": taken(db, folder)}), flush=True)
"""
FEW = ("--want", "db", "--cases", "core", "--no-shrink", "--format", "json", "--loop", "--", sys.executable)


def graded(how: str, folder: Path, where: str = 'folder + "/answer.bin"') -> Any:
    adapter = folder / "adapter.py"
    adapter.write_text(ADAPTER.replace("HOW", repr(how)).replace("WHERE", where))
    return json.loads(convgrad("grade", *FEW, str(adapter)).stdout)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["list", "base64", "file"])
def test_an_adapter_has_arrays_as_it_can_read_them(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(kept))
    assert graded(how, tmp_path)["verdict"] == "agrees"
    assert list(kept.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("where", "told"), [
    ("'/etc/hostname'", "its file is not in the folder that was named"),
    ("folder + '/none.bin'", "its file cannot be read"), ("folder", "its file is not in the folder that was named"),
    ("__import__('os').mkfifo(folder + '/pipe') or folder + '/pipe'", "its file is not in the folder that was named"),
    ("__import__('os').mkdir(folder + '/in') or folder + '/in'", "its file is not in the folder that was named"),
    ("folder + '/../adapter.py'", "its file cannot be read"), ("'a\\0b'", "its file cannot be read"),
])  # fmt: skip
def test_no_other_file_is_read_whatever_an_answer_names(where: str, told: str, tmp_path: Path) -> None:
    record = graded("file", tmp_path, where)
    assert {(row["verdict"], row["detail"]) for row in record["results"]} == {("malformed", told)}


def test_the_way_follows_from_the_size_and_from_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    folder, small, large = Folder(), np.arange(4.0), np.zeros(exchanged.LISTED + 1)
    try:
        assert sent("input", small, "float32", ["list", "base64", "file"], folder) == [0, 1, 2, 3]
        assert isinstance(sent("input", large, "float32", ["list"], folder), list)
        assert set(sent("input", large, "float32", ["list", "base64"], folder)) == {"dtype", "shape", "base64"}
        monkeypatch.setattr(exchanged, "FILED", 8 * exchanged.LISTED)
        told = sent("input", large, "float64", ["list", "base64", "file"], folder)
        assert set(told) == {"dtype", "shape", "file"}
        for dtype in ("float64", "float32", "float16", "bfloat16"):
            for kind in ("list", "base64", "file"):
                value = sent("x", small.reshape(2, 2), dtype, [kind], folder)
                np.testing.assert_array_equal(read(value, (2, 2), dtype, folder), small.reshape(2, 2))
    finally:
        folder.end()
    assert not Path(told["file"]).exists()
