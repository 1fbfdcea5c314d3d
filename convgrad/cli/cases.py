"""From a request to a case and its result, by the options that hold for all cases of a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convgrad.case import Case, is_hand_sized, make_case
from convgrad.cli.options import refuse, whole_number
from convgrad.cli.requests import Request, requests, setting
from convgrad.cli.results import Result, deliver, suffix_of
from convgrad.errors import Place, RequestError
from convgrad.gradients import Forward, Gradients
from convgrad.settings import integer

COLORS = ("auto", "always", "never")


@dataclass(frozen=True)
class Run:
    """What the options say of every case of a run."""

    arithmetic: str
    nonfinite: bool
    overlays: str | int | None
    view: Mapping[str, Any]

    def result(self, record: Any, code: int = 0) -> Result:
        return Result(lambda: self._dict(record), lambda: self._text(record), code)

    def _dict(self, record: Any) -> Mapping[str, Any]:
        made: Mapping[str, Any] = record.to_dict(*([] if self.overlays is None else [self.overlays]))
        return made

    def _text(self, record: Any) -> Iterator[str]:
        from convgrad.views import render

        return render(record, **self.view)


def over_cases(options: Mapping[str, Any], record: Callable[[Case], Any], needs_delta: bool) -> int:
    """Make a record of each case that is asked for, and write it; the exit code."""
    run = prepared(options)
    made, many = asked(options, run)
    if record in (Forward, Gradients) and suffix_of(options) == ".npy":
        from convgrad.cli.saving import save

        return save(made, many, record is Gradients, run, options)
    return deliver(made, many, lambda request: run.result(record(case_of(request, run, needs_delta))), options)


def asked(options: Mapping[str, Any], run: Run) -> tuple[Iterator[Request], bool]:
    """The requests, with the text of their numbers where that may matter, and whether they are many."""
    return requests(options, exact=run.arithmetic in ("auto", "exact"))


def prepared(options: Mapping[str, Any]) -> Run:
    """The options checked, all at once for the whole run."""
    np.seterr(all="ignore")  # an infinity in the result says it; NumPy's warning names a line of ours
    overlays = _overlays(options.get("overlays"))
    _threads(options.get("threads"))
    if options.get("output") is not None:
        _output(options["output"], [value for name, value in options.items() if name != "output"])
    view = {
        "width": _width(options), "digits": options.get("digits") or 6,
        "ascii": bool(options.get("ascii")) or not _unicode(options),
        "color": _color(options), "overlays": overlays, "quiet": bool(options.get("quiet")),
        "only": _indices(options, "only"), "channel": _indices(options, "channel"),
    }  # fmt: skip
    return Run(options.get("arithmetic") or "auto", bool(options.get("allow_nonfinite")), overlays, view)


def _overlays(text: str | None) -> str | int | None:
    if text is None or text in ("all", "none"):
        return text
    return whole_number(text, "--overlays")


def _indices(options: Mapping[str, Any], name: str) -> tuple[int, ...] | None:
    text = options.get(name)
    if text is None:
        return None
    value = setting(text, f"--{name}")
    try:
        return tuple(integer(part, 0) for part in (value if isinstance(value, list) else [value]))
    except RequestError as error:
        raise RequestError(problem.at(Place(f"--{name}")) for problem in error.problems) from None


def _output(path: str, others: Iterable[Any]) -> None:
    """Refuse, before any work, what cannot be written, and what is read."""
    if not path or os.path.isdir(path):
        refuse("--output", "a folder is no file" if path else "the file has no name", "name a file")
    if not os.path.isfile(path):
        return
    files = [value.partition(".npz:")[0] + ".npz" if ".npz:" in value else value
             for value in others if isinstance(value, str)]  # fmt: skip
    if any(os.path.isfile(file) and os.path.samefile(file, path) for file in files):
        refuse("--output", f"{path} is read in this run, and would be lost", "write to another file")


def _threads(count: int | None) -> None:
    if count is None:
        return
    from convgrad.core import threads

    threads.limit(count)


def _width(options: Mapping[str, Any]) -> int | None:
    """The terminal's width; none where nobody's terminal limits it."""
    if options.get("output") or not (sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()):
        return None
    import shutil

    return shutil.get_terminal_size().columns


def _unicode(options: Mapping[str, Any]) -> bool:
    """Whether the symbols of tables can be encoded where they go."""
    try:
        "Σ×─│·→∂".encode("utf-8" if options.get("output") else sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _color(options: Mapping[str, Any]) -> str:
    chosen = "auto" if options.get("color") is None else options["color"]
    if chosen not in COLORS:
        refuse("--color", f"expected {', '.join(COLORS)}, found '{chosen}'")
    if chosen != "auto":
        return str(chosen)
    if os.environ.get("NO_COLOR"):
        return "never"
    if os.environ.get("FORCE_COLOR"):
        return "always"
    shown = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not options.get("output")
    return "always" if shown else "never"


def case_of(request: Request, run: Run, needs_delta: bool = True) -> Case:
    """The case that a request asks for; where it is to be exact, from the text of every number."""
    case = _made(request.value, run, needs_delta)
    wanted = run.arithmetic == "exact" or (run.arithmetic == "auto" and is_hand_sized(case))
    if wanted and _has_lifted_arrays(request):
        return _made(request.exact(), run, needs_delta)
    return case


def _made(value: Mapping[str, Any], run: Run, needs_delta: bool) -> Case:
    return make_case(value, arithmetic=run.arithmetic, nonfinite=run.nonfinite, needs_delta=needs_delta)


def _has_lifted_arrays(request: Request) -> bool:
    """Whether arrays of its text were read as binary ones, for speed."""
    return any(isinstance(part, np.ndarray) for part in request.value.values())
