"""What became of wrong winners of a max pool: cells that are counted otherwise, or another of several equal ones."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from convgrad.catalogue.of_pools import TIES
from convgrad.claims.winners import Winners
from convgrad.core.arithmetic import Array
from convgrad.diagnosis.diagnosis import Diagnosis
from convgrad.diagnosis.stepped import all_of
from convgrad.operations.cells import PLANE, in_planes, numbered
from convgrad.subject.case import Case

OTHERWISE = "indices-counted-otherwise"
UNCOUNTED = "no way to count cells that is known gives these numbers"
FIX = "count the cells of every plane by itself, row by row from 0; padding has no cells"


def _fix(case: Case) -> str:
    """How to count."""
    counted = case.settings["counted"]
    return FIX if counted == PLANE else f"count as `counted: {counted}` says, from 0; padding has no cells"


def miscounted(claim: Winners, wrong: Array) -> Diagnosis:
    """How the cells of a claim are counted, where that is known; `wrong` marks its wrong entries."""
    case, entries = claim.part.forward.case, int(wrong.size if claim.known is None else claim.known.sum())
    if claim.values.shape != claim.truth.shape:
        message = "it has not the shape of the output: a winner for each window"
        return Diagnosis(claim.place, None, 0, entries, message, "give it the shape of the output")
    winning, fix = claim.part.forward.winning, _fix(case)
    assert winning is not None
    fitting = [named for named, numbers in _ways(case, winning) if _fits(claim, numbers)]
    if fitting:
        mistake, what = fitting[0]
        if mistake in TIES:
            fix = TIES[mistake].fix
        message = f"it is, in {all_of(entries)}, what comes out when {what} ({mistake})"
        more = {"variant": what} if mistake == OTHERWISE else {}
        return Diagnosis(claim.place, mistake, entries, entries, message, fix, more)
    right = entries - int(wrong.sum())
    return Diagnosis(claim.place, None, right, entries, *_unknown(case, claim, wrong))


def _fits(claim: Winners, numbers: Array) -> bool:
    same = claim.values == numbers
    return bool((same if claim.known is None else same | ~claim.known).all())


def _unknown(case: Case, claim: Winners, wrong: Array) -> tuple[str, str]:
    """Of entries that no way to count explains, whether they are equal to the winners; and what to do."""
    x, plane = case.operands["x"], prod(case.shapes["x"][2:])
    assert x is not None
    winning = claim.part.forward.winning
    assert winning is not None
    if not (np.isfinite(claim.values) & (claim.values % 1 == 0)).all():
        return UNCOUNTED, _fix(case)
    planes = x.reshape(*x.shape[:2], plane)
    values = in_planes(claim.values.astype(np.int64), case.shapes["x"][2:], case.settings["counted"])[wrong]
    if not ((values >= 0) & (values < plane)).all():
        return UNCOUNTED, _fix(case)
    n, c = np.nonzero(wrong)[:2]
    found, best = planes[n, c, values], planes[n, c, winning[wrong]]
    if (found == best).all():
        who = "last" if case.settings["ties"] == "last" else "first"
        message = "every wrong entry is a cell as large as the winner: ties are broken by another rule"
        return message, f"let the {who} of equal cells win, row by row: `ties: first` or `ties: last` says which"
    return UNCOUNTED, _fix(case)


def _ways(case: Case, truth: Array) -> Iterator[tuple[tuple[str, str], Array]]:
    """Other ways to count the winners, and the other ends of ties, each with what it is called."""
    lengths = case.shapes["x"][2:]
    by_rule = {"": np.unravel_index(truth, lengths)}
    for rule, other in (("first", "last"), ("last", "first")):
        numbers = case.operation.indices(*case.arrays, **{**case.arguments, "ties": other})  # type: ignore[misc]
        if (numbers != truth).any():
            if case.settings["ties"] in (rule, "split", "all"):
                counted = numbered(numbers, lengths, case.settings["counted"])
                yield (f"ties-{other}", f"the {other} of equal cells wins"), counted
            by_rule[f", the {other} of equal ones"] = np.unravel_index(numbers, lengths)
    for who, cells in by_rule.items():
        for what, numbers in _counted(case, list(cells)):
            yield (OTHERWISE, f"cells are counted {what}{who}"), numbers


def _counted(case: Case, cells: list[Array]) -> Iterator[tuple[str, Array]]:
    """The numbers of cells, given per axis, in every way that is known to be in use."""
    samples, channels, *lengths = case.shapes["x"]
    plane, beside = prod(lengths), (1,) * len(lengths)
    n = np.arange(samples).reshape(-1, 1, *beside)
    c = np.arange(channels).reshape(-1, *beside)
    rows, columns = _number(cells, lengths), _number(cells[::-1], lengths[::-1])
    for counted, numbers in (("row by row", rows), ("column by column", columns)):
        yield f"{counted} in the plane", numbers
        yield f"{counted} from 1 in the plane", numbers + 1
        yield f"{counted} in the whole batch (ONNX)", (n * channels + c) * plane + numbers
        yield f"{counted} in the sample", c * plane + numbers
    yield "row by row in the sample, channels last (TensorFlow)", rows * channels + c
    yield "row by row in the whole batch, channels last (TensorFlow)", (n * plane + rows) * channels + c
    yield from _in_frames(case, cells)


def _in_frames(case: Case, cells: list[Array]) -> Iterator[tuple[str, Array]]:
    """Numbers in the window, and in the plane with its padding written out."""
    lengths, axes = case.shapes["x"][2:], case.arguments["window"].axes
    starts, taps = [], []
    for number, (axis, length) in enumerate(zip(axes, lengths, strict=True)):
        first = axis.edges(length)[0].reshape(-1, *(1,) * (len(lengths) - number - 1))
        starts.append(first)
        taps.append((cells[number] - first) // axis.under(0).step)
    size = [axis.size for axis in axes]
    yield "row by row in the window", _number(taps, size)
    yield "column by column in the window", _number(taps[::-1], size[::-1])
    padding = case.settings.get("padding") or ((0, 0),) * len(lengths)
    if any(map(any, padding)):
        framed = [cell + before for cell, (before, _) in zip(cells, padding, strict=True)]
        yield (
            "row by row in the padded plane",
            _number(framed, [length + sum(pair) for length, pair in zip(lengths, padding, strict=True)]),
        )


def _number(cells: list[Array], lengths: list[int]) -> Array:
    """Cells, given per axis, counted in row-major order."""
    total = np.zeros((), np.int64)
    for cell, length in zip(cells, lengths, strict=True):
        total = total * length + cell
    return total
