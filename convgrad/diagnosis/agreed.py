"""Which of several explanations of an array is told first: the one that explains the other arrays too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from convgrad.diagnosis.diagnosis import Diagnosis
from convgrad.diagnosis.telling import also_text
from convgrad.subject.place import Place


def in_common(diagnoses: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Of the mistakes that explain an array in full, first the one that explains most arrays: one slip, not several."""
    places: dict[Place, list[Diagnosis]] = {}
    for one in diagnoses:
        places.setdefault(one.place, []).append(one)
    explained = Counter(name for told in places.values() for name in {one.mistake for one in told if _whole(one)})
    return tuple(one for told in places.values() for one in _reordered(told, explained))


def _whole(one: Diagnosis) -> bool:
    return one.mistake is not None and one.matches == one.entries


def _reordered(told: list[Diagnosis], explained: Counter[str | None]) -> list[Diagnosis]:
    if not _whole(told[0]):
        return told
    best = max((one for one in told if _whole(one)), key=lambda one: explained[one.mistake])
    if best is told[0] or explained[best.mistake] == explained[told[0].mistake]:
        return told
    first = replace(best, message=best.message + also_text(best.details))
    return [first, *(one for one in told if one is not best)]
