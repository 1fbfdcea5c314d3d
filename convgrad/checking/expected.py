"""How much work differences are, before they are made: counted, not timed, so that it is the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import NamedTuple

from convgrad.claims.excuses import is_single
from convgrad.core.arithmetic import Array
from convgrad.differences.by_layer import as_convolution
from convgrad.differences.finite_differences import passes
from convgrad.differences.patches import SPARSE
from convgrad.differences.probe import BILINEAR
from convgrad.differences.replayed import Replay, operands_of
from convgrad.differences.run import gradient_shapes
from convgrad.passes.subject import Part, Subject
from convgrad.subject.case import Case, products_of
from convgrad.vocabulary import NORM, PRODUCT

CALL, NUMBER, POWER = 1e-4, 4e-9, 1e-7
"""Seconds, on one core of 2024, of a step of Python, of a number that is differenced, and of a complex power."""
COMPLEX, FRACTION = 3e-9, 1e-6
"""The same of a product of complex numbers, and of fractions."""
Operand = tuple[int, str]
"""The number of a part, and an operand of it."""
Wanted = Mapping[Operand, Array]
"""Which entries are differenced, as marks of each operand's shape; none says all."""


class Expected(NamedTuple):
    """How many forward passes differences take, and about how many seconds."""

    passes: int
    seconds: float


def expected(subject: Subject, wanted: Wanted, *, by_layer: bool = False) -> Expected:
    """What differences of the entries wanted will take."""
    if by_layer:
        return _of_layers(subject, wanted)
    if not is_single(subject):
        return _of_replays(subject, wanted)
    case, marks = subject.parts[0].case, of_single(wanted)
    found = passes(case, marks)
    return Expected(sum(found.values()), _seconds(case, found, marks))


def shapes_of(subject: Subject) -> dict[Operand, tuple[int, ...]]:
    """The shapes of what is differenced."""
    if is_single(subject):
        return {(0, name): shape for name, shape in gradient_shapes(subject.parts[0].case).items()}
    replay = Replay(subject)
    return {operand: replay.operand(operand).shape for operand in operands_of(subject)}


def of_single(wanted: Wanted) -> dict[str, Array]:
    """The entries wanted of the only part, by operand."""
    return {name: marks for (_, name), marks in wanted.items()}


def _seconds(case: Case, found: Mapping[str, int], marks: Mapping[str, Array]) -> float:
    """Each pass goes through every output of what is moved, and a few whole ones through every product."""
    outputs, samples = prod(case.output_shape), max(case.output_shape[0], 1)
    filters = max(case.output_shape[1], 1) if case.operation.family in BILINEAR else 1
    x = marks["x"].sum() * min(SPARSE, outputs) if marks else found["x"] * max(outputs, prod(case.shapes["x"]))
    w = marks["w"].sum() * outputs / filters if "w" in marks else found.get("w", 0) * outputs
    numbers = 2 * (x + w) if marks else x + w
    taps = prod(case.settings["window"]) if case.operation.family == NORM and "window" in case.settings else 0
    whole = 4 * products_of(case) / (samples if marks else 1)
    each = NUMBER + POWER * taps
    return float(CALL * sum(found.values()) + each * (numbers + found.get("b", 0) * outputs) + NUMBER / 10 * whole)


def _of_layers(subject: Subject, wanted: Wanted) -> Expected:
    """Each layer's own differences, and a pass through the network for every operand."""
    slopes = list(operands_of(subject))
    layers = [CALL + COMPLEX * products_of(part.forward.case) for part in subject.parts]
    count, seconds = len(slopes), sum(sum(layers[number:]) for number, _ in slopes)
    for part in subject.parts:
        marks = {name: array for (number, name), array in wanted.items() if number == part.number}
        one = _of_layer(part, marks)
        count, seconds = count + one.passes, seconds + one.seconds
    return Expected(count, seconds)


def _of_layer(part: Part, marks: Mapping[str, Array]) -> Expected:
    if not part.layer.windowed and part.case.operation.family != PRODUCT:
        places = [part.case.shapes["x"][axis] for axis in part.case.arguments.get("axes", ())]
        return Expected(prod(places), prod(places) * (CALL + POWER * prod(part.case.shapes["x"])))
    case = part.case
    if not part.layer.windowed:
        case = as_convolution(case)
        marks = {name: array.reshape(gradient_shapes(case)[name]) for name, array in marks.items()}
    found = passes(case, marks)
    return Expected(sum(found.values()), _seconds(case, found, marks))


def _of_replays(subject: Subject, wanted: Wanted) -> Expected:
    """An entry of a network takes a pass from its layer on, of exact numbers three at least."""
    replay = Replay(subject)
    counts = {place: int(marks.sum()) for place, marks in wanted.items()} or {
        place: prod(shape) for place, shape in shapes_of(subject).items()
    }
    product, times = (FRACTION, 3) if replay.exact else (COMPLEX, 1)
    layers = [CALL + product * products_of(part.forward.case) for part in subject.parts]
    seconds = sum(count * sum(layers[number:]) for (number, _), count in counts.items())
    return Expected(times * sum(counts.values()), times * seconds)
