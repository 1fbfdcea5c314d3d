"""A Python function, called in a process of its own with arrays in memory of ours."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.errors import Point, Problem, RequestError
from convgrad.grading.answer import CRASHED, NO_ANSWER, SKIPPED, TIMED_OUT, WRONG_SHAPE, WRONG_TYPE, Answer
from convgrad.grading.child import Child, Gone, Late, ending
from convgrad.grading.layouts import OPERANDS, Layout
from convgrad.grading.settings import folded, lacking, resolved
from convgrad.grading.signatures import RESULTS, roles, tree
from convgrad.operations.geometry import shape_text
from convgrad.suites.encoding import decoded, encoded, type_of
from convgrad.suites.trial import Trial
from convgrad.vocabulary import INDICES

COURSES = {"stride", "padding", "window"}
"""The settings that courses have in a mapping, one whole number each."""
HEADER = 1 << 22
"""Bytes of a header: a traceback, or the names of some arrays."""


class Callable:
    """A function of `module:name` or `file.py:name`, whose process is started anew when it has died."""

    def __init__(self, target: str, *, dtype: str, layout: Layout, kind: str = "numpy", signature: str = "",
                 timeout: float = 10, start_timeout: float = 60) -> None:  # fmt: skip
        if dtype == "bfloat16" and kind == "numpy":
            raise RequestError(Problem("NumPy has no bfloat16", "say --as torch", place=Point("--dtype")))
        self.target, self.dtype, self.layout, self.kind, self.signature = target, dtype, layout, kind, signature
        self.timeout, self.start_timeout = timeout, start_timeout
        self.child: Child | None = None
        told = self._told()  # before there is a process that a wrong signature would leave behind
        self.taken = self._started()
        self.known = told if signature else {*self.taken["names"]}

    @property
    def allocates(self) -> bool:
        return "out" not in self.taken["names"]

    def _told(self) -> set[str]:
        """The settings that a signature has room for."""
        try:
            told = set(roles(tree(self.signature))) if self.signature else set[str]()
        except ValueError:
            advice = "names and brackets, as in 'dZ, (A_prev, W, b, hparameters)'"
            raise RequestError(Problem("this is no signature", advice, place=Point("--signature"))) from None
        settings = COURSES if "settings" in told else set[str]()
        return settings | ({INDICES, "output_size"} if INDICES in told else set())  # delta has the output's lengths

    def _started(self) -> dict[str, Any]:
        """Start the process; what parameters the function has."""
        command = [sys.executable, "-m", "convgrad.grading.worker", self.target, self.kind, self.signature]
        paths = [path for path in (os.environ.get("PYTHONPATH"), _home()) if path]
        self.child = Child(command, {**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
        try:
            ready = json.loads(self.child.line(monotonic() + self.start_timeout, HEADER))
        except Late:
            self._dead()
            self._refuse(f"was not imported in {self.start_timeout:g} s", "--start-timeout gives it more")
        except Gone:
            status, said = self.child.status(), self.child.said()
            self._dead()
            self._refuse(f"cannot be imported: {ending(status)}", said[-300:])
        if ready["type"] != "ready":
            self._dead()
            self._refuse(
                f"cannot be imported: {ready['message']}", "as in package.module:function, or file.py:function"
            )
        return dict(ready)

    def _refuse(self, message: str, advice: str) -> None:
        raise RequestError(Problem(message, advice, place=Point(self.target)))

    def _dead(self) -> None:
        child, self.child = self.child, None
        if child is not None:
            child.end()

    def end(self) -> None:
        self._dead()

    def refusal(self, trial: Trial) -> str | None:
        if self.layout.dims not in (None, trial.case.dims):
            return "layout"
        if self.taken["any"] and not self.signature:
            return None
        whole = COURSES if self.signature else self.taken["whole"]
        return lacking(trial.case, self.known, whole)

    # -- One call ------------------------------------------------------------------------------------------------------

    def run(self, trial: Trial, want: Sequence[str], poison: float) -> Answer:
        if self.child is None:
            self._started()
        assert self.child is not None
        self.child.begin()
        deadline = monotonic() + self.timeout
        try:
            self.child.write(self._request(trial, want, poison), deadline)
            header = json.loads(self.child.line(deadline, HEADER))
            parts = [self.child.exactly(part["bytes"], deadline) for part in header.get("arrays", ())]
        except Late:
            said = self.child.said()
            self._dead()
            return Answer(ended=TIMED_OUT, detail=f"no answer in {self.timeout:g} s", said=said)
        except Gone:
            told, said = self.child.last_words(self.child.status()), self.child.said()
            self._dead()
            return Answer(ended=CRASHED, detail=told, said=said)
        return self._answer(trial, want, header, parts).but(said=self.child.said() or header.get("trace", ""))

    def _request(self, trial: Trial, want: Sequence[str], poison: float) -> bytes:
        family = trial.case.operation.family
        arrays: list[tuple[str, str, tuple[int, ...], bytes]] = []
        for name, array in trial.operands.items():
            given, kind = self.layout.given(name, array, family), type_of(name, self.dtype)
            arrays.append((name, kind, given.shape, encoded(given, kind)))
        into = [] if self.allocates else list(want)
        for name in into:
            shape = self.layout.shape(name, trial.expected[name].shape, family)
            arrays.append((name, self.dtype, shape, encoded(np.full(shape, poison), self.dtype)))
        header = {
            "dtype": self.dtype, "settings": self._settings(trial), "want": list(want), "into": into,
            "results": _order(trial), "arrays": [
                {"name": name, "dtype": kind, "shape": list(shape), "bytes": len(data)}
                for name, kind, shape, data in arrays
            ],
        }  # fmt: skip
        return json.dumps(header).encode() + b"\n" + b"".join(data for *_, data in arrays)

    def _settings(self, trial: Trial) -> dict[str, Any]:
        settings = {name: folded(value) for name, value in resolved(trial.case).items()}
        if self.signature:
            return settings
        settings |= {"op": trial.case.operation.name, "dtype": self.dtype}
        absent = {*self.taken["required"]} & {*trial.case.operation.defaults} - settings.keys() - {INDICES}
        settings |= dict.fromkeys(absent)  # a divisor that there is not is None, where that is not the default
        return settings if self.taken["any"] else {name: settings[name] for name in self.known & settings.keys()}

    def _answer(self, trial: Trial, want: Sequence[str], header: Mapping[str, Any], parts: list[bytes]) -> Answer:
        if header["type"] == "skipped":
            return Answer(ended=SKIPPED, detail=header["reason"])
        if header["type"] == "error":
            return Answer(ended=CRASHED, detail=header["message"])
        arrays, faults = dict[str, Array](), dict[str, tuple[str, str]]()
        for about, data in zip(header["arrays"], parts, strict=True):
            name = about["name"]
            value = read(name, tuple(about["shape"]), about["dtype"], data, trial, self.layout, self.dtype)
            if isinstance(value, tuple):
                faults[name] = value
            else:
                arrays[name] = value
        for name in want:
            if name not in arrays and name not in faults:
                faults[name] = (NO_ANSWER, f"no {name} was returned")
        changed = [_short(name) for name in header["changed"]]
        outside = [name if name in want else _short(name) for name in header["outside"]]
        return Answer(arrays, "", "", faults, changed, outside, not self.allocates)


def read(
    name: str, shape: tuple[int, ...], dtype: str, data: bytes, trial: Trial, layout: Layout, asked: str
) -> Array | tuple[str, str]:
    """An array that came back in our order of axes and full shape, or what is wrong with it."""
    family = trial.case.operation.family
    full = trial.expected[name].shape
    needed = layout.shape(name, full, family)
    if dtype != asked:
        return WRONG_TYPE, f"{dtype}, but {asked} was asked for"
    if shape != needed and not (name == "db" and tuple(length for length in shape if length > 1) == _wide(needed)):
        return WRONG_SHAPE, f"{shape_text(shape)}, but must be {shape_text(needed)}"
    return layout.ours(name, decoded(data, needed, asked), family)


def _wide(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length > 1)


def _order(trial: Trial) -> list[str]:
    """The gradients in the order of x, w, b."""
    return [RESULTS[name] for name in trial.case.operation.operands]


def _short(name: str) -> str:
    return OPERANDS.get(name, name)


def _home() -> str:
    """Where the package is found, as it was by this process."""
    return str(Path(__file__).resolve().parents[2])
