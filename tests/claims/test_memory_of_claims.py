"""Claims on a large layer are judged in bounded memory: what is not a sum is worked out some samples at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convgrad.checking.judging import check
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import make_case
from tests.peak import PEAK

pytest.importorskip("resource", reason="the peak of a process's memory is only known on Unix")
pytestmark = pytest.mark.slow

MEASURE = """
import json
import numpy as np
from convgrad.checking.judging import check

def told(findings, diagnosis):
    verdicts.update({one.array: one.verdict for one in findings})
    named.extend(one.mistake for one in diagnosis)

folder, verdicts, named = sys.argv[1], {}, []
names = ("input", "kernel", "delta", *json.loads(sys.argv[2]))
arrays = {name: np.load(f"{folder}/{name}.npy") for name in names}
claim = {name.removeprefix("wrong_"): arrays.pop(name) for name in names[3:]}
before = peak()
check({**arrays, "padding": 1}, claim, answer=told)
print(json.dumps([peak() - before, verdicts, named]))
"""
SIDES = 96, 168
CONSTANT = 240 << 20
"""What some samples at a time, and the program itself, may take."""


def written(folder, side):
    """A layer of float32 numbers as files, with what it computes and a dX of which each row is another's."""
    random = np.random.default_rng(0)
    case = {name: random.standard_normal(shape).astype(np.float32) for name, shape in {
        "input": (16, 32, side, side), "kernel": (32, 32, 3, 3), "delta": (16, 32, side, side)}.items()}  # fmt: skip
    right = Gradients(make_case({**case, "padding": 1})).by_array
    arrays = case | {name: right[name].astype(np.float32) for name in ("dW", "dX", "output")}
    arrays["wrong_dX"] = np.flip(arrays["dX"], 2)
    arrays["wrong_dW"] = np.flip(arrays["dW"], (2, 3))
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array))
    return case["input"].nbytes


def measured(folder, *claims):
    command = [sys.executable, "-c", PEAK + MEASURE, str(folder), json.dumps(claims)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    """Two sizes: the folder of each, and the bytes of its input in float32."""
    folders = [tmp_path_factory.mktemp(f"side{side}") for side in SIDES]
    return [(folder, written(folder, side)) for folder, side in zip(folders, SIDES, strict=True)]


# Marks of entries are 5/4 of x in float32, and a float64 copy of any array of its shape 2: of input and delta, 4.
# A wrong dX needs the right one beside it, and one altered array at a time.
@pytest.mark.parametrize(
    ("claims", "times"),
    [(("dW", "dX"), 3), (("dW", "dX", "output"), 3), (("wrong_dW", "dX"), 3.5), (("dW", "wrong_dX"), 5)],
    ids=str,
)
def test_memory_beyond_the_arrays_given_does_not_hold_float64_copies_of_them(layers, claims, times):
    (small, _), (large, x) = layers
    least, verdicts, _ = measured(small, *claims)
    most, _, named = measured(large, *claims)
    wrong = {name.removeprefix("wrong_") for name in claims if name.startswith("wrong")}
    assert {name for name, verdict in verdicts.items() if verdict == "differs"} == wrong
    assert "kernel-rotated" in named or "wrong_dW" not in claims
    assert most <= CONSTANT + times * x, f"{most / 2**20:.0f} MB"
    assert most - least <= times * x * (1 - (SIDES[0] / SIDES[1]) ** 2), f"{(most - least) / x:.1f} times x"


def test_a_finding_of_a_large_claim_has_the_entries_that_are_worked_out_again(monkeypatch):
    """Those that are asked for are found in the samples that they lie in, as they are where all is kept."""
    random = np.random.default_rng(1)
    shapes = {"input": (5, 4, 12, 11), "kernel": (6, 4, 3, 3), "delta": (5, 6, 10, 9)}
    case = {name: random.standard_normal(shape) for name, shape in shapes.items()}
    claim = {"dX": Gradients(make_case(case)).by_array["dX"].astype(np.float32)}
    claim["dX"][[0, 3, 4], 1, 2, 2] += np.float32(0.5)
    claim["dX"][2, 0, 0, 0] = np.nan
    whole = check(case, claim, sample=1, all_entries=True)
    monkeypatch.setattr("convgrad.subject.samples.MOST", 1000)
    parts = check(case, claim, sample=1, all_entries=True)
    one, other = (next(f for f in report.findings if f.against == "claim") for report in (whole, parts))
    assert one.tallied is None
    assert other.tallied is not None
    assert other.wrong == one.wrong == 4
    entries = [[(e.index, e.correct) for e in finding.wrong_entries()] for finding in (one, other)]
    assert [e[0] for e in entries[0]] == [e[0] for e in entries[1]]
    np.testing.assert_allclose([e[1] for e in entries[0]], [e[1] for e in entries[1]], rtol=1e-12)
    assert one.worst.index == other.worst.index
    np.testing.assert_allclose(np.asarray(other.correct), one.correct, rtol=1e-12, atol=1e-14)
    assert (np.asarray(other.allowed) > 0).all()
    assert other.streamed(all_entries=True)["allowed"].shape == (5, 4, 12, 11)
