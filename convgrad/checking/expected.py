"""How much work differences are, before they are made: counted, not timed, so that it is the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import NamedTuple

from convgrad.claims.excuses import is_single
from convgrad.core.arithmetic import Array
from convgrad.differences.by_layer import as_convolution
from convgrad.differences.finite_differences import passes
from convgrad.differences.parts import PART, has_parts
from convgrad.differences.patches import SPARSE
from convgrad.differences.probe import BILINEAR, products
from convgrad.differences.replayed import Replay, operands_of
from convgrad.differences.run import gradient_shapes
from convgrad.passes.subject import Part, Subject
from convgrad.subject.case import Case, products_of
from convgrad.vocabulary import NORM, PRODUCT

CALL, POWER = 1e-4, 1e-7
"""Seconds, on one core of 2024, of a layer's pass beside its numbers, and of a complex power."""
STEP, NUMBER, READ, PLANE, NORMED = 3e-5, 1.5e-9, 4e-9, 8e-9, 4e-8
"""The same of a group of entries beside its numbers, of an output of a convolution that is differenced, of a cell that
is written out as one of a window, of a cell of a pool, and of one in a window of a norm."""
PRODUCT_OF_WHOLE, LOOKED_AT = 3e-10, 1.2e-7
"""Of a product in a whole forward pass, and of a number of a layer of which a sample is differenced."""
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
    if marks:
        around = marks["x"].sum() * min(SPARSE, outputs)
        if "w" in marks:
            around += marks["w"].sum() * outputs / max(case.output_shape[1], 1)
        numbers = LOOKED_AT * (outputs + prod(case.shapes["x"])) + 2 * NUMBER * around
        return float(STEP * sum(found.values()) + numbers + PRODUCT_OF_WHOLE * 4 * products_of(case) / samples)
    differenced = _of_channels if case.operation.family in BILINEAR else _of_planes
    return differenced(case, found) + PRODUCT_OF_WHOLE * 4 * products_of(case)


def _of_channels(case: Case, found: Mapping[str, int]) -> float:
    """A channel of each group that is moved is written out as windows, whose products are outputs of all filters."""
    each = prod(case.shapes["w"][:2]) // case.settings["groups"]
    windows = products_of(case) / max(each, 1)
    numbers = NUMBER * prod(case.output_shape) + STEP
    return float(numbers * sum(found.values()) + READ * found["x"] * windows)


def _of_planes(case: Case, found: Mapping[str, int]) -> float:
    """Whole planes, or windows of a norm, or the parts of a mean."""
    if case.operation.family == NORM:
        return float(found["x"] * (STEP + NORMED * prod(case.output_shape) * products(case)))
    cells = max(prod(case.shapes["x"]), prod(case.output_shape))
    if has_parts(case):  # many groups of which are an evaluation
        return found["x"] * PLANE * cells * PART / prod(case.shapes["x"][2:])
    return found["x"] * (STEP + PLANE * cells)


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
