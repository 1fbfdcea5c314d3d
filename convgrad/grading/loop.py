"""One process that is asked case after case in lines of JSON, and answers in lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
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
    Answer,
    Stop,
)
from convgrad.grading.child import KEPT, Child, Gone, Late, ending
from convgrad.grading.exchanged import Folder, Read, read, sent
from convgrad.grading.layouts import Layout
from convgrad.grading.layouts import layout as read_layout
from convgrad.grading.settings import resolved
from convgrad.suites.encoding import type_of
from convgrad.suites.facts import Term, limit
from convgrad.suites.trial import Trial

PROTOCOL = 1
ANSWERS = ("result", "skipped", "error")
MOST_LINE = 1 << 28
"""Bytes of a line that is read; a longer one is no answer."""
LISTINGS = ("op", "dims", "dtype", "want", "layout", "arrays")
"""What an adapter can do, a list each."""
LISTS = ("list",)
"""How an adapter reads arrays that does not say."""
DEATHS = 3
"""Deaths in a row that end a run."""


class Loop:
    """An adapter that speaks JSON Lines; started anew when it has died or has not answered in time."""

    def __init__(self, words: Sequence[str], *, dtype: str, layout: Layout, timeout: float = 10,
                 start_timeout: float = 60) -> None:  # fmt: skip
        self.words, self.dtype, self.layout = tuple(words), dtype, layout
        self.timeout, self.start_timeout = timeout, start_timeout
        self.child: Child | None = None
        self.folder = Folder()
        self.posed = Posed()
        self.deaths, self.noise, self.answered = 0, "", ""
        self.can = self._started()
        try:
            if self.can.get("layout") and not layout.dims:
                self.layout = read_layout(",".join(map(str, self.can["layout"])))
            self.limits: list[Term] = limit(str(self.can.get("limit", "")))
        except RequestError as error:
            self._dead()
            raise error.at(Point(self.words[0])) from None

    @property
    def allocates(self) -> bool:
        return not self.can.get("buffers")

    def _started(self) -> dict[str, Any]:
        """Start the process; what it says that it can do."""
        from convgrad import __version__

        self.child = Child(self.words)
        deadline = monotonic() + self.start_timeout
        try:
            with suppress(Gone):  # what has ended may have said something before
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
        for name in LISTINGS:
            if not isinstance(can.get(name, []), list):
                self._refuse(f"says {can[name]!r} for the {name} that it can do", f'as in "{name}": […], a list')
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
        self.folder.end()

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
        self.folder.clear()
        self.deaths = self.deaths + 1 if self.child is None else 0
        if self.deaths >= DEATHS:
            raise Stop
        return answer

    def _asked(self, trial: Trial, want: Sequence[str], poison: float) -> Answer:
        if self.child is None:
            self._started()
        assert self.child is not None
        self.noise = ""
        if self._answered_twice() and self.answered == trial.id:
            return self._ended(MALFORMED, f"it answered {trial.id!r} twice")
        self.child.begin()
        before, self.answered = self.answered, trial.id
        deadline = monotonic() + self.timeout
        try:
            self.child.write(self._request(trial, want, poison), deadline)
            record = self._heard(ANSWERS, deadline, before if before != trial.id else "")
        except Late:
            return self._ended(TIMED_OUT, f"no answer in {self.timeout:g} s")
        except Gone:
            status = self.child.status()
            return self._ended(NO_ANSWER if status == 0 else CRASHED, self.child.last_words(status))
        if record.get("id") != trial.id:
            return self._ended(MALFORMED, f"it answered {record.get('id')!r}, but was asked {trial.id!r}")
        said = self.child.said() or str(record.get("trace", ""))
        return self._told(trial, want, record).but(said=said, noise=self.noise)

    def _ended(self, verdict: str, detail: str) -> Answer:
        """What ends a case, and the process with it."""
        assert self.child is not None
        said = self.child.said()
        self._dead()
        return Answer(ended=verdict, detail=detail, said=said, noise=self.noise)

    def _answered_twice(self) -> bool:
        """Whether there is another answer to what was asked last; what else there is, is noise."""
        assert self.child is not None
        twice = False
        for line in self.child.pending():
            record = _record(line)
            if record.get("type") in ANSWERS and record.get("id") == self.answered:
                twice = True
            self._keep(line)
        return twice

    def _told(self, trial: Trial, want: Sequence[str], record: Mapping[str, Any]) -> Answer:
        if record["type"] == "skipped":
            return Answer(ended=SKIPPED, detail=str(record.get("reason", "")))
        if record["type"] == "error":
            return Answer(ended=CRASHED, detail=str(record.get("message", "")))
        return self._answer(trial, want, record)

    def _send(self, record: Mapping[str, Any], deadline: float) -> None:
        assert self.child is not None
        self.child.write(_text(record).encode() + b"\n", deadline)

    def _heard(self, kinds: Sequence[str], deadline: float, before: str = "") -> dict[str, Any]:
        """The next line that is an answer, and not to the case before; the rest is noise, since libraries print."""
        assert self.child is not None
        while True:
            line = self.child.line(deadline, MOST_LINE)
            record = _record(line)
            if record.get("type") in kinds and not (before and record.get("id") == before):
                return record
            self._keep(line)

    def _keep(self, line: bytes) -> None:
        self.noise = (self.noise + line.decode("utf-8", "replace") + "\n")[:KEPT]

    def _request(self, trial: Trial, want: Sequence[str], poison: float) -> bytes:
        """The line that asks for a case, whose text is made once for all its runs."""
        kinds = self.can.get("arrays", LISTS)
        if "file" in kinds:  # which are written anew
            self.posed = Posed()
        fill = "NaN" if np.isnan(poison) else poison
        record = {"type": "run", "id": trial.id, "dtype": self.dtype, "want": list(want), "timeout": self.timeout}
        into = {} if self.allocates else {"into": {name: {"fill": fill} for name in want}}
        folder = {"folder": str(self.folder.made())} if "file" in kinds else {}
        head, case = _text({**record, **folder, **into}), self._case(trial, want, kinds)
        return f'{head[:-1]},"case":{case}}}\n'.encode()

    def _case(self, trial: Trial, want: Sequence[str], kinds: Sequence[str]) -> str:
        """A case as it is sent: settings, shapes, arrays."""
        posed, family, operands = self.posed, trial.case.operation.family, trial.operands
        if posed.settings is not trial.case.settings or posed.want != want:
            shapes = {name: array.shape for name, array in operands.items()}
            shapes |= {name: trial.expected[name].shape for name in want}
            given = {name: list(self.layout.shape(name, shape, family)) for name, shape in shapes.items()}
            head = _text({"op": trial.case.operation.name, **resolved(trial.case), "shapes": given})
            self.posed = posed = Posed(trial.case.settings, want, head)
        for name, array in operands.items():
            if posed.arrays.get(name) is not array:
                there = self.layout.given(name, array, family)
                posed.arrays[name] = array
                text = _text(sent(name, there, type_of(name, self.dtype), kinds, self.folder))
                posed.texts[name] = f'"{name}":{text}'
        return f"{posed.head[:-1]},{','.join(posed.texts[name] for name in operands)}}}"

    def _answer(self, trial: Trial, want: Sequence[str], record: Mapping[str, Any]) -> Answer:
        arrays, faults = dict[str, Array](), dict[str, tuple[str, str]]()
        family = trial.case.operation.family
        for name in want:
            shape = self.layout.shape(name, trial.expected[name].shape, family)
            value: Read = NO_ANSWER, f"no {name} in the answer"
            if name in record:
                value = read(record[name], shape, self.dtype, self.folder)
            if isinstance(value, tuple):
                faults[name] = value
            else:
                arrays[name] = self.layout.ours(name, value, family)
        return Answer(arrays, "", "", faults, (), (), not self.allocates)


@dataclass
class Posed:
    """What was asked last in text, which is written once for all runs of a case: its settings and its arrays."""

    settings: Mapping[str, Any] | None = None
    want: Sequence[str] = ()
    head: str = ""
    arrays: dict[str, Array] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _record(line: bytes) -> dict[str, Any]:
    """A line as the mapping that it is, or as an empty one."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
