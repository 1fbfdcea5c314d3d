"""Claims as they are given, read: their numbers in full shape and in the kind of the truth, and what excuses them."""

from __future__ import annotations

from collections.abc import MutableMapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from convgrad.claims.attempts import Asked, Judgement
from convgrad.claims.claim import SHAPED_AS, Claim
from convgrad.claims.compared import filled
from convgrad.claims.digits import Written, written
from convgrad.claims.excuses import Excuses, Sharp, excuses_of
from convgrad.claims.in_parts import Swept, judged, swept
from convgrad.claims.judgement import Judging
from convgrad.claims.named import by_part, together, unknown
from convgrad.claims.partial import given
from convgrad.claims.sums import confidence
from convgrad.core.arithmetic import EXACT, FLOAT64, NONFINITE, Array, floated
from convgrad.core.leaves import exact_value
from convgrad.core.nested import Numbers
from convgrad.differences.roundoff import TYPES
from convgrad.errors import RequestError
from convgrad.passes.explanation import full_shapes
from convgrad.passes.subject import Part, Subject
from convgrad.subject.layout import OPERANDS
from convgrad.subject.place import Place

NOTHING_ASKED = Asked()


def read_claims(
    subject: Subject, claims: Any, truth: MutableMapping[Place, Array], asked: Asked = NOTHING_ASKED,
    excuses: Excuses | None = None,
) -> dict[Place, Claim]:  # fmt: skip
    """Claims by place, in full shape and in the kind of the truth; RequestError for what is no claim.

    Of a case they go by array, of a network by layer and array. `truth` has the right arrays in full shape; dW and db
    of a large case are put into it, as they are added up while others are judged. `asked`
    is what was said of how they came about; else they are judged by their digits, or by their own type. `excuses` are
    those of the subject, where they are known.
    """
    claims = together(subject, claims)
    problems = list(unknown(subject, claims, truth))
    if problems:
        raise RequestError(problems)
    brought: list[_Brought] = []
    for part, path, arrays in by_part(subject, claims):
        for array, value in arrays.items():
            place = part.place(array)
            try:
                one = given(value, expected_shape(part, array))
            except RequestError as error:
                problems += [problem.under(*path, array) for problem in error.problems]
            else:
                brought.append(_Brought(part, place, one.numbers, None if one.known is None else ~one.known))
    if problems:
        raise RequestError(problems)
    excuses = excuses or excuses_of(subject)
    large = _swept(brought, truth, excuses, asked)
    rest = (one for one in brought if one.place not in large)
    read = large | {one.place: _claim(one, truth[one.place], excuses, asked) for one in rest}
    return {one.place: read[one.place] for one in brought}


class _Brought(NamedTuple):
    """The numbers of a claim as they came, and which of them are not claimed, where not all are."""

    part: Part
    place: Place
    numbers: Numbers
    unclaimed: Array | None

    @property
    def expected(self) -> tuple[int, ...]:
        return expected_shape(self.part, self.place.array)

    @property
    def as_many(self) -> bool:
        return squeezed(self.numbers.shape) == squeezed(self.expected)

    @property
    def arranged(self) -> Numbers:
        """With the axes in the order that they have here, where they are as many."""
        name = OPERANDS.get(SHAPED_AS[self.place.array], "y")
        return self.part.case.layout.arranged(name, self.numbers.reshaped(self.expected))


def _swept(
    brought: list[_Brought], truth: MutableMapping[Place, Array], excuses: Excuses, asked: Asked
) -> dict[Place, Claim]:
    """Claims in a type on large arrays with an axis of samples; what dW and db are is added up on the way."""
    if not isinstance(excuses, Sharp) or not excuses.bounds.is_large or excuses.bounds.case.arithmetic == "exact":
        return {}
    large = {one.place: one for one in brought if _is_of_type(one) and one.as_many and excuses.swept(one.place)}
    judgings = {place: _unjudged(one, excuses, asked) for place, one in large.items()}
    sums = [one.place for one in brought if one.place.array in ("dW", "db")]
    found = swept(excuses, judgings, sums=bool(sums))
    truth.update({place: excuses.sums[OPERANDS[place.array]] for place in sums})
    return {place: _of_swept(one, judgings[place].values, found[place]) for place, one in large.items()}


def _is_of_type(one: _Brought) -> bool:
    """Whether all of an array was claimed in a type."""
    return isinstance(one.numbers.values, np.ndarray) and one.numbers.values.dtype.kind == "f" and one.unclaimed is None


def _unjudged(one: _Brought, excuses: Sharp, asked: Asked) -> Judging:
    """The numbers stay in their own type: each float64 of them is needed with some samples alone."""
    shape = full_shapes(one.part.case)[OPERANDS[one.place.array]]
    values = np.asarray(one.arranged.values)
    values = values.astype(values.dtype.newbyteorder("="), copy=False).reshape(shape)
    return Judging(one.place, values, values, None, None, _type_of(one.numbers), excuses, asked)


def _of_swept(one: _Brought, values: Array, found: Swept) -> Claim:
    fits, said = one.numbers.shape == one.expected, _said(found.judgement)
    return Claim(one.place, values, fits=fits, shape=one.numbers.shape, expected=one.expected, found=found, **said)


def _claim(one: _Brought, truth: Array, bounds: Excuses, asked: Asked) -> Claim:
    part, place, numbers, unclaimed = one
    shape = one.expected
    # one bias may be written as a number or as a list of one, and so may its gradient
    fits = numbers.shape == shape or (
        SHAPED_AS[place.array] == "db" and truth.size == 1 and numbers.shape in ((), (1,))
    )
    as_many, given_shape = one.as_many, numbers.shape
    if as_many:
        name = OPERANDS.get(SHAPED_AS[place.array], "y")
        numbers = one.arranged
        unclaimed = None if unclaimed is None else part.case.layout.inward(name, unclaimed.reshape(shape))
    values = _values(numbers, truth.dtype)
    values = values.reshape(truth.shape) if as_many else values
    known = None if unclaimed is None or not as_many else ~unclaimed.reshape(truth.shape)
    if known is not None:
        values = np.where(known, values, truth)
    excuses = _excuses(place, numbers, values, truth, bounds, asked, known)
    return Claim(place, values, fits=fits, shape=given_shape, expected=shape, known=known, **excuses)


def expected_shape(part: Part, array: str) -> tuple[int, ...]:
    """The shape in which an array of a part is given."""
    if array == "dX" and part.name:
        return part.signal.shape
    case, name = part.case, OPERANDS.get(SHAPED_AS.get(array, array), "y")
    return case.layout.shape(name, full_shapes(case)[name])


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its axes of length 1, which may be kept or dropped without moving a number."""
    return tuple(length for length in shape if length != 1)


def _values(numbers: Numbers, dtype: np.dtype[Any]) -> Array:
    """The numbers in the kind of the truth; what is not finite has no exact value and stays as it is."""
    if dtype != EXACT:
        return numbers.as_array(FLOAT64)
    flat = numbers.values.ravel().tolist() if isinstance(numbers.values, np.ndarray) else numbers.values
    binary = isinstance(numbers.values, np.ndarray)
    result = np.empty(len(flat), EXACT)
    result[:] = [_exact(value, binary) for value in flat]
    return result.reshape(numbers.shape)


def _exact(value: Any, binary: bool) -> Any:
    """A binary array's numbers at their exact values, any other by its text."""
    if isinstance(value, str) and value in NONFINITE:
        return NONFINITE[value]
    if isinstance(value, float) and not np.isfinite(value):
        return value
    return Fraction(value) if binary else exact_value(value)


def _excuses(
    place: Place, numbers: Numbers, values: Array, truth: Array, bounds: Excuses, asked: Asked, known: Array | None
) -> dict[str, Any]:
    """What a claim says of how far it may be off, of each entry and of other arrays that it may be."""
    dtype = _type_of(numbers)
    text = written(numbers.values) if isinstance(numbers.values, list) else None
    if values.shape != truth.shape:
        return _misshapen(place, values, truth, bounds, text, asked.dtype or dtype)
    own = 0 if truth.dtype == EXACT else None
    claimed = np.asarray(True) if known is None else known
    one = judged(Judging(place, values, truth, own, text, dtype, bounds, asked, claimed))
    excuse = one.excuse if known is None else np.where(known, one.excuse, np.inf)
    return {**_said(one), "excuse": excuse}


def _said(one: Judgement) -> dict[str, Any]:
    """What a claim says of itself."""
    return {key: value for key, value in one._asdict().items() if key != "explained"}


def _misshapen(
    place: Place, values: Array, truth: Array, bounds: Excuses, text: Written | None, dtype: str | None
) -> dict[str, Any]:
    """Of a claim that has not as many numbers as it should: what other arrays of its shape may be off by."""
    if dtype == "whole":
        return {"excuse": 0, "rule": "whole numbers, which are exact", "by": "digits"}
    if dtype is None and text is not None and not text.is_binary:
        return {"excuse": filled(text.half_units(), values), "rule": text.said, "by": "digits"}
    dtype = dtype or "float64"
    excuse = float(bounds.excused(place, dtype, truth, sure=confidence(truth.size)).max(initial=0))
    scale, unit = floated(np.max(abs(truth), initial=0)), 2.0 ** -TYPES[dtype].result
    return {"excuse": excuse, "rule": f"{dtype} rounding", "by": dtype, "scale": scale, "unit": unit}


def _type_of(numbers: Numbers) -> str | None:
    """The type of a binary array; None for what was written in digits."""
    if not isinstance(numbers.values, np.ndarray):
        return None
    if numbers.values.dtype.kind in "iu":
        return "whole"
    name = numbers.of or numbers.values.dtype.name
    return name if name in TYPES else "float64"
