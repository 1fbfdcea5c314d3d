"""A mutant: a module with one change, where it is, and how it reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from tests.mutants.changes import changes

Lines = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """The bytes of a module from `start` to `stop` replaced by a text; `lines` are those of the statement's own."""

    path: str
    scope: str
    line: int
    lines: Lines
    start: int
    stop: int
    text: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before}  ->  {self.after}"

    @property
    def sign(self) -> tuple[str, str, str]:
        """What tells it from others wherever its module moves: the function or class, and how the line reads."""
        return self.scope, self.before, self.after

    def applied(self, source: bytes) -> bytes:
        """The module's text with the change."""
        return source[: self.start] + self.text.encode() + source[self.stop :]


def mutants(path: str, source: bytes) -> list[Mutant]:
    """Every mutant of a module, none twice."""
    tree, module = ast.parse(source), Module(path, source)
    scopes, headers = dict(_scopes(tree)), _headers(tree)
    every = (module.mutant(node, text, scopes, headers) for node, text in changes(tree))
    return list({(mutant.start, mutant.stop, mutant.text): mutant for mutant in every}.values())


class Module:
    """A module's text with the byte at which each line begins."""

    def __init__(self, path: str, source: bytes) -> None:
        self.path, self.source = path, source
        self.starts = [0, *accumulate(map(len, source.splitlines(keepends=True)))]

    def mutant(self, node: Any, text: str, scopes: dict[int, str], headers: dict[int, Lines]) -> Mutant:
        """The mutant with a text for a piece of the tree."""
        first, last = node.lineno, node.end_lineno
        start, stop = self.starts[first - 1] + node.col_offset, self.starts[last - 1] + node.end_col_offset
        head, tail = self.source[self.starts[first - 1] : start], self.source[stop : self.starts[last]]
        before, after = head + self.source[start:stop] + tail, head + text.encode() + tail
        lines = headers.get(first, (first, last))
        return Mutant(self.path, scopes.get(first, ""), first, lines, start, stop, text, _plain(before), _plain(after))


def _plain(text: bytes) -> str:
    """In one line."""
    return " ".join(text.decode().split())


def _scopes(node: ast.AST, name: str = "") -> Iterator[tuple[int, str]]:
    """The function or class that each line is in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{name}.{child.name}" if name else child.name
            yield from ((line, inner) for line in range(child.lineno, (child.end_lineno or 0) + 1))
            yield from _scopes(child, inner)
        else:
            yield from _scopes(child, name)


def _headers(tree: ast.AST) -> dict[int, Lines]:
    """For each line those of its statement, without the statements inside, which have their own."""
    result = {}
    for node in ast.walk(tree):  # from the outside inwards: the inner ones overwrite the outer
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = max(body[0].lineno - 1, node.lineno) if body else node.end_lineno or node.lineno
            result |= dict.fromkeys(range(node.lineno, last + 1), (node.lineno, last))
    return result
