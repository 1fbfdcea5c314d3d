"""What an entry is made of, drawn: its own cell, and in every array the cells whose numbers are in its terms."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from convgrad.core.arithmetic import Array
from convgrad.operations.terms import Factor
from convgrad.passes.explanation import NAMES, Explanation
from convgrad.views.block_kinds import WINDOW, Beside, Cell, Grid, Words, index

MOST = 4096
"""Terms of which the cells are drawn: more would mark whole arrays."""
PLANES = 3
"""Planes of an array that are drawn."""
CLOSE = 10
"""Cells of an axis up to which an array is drawn whole, not just what lies around the cells."""


def met(explanation: Explanation) -> Beside | None:
    """The operand that it is the gradient of, with its cell marked, and a few planes of each array in its terms."""
    case, operand = explanation.case, NAMES.get(explanation.name, "y")
    if case.dims > 2 or not 0 < len(explanation.terms) <= MOST or case.layout.data or case.layout.filters:
        return None
    grids = list(_used(explanation))
    given = case.operands.get(operand)
    if given is not None and operand != "b" and grids:
        grids = [*_grids(operand, case.layout.restored(operand, given), [explanation.index], case.dims), *grids]
    return Beside(tuple(grids)) if grids else None


def _used(explanation: Explanation) -> Iterator[Grid]:
    """Each array that the terms have factors of, with these marked."""
    case = explanation.case
    arrays = {**case.operands, "delta": case.delta}
    for name in dict.fromkeys(factor.name for term in explanation.terms for factor in term.factors):
        array = arrays.get(name)
        if array is not None and name != "b":
            cells = [
                factor.index for factor in _inside(explanation) if factor.name == name and factor.index is not None
            ]
            yield from _grids(name, case.layout.restored(name, array), cells, case.dims)


def _inside(explanation: Explanation) -> Iterator[Factor]:
    """The factors of the terms that are not in the padding."""
    for term in explanation.terms:
        if all(factor.index is not None or factor.name not in NAMES.values() for factor in term.factors):
            yield from term.factors


def _grids(name: str, array: Array, cells: list[Cell], dims: int) -> Iterator[Grid]:
    """The planes of the first cells, with the cells that are in them marked."""
    marked = dict[Cell, list[Cell]]()
    for cell in cells:
        marked.setdefault(cell[: array.ndim - dims], []).append(cell[array.ndim - dims :])
    for number, (lead, here) in enumerate(islice(marked.items(), PLANES), 1):
        left = f" ({number} of {len(marked)} planes)" if number == PLANES < len(marked) else ""
        focus = [list(islice(sorted({cell[axis] for cell in here}), CLOSE)) for axis in range(dims)]
        title: Words = f"{name}{index(lead) if lead else ''}{left}"
        yield Grid(title, array[lead], dict.fromkeys(here, WINDOW), longest=CLOSE, focus=focus)
