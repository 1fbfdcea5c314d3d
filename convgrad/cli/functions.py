"""Somebody's function of a Python file, named on the command line, run once on a case: what it returns is a claim."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from convgrad.checking.called import arguments_of, claims_of, settings_of
from convgrad.errors import Point, Problem, RequestError
from convgrad.passes.subject import Subject

Function = Callable[..., Any]
OPTION = "--function"


def claimed_by(target: str, subject: Subject) -> dict[str, Any]:
    """What the function of `file.py:name` returns for a case. Raises RequestError where it cannot be had."""
    case = subject.chain.alone
    if case is None:
        _refuse(OPTION, "a network is no case for one function", "give it a layer's case")
    path, _, name = target.rpartition(":")
    if not path.endswith(".py"):
        _refuse(OPTION, f"expected a file and a function in it, found '{target}'", "as in kernel.py:conv_backward")
    if not Path(path).is_file():
        _refuse(path, "no such file")
    function = _function(path, name)
    given, settings = list(arguments_of(case)), settings_of(function, case)
    with _told(path, _call(name, given, settings)):
        returned = function(*given, **settings)
    try:
        return claims_of(returned, case)
    except (TypeError, ValueError) as error:
        _refuse(target, str(error), "return (dX, dW, db), or a mapping with any of dX, dW, db and output")


def _function(path: str, name: str) -> Function:
    """The function of a name in a file, which is run, its folder first where it imports from."""
    specification = spec_from_file_location(Path(path).stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = module_from_spec(specification)
    folder = str(Path(path).resolve().parent)
    sys.path.insert(0, folder)
    sys.modules.setdefault(module.__name__, module)
    with _told(path, "while it was read"), _nothing_left():
        specification.loader.exec_module(module)
    return _named(module, name, path)


@contextmanager
def _nothing_left() -> Iterator[None]:
    """No bytecode is written beside somebody's file."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _named(module: ModuleType, name: str, path: str) -> Function:
    function = getattr(module, name, None)
    if function is not None and not callable(function):
        _refuse(path, f"{name} is no function")
    if function is None:
        _unknown(module, name, path)
    return function  # type: ignore[no-any-return]


def _unknown(module: ModuleType, name: str, path: str) -> NoReturn:
    known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    close = get_close_matches(name, known, n=1)
    has = f"it has {', '.join(known)}" if known else "it has none"
    _refuse(path, f"there is no function '{name}'", f"did you mean {close[0]}?" if close else has)


@contextmanager
def _told(path: str, when: str) -> Iterator[None]:
    """Let it print to standard error; what it raises is told with its line."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        frames = extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == Path(path).resolve()]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        said = " ".join(str(error).split())
        place = Point(path, line)
        raise RequestError(Problem(f"{type(error).__name__}: {said}".rstrip(": "), when, place=place)) from None


def _call(name: str, arrays: list[Any], settings: dict[str, Any]) -> str:
    """How it was called, for who looks for what is wrong with it."""
    words = ("delta", "x", "w", "b")
    shapes = [f"{word} {np.shape(array)}" for word, array in zip(words, arrays, strict=False)]
    return f"it was called as {name}({', '.join([*shapes, *(f'{key}={value}' for key, value in settings.items())])})"


def _refuse(name: str, message: str, advice: str = "") -> NoReturn:
    raise RequestError(Problem(message, advice, place=Point(name)))
