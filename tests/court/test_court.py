"""What the court brings is what it says, and of the kinds that are settled nobody is accused and nobody acquitted.

A kind of which somebody is accused, acquitted or named wrongly, in the fast part already, would be listed here, each
in a line that begins with `* `; there is none. `python -m tests.court` says who, and COUNTS.md counts the slips.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests import definitions
from tests.court import generalised, innocent, writers
from tests.court.__main__ import main
from tests.court.brought import Brought
from tests.court.cases import Trial, trials
from tests.court.docket import MUTANTS, PARTS, brought, drawn
from tests.court.generalised import spoilt_and_judged
from tests.court.guilty import CRIMES, guilty
from tests.court.innocent import innocents
from tests.court.judged import BAD, judged
from tests.court.peer import torch
from tests.court.rounding import bfloat16, tf32
from tests.court.slips import SETS, slips
from tests.court.spoilt import differs, spoilt
from tests.court.sums import by_tensordot, layer, one_after_another, pairwise, split_by_samples
from tests.court.table import said
from tests.court.transforms import by_fft, by_winograd, has_winograd

FOLDER = Path(__file__).parent
CONVOLUTIONS = [trial for trial in trials(0, ("small",)) if trial.is_conv and trial.data == "normal"]


# -- What is brought ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trial", CONVOLUTIONS, ids=lambda trial: trial.name)
def test_every_way_of_adding_gives_the_gradient(trial: Trial) -> None:
    one, right = layer(trial.case), definitions.backward(trial.case, float)
    ways = [by_tensordot, one_after_another, pairwise, by_fft, lambda one: split_by_samples(one, lambda array: array)]
    if has_winograd(one):
        ways += [lambda one: by_winograd(one, 2), lambda one: by_winograd(one, 4)]
    for way in ways:
        for name, array in way(one).items():
            np.testing.assert_allclose(array, right[name].astype(float), rtol=1e-11, atol=1e-12)


def test_bfloat16_has_eight_bits_and_tf32_eleven_and_ties_go_to_even() -> None:
    steps = np.array([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -3.0])
    assert bfloat16(steps).tolist() == [1, 1 + 2**-6, 1 + 2**-7, -3]
    assert tf32(np.array([1 + 2**-11, 1 + 3 * 2**-11])).tolist() == [1, 1 + 2**-9]


@pytest.mark.oracle
@pytest.mark.skipif(torch is None, reason="needs torch: pip install 'convgrad[oracle]'")
@pytest.mark.parametrize("values", [[0.5, -123.25, 7], [1e-5, 1], [1, 2, 3000], [1, 20], [0.1, 0.0, 200], [0, 0]])
def test_the_print_is_pytorch_s_own(values: list[float]) -> None:
    array = np.array(values, np.float32)
    shown = str(torch.tensor(array)).removeprefix("tensor([").removesuffix("])").split(",")
    assert writers.by_torch(array) == [token.strip().removesuffix(".") for token in shown]


def test_a_document_says_the_numbers_that_it_was_made_of() -> None:
    case = {"op": "conv", "stride": [2, 1], "input": np.array([[0.12345, 2.0], [1e-7, -3.5]])}
    written = json.loads(writers.document(case, {"dW": np.array(0.25)}, writers.to_decimals(3), printed=True))
    assert written == {
        "op": "conv", "stride": [2, 1], "input": [[0.123, 2], [0, -3.5]], "printed": True, "claim": {"dW": 0.25},
    }  # fmt: skip
    assert writers.by_numpy(np.array([1.0, 234.5])) == ["1", "234.5"]
    assert writers.to_digits(4)(np.array([1234567.0, 0.1])) == ["1.235e+06", "0.1"]


def test_there_are_some_three_hundred_arrays() -> None:
    assert 200 <= sum(3 if trial.is_conv else 1 for trial in drawn(0)) <= 350


def test_every_crime_is_committed() -> None:
    kinds = {claim.kind for trial in drawn(0, fast=True) for claim in guilty(trial, 0)}
    assert kinds == set(CRIMES)


def test_sums_that_lost_a_hundredth_are_not_brought_as_right() -> None:
    right = np.array([1.0, 2.0, -3.0])
    assert innocent.keeps(right * 0.995, right)
    assert not innocent.keeps(right * 0.98, right)
    assert not innocent.keeps(right * np.nan, right)


# -- Slips -------------------------------------------------------------------------------------------------------------


def loaded(text: str) -> ModuleType:
    module = ModuleType("implementation")
    exec(compile(text, "implementation", "exec"), module.__dict__)
    return module


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", ["first", "second"])
def test_an_implementation_is_right_and_spoilt_it_gives_the_claim(name: str) -> None:
    for row in rows(name)[::30]:
        text = (FOLDER / "implementations" / f"{row['implementation']}.py").read_text(encoding="utf-8")
        old, new = row["edit"].split(" -> ")
        assert text.count(old) == 1
        with np.errstate(invalid="ignore"):
            right, wrong = loaded(text).run(row), loaded(text.replace(old, new)).run(row)
        for array, claim in row["claim"].items():
            np.testing.assert_allclose(np.asarray(wrong[array], float), np.array(claim).reshape(wrong[array].shape))
            exact = definitions.backward(row, float)[array].astype(float)
            np.testing.assert_allclose(right[array], exact, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["first", "second"])
def test_every_wrong_array_has_the_names_that_are_right(name: str) -> None:
    named = json.loads((FOLDER / "right_names.json").read_text(encoding="utf-8"))
    assert {row["id"]: row["wrong"] for row in rows(name)} == {
        key: list(arrays) for key, arrays in named.items() if key.startswith(name)
    }


def test_of_the_slips_that_people_reported_forty_five_arrays_are_wrong() -> None:
    assert sum(len(slip.wrong) for slip in slips("slips")) == 45
    assert [len(rows(name)) for name in SETS] == [100, 100, 33, 87]


# -- What is said ------------------------------------------------------------------------------------------------------

OPEN = {line[2:] for line in (__doc__ or "").splitlines() if line.startswith("* ")}


def unjust(claims: Iterator[Brought]) -> list[str]:
    """What may never be, of the kinds that are settled."""
    settled = (claim for claim in claims if claim.kind not in OPEN)
    judgements = (judgement for claim in settled for judgement in judged(claim))
    return [f"{one.kind}: {one.outcome}: {said(one)}" for one in judgements if one.outcome in BAD]


@pytest.mark.parametrize("trial", list(drawn(0, fast=True)), ids=lambda trial: trial.name)
def test_no_right_claim_is_accused(trial: Trial) -> None:
    assert unjust(innocents(trial)) == []


@pytest.mark.parametrize("trial", list(drawn(0, fast=True)), ids=lambda trial: trial.name)
def test_no_wrong_claim_is_acquitted_or_named_wrongly(trial: Trial) -> None:
    assert unjust(guilty(trial, 0)) == []


def test_a_blindly_spoilt_implementation_runs_gives_something_else_and_comes_again_by_its_seed():
    first, *others = spoilt(7, 3)
    assert str(first.change) == str(next(iter(spoilt(7, 1))).change)
    for one in (first, *others):
        assert one.wrong
        for case, claim in zip(one.cases, one.claims, strict=True):
            right = definitions.backward(case, float)
            assert one.wrong == {name for name in claim if differs(claim[name], right[name].astype(float))}
        assert one.cases[0]["input"] != one.cases[1]["input"]
        assert np.shape(one.cases[0]["input"]) == np.shape(one.cases[1]["input"])


def test_a_name_is_right_that_holds_on_other_numbers_and_misleads_that_does_not():
    """dX moved by a cell on both cases is named rightly; moved on the first, and turned on the second, it is not."""
    (one,) = spoilt(7, 1)
    random = np.random.default_rng(0)
    cases = tuple(
        {"op": "conv", "dims": 1, **{name: random.integers(-9, 10, shape).tolist() for name, shape in
         (("input", (1, 1, 9)), ("kernel", (1, 1, 3)), ("delta", (1, 1, 7)))}} for _ in range(2)
    )  # fmt: skip
    turned, negative = (
        [{"dX": change(definitions.backward(case, float)["dX"].astype(float))} for case in cases]
        for change in (lambda dx: dx[..., ::-1], np.negative)
    )
    spoilings = {"rightly": turned, "wrongly": [turned[0], negative[1]]}
    for word, claims in spoilings.items():
        made = replace(one, cases=cases, claims=tuple(claims), wrong=frozenset({"dX"}))
        assert [each.outcome for each in generalised.of(made)] == [f"named {word}"]


def test_of_mutants_none_misleads_and_none_is_acquitted():
    assert [said(one) for one in spoilt_and_judged(11, 4) if one.outcome in BAD] == []


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_the_court_prints_a_table_or_a_judgement_a_line(monkeypatch, capsys, words) -> None:
    monkeypatch.setattr(sys, "argv", ["court", "first", "--fast", "--only", "first-002", *words])
    main()
    shown = capsys.readouterr().out
    if not words:
        assert "arrays" in shown
        return
    lines = [json.loads(line) for line in shown.splitlines()]
    assert {line["name"] for line in lines} == {"first-002"}
    assert {line["array"] for line in lines if line["right"]} == {"dW"}


def test_what_is_open_is_a_kind_that_is_brought() -> None:
    brought_now = {claim.kind for trial in drawn(0, fast=True) for claim in (*innocents(trial), *guilty(trial, 0))}
    assert {kind for kind in OPEN if torch or not kind.startswith("PyTorch")} <= brought_now


def test_the_readme_counts_as_the_counts_do() -> None:
    readme = " ".join((FOLDER.parents[1] / "README.md").read_text(encoding="utf-8").split())
    counts = (FOLDER / "COUNTS.md").read_text(encoding="utf-8")
    rows = {line.split(" | ")[0]: [cell.strip() for cell in line.split("|")] for line in counts.splitlines()}
    right, wrong = rows["| right"], rows["| wrong"]
    agreed = int(counts.split(" of the wrong claims' arrays are right")[0].split()[-1])
    assert sum(map(int, wrong[4:6] + wrong[6:9])) == int(wrong[2]) - agreed
    said = (
        f"of {right[2]} right arrays {right[3]} are accused, {right[5]} undecided, "
        f"of {int(wrong[2]) - agreed} wrong ones {wrong[4]} acquitted and {wrong[7]} named wrongly"
    )
    assert said in readme


def test_every_part_brings_something() -> None:
    for part in PARTS:
        assert part == MUTANTS or next(brought(part, 0, fast=True)).kind
    assert import_module("tests.court").__doc__
