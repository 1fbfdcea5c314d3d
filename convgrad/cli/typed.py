"""What a command line asks for, as frozen records: each made once, of the words that were typed.

A command takes the options of the records in its signature: each record says which these are, and how they are read.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from convgrad.cli import options as tables
from convgrad.cli.options import Option, document_word, refuse, whole_number
from convgrad.vocabulary import DIALECTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

COLORS = ("auto", "always", "never")
Words = Mapping[str, Any]


def _given(options: Iterable[Option], words: Words) -> dict[str, Any]:
    """The options that were typed, as commands take them."""
    return {option.name: option.value(words[option.name]) for option in options if words.get(option.name) is not None}


class Reading(NamedTuple):
    """What to read: a document, keys of a case as a document calls them, and arrays that somebody else computed."""

    document: str | None
    keys: Mapping[str, Any]
    claims: Mapping[str, str]
    dialect: str | None = None

    @classmethod
    def typed(cls, words: Words) -> Self:
        """What was typed of it; the name of a document is empty where a shell's variable was not set."""
        (argument,) = OFFERS[cls].arguments
        if words[argument.name] == "":
            refuse(argument.name.upper(), "expected a file, found nothing", "name one")
        keys = _given((*tables.CASE, *tables.CLAIMS), words)
        dialect = _given(tables.DIALECT, words).get("dialect")
        if dialect is not None and dialect not in DIALECTS:
            refuse("--as", f"expected {', '.join(DIALECTS)}, found '{dialect}'")
        return cls(words[argument.name], keys, _given(tables.CLAIMED, words), dialect)

    @property
    def words(self) -> tuple[Any, ...]:
        """All that may name a file."""
        return (self.document, *self.keys.values(), *self.claims.values())


class ClaimReading(Reading):
    """What to check."""


class NetworkReading(Reading):
    """A network to run."""


class Overlays(NamedTuple):
    """Which overlays to show ("all", "none" or how many), the one at a position, and a channel or a pair of them.

    `quiz` hides the entries of a page until they are typed.
    """

    overlays: str | int | None = None
    only: tuple[int, ...] | None = None
    channel: tuple[int, ...] | None = None
    quiz: bool = False

    @classmethod
    def typed(cls, words: Words) -> Self:
        """What was typed of it: counts and indices as numbers."""
        texts = _given(tables.OVERLAYS, words)
        return cls(
            quiz=bool(texts.pop("quiz", False)),
            **{name: (_count if name == "overlays" else _index)(text, f"--{name}") for name, text in texts.items()},
        )


class Terms(NamedTuple):
    """How many terms of an entry to show, or all."""

    terms: str | int | None = None

    @classmethod
    def typed(cls, words: Words) -> Self:
        """What was typed of it."""
        texts = _given(tables.TERMS, words)
        return cls(**{name: _terms(text) for name, text in texts.items()})


def _terms(text: str) -> Any:
    return text if text == "all" else whole_number(text, "--terms", 1)


def _count(text: str, option: str) -> Any:
    """How many, which may be a word."""
    return text if text in ("all", "none") else whole_number(text, option)


def _index(text: str, option: str) -> Any:
    """Whole numbers from 0, in a tuple."""
    from convgrad.cli.requests import setting  # here, so that --help imports no numpy
    from convgrad.errors import Point, RequestError
    from convgrad.subject.settings import integer

    value = setting(text, option)
    try:
        return tuple(integer(part, 0) for part in (value if isinstance(value, list) else [value]))
    except RequestError as error:
        raise RequestError(problem.at(Point(option)) for problem in error.problems) from None


class Checking(NamedTuple):
    """How to check: whose function, how much of it to difference and to show, and how strong a case must be."""

    function: str | None = None
    all: bool = False
    sample: int | None = None
    every: bool = False
    seed: int = 0
    min_strength: int | None = None

    @classmethod
    def typed(cls, words: Words) -> Self:
        return cls(**_given(tables.CHECKING, words))


class Opened(NamedTuple):
    """The layer of a network to open, and the steps to make."""

    layer: str | None = None
    steps: int | None = None

    @classmethod
    def typed(cls, words: Words) -> Self:
        return cls(**_given(tables.NETWORK, words))


class Listing(NamedTuple):
    """Which mistakes to list: the one of an id, or those that can happen to an operation."""

    id: str | None = None
    op: str | None = None

    @classmethod
    def typed(cls, words: Words) -> Self:
        """What was typed of it; an id is empty where a shell's variable was not set."""
        if words["id"] == "":
            refuse("ID", "expected the id of a mistake, found nothing", "convgrad mistakes lists them all")
        return cls(words["id"], **_given(tables.LISTING, words))


class Started(NamedTuple):
    """Which document to start from, and the new file to write it to, if any."""

    name: str
    file: str | None = None

    @classmethod
    def typed(cls, words: Words) -> Self:
        """What was typed of it; a file that is there already is refused."""
        started = cls(words["name"], words["file"])
        if started.file is not None and (not started.file or os.path.lexists(started.file)):
            what = "this is there already, and would be lost" if started.file else "the file has no name"
            refuse(started.file or "FILE", what, "name a new file")
        return started


class Writing(NamedTuple):
    """How to write a result: the format, the file, and the look of a table."""

    format: str | None = None
    output: str | None = None
    digits: int = 6
    ascii: bool = False
    color: str = "auto"
    quiet: bool = False

    @classmethod
    def typed(cls, words: Words) -> Self:
        """What was typed of it; what can never be written to is refused before any work."""
        writing = cls(**_given(tables.WRITING, words))
        if writing.output is not None and (not writing.output or os.path.isdir(writing.output)):
            refuse("--output", "a folder is no file" if writing.output else "the file has no name", "name a file")
        if writing.color not in COLORS:
            refuse("--color", f"expected {', '.join(COLORS)}, found '{writing.color}'")
        return writing


class Running(NamedTuple):
    """How to compute a result and to write it; without an arithmetic it is the document's, or auto."""

    writing: Writing = Writing()
    arithmetic: str | None = None
    allow_nonfinite: bool = False
    threads: int | None = None
    debug: bool = False

    @classmethod
    def typed(cls, words: Words) -> Self:
        """What was typed of it."""
        running = cls(Writing.typed(words), **_given((*tables.ARITHMETIC, *tables.RUNNING), words))
        _require_arithmetic(running.arithmetic)
        return running

    @property
    def kind(self) -> str:
        """The arithmetic of a case."""
        return self.arithmetic or "auto"


def _require_arithmetic(name: str | None) -> None:
    from convgrad.errors import Point, RequestError
    from convgrad.subject.settings import choice  # here, so that --help imports no numpy
    from convgrad.vocabulary import ARITHMETICS

    try:
        choice("auto" if name is None else name, *ARITHMETICS)
    except RequestError as error:
        raise error.at(Point("--arithmetic")) from None


# -- What each offers --------------------------------------------------------------------------------------------------


class Offer(NamedTuple):
    """The options of a record, and the argument that comes before them."""

    options: tuple[Option, ...]
    arguments: tuple[inspect.Parameter, ...] = ()

    def parameters(self) -> Iterator[inspect.Parameter]:
        """What the command line takes for it."""
        yield from self.arguments
        yield from (option.parameter() for option in self.options)


_CASE = (document_word("case", "a case document; - is standard input", needed=False),)
_NETWORK = (document_word("file", "a network document; - is standard input", needed=True),)
_ID = (document_word("id", "one of them, as in stride-ignored", needed=False),)
_NEW = (
    document_word("name", "an operation, as in conv or max-pool; or network", needed=True),
    document_word("file", "a new file; without one the document is shown", needed=False),
)
OFFERS: dict[type, Offer] = {
    Started: Offer((), _NEW),
    Reading: Offer((*tables.CASE, *tables.DIALECT), _CASE),
    ClaimReading: Offer((*tables.CASE, *tables.DIALECT, *tables.CLAIMS, *tables.CLAIMED), _CASE),
    NetworkReading: Offer((*tables.LAYOUT, *tables.DIALECT), _NETWORK),
    Overlays: Offer(tables.OVERLAYS),
    Terms: Offer(tables.TERMS),
    Checking: Offer(tables.CHECKING),
    Opened: Offer(tables.NETWORK),
    Listing: Offer(tables.LISTING, _ID),
    Writing: Offer(tables.WRITING),
    Running: Offer((*tables.ARITHMETIC, *tables.WRITING, *tables.RUNNING)),
}
