"""Ten programs, nine of them faulty, are told apart: in C as commands and through ctypes, in lines in two languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.grading.faulty_adapters import IN_LINES, PROGRAMS, faulty
from tests.grading.kernels import FAULTS, IN_FILES, IN_MEMORY, WIDTH, built, through_ctypes
from tests.program import convgrad

CASES = ("--cases", "edges", "--limit", "N<4, C<5, groups=1", "--timeout", "0.7", "--no-shrink")


def graded(*arguments: str) -> dict[str, object]:
    done = convgrad("grade", *CASES, "--format", "json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    record: dict[str, object] = json.loads(done.stdout)
    assert (done.returncode == 0) == (record["verdict"] == "agrees")
    return record


def assert_told(record: dict[str, object], fault: int, verdict: str) -> None:
    """The verdict on dX, in the cases where the fault is, and in no others."""
    rows = record["results"]
    assert isinstance(rows, list)
    told = {row["verdict"] for row in rows if row["array"] == "dX"} - {"untested"}
    if FAULTS[fault] == "wrong every third call":
        assert told <= {verdict, "agrees", "differs"}
        assert verdict in told
        return
    assert told <= {verdict, "agrees"}
    assert record["verdict"] == verdict
    others = {row["verdict"] for row in rows if row["array"] == "dW"} - {"untested"}
    assert others <= {"agrees"} | (
        {verdict} if verdict in ("crashed", "timed-out", "changed-input", "out-of-bounds") else set()
    )


@pytest.mark.slow
@pytest.mark.parametrize("fault", range(len(FAULTS)), ids=FAULTS)
def test_a_fault_in_c_is_told_by_a_command_of_a_case(fault: int, tmp_path: Path) -> None:
    program = built(fault, tmp_path)
    assert_told(graded("--", str(program), "{dir}"), fault, IN_FILES[fault])


@pytest.mark.slow
@pytest.mark.parametrize("fault", range(len(FAULTS)), ids=FAULTS)
def test_a_fault_in_c_is_told_through_ctypes(fault: int, tmp_path: Path) -> None:
    target = through_ctypes(fault, tmp_path)
    assert_told(graded("--dtype", "float32", target), fault, IN_MEMORY[fault])


@pytest.mark.slow
@pytest.mark.parametrize("fault", range(len(FAULTS)), ids=FAULTS)
@pytest.mark.parametrize("language", PROGRAMS)
def test_a_fault_is_told_in_lines_of_json(language: str, fault: int, tmp_path: Path) -> None:
    assert_told(graded(*faulty(language, fault, tmp_path)), fault, IN_LINES[FAULTS[fault]])


@pytest.mark.slow
def test_commands_at_the_same_time_give_what_one_after_another_does(tmp_path: Path) -> None:
    program = built(FAULTS.index("adds to what was there"), tmp_path)
    alone, together = (graded(*jobs, "--", str(program), "{dir}") for jobs in ((), ("--jobs", "4")))
    assert alone == together


@pytest.mark.slow
def test_what_the_cases_that_crash_share_is_said(tmp_path: Path) -> None:
    program = built(FAULTS.index("null pointer at one width"), tmp_path)
    record = graded("--", str(program), "{dir}")
    shared = record["shared"]
    assert isinstance(shared, list)
    assert {row["where"] for row in shared} == {f"W = {WIDTH}"}
