"""One process that is asked case after case in lines of JSON, and answers in lines of JSON."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.errors import Point, Problem, RequestError
from convgrad.grading.answer import (
    CRASHED,
    MALFORMED,
    NO_ANSWER,
    SKIPPED,
    TIMED_OUT,
    WRONG_SHAPE,
    WRONG_TYPE,
    Answer,
    Stop,
)
from convgrad.grading.child import KEPT, Child, Gone, Late, ending
from convgrad.grading.layouts import Layout
from convgrad.grading.layouts import layout as read_layout
from convgrad.grading.settings import resolved
from convgrad.operations.geometry import shape_text
from convgrad.suites.encoding import SIZES, decoded, encoded, type_of
from convgrad.suites.facts import Term, limit
from convgrad.suites.trial import Trial

PROTOCOL = 1
ANSWERS = ("result", "skipped", "error")
MOST_LINE = 1 << 28
"""Bytes of a line that is read; a longer one is no answer."""
LISTED = 10_000
"""Numbers up to which an array is sent as nested lists; a larger one as base64."""
DEATHS = 3
"""Deaths in a row that end a run."""


class Loop:
    """An adapter that speaks JSON Lines; started anew when it has died or has not answered in time."""

    def __init__(self, words: Sequence[str], *, dtype: str, layout: Layout, timeout: float = 10,
                 start_timeout: float = 60) -> None:  # fmt: skip
        self.words, self.dtype, self.layout = tuple(words), dtype, layout
        self.timeout, self.start_timeout = timeout, start_timeout
        self.child: Child | None = None
        self.deaths, self.noise = 0, ""
        self.can = self._started()
        if self.can.get("layout") and not layout.dims:
            self.layout = read_layout(",".join(map(str, self.can["layout"])))
        self.limits: list[Term] = limit(str(self.can.get("limit", "")))

    @property
    def allocates(self) -> bool:
        return not self.can.get("buffers")

    def _started(self) -> dict[str, Any]:
        """Start the process; what it says that it can do."""
        from convgrad import __version__

        self.child = Child(self.words)
        deadline = monotonic() + self.start_timeout
        try:
            self._send({"type": "start", "protocol": PROTOCOL, "convgrad": __version__}, deadline)
            ready = self._heard(("ready",), deadline)
        except Late:
            self._refuse(f"said nothing in {self.start_timeout:g} s")
        except Gone:
            status, said = self.child.status(), self.child.said()
            self._refuse(f"ended before it was ready: {ending(status)}", said[-300:])
        if ready.get("protocol") != PROTOCOL:
            self._refuse(f"speaks protocol {ready.get('protocol')!r}, but this is {PROTOCOL}")
        can = ready.get("can", {})
        if not isinstance(can, dict):
            self._refuse("says no mapping of what it can do", 'as in "can": {"op": ["conv"], "dims": [2]}')
        return dict(can)

    def _refuse(self, message: str, advice: str = 'answer {"type": "ready", "protocol": 1}, and flush') -> None:
        self._dead()
        raise RequestError(Problem(message, advice, place=Point(self.words[0])))

    def _dead(self) -> None:
        child, self.child = self.child, None
        if child is not None:
            child.end()

    def end(self) -> None:
        """Ask it to stop, and make it."""
        if self.child is not None:
            try:
                self._send({"type": "stop"}, monotonic() + 1)
                self.child.status(1)
            except (Late, Gone):
                pass
        self._dead()

    def refusal(self, trial: Trial) -> str | None:
        case = trial.case
        asked = {"op": case.operation.name, "dims": case.dims, "dtype": self.dtype}
        for name, value in asked.items():
            if name in self.can and value not in self.can[name]:
                return name
        if self.layout.dims not in (None, case.dims):
            return "layout"
        return next((term.name for term in self.limits if not term.holds(trial.facts)), None)

    # -- One case ------------------------------------------------------------------------------------------------------

    def run(self, trial: Trial, want: Sequence[str], poison: float) -> Answer:
        if "want" in self.can:
            want = [name for name in want if name in self.can["want"]]
        answer = self._asked(trial, want, poison)
        self.deaths = self.deaths + 1 if self.child is None else 0
        if self.deaths >= DEATHS:
            raise Stop
        return answer

    def _asked(self, trial: Trial, want: Sequence[str], poison: float) -> Answer:
        if self.child is None:
            self._started()
        assert self.child is not None
        self.child.begin()
        self.noise = ""
        deadline = monotonic() + self.timeout
        try:
            self._send(self._request(trial, want, poison), deadline)
            record = self._heard(ANSWERS, deadline)
        except Late:
            self._dead()
            return Answer(ended=TIMED_OUT, detail=f"no answer in {self.timeout:g} s")
        except Gone:
            status = self.child.status()
            told = self.child.last_words(status)
            self._dead()
            return Answer(ended=NO_ANSWER if status == 0 else CRASHED, detail=told)
        if record.get("id") != trial.id:
            self._dead()
            return Answer(ended=MALFORMED, detail=f"it answered {record.get('id')!r}, but was asked {trial.id!r}")
        if record["type"] == "skipped":
            return Answer(ended=SKIPPED, detail=str(record.get("reason", "")))
        if record["type"] == "error":
            return Answer(ended=CRASHED, detail=str(record.get("message", "")))
        return self._answer(trial, want, record)

    def _send(self, record: Mapping[str, Any], deadline: float) -> None:
        assert self.child is not None
        self.child.write(json.dumps(record, separators=(",", ":")).encode() + b"\n", deadline)

    def _heard(self, kinds: Sequence[str], deadline: float) -> dict[str, Any]:
        """The next line that is an answer; any other is noise, since libraries print."""
        assert self.child is not None
        while True:
            line = self.child.line(deadline, MOST_LINE)
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if isinstance(record, dict) and record.get("type") in kinds:
                return record
            self.noise = (self.noise + line.decode("utf-8", "replace") + "\n")[:KEPT]

    def _request(self, trial: Trial, want: Sequence[str], poison: float) -> dict[str, Any]:
        family = trial.case.operation.family
        given = {name: self.layout.given(name, array, family) for name, array in trial.operands.items()}
        shapes = {name: list(array.shape) for name, array in given.items()}
        shapes |= {name: list(self.layout.shape(name, trial.expected[name].shape, family)) for name in want}
        case = {"op": trial.case.operation.name, **resolved(trial.case), "shapes": shapes}
        case |= {name: self._sent(array, type_of(name, self.dtype)) for name, array in given.items()}
        fill = "NaN" if np.isnan(poison) else poison
        record = {"type": "run", "id": trial.id, "dtype": self.dtype, "want": list(want), "timeout": self.timeout}
        into = {} if self.allocates else {"into": {name: {"fill": fill} for name in want}}
        return {**record, "case": case, **into}

    def _sent(self, array: Array, dtype: str) -> Any:
        if array.size <= LISTED or "base64" not in self.can.get("arrays", ()):
            return array.tolist()
        data = base64.b64encode(encoded(array, dtype)).decode()
        return {"dtype": dtype, "shape": list(array.shape), "base64": data}

    def _answer(self, trial: Trial, want: Sequence[str], record: Mapping[str, Any]) -> Answer:
        arrays, faults = dict[str, Array](), dict[str, tuple[str, str]]()
        family = trial.case.operation.family
        for name in want:
            shape = self.layout.shape(name, trial.expected[name].shape, family)
            value = (
                _read(record[name], shape, self.dtype) if name in record else (NO_ANSWER, f"no {name} in the answer")
            )
            if isinstance(value, tuple):
                faults[name] = value
            else:
                arrays[name] = self.layout.ours(name, value, family)
        return Answer(arrays, "", "", faults, (), (), not self.allocates)


NONFINITE = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def _read(value: Any, shape: tuple[int, ...], dtype: str) -> Array | tuple[str, str]:
    """An array as it stands in an answer, or what is wrong with it."""
    if isinstance(value, dict):
        return _read_base64(value, shape, dtype)
    try:
        array = np.array(_numbers(value), np.float64)
    except (TypeError, ValueError, OverflowError):
        return MALFORMED, "no nested lists of numbers, all of one length"
    if array.shape != shape:
        return WRONG_SHAPE, f"{shape_text(array.shape)}, but must be {shape_text(shape)}"
    return array


def _numbers(value: Any) -> Any:
    """Nested lists with the words for what JSON has no numbers for; null is NaN, as JavaScript writes it."""
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    if isinstance(value, str):
        return NONFINITE[value] if value in NONFINITE else float("x")
    if value is None:
        return np.nan
    if isinstance(value, bool):
        raise TypeError
    return value


def _read_base64(value: Mapping[str, Any], shape: tuple[int, ...], dtype: str) -> Array | tuple[str, str]:
    if value.get("dtype") != dtype:
        return WRONG_TYPE, f"{value.get('dtype')}, but {dtype} was asked for"
    if list(value.get("shape", ())) != list(shape):
        return WRONG_SHAPE, f"{value.get('shape')}, but must be {list(shape)}"
    try:
        data = base64.b64decode(str(value.get("base64")), validate=True)
    except binascii.Error:
        return MALFORMED, "its base64 cannot be read"
    if len(data) != SIZES[dtype] * int(np.prod(shape)):
        return MALFORMED, f"{len(data)} bytes, which do not make the shape"
    return decoded(data, shape, dtype)
