"""What a command line of `grade` or `cases` asks for, as frozen records made once of the words that were typed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple

import typer

from convgrad.cli.grade_options import CASES_OF, GRADE_FORMATS, GRADING, TEMPLATES, TYPES
from convgrad.cli.options import Option, refuse, whole_number
from convgrad.cli.typed import Offer
from convgrad.grading.asked import DATA, Asked
from convgrad.vocabulary import GRADED, RESULTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

SECONDS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")
MOST_DIMS = 3
DEFAULTS = Asked._field_defaults
Words = Mapping[str, Any]


def _given(options: Iterable[Option], words: Words) -> dict[str, Any]:
    return {option.name: option.value(words[option.name]) for option in options if words.get(option.name) is not None}


def parts(text: str) -> tuple[str, ...]:
    """Words with commas between them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _several(name: str, text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Some of a few words."""
    known = tuple(known)
    for part in parts(text):
        if part not in known:
            refuse(name, f"expected any of {', '.join(known)}, found '{part}'")
    return parts(text) or refuse(name, "expected a word, found nothing", f"any of {', '.join(known)}")


def _choice(name: str, text: str, known: Iterable[str]) -> str:
    return text if text in known else refuse(name, f"expected one of {', '.join(known)}, found '{text}'")


def _seconds(name: str, text: str) -> float:
    found = float(text) if SECONDS.fullmatch(text) else 0.0
    return found or refuse(name, f"expected a number of seconds above 0, found '{text[:40]}'")


def _dims(name: str, text: str) -> tuple[int, ...]:
    return tuple(whole_number(part, name, 1, MOST_DIMS) for part in parts(text)) or (2,)


READ: Mapping[str, Callable[[str, Any], Any]] = {
    "op": lambda name, text: _several(name, text, GRADED),
    "dims": _dims,
    "want": lambda name, text: _several(name, text, RESULTS),
    "cases": lambda name, text: parts(text) or refuse(name, "expected core, edges or a file, found nothing"),
    "suite": lambda name, text: _several(name, text, ("core", "edges")),
    "case": lambda name, text: parts(text),
    "need": lambda name, text: parts(text),
    "timeout": _seconds,
    "start_timeout": _seconds,
    "dtype": lambda name, text: _choice(name, text, TYPES),
    "kind": lambda name, text: _choice(name, text, ("numpy", "torch")),
    "format": lambda name, text: _choice(name, text, GRADE_FORMATS),
    "feedback": lambda name, text: _choice(name, text, ("full", "names", "counts")),
    "data": lambda name, text: _choice(name, text, DATA),
    "template": lambda name, text: _choice(name, text, TEMPLATES),
    "color": lambda name, text: _choice(name, text, ("auto", "always", "never")),
}
"""How a word is read, where it is more than a text, a number or a switch."""


def _read(options: Iterable[Option], words: Words) -> dict[str, Any]:
    options = tuple(options)
    texts = {option.name: option.flag.partition("/")[0] or option.text for option in options}
    given = _given(options, words)
    return {name: READ[name](texts[name], value) if name in READ else value for name, value in given.items()}


class Grading(NamedTuple):
    """What to grade, on which cases, and what to do with what fails."""

    request: Asked = Asked(())
    call: str | None = None
    template: str | None = None
    junit: str | None = None
    min_cases: int | None = None
    min_strength: int | None = None
    format: str | None = None
    output: str | None = None
    ascii: bool = False
    color: str = "auto"
    quiet: bool = False
    threads: int | None = None
    debug: bool = False

    @classmethod
    def typed(cls, words: Words) -> Self:
        """What was typed of it."""
        given = _read(GRADING, words)
        request = {name: given.pop(name) for name in Asked._fields if name in given}
        return cls(Asked(tuple(words.get("words") or ()), **request), **given)


class Choosing(NamedTuple):
    """Which cases to show, or to write to a file."""

    op: tuple[str, ...] = DEFAULTS["op"]
    dims: tuple[int, ...] = DEFAULTS["dims"]
    dtype: str | None = None
    limit: str = ""
    seed: int = 0
    suite: tuple[str, ...] = ("core",)
    need: tuple[str, ...] = ()
    like: str | None = None
    output: str | None = None
    format: str | None = None
    ascii: bool = False
    color: str = "auto"
    quiet: bool = False
    threads: int | None = None
    debug: bool = False

    @classmethod
    def typed(cls, words: Words) -> Self:
        """What was typed of it."""
        return cls(**_read(CASES_OF, words))


_TARGET: Any = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET", help="module:function, file.py:function, a folder of submissions, or, after --, a command"
    ),
]
_WORDS = inspect.Parameter("words", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_TARGET)
OFFERS: Mapping[Any, Offer] = {Grading: Offer(GRADING, (_WORDS,)), Choosing: Offer(CASES_OF)}
