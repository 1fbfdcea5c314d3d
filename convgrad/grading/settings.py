"""The settings of a case as somebody else's program gets them: resolved, and those that are other than by default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from convgrad.subject.case import Case
from convgrad.suites.trial import used
from convgrad.vocabulary import INDICES

ALSO = ("op", "dims", "dtype")
"""What a function may also want to know, and that no case depends on."""


def resolved(case: Case) -> dict[str, Any]:
    """Every setting of a case, padding as a pair an axis; indices are an array, and come with the arrays."""
    return {name: _plain(value) for name, value in used(case).items()}


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else value


def folded(value: Any) -> Any:
    """One number for all axes, before and after, where they agree; else a tuple an axis.

    >>> folded([2, 2]), folded([1, 2]), folded([[1, 1], [1, 1]]), folded([[0, 1], [1, 1]])
    (2, (1, 2), 1, ((0, 1), (1, 1)))
    """
    if not isinstance(value, list):
        return value
    parts = tuple(folded(part) for part in value)
    if len(set(parts)) == 1 and not isinstance(parts[0], tuple):
        return parts[0]
    whole = any(isinstance(part, list) for part in value)
    return tuple(tuple(part) for part in value) if whole else parts


def unusual(case: Case) -> Iterator[str]:
    """The settings that change what is computed, since they are other than the default of their operation."""
    if INDICES in case.settings:
        yield INDICES
    for name, default in case.operation.defaults.items():
        value = case.settings.get(name)
        if name != INDICES and value is not None and folded(_plain(value)) != default:
            yield name


def lacking(case: Case, names: Iterable[str], whole: Iterable[str]) -> str | None:
    """Why a function with parameters of these names, some for one whole number, cannot be asked a case."""
    known, single = set(names), set(whole)
    for name in unusual(case):
        if name not in known:
            return name
        if name in single and name != INDICES and not isinstance(folded(_plain(case.settings[name])), int):
            return f"{name} an axis"
    return None
