"""Over many random geometries: what is planted is named, and what is right is not accused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from convgrad.catalogue.of_any_array import ANY
from convgrad.catalogue.of_entries import ENTRIES
from convgrad.catalogue.tables import is_practised
from convgrad.diagnosis.candidates import Candidates, differs
from convgrad.diagnosis.control import truth_of
from convgrad.diagnosis.diagnoser import Diagnoser
from convgrad.diagnosis.strength import planted
from tests.diagnosis.cases import claimed, random_case

pytestmark = pytest.mark.slow
GEOMETRIES, BATCH, PAIRED, PAIRS_EACH = 500, 50, 30, 3
FEW = 12
"""Numbers that say too little for two mistakes at once: of so many, as small as they are here, others fit by chance."""
EACH = 8
"""Mistakes planted in each geometry, of the 100 to 300 variants that show there; other seeds plant others."""


def outcomes(seed):
    """For some mistakes planted in a random case: first, equal to that, unearned, or missed; None if no case."""
    case = random_case(seed)
    if case is None:
        return None
    truth = truth_of(case)
    diagnosers = {array: Diagnoser(case, array, right, advise=False) for array, right in truth.items()}
    for array, right in truth.items():
        assert diagnosers[array].of(claimed(array, right, right)) == [], (seed, array)
    shown = list(planted(case, truth))
    chosen = np.random.default_rng(seed).permutation(len(shown))[:EACH]
    return [outcome(case, diagnosers, *shown[number], truth) for number in chosen]


def paired(seed):
    """For some pairs of mistakes planted in a random case that no single one explains: what they were taken for."""
    case = random_case(seed)
    for array, truth in (truth_of(case) if case else {}).items():
        candidates = Candidates(case, array, truth)
        singles = [candidates.value(single) for single in candidates.singles]
        diagnoser, taken = Diagnoser(case, array, truth, advise=False), 0
        pairs = [pair for pair in candidates.pairs() if not set(pair.ids) & set(ANY)] if truth.size > FEW else []
        for number in np.random.default_rng(seed).permutation(len(pairs)):
            wrong = candidates.value(candidates.rebuilt(pairs[number]))
            if taken < PAIRS_EACH and wrong.shape == truth.shape and all(differs(wrong, a) for a in (truth, *singles)):
                taken += 1
                yield pairs[number].ids, diagnoser.of(claimed(array, wrong, truth))[0]


def is_told(ids, part):
    """Whether a pair is named, or listed with the first as giving the same array."""
    listed = {frozenset(one.split(" and ")) for one in part.details.get("alternatives", ())}
    return frozenset(ids) in {frozenset((part.mistake, part.details.get("also"))), *listed}


def outcome(case, diagnosers, array, name, variant, wrong, truth):
    found = diagnosers[array].of(claimed(array, wrong, truth[array]))
    if found and found[0].mistake == name:
        return "first"
    if found and found[0].mistake and is_practised(case.operation.name, array, name):
        return "equal" if found[0].matches == found[0].entries or found[0].mistake in ENTRIES else f"part {name}"
    if not found or name not in found[0].details.get("alternatives", ()):
        return f"missed {array} {name} {variant}"
    return "equal" if found[0].mistake else "unearned"


def test_planted_pairs_are_named_or_explained_in_full_by_something_simpler_or_equal():
    found = [outcome for seed in range(PAIRED) for outcome in paired(seed)]
    named = [ids for ids, part in found if is_told(ids, part)]
    rest = [part for ids, part in found if not is_told(ids, part)]
    other = [part for part in rest if part.mistake and part.matches == part.entries]
    print(f"{len(found)} pairs, {len(named)} named, {len(other)} explained by others")
    assert len(named) >= 0.84 * len(found)
    assert len(named) + len(other) >= 0.9 * len(found)  # the rest says too little for two


@pytest.mark.parametrize("first", range(0, GEOMETRIES, BATCH))
def test_planted_mistakes_are_named_and_right_gradients_are_not_accused(first):
    """Counted as named: first, or listed with the first because both give this array on this case.

    Of a few small numbers no name is earned: then what would give them is listed.
    """
    drawn = {seed: outcomes(seed) for seed in range(first, first + BATCH)}
    count = Counter(result for results in drawn.values() if results for result in results)
    missed = {seed: results for seed, results in drawn.items() if results and any("missed" in r for r in results)}
    total, kept = sum(count.values()), sum(results is not None for results in drawn.values())
    print(
        f"seeds {first}-{first + BATCH - 1}: {kept} cases, {total} planted, {count['first']} first, "
        f"{count['equal']} equal to what was named first, {count['unearned']} unearned, missed: {missed}"
    )
    assert kept >= 0.9 * BATCH
    assert total - sum(count[result] for result in count if "missed" in result) >= 0.995 * total, missed
    assert count["unearned"] <= 0.22 * total
    assert count["first"] >= 0.68 * total
