"""A case in a few numbers with short names, and conditions on them: `groups=1, C%8=0, H=W`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from convgrad.errors import Problem, RequestError
from convgrad.subject.case import Case
from convgrad.subject.foreign_words import did_you_mean

AXES = "DHW"
TERM = re.compile(r"\s*([\w.]+)\s*(?:%\s*([1-9][0-9]*))?\s*(<=|>=|!=|==|=|<|>)\s*([\w.-]+)\s*")
COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
WORDS = ("mode", "padding_mode", "ties", "ceil_mode", "count_include_pad", "divisor", "norm", "activation", "slope")
NUMBER = re.compile("-?[0-9]+")
Fact = tuple[Any, ...]


def facts(case: Case) -> dict[str, Fact]:
    """What a case is in numbers, by name, a number an axis where it goes by axis.

    N C O groups dims; of every axis i L.i (input), K.i (window), P.i (output), stride.i, dilation.i, pad.i.before and
    pad.i.after; the same of all axes as L, K, P, stride, dilation, pad; D H W and KD KH KW; and words as settings are.
    """
    found: dict[str, Fact] = {"dims": (case.dims,), "groups": (case.settings.get("groups", 1),)}
    found |= {"N": (case.shapes["x"][0],), "C": (case.shapes["x"][1],), "O": (case.output_shape[1],)}
    axes = _axes(case)
    for name, values in axes.items():
        found[name] = values
        found |= {f"{name}.{axis}": (value,) for axis, value in enumerate(values)}
    found["pad"] = tuple(cells for pair in _pads(case) for cells in pair)
    for axis, pair in enumerate(_pads(case)):
        found |= {f"pad.{axis}.before": (pair[0],), f"pad.{axis}.after": (pair[1],)}
    for letter, length, size in zip(AXES[-case.dims :], axes["L"], axes["K"], strict=False):
        found |= {letter: (length,), f"K{letter}": (size,)}
    found |= {name: (_word(case.settings[name]),) for name in WORDS if case.settings.get(name) is not None}
    return found


def _axes(case: Case) -> dict[str, Fact]:
    settings, ones = case.settings, (1,) * case.dims
    kernel = case.shapes.get("w")
    sliding = case.arguments.get("window")
    window = kernel[2:] if kernel else settings.get("window") or (sliding.size if sliding else ones)
    axes = {"L": case.shapes["x"][2:], "K": tuple(window), "P": case.output_shape[2:]}
    axes |= {name: tuple(settings.get(name) or ones) for name in ("stride", "dilation")}
    named = ("output_padding", "output_size")
    return axes | {name: tuple(settings[name]) for name in named if settings.get(name) is not None}


def _pads(case: Case) -> list[tuple[int, int]]:
    return [tuple(pair) for pair in case.settings.get("padding") or [(0, 0)] * case.dims]


def _word(value: Any) -> Any:
    return str(value).lower() if isinstance(value, (bool, float)) else value


class Term(NamedTuple):
    """One condition: a name, what its remainder is taken by, how it compares, and with what."""

    name: str
    by: int | None
    sign: str
    other: str

    def holds(self, known: Mapping[str, Fact]) -> bool:
        """Whether it holds of a case, on every axis; what a case has no such number of meets it."""
        if self.name not in known:
            return True
        values = [value % self.by if self.by else value for value in known[self.name]]
        others = self._others(known, len(values))
        return all(COMPARED[self.sign](value, other) for value, other in zip(values, others, strict=False))

    def _others(self, known: Mapping[str, Fact], count: int) -> Fact:
        if NUMBER.fullmatch(self.other):
            return (int(self.other),) * count
        return known.get(self.other, (self.other,) * count)


def limit(text: str) -> list[Term]:
    """Conditions as they are typed, with commas between them."""
    return [_term(part) for part in text.split(",") if part.strip()]


def _term(text: str) -> Term:
    if (found := TERM.fullmatch(text)) is None:
        raise RequestError(Problem(f"'{text.strip()}' is no condition", "as in groups=1, C%8=0, H<=W, stride=1"))
    name, by, sign, other = found.groups()
    if not _is_name(name):
        known = (*NAMES, *WORDS)
        raise RequestError(Problem(f"no case has a '{name}'{did_you_mean(name, known)}", f"one of {', '.join(known)}"))
    if by and name in WORDS:
        raise RequestError(Problem(f"{name} is a word and has no remainder", f"as in {name}=first"))
    return Term(name, int(by) if by else None, sign, other)


NAMES = ("N", "C", "O", "groups", "dims", "L", "K", "P", "stride", "dilation", "pad", "output_padding", "output_size",
         "D", "H", "W", "KD", "KH", "KW")  # fmt: skip
INDEXED = re.compile(r"(?:L|K|P|stride|dilation|output_padding|output_size)\.[0-9]|pad\.[0-9]\.(?:before|after)")


def _is_name(name: str) -> bool:
    return name in NAMES or name in WORDS or INDEXED.fullmatch(name) is not None
