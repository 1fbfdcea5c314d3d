"""What is brought, part by part: all of it, or the few of each that a test has time for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from tests.court.brought import Brought
from tests.court.cases import DATA, Trial, trials
from tests.court.guilty import guilty
from tests.court.innocent import innocents
from tests.court.slips import SETS, slips

MUTANTS = "mutants"
PARTS = ("claims", *SETS, MUTANTS)
FAST = (1, 7, 11, 14)
"""Geometries of the fast part, each with one kind of data."""
SLIPS_OF_FAST = 3


def brought(part: str, seed: int, *, fast: bool = False, large: bool = False) -> Iterator[Brought]:
    if part == "claims":
        for trial in drawn(seed, fast=fast, large=large):
            yield from innocents(trial)
            yield from guilty(trial, seed)
    else:
        yield from islice(slips(part), SLIPS_OF_FAST if fast else None)


def drawn(seed: int, *, fast: bool = False, large: bool = False) -> Iterator[Trial]:
    """The cases: some three hundred arrays, or the few that are fast."""
    if not fast:
        yield from trials(seed, ("small", "middle", "large")[: 2 + large])
        return
    for trial in trials(seed, ("small",)):
        number = int(trial.name.split("-")[1])
        if number in FAST and trial.data == DATA[FAST.index(number) % len(DATA)]:
            yield trial
