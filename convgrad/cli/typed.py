"""What a command line asks for, as frozen records: each made once, of the words that were typed."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from convgrad.cli import options as tables
from convgrad.cli.options import Option, document_word, refuse, whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

COLORS = ("auto", "always", "never")


class Group:
    """Options that go together; a command takes those of the records in its signature."""

    ARGUMENTS: ClassVar[tuple[inspect.Parameter, ...]] = ()
    OPTIONS: ClassVar[tuple[Option, ...]] = ()

    @classmethod
    def parameters(cls) -> Iterator[inspect.Parameter]:
        """What the command line offers of it."""
        yield from cls.ARGUMENTS
        yield from (option.parameter() for option in cls.OPTIONS)

    @classmethod
    def typed(cls, words: Mapping[str, Any]) -> Self:
        """What was typed of it. Raises RequestError for what no command could take."""
        return cls(**_typed(cls.OPTIONS, words))


def _typed(options: Iterable[Option], words: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were typed, as commands take them."""
    return {option.name: option.value(words[option.name]) for option in options if words[option.name] is not None}


@dataclass(frozen=True)
class Reading(Group):
    """What to read: a document, keys of a case as a document calls them, and arrays that somebody else computed."""

    ARGUMENTS = (document_word("case", "a case document; - is standard input", needed=False),)
    OPTIONS = tables.CASE
    CLAIMED: ClassVar[tuple[Option, ...]] = ()

    document: str | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def typed(cls, words: Mapping[str, Any]) -> Self:
        """What was typed of it; the name of a document is empty where a shell's variable was not set."""
        (argument,) = cls.ARGUMENTS
        if words[argument.name] == "":
            refuse(argument.name.upper(), "expected a file, found nothing", "name one")
        keys = [option for option in cls.OPTIONS if option not in cls.CLAIMED]
        return cls(words[argument.name], _typed(keys, words), _typed(cls.CLAIMED, words))

    @property
    def is_empty(self) -> bool:
        return self.document is None and not self.keys and not self.claims

    @property
    def words(self) -> tuple[Any, ...]:
        """All that may name a file."""
        return (self.document, *self.keys.values(), *self.claims.values())


@dataclass(frozen=True)
class ClaimReading(Reading):
    """What to check."""

    OPTIONS = (*tables.CASE, *tables.CLAIMS, *tables.CLAIMED)
    CLAIMED = tables.CLAIMED


@dataclass(frozen=True)
class NetworkReading(Reading):
    """A network to run."""

    ARGUMENTS = (document_word("file", "a network document; - is standard input", needed=True),)
    OPTIONS = ()


@dataclass(frozen=True)
class Overlays(Group):
    """Which overlays to show ("all", "none" or how many), the one at a position, and a channel or a pair of them."""

    OPTIONS = tables.OVERLAYS

    overlays: str | int | None = None
    only: tuple[int, ...] | None = None
    channel: tuple[int, ...] | None = None

    @classmethod
    def typed(cls, words: Mapping[str, Any]) -> Self:
        """What was typed of it: counts and indices as numbers."""
        given = _typed(cls.OPTIONS, words)
        if given.get("overlays", "all") not in ("all", "none"):
            given["overlays"] = whole_number(given["overlays"], "--overlays")
        return cls(**given | {name: _index(given[name], f"--{name}") for name in ("only", "channel") if name in given})


def _index(text: str, option: str) -> tuple[int, ...]:
    from convgrad.cli.requests import setting  # here, so that --help imports no numpy
    from convgrad.errors import Place, RequestError
    from convgrad.subject.settings import integer

    value = setting(text, option)
    try:
        return tuple(integer(part, 0) for part in (value if isinstance(value, list) else [value]))
    except RequestError as error:
        raise RequestError(problem.at(Place(option)) for problem in error.problems) from None


@dataclass(frozen=True)
class Checking(Group):
    """How to check."""

    OPTIONS = tables.CHECKING

    all: bool = False
    sample: int | None = None
    seed: int = 0
    min_strength: int | None = None


@dataclass(frozen=True)
class Opened(Group):
    """The layer of a network to open, and the steps to make."""

    OPTIONS = tables.NETWORK

    layer: str | None = None
    steps: int | None = None


@dataclass(frozen=True)
class Writing(Group):
    """How to write a result: the format, the file, and the look of a table."""

    OPTIONS: ClassVar[tuple[Option, ...]] = tables.WRITING

    format: str | None = None
    output: str | None = None
    digits: int = 6
    ascii: bool = False
    color: str = "auto"
    quiet: bool = False

    @classmethod
    def typed(cls, words: Mapping[str, Any]) -> Self:
        """What was typed of it; what can never be written to is refused before any work."""
        made = super().typed(words)
        if made.output is not None and (not made.output or os.path.isdir(made.output)):
            refuse("--output", "a folder is no file" if made.output else "the file has no name", "name a file")
        if made.color not in COLORS:
            refuse("--color", f"expected {', '.join(COLORS)}, found '{made.color}'")
        return made

    @cached_property
    def width(self) -> int | None:
        """The terminal's width; none where nobody's terminal limits it."""
        if self.output or not (sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()):
            return None
        import shutil

        return shutil.get_terminal_size().columns

    @cached_property
    def is_ascii(self) -> bool:
        """Whether the symbols of tables are not wanted, or cannot be encoded where they go."""
        try:
            "Σ×─│·→∂".encode("utf-8" if self.output else sys.stdout.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return True
        return self.ascii

    @cached_property
    def colour(self) -> str:
        """Whether tables have colours: always or never."""
        if self.color != "auto":
            return self.color
        if os.environ.get("NO_COLOR"):
            return "never"
        if os.environ.get("FORCE_COLOR"):
            return "always"
        shown = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not self.output
        return "always" if shown else "never"


@dataclass(frozen=True)
class Running(Writing):
    """How to compute a result, and to write it; without an arithmetic it is the document's, or auto."""

    OPTIONS = (*tables.ARITHMETIC, *tables.WRITING, *tables.RUNNING)

    arithmetic: str | None = None
    allow_nonfinite: bool = False
    threads: int | None = None
    debug: bool = False

    @classmethod
    def typed(cls, words: Mapping[str, Any]) -> Self:
        """What was typed of it."""
        made = super().typed(words)
        _require_arithmetic(made.arithmetic)
        return made

    @property
    def kind(self) -> str:
        """The arithmetic of a case."""
        return self.arithmetic or "auto"


def _require_arithmetic(name: str | None) -> None:
    from convgrad.errors import Place, RequestError
    from convgrad.subject.settings import choice  # here, so that --help imports no numpy
    from convgrad.vocabulary import ARITHMETICS

    try:
        choice("auto" if name is None else name, *ARITHMETICS)
    except RequestError as error:
        raise error.at(Place("--arithmetic")) from None
