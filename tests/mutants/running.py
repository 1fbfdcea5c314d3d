"""pytest in this process: the same examples each time, no processes, and a time limit for each test."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = 25
"""How many each property is tried on: a quarter of what the tests have otherwise."""
OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin",
           "--hypothesis-profile=mutants", "--hypothesis-seed=0")  # fmt: skip


class Slow(BaseException):
    """A test took many times as long as without the mutant; no `except Exception` is to hold it."""


class Process(BaseException):
    """A test would start a process, which would run the package without the mutant."""


def run(root: Path, scratch: Path, words: list[str], plugin: object) -> int:
    """pytest's exit code."""
    from hypothesis import HealthCheck, settings

    os.chdir(root)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path.insert(0, str(root))
    settings.register_profile("mutants", derandomize=True, database=None, deadline=None, max_examples=EXAMPLES,
                              suppress_health_check=list(HealthCheck))  # fmt: skip
    sys.addaudithook(_refuse_processes)
    return int(pytest.main([*OPTIONS, f"--rootdir={root}", f"--basetemp={scratch}", *words], [plugin]))


def _refuse_processes(event: str, _: object) -> None:
    if event in ("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork"):
        raise Process


class Chosen:
    """Runs the tests that were chosen, in their order, and ends those that take the processor for too long."""

    def __init__(self, limits: Mapping[str, float]) -> None:
        self.limits = limits
        self.slow = False
        signal.signal(signal.SIGPROF, self._end)

    def _end(self, *_: Any) -> None:
        self.slow = True
        raise Slow

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        by_name = {item.nodeid: item for item in items}
        items[:] = [by_name[name] for name in self.limits if name in by_name]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        signal.setitimer(signal.ITIMER_PROF, self.limits[item.nodeid])
        yield
        signal.setitimer(signal.ITIMER_PROF, 0)
