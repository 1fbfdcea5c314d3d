"""Numbers, words and arrays as text on one line, as JSON and as YAML write them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, ClassVar

import numpy as np

from convgrad.core.arithmetic import Plain, decimal_text, whole_text

LITERALS = {"true", "false", "null"}
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
NONFINITE = re.compile("nan|-?inf")
QUOTE = '"'
SMALL = 1000  # numbers: in fewer, to look whether any is whole takes longer than to go through their text
INTEGERS = 1e16  # from here on the shortest text of a whole number has an exponent
SHORT = 100  # characters: what is no longer stays on one line


class Dialect:
    """How one language writes what stands alone; this is strict JSON in ASCII, where minus zero is 0."""

    nonfinite: ClassVar[dict[str, str]] = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
    _scalars: ClassVar[dict[type, Callable[[Dialect, Any], str]]]

    def word(self, text: str) -> str:
        return str(quoted(text))

    def number(self, text: str) -> str:
        return text

    def scalar(self, value: Any) -> str:
        """The text of a value that has no parts."""
        write = self._scalars.get(type(value))
        return write(self, value) if write else self._kindred(value)

    def _kindred(self, value: Any) -> str:
        if isinstance(value, (np.floating, np.integer, np.bool_)):
            return self.numbers(np.asarray(value))
        for kind, write in self._scalars.items():
            if isinstance(value, kind):
                return write(self, value)
        raise TypeError(f"cannot write {type(value).__name__}")

    def has(self, value: Any) -> bool:
        """Whether a value has no parts."""
        return type(value) in self._scalars or isinstance(value, (str, int, float, Fraction, np.generic))

    def _real(self, value: float) -> str:
        text = repr(value + 0.0)
        if "n" in text:
            return self.nonfinite[text]
        return text[:-2] if text.endswith(".0") else self.number(text)

    def _rational(self, value: Fraction) -> str:
        text = decimal_text(value)
        return self.word(text) if "/" in text else text

    def _plain(self, value: Plain) -> str:
        """A word of a document that comes back: a number as it was written."""
        return str(value) if value in LITERALS or JSON_NUMBER.fullmatch(value) else self.word(value)

    def numbers(self, array: Any) -> str:
        """The text of an array, on one line.

        >>> Dialect().numbers(np.array([[0.1, -0.0], [1.0, np.nan]]))
        '[[0.1, 0], [1, "NaN"]]'
        """
        if array.dtype.kind != "f":
            return repr(array.tolist()) if array.dtype.kind in "iu" else self._each(array.tolist())
        values = _doubles(array)
        whole = values == np.trunc(values) if values.size >= SMALL else None
        if whole is not None and whole.all() and abs(values).max() < INTEGERS:
            return repr(values.astype(np.int64).tolist())
        text = repr(values.tolist())
        if "n" in text:
            text = NONFINITE.sub(lambda found: self.nonfinite[found[0]], text)
        if whole is None or whole.any():  # else there is no .0, and going through a text takes its time
            text = text.replace(".0, ", ", ").replace(".0]", "]").removesuffix(".0")
        return self.number(text)

    def _each(self, values: Any) -> str:
        return f"[{', '.join(map(self._each, values))}]" if isinstance(values, list) else self.scalar(values)

    def short(self, value: Any) -> str | None:
        """The text of what may share a line with others; None for what is long, or not all there yet."""
        if self.has(value):
            return self.scalar(value)
        if isinstance(value, np.ndarray):
            one_row = value.size < 10_000 and (value.ndim < 2 or value.size <= value.shape[-1])
            return self.numbers(value) if one_row else None
        if not isinstance(value, (list, tuple, Mapping)) or len(value) > SHORT:
            return None
        text = self._mapping(value) if isinstance(value, Mapping) else self._items("[{}]", map(self.short, value))
        return text if text is not None and len(text) <= SHORT else None

    def _mapping(self, value: Mapping[str, Any]) -> str | None:
        texts = ((self.word(str(key)), self.short(item)) for key, item in value.items())
        return self._items("{{{}}}", (None if text is None else f"{key}: {text}" for key, text in texts))

    def _items(self, form: str, texts: Iterable[str | None]) -> str | None:
        known = list(texts)
        return None if None in known else form.format(", ".join(map(str, known)))


def _doubles(array: Any) -> Any:
    """The array with numbers whose shortest text in float64 is the shortest in the array's own type; no minus zero."""
    if array.dtype.itemsize < 8:
        array = array.astype("U").astype(np.float64)
    return (array if array.dtype == np.float64 else array.astype(np.float64)) + 0.0


Dialect._scalars = {
    str: lambda dialect, value: dialect.word(value),
    float: Dialect._real,
    bool: lambda _, value: "true" if value else "false",
    int: lambda _, value: whole_text(value),
    type(None): lambda _, __: "null",
    Fraction: Dialect._rational,
    Plain: Dialect._plain,
}


class Yaml(Dialect):
    """YAML that readers of either version, 1.1 or 1.2, take alike."""

    nonfinite: ClassVar[dict[str, str]] = {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}
    _safe = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
    _reserved = LITERALS | {"yes", "no", "on", "off", "y", "n"}
    _wide = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")
    _after_digit = re.compile(r"e(?<![0-9.][0-9]e)")  # it begins with what is rare, to be found fast

    def word(self, text: str) -> str:
        if self._safe.fullmatch(text) and text.lower() not in self._reserved:
            return text
        return self._wide.sub(lambda pair: f"\\U{ord(json.loads(f'{QUOTE}{pair[0]}{QUOTE}')):08x}", super().word(text))

    def number(self, text: str) -> str:
        """YAML 1.1 takes a number with an exponent for text unless it has a point."""
        return self._after_digit.sub(".0e", text) if "e" in text else text


JSON, YAML = Dialect(), Yaml()
