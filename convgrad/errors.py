"""What is wrong with a request: where, what is, what must be and why, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Path = tuple[str | int, ...]
QUOTED = 60  # characters of a word that a message quotes in full


class Point(NamedTuple):
    """A point in a file: its name, line and column (both from 1), and the text of that line."""

    name: str
    line: int | None = None
    column: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.name, self.line, self.column) if part is not None)


class Problem(NamedTuple):
    """One mistake in a request; `path` is the way to it in the document, as in ("input", 0, 2).

    `of_key` says that the last key of the path is wrong, and not what it holds.
    """

    message: str
    advice: str = ""
    path: Path = ()
    place: Point | None = None
    of_key: bool = False

    def at(self, place: Point | None) -> Problem:
        """The same problem, at a place in a file unless it already has one."""
        return self if self.place else self._replace(place=place)

    def under(self, *prefix: str | int) -> Problem:
        """The same problem, deeper in a document."""
        return self._replace(path=(*prefix, *self.path))

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else f"{path_text(self.path)}: " if self.path else ""
        return where + self.message + (f"; {self.advice}" if self.advice else "")


class RequestError(ValueError):
    """The request or a document is wrong: every problem found, in reading order (exit code 2)."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def at(self, place: Point | None) -> RequestError:
        """The same error, at a place for every problem that has none."""
        return RequestError(problem.at(place) for problem in self.problems)

    def __reduce__(self) -> tuple[type[RequestError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def excerpt(text: str) -> str:
    """A word of a document as a message quotes it: a long one by its beginning.

    >>> excerpt("9" * 100)
    '999999999999999999999999999999…'
    """
    return text if len(text) <= QUOTED else text[: QUOTED // 2] + "…"


def path_text(path: Path) -> str:
    """A path as people write it.

    >>> path_text(("layers", 0, "kernel", 1, 2))
    'layers[0].kernel[1,2]'
    """
    text, indices = "", []
    for part in (*path, ""):
        if isinstance(part, int):
            indices.append(str(part))
            continue
        text += f"[{','.join(indices)}]" if indices else ""
        indices = []
        text += f".{part}" if text and part else part
    return text
