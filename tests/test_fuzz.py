"""The fuzzer finds what is planted, makes it small, says how to repeat it, and repeats itself."""

from __future__ import annotations

import os
import signal
import subprocess

import numpy as np
import pytest

from convgrad.passes.gradients import Forward
from tests.fuzz import fuzzing, making, rules, running
from tests.fuzz.__main__ import main
from tests.fuzz.fuzzing import Attempt, Fuzzer
from tests.fuzz.planted import PLANTED, plant
from tests.fuzz.running import Outcome, as_process, in_process, prepared
from tests.fuzz.shrinking import shrunk
from tests.fuzz.trial import Trial
from tests.fuzz.values import NINES

pytestmark = pytest.mark.filterwarnings("ignore:.*fork")  # the threads of NumPy's BLAS know how to

DOCUMENT = "{input: [1, 2, 3, 4], id: 7, kernel: [1, 2], note: some words that do not matter, stride: 2}"
ODD_WORDS = ["", "it's", "\\", "$HOME", "a\nb", "\udcff", "é", "-1", "--x=1", "\x1b[31m", "`x`", "!!"]


def of_document(seed, number):
    return Trial("forward", {"format": "json", "case": "x.yaml", "digits": 3}, {"x.yaml": DOCUMENT.encode()})


def found(figures):
    return [kind.rpartition("/")[0] if kind.startswith("exit 70") else kind for kind in figures.broken]


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_bug_is_found_and_called_what_it_is(monkeypatch, kind):
    if kind == "slow":
        monkeypatch.setattr(running, "SECONDS", 0.2)
    np.ones(100_000_000)  # what ran in this process before may have taken more than is planted
    plant(monkeypatch, PLANTED[kind])
    numbers = [0] if kind != "not the same twice" else [20]
    assert found(Fuzzer(0, 0, 0, of_document).run(numbers)) == [kind]


BROKEN = {
    "exit 1 from forward": Outcome(1, b"", b"", {}),
    "exit 2 without a word": Outcome(2, b"", b"", {}),
    "exit 74": Outcome(74, b"", b"full", {}),
    "a refused request wrote a file": Outcome(2, b"", b"no", {"out.json": b"{"}),
    "a sound request is refused": Outcome(2, b"", b"no", {}),
    "our own gradients differ": Outcome(1, b"", b"", {}),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_outcome_that_breaks_a_rule_is_called_what_it_is(kind):
    command = "check" if kind.startswith("our own") else "forward"
    options = {"output": "out.json", "format": "json", "case": DOCUMENT}
    sound = kind.startswith(("a sound", "our own"))
    trial = Trial(command, options, sound=sound, valid={} if sound else None)
    assert [failure.kind for failure in rules.always(trial, BROKEN[kind], False)] == [kind]


def test_a_planted_bug_is_made_small_with_the_command_that_repeats_it(monkeypatch):
    plant(monkeypatch, PLANTED["exit 70: ZeroDivisionError at convgrad/cli"])
    (broken,) = Fuzzer(0, 0, make=of_document).run([11, 12, 13]).broken.values()
    assert (broken.count, broken.number) == (3, 11)
    assert broken.shell.startswith("convgrad forward ")
    assert "stride" in broken.shell
    for needless in ("note", "id:", "digits", "x.yaml"):
        assert needless not in broken.shell


def test_a_number_of_any_length_is_json():
    assert rules.strict(b'{"id": [1, -%b]}' % NINES.encode()) == {"id": [1, f"-{NINES}"]}
    with pytest.raises(ValueError, match="NaN is not JSON"):
        rules.strict(b"[NaN]")


def test_a_wrong_number_is_found_by_plain_loops(monkeypatch):
    sound = Forward.streamed
    monkeypatch.setattr(Forward, "streamed", lambda self: {**sound(self), "output": [5, 12]})
    case = {"op": "conv", "dims": 1, "input": [1, 2, 3], "kernel": [1, 2], "delta": [1, 1]}
    trial = Trial("forward", {"format": "json", "case": "{input: [1, 2, 3], kernel: [1, 2]}"}, valid=case)
    assert list(Fuzzer(0, 0, make=lambda seed, number: trial).run([3]).broken) == ["forward gives a wrong output"]


def test_a_bug_that_only_a_process_of_its_own_shows_is_found(monkeypatch):
    plant(monkeypatch, lambda: print("more"))
    assert "as a process, another stdout" in Fuzzer(0, 1, 0, of_document).run([0]).broken


@pytest.mark.slow
def test_what_is_sound_breaks_no_rule(monkeypatch):
    monkeypatch.setattr(making, "KINDS", {making.valid: 1})
    figures = Fuzzer(1, 0).run(range(200))
    assert figures.broken == {}
    assert figures.runs == figures.documents == figures.codes[0] + figures.codes[3] == 200


def test_a_seed_and_a_number_are_one_trial():
    trials = [making.trial(5, number) for number in range(400)]
    assert trials == [making.trial(5, number) for number in range(400)]
    assert trials != [making.trial(6, number) for number in range(400)]
    assert {trial.kind for trial in trials} == {
        "values", "text", "valid", "network", "options", "binary", "many", "rubbish", "large", "claims",
    }  # fmt: skip


def test_every_rule_that_costs_more_has_its_turn():
    turns = [rule for number in range(40) for rule in Attempt(of_document(0, 0), number).rules]
    assert {rule: turns.count(rule) for rule in rules.RARE} == {rule: 40 // often for rule, often in rules.RARE.items()}


@pytest.mark.slow
@pytest.mark.parametrize("number", [3, 4])
def test_a_run_in_process_and_a_process_give_the_same_bytes(tmp_path, number):
    trial = making.trial(5, number)
    with prepared(str(tmp_path)):
        assert in_process(trial).seen == in_process(trial, through_words=True).seen == as_process(trial).seen


def test_a_shell_hands_over_the_words_of_a_trial(tmp_path):
    trial = Trial("forward", {"case": "x y", "id": "\udcfe"}, {"x y": b"\0'\xff"}, b"[1]\n", tuple(ODD_WORDS))
    stub = 'convgrad() { printf "%s\\0" "$@"; cat "x y" -; }\n'
    shown = subprocess.run(["bash", "-c", stub + trial.shell], capture_output=True, cwd=tmp_path, check=True).stdout
    words = b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in trial.words)
    assert shown == words + b"\0'\xff[1]\n"


def test_shrinking_keeps_what_the_failure_needs_and_ends():
    trial = of_document(0, 0)
    small = shrunk(trial, lambda other: b"stride" in b"".join([*other.files.values(), other.options["case"].encode()]))
    assert (dict(small.options), small.files) == ({"case": "stride"}, {})
    assert shrunk(trial, lambda other: False) == trial


@pytest.mark.parametrize(
    "words", [["--runs", "5"], ["--seconds", "0.2"], ["--number", "3"], ["--runs", "4", "--jobs", "2"]]
)
def test_the_command_line_prints_the_seed_and_figures(monkeypatch, capsys, words):
    monkeypatch.setattr(making, "KINDS", {making.valid: 1})
    assert main(["--seed", "1", *words]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("seed 1\n")
    assert "failures: 0 of 0 kinds" in shown


def test_a_trial_that_kills_its_process_is_told(monkeypatch, capsys):
    monkeypatch.setattr(making, "KINDS", {lambda choices: of_document(0, 0): 1})
    plant(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert main(["--seed", "1", "--number", "7"]) == 1
    assert "1 times killed by signal 9; first number 7" in capsys.readouterr().out


@pytest.mark.slow
def test_failures_make_the_command_line_exit_with_1(monkeypatch, capsys):
    monkeypatch.setattr(making, "KINDS", {lambda choices: of_document(0, 0): 1})
    monkeypatch.setattr(fuzzing, "as_process", in_process)
    plant(monkeypatch, PLANTED["exit 130"])
    assert main(["--seed", "1", "--number", "0"]) == 1
    assert "1 times exit 130; first number 0" in capsys.readouterr().out
