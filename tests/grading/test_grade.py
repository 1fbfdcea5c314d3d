"""What grade says of functions in Python: verdicts, names, coverage, formats and exit codes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

import convgrad
from convgrad.errors import RequestError
from tests.program import assert_refused
from tests.program import convgrad as program

pytestmark = pytest.mark.slow
PLAIN = """
import numpy as np
calls = 0


def backward(delta, x, w, b, stride=1, padding=0):
    s, (_, _, high, wide) = stride, delta.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            taps = np.s_[:, :, i : i + s * (high - 1) + 1 : s, j : j + s * (wide - 1) + 1 : s]
            dw[:, :, i, j] = np.einsum("nopq,ncpq->oc", delta, padded[taps])
            dx[taps] += np.einsum("nopq,oc->ncpq", delta, w[:, :, i, j])
    dx = dx[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return {"dX": dx, "dW": dw, "db": delta.sum((0, 2, 3))}


def into(delta, x, w, b, stride=1, padding=0, out=None):
    for name, array in backward(delta, x, w, b, stride, padding).items():
        out[name][...] = array


def added(delta, x, w, b, stride=1, padding=0, out=None):
    for name, array in backward(delta, x, w, b, stride, padding).items():
        out[name] += array


def turned(delta, x, w, b, stride=1, padding=0):
    found = backward(delta, x, w, b, stride, padding)
    return {**found, "dW": found["dW"][:, :, ::-1, ::-1]}


def counting(delta, x, w, b, stride=1, padding=0):
    global calls
    calls += 1
    found = backward(delta, x, w, b, stride, padding)
    found["dX"][0, 0, 0, 0] += calls % 3 == 0
    return found


def in_tuple(delta, x, w, b, stride=1, padding=0):
    found = backward(delta, x, w, b, stride, padding)
    return found["dX"], found["dW"], found["db"]


def narrow(delta, x, w, b, stride=1, padding=0):
    return {name: array.astype("f4") for name, array in backward(delta, x, w, b, stride, padding).items()}


def flat(delta, x, w, b, stride=1, padding=0):
    found = backward(delta, x, w, b, stride, padding)
    return {**found, "dX": found["dX"].ravel()}


def writing(delta, x, w, b, stride=1, padding=0):
    found = backward(delta, x, w, b, stride, padding)
    delta *= 0
    return found


def nothing(delta, x, w, b, stride=1, padding=0):
    return None


def raising(delta, x, w, b, stride=1, padding=0):
    raise ValueError("<script>")


def unfinished(delta, x, w, b, stride=1, padding=0):
    raise NotImplementedError("not yet")


def leaving(delta, x, w, b, stride=1, padding=0):
    raise SystemExit(5)


def printing(delta, x, w, b, stride=1, padding=0):
    print("hello" * 10000)
    return backward(delta, x, w, b, stride, padding)


def of_course(dZ, cache):
    A_prev, W, b, hparameters = cache
    found = backward(dZ.transpose(0, 3, 1, 2), A_prev.transpose(0, 3, 1, 2), W.transpose(3, 2, 0, 1), b,
                     hparameters["stride"], hparameters["pad"])
    return found["dX"].transpose(0, 2, 3, 1), found["dW"].transpose(2, 3, 1, 0), found["db"].reshape(1, 1, 1, -1)


def by_fft(delta, x, w, b, stride=1, padding=0):
    found = backward(delta, x, w, b, stride, padding)
    found["dX"] = np.fft.irfft(np.fft.rfft(found["dX"], axis=-1), n=x.shape[-1], axis=-1).astype(x.dtype)
    return found


def nearly(delta, x, w, b, stride=1, padding=0):
    found = backward(delta, x, w, b, stride, padding)
    return {**found, "dX": (found["dX"] * 1.0001).astype(x.dtype)}


def half(delta, x, w, b, stride=1, padding=0, out=None):
    out["dX"][..., :-1] = backward(delta, x, w, b, stride, padding)["dX"][..., :-1]


def scaled_pool(delta, x, window=2, stride=2):
    return {"dX": np.zeros_like(x)}
"""
VERDICTS = {
    "backward": {"agrees"}, "into": {"agrees"}, "in_tuple": {"agrees"}, "printing": {"agrees"},
    "added": {"accumulates"}, "turned": {"differs", "agrees"}, "counting": {"unstable", "agrees"},
    "narrow": {"wrong-type"}, "flat": {"wrong-shape", "agrees"}, "writing": {"changed-input"},
    "nothing": {"no-answer"}, "raising": {"crashed"}, "leaving": {"crashed"}, "unfinished": {"skipped"},
}  # fmt: skip


@pytest.mark.parametrize(("runs", "adding"), [("1", "unwritten"), ("2", "accumulates"), ("3", "accumulates")])
def test_however_often_a_case_is_run_a_buffer_tells_what_was_done_to_it(runs: str, adding: str, file: Path) -> None:
    """What is added to NaN, once, is NaN as what is not written."""
    assert verdicts(told(f"{file}:into", "--runs", runs)) == {"agrees"}
    assert verdicts(told(f"{file}:added", "--runs", runs, "--no-shrink")) == {adding}
    assert verdicts(told(f"{file}:half", "--runs", runs, "--want", "dX", "--no-shrink")) == {"unwritten"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(PLAIN)
    return path


def told(target: str, *options: str) -> dict[str, Any]:
    done = program("grade", target, "--format", "json", *options)
    assert done.returncode in (0, 1, 4), done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def verdicts(record: dict[str, Any]) -> set[str]:
    return {row["verdict"] for row in record["results"]} - {"untested"}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_function_has_its_verdict(name: str, file: Path) -> None:
    record = told(f"{file}:{name}", "--no-shrink")
    assert verdicts(record) == VERDICTS[name]
    assert record["control"] == {"planted": 1, "found": 1}
    assert record["counts"]["untested"] > 0


SETTINGS = "stride=1, padding=0, ceil_mode=False, dilation=1, count_include_pad=True, **more"


@pytest.mark.parametrize(("parameter", "told_it"), [("divisor", "None"), ("divisor=9", "9")])
def test_a_setting_that_there_is_not_is_none_where_a_function_must_have_it(
    parameter: str, told_it: str, tmp_path: Path
) -> None:
    path = tmp_path / "pool.py"
    path.write_text(f"def f(delta, x, *, window, {parameter}, {SETTINGS}):\n    raise ValueError(divisor)\n")
    record = told(f"{path}:f", "--op", "average-pool", "--limit", "N<3, C<3", "--no-shrink", "--want", "dX")
    details = {row["detail"] for row in record["results"] if row["verdict"] == "crashed"}
    assert f"ValueError: {told_it}" in details


def test_a_wrong_function_is_named_and_what_is_told_repeats_it(file: Path, tmp_path: Path) -> None:
    record = told(f"{file}:turned", "--keep", str(tmp_path / "kept"))
    wrong = [row for row in record["results"] if row["verdict"] == "differs"]
    assert {row["array"] for row in wrong} == {"dW"}
    assert [row["diagnosis"][0]["mistake"] for row in wrong] == ["kernel-rotated"] * len(wrong)
    assert [row["where"] for row in record["shared"]] == ["a kernel of several taps"]
    again = program(*wrong[0]["reproduce"].split()[1:], "--format", "json")
    assert {row["id"] for row in json.loads(again.stdout)["results"]} == {wrong[0]["id"]}
    assert again.returncode == 1
    checked = program("check", wrong[0]["file"], "--format", "json")
    assert json.loads(checked.stdout)["diagnosis"][0]["mistake"] == "kernel-rotated"
    smallest = record["smallest"][0]
    assert smallest["numbers"] <= 6
    assert yaml.safe_load(Path(smallest["file"]).read_text())["id"] == smallest["id"]
    assert program("check", smallest["file"]).returncode == 1


def test_what_is_added_is_right_where_that_is_asked_for(file: Path) -> None:
    assert verdicts(told(f"{file}:added", "--accumulate-into")) == {"agrees"}
    assert verdicts(told(f"{file}:into", "--accumulate-into", "--no-shrink")) == {"overwrites"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rounding_by_another_algorithm_is_told_and_not_accused(dtype: str, file: Path) -> None:
    record = told(f"{file}:by_fft", "--dtype", dtype)
    assert verdicts(record) == {"agrees"}
    assert any("off by rounding" in row.get("detail", "") for row in record["results"])
    assert verdicts(told(f"{file}:nearly", "--dtype", dtype, "--no-shrink")) == {"agrees", "differs"}


def test_a_course_s_arguments_and_layout(file: Path) -> None:
    signature = ("--signature", "dZ, (A_prev, W, b, hparameters)", "--layout", "NHWC,HWIO")
    record = told(f"{file}:of_course", *signature)
    assert verdicts(record) == {"agrees"}
    assert record["cases"] > 5


def test_a_pool_has_one_gradient(file: Path) -> None:
    record = told(f"{file}:scaled_pool", "--op", "average-pool", "--no-shrink")
    assert {row["array"] for row in record["results"]} == {"dX"}
    assert verdicts(record) == {"differs"}
    assert {row["diagnosis"][0]["mistake"] for row in record["results"] if row.get("diagnosis")} == {"left-at-zero"}


def test_what_is_known_to_fail_is_no_failure_and_a_pass_of_it_is(file: Path, tmp_path: Path) -> None:
    record = told(f"{file}:turned", "--no-shrink")
    known = tmp_path / "known.txt"
    failing = [f"{row['id']} {row['array']}  # once" for row in record["results"] if row["verdict"] == "differs"]
    known.write_text("# known\n\n" + "\n".join(failing))
    assert program("grade", f"{file}:turned", "--known", str(known)).returncode == 0
    done = program("grade", f"{file}:backward", "--known", str(known))
    assert done.returncode == 1
    assert "known to fail and agree" in done.stdout


def test_too_little_tested_has_its_own_exit_code(file: Path) -> None:
    target = f"{file}:backward"
    assert program("grade", target, "--min-cases", "5", "--min-strength", "20").returncode == 0
    assert program("grade", target, "--min-cases", "99").returncode == 4
    done = program("grade", target, "--min-strength", "99")
    assert done.returncode == 4
    assert "fewer than --min-strength 99" in done.stderr


def test_where_no_case_was_run_nothing_agrees(file: Path) -> None:
    done = program("grade", f"{file}:backward", "--op", "max-pool", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (4, "untested")
    assert "no case was run" in done.stderr


def test_another_seed_is_no_trouble_to_a_right_function(file: Path) -> None:
    for seed in range(1, 6):
        assert verdicts(told(f"{file}:backward", "--seed", str(seed))) == {"agrees"}


# -- Formats -----------------------------------------------------------------------------------------------------------


def test_junit_has_a_suite_an_array_and_a_failure_by_its_mistake(file: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    program("grade", f"{file}:turned", "--no-shrink", "--junit", str(report))
    suites = ElementTree.parse(report).getroot().findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["dW", "db", "dX"]
    failures = suites[0].findall("testcase/failure")
    assert {failure.get("type") for failure in failures} == {"kernel-rotated"}
    assert suites[0].get("failures") == str(len(failures))
    assert suites[0].get("tests") == str(len(suites[0].findall("testcase")))
    assert suites[0].get("skipped") == str(len(suites[0].findall("testcase/skipped")))


def test_other_people_s_formats(file: Path) -> None:
    def made(format: str) -> str:
        return program("grade", f"{file}:turned", "--no-shrink", "--format", format).stdout

    scope = json.loads(made("gradescope"))
    assert [test["name"] for test in scope["tests"]] == ["dW", "db", "dX"]
    assert [test["score"] == test["max_score"] for test in scope["tests"]] == [False, True, True]
    learn = json.loads(made("prairielearn"))
    assert 0 < learn["score"] < 1
    assert "| dW |" in made("markdown")
    (row,) = csv.DictReader(io.StringIO(made("csv")))
    assert row["mistakes"] == "dW:kernel-rotated"
    lines = [json.loads(line) for line in made("jsonl").splitlines()]
    assert [line["type"] for line in lines] == ["outcome"] * (len(lines) - 1) + ["result"]


def test_feedback_tells_no_more_than_it_is_to(file: Path) -> None:
    def said(feedback: str) -> str:
        return program("grade", f"{file}:turned", "--no-shrink", "--feedback", feedback).stdout

    assert "turned by 180 degrees" in said("full")
    assert "kernel-rotated" in said("names")
    assert "turned by 180 degrees" not in said("names")
    assert "kernel-rotated" not in said("counts")
    record = json.loads(
        program("grade", f"{file}:turned", "--no-shrink", "--feedback", "counts", "--format", "json").stdout
    )
    assert record["results"] == []


def test_a_folder_of_submissions_has_a_row_each(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "submissions"
    folder.mkdir()
    (folder / "ada.py").write_text(PLAIN)
    (folder / "ben.py").write_text(PLAIN.replace('"dW": dw', '"dW": -dw'))
    (folder / "cleo.py").write_text("syntax error(")
    (folder / "dan.py").write_text(
        "def backward(delta, x, w, b, stride=1, padding=0):\n    while True:\n        pass\n"
    )
    (folder / "eve.py").write_text("import os\n\ndef backward(delta, x, w, b):\n    os._exit(1)\n")
    done = program("grade", f"{folder}/", "--call", "backward", "--format", "csv", "--timeout", "0.3")
    rows = {row["submission"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "ada.py": "agrees", "ben.py": "differs", "cleo.py": "not-started", "dan.py": "timed-out", "eve.py": "crashed",
    }  # fmt: skip
    assert rows["ben.py"]["mistakes"] == "dW:negated"
    assert done.returncode == 1


# -- Requests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to grade is given"),
        (("nowhere.py:backward",), "there is no file nowhere.py"),
        (("kernel.py",), "which function is it?"),
        (("no_such_module:backward",), "No module named"),
        (("math:no_such_name",), "cannot be imported"),
        (("math:pi",), "is no function"),
        (("math:sqrt", "--want", "dY"), "expected any of"),
        (("math:sqrt", "--layout", "NHWC,OI"), "is no layout"),
        (("math:sqrt", "--layout", "NXWC"), "is no layout"),
        (("math:sqrt", "--timeout", "0"), "a number of seconds above 0"),
        (("math:sqrt", "--dtype", "bfloat16"), "NumPy has no bfloat16"),
        (("math:sqrt", "--signature", "(("), "this is no signature"),
        (("math:sqrt", "--case", "conv2d/core-99"), "there is no case"),
        (("math:sqrt", "--cases", "there-is-none.yaml"), "there-is-none.yaml"),
        (("math:sqrt", "--known", "there-is-none.txt"), "cannot be read"),
        (("math:sqrt", "--runs", "0"), "must be at least 1"),
        (("math:sqrt", "--format", "xml"), "expected one of table"),
        (("tests/", "--format", "csv"), "--call must say"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(arguments: tuple[str, ...], words: str) -> None:
    assert_refused(program("grade", *arguments), words)


def test_nothing_is_left_beside_a_graded_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    (file.parent / "own.py").write_text("sign = 1\n")
    file.write_text("import own\n" + file.read_text())
    told(f"{file}:backward", "--case", "conv2d/plain-1")
    assert sorted(path.name for path in file.parent.iterdir()) == ["mine.py", "own.py"]


def test_the_function_in_python_is_the_command_s_twin(file: Path) -> None:
    grade = convgrad.grade(f"{file}:turned", shrink=False)
    assert (grade.verdict, grade.groups[0].mistake) == ("differs", "kernel-rotated")
    assert grade.to_dict()["verdict"] == "differs"
    with pytest.raises(RequestError, match="grade has no option 'ops'"):
        convgrad.grade(f"{file}:turned", ops="conv")
    with pytest.raises(RequestError, match="expected any of conv"):
        convgrad.grade(f"{file}:turned", op="pool")
