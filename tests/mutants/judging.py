"""Whether some test fails with a mutant in the place of its module."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType
from typing import Any

from tests.mutants.children import Died, TookTooLong, in_child
from tests.mutants.mutant import Mutant
from tests.mutants.project import Project
from tests.mutants.running import Chosen, run

KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed out"
TIMES, LEAST = 10, 5.0
"""A test may take the processor for ten times as long as without the mutant, or for five seconds."""
START, BUSY = 120.0, 20
"""All tests together end by the clock: after two minutes and twenty times what they took of the processor."""
FASTEST = 50
"""Tests among which the file to begin with is sought."""


def judge(project: Project, mutant: Mutant, seconds: Mapping[str, float]) -> str:
    """The verdict of the tests whose times are given: first of those in one file, then of the others."""
    verdicts = (_judged(project, mutant, {name: seconds[name] for name in names}) for names in stages(seconds))
    return next((verdict for verdict in verdicts if verdict != SURVIVED), SURVIVED)


def stages(names: Iterable[str]) -> Iterator[list[str]]:
    """The tests of the file that has most of the fastest, then the others: to import every test takes its time.

    >>> list(stages(["a.py::test", "b.py::test", "a.py::other"]))
    [['a.py::test', 'a.py::other'], ['b.py::test']]
    """
    files = Counter(file_of(name) for name in islice(names, FASTEST))
    first, _ = next(iter(files.most_common(1)), ("", 0))
    stage = {name: file_of(name) == first for name in names}
    yield from filter(None, ([name for name in stage if stage[name] == now] for now in (True, False)))


def file_of(name: str) -> str:
    return name.partition("::")[0]


def _judged(project: Project, mutant: Mutant, seconds: Mapping[str, float]) -> str:
    limits = {name: max(time * TIMES, LEAST) for name, time in seconds.items()}
    patience = START + BUSY * sum(seconds.values()) + max(limits.values())
    with TemporaryDirectory() as scratch:
        try:
            verdict = in_child(lambda: _verdict(project, mutant, limits, Path(scratch)), patience)
        except TookTooLong:
            return TIMED_OUT
        except Died:
            return KILLED
    return str(verdict)


def _verdict(project: Project, mutant: Mutant, limits: Mapping[str, float], scratch: Path) -> str:
    file = project.root / mutant.path
    sys.meta_path.insert(0, Finder(project.name(mutant.path), file, mutant.applied(file.read_bytes())))
    plugin = Chosen(limits)
    code = run(project.root, scratch / "tests", ["-x", *sorted(set(map(file_of, limits)))], plugin)
    return TIMED_OUT if plugin.slow else KILLED if code else SURVIVED


class Finder(MetaPathFinder):
    """Finds one module, and gives it another text than its file has: no file is written."""

    def __init__(self, name: str, path: Path, source: bytes) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        places = [str(self.path.parent)] if self.path.stem == "__init__" else None
        loader = Loader(fullname, str(self.path))
        loader.source = self.source
        return spec_from_file_location(fullname, self.path, loader=loader, submodule_search_locations=places)


class Loader(SourceFileLoader):
    """Compiles the mutant's text as if it were the file's."""

    source: bytes

    def get_code(self, fullname: str) -> CodeType:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a change makes no sense is what its tests are to say
            return compile(self.source, self.path, "exec", dont_inherit=True)
