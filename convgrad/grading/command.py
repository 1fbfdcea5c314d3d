"""A command for every case, with files: settings as JSON and as lines, arrays as bytes, results written in place."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.documents import json_text
from convgrad.errors import Point, Problem, RequestError
from convgrad.grading.answer import CRASHED, OUT_OF_BOUNDS, SKIPPED, TIMED_OUT, Answer, Stop
from convgrad.grading.child import Child, Late
from convgrad.grading.layouts import OPERANDS, Layout
from convgrad.grading.settings import resolved
from convgrad.suites.encoding import decoded, encoded, size, type_of
from convgrad.suites.facts import WORDS
from convgrad.suites.trial import Trial

SKIPS = 3
"""The exit status of a command that does not do a case."""
PLACE = re.compile(r"\{([\w.]+)\}")
FILES = ("input", "kernel", "bias", "delta", "indices", "dX", "dW", "db", "output")


class Command:
    """A command line, whose words may hold {dir}, {input}, {dX}, {N}, {stride.0} and the like; there is no shell.

    Of padding that holds other than zeros it is asked where `any_padding` says so.
    """

    allocates = False

    def __init__(
        self, words: Sequence[str], *, dtype: str, layout: Layout, timeout: float = 10, any_padding: bool = False
    ) -> None:
        self.any_padding = any_padding
        self.words, self.dtype, self.layout, self.timeout = tuple(words), dtype, layout, timeout
        self.running: set[Child] = set()
        self.is_over = False
        places = {place for word in words for place in PLACE.findall(word)}
        if not places & {"dir", *FILES}:
            advice = "write {dir} where the folder of a case goes, as in ./kernel {dir}; or --loop for one process"
            raise RequestError(Problem("no word says where the files of a case are", advice, place=Point(words[0])))
        if shutil.which(words[0]) is None:
            raise RequestError(Problem("there is no such program, or it cannot be run", place=Point(words[0])))

    def refusal(self, trial: Trial) -> str | None:
        if self.layout.dims not in (None, trial.case.dims):
            return "layout"
        padded = trial.case.settings.get("padding_mode", "zeros") != "zeros"
        return "padding_mode" if padded and not self.any_padding else None

    def end(self) -> None:
        """End what other threads run, and start no more."""
        self.is_over = True
        for child in list(self.running):
            child.kill()

    def run(self, trial: Trial, want: Sequence[str], poison: float) -> Answer:
        folder = Path(tempfile.mkdtemp(prefix="convgrad-"))  # of mode 700
        try:
            return self._in(folder, trial, want, poison)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _in(self, folder: Path, trial: Trial, want: Sequence[str], poison: float) -> Answer:
        inputs, outputs = files_of(trial, want, poison, self.dtype, self.layout)
        for name, data in (inputs | outputs).items():
            (folder / f"{name}.bin").write_bytes(data)
        lines = lines_of(trial, want, self.dtype)
        (folder / "case.json").write_text(json_text(record_of(trial, want, self.dtype, self.layout)) + "\n")
        (folder / "case.txt").write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        if self.is_over:
            raise Stop
        child = Child(self._words(folder, lines), talks=False)
        self.running.add(child)
        if self.is_over:  # which it has become while this one was being started
            child.kill()
        try:
            status = child.wait(monotonic() + self.timeout)
            ended_so = child.last_words(status)
        except Late:
            return Answer(
                ended=TIMED_OUT, detail=f"no end in {self.timeout:g} s", said=child.said(), noise=child.told()
            )
        finally:
            self.running.discard(child)
            child.end()
        said, noise = child.said(), child.told()
        if status == SKIPS:
            return Answer(ended=SKIPPED, detail=(said.splitlines() or [ended_so])[-1])
        if status:
            return Answer(ended=CRASHED, detail=ended_so, said=said, noise=noise)
        return self._answer(folder, trial, inputs, outputs).but(said=said, noise=noise)

    def _words(self, folder: Path, lines: Mapping[str, Any]) -> list[str]:
        known = {**lines, "dir": folder, **{name: folder / f"{name}.bin" for name in FILES}}
        return [PLACE.sub(lambda found: str(known.get(found[1], found[0])), word) for word in self.words]

    def _answer(self, folder: Path, trial: Trial, inputs: Mapping[str, bytes], outputs: Mapping[str, bytes]) -> Answer:
        changed = [OPERANDS[name] for name, data in inputs.items() if _read(folder, name) != data]
        arrays, faults = dict[str, Array](), dict[str, tuple[str, str]]()
        family = trial.case.operation.family
        for name, before in outputs.items():
            data = _read(folder, name)
            if data is None or len(data) != len(before):
                length = "gone" if data is None else f"{len(data)} bytes long"
                faults[name] = (OUT_OF_BOUNDS, f"{name}.bin is {length}, but was {len(before)}")
                continue
            shape = self.layout.shape(name, trial.expected[name].shape, family)
            arrays[name] = self.layout.ours(name, decoded(data, shape, self.dtype), family)
        return Answer(arrays, "", "", faults, changed, (), True)


def _read(folder: Path, name: str) -> bytes | None:
    try:
        return (folder / f"{name}.bin").read_bytes()
    except OSError:
        return None


def files_of(
    trial: Trial, want: Sequence[str], poison: float, dtype: str, layout: Layout
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The bytes of the operands by name, and those of the results, which hold the poison."""
    family = trial.case.operation.family
    inputs = {name: encoded(layout.given(name, array, family), type_of(name, dtype))
              for name, array in trial.operands.items()}  # fmt: skip
    outputs = {}
    for name in want:
        shape = trial.expected[name].shape
        outputs[name] = encoded(np.full(prod(shape), poison), dtype)
        assert len(outputs[name]) == size(shape, dtype)
    return inputs, outputs


def record_of(trial: Trial, want: Sequence[str], dtype: str, layout: Layout) -> dict[str, Any]:
    """What case.json says."""
    family, case = trial.case.operation.family, trial.case
    shapes = {name: layout.shape(name, array.shape, family) for name, array in trial.operands.items()}
    shapes |= {name: layout.shape(name, trial.expected[name].shape, family) for name in want}
    return {
        "id": trial.id, "op": case.operation.name, "settings": resolved(case), "dtype": dtype, "want": list(want),
        "order": "C", "bytes": "little", "shapes": {name: list(shape) for name, shape in shapes.items()},
    }  # fmt: skip


def lines_of(trial: Trial, want: Sequence[str], dtype: str) -> dict[str, Any]:
    """What case.txt says, by key: one number or word each, axes numbered from 0."""
    case, facts = trial.case, trial.facts
    head = {"id": trial.id, "op": case.operation.name, "dims": case.dims, "dtype": dtype, "want": ",".join(want)}
    head |= {name: facts[name][0] for name in ("N", "C", "O", "groups")}
    indexed = {key: values[0] for key, values in facts.items() if "." in key}
    words: dict[str, Any] = {key: facts[key][0] for key in WORDS if key in facts}
    return {**head, **indexed, **words}
