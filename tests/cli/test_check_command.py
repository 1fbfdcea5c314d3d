"""The check command from outside: verdicts, claims from everywhere, exit codes, and what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from tests.program import LEDGER, SAMPLES, assert_refused, convgrad

RIGHT = ["--dW", "[0.3, 0.4]", "--db", "0.1", "--dX", "[-0.03, 0.01, 0.1]", "--y", "[1.3, 2.1]"]


def report(*arguments: str, code: int = 0, **keywords: Any) -> Any:
    run = convgrad("check", *arguments, "--format", "json", **keywords)
    assert run.returncode == code, run.stderr
    return json.loads(run.stdout)


def test_our_own_gradients_agree_in_every_entry() -> None:
    made = report(*LEDGER)
    assert made["verdict"] == "agrees"
    assert [(finding["array"], finding["entries"]) for finding in made["findings"]] == [("dW", 2), ("db", 1), ("dX", 3)]
    assert all(checksum["holds"] for checksum in made["checksums"])


def test_a_right_claim_is_not_accused() -> None:
    made = report(*LEDGER, *RIGHT)
    assert made["diagnosis"] == []
    assert {finding["verdict"] for finding in made["findings"]} == {"agrees"}


def test_a_wrong_claim_differs_and_its_mistake_is_named() -> None:
    made = report(*LEDGER, "--dX", "[-0.05, 0.07, 0.06]", code=1)
    assert made["verdict"] == "differs"
    assert [diagnosis["mistake"] for diagnosis in made["diagnosis"]][:1] == ["kernel-rotated"]


def test_the_contract_s_published_claim_is_judged_as_it_says() -> None:
    made = report(str(SAMPLES / "published-layer2.yaml"), code=1)
    found = next(f for f in made["findings"] if f["array"] == "dW" and f["against"] == "claim")
    worst = {"index": [1, 1], "claimed": 0.17, "correct": -0.0814, "error": 0.2514, "allowed": 0.005}
    assert (found["entries"], found["wrong"], found["worst"]) == (4, 4, worst)
    named = [(one["array"], one["mistake"], one["matches"], one["entries"]) for one in made["diagnosis"]]
    assert named[0] == ("dW", "delta-rotated", 4, 4)
    assert [name for array, name, *_ in named if array == "dX"] == ["kernel-rotated", "term-sign", "misrounded"]
    right = {f["array"]: f["verdict"] for f in made["findings"] if f["against"] == "claim"}
    assert right["output"] == "agrees"


def test_the_first_layer_carries_the_error_on() -> None:
    made = report(str(SAMPLES / "published-layer1.yaml"), code=1)
    assert [(one["array"], one["mistake"]) for one in made["diagnosis"]] == [("dW", "delta-rotated")]


def test_a_claim_may_be_a_file_of_one_array_a_mapping_or_an_archive(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("dW: [0.3, 0.4]\n")
    np.save(tmp_path / "dx.npy", np.array([-0.03, 0.01, 0.1]))
    np.savez(tmp_path / "all.npz", dW=np.array([0.3, 0.4]), db=np.array(0.1))
    assert report(*LEDGER, "--dW", "mine.yaml", "--dX", "dx.npy", cwd=tmp_path)["verdict"] == "agrees"
    assert report(*LEDGER, "--claim", "all.npz", cwd=tmp_path)["verdict"] == "agrees"
    assert report(*LEDGER, "--claim", "{dW: [0.3, 0.5]}", code=1)["verdict"] == "differs"


@pytest.mark.parametrize("arithmetic", ["exact", "float64", "float32"])
@pytest.mark.parametrize("sample", ["strides", "average-thirds"])
def test_a_result_is_a_claim_judged_by_the_type_it_was_computed_in(
    sample: str, arithmetic: str, tmp_path: Path
) -> None:
    ours, case = tmp_path / "ours.json", str(SAMPLES / f"{sample}.yaml")
    convgrad("backward", case, "--arithmetic", arithmetic, "--output", str(ours))
    made, kind = json.loads(ours.read_text()), "float32" if arithmetic == "float32" else "float64"
    said = re.findall(
        r"the claimed (\w+) agrees .* \(to ([^;)]*)(?:;.*)?\)", convgrad("check", case, "--claim", str(ours)).stdout
    )
    assert said == [(name, f"{kind} rounding") for name in ("output", "dW", "db", "dX") if name in made]


def test_what_is_left_beside_a_saved_array_is_a_claim_as_well(tmp_path: Path) -> None:
    (tmp_path / "left.json").write_text(convgrad("backward", *LEDGER, "--format", "json", "--output", "dX.npy",
                                                 cwd=tmp_path).stdout)  # fmt: skip
    found = report(*LEDGER, "--claim", "left.json", "--dX", "dX.npy", cwd=tmp_path)["findings"][3:]
    assert [(one["array"], one["verdict"]) for one in found] == [("dW", "agrees"), ("db", "agrees"), ("dX", "agrees")]


def test_a_result_that_claims_nothing_of_the_case_is_refused_in_one_sentence(tmp_path: Path) -> None:
    network = str(SAMPLES / "network-two-layers.yaml")
    for name, arguments in {"explain": ["dX[1]", *LEDGER], "check": LEDGER, "backward": LEDGER,
                            "network": [network]}.items():  # fmt: skip
        convgrad(name, *arguments, "--output", str(tmp_path / f"{name}.json"))
    for case, claim, words in (
        (LEDGER, "explain", ["this is what `explain` wrote", "a claim is what forward, backward or network wrote"]),
        (LEDGER, "check", ["this is what `check` wrote"]),
        (LEDGER, "network", ["claims by layer", "a single case"]),
        ([network], "backward", ["claims of a single case", "a network", "as in conv1: {dW: …}"]),
    ):
        run = convgrad("check", *case, "--claim", str(tmp_path / f"{claim}.json"))
        assert_refused(run, f"convgrad: {tmp_path / claim}.json:1:1: ", *words)
        assert run.stderr.count("convgrad: ") == 1


def test_two_settings_are_told_apart_though_a_result_is_written_with_few_digits(tmp_path: Path) -> None:
    for command in ("forward", "backward"):
        convgrad(command, *LEDGER, "--output", str(tmp_path / f"{command}.yaml"))
    other = [*LEDGER[:4], "--delta", "[-0.1, 0.21]"]
    found = report(*other, "--claim", "backward.yaml", code=1, cwd=tmp_path)["findings"][3:]
    assert [(one["array"], one["verdict"]) for one in found] == [
        ("output", "agrees"), ("dW", "differs"), ("db", "differs"), ("dX", "differs"),
    ]  # fmt: skip
    assert [one["array"] for one in report(*other, "--claim", "forward.yaml", cwd=tmp_path)["findings"][3:]] == [
        "output"
    ]


def test_a_claim_in_a_file_wins_over_the_document_s(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text("input: [1, 2]\nkernel: [1]\ndelta: [1, 1]\nclaim: {dW: [4], db: 2}\n")
    np.savez(tmp_path / "right.npz", dW=np.array([3.0]), dX=np.array([1.0, 1.0]))
    made = report("case.yaml", "--claim", "right.npz", cwd=tmp_path)
    claims = [(found["array"], found["verdict"]) for found in made["findings"] if found["against"] == "claim"]
    assert claims == [("dW", "agrees"), ("db", "agrees"), ("dX", "agrees")]


def test_written_digits_say_how_far_a_claim_may_be_off() -> None:
    third = ["--input", "[1, 1, 1]", "--op", "average-pool", "--window", "3", "--delta", "[1]"]
    assert report(*third, "--dX", "[0.33, 0.33, 0.33]")["verdict"] == "agrees"
    assert report(*third, "--dX", "[0.33, 0.33, 0.3333]", code=1)["verdict"] == "differs"
    assert report(*third, "--dX", "[0.34, 0.33, 0.33]", code=1)["verdict"] == "differs"


def test_digits_too_few_to_tell_are_undecided() -> None:
    made = report(*LEDGER, "--dW", "[0, 0]", code=3)
    assert made["findings"][-1]["vague"] is True
    jsonschema.validate(made, json.loads(convgrad("schema", "check").stdout))
    assert "more digits, another type" in convgrad("check", *LEDGER, "--dW", "[0, 0]").stdout


def test_a_type_says_how_far_a_claim_may_be_off() -> None:
    claim = ["--dW", str(np.float32(0.3) + np.float32(0)), "--claim-dtype"]
    case = ["--input", "[1, 2, 3]", "--kernel", "[0.3]", "--delta", "[0.1, 0.1, 0]"]
    assert report(*case, claim[0], "[0.3000000119]", claim[2], "float32")["verdict"] == "agrees"
    assert report(*case, claim[0], "[0.3000000119]", claim[2], "float64", code=1)["verdict"] == "differs"


def test_a_tie_is_undecided_and_the_rest_is_still_judged() -> None:
    made = report(str(SAMPLES / "max-pool-ties.yaml"), code=3)
    assert made["verdict"] == "undecided"
    assert made["findings"][0]["entries"] == 13
    wrong = ["--dX", "[[9, 0, 0, -0.2], [0, 0.1, 0, 0], [0.3, 0, 0.4, 0], [0, 0, 0, 0]]"]
    assert report(str(SAMPLES / "max-pool-ties.yaml"), *wrong, code=1)["verdict"] == "differs"


def test_a_claim_by_another_rule_for_ties_is_told_which() -> None:
    last = ["--dX", "[[0, 0, 0, -0.2], [0, 0.1, 0, 0], [0.3, 0, 0, 0], [0, 0, 0, 0.4]]"]
    made = report(str(SAMPLES / "max-pool-ties.yaml"), *last, code=1)
    assert made["diagnosis"][0]["mistake"] == "ties-last"


def test_a_weak_case_exits_with_4_where_strength_is_asked_for() -> None:
    made = report(*LEDGER, "--min-strength", "60", code=4)
    assert made["strength"]["catches"] < 60
    assert "fewer than --min-strength 60" in convgrad("check", *LEDGER, "--min-strength", "60", "--quiet").stderr
    assert made["strength"]["of"] - made["strength"]["catches"] == len(made["strength"]["blind_to"])
    report(*LEDGER, "--min-strength", str(made["strength"]["catches"]))


def test_a_wrong_claim_is_graver_than_a_weak_case_and_that_than_a_tie() -> None:
    report(*LEDGER, "--dW", "[9, 9]", "--min-strength", "60", code=1)
    report(str(SAMPLES / "max-pool-ties.yaml"), "--min-strength", "60", code=4)


def test_what_is_not_finite_is_checked_where_that_is_allowed() -> None:
    case = ["--input", "[.inf, 1]", "--kernel", "[1]", "--delta", "[1, 1]", "--allow-nonfinite"]
    assert report(*case, "--dW", "[.inf]")["verdict"] == "agrees"
    assert report(*case, "--dX", "[.inf, 1]", code=1)["verdict"] == "differs"
    assert report(*LEDGER, "--dW", "[.inf, 1]", code=1)["findings"][3]["wrong"] == 2  # a claim needs no leave


def test_a_check_that_lasts_is_announced_unless_it_is_to_be_quiet(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from convgrad.cli import checks, run

    monkeypatch.setattr(checks, "LASTS", 0)
    assert run(["check", *LEDGER]) == 0
    assert capsys.readouterr().err == "convgrad: 10 forward passes, about 0 s\n"
    assert run(["check", *LEDGER, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_on_a_terminal_a_check_that_lasts_answers_on_claims_first(monkeypatch: Any, capsys: Any) -> None:
    from convgrad.cli import checks, run

    monkeypatch.setattr(checks, "LASTS", 0)
    assert run(["check", str(SAMPLES / "published-layer2.yaml")]) == 1
    (announced,) = capsys.readouterr().err.splitlines()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run(["check", str(SAMPLES / "published-layer2.yaml")]) == 1
    output, first, second, third, *_ = capsys.readouterr().err.splitlines()
    assert output.startswith("convgrad: the claimed output agrees with the output in all 4 entries")
    assert first == "convgrad: the claimed dW differs from the gradient in 4 of 4 entries: delta-rotated"
    assert second.startswith("convgrad: the claimed dX differs from the gradient in ")
    assert third == announced


def test_a_sample_of_the_entries_says_so() -> None:
    made = report(*LEDGER, "--sample", "3", "--seed", "7")
    assert made["sample"] == {"entries": 3, "of": 6, "seed": 7}
    assert sum(finding["entries"] for finding in made["findings"]) == 3


def test_all_lists_every_wrong_entry_with_its_overlays() -> None:
    made = report(*LEDGER, "--dX", "[0, 0.02, 0.1]", "--all", code=1)
    wrong = next(finding for finding in made["findings"] if finding["against"] == "claim")["all"]
    assert [(entry["index"], entry["claimed"]) for entry in wrong] == [([0], 0), ([1], 0.02)]
    assert wrong[1]["overlays"] == [{"sample": 0, "position": [0]}, {"sample": 0, "position": [1]}]
    assert "dX[1]" in convgrad("check", *LEDGER, "--dX", "[0, 0.02, 0.1]", "--all").stdout


def test_a_claim_of_a_wrong_shape_is_diagnosed() -> None:
    made = report(*LEDGER, "--dX", "[0, -0.03, 0.01, 0.1, 0]", code=1)
    assert made["verdict"] == "differs"
    assert made["diagnosis"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dW", "[1, x]"], ["expected a number", "'x'", "--dW:1:5: "]),
        (["--claim", "{dW: [1, x]}"], ["expected a number", "'x'", "--claim:1:10: "]),
        (["--claim", "{dw: [1, 2]}"], ["unknown key 'dw'", "did you mean `dW`?", "--claim:1:2: "]),
        (["--claim", "{schema: convgrad.backward/1, dW: [1, x]}"], ["'x'", "--claim:1:39: "]),
        (["--claim", "{schema: convgrad.backward/1, op: conv}"], ["--claim", "mapping"]),
        (["--claim", "{schema: convgrad.check/1, dW: [1, 2]}"], ["--claim:1:1: this is what `check` wrote"]),
        (["--claim", "{schema: mine/1, dW: [1, 2]}"], ["--claim:1:2: unknown key 'schema'"]),
        (["--claim", "{schema: [], dW: [1, 2]}"], ["--claim:1:2: unknown key 'schema'"]),
        (["--claim", "{conv1: {dW: [1, 2]}, out: {dX: [1]}}"], ["claims by layer", "single case"]),
        (["--claim", str(SAMPLES / "many.jsonl")], ["--claim takes one document, but", "many.jsonl has 5"]),
        (["--claim", "[9, 9]"], ["--claim", "mapping", "--dW"]),
        (["--claim", "{}"], ["--claim", "mapping"]),
        (["--claim-dtype", "float8"], ["float8"]),
        (["--sample", "0"], ["--sample", "at least 1"]),
        (["--seed", "-1"], ["--seed", "at least 0"]),
        (["--min-strength", "-1"], ["--min-strength", "at least 0"]),
        (["--dW", "nowhere.yaml"], ["no such file"]),
    ],
)
def test_a_bad_claim_is_a_bad_request(arguments: list[str], words: list[str]) -> None:
    assert_refused(convgrad("check", *LEDGER, *arguments), *words)


@pytest.mark.slow
def test_without_a_case_the_installation_is_verified(installation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convgrad.checking.installation.verify_installation", lambda every: installation)
    run = convgrad("check", "--every", "--format", "json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["verdict"] == "agrees"
    assert "agrees" in convgrad("check").stdout


@pytest.mark.parametrize(
    "arguments",
    [[str(SAMPLES / f"{name}.yaml")] for name in ("ledger", "max-pool-ties", "published-layer2", "strides")],
)
def test_a_report_validates_against_its_schema(arguments: list[str]) -> None:
    published = json.loads(convgrad("schema", "check").stdout)
    run = convgrad("check", *arguments, "--all", "--format", "json")
    jsonschema.validate(json.loads(run.stdout), published)


def test_many_cases_count_by_the_gravest() -> None:
    right = '{"input": [1, 2], "kernel": [1], "delta": [1, 1]}\n'
    wrong = '{"id": "w", "input": [1, 2], "kernel": [1], "delta": [1, 1], "claim": {"dW": [4]}}\n'
    run = convgrad("check", "-", "--format", "jsonl", stdin=right + wrong)
    assert [json.loads(line)["verdict"] for line in run.stdout.splitlines()] == ["agrees", "differs"]
    assert run.returncode == 1
    assert convgrad("check", "-", "--format", "jsonl", stdin=right + wrong + "{}\n").returncode == 2


def test_python_says_what_the_command_says() -> None:
    import convgrad as python

    case = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}
    made = python.check(case, claim={"dX": [-0.05, 0.07, 0.06]})
    assert made.verdict == "differs"
    found = json.loads(json.dumps(made.to_dict()["findings"][-1]))
    assert found == report(*LEDGER, "--dX", "[-0.05, 0.07, 0.06]", code=1)["findings"][-1]


def test_quiet_keeps_the_diagnosis_and_what_was_asked_for() -> None:
    run = convgrad("check", str(SAMPLES / "published-layer2.yaml"), "--quiet")
    assert run.stdout.startswith("dW:\n  it is, in all 4 entries, what comes out when delta is turned")
    assert run.stdout.endswith("\n\ndiffers\n")
    assert "finite differences" not in run.stdout
    opened = convgrad("backward", str(SAMPLES / "five-by-five.yaml"), "--only", "1,1", "--quiet").stdout
    assert opened.startswith("Overlay 6 of 16")
    first = convgrad("backward", *LEDGER, "--overlays", "1", "--quiet").stdout
    assert (" 1  [0]" in first, " 2  [1]" in first) == (True, False)
    none = convgrad("backward", *LEDGER, "--overlays", "none", "--quiet").stdout
    assert none == convgrad("backward", *LEDGER, "--quiet").stdout
