"""`core` is small, minimal, reveals every mistake and keeps them apart; its numbers never change."""

from __future__ import annotations

import hashlib
from itertools import product

import pytest

from convgrad.catalogue.tables import catalogue
from convgrad.suites.core import core
from convgrad.suites.selection import sketches
from convgrad.suites.sketch import Sketch
from convgrad.suites.splitmix import splitmix, whole
from convgrad.vocabulary import GRADED
from tests.suites.search import Told, catches_of, shown

KINDS = list(product(GRADED, (1, 2, 3)))


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
@pytest.mark.parametrize("op", GRADED)
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
    return list(sketches(GRADED, (1, 2, 3), ("core", "edges")))


def test_ids_are_all_different() -> None:
    ids = [sketch.id for sketch in every_sketch()]
    assert len(set(ids)) == len(ids) > 600


@pytest.mark.parametrize(("op", "dims"), KINDS)
def test_the_bytes_of_the_published_numbers_are_what_they_were(op: str, dims: int) -> None:
    every = list(sketches([op], [dims], ("core", "edges")))
    added = [sketch for sketch in every if sketch.id in ADDED]
    assert digest([sketch for sketch in every if sketch not in added]) == DIGESTS[f"{op} {dims}"]
    assert not added or digest(added) == DIGESTS[f"{op} {dims} added"]


def digest(cases: list[Sketch]) -> str:
    """Of the numbers of cases, in their order."""
    found = hashlib.sha256()
    for sketch in cases:
        case = sketch.case()
        for array in (*case.arrays, case.delta, case.arguments.get("indices")):
            if array is not None:
                found.update(array.astype("<f8").tobytes())
    return found.hexdigest()[:16]


ADDED = (
    "max-unpool1d/unpool-remainder",
    "max-unpool1d/unpool-wide-plane",
    "max-unpool2d/unpool-remainder",
    "max-unpool2d/unpool-wide-plane",
    "max-unpool3d/unpool-remainder",
    "max-unpool3d/unpool-wide-plane",
    "conv2d/core-4",
    "conv3d/core-5",
    "average-pool3d/bare-4",
)
"""Cases that came later, before others that there were."""


DIGESTS = {
    "conv 1": "343f22b59a7999be",
    "conv 2": "2ede1443f964db7c",
    "conv 3": "8ab1eff94f16ef75",
    "conv-transpose 1": "ea91c14277800a69",
    "conv-transpose 2": "2f5b75d172c9f46d",
    "conv-transpose 3": "8478109979b748d1",
    "max-pool 1": "120f5cd681bddd52",
    "max-pool 2": "4db1ba202251e7b8",
    "max-pool 3": "1ebd7383333671f4",
    "average-pool 1": "e2e18ae934e63f75",
    "average-pool 2": "9f567caf67aa5334",
    "average-pool 3": "65e4ead478cdc960",
    "lp-pool 1": "f83b4e2fd924a540",
    "lp-pool 2": "ad2d57d6d878d2dd",
    "lp-pool 3": "f3fdc7e7b7502325",
    "adaptive-max-pool 1": "ac5fbdad6f541ac0",
    "adaptive-max-pool 2": "9a5f81e6197719ee",
    "adaptive-max-pool 3": "da80b91da6a35253",
    "adaptive-average-pool 1": "f193c2998491f807",
    "adaptive-average-pool 2": "7ba2ccb5cf87d4f7",
    "adaptive-average-pool 3": "92a9fb35c382bc2e",
    "max-unpool 1": "980d7c62b6f78563",
    "max-unpool 2": "ccb649d7b8063230",
    "max-unpool 3": "55d7bfa0e01a7aa1",
    "conv 2 added": "3e3277ae47197ce6",
    "conv 3 added": "522d503bcfb4b86d",
    "average-pool 3 added": "da69a0e92986548b",
    "max-unpool 1 added": "a76b8f2c77ec2e40",
    "max-unpool 2 added": "3f4e4885fe90f48d",
    "max-unpool 3 added": "ad5166a7f5141d1e",
    "network 1": "70a68dc03afb6630",
    "network 2": "439d5b0cd48f626f",
    "network 3": "e1c3e28989eae0e5",
}
