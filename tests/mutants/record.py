"""Which tests run which lines, and what each takes of the processor: recorded once for each state of the files."""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import pytest

from tests.mutants.children import in_child
from tests.mutants.project import Project
from tests.mutants.running import Process, run

LONG = 3600
IMPORT = "import"
"""Stands for a test where a line runs as its module is imported, or as tests are collected."""


@dataclass(frozen=True)
class Record:
    """Seconds by test, the tests by line of each module, and the tests that do not count, with the reason."""

    seconds: dict[str, float]
    lines: dict[str, dict[str, list[int]]]
    left_out: dict[str, str]

    def tests(self, path: str, lines: Iterable[int]) -> list[str]:
        """Those that run one of the lines, fastest first: where importing does, those that run any of the module's."""
        of_module, names = self.lines.get(path, {}), [IMPORT, *self.seconds]
        numbers = {number for line in lines for number in of_module.get(str(line), ())}
        if 0 in numbers:
            numbers = {number for tests in of_module.values() for number in tests} - {0} or set(range(1, len(names)))
        return sorted((names[number] for number in numbers), key=self.seconds.__getitem__)


def recorded(project: Project) -> Record:
    """From pytest's cache, or by running every test that is one process and not slow."""
    file = project.root / ".pytest_cache" / f"mutants-{project.state()}.json"
    with suppress(OSError, ValueError, TypeError):
        return Record(**json.loads(file.read_text()))
    with TemporaryDirectory() as scratch:
        record = Record(**in_child(lambda: _record(project, Path(scratch)), LONG))
    with suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(asdict(record)))
    return record


def _record(project: Project, scratch: Path) -> dict[str, Any]:
    import coverage

    sys.path.insert(0, str(project.root))
    os.environ["COVERAGE_CORE"] = "ctrace"  # the newer way sees a line once, in whatever test that is
    meter = coverage.Coverage(data_file=None, source=[str(project.root / project.package)], config_file=False)
    meter.start()
    _import_all(project.package)
    plugin = Recording(meter, _cached(project.package))
    words = [*project.tests, "-m", "not slow"]  # traced, the slow ones take half an hour
    run(project.root, scratch / "tests", words, plugin)
    meter.stop()
    return asdict(plugin.record(project.root))


def _import_all(package: str) -> None:
    """Else a module's first test would seem to be the only one that runs what importing does."""
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


class Recording:
    """Names the test, or the shared fixture, that runs, and takes its time and outcome."""

    def __init__(self, meter: Any, cached: list[Any]) -> None:
        self.meter, self.cached, self.context = meter, cached, ""
        self.seconds: dict[str, float] = {}
        self.left_out: dict[str, str] = {}
        self.users: dict[str, list[str]] = defaultdict(list)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for name in getattr(item, "fixturenames", ()):
                self.users[f"fixture {name}"].append(item.nodeid)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        for function in self.cached:  # what an earlier test left, this one would seem not to run
            function.cache_clear()
        self.context = item.nodeid
        self.meter.switch_context(item.nodeid)
        start = process_time()  # of the processor: what else the machine does is no part of it
        yield
        self.seconds[item.nodeid] = process_time() - start
        self.meter.switch_context("")

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        if fixturedef.scope != "function":
            self.meter.switch_context(f"fixture {fixturedef.argname}")
        yield
        self.meter.switch_context(self.context)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Iterator[None]:
        outcome = yield
        report = outcome.get_result()
        if not report.passed:
            process = call.excinfo and call.excinfo.errisinstance(Process)
            self.left_out.setdefault(item.nodeid, "starts a process" if process else report.outcome)

    def record(self, root: Path) -> Record:
        """What was seen, without the tests that are left out."""
        seconds = {name: round(time, 4) for name, time in self.seconds.items() if name not in self.left_out}
        numbers = {name: number for number, name in enumerate(seconds, start=1)} | {"": 0}
        data = self.meter.get_data()
        lines = {
            Path(file).relative_to(root).as_posix(): {
                line: sorted({numbers[name] for name in self._tests(contexts) if name in numbers})
                for line, contexts in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        return Record(seconds, lines, self.left_out)

    def _tests(self, contexts: Iterable[str]) -> Iterator[str]:
        for context in contexts:
            yield from self.users.get(context, [context])


def _cached(package: str) -> list[Any]:
    """The package's functions that keep results."""
    every = (part for part in gc.get_objects() if isinstance(part, functools._lru_cache_wrapper))
    return [function for function in every if function.__module__.partition(".")[0] == package]
