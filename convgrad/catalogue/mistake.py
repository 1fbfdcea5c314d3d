"""What a mistake is: an id, and for every array that it concerns what is altered, in words and as a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Variants = Mapping[str, Any]
"""Altered computations by the name of the variant; none where the mistake does not apply to the case."""


class Later(Mapping[str, Any]):
    """Variants that are made when they are asked for, each time anew: copies of operands are not held together."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = makers

    def __getitem__(self, variant: str) -> Any:
        return self._makers[variant]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class Form(NamedTuple):
    """A mistake on one array.

    `what` completes "it is what comes out when …", `fix` says what to do, `alter` makes the altered computations,
    `needs` are the conditions (of conditions.py) without which a case cannot show it, `operations` those that it can
    happen to (all where empty).
    """

    what: str
    fix: str
    alter: Callable[[Any], Variants]
    needs: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """What happened, of any variant and factor."""
        return self.what.removesuffix(": {variant}").format(variant="a limit", factor="a factor")

    def applies(self, operation: str) -> bool:
        return not self.operations or operation in self.operations


class Mistake(NamedTuple):
    """An entry of the catalogue: its id and its form on every array that it concerns."""

    id: str
    forms: Mapping[str, Form]

    @property
    def arrays(self) -> tuple[str, ...]:
        return tuple(self.forms)


def one(altered: Any) -> Variants:
    """The only variant of a mistake, or none."""
    return {} if altered is None else {"": altered}
