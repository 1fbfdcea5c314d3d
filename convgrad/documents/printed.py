"""Arrays as programs print them: PyTorch, NumPy, JAX, TensorFlow, MATLAB, Julia, C, and plain rows of numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import FLOAT64, FRACTION, NONFINITE
from convgrad.core.nested import read_numbers
from convgrad.core.printouts import PrintedRows, printed_array, printed_by
from convgrad.documents.cells import DEPTH
from convgrad.documents.document import LARGE, Document
from convgrad.documents.places import place_at
from convgrad.documents.printed_brackets import bracketed
from convgrad.documents.printed_cells import Leaf, PrintError, numeral, refuse_word
from convgrad.documents.printed_rows import rowed
from convgrad.documents.sources import Source, decoded, is_print
from convgrad.errors import Path, Point, Problem, RequestError
from convgrad.vocabulary import LARGEST

HEAD = re.compile(
    r"""\s*(?:Parameter\ containing:\s*)?
    (?:(?P<c>(?:(?:static|const|constexpr|unsigned|float|double|int|long|short|std::\w+(?:<[^>]*>)?)\s+)+\w+
        (?:\s*\[\s*\d*\s*\])*\s*=?\s*)
      |(?:\w+\s*=\s*(?=\S*[\[({<])))?
    (?P<tf><tf\.(?:[^>]*?)numpy=\s*)?
    (?:(?P<call>(?:\w+\.)*\w+)\((?!:)\s*|(?P<julia>[A-Z]\w*)(?=\[))?""",
    re.VERBOSE,
)
TAIL = re.compile(
    r"""(?:\s*,\s*\w+\s*=\s*(?:'[^']*'|<[^>]*>|\([^()]*\)|\[[^][]*\]|[\w.:]+))*\s*,?\s*\)?
    (?:\s*,\s*\w+\s*=\s*(?:'[^']*'|<[^>]*>|[\w.:]+))*\s*\)?\s*>?\s*;?\s*""",
    re.VERBOSE,
)
SCALAR = re.compile(r"(?<=[\[\s,(])((?:np|numpy)\.(?:float|int)[0-9]+\()([^()]*)\)")
"""A number in a list of NumPy's: what stands around it, which blanks may take the place of."""
SIZE = re.compile(r"\b(?:size|shape)=\(([0-9, ]*)\)")
CALLS = {
    "tensor": "PyTorch", "Tensor": "TensorFlow", "array": "NumPy", "Array": "JAX", "DeviceArray": "JAX",
    "asarray": "NumPy", **{f"{kind}{bits}": "NumPy" for kind in ("float", "int") for bits in (16, 32, 64)},
}  # fmt: skip
"""What is called around an array, by the last part of its name, and who prints it so."""
WHOLE = {
    "PyTorch": "print all of it: torch.set_printoptions(profile='full')",
    "TensorFlow": "print all of it: numpy.set_printoptions(threshold=numpy.inf), then print(t.numpy())",
    "NumPy": "print all of it: numpy.set_printoptions(threshold=numpy.inf)",
    "JAX": "print all of it: numpy.set_printoptions(threshold=numpy.inf)",
    "Julia": "print all of it: show(stdout, x)",
}
"""By who prints an array, how none of its numbers is left out."""


class Print(Document):
    """A printed array, whose numbers keep their text; one of many numbers holds float64."""

    __slots__ = ("_text",)

    def __init__(self, name: str, text: str) -> None:
        self._text, self.name = text, name
        super().__init__(name, 1, _kept(self.exact(), text))

    def locate(self, path: Path, *, key: bool = False) -> Point:
        """Where an entry was printed."""
        rows: Any = _body(self._text, lambda match, by: match.start())[0]
        try:
            for part in path:
                rows = rows[part]
            while isinstance(rows, list):
                rows = rows[0]
        except (LookupError, TypeError):
            return super().locate(path, key=key)
        return place_at(self.name, self._text, rows)

    @property
    def is_long(self) -> bool:
        return len(self._text) >= LARGE

    def exact(self) -> Any:
        """The array with the text of every number."""
        try:
            rows, by = _body(self._text, numeral)
        except PrintError as error:
            raise _placed(error, self.name, self._text) from None
        return rows if isinstance(rows, np.ndarray) else PrintedRows(rows, by) if isinstance(rows, list) else rows


def of_print(source: Source, **_: bool) -> Iterator[Document]:
    """The array that a text prints, as a document."""
    text = source.inline if source.inline is not None else decoded(source.data(), source.name)
    return iter([Print(source.name, text)])


def is_named(text: str) -> bool:
    """Whether a text begins as nothing but a printed array does.

    >>> is_named("tensor([[1., 2.]])"), is_named("{{1.f}, {2.f}}"), is_named("[[1, 2]]"), is_named("input: 1")
    (True, True, False, False)
    """
    return is_print(text)


def print_in(name: str, text: str, value: Any) -> Print | None:
    """The printed array in a text, of which a document was made that is an array of numbers, or is not, or an error.

    Raises RequestError for a print that can be no document either.
    """
    if not is_named(text) and not isinstance(value, Exception) and _is_numbers(value):
        return None
    try:
        return Print(name, text)
    except RequestError as error:
        said = error.problems[0]
        unclosed = isinstance(value, Exception) and said.message.endswith("closed")
        if is_named(text) or isinstance(value, str) or said.advice in WHOLE.values() or not ("," in text or unclosed):
            raise
        return None


def _is_numbers(value: Any) -> bool:
    """Whether a document is an array of numbers already, or a mapping."""
    while isinstance(value, list) and value:
        if len(value) > 1 and not all(map(_is_numbers, value)):
            return False
        value = value[0]
    if not isinstance(value, str):
        return True
    return value in NONFINITE or value == "ones" or not (set(value) & set(" ,;\t\n") or value[:1].isalpha())


def _kept(rows: Any, text: str) -> Any:
    """Many numbers as an array, which takes less; where all are decimals, and every row is as long as the others."""
    if len(text) < LARGE or isinstance(rows, np.ndarray) or FRACTION.search(text):
        return rows
    try:
        return printed_array(read_numbers(rows).as_array(FLOAT64), printed_by(rows))
    except RequestError:  # what is wrong is told by whoever needs the numbers
        return rows


def _body(text: str, leaf: Leaf) -> tuple[Any, str]:
    """The numbers of a text, and who prints them so."""
    text = SCALAR.sub(lambda match: f"{' ' * len(match[1])}{match[2]} ", text)
    head = HEAD.match(text)
    assert head is not None
    start, by = head.end(), _printer(head, text)
    if (
        not head["call"]
        and not head["tf"]
        and (text[start : start + 1] not in ("[", "{") or text[start:].startswith("[:"))
    ):
        return rowed(text, leaf)
    rows, end, semicolons = bracketed(text, start, leaf, WHOLE.get(by, WHOLE["NumPy"]))
    tail = TAIL.match(text, end)
    assert tail is not None
    if tail.end() < len(text):
        raise PrintError("this comes after the array", "give one array at a time", tail.end())
    if rows == [] and (size := SIZE.search(text, end)):
        return _empty(size), by
    return rows, "MATLAB" if semicolons and not by else by or ("C" if text[start] == "{" else "NumPy")


def _empty(size: re.Match[str]) -> Any:
    """An array without numbers, of the shape that is printed beside it."""
    shape = [int(part[:20]) for part in re.findall("[0-9]+", size[1])]
    if 0 not in shape or len(shape) > DEPTH or prod(filter(None, shape)) > LARGEST:
        raise PrintError("no number is printed, but the shape has some", "print all of it", size.start())
    return np.zeros(shape)


def _printer(head: re.Match[str], text: str) -> str:
    """Who prints an array so, by what stands before it."""
    if head["call"] is None:
        return "TensorFlow" if head["tf"] else "C" if head["c"] else "Julia" if head["julia"] else ""
    name = head["call"].rpartition(".")[2]
    if name == "masked_array":
        raise PrintError("a masked array hides some of its numbers", "print x.filled(0), say, or its data",
                         head.start("call"))  # fmt: skip
    if name not in CALLS:
        refuse_word(head["call"], head.start("call"))
    return "TensorFlow" if head["tf"] else CALLS[name]


def _placed(error: PrintError, name: str, text: str) -> RequestError:
    return RequestError(Problem(error.message, error.advice, place=place_at(name, text, error.index)))
