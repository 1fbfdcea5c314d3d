"""Implementations spoilt blindly: one piece of one of them exchanged, whatever it is, as a seed draws it."""

from __future__ import annotations

import ast
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests import definitions
from tests.court import drawn
from tests.mutants.changes import Change, changes
from tests.mutants.mutant import Module, Mutant

FOLDER = Path(__file__).parent / "implementations"
LEFT_OUT = ("strided_rotate",)
"""`as_strided` reads, and writes, whatever lies in memory: what comes out is not the same twice."""
DECIMALS = 6
NEAR = 1e-6
"""The part of an array's largest entry by which one may be off and yet be right."""
SECONDS = 4
"""That a spoilt implementation may run: some never end."""
TRIES = 8
"""Cases of one geometry that are drawn until both show the change."""

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Spoilt:
    """A change, and what the implementation gives with it on two cases of one geometry; `wrong` are arrays by name."""

    implementation: str
    change: Mutant
    cases: tuple[dict[str, Any], dict[str, Any]]
    claims: tuple[Arrays, Arrays]
    wrong: frozenset[str]

    @property
    def name(self) -> str:
        return str(self.change)


def spoilt(seed: int, count: int) -> Iterator[Spoilt]:
    """So many of them, each of another change."""
    draw, found, seen = Random(seed), 0, set()
    files = sorted(path for path in FOLDER.glob("*.py") if path.stem not in LEFT_OUT)
    every = {path: list(_mutants(path)) for path in files}
    while found < count:
        path = draw.choice(files)
        change = draw.choice(every[path])
        if (path, change) not in seen:
            seen.add((path, change))
            if (one := _tried(path, change, draw.randrange(2**31))) is not None:
                found += 1
                yield one


def _mutants(path: Path) -> Iterator[Mutant]:
    """Every change of what runs: also of a name for one that is made beside it."""
    source = path.read_bytes()
    tree, module = ast.parse(source), Module(path.stem, source)
    body = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for function in body:
        for node, text in (*changes(function), *_names(function)):
            if not isinstance(node, ast.Return) and node is not function:
                yield module.mutant(node, text, {}, {})


def _names(function: ast.FunctionDef) -> Iterator[Change]:
    """A name for another of the same tuple, as H for W, and the variable of one loop for another's."""
    groups = [
        [part.id for part in node.elts if isinstance(part, ast.Name)]
        for node in ast.walk(function) if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Store)
    ]  # fmt: skip
    loops = [
        node.target.id for node in ast.walk(function) if isinstance(node, ast.For) and isinstance(node.target, ast.Name)
    ]
    pairs = {pair for group in (*groups, loops) for pair in permutations(dict.fromkeys(group), 2)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield from ((node, other) for name, other in sorted(pairs) if name == node.id)


def _tried(path: Path, change: Mutant, seed: int) -> Spoilt | None:
    """The change on two cases that show it; None where it does not run, or shows in neither."""
    source, draw = path.read_bytes(), np.random.default_rng(seed)
    right = loaded(source)
    geometry = drawn.geometry(right["SUPPORTS"], draw)
    shown: list[tuple[dict[str, Any], Arrays, frozenset[str]]] = []
    for _ in range(TRIES):
        case = drawn.case(geometry, draw)
        truth = {name: array.astype(float) for name, array in definitions.backward(case, float).items()}
        claim = _result(change.applied(source), case)
        if claim is None:
            return None
        claim = {name: array for name, array in claim.items() if name in truth}
        wrong = frozenset(name for name, array in claim.items() if differs(array, truth[name]))
        if wrong and (not shown or wrong == shown[0][2]):
            shown.append((case, claim, wrong))
        if len(shown) == 2:
            (first, claim, wrong), (second, again, _) = shown
            return Spoilt(path.stem, change, (first, second), (claim, again), wrong)
    return None


def loaded(source: bytes) -> dict[str, Any]:
    """The names of an implementation."""
    names: dict[str, Any] = {}
    exec(compile(source, "implementation", "exec"), names)
    return names


def _result(source: bytes, case: dict[str, Any]) -> Arrays | None:
    """What comes out, printed to some decimals; None of what stops, or never does, or gives no arrays."""
    try:
        with _limited(), np.errstate(all="ignore"):
            made = loaded(source)["run"](case)
        return {name: np.round(np.array(array, float), DECIMALS) for name, array in made.items()}
    except Exception:
        return None


@contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def differs(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays differ by more than their decimals, or in shape."""
    if one.shape != other.shape:
        return True
    with np.errstate(invalid="ignore"):
        close = abs(one - other) <= NEAR * max(abs(other).max(initial=0), 1)
    return not bool((close | (one == other) | (np.isnan(one) & np.isnan(other))).all())
