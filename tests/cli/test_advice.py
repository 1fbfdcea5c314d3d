"""What to look at next is a command that works; it goes to a terminal alone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

import convgrad
from convgrad.cli.advice import next_look
from convgrad.passes.shown import Shown
from tests.program import LEDGER, ROOT, SAMPLES
from tests.program import convgrad as program
from tests.views.records import RECORDS

SQUARE, TIES = f"{SAMPLES}/five-by-five.yaml", f"{SAMPLES}/max-pool-ties.yaml"
NETWORK, CLAIM = f"{SAMPLES}/network-classifier.yaml", f"{SAMPLES}/published-layer2.yaml"
COMMANDS = [
    (["backward", SQUARE], ["explain", "dX[2,2]", SQUARE]), (["backward", TIES], ["explain", "dX[1,1]", TIES]),
    (["explain", "dX[2,2]", SQUARE], ["backward", SQUARE, "--only", "1,1"]),
    (["forward", SQUARE], ["backward", SQUARE]),
    (["check", CLAIM], ["explain", "dW[1,1]", CLAIM]), (["network", NETWORK], ["explain", "loss", NETWORK]),
    (["explain", "classes.dW[0,0]", NETWORK], ["network", NETWORK, "--layer", "classes"]),
    (["explain", "dX[1,3,2,2]", f"{SAMPLES}/strides.yaml"], ["backward", f"{SAMPLES}/strides.yaml", "--only", "1,1,1"]),
]  # fmt: skip


def on_a_terminal(*arguments: str) -> str:
    """What a terminal shows of both streams."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    with subprocess.Popen([sys.executable, "-m", "convgrad", *arguments], stdout=theirs, stderr=theirs, env=variables):
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "advised"), COMMANDS, ids=lambda words: " ".join(words)[:30])
def test_the_last_line_on_a_terminal_is_a_command_that_works(asked: list[str], advised: list[str]) -> None:
    last = on_a_terminal(*asked).splitlines()[-1].replace("'", "")
    assert last == " ".join(["next: convgrad", *advised])
    assert program(*advised).returncode == 0


def test_nothing_of_it_is_in_a_pipe() -> None:
    run = program("backward", SQUARE)
    assert "next:" not in run.stdout + run.stderr


@pytest.mark.slow
def test_quiet_and_typed_numbers_have_no_next() -> None:
    assert "next:" not in on_a_terminal("backward", SQUARE, "--quiet")
    assert "next:" not in on_a_terminal("backward", *LEDGER)


@pytest.mark.parametrize("kind", RECORDS)
def test_every_record_has_a_command_or_nothing(kind: str) -> None:
    for record in RECORDS[kind]():
        words = next_look(record, "case.yaml")
        assert not words or words[0] == "convgrad"
    assert next_look(Shown(convgrad.network({"input": [1], "layers": [{"op": "relu"}], "delta": "ones"})), "x") == []
