"""`core` is small, minimal, reveals every mistake and keeps them apart; its numbers never change."""

from __future__ import annotations

import hashlib
from itertools import product

import pytest

from convgrad.catalogue.tables import catalogue
from convgrad.suites.core import core
from convgrad.suites.edges import edges
from convgrad.suites.selection import sketches
from convgrad.suites.sketch import Sketch
from convgrad.suites.splitmix import splitmix, whole
from convgrad.vocabulary import OPERATIONS
from tests.suites.search import Told, catches_of, shown

KINDS = list(product(OPERATIONS, (1, 2, 3)))


def test_the_numbers_are_those_of_splitmix64() -> None:
    """The first of Vigna's splitmix64.c from 1234567, as they are published with its ports."""
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert splitmix(1234567, 0, 5).tolist() == known
    assert splitmix(1234567, 2, 3).tolist() == known[2:]


def test_the_numbers_are_those_of_five_lines_of_any_language() -> None:
    mask, state, made = 2**64 - 1, 77, []
    for _ in range(200):
        state = state + 0x9E3779B97F4A7C15 & mask
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        z ^= z >> 31
        made.append(z % 9 - 4)
    assert whole(splitmix(77, 0, 200), 4).tolist() == made


@pytest.mark.parametrize(("op", "dims"), KINDS)
def test_core_is_small(op: str, dims: int) -> None:
    assert 1 <= len(core(op, dims)) <= 10
    assert max(sketch.numbers for sketch in core(op, dims)) <= (150 if dims < 3 else 300)


@pytest.mark.parametrize(("op", "dims"), KINDS)
def test_core_catches_every_mistake_on_an_operation(op: str, dims: int) -> None:
    """But for one that is no mistake in whole numbers, and those that need two axes."""
    every = {mistake.id for sketch in core(op, dims) for mistake in catalogue(sketch.case())} - {"misrounded"}
    caught = {name for sketch in core(op, dims) for names in (sketch.catches or {}).values() for name in names}
    missing = every - caught
    assert missing <= (ONE_AXIS if dims == 1 else set()), sorted(missing)


ONE_AXIS = {
    "axes-swapped", "stride-axes-swapped", "stride-one-axis", "dilation-one-axis", "padding-axes-swapped",
    "delta-axes-swapped", "kernel-mirrored", "wrong-divisor",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("op", OPERATIONS)
def test_core_is_minimal_and_what_it_catches_is_what_shows(op: str) -> None:
    """Without any of its cases a mistake is lost, or two cannot be told apart that the others tell apart."""
    cases = core(op, 2)
    prints = [shown(sketch) for sketch in cases]
    listed = [{array: " ".join(names) for array, names in (sketch.catches or {}).items()} for sketch in cases]
    assert [catches_of(found) for found in prints] == listed
    told = Told(prints)
    for left_out in range(len(cases)):
        rest = [tells for number, tells in enumerate(told.tells) if number != left_out]
        together = 0
        for tells in rest:
            together |= tells
        assert together != told.everything, cases[left_out].id


def every_sketch() -> list[Sketch]:
    return list(sketches(OPERATIONS, (1, 2, 3), ("core", "edges")))


def test_ids_are_all_different() -> None:
    ids = [sketch.id for sketch in every_sketch()]
    assert len(set(ids)) == len(ids) > 600


@pytest.mark.parametrize(("op", "dims"), KINDS)
def test_the_bytes_of_the_published_numbers_are_what_they_were(op: str, dims: int) -> None:
    digest = hashlib.sha256()
    for sketch in (*core(op, dims), *core(op, dims, "plain"), *core(op, dims, "bare"), *edges(op, dims)):
        case = sketch.case()
        for array in (*case.arrays, case.delta):
            if array is not None:
                digest.update(array.astype("<f8").tobytes())
    assert digest.hexdigest()[:16] == DIGESTS[f"{op} {dims}"]


DIGESTS = {
    "conv 1": "8347cf0d46b0f834",
    "conv 2": "8e0c384654e0f889",
    "conv 3": "977b20056129a4fe",
    "conv-transpose 1": "714c8ccbde2e9528",
    "conv-transpose 2": "cde5c35f4d9d41e5",
    "conv-transpose 3": "341ff64d3333fae8",
    "max-pool 1": "5b744d8a12166fb1",
    "max-pool 2": "58036268e38b2202",
    "max-pool 3": "8f1b3f2ddfd41644",
    "average-pool 1": "48bb4d42c646e85e",
    "average-pool 2": "a3af53bc525c6e92",
    "average-pool 3": "52b630554003c310",
    "lp-pool 1": "3641f63ddfd5cdbf",
    "lp-pool 2": "5de6f23619622014",
    "lp-pool 3": "5d825e425616d459",
    "adaptive-max-pool 1": "cd92585002a3fb91",
    "adaptive-max-pool 2": "3cf75b7249f06e11",
    "adaptive-max-pool 3": "d5da0e1db4d3c427",
    "adaptive-average-pool 1": "8eb1bbf1dbeefc6e",
    "adaptive-average-pool 2": "cb3b396b6692a010",
    "adaptive-average-pool 3": "39edea2cdf832292",
}
