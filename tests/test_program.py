"""What is tested in this process is what a process does, to the byte."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from convgrad.core import threads
from tests.program import LEDGER, as_process, convgrad

RUNS = {
    "a table": (["backward", "samples/five-by-five.yaml"], {}),
    "a table in few characters": (["backward", *LEDGER], {"PYTHONIOENCODING": "cp437"}),
    "a table in colour": (["check", "samples/ledger.yaml"], {"FORCE_COLOR": "1"}),
    "a table as wide as is said": (["network", "samples/network-pool-dense.yaml"], {"COLUMNS": "60"}),
    "standard input": (["check", "-", "--format", "json"], {"stdin": "input: [1, 2]\nkernel: [1]\ndelta: [1, 1]\n"}),
    "many cases, one refused": (["backward", "samples/many.jsonl", "--format", "jsonl"], {}),
    "a wrong claim": (["check", "samples/published-layer2.yaml"], {}),
    "a place in a text": (["forward", "-"], {"stdin": "input: [1, −1]\n"}),
    "an error in few characters": (["forward", "-"], {"stdin": "input: [1, −1]", "PYTHONIOENCODING": "ascii:strict"}),
    "an option that there is not": (["backward", "--strid", "1"], {}),
    "nothing": ([], {}),
    "help": (["explain", "--help"], {}),
    "completion": ([], {"_CONVGRAD_COMPLETE": "complete_bash", "COMP_CWORD": "1", "COMP_WORDS": "convgrad back"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_run_in_this_process_is_one_in_a_process_of_its_own(name: str) -> None:
    arguments, keywords = RUNS[name]
    assert convgrad(*arguments, **keywords) == as_process(*arguments, **keywords)


def test_a_run_in_this_process_leaves_it_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "33")

    def state() -> tuple[object, ...]:
        return dict(os.environ), os.getcwd(), sys.stdin, sys.stdout, sys.stderr, np.geterr(), threads._asked

    before = state()
    convgrad("backward", *LEDGER, "--threads", "3", cwd="/", NO_COLOR="1")
    assert state() == before
