"""The options of the commands, as one table: a key of the case document is an option of the same name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, NoReturn

import typer

import convgrad.vocabulary as vocabulary
from convgrad.errors import Point, Problem, RequestError
from convgrad.vocabulary import (
    ARITHMETICS,
    DIALECTS,
    FORMATS,
    INDICES,
    LARGEST,
    NOTES,
    RESULTS,
    Setting,
    keys_of_case,
)

ARRAYS, SETTINGS, NUMBERS, OUTPUT, CHECK, OTHER = "Arrays", "Operation", "Numbers", "Output", "Checking", "Other"
FILE = "FILE"
WHOLE = re.compile("0|-?[1-9][0-9]*")
SHOWN = 40  # characters of a word that is no number: it may have thousands


class Option(NamedTuple):
    """One option: its name as in a document, what help says, and its choices or kind."""

    name: str
    help: str
    panel: str
    metavar: str = "TEXT"
    kind: Any = str
    choices: tuple[str, ...] = ()
    flag: str = ""
    hidden: bool = False
    least: int = 0
    most: int = LARGEST

    @property
    def text(self) -> str:
        """The option as it is typed."""
        return self.flag.partition("/")[0] or "--" + self.name.replace("_", "-")

    def parameter(self) -> inspect.Parameter:
        declared = typer.Option(
            self.flag or self.text,
            help=self.help,
            metavar=None if self.kind is bool else "|".join(self.choices) or self.metavar,
            rich_help_panel=self.panel,
            hidden=self.hidden,
            show_default=False,
            autocompletion=self._completion() if self.choices else None,
        )
        kind = str if self.kind is int else self.kind  # int() would take ' 1', '1_000' and digits of any script
        annotation: Any = Annotated[kind | None, declared]
        return inspect.Parameter(self.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)

    def value(self, text: Any) -> Any:
        """What was typed, as the commands take it; RequestError for what no command could take."""
        if not isinstance(text, str):
            return text
        if self.metavar != FILE:
            _require_text(text, self.text)
        elif not text:
            refuse(self.text, "expected a file, found nothing", "name one")
        return whole_number(text, self.text, self.least, self.most) if self.kind is int else text

    def _completion(self) -> Callable[[str], list[str]]:
        choices = self.choices
        return lambda incomplete: [choice for choice in choices if choice.startswith(incomplete)]


METAVARS = {
    **dict.fromkeys((vocabulary.PER_AXIS, vocabulary.LENGTHS, vocabulary.PADDING), "N,…"),
    vocabulary.WHOLE: "N", vocabulary.DIVISOR: "N", vocabulary.NUMBER: "P",
    vocabulary.ARRAY: FILE, vocabulary.DELTA: FILE, vocabulary.CELLS: FILE,
    vocabulary.ANYTHING: "TEXT", vocabulary.LETTERS: "NHWC,HWIO",
}  # fmt: skip
"""What stands for a value in help, by kind of key; a choice shows its words."""


def _panel(name: str) -> str:
    return ARRAYS if name in vocabulary.ARRAYS else OTHER if name in ("id", *NOTES) else SETTINGS


def _of_key(name: str, key: Setting, panel: str, help: str = "") -> Option:
    """The option of a key of the case document."""
    if key.kind == vocabulary.BOOLEAN:
        dashed = name.replace("_", "-")
        return Option(name, help or key.plain, panel, kind=bool, flag=f"--{dashed}/--no-{dashed}")
    words = key.choices if key.kind not in METAVARS else ()
    return Option(name, help or key.plain, panel, METAVARS.get(key.kind, "TEXT"), choices=words, hidden=name in NOTES)


KEYS = keys_of_case()
CLAIM_KEYS = vocabulary.CLAIMING
IN_BRACKETS = "; a file, - for standard input, or the numbers themselves in brackets"
CASE = tuple(
    _of_key(name, key, _panel(name), key.plain + IN_BRACKETS if name == "input" else "")
    for name, key in sorted(KEYS.items(), key=lambda item: item[0] not in vocabulary.ARRAYS)
    if name not in CLAIM_KEYS
)
"""The arrays first, then the settings."""
CLAIMS = (
    Option("claim", f"a document with any of {', '.join((*RESULTS, INDICES))}, by somebody else", CHECK, FILE),
    *(_of_key(name, KEYS[name], CHECK) for name in CLAIM_KEYS[1:]),
)
CLAIMED = tuple(
    Option(name, f"{what} that somebody else computed", CHECK, FILE)
    for name, what in (("dW", "the dW"), ("db", "the db"), ("dX", "the dX"), ("y", "the output"))
)
CHECKING = (
    Option("function", "somebody's function, run once: function(delta, x, w, b)", CHECK, "FILE.py:NAME"),
    Option("all", "show every wrong entry, with the overlays that make it", CHECK, kind=bool, flag="--all"),
    Option("sample", "difference only so many entries, chosen by --seed", CHECK, "N", int, least=1),
    Option(
        "every",
        "difference every entry, also of a large layer with a claim; without a case, plant mistakes wherever they show",
        CHECK,
        kind=bool,
        flag="--every",
    ),
    Option("seed", "what chooses the entries of --sample (0)", CHECK, "N", int, most=2**64 - 1),
    Option("min_strength", "exit with 4 unless the case could reveal so many mistakes", CHECK, "N", int),
)
ARITHMETIC = (
    Option("arithmetic", "the kind of number to compute in", NUMBERS, choices=ARITHMETICS),
    Option("allow_nonfinite", "take NaN and infinities", NUMBERS, kind=bool, flag="--allow-nonfinite"),
)
WRITING = (
    Option("format", "how to write the result", OUTPUT, choices=FORMATS),
    Option(
        "output",
        "write to this file, whole or not at all; its suffix picks the format; a .npy takes y or dX",
        OUTPUT,
        FILE,
    ),
    Option("digits", "significant digits in tables (6)", OUTPUT, "N", int, least=1, most=1000),
    Option("ascii", "tables in ASCII only", OUTPUT, kind=bool, flag="--ascii"),
    Option("color", "colour in tables", OUTPUT, choices=("auto", "always", "never")),
    Option("quiet", "only the result, no explanation around it", OUTPUT, kind=bool, flag="--quiet"),
)
DIALECT = (Option("dialect", "whose words and defaults the document has", ARRAYS, choices=DIALECTS, flag="--as"),)
LAYOUT = tuple(option for option in CASE if option.name == "layout")
RUNNING = (
    Option("threads", "how many threads to compute with", OTHER, "N", int, least=1),
    Option("debug", "show the traceback of a bug in convgrad", OTHER, kind=bool, flag="--debug"),
)
OVERLAYS = (
    Option("overlays", "which overlays to show: all, none, or how many", OUTPUT, "all|none|N"),
    Option(
        "only",
        "open one overlay: its position, as in 1,1 (with a sample before it where there are several)",
        OUTPUT,
        "P,…",
    ),
    Option("channel", "the filter and channel to show in tables", OUTPUT, "O,C"),
    Option("quiz", "a page whose entries are hidden until they are typed", OUTPUT, kind=bool, flag="--quiz"),
)
TERMS = (Option("terms", "how many terms to show, or all, with those that are 0 in the padding", OUTPUT, "N|all"),)
NETWORK = (
    Option("layer", "open one layer, as backward shows it", OUTPUT, "NAME"),
    Option("steps", "repeat the step so many times, and show the loss after each", OUTPUT, "N", int, least=1),
)

LISTING = (
    Option("op", "only those that can happen to this operation", SETTINGS, choices=tuple(vocabulary.OPERATIONS)),
)


def document_word(name: str, help: str, *, needed: bool) -> inspect.Parameter:
    """The word that names what to read."""
    if needed:
        return _word(name, str, inspect.Parameter.empty, name.upper(), help)
    return _word(name, str | None, None, f"[{name.upper()}]", help)


def _word(name: str, kind: Any, default: Any, metavar: str, help: str) -> inspect.Parameter:
    annotation: Any = Annotated[kind, typer.Argument(metavar=metavar, help=help)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def whole_number(text: str, option: str, least: int = 0, most: int = LARGEST) -> int:
    """A count as it is typed, in plain digits."""
    shown = text if len(text) <= SHOWN else text[:SHOWN] + "…"
    if not WHOLE.fullmatch(text):
        refuse(option, f"expected a whole number, found '{shown}'")
    number = int(text[:SHOWN])  # of more digits Python may refuse to make a number
    if number < least:
        refuse(option, f"must be at least {least}, but is {shown}")
    if number > most:
        refuse(option, f"must be at most {most}, but is {shown}")
    return number


def _require_text(text: str, option: str) -> None:
    """Refuse an argument with bytes that are no text, which Python carries as halves of surrogate pairs."""
    if alien := re.search("[\ud800-\udfff]", text):
        code = ord(alien[0])
        what = f"byte 0x{code - 0xDC00:02x} is not UTF-8 text" if code > 0xDC7F else "this is not text"
        refuse(option, what, "it must be UTF-8 throughout")
    if "\0" in text:
        refuse(option, "this is not text: it holds zero bytes")


def refuse(option: str, message: str, advice: str = "") -> NoReturn:
    """Raise the RequestError about an option."""
    raise RequestError(Problem(message, advice, place=Point(option)))
