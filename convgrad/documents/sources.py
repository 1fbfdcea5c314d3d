"""Where a document comes from: a file, a member of an archive, standard input, or the argument itself."""

from __future__ import annotations

import codecs
import difflib
import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any, NamedTuple, NoReturn

from convgrad.errors import Point, Problem, RequestError

INLINE = r"""\ufeff?\s*(?: [\[{"'] | [\w-]+\s*:(?:\s|$) | -\s | ones\s*$ | .*\n
    | [-+]?\.?[0-9][0-9.eE+-]*(?:/[0-9]+)?\s*$ | [-+]?\.?(?:nan|inf(?:inity)?)\s*$ )"""
"""What an argument that names no file must look like to be a document itself."""
NUMBERS = r"[-+]?\.?\d[-+.\deE/]*(?:, *[-+]?\.?\d[-+.\deE/]*)+"
PRINT = r"""\s*(?: Parameter\ containing: | <tf\. | \{\s*[{\d.+-] | (?:Float|Int)\d+\[
    | \d+[×x]\d+\S*\s+\S*(?:Array|Matrix) | (?:\w+\s*=\s*)?(?:\w+\.)*
      (?: masked_array | tensor | Tensor | array | Array | DeviceArray | asarray | (?:float|int)(?:16|32|64) )\(
    | (?:(?:static|const|constexpr|float|double|int)\s+)+\w+\s*\[
    | \[\s*[-+.\d][-+.\deE\s]*+;[-+.\deE\s;]*+\]\s*\Z )"""
"""How a text begins that can be nothing but a printed array."""
LIKELY_PRINT = rf"{PRINT} | \s*(?: [\[\d.+\-\#%(] | // | \w+\s*= | \w*\(: | nan\b | inf\b )"
"""How one begins that may be one, where it is no document."""
BINARY = {  # how files begin that are no text, and what to do with them
    b"\x93NUMPY": "this is a NumPy array: give the file a name that ends in .npy",
    b"PK\x03\x04": "this is a ZIP archive: NumPy's have a name that ends in .npz",
    b"\x1f\x8b": "this is compressed: unpack it with gunzip first",
    b"\x80": "this looks like a pickle, which could run any program: save the arrays with numpy.savez",
}


class Format(NamedTuple):
    """A format of documents: its name and suffixes, and the module and function that read documents from a source.

    These know where their parts are. `is_lines` says that each line is a document, `has_members` that one may be named
    after a colon; `needs` is the package that reading takes, where it is one that may be missing.
    """

    name: str
    suffixes: tuple[str, ...]
    reader: str
    is_lines: bool = False
    has_members: bool = False
    needs: str = ""


YAML = Format("yaml", (".yaml", ".yml"), "convgrad.documents.reading:of_text")
JSON_LINES = Format("jsonl", (".jsonl", ".ndjson"), "convgrad.documents.reading:of_text", is_lines=True)
TENSORS = "convgrad.documents.tensors"
PRINTED = Format("print", (".csv", ".tsv"), "convgrad.documents.printed:of_print")
FORMATS = [
    YAML,
    Format("json", (".json",), "convgrad.documents.reading:of_text"),
    JSON_LINES,
    Format("npy", (".npy",), "convgrad.documents.binary:of_array"),
    Format("npz", (".npz",), "convgrad.documents.binary:of_archive", has_members=True),
    PRINTED,
    Format("safetensors", (".safetensors",), f"{TENSORS}.safetensors:of_safetensors", has_members=True),
    Format("pt", (".pt", ".pth"), f"{TENSORS}.pytorch:of_pytorch", has_members=True),
    Format("onnx", (".onnx",), f"{TENSORS}.onnx:of_onnx", has_members=True),
    Format("page", (".html", ".htm"), "convgrad.documents.pages:of_page"),
]
RAW = Format("raw", (), f"{TENSORS}.raw:of_bytes")
"""Bytes whose type and shape stand after an @."""


def format_of(path: str) -> Format | None:
    """The format that a name's suffix says, if it says one."""
    suffix = os.path.splitext(path)[1].lower()
    return next((row for row in FORMATS if suffix in row.suffixes), None)


@dataclass
class Source:
    """One argument: the name that errors show, its format, and how to get its bytes."""

    name: str
    format: Format
    path: str | None = None
    member: str | None = None
    inline: str | None = None
    stream: Any = None
    guess: bool = False  # of unknown suffix: may turn out to be JSON Lines

    def open(self) -> IO[bytes]:
        """The bytes as a stream; raises RequestError for what cannot be opened."""
        if self.stream is not None:
            return _Encoded(self.stream) if _is_text(self.stream) else self.stream  # type: ignore[return-value]
        assert self.path is not None
        try:
            return open(self.path, "rb")
        except OSError as error:
            refuse(self.name, f"cannot be read: {_reason(error)}")

    def data(self) -> bytes:
        """All bytes."""
        try:
            with self.open() as file:
                return file.read()
        except OSError as error:
            refuse(self.name, f"cannot be read: {_reason(error)}")

    def lines(self) -> Iterator[bytes]:
        """The bytes line by line."""
        if self.inline is not None:
            yield from _encoded(self.inline).splitlines(True)
            return
        try:
            with self.open() as file:
                yield from file
        except OSError as error:
            refuse(self.name, f"cannot be read: {_reason(error)}")

    def text_or_lines(self) -> str | Iterator[bytes]:
        """The text; of JSON Lines (also behind a name that does not say so) the lines, as they come."""
        if self.format.is_lines:
            return self.lines()
        if self.inline is not None:
            return decoded(_encoded(self.inline), self.name)
        if not self.guess:
            return decoded(self.data(), self.name)
        return self._guessed()

    def _guessed(self) -> str | Iterator[bytes]:
        lines = self.lines()
        first = list(_until_two_filled(lines))
        if _begins_json_lines([line.strip() for line in first if line.strip()]):
            self.format = JSON_LINES
            return chain(first, lines)
        return decoded(b"".join(chain(first, lines)), self.name)


def source(argument: str, *, option: str | None = None, stdin: Any = None) -> Source:
    """What an argument names: `-`, a file, `file.npz:member`, or the document itself.

    Raises RequestError where it is none of these.
    """
    if argument == "-":
        return Source("<stdin>", YAML, stream=stdin if stdin is not None else _stdin(), guess=True)
    if os.path.exists(argument):
        return _file(argument)
    whole, colon, member = argument.rpartition(":")
    form = format_of(whole) if colon else None
    of_members = form is not None and form.has_members
    if form is not None and of_members and os.path.exists(whole):
        return Source(argument, form, path=whole, member=member)
    whole_file, at, told = argument.rpartition("@")
    if at and os.path.isfile(whole_file):
        return Source(argument, RAW, path=whole_file, member=told)
    if is_print(argument):
        return Source(option or "<argument>", PRINTED, inline=argument)
    if re.match(INLINE, argument, re.VERBOSE | re.IGNORECASE):
        return Source(option or "<argument>", YAML, inline=argument)
    return _no_such_file(whole if of_members else argument, option)


def is_print(text: str) -> bool:
    """Whether a text begins as nothing but a printed array does; the pattern is compiled when this is first asked."""
    return re.match(PRINT, text, re.VERBOSE) is not None


def may_be_print(text: str) -> bool:
    """Whether a text, where it is no document, may be a printed array."""
    return re.match(LIKELY_PRINT, text, re.VERBOSE | re.IGNORECASE) is not None


def file_in(argument: str) -> str:
    """The file that an argument names, without a member or a type after it; the argument itself where it is none."""
    if os.path.exists(argument):
        return argument
    whole, _, _ = argument.rpartition("@" if "@" in argument else ":")
    return whole if whole and os.path.isfile(whole) else argument


def _file(path: str) -> Source:
    if os.path.isdir(path):
        files = ", ".join(name for name in _files(path) if format_of(name))
        refuse(path, "this is a folder, not a document", f"name a file in it: {_shortened(files)}" if files else "")
    form = format_of(path)
    guess = form is None or (not form.is_lines and not stat.S_ISREG(os.stat(path).st_mode))
    return Source(path, form or YAML, path=path, guess=guess)


def _no_such_file(argument: str, option: str | None) -> NoReturn:
    if re.fullmatch(NUMBERS, argument):
        refuse(_shortened(argument), "no such file", f"numbers go in brackets: [{_shortened(argument)}]")
    folder, name = os.path.split(argument)
    words = ["ones"] if option == "--delta" and not folder else []
    close = difflib.get_close_matches(name, words + _files(folder or "."), n=1)
    advice = f"did you mean {os.path.join(folder, close[0])}?" if close else ""
    if not close and folder and not os.path.isdir(folder):
        advice = f"there is no folder {folder}"
    refuse(_shortened(argument), "no such file", advice)


def _files(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))[:10_000]
    except (OSError, ValueError):
        return []


def decoded(data: bytes, name: str, first_line: int = 1) -> str:
    """Bytes as text: UTF-8, with or without a mark, or UTF-16 with one."""
    for start, advice in BINARY.items():
        if data.startswith(start):
            refuse(name, "this is not text", advice, first_line)
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else "utf-8")
    except UnicodeDecodeError as error:
        line = first_line + data.count(b"\n", 0, error.start)
        what = f"byte 0x{data[error.start]:02x} is not UTF-{16 if wide else 8} text"
        refuse(name, what, "it must be UTF-8 throughout", line)
    if "\0" in text:
        line = first_line + text.count("\n", 0, text.index("\0"))
        refuse(name, "this is not text: it holds zero bytes", "a document is YAML or JSON text", line)
    return text


def refuse(name: str, message: str, advice: str = "", line: int | None = None) -> NoReturn:
    """Raise the RequestError about a source as a whole, or one line of it."""
    raise RequestError(Problem(message, advice, place=Point(name, line))) from None


class _Encoded:
    """A text stream as the stream of its bytes."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def read(self) -> bytes:
        return _encoded(self.stream.read())

    def __iter__(self) -> Iterator[bytes]:
        return map(_encoded, self.stream)

    def __enter__(self) -> _Encoded:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _encoded(text: str) -> bytes:
    """The bytes that a text was made from, also where they are no text."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair, which no bytes were decoded to
        return text.encode("utf-8", "surrogatepass")


def _is_text(stream: Any) -> bool:
    return not isinstance(stream.read(0), bytes)


def _stdin() -> Any:
    return getattr(sys.stdin, "buffer", sys.stdin)


def _until_two_filled(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines up to the second that is not blank."""
    filled = 0
    for line in lines:
        yield line
        filled += bool(line.strip())
        if filled == 2:
            return


def _begins_json_lines(filled: list[bytes]) -> bool:
    """Whether two lines can only be JSON Lines: as one document, one mapping after another is an error."""
    if len(filled) < 2:
        return False
    first, second = filled
    return first.removeprefix(codecs.BOM_UTF8).startswith(b"{") and first.endswith(b"}") and second.startswith(b"{")


def _reason(error: OSError) -> str:
    if error.errno == errno.EBADF:
        return "it is closed"
    return (error.strerror or str(error) or "unknown reason").lower()


def _shortened(text: str) -> str:
    line = text.replace("\n", " ")
    return line if len(line) <= 200 else line[:200] + "…"
