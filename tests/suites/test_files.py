"""The files that `cases` writes hold the same cases, whoever reads them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.needed import needing
from tests.program import assert_refused, convgrad, result

OPS = ("--op", "conv,max-pool,lp-pool,max-unpool")


def written(name: str, folder: Path, *options: str) -> Path:
    target = folder / name
    done = convgrad("cases", *OPS, "--output", f"{folder}/{name}", *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return target


def suite(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(written("suite.json", folder).read_text())
    return record


def test_a_suite_says_what_it_is_and_what_must_come_out(tmp_path: Path) -> None:
    record = suite(tmp_path)
    assert (record["schema"], record["suite"], record["version"]) == ("convgrad.cases/1", "convgrad-cases", "2026.1")
    first = record["cases"][0]
    right = result("backward", "-", stdin=json.dumps(first["case"]))
    for name in ("dX", "dW", "db", "output"):
        assert first["expected"][name] == right[name]
        assert first["allowed"][name] == 0
    assert {name for case in record["cases"] for name in case["flags"]} <= set(record["notes"])


def test_lines_of_json_have_a_case_each(tmp_path: Path) -> None:
    lines = written("suite.jsonl", tmp_path).read_text().splitlines()
    assert [json.loads(line) for line in lines] == suite(tmp_path)["cases"]


def test_a_suite_is_read_back_by_grade(tmp_path: Path) -> None:
    target = written("suite.json", tmp_path)
    function = tmp_path / "mine.py"
    function.write_text("def db(delta, x, w, b, **settings):\n    return {'db': delta.sum((0, 2, 3))}\n")
    record = json.loads(
        convgrad("grade", f"{function}:db", "--want", "db", "--cases", str(target), "--format", "json").stdout
    )
    assert record["verdict"] == "agrees"
    assert {row["id"] for row in record["results"]} == {c["id"] for c in suite(tmp_path)["cases"] if "conv" in c["id"]}


def test_an_npz_is_read_by_numpy(tmp_path: Path) -> None:
    held = np.load(written("suite.npz", tmp_path))
    for case in suite(tmp_path)["cases"]:
        for name, array in case["expected"].items():
            np.testing.assert_array_equal(held[f"{case['id']}/{name}"], np.array(array, np.float32))
        if (indices := case["case"].get("indices")) is not None:
            np.testing.assert_array_equal(held[f"{case['id']}/indices"], np.array(indices, np.int64))


def test_safetensors_are_a_header_and_bytes(tmp_path: Path) -> None:
    data = written("suite.safetensors", tmp_path, "--dtype", "bfloat16").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert (8 + length) % 8 == 0
    ends = [row["data_offsets"] for name, row in header.items() if name != "__metadata__"]
    assert ends[0][0] == 0
    assert all(first[1] == second[0] for first, second in pairwise(ends))
    assert ends[-1][1] == len(data) - 8 - length
    assert {row["dtype"] for name, row in header.items() if name != "__metadata__"} == {"BF16", "I64"}


def test_a_folder_has_raw_arrays_beside_json(tmp_path: Path) -> None:
    folder = written("cases/", tmp_path)
    for case in suite(tmp_path)["cases"]:
        raw = np.frombuffer((folder / case["id"] / "dX.bin").read_bytes(), "<f4")
        np.testing.assert_array_equal(raw, np.array(case["expected"]["dX"], np.float32).ravel())
        assert json.loads((folder / case["id"] / "case.json").read_text())["id"] == case["id"]


SUMS = r"""
#include "suite.h"
#include <stdio.h>
int main(void) {
    for (int i = 0; i < convgrad_case_count; i++) {
        const struct convgrad_case *c = &convgrad_cases[i];
        printf("%s %d %d %.9g\n", c->id, c->O, c->P[0], (double)c->dX[0]);
    }
    return conv2d_core_1_dX_size == sizeof conv2d_core_1_dX / sizeof conv2d_core_1_dX[0] ? 0 : 1;
}
"""
RUST = 'include!("suite.rs"); fn main() { for c in CASES { println!("{} {} {} {:?}", c.id, c.O, c.P[0], c.dX[0]); } }'
NODE = "for (const c of require('./suite.js').cases) console.log(c.id, [c.expected.dX].flat(9)[0])"


def lines(record: dict[str, Any]) -> list[list[str]]:
    rows = [[case["id"], *np.array(case["expected"]["output"]).shape[1:3]] for case in record["cases"]]
    return [[str(part) for part in row] for row in rows]


@pytest.mark.parametrize(
    "command",
    [
        ("cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"),
        ("c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-x", "c++"),
    ],
    ids=["C99", "C++17"],
)  # fmt: skip
def test_a_header_compiles_and_holds_the_cases(command: tuple[str, ...], tmp_path: Path) -> None:
    needing(command[0])
    written("suite.h", tmp_path)
    (tmp_path / "sums.c").write_text(SUMS)
    subprocess.run([*command, "sums.c", "-o", "sums"], cwd=tmp_path, check=True)
    made = subprocess.run(["./sums"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert_told(made, tmp_path)


@pytest.mark.slow
def test_a_rust_module_compiles_and_holds_the_cases(tmp_path: Path) -> None:
    needing("rustc")
    written("suite.rs", tmp_path)
    (tmp_path / "sums.rs").write_text(RUST)
    subprocess.run(["rustc", "sums.rs", "-o", "sums"], cwd=tmp_path, check=True, capture_output=True)
    assert_told(subprocess.run(["./sums"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout, tmp_path)


def assert_told(made: str, folder: Path) -> None:
    record = suite(folder)
    told = [line.split() for line in made.splitlines()]
    assert [row[:3] for row in told] == lines(record)
    firsts = [np.float32(np.array(case["expected"]["dX"]).ravel()[0]) for case in record["cases"]]
    np.testing.assert_array_equal(np.array([row[3] for row in told], np.float32), firsts)


def test_node_reads_a_script(tmp_path: Path) -> None:
    needing("node")
    written("suite.js", tmp_path)
    made = subprocess.run(["node", "-e", NODE], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert [line.split()[0] for line in made.splitlines()] == [case["id"] for case in suite(tmp_path)["cases"]]


def test_python_reads_a_module(tmp_path: Path) -> None:
    written("suite.py", tmp_path)
    script = "import json, suite; print(json.dumps(suite.SUITE))"
    made = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert json.loads(made.stdout) == suite(tmp_path)


BYTES = {
    "suite.json": "2a2ee26c72235e8a",
    "suite.npz": "de62349647cbe0db",
    "suite.safetensors": "4e7347df3be98d51",
    "suite.h": "0e8b6cdac591369f",
}


@pytest.mark.parametrize("name", BYTES)
def test_a_file_has_the_bytes_that_it_always_had(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    assert convgrad("cases", "--output", str(target)).returncode == 0
    assert hashlib.sha256(target.read_bytes()).hexdigest()[:16] == BYTES[name]


def test_the_fewest_cases_that_catch_some_mistakes() -> None:
    record = result("cases", "--need", "stride-ignored,kernel-rotated", "--limit", "groups=1")
    assert len(record["cases"]) == 1
    assert {"stride-ignored", "kernel-rotated"} <= set(record["cases"][0]["catches"])
    assert record["cases"][0]["case"].get("groups", 1) == 1


SHAPE = {"input": (2, 8, 5, 1), "kernel": (8, 8, 5, 1), "delta": (2, 8, 2, 1)}
LIKE = ("g1ic8ih5iw1oc8oh2ow1kh5kw1sh2sw1ph2pw0", "-n 2 -c 8 -H 5 -W 1 -k 8 -y 5 -x 1 -p 2 -q 0 -u 2 -v 1 -l 1 -j 1")


def test_your_shape_in_the_words_of_benchdnn_with_our_numbers() -> None:
    (case,) = result("cases", "--like", LIKE[0], "--dtype", "bfloat16")["cases"]
    assert {name: np.array(case["case"][name]).shape for name in SHAPE} == SHAPE


def test_your_shape_in_the_words_of_miopendriver() -> None:
    (case,) = result("cases", "--like", LIKE[1])["cases"]
    assert {name: np.array(case["case"][name]).shape for name in ("input", "kernel")} == {
        name: SHAPE[name] for name in ("input", "kernel")
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--like", "ic8"), "it lacks"),
        (("--like", "nonsense"), "this is no shape"),
        (("--like", "g3ic8iw5oc8kw3"), "groups do not divide"),
        (("--limit", "groups"), "is no condition"),
        (("--limit", "colour=1"), "no case has a 'colour'"),
        (("--limit", "N>99"), "no case is left"),
        (("--need", "kernel-rotatet"), "did you mean `kernel-rotated`"),
        (("--op", "pool"), "expected any of conv"),
        (("--dims", "4"), "must be at most 3"),
        (("--output", "x.csv"), "no format has the suffix"),
        (("--dtype", "int8"), "expected one of float64"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(arguments: tuple[str, ...], words: str) -> None:
    assert_refused(convgrad("cases", *arguments), words)
