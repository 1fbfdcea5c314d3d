"""The standard streams closed, full, or left by their reader: the exit code says what it says with open ones."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from convgrad.cli import streams

ROOT = Path(__file__).parents[2]
LEDGER, PUBLISHED = "samples/ledger.yaml", "samples/published-layer2.yaml"
AGREES, DIFFERS, MISSING = f"check {LEDGER}", f"check {PUBLISHED}", "check nofile.yaml"
DELIVERIES = (
    "--version",
    "--help",
    "check --help",
    "schema case",
    AGREES,
    DIFFERS,
    "network samples/network-two-layers.yaml",
)
needs_shell = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs a shell and a device that is always full"
)


def shell(line: str, **environment: str) -> Any:
    """A run of the program by a shell that may close its streams or lead them elsewhere."""
    script = f"set -o pipefail; {sys.executable} -m convgrad {line}"
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment}
    )


@pytest.mark.slow
@needs_shell
@pytest.mark.parametrize("line", DELIVERIES)
@pytest.mark.parametrize("led", [">&-", ">/dev/full", "<&- >&- 2>&-"])
def test_what_cannot_be_delivered_exits_with_74(line: str, led: str) -> None:
    run = shell(f"{line} {led}")
    assert run.returncode == 74
    if "2>" not in led:
        assert run.stderr.startswith("convgrad: the result cannot be written: ")
        assert len(run.stderr.splitlines()) == 1


@pytest.mark.slow
@needs_shell
@pytest.mark.parametrize("led", ["2>&-", "2>/dev/full <&-"])
@pytest.mark.parametrize(("line", "code"), [(AGREES, 0), (DIFFERS, 1), (MISSING, 2), ("chek", 2), ("", 2),
                                            (f"{AGREES} --min-strength 1000", 4)])  # fmt: skip
def test_an_exit_code_does_not_hang_on_whether_anybody_hears_standard_error(line: str, code: int, led: str) -> None:
    assert shell(f"{line} {led}").returncode == code


@pytest.mark.slow
@needs_shell
@pytest.mark.parametrize("led", [">&-", ">/dev/full 2>&- <&-"])
@pytest.mark.parametrize("line", [MISSING, "check --nothing", "forward - <&-"])
def test_a_refused_request_has_nothing_to_deliver(line: str, led: str) -> None:
    assert shell(f"{line} {led}").returncode == 2


@needs_shell
@pytest.mark.parametrize("line", ["--version", "--help", "schema case", DIFFERS])
def test_a_reader_that_has_left_is_no_difference(line: str) -> None:
    assert shell(f"{line} | true").returncode == 141


@needs_shell
def test_a_file_of_its_own_needs_no_standard_output(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    assert shell(f"{DIFFERS} --output {file} <&- >&- 2>&-").returncode == 1
    assert file.read_text().startswith("{")
    assert file.read_text().endswith("}\n")


@needs_shell
def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    array = tmp_path / "y.npy"
    assert shell(f"forward {LEDGER} --output {array} <&- >&- 2>&-").returncode == 74
    assert array.read_bytes().startswith(b"\x93NUMPY")
    assert b"convgrad" not in array.read_bytes()


@needs_shell
def test_closed_standard_input_is_said_where_it_is_read() -> None:
    run = shell("forward - <&-")
    assert (run.returncode, run.stderr) == (2, "convgrad: <stdin>: cannot be read: it is closed\n")
    assert shell(f"forward {LEDGER} <&-").returncode == 0


@needs_shell
@pytest.mark.parametrize(("led", "code"), [("", 0), (">/dev/full", 74), ("2>&-", 0)])
def test_completion_is_delivered_like_a_result(led: str, code: int) -> None:
    words = {"_CONVGRAD_COMPLETE": "complete_bash", "COMP_CWORD": "1", "COMP_WORDS": "convgrad back"}
    assert shell(led, **words).returncode == code


class Broken(io.RawIOBase):
    """A stream that takes nothing."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raise self.error


@pytest.mark.parametrize(("error", "code"), [(OSError(28, "No space left"), 74), (BrokenPipeError(), 141)])
def test_a_failure_to_deliver_ends_the_run_once(error: OSError, code: int) -> None:
    stream = io.BufferedWriter(streams.Delivering(Broken(error)))
    stream.write(b"text")
    with pytest.raises(streams.Undelivered) as undelivered:
        stream.flush()
    assert undelivered.value.code == code
    stream.flush()  # as the interpreter does at its end


def test_what_is_told_to_nobody_is_let_go() -> None:
    stream = io.BufferedWriter(streams.Unheard(Broken(OSError(28, "No space left"))))
    stream.write(b"text")
    stream.flush()
