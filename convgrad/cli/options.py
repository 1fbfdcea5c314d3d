"""The options of the commands, as one table: a key of the case document is an option of the same name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Annotated, Any, NamedTuple, NoReturn

import typer

from convgrad.errors import Place, Problem, RequestError

ARRAYS, SETTINGS, NUMBERS, OUTPUT, CHECK, OTHER = "Arrays", "Operation", "Numbers", "Output", "Checking", "Other"
OPERATION_NAMES = (
    "conv", "conv-transpose", "max-pool", "average-pool", "lp-pool", "adaptive-max-pool", "adaptive-average-pool",
)  # fmt: skip


FILE = "FILE"
LARGEST = 2**31 - 1
"""No axis has more cells, so no count that is larger means anything."""
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
        return "--" + self.name.replace("_", "-")

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


CASE = (
    Option("input", "x: a file, - for standard input, or the numbers themselves in brackets", ARRAYS, FILE),
    Option("kernel", "w", ARRAYS, FILE),
    Option("bias", "b", ARRAYS, FILE),
    Option("delta", "the upstream gradient dL/dy, or the word ones", ARRAYS, FILE),
    Option("op", "the operation", SETTINGS, choices=OPERATION_NAMES),
    Option("dims", "number of spatial axes", SETTINGS, "1|2|3"),
    Option("stride", "one number, or one an axis: 2,1", SETTINGS, "N,…"),
    Option("padding", "cells, or one an axis, or pairs an axis, or valid, same, same-lower, full", SETTINGS, "N,…"),
    Option("dilation", "one number, or one an axis", SETTINGS, "N,…"),
    Option("groups", "groups of channels", SETTINGS, "N"),
    Option("mode", "whether the kernel is laid as it is, or turned", SETTINGS,
           choices=("cross-correlation", "convolution")),
    Option("padding_mode", "what padding holds", SETTINGS, choices=("zeros", "reflect", "replicate", "circular")),
    Option("output_padding", "conv-transpose: cells more at the end", SETTINGS, "N,…"),
    Option("window", "pools: its size", SETTINGS, "N,…"),
    Option("output_size", "adaptive pools: length of the output; 1 is global pooling", SETTINGS, "N,…"),
    Option("ceil_mode", "pools: also windows that end past the padding", SETTINGS, kind=bool,
           flag="--ceil-mode/--no-ceil-mode"),
    Option("count_include_pad", "average pools: whether padding counts", SETTINGS, kind=bool,
           flag="--count-include-pad/--no-count-include-pad"),
    Option("divisor", "average pools: divide by this", SETTINGS, "N"),
    Option("norm", "Lp pools: the p", SETTINGS, "P"),
    Option("ties", "max pools: who takes delta among equals", SETTINGS, choices=("first", "last", "split", "all")),
    Option("id", "comes back unchanged in the output", OTHER),
    *(Option(name, "left alone", OTHER, hidden=True)
      for name in ("name", "source", "origin", "note", "expected", "tolerance")),
)  # fmt: skip
CLAIMS = (
    Option("claim", "a document with any of output, dW, db, dX that somebody else computed", CHECK, FILE),
    Option("claim_dtype", "the type the claim was computed in", CHECK,
           choices=("float64", "float32", "float16", "bfloat16", "tf32")),
    Option("accumulate", "the type that its sums were asked to be held in", CHECK,
           choices=("float64", "float32", "float16", "bfloat16")),
    Option("algorithm", "how it was computed", CHECK, choices=("direct", "fft", "winograd")),
    Option("printed", "whether the inputs were rounded when they were printed", CHECK, kind=bool,
           flag="--printed/--no-printed"),
)  # fmt: skip
CLAIMED = tuple(
    Option(name, f"{what} that somebody else computed", CHECK, FILE)
    for name, what in (("dW", "the dW"), ("db", "the db"), ("dX", "the dX"), ("y", "the output"))
)
CHECKING = (
    Option("all", "show every wrong entry, with the overlays that make it", CHECK, kind=bool, flag="--all"),
    Option("sample", "difference only so many entries, chosen by --seed", CHECK, "N", int, least=1),
    Option("seed", "what chooses the entries of --sample (0)", CHECK, "N", int, most=2**64 - 1),
    Option("min_strength", "exit with 4 unless the case could reveal so many mistakes", CHECK, "N", int),
)
ARITHMETIC = (
    Option("arithmetic", "the kind of number to compute in", NUMBERS, choices=("auto", "exact", "float64", "float32")),
    Option("allow_nonfinite", "take NaN and infinities", NUMBERS, kind=bool, flag="--allow-nonfinite"),
)
WRITING = (
    Option("format", "how to write the result", OUTPUT, choices=("table", "json", "jsonl", "yaml")),
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
)
NETWORK = (
    Option("layer", "open one layer, as backward shows it", OUTPUT, "NAME"),
    Option("steps", "repeat the step so many times, and show the loss after each", OUTPUT, "N", int, least=1),
)
TAKEN: dict[Callable[..., Any], tuple[Iterable[inspect.Parameter], Iterable[Option]]] = {}
DOCUMENTS = ("case", "file")
DOCUMENT = inspect.Parameter(
    "case", inspect.Parameter.KEYWORD_ONLY, default=None,
    annotation=Annotated[str | None, typer.Argument(metavar="[CASE]", help="a case document; - is standard input")],
)  # fmt: skip


def argument(name: str, help: str) -> inspect.Parameter:
    """A word that must be given."""
    declared = typer.Argument(metavar=name.upper(), help=help)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[str, declared])


def takes(
    arguments: Iterable[inspect.Parameter], options: Iterable[Option]
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Let a function of keywords take arguments and options, once it has been `signed`."""
    known = {option.name: option for option in options}

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        @wraps(function)
        def command(**typed: Any) -> int:
            return function(**{name: known[name].value(text) if name in known else _argument(name, text)
                               for name, text in typed.items()})  # fmt: skip

        TAKEN[command] = (arguments, options)
        return command

    return decorate


def signed(function: Any) -> None:
    """Give a command the signature that its arguments and options make: only to those that a run needs."""
    arguments, options = TAKEN[function]
    function.__signature__ = inspect.Signature([*arguments, *(option.parameter() for option in options)])


def _argument(name: str, text: str | None) -> str | None:
    """An argument; a document's must not be empty, as a shell makes it of a variable that is not set."""
    if text == "" and name in DOCUMENTS:
        refuse(name.upper(), "expected a file, found nothing", "name one")
    return text


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
    raise RequestError(Problem(message, advice, place=Place(option)))
