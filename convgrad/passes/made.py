"""Arrays by place, each made when it is asked for: a large one that nobody looks at takes no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping

from convgrad.core.arithmetic import Array
from convgrad.subject.place import Place


class Made(MutableMapping[Place, Array]):
    """Arrays that are kept once they were made; one that is put in its place is not made."""

    def __init__(self) -> None:
        self._makers: dict[Place, Callable[[], Array]] = {}
        self._made: dict[Place, Array] = {}

    def later(self, place: Place, make: Callable[[], Array]) -> None:
        """An array that is made when it is asked for."""
        self._makers[place] = make

    def __getitem__(self, place: Place) -> Array:
        if place not in self._made:
            self._made[place] = self._makers[place]()
        return self._made[place]

    def __setitem__(self, place: Place, array: Array) -> None:
        self._makers[place] = lambda: array
        self._made.pop(place, None)

    def __delitem__(self, place: Place) -> None:
        del self._makers[place]
        self._made.pop(place, None)

    def __contains__(self, place: object) -> bool:
        return place in self._makers

    def __iter__(self) -> Iterator[Place]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)
