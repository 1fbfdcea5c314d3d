"""Mutations of values: keys and entries lost, moved, renamed, repeated, or replaced by odd ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fuzz.choices import Choices
from tests.fuzz.values import Raw, copied, odd, odd_key

Place = tuple[Any, Any]
"""A container and the key or index of one of its parts."""


def mutated(choices: Choices, document: Any) -> Any:
    """The document with one to three mutations."""
    whole = [copied(document)]
    for _ in range(choices.one_of(1, 1, 1, 2, 3)):
        choices.weighted(MUTATIONS)(choices, whole)
    return whole[0]


def _place(choices: Choices, whole: list[Any]) -> Place:
    """Somewhere in the document: more often near its root."""
    container, key = whole, 0
    while isinstance(container[key], (dict, list)) and container[key] and (container is whole or choices.chance(0.45)):
        container = container[key]
        key = (
            choices.of_list(list(container)) if isinstance(container, dict) else choices.integer(0, len(container) - 1)
        )
    return container, key


def _mapping(choices: Choices, whole: list[Any]) -> dict[Any, Any] | None:
    """A mapping of the document: itself, or one of those in it."""
    mappings = [whole[0]] if isinstance(whole[0], dict) else []
    for mapping in mappings[:30]:
        for part in mapping.values():
            mappings += [inner for inner in (part if isinstance(part, list) else [part]) if isinstance(inner, dict)]
    return choices.of_list(mappings) if mappings else None


def _replace(choices: Choices, whole: list[Any]) -> None:
    container, key = _place(choices, whole)
    container[key] = odd(choices)


def _remove(choices: Choices, whole: list[Any]) -> None:
    container, key = _place(choices, whole)
    if container is not whole:
        del container[key]


def _wrap(choices: Choices, whole: list[Any]) -> None:
    container, key = _place(choices, whole)
    value = container[key]
    container[key] = choices.one_of([value], [value, value], [[value]], {"input": value}, [value] * 3)


def _unwrap(choices: Choices, whole: list[Any]) -> None:
    container, key = _place(choices, whole)
    if isinstance(container[key], list) and container[key]:
        container[key] = container[key][0]


def _repeat(choices: Choices, whole: list[Any]) -> None:
    """An entry once more, so that a row is longer than the next."""
    container, key = _place(choices, whole)
    if isinstance(container[key], list) and container[key]:
        container[key].append(container[key][-1])


def _add(choices: Choices, whole: list[Any]) -> None:
    mapping = _mapping(choices, whole)
    if mapping is not None:
        mapping[odd_key(choices)] = odd(choices)


def _rename(choices: Choices, whole: list[Any]) -> None:
    mapping = _mapping(choices, whole)
    if mapping:
        value = mapping.pop(choices.of_list(list(mapping)))
        mapping[odd_key(choices)] = value


def _exchange(choices: Choices, whole: list[Any]) -> None:
    mapping = _mapping(choices, whole)
    if mapping:
        one, other = choices.of_list(list(mapping)), choices.of_list(list(mapping))
        mapping[one], mapping[other] = mapping[other], mapping[one]


def _graft(choices: Choices, whole: list[Any]) -> None:
    """A part of the document in another place as well."""
    container, key = _place(choices, whole)
    other, at = _place(choices, whole)
    other[at] = copied(container[key])


def _perturb(choices: Choices, whole: list[Any]) -> None:
    """A number a little other, or of the other sign, or very other."""
    container, key = _place(choices, whole)
    value = container[key]
    if isinstance(value, int) and not isinstance(value, bool):
        container[key] = choices.one_of(value + 1, value - 1, -value, value * 10, Raw(f"{value}.5"), 0)
    elif isinstance(value, str):
        container[key] = Raw(value + choices.one_of("0", "e1", ".", "x", " 1", "e30"))


MUTATIONS: dict[Callable[[Choices, list[Any]], None], int] = {
    _replace: 8, _remove: 2, _wrap: 2, _unwrap: 2, _repeat: 1, _add: 6, _rename: 1, _exchange: 2, _graft: 2,
        _perturb: 4,
}  # fmt: skip
