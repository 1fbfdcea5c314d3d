"""What is to be graded, how, and on which cases, put together: the function behind the command."""

from __future__ import annotations

import re
import shlex
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convgrad.errors import Point, Problem, RequestError
from convgrad.grading.answer import Adapter
from convgrad.grading.asked import DATA, REAL, Asked
from convgrad.grading.callables import Callable
from convgrad.grading.command import Command
from convgrad.grading.comparing import Asking
from convgrad.grading.grade import Grade, Known, Wishes, graded
from convgrad.grading.layouts import layout
from convgrad.grading.loop import Loop
from convgrad.suites.facts import Term, limit
from convgrad.suites.reading import suite_trials
from convgrad.suites.selection import MOST_DIMS, SUITES, Wanted, trials
from convgrad.suites.trial import Trial
from convgrad.vocabulary import GRADED, RESULTS


def grade(target: str | Sequence[str], **options: Any) -> Grade:
    """Run an implementation on cases that reveal every mistake; the grade says what is wrong with it.

    `target` is "module:function" or "file.py:function", called in a process of its own, or the words of a command,
    which is run once a case with files, or with `loop` asked in lines of JSON. Options are those of the command by
    their names (`op`, `dims`, `dtype`, `want`, `cases`, `limit`, `layout`, `timeout`, …), `kind` being what `--as`
    says; where there may be several, a list. Raises RequestError for a wrong request.
    """
    words = (target,) if isinstance(target, str) else tuple(target)
    return run(Asked(words, **{name: _option(name, value) for name, value in options.items()}))


SEVERAL = {"op": tuple(GRADED), "dims": tuple(range(1, MOST_DIMS + 1)), "want": RESULTS, "cases": (), "case": ()}
"""Options that may be several words or numbers, and which these may be."""


def _option(name: str, value: Any) -> Any:
    """An option as it is kept; RequestError for one that there is not."""
    if name not in Asked._fields or name == "words":
        raise RequestError(Problem(f"grade has no option '{name}'", f"one of {', '.join(Asked._fields[1:])}"))
    if name == "data" and value not in DATA:
        raise RequestError(Problem(f"data: expected any of {', '.join(DATA)}, found {value!r}"))
    if name not in SEVERAL:
        return value
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for part in values:
        if SEVERAL[name] and part not in SEVERAL[name]:
            raise RequestError(Problem(f"{name}: expected any of {', '.join(map(str, SEVERAL[name]))}, found {part!r}"))
    return values


def run(asked: Asked, repeat: Iterable[str] = ()) -> Grade:
    """Grade what is asked; `repeat` are the options of a command line that does it again."""
    axes = layout(asked.layout).dims
    asked = asked if axes is None else asked._replace(dims=(axes,))
    known = known_failures(asked.known)
    adapter = adapter_of(asked)
    with _ended(adapter):
        cases = cases_of(asked, adapter.dtype)
        want = tuple(name for name in ("dW", "db", "dX", "output") if name in asked.want)
        asking = Asking(want, asked.runs, asked.accumulate_into)
        keep = Path(asked.keep) if asked.keep else None
        jobs = asked.jobs if asked.is_command and not asked.loop else 1
        wishes = Wishes(asking, jobs, asked.shrink, keep, known, asked.feedback)
        words = (*repeat, *(["--"] if asked.is_command else []), *asked.words)
        return graded(adapter, cases, wishes, target=shlex.join(asked.words), repeat=words)


def adapter_of(asked: Asked) -> Adapter:
    """What runs the target, in the way that its words tell."""
    common: dict[str, Any] = {"layout": layout(asked.layout), "timeout": asked.timeout}
    if asked.loop:
        return Loop(asked.words, dtype=asked.dtype or "float32", start_timeout=asked.start_timeout, **common)
    if asked.is_command and len(asked.words) == 1 and asked.words[0].endswith(".py"):
        name = asked.words[0]
        raise RequestError(Problem("which function is it?", f"name it, as in {name}:backward", place=Point(name)))
    if asked.is_command:
        modes = bool(asked.case) or any(term.name == "padding_mode" for term in limits_of(asked))
        return Command(asked.words, dtype=asked.dtype or "float32", any_padding=modes, **common)
    dtype = asked.dtype or "float64"
    return Callable(asked.words[0], dtype=dtype, kind=asked.kind, signature=asked.signature,
                    start_timeout=asked.start_timeout, **common)  # fmt: skip


def cases_of(asked: Asked, dtype: str) -> list[Trial]:
    """The cases that are asked for, of suites and of files."""
    limits = limits_of(asked)
    suites = [suite for suite in asked.cases if suite in SUITES]
    files = [suite for suite in asked.cases if suite not in SUITES]
    wanted = Wanted(asked.op, asked.dims, dtype, suites, limits, (), asked.seed, asked.case, asked.data == REAL)
    found = trials(wanted) if suites or asked.case else []
    own = (trial for file in files for trial in suite_trials(file, dtype))
    found += [trial for trial in own if all(term.holds(trial.facts) for term in limits)]
    if not found:
        raise RequestError(Problem("no case is left to run", "a wider --limit, or another --op, --dims or --cases"))
    return found


def limits_of(asked: Asked) -> list[Term]:
    """The conditions that cases are to meet."""
    try:
        return limit(asked.limit)
    except RequestError as error:
        raise error.at(Point("--limit")) from None


KNOWN = re.compile(r"(?P<id>\S+)(?:\s+(?P<array>dW|db|dX|output))?")


def known_failures(file: str | None) -> Known:
    """What is known to fail: an id a line, and an array where not all of it."""
    if file is None:
        return frozenset()
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        advice = "name a text with an id, and an array, a line"
        raise RequestError(Problem("cannot be read", advice, place=Point(file))) from None
    numbered = [(number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1)]
    return frozenset(_known(line, number, file) for number, line in numbered if line)


def _known(line: str, number: int, file: str) -> tuple[str, str]:
    found = KNOWN.fullmatch(line)
    if found is None:
        message = "expected the id of a case, and an array where not all of it fails"
        raise RequestError(Problem(message, "as in conv2d/core-1 dX", place=Point(file, number)))
    return found["id"], found["array"] or ""


@contextmanager
def _ended(adapter: Adapter) -> Iterator[None]:
    """End what runs, also where this process is asked to end."""
    is_main = threading.current_thread() is threading.main_thread()  # only there may be said what a signal does
    before = signal.signal(signal.SIGTERM, _interrupt) if is_main else None
    try:
        yield
    finally:
        adapter.end()
        if is_main:
            signal.signal(signal.SIGTERM, before)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
