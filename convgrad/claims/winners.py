"""Claims on which cell wins in each window of a max pool: numbers of cells, which are right as they stand or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from convgrad.claims.partial import gathered, given
from convgrad.core.arithmetic import FLOAT64, Array
from convgrad.errors import Path, Problem, RequestError
from convgrad.passes.subject import Part, Subject
from convgrad.subject.place import Place
from convgrad.vocabulary import INDICES


class Winners(NamedTuple):
    """Claimed numbers of cells, in full shape where they have as many entries, and the right ones, (N,C,*P).

    `shapes` are the claimed and the right one where they differ; `known` marks what is claimed, where not all is.
    """

    part: Part
    place: Place
    values: Array
    truth: Array
    shapes: tuple[tuple[int, ...], tuple[int, ...]] | None
    known: Array | None


def winners_apart(subject: Subject, claims: Mapping[str, Any]) -> tuple[dict[str, Any], dict[Place, Any]]:
    """The claims on other arrays, and those on the winners of max pools, by place."""
    if subject.chain.alone is not None:
        rest, own = _apart(claims)
        return rest, {} if own is None else {Place(INDICES): own}
    split = {name: _apart(part) if isinstance(part, Mapping) else (part, None) for name, part in claims.items()}
    found = {Place(INDICES, name): own for name, (_, own) in split.items() if own is not None}
    return {name: rest for name, (rest, _) in split.items()}, found


def _apart(claims: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Claims on slices of the winners, as in indices[0], together."""
    own = {key: value for key, value in claims.items() if str(key).partition("[")[0] == INDICES}
    rest = {key: value for key, value in claims.items() if key not in own}
    return rest, gathered(own).get(INDICES) if own else None


def read_winners(subject: Subject, claims: Mapping[Place, Any]) -> Iterator[Winners]:
    """Each claim with the right winners. Raises RequestError for what is no array, and for what has no winners."""
    names = {part.name for part in subject.parts}
    for place, value in claims.items():
        path: Path = ("claim", *([place.part] if place.part else []), INDICES)
        if place.part not in names:
            raise RequestError(Problem(f"there is no layer '{place.part}'", "", path[:-1]))
        part = subject.layer(place.part)
        if part.forward.counted is None:
            raise RequestError(Problem(f"{part.op} has no {INDICES}", "max pools have", path))
        try:
            yield _read(part, place, value, part.forward.counted)
        except RequestError as error:
            raise RequestError(problem.under(*path) for problem in error.problems) from None


def _read(part: Part, place: Place, value: Any, winning: Array) -> Winners:
    truth, layout = winning.astype(FLOAT64), part.forward.case.layout
    expected = layout.output(truth.shape)
    one = given(value, expected)
    values, known = one.numbers.as_array(FLOAT64), one.known
    if values.shape != expected:
        return Winners(part, place, values, truth, (values.shape, expected), None)
    known = None if known is None else known.reshape(truth.shape)
    return Winners(part, place, values.reshape(truth.shape), truth, None, known)
