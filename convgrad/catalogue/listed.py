"""The catalogue as people read it: each mistake, what it concerns, how it happens, what to do, what a case needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from convgrad.catalogue.conditions import CONDITIONS
from convgrad.catalogue.found import found_on
from convgrad.catalogue.mistake import Form
from convgrad.catalogue.tables import of_operation, operations
from convgrad.core.record import Record
from convgrad.errors import Problem, RequestError
from convgrad.subject.foreign_words import closest
from convgrad.vocabulary import MISTAKEN, OPERATIONS


@dataclass(frozen=True, slots=True)
class Told:
    """How a mistake happens to some arrays of some operations: `what` is done, the `fix`, and what a case `needs`."""

    arrays: tuple[str, ...]
    operations: tuple[str, ...]
    what: str
    fix: str
    needs: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("arrays", "operations", "what", "fix", "needs")}


@dataclass(frozen=True, slots=True)
class Listed:
    """A mistake with all the ways in which it happens, which differ by array or operation."""

    id: str
    ways: tuple[Told, ...]

    @property
    def arrays(self) -> tuple[str, ...]:
        concerned = {array for way in self.ways for array in way.arrays}
        return tuple(array for array in MISTAKEN if array in concerned)

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "arrays": self.arrays, "ways": [way.to_dict() for way in self.ways]}


@dataclass(frozen=True, slots=True)
class Listing(Record):
    """Mistakes of the catalogue: of one operation, or of all; `only` where one was asked for."""

    mistakes: tuple[Listed, ...]
    op: str | None = None
    only: bool = False

    def __repr__(self) -> str:
        told = self.mistakes[0].id if self.only else f"{len(self.mistakes)} mistakes"
        return f"Listing({told}{f' of {self.op}' if self.op else ''})"

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        listed = [mistake.to_dict() for mistake in self.mistakes]
        return {"schema": "convgrad.mistakes/1", "op": self.op, "mistakes": listed}


def mistakes(name: str | None = None, *, op: str | None = None) -> Listing:
    """The mistakes that `check` can name, of one operation or of all; by its id a single one.

    Raises RequestError for an id or an operation that there is not, and for one that cannot happen to the other.
    """
    if op is not None and op not in OPERATIONS:
        message = f"there is no operation '{op}'"
        raise RequestError(Problem(message, f"one of {', '.join(OPERATIONS)}", ("op",)))
    every = _listed(operations() if op is None else (op,))
    if name is None:
        return Listing(tuple(every.values()), op)
    if name not in every:
        raise RequestError(_unknown(name, op))
    return Listing((every[name],), op, only=True)


def _unknown(name: str, op: str | None) -> Problem:
    everywhere = _listed(operations())
    if name in everywhere:
        others = ", ".join(dict.fromkeys(one for way in everywhere[name].ways for one in way.operations))
        return Problem(f"'{name}' cannot happen to {op}", f"it happens to {others}")
    close = closest(name, everywhere)
    return Problem(
        f"there is no mistake '{name}'", f"did you mean {close}?" if close else "convgrad mistakes lists them all"
    )


def _listed(operations: tuple[str, ...]) -> dict[str, Listed]:
    """The mistakes on some operations by id: those that are tried first, then those that are found."""
    ways: dict[str, dict[tuple[str, ...], tuple[dict[str, None], dict[str, None]]]] = {}
    for operation, name, array, form in _forms(operations):
        arrays, where = ways.setdefault(name, {}).setdefault(_words(form), ({}, {}))
        arrays[array] = where[operation] = None
    return {name: Listed(name, tuple(_told(key, *both) for key, both in each.items())) for name, each in ways.items()}


def _forms(operations: tuple[str, ...]) -> Iterator[tuple[str, str, str, Form]]:
    """Operation, id, array and form."""
    planted = {one: {mistake.id: mistake.forms for mistake in of_operation(one)} for one in operations}
    found = {one: found_on(one) for one in operations}
    tables: tuple[Mapping[str, Mapping[str, Mapping[str, Form]]], ...] = (planted, found)
    for table in tables:
        for operation, each in table.items():
            yield from (
                (operation, name, array, form) for name, all_of in each.items() for array, form in all_of.items()
            )


def _words(form: Form) -> tuple[str, ...]:
    return (form.plain, form.fix, *(CONDITIONS[need].advice for need in form.needs))


def _told(words: tuple[str, ...], arrays: Mapping[str, None], operations: Mapping[str, None]) -> Told:
    what, fix, *needs = words
    ordered = tuple(array for array in MISTAKEN if array in arrays)
    return Told(ordered, tuple(operations), what, fix, tuple(needs))
