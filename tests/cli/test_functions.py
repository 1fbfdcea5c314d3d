"""A function in a Python file is run once on a case, and judged: check kernel.py:backward case.yaml."""

from __future__ import annotations

import sys

import pytest

from tests.program import SAMPLES, assert_refused, convgrad

CASE = str(SAMPLES / "strides.yaml")
KERNEL = '''
import numpy as np
from helper import windows
print("loading")

def right(delta, x, w, b, *, stride, padding, dilation, groups):
    assert (stride, padding, dilation, groups) == ((2,), ((0, 0),), (1,), 1)
    return {"db": delta.sum()}

def twice(delta, x, w, b):
    print("computing")
    delta *= 2
    return None, None, delta.sum()

def counted(delta, x, w, b, stride=1):
    assert type(stride) is int, stride
    return {"db": delta.sum()}

def everything(delta, x, w, b, **settings):
    return {"db": delta.sum() * ("stride" in settings and "groups" in settings)}

def broken(delta, x, w, b):
    return windows(x) @ np.zeros(7)

def stops(*arrays):
    raise SystemExit(0)

def nothing(*arrays):
    return None

def many(delta, x, w, b):
    return 1, 2, 3, 4

number = 3
'''  # fmt: skip
HELPER = "def windows(x):\n    return x\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "kernel.py").write_text(KERNEL)
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "line.json").write_text('{"input": [1, 2, 3, 4], "kernel": [1, 3], "delta": [1, 2], "stride": 2}')
    (tmp_path / "wrong.py").write_text("def f(:\n")
    (tmp_path / "fails.py").write_text("x = 1\ny = 1 / 0\n")
    return tmp_path


@pytest.mark.parametrize("name", ["counted", "everything", "right"])
def test_a_right_function_agrees(folder, name):
    done = convgrad("check", f"kernel.py:{name}", "line.json", cwd=folder)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "agrees")
    assert "the claimed db agrees with the gradient" in done.stdout
    assert "loading" not in done.stdout
    assert "loading" in done.stderr


def test_a_wrong_function_is_named_and_may_write_into_what_it_gets(folder):
    for arguments in (["kernel.py:twice", "line.json"], ["line.json", "--function", "kernel.py:twice"]):
        done = convgrad("check", *arguments, cwd=folder)
        assert done.returncode == 1
        assert "the claimed db differs" in done.stdout
        assert "computing" not in done.stdout


def test_what_it_returns_wins_over_the_claim_of_the_document(folder):
    (folder / "claimed.json").write_text('{"input": [1, 2], "kernel": [1], "delta": [1, 2], "claim": {"dX": [9, 9]}}')
    assert convgrad("check", "claimed.json", cwd=folder).returncode == 1
    assert convgrad("check", "kernel.py:counted", "claimed.json", cwd=folder).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["kernel.py:broken", "line.json"],
            ["kernel.py:23: ValueError: matmul", "called as broken(delta (2,), x (4,)"],
        ),
        (["kernel.py:stops", "line.json"], ["kernel.py:26: SystemExit: 0"]),
        (
            ["kernel.py:nothing", "line.json"],
            ["kernel.py:nothing: the function returned no gradient", "return (dX, dW"],
        ),
        (["kernel.py:many", "line.json"], ["returned 4 gradients, but conv has dX, dW, db"]),
        (["kernel.py:number", "line.json"], ["kernel.py: number is no function"]),
        (["kernel.py:rigth", "line.json"], ["kernel.py: there is no function 'rigth'", "did you mean right?"]),
        (["none.py:f", "line.json"], ["none.py: no such file"]),
        (["wrong.py:f", "line.json"], ["wrong.py:1: SyntaxError: invalid syntax", "while it was read"]),
        (["fails.py:f", "line.json"], ["fails.py:2: ZeroDivisionError: division by zero", "while it was read"]),
        (["line.json", "--function", "kernel"], ["--function: expected a file and a function in it, found 'kernel'"]),
        (["--function", "kernel.py:right"], ["no case is given"]),
        (["kernel.py:right", str(SAMPLES / "network-two-layers.yaml")], ["a network is no case for one function"]),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(folder, arguments, words):
    done = convgrad("check", *arguments, cwd=folder)
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (2, "")
    for word in words:
        assert word in done.stderr


def test_nothing_is_left_beside_a_file_that_is_run(folder, monkeypatch):
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    before = sorted(path.name for path in folder.iterdir())
    assert convgrad("check", "kernel.py:right", "line.json", cwd=folder).returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == before
    assert not sys.dont_write_bytecode


def test_nothing_is_run_from_a_document(folder):
    (folder / "evil.json").write_text('{"input": "kernel.py:right", "kernel": [1], "delta": "ones"}')
    assert_refused(convgrad("check", "evil.json", cwd=folder), "expected a number")
    assert "loading" not in convgrad("check", "evil.json", cwd=folder).stderr
