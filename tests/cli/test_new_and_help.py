"""Where a newcomer starts: documents to begin with, and help that leads on."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import convgrad
from convgrad.documents.templates import template
from convgrad.vocabulary import OPERATIONS, row_of
from tests.program import as_process, assert_refused
from tests.program import convgrad as run


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_new_document_runs_and_has_every_setting_of_its_operation(name: str) -> None:
    text = run("new", name).stdout
    assert run("backward", "-", stdin=text).returncode == 0
    told = {line.lstrip("# ").partition(":")[0] for line in text.splitlines()}
    assert set(row_of(name).settings) <= told


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_a_new_document_says_of_settings_is_their_default(name: str) -> None:
    whole = yaml.safe_load(template(name))
    needed = {"op", "input", "kernel", "delta", "window", "output_size", "indices"}
    bare = {key: value for key, value in whole.items() if key in needed}
    assert convgrad.backward(whole).dX.tolist() == convgrad.backward(bare).dX.tolist()


def test_a_new_network_runs_and_its_claim_is_where_claims_go() -> None:
    text = run("new", "network").stdout
    assert run("network", "-", stdin=text).returncode == 0
    lines = [line.removeprefix("# ") if "claim" in line or "conv1: {dW" in line else line for line in text.splitlines()]
    assert run("check", "-", stdin="\n".join(lines)).returncode == 1


def test_a_new_file_is_written_and_no_old_one(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    assert run("new", "conv", str(file)).returncode == 0
    assert run("backward", str(file)).returncode == 0
    before = file.read_text()
    assert_refused(run("new", "max-pool", str(file)), "this is there already, and would be lost")
    assert file.read_text() == before


def test_a_name_that_is_no_document_leads_to_one() -> None:
    assert_refused(run("new", "Conv2d"), "unknown document 'Conv2d': did you mean `conv`?")
    assert_refused(run("new", "frob"), "one of conv, conv-transpose", "network")


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["help"]])
def test_help_has_several_names_and_says_what_to_do_next(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 0
    assert done.stdout == run("--help").stdout
    assert done.stdout.rstrip().splitlines()[-4].strip().startswith("convgrad new conv > case.yaml")


@pytest.mark.parametrize("command", ["forward", "backward", "check", "explain", "network", "new"])
def test_the_help_of_a_command_is_in_groups_and_ends_with_what_to_do_next(command: str) -> None:
    done = run("help", command)
    assert done.stdout == run(command, "-h").stdout
    headings = [line for line in done.stdout.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings[0] == "Arguments:"
    assert headings[-2:] == ["Other:", "Next:"]
    assert len(set(headings)) == len(headings)
    assert "Options:" not in headings
    assert done.stdout.rstrip().splitlines()[-1].strip().startswith("convgrad ")


def test_the_version_has_several_names() -> None:
    told = [as_process(word).stdout for word in ("--version", "-V", "version")]
    assert told == [f"convgrad {convgrad.__version__}\n"] * 3
