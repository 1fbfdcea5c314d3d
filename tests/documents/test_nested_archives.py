"""An archive whose names are paths is a document for each first word: what `watch` saved, or anybody else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.program import assert_refused, convgrad

X, W = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([[1.0, -1]])
MEMBERS = {
    "one/input": X, "one/kernel": W, "one/delta": "ones", "one/stride": [1, 1], "one/claim/db": 4.0,
    "relu/layers/0/op": "relu", "relu/layers/0/name": "r", "relu/input": X - 3, "relu/delta": X,
    "relu/claim/r/dX": np.where(X > 3, X, 0.0),
    "pool/op": "max-pool", "pool/window": 2, "pool/ceil_mode": True, "pool/input": X, "pool/delta": "ones",
}  # fmt: skip


def saved(folder, **others):
    np.savez(folder / "run.npz", **{**MEMBERS, **others})


def test_every_first_word_is_a_document(tmp_path):
    saved(tmp_path)
    done = convgrad("check", "run.npz", "--format", "jsonl", cwd=tmp_path)
    lines = list(map(json.loads, done.stdout.splitlines()))
    assert done.returncode == 0
    assert [line["verdict"] for line in lines] == ["agrees"] * 3
    assert [line["schema"] for line in lines] == [
        "convgrad.check/1", "convgrad.network-check/1", "convgrad.check/1",
    ]  # fmt: skip
    assert lines[2]["settings"]["ceil_mode"] is True


def test_one_member_of_it_is_still_an_array(tmp_path):
    saved(tmp_path)
    done = convgrad("forward", "--input", "run.npz:one/input", "--kernel", "[[1]]", "--format", "json", cwd=tmp_path)
    assert json.loads(done.stdout)["output"] == X.tolist()


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"one/input": X * np.nan}, ["run.npz:one/input[0,0]: expected a finite number"]),
        ({"one/strid": [1, 1]}, ["run.npz:one/strid: unknown key 'strid': did you mean `stride`?"]),
        ({"one/claim/dW": [np.inf, 1.0]}, []),
        ({"relu/layers/0/op": "rely"}, ["run.npz:relu/layers/0/op: unknown operation 'rely'"]),
    ],
)
def test_what_is_wrong_is_told_by_its_path(tmp_path, others, words):
    saved(tmp_path, **others)
    done = convgrad("check", "run.npz", cwd=tmp_path)
    assert done.returncode in (1, 2)
    for word in words:
        assert word in done.stdout + done.stderr


@pytest.mark.parametrize("names", [("one/a", "one/a/b"), ("one/a/b", "one/a")])
def test_names_that_begin_alike_are_refused(tmp_path, names):
    np.savez(tmp_path / "run.npz", **dict.fromkeys(names, X))
    done = convgrad("check", "run.npz", cwd=tmp_path)
    assert_refused(done, f"run.npz: '{names[1]}' is in the archive beside", "rename it")


@pytest.mark.parametrize("names", [("a/",), ("/a", "//"), ("a/layers/x", "b/layers"), ("a/layers/0/op/1", "a/input")])
def test_strange_names_are_refused_in_words(tmp_path, names):
    np.savez(tmp_path / "run.npz", **dict.fromkeys(names, X))
    done = convgrad("check", "run.npz", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
