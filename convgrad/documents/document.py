"""One document of a source: its value or what is wrong with it, and where its parts are."""

from __future__ import annotations

from typing import Any

from convgrad.errors import Path, Point, RequestError, path_text

LARGE = 20_000
"""Characters of an array from which on it is read as a binary one; smaller ones keep the text of their numbers."""


class Document:
    """A document without lines, such as an array of a binary file, or the error that kept it from being read."""

    __slots__ = ("dtype", "error", "line", "name", "number", "value")

    def __init__(self, name: str, number: int, value: Any, error: Exception | None = None, line: int = 1) -> None:
        self.name, self.number, self.value, self.error, self.line = name, number, value, error, line
        self.dtype = ""
        """The type of number that a file says of its array, where the array has a wider one."""

    def locate(self, path: Path, *, key: bool = False) -> Point:
        """Where the value at a path is (or its key): x.npy[0,1], or x.npz:kernel[0,1]."""
        member = f":{path[0]}" if isinstance(self.value, dict) and path else ""
        return Point(path_text((self.name + member, *(part for part in path if isinstance(part, int)))))

    @property
    def is_long(self) -> bool:
        """Whether arrays of its text may have been read as binary ones, for speed."""
        return False

    def exact(self) -> Any:
        """The value with the text of every number, as far as it has one."""
        return self.value

    def placed(self, error: RequestError) -> RequestError:
        """The same error, with the place in the file for every problem that has none."""
        return RequestError(
            problem if problem.place else problem.at(self.locate(problem.path)) for problem in error.problems
        )
