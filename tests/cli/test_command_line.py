"""The command line from outside: documents, options, output, errors and exit codes, as a user's shell sees them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

from tests.program import LEDGER, ROOT, SAMPLES, assert_refused, convgrad, hear_signals, result, surroundings


def test_the_readme_example_is_exact() -> None:
    made = result("backward", *LEDGER)
    assert (made["dW"], made["db"], made["dX"]) == ([0.3, 0.4], 0.1, [-0.03, 0.01, 0.1])
    assert made["arithmetic"] == "exact"


def test_the_contract_s_json_is_ours_to_the_letter() -> None:
    made = result("backward", str(SAMPLES / "ledger.yaml"), "--overlays", "1")
    assert made == {
        "schema": "convgrad.backward/1",
        "id": None,
        "op": "conv",
        "arithmetic": "exact",
        "settings": {
            "dims": 1,
            "mode": "cross-correlation",
            "stride": [1],
            "padding": [[0, 0]],
            "dilation": [1],
            "groups": 1,
        },
        "output": [1.3, 2.1],
        "dW": [0.3, 0.4],
        "db": 0.1,
        "dX": [-0.03, 0.01, 0.1],
        "overlays": [
            {
                "sample": 0,
                "position": [0],
                "cells": [[0, 2]],
                "window": [1, 2],
                "delta": -0.1,
                "dW": [-0.1, -0.2],
                "db": -0.1,
                "dX": [-0.03, -0.05],
            }
        ],
    }


def test_thirds_stay_thirds_when_asked_to_be_exact() -> None:
    made = result("backward", str(SAMPLES / "average-thirds.yaml"), "--arithmetic", "exact")
    assert made["output"] == [["11/9", "11/9"]]
    assert made["dX"][0] == ["1/9", "-1/9", "-1/9", "-2/9"]


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_binary_arithmetic_writes_the_shortest_text_that_reads_back(arithmetic: str) -> None:
    made = result("backward", *LEDGER, "--arithmetic", arithmetic)
    kind = np.dtype(arithmetic).type
    expected = kind(-0.1) * kind(1) + kind(0.2) * kind(2)
    assert kind(made["dW"][0]) == expected
    assert made["arithmetic"] == arithmetic


def test_an_option_wins_over_the_document() -> None:
    made = result("backward", str(SAMPLES / "ledger.yaml"), "--delta", "[1, 0]")
    assert made["dW"] == [1, 2]


def test_an_option_wins_over_the_document_also_where_its_large_arrays_are_read_again(tmp_path: Path) -> None:
    case = {"op": "average-pool", "window": 100, "input": [[0.1] * 100] * 100, "delta": [[100]]}
    (tmp_path / "large.json").write_text(json.dumps(case))
    for option, expected in ((["--delta", "ones"], "0.0001"), (["--delta", "[[3]]"], "0.0003"), ([], "0.01")):
        run = convgrad("backward", "large.json", *option, "--arithmetic", "exact", "--format", "jsonl", cwd=tmp_path)
        assert f'"output": [[0.1]], "dX": [[{expected}, ' in run.stdout


def test_three_files_make_a_case() -> None:
    files = [word for name in ("input", "kernel", "delta") for word in (f"--{name}", str(SAMPLES / f"{name}.yaml"))]
    assert result("backward", *files)["dW"] == [[0.9, 0.9], [0.1, 0.4]]


def test_an_array_comes_from_standard_input() -> None:
    arguments = ["--kernel", "[0.3, 0.5]", "--delta", "[-0.1, 0.2]", "--input", "-"]
    assert result("backward", *arguments, stdin="[1, 2, 3]")["dX"] == [-0.03, 0.01, 0.1]
    assert_refused(convgrad("backward", "-", "--input", "-", stdin="[1]"), "standard input", "one argument")


def test_binary_arrays_are_read_and_are_float64(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([1.0, 2.0, 3.0]))
    np.savez(tmp_path / "rest.npz", w=np.array([0.3, 0.5]), e=np.array([-0.1, 0.2]))
    arguments = ["--input", "x.npy", "--kernel", "rest.npz:w", "--delta", "rest.npz:e"]
    made = result("backward", *arguments, cwd=tmp_path)
    assert made["arithmetic"] == "float64"
    assert made["dW"] == pytest.approx([0.3, 0.4], rel=4e-16)
    assert 0.30000000000000004 in made["dW"]


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert_refused(convgrad("backward", *LEDGER[2:], "--input", str(tmp_path / "x.npy")))


def test_many_cases_keep_their_order_and_a_refused_one_does_not_stop_the_rest() -> None:
    run = convgrad("backward", str(SAMPLES / "many.jsonl"), "--format", "jsonl")
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line["id"] for line in lines] == ["first", 2, "pool", "refused", "mean"]
    assert lines[3]["error"]["line"] == 4
    assert run.returncode == 2
    whole = convgrad("backward", str(SAMPLES / "many.jsonl"), "--format", "json")
    assert json.loads(whole.stdout) == lines


def test_a_lone_case_in_json_lines_is_many_cases_that_are_one(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text('{"input": [1], "kernel": [2], "delta": [3]}\n')
    assert [case["dX"] for case in result("backward", str(tmp_path / "one.jsonl"))] == [[6]]


def test_an_option_takes_one_document(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text("[1]\n---\n[2]\n")
    run = convgrad("backward", *LEDGER[2:], "--input", "two.yaml", cwd=tmp_path)
    assert_refused(run, "--input takes one document, but two.yaml has 2\n")
    assert_refused(convgrad("backward", *LEDGER[2:], "--input", "{x: [1]}"), "--input", "`input`", "this has x")


def test_several_yaml_documents_are_several_cases() -> None:
    text = "---\n".join(f"input: [{n}]\nkernel: [2]\ndelta: [1]\nid: c{n}\n" for n in range(3))
    assert [case["dX"] for case in result("backward", "-", stdin=text)] == [[2], [2], [2]]
    again = convgrad("backward", "-", "--format", "yaml", stdin=text)
    assert [part["id"] for part in yaml.safe_load_all(again.stdout)] == ["c0", "c1", "c2"]


def test_overlays_in_json_lines_are_a_line_each_and_the_result_is_last() -> None:
    run = convgrad("backward", *LEDGER, "--format", "jsonl", "--overlays", "all")
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line["type"] for line in lines] == ["overlay", "overlay", "result"]
    assert "overlays" not in lines[-1]


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml"])
def test_the_suffix_of_the_output_file_picks_the_format(form: str, tmp_path: Path) -> None:
    run = convgrad("backward", *LEDGER, "--output", str(tmp_path / f"out.{form}"))
    assert (run.returncode, run.stdout) == (0, "")
    assert yaml.safe_load((tmp_path / f"out.{form}").read_text())["dW"] == [0.3, 0.4]


def test_a_refused_request_leaves_the_output_file_as_it_was(tmp_path: Path) -> None:
    kept = tmp_path / "out.json"
    kept.write_text("old")
    assert_refused(convgrad("backward", *LEDGER, "--stride", "0", "--output", str(kept)), "--stride")
    assert kept.read_text() == "old"
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("forward", ["forward", str(SAMPLES / "ledger.yaml")]),
        *(
            ("backward", ["backward", str(path), "--overlays", "all", "--arithmetic", arithmetic])
            for path in sorted(SAMPLES.glob("*.yaml"))
            if path.stem not in ("input", "kernel", "delta", "network") and "network" not in path.stem
            for arithmetic in ("auto", "exact")
        ),
        ("explain", ["explain", "dX[1]", str(SAMPLES / "ledger.yaml")]),
        ("explain", ["explain", "y[0,0]", str(SAMPLES / "max-pool-ties.yaml")]),
    ],
    ids=lambda value: Path(value[-3] if len(value) > 3 else value[-1]).stem if isinstance(value, list) else value,
)
def test_output_validates_against_the_published_schema(name: str, arguments: Sequence[str]) -> None:
    published = json.loads(convgrad("schema", name).stdout)
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.validate(result(*arguments), published)


def test_a_schema_is_written_in_the_format_asked_for(tmp_path: Path) -> None:
    published = json.loads(convgrad("schema", "check").stdout)
    assert yaml.safe_load(convgrad("schema", "check", "--format", "yaml").stdout) == published
    convgrad("schema", "check", "--output", str(tmp_path / "check.jsonl"))
    (line,) = (tmp_path / "check.jsonl").read_text().splitlines()
    assert json.loads(line) == published


@pytest.mark.parametrize(
    ("case", "needed"),
    [
        ({"op": "conv", "input": [1]}, "kernel"),
        ({"op": "max-pool", "input": [1]}, "window"),
        ({"op": "adaptive-max-pool", "input": [1]}, "output_size"),
    ],
)
def test_the_case_schema_asks_for_what_an_operation_needs(case: dict[str, Any], needed: str) -> None:
    published = json.loads(convgrad("schema", "case").stdout)
    with pytest.raises(jsonschema.ValidationError, match=f"'{needed}' is a required property"):
        jsonschema.validate(case, published)
    jsonschema.validate({**case, needed: [1]}, published)


def test_samples_validate_against_the_case_schema() -> None:
    published = json.loads(convgrad("schema", "case").stdout)
    for path in SAMPLES.glob("*.yaml"):
        document = yaml.safe_load(path.read_text())
        if isinstance(document, dict) and "input" in document and "layers" not in document:
            jsonschema.validate(document, published)


BAD = {
    "ragged rows": ("input: [[1, 2], [3]]\nkernel: [[1]]\ndelta: ones\n", [":1:17:", "a row of 1", "row of 2"]),
    "a misspelt key": (
        "input: [1]\nkernal: [1]\ndelta: [1]\n",
        ["unknown key 'kernal'", "did you mean `kernel`?", ":2:1:"],
    ),
    "a missing comma": ("input: [1, 5 6]\nkernel: [1]\ndelta: [1, 1]\n", [":1:12:", "found '5 6'", "commas"]),
    "octal": ("input: [010]\nkernel: [1]\ndelta: [1]\n", [":1:9:", "'010'", "leading zeros"]),
    "base 60": ("input: [1:30]\nkernel: [1]\ndelta: [1]\n", [":1:9:"]),
    "yes": ("input: [yes]\nkernel: [1]\ndelta: [1]\n", [":1:9:", "'yes'"]),
    "a boolean": ("input: [true]\nkernel: [1]\ndelta: [1]\n", [":1:9:"]),
    "a minus sign of typographers": ("input: [−1]\nkernel: [1]\ndelta: [1]\n", [":1:9:", "minus"]),
    "one over zero": ("input: [1/0]\nkernel: [1]\ndelta: [1]\n", [":1:9:", "zero"]),
    "a number beyond float64": ("input: [1e400]\nkernel: [1]\ndelta: [1]\n", [":1:9:", "beyond"]),
    "a number below float64": ("input: [1e-2000000]\nkernel: [1]\ndelta: [1]\n", [":1:9:", "below"]),
    "not a number": ("input: [.nan]\nkernel: [1]\ndelta: [1]\n", [":1:9:", "--allow-nonfinite"]),
    "a duplicate key": ("input: [1]\ninput: [2]\nkernel: [1]\ndelta: [1]\n", [":2:1:", "input"]),
    "an alias": ("input: &a [1]\nkernel: *a\ndelta: [1]\n", ["anchor"]),
    "an empty array": ("input: []\nkernel: [1]\ndelta: []\n", ["empty"]),
    "a stride of zero": ("input: [1]\nkernel: [1]\ndelta: [1]\nstride: 0\n", [":4:9:", "at least 1"]),
    "padding that crops all": ("input: [1]\nkernel: [1]\ndelta: [1]\npadding: -1\n", [":4:10:", "1 - 1 - 1 = -1"]),
    "a kernel too large": ("input: [1]\nkernel: [1, 2]\ndelta: [1]\n", ["does not fit", "1*(2 - 1) + 1 = 2"]),
    "indivisible groups": (
        "input: [[1], [2], [3]]\nkernel: [[[1]], [[1]]]\ngroups: 2\ndelta: [[1], [1]]\n",
        ["groups"],
    ),
    "wrong channels": ("input: [[1], [2]]\nkernel: [[[1], [1], [1]]]\ndelta: [[1]]\n", ["3", "2", "channels"]),
    "a wrong delta": (
        "input: [1, 2, 3, 4]\nkernel: [1, 2]\ndelta: [1, 1]\n",
        ["(2,)", "(3,)", "stride 2 with padding 0"],
    ),
    "a wrong bias": ("input: [1]\nkernel: [1]\nbias: [1, 2]\ndelta: [1]\n", ["(2,)", "1 output channels"]),
    "a foreign setting": ("op: max-pool\nwindow: 1\ninput: [1]\ndelta: [1]\ngroups: 2\n", ["has no groups"]),
    "no window": ("op: max-pool\ninput: [1]\ndelta: [1]\n", ["needs `window`"]),
    "a stride beyond any axis": ("input: [1]\nkernel: [1]\ndelta: [1]\nstride: 5000000000\n", ["at most 2147483647"]),
    "padding of a gigabyte": ("input: [1]\nkernel: [1]\ndelta: ones\npadding: 1000000000\n", ["2e+09 numbers"]),
    "a lonely window": (
        "op: max-pool\ninput: [1, 2]\ndelta: ones\nwindow: 1\npadding: 1\n",
        ["position [0]", "padding only"],
    ),
    "same without meaning": (
        "op: conv-transpose\ninput: [1]\nkernel: [1]\ndelta: [1]\npadding: same\n",
        ["no agreed meaning"],
    ),
    "a divisor of zero": ("op: average-pool\ninput: [1]\nwindow: 1\ndelta: [1]\ndivisor: 0\n", ["divisor is 0"]),
    "nothing": ("", []),
    "a list": ("[1, 2]\n", ["expected a mapping"]),
    "no operation": ("input: [1]\ndelta: [1]\n", ["which operation"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_with_its_place(name: str) -> None:
    text, words = BAD[name]
    assert_refused(convgrad("backward", "-", stdin=text), *words)


def test_several_mistakes_are_reported_at_once_ten_at_most() -> None:
    run = convgrad("backward", "-", stdin="inputt: [1]\nkernel: [x, y]\nstride: 0\ngroups: -1\n")
    assert_refused(run, "inputt", "'x'", "'y'", "stride", "groups")
    many = convgrad("backward", "-", stdin=f"input: [{', '.join(['x'] * 40)}]\nkernel: [1]\ndelta: [1]\n")
    assert many.stderr.count("expected a number") == 10


def test_a_mistake_in_an_option_is_told_of_the_option() -> None:
    for option, value in (("--window", "2"), ("--padding", "smae"), ("--op", "maxpool"), ("--groups", "2")):
        run = convgrad("backward", str(SAMPLES / "ledger.yaml"), option, value)
        assert_refused(run, f"convgrad: {option}: ")
        assert "ledger.yaml" not in run.stderr


def test_an_unknown_arithmetic_is_told_of_the_option_with_all_that_there_are() -> None:
    for command, name in (("backward", "ledger"), ("check", "ledger"), ("network", "network-two-layers")):
        run = convgrad(command, str(SAMPLES / f"{name}.yaml"), "--arithmetic", "float16")
        assert_refused(run, "--arithmetic: expected auto, exact, float64 or float32, found 'float16'")


@pytest.mark.parametrize(
    ("entry", "sample", "words"),
    [
        ("dW[0,2]", "ledger", ["dW has shape (2,)", "ask for dW[0] to dW[1]\n"]),
        ("dX[3]", "ledger", ["dX has shape (3,)", "ask for dX[0] to dX[2]\n"]),
        ("db[1]", "ledger", ["db is one number", "ask for db\n"]),
        ("y[2,0]", "max-pool-ties", ["y has shape (2, 2)", "ask for y[0,0] to y[1,1]\n"]),
        ("dW[0]", "max-pool-ties", ["max-pool has no dW", "it has dX and y\n"]),
    ],
)
def test_an_entry_that_there_is_not_is_itself_the_place(entry: str, sample: str, words: list[str]) -> None:
    run = convgrad("explain", entry, str(SAMPLES / f"{sample}.yaml"))
    assert_refused(run, f"convgrad: {entry}: ", *words)
    assert sample not in run.stderr


def test_what_is_no_entry_is_refused_and_an_output_needs_no_delta() -> None:
    for entry in ("dW[0.5]", "dW[x]", "dQ", "[0]", ""):
        assert_refused(convgrad("explain", entry, str(SAMPLES / "ledger.yaml")), "such as dW[0,1]", f"found '{entry}'")
    assert result("explain", "y[0]", *LEDGER[:4])["value"] == 1.3
    assert_refused(convgrad("explain", "dX[0]", *LEDGER[:4]), "delta")


def test_entries_count_from_0_and_come_before_the_case() -> None:
    ledger = str(SAMPLES / "ledger.yaml")
    assert_refused(convgrad("explain", "dX[-1]", ledger), "found 'dX[-1]'\nentries count from 0\n")
    for entry in ("dX[1]", "db", "conv2.dW[0,1]"):
        run = convgrad("explain", ledger, entry)
        assert_refused(run, f"convgrad: {entry}: the entry comes first", f"convgrad explain '{entry}' {ledger}\n")


def test_one_typo_is_one_error() -> None:
    run = convgrad("backward", "-", stdin="inptu: [1]\nkernl: [1]\ndelta: [1]\n")
    assert_refused(run, "did you mean `input`?", "did you mean `kernel`?")
    assert run.stderr.count("convgrad: ") == 2


def test_a_network_is_sent_to_its_own_command() -> None:
    assert_refused(convgrad("backward", str(SAMPLES / "network-two-layers.yaml")), "convgrad network")


def test_padding_may_be_typed_as_tables_show_it() -> None:
    case = ["--input", "[1, 2]", "--kernel", "[1, 1]", "--delta", "ones", "--dims", "1"]
    assert (
        result("backward", *case, "--padding", "[[1,0]]")["dX"]
        == result("backward", *case, "--padding", "[[1, 0]]")["dX"]
    )
    square = ["--input", "[[1, 2], [3, 4]]", "--kernel", "[[1]]", "--delta", "ones"]
    assert result("forward", *square[:-2], "--padding", "[1,0],[0,2]")["settings"]["padding"] == [[1, 0], [0, 2]]


def test_an_overflow_is_an_infinity_and_no_warning() -> None:
    case = ["--input", "[1e300]", "--kernel", "[1e300]", "--delta", "ones"]
    for arithmetic in ("auto", "float64"):
        assert result("backward", *case, "--arithmetic", arithmetic)["output"] == ["Infinity"]


def test_infinities_are_not_rational() -> None:
    case = ["--input", "[.inf]", "--kernel", "[1]", "--delta", "ones", "--allow-nonfinite"]
    assert_refused(convgrad("backward", *case, "--arithmetic", "exact"), "not rational")
    assert result("backward", *case)["dW"] == ["Infinity"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said() -> None:
    command = [sys.executable, "-m", "convgrad", "backward", *LEDGER]
    with open("/dev/full", "w") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=surroundings())
    assert run.returncode == 74
    assert "cannot be written" in run.stderr


def test_a_caret_points_at_the_mistake() -> None:
    run = convgrad("backward", "-", stdin="input: [1, 5 6]\nkernel: [1]\ndelta: [1, 1]\n")
    _, line, caret, *_ = run.stderr.splitlines()
    assert line[caret.index("^") :].startswith("5 6")


def test_a_flood_of_brackets_and_aliases_is_refused_in_little_memory() -> None:
    assert_refused(convgrad("backward", "-", stdin="input: " + "[" * 200_000))
    bomb = "a: &a [1]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert_refused(convgrad("backward", "-", stdin=bomb))


def test_a_closed_pipe_exits_with_141_and_says_nothing() -> None:
    script = f"{sys.executable} -m convgrad backward --input '{[0] * 3000}' --kernel '[1]' --delta ones --overlays all "
    script += "--format jsonl | head -1; echo ${PIPESTATUS[0]}"
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT, env=surroundings())
    assert run.stdout.splitlines()[-1] == "141"
    assert run.stderr == ""


def test_an_interrupt_exits_with_130() -> None:
    command = [sys.executable, "-m", "convgrad", "backward", "-"]
    heard = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": hear_signals}
    with subprocess.Popen(command, cwd=ROOT, env=surroundings(), text=True, **heard) as process:
        assert process.stdin is not None
        process.stdin.write("input: [1]\n")
        process.stdin.flush()
        _wait_until_reading(process.pid)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors


def _wait_until_reading(pid: int) -> None:
    """Until the process waits for its standard input: nothing else says that it has started."""
    import time

    for _ in range(600):
        if "pipe" in Path(f"/proc/{pid}/wchan").read_text() or Path(f"/proc/{pid}/syscall").read_text().startswith(
            "0 0x0 "
        ):
            return
        time.sleep(0.05)


def test_a_bug_exits_with_70_and_shows_its_traceback_when_asked(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from convgrad.cli.exits import guarded

    def broken() -> int:
        raise KeyError("lost")

    assert guarded(broken, debug=False) == 70
    assert "Traceback" not in capsys.readouterr().err
    assert guarded(broken, debug=True) == 70
    assert "Traceback" in capsys.readouterr().err


def test_what_else_ends_a_run_has_its_code(capsys: Any) -> None:
    from convgrad.cli.exits import guarded

    def full() -> int:
        raise MemoryError

    def left() -> int:  # as the library that reads arguments leaves, whose 1 is none of ours
        raise SystemExit(1)

    assert guarded(full, debug=False) == 2
    assert capsys.readouterr().err == "convgrad: not enough memory for this request\n"
    assert guarded(left, debug=False) == 2


def test_an_error_is_shown_in_the_characters_that_there_are() -> None:
    text = f"input: [{', '.join(['1'] * 100)}, −1]\nkernel: [1]\ndelta: ones\n"
    run = convgrad("backward", "-", stdin=text, PYTHONIOENCODING="ascii:strict")
    assert_refused(run, "<stdin>:1:309: ", "\n~, 1, 1, ")
    assert run.stderr.isascii()
    assert "\n…, 1, 1, " in convgrad("backward", "-", stdin=text, PYTHONIOENCODING="utf-8").stderr


@pytest.mark.parametrize("arguments", [["backwrd"], ["backward", "--strid", "1"], ["backward", "a", "b"], ["explain"]])
def test_misuse_exits_with_2(arguments: Sequence[str]) -> None:
    assert_refused(convgrad(*arguments), "--help")


@pytest.mark.parametrize("command", ["forward", "backward", "explain", "check", "network", "mistakes", "schema"])
def test_help_starts_with_an_example_that_runs(command: str) -> None:
    lines = [line.strip() for line in convgrad(command, "--help").stdout.splitlines() if line.strip()]
    example = lines[1]
    assert lines[0].startswith("Usage: convgrad")
    program, *words = shlex.split(example)
    run = convgrad(*words)
    assert program == "convgrad"
    assert run.returncode in (0, 1), run.stderr


def test_shell_completion_offers_commands_and_choices() -> None:
    words = {"_CONVGRAD_COMPLETE": "complete_bash", "COMP_CWORD": "1", "COMP_WORDS": "convgrad back"}
    assert convgrad(**words).stdout.split() == ["backward"]
    words |= {"COMP_CWORD": "3", "COMP_WORDS": "convgrad backward --ties sp"}
    assert convgrad(**words).stdout.split() == ["split"]


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["backward", "--help"]])
def test_help_and_version_import_no_numpy(arguments: Sequence[str]) -> None:
    assert "numpy" not in imported(arguments)


def test_json_in_and_out_imports_neither_rich_nor_yaml_nor_pydantic(tmp_path: Path) -> None:
    case = tmp_path / "case.json"
    case.write_text('{"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}')
    modules = imported(["backward", str(case), "--format", "json"])
    assert "numpy" in modules
    assert not modules & {"rich", "yaml", "pydantic"}


@pytest.mark.parametrize(
    "arguments", [["--version"], ["backward", "--help"], ["backward", *LEDGER], ["check", *LEDGER], ["mistakes"]]
)
def test_what_grades_is_imported_by_the_commands_that_grade_alone(arguments: Sequence[str]) -> None:
    assert GRADING & modules(["grade", "--help"]) == GRADING
    assert {name for name in modules(arguments) if name in GRADING or name.startswith("convgrad.grading")} == set()


GRADING = {"convgrad.cli.grade_options", "convgrad.cli.grade_typed"}


def imported(arguments: Sequence[str]) -> set[str]:
    """The top-level modules that a run has imported when it ends."""
    return {name.split(".")[0] for name in modules(arguments)}


def modules(arguments: Sequence[str]) -> set[str]:
    """The modules that a run has imported when it ends."""
    script = (
        "import sys, convgrad.__main__ as m\nsys.argv = ['convgrad', *sys.argv[1:]]\ntry:\n    m.main()\nfinally:\n"
    )
    script += "    print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", script, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=surroundings())
    return set(run.stderr.splitlines()[-1].split())


def test_every_key_of_the_case_document_is_an_option() -> None:
    keys = json.loads(convgrad("schema", "case").stdout)["properties"]
    from convgrad.cli.options import CASE, CLAIMS

    assert set(keys) == {option.name for option in (*CASE, *CLAIMS)}


@pytest.mark.parametrize("columns", ["", "40", "80", "200"])
@pytest.mark.parametrize("sample", ["ledger", "five-by-five", "strides", "max-pool-ties", "transposed"])
def test_no_number_is_cut_at_any_width(sample: str, columns: str) -> None:
    shown = convgrad("backward", str(SAMPLES / f"{sample}.yaml"), **({"COLUMNS": columns} if columns else {})).stdout
    made = result("backward", str(SAMPLES / f"{sample}.yaml"))
    words = set(re.findall(r"-?[0-9]+(?:\.[0-9]+)?", shown))
    assert "…" not in shown
    for name in ("dW", "db", "dX"):
        numbers = np.ravel(made.get(name, [])).tolist()
        assert [number for number in numbers if f"{number:.6g}" not in words] == []


@pytest.mark.parametrize(
    ("arguments", "environment", "coloured"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_as_asked(arguments: list[str], environment: dict[str, str], coloured: bool) -> None:
    shown = convgrad("backward", str(SAMPLES / "ledger.yaml"), *arguments, **environment).stdout
    assert ("\x1b[" in shown) == coloured
    bare = re.sub(r" *$", "", re.sub(r"\x1b\[[0-9;]*m", "", shown), flags=re.MULTILINE)
    assert bare == convgrad("backward", str(SAMPLES / "ledger.yaml")).stdout


def test_a_terminal_that_is_dumb_gets_no_colour() -> None:
    import pty

    shown = {}
    for term in ("dumb", "xterm"):
        leader, follower = pty.openpty()
        command = [sys.executable, "-m", "convgrad", "backward", "samples/ledger.yaml"]
        subprocess.run(command, stdout=follower, cwd=ROOT, env=surroundings(TERM=term), check=True)
        os.close(follower)
        shown[term] = os.read(leader, 1 << 16).decode()
        os.close(leader)
    assert "\x1b[" not in shown["dumb"]
    assert "\x1b[" in shown["xterm"]


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_a_terminal_of_few_characters_gets_tables_it_can_show(encoding: str) -> None:
    run = convgrad("backward", *LEDGER, PYTHONIOENCODING=encoding)
    assert run.returncode == 0, run.stderr
    assert "\\x" not in run.stdout
    assert "\\u" not in run.stdout
