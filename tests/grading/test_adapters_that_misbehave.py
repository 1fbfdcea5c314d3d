"""Whatever an adapter does, there is a verdict, the run goes on, and no process and no folder is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from convgrad.grading.templates import template
from tests.program import ROOT, as_process, convgrad, hear_signals, surroundings

FEW = ("--cases", "core,edges", "--limit", "N<3, C<4, O<4, W<8", "--no-shrink", "--timeout", "2", "--want", "dX")
SENTINEL = 'answer({"type": "result", "id": request["id"], **result})'
AT_ONE = "conv2d/plain-2"
HOWS: dict[str, tuple[str, set[str]]] = {
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", {"crashed"}),
    "an exit status": ("sys.exit(4)", {"crashed"}),
    "the end without an answer": ("sys.exit(0)", {"no-answer"}),
    "silent": ("import time; time.sleep(60)", {"timed-out"}),
    "half a line": ("print('{\"type\": \"res', end='', flush=True); import time; time.sleep(60)", {"timed-out"}),
    "half a line, then the end": ("print('{\"type\": \"res', end='', flush=True); sys.exit(0)", {"no-answer"}),
    "another id": ("answer({'type': 'result', 'id': 'x', **result})", {"malformed"}),
    "no id": ("answer({'type': 'result', **result})", {"malformed"}),
    "much on standard error": ("sys.stderr.write('x' * (1 << 26)); answer(right)", {"agrees"}),
    "noise": ("print('hello'); print('{}'); print('[1]'); print('\\x00' * 9); answer(right)", {"agrees"}),
    "noise in bytes": ("import os; os.write(1, b'\\xff\\xfe\\n'); answer(right)", {"agrees"}),
    "nesting without end": ("print('[' * 200000); answer(right)", {"agrees"}),
    "a wrong shape": ("answer({**right, 'dX': [[1.0]]})", {"wrong-shape"}),
    "a ragged array": ("answer({**right, 'dX': [[1.0], [1.0, 2.0]]})", {"malformed"}),
    "a text": ("answer({**right, 'dX': 'none'})", {"malformed"}),
    "truth values": ("answer({**right, 'dX': [[[[True]]]]})", {"malformed"}),
    "a wrong type": ("answer({**right, 'dX': {'dtype': 'int8', 'shape': [1], 'base64': ''}})", {"wrong-type"}),
    "bad base64": ("answer({**right, 'dX': {'dtype': 'float32', 'shape': shape, 'base64': '!'}})", {"malformed"}),
    "short base64": ("answer({**right, 'dX': {'dtype': 'float32', 'shape': shape, 'base64': 'AAAA'}})", {"malformed"}),
    "nothing in the answer": ("answer({'type': 'result', 'id': request['id']})", {"no-answer"}),
    "NaN": ("right['dX'][0][0][0][0] = float('nan'); answer(right)", {"differs"}),
    "a huge number": ("right['dX'][0][0][0][0] = 10 ** 400; answer(right)", {"malformed"}),
    "an error": ("answer({'type': 'error', 'id': request['id'], 'message': 'no'})", {"crashed"}),
    "a skip": ("answer({'type': 'skipped', 'id': request['id'], 'reason': 'not yet'})", {"skipped"}),
    "a closed output": ("import os, time; os.close(1); time.sleep(60)", {"crashed"}),
    "deaf to SIGTERM": (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)", {"timed-out"},
    ),
    "a child that stays": (
        "import subprocess; subprocess.Popen(['sleep', '61']); import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        {"crashed"},
    ),
}  # fmt: skip


def adapter(how: str, folder: Path, where: str = f"request['id'] == '{AT_ONE}'") -> tuple[str, ...]:
    """The template in Python, which does as it is told in one case."""
    text = template("python")
    assert SENTINEL in text
    right = 'right = {"type": "result", "id": request["id"], **result}'
    shape = 'shape = case["shapes"]["dX"]'
    misbehaving = (
        f"{right}; {shape}\n            if {where}:\n                {how}\n            else:\n                "
    )
    file = folder / "adapter.py"
    file.write_text(text.replace(SENTINEL, misbehaving + SENTINEL).replace("except Exception", "except KeyError"))
    return ("--loop", "--", sys.executable, str(file))


def processes(*marks: str) -> list[str]:
    """The command lines that run on this machine, of those with all these words."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in listed if all(mark in line for mark in marks)]


def by_id(done: Any) -> dict[str, str]:
    return {row["id"]: row["verdict"] for row in json.loads(done.stdout)["results"]}


@pytest.mark.slow
@pytest.mark.parametrize("how", HOWS)
def test_there_is_a_verdict_and_the_run_goes_on(how: str, tmp_path: Path) -> None:
    code, expected = HOWS[how]
    done = convgrad("grade", *FEW, "--format", "json", *adapter(code, tmp_path))
    verdicts = by_id(done)
    assert {verdicts.pop(AT_ONE)} == expected, done.stdout
    assert done.returncode == (0 if expected <= {"agrees", "skipped"} else 1)
    assert set(verdicts.values()) <= {"agrees", "untested"}
    assert list(verdicts.values()).count("agrees") >= 3
    assert processes(str(tmp_path)) == []
    assert processes("sleep", "61") == []


@pytest.mark.slow
def test_an_adapter_that_answers_twice_is_not_believed(tmp_path: Path) -> None:
    done = convgrad("grade", *FEW, "--format", "json", *adapter("answer(right); answer(right)", tmp_path))
    assert done.returncode == 1
    verdicts = by_id(done)
    assert verdicts.pop(AT_ONE) == "malformed"
    assert set(verdicts.values()) <= {"agrees", "untested"}
    (row,) = (row for row in json.loads(done.stdout)["results"] if row["verdict"] == "malformed")
    assert row["detail"] == f"it answered '{AT_ONE}' twice"


@pytest.mark.slow
def test_what_a_program_that_fails_says_is_kept_up_to_64_kb(tmp_path: Path) -> None:
    how = "print('a note'); sys.stderr.write('careful\\n' * 9999); sys.stderr.flush(); answer({**right, 'dX': 'none'})"
    report = tmp_path / "report.xml"
    done = convgrad("grade", *FEW, "--junit", str(report), "--format", "json", *adapter(how, tmp_path))
    rows = {row["id"]: row for row in json.loads(done.stdout)["results"]}
    assert rows[AT_ONE]["verdict"] == "malformed"
    assert rows[AT_ONE]["stdout"] == "a note\n"
    assert rows[AT_ONE]["stderr"].startswith("careful\ncareful")
    assert len(rows[AT_ONE]["stderr"]) <= 1 << 16
    assert [id for id, row in rows.items() if "stderr" in row] == [AT_ONE]
    assert report.read_text().count("<system-err>careful") == 1
    quiet = convgrad("grade", *FEW, "--feedback", "names", "--format", "json", *adapter(how, tmp_path))
    assert "careful" not in quiet.stdout


@pytest.mark.slow
def test_three_deaths_in_a_row_end_a_run(tmp_path: Path) -> None:
    done = convgrad("grade", *FEW, "--format", "json", *adapter("sys.exit(4)", tmp_path, "True"))
    record = json.loads(done.stdout)
    assert (done.returncode, record["stopped"]) == (1, "it died three times in a row")
    assert record["counts"]["crashed"] == 2
    assert record["counts"]["untested"] > 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import sys; sys.exit(3)", "ended before it was ready: exit status 3"),
        ("print('{\"type\": \"ready\", \"protocol\": 2}')", "speaks protocol 2"),
        ("print('{\"type\": \"ready\", \"protocol\": 1, \"can\": [1]}')", "no mapping"),
        ("print('{\"type\": \"ready\", \"protocol\": 1, \"can\": {\"op\": 5}}')", "says 5 for the op"),
        ("import time; time.sleep(60)", "said nothing in 0.5 s"),
    ],
)  # fmt: skip
def test_an_adapter_that_does_not_start_is_a_wrong_request(text: str, words: str) -> None:
    done = convgrad("grade", "--start-timeout", "0.5", "--loop", "--", sys.executable, "-c", text)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_what_is_no_program_is_a_wrong_request() -> None:
    done = convgrad("grade", "--", "./there-is-none", "{dir}")
    assert (done.returncode, "no such program" in done.stderr) == (2, True)
    done = convgrad("grade", "--loop", "--", "./there-is-none")
    assert (done.returncode, "cannot be started" in done.stderr) == (2, True)
    done = convgrad("grade", "--", "true")
    assert (done.returncode, "{dir}" in done.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_there_is_and_leaves_nothing(number: int, tmp_path: Path) -> None:
    started = tmp_path / "started"
    command = adapter(f"open({str(started)!r}, 'w'); import time; time.sleep(60)", tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "convgrad", "grade", *FEW, "--timeout", "30", *command], cwd=ROOT, env=surroundings(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear_signals,
    )  # fmt: skip
    while not started.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "agree" in output
    assert "interrupted" in output
    assert processes(str(tmp_path)) == []


@pytest.mark.slow
def test_a_command_that_does_not_end_leaves_neither_process_nor_folder(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script = tmp_path / "sleeper.sh"
    script.write_text("#!/bin/sh\ntrap '' TERM\nsleep 62 &\nwhile true; do sleep 1; done\n")
    os.chmod(script, 0o755)
    done = convgrad("grade", "--case", AT_ONE, "--timeout", "0.5", "--format", "json", "--", str(script), "{dir}")
    assert by_id(done) == {AT_ONE: "timed-out"}
    assert [path.name for path in tmp_path.iterdir()] == ["sleeper.sh"]
    assert processes("sleep", "62") == []


@pytest.mark.slow
def test_commands_at_the_same_time_end_with_an_interrupt(tmp_path: Path) -> None:
    script = tmp_path / "sleeper.sh"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nsleep 63\n")
    os.chmod(script, 0o755)
    command = [sys.executable, "-m", "convgrad", "grade", "--jobs", "3", "--timeout", "60", "--", str(script), "{dir}"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=surroundings(TMPDIR=str(tmp_path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=hear_signals,
    )  # fmt: skip
    while not (tmp_path / "started").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130, output
    assert processes("sleep", "63") == []
    assert {path.name for path in tmp_path.iterdir()} == {"sleeper.sh", "started"}


@pytest.mark.slow
def test_foreign_text_is_escaped(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    report = tmp_path / "report.xml"
    how = "answer({'type': 'error', 'id': request['id'], 'message': '<b>\"&\\x00\\x1b[31m|`'})"
    command = adapter(how, tmp_path)
    done = as_process("grade", *FEW, "--junit", str(report), "--format", "markdown", *command)
    assert "<b>" not in done.stdout
    assert "\x1b" not in done.stdout
    (error,) = ElementTree.parse(report).iter("error")
    assert error.get("type") == "crashed"
    assert "<b>" in str(error.get("message"))
