"""Claims: gradients that somebody else computed, and how far each of their entries may be off."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.claims.attempts import Asked
from convgrad.claims.compared import filled
from convgrad.claims.digits import Written, written
from convgrad.claims.excuses import Excuses, excuses_of
from convgrad.claims.in_parts import judged
from convgrad.claims.judgement import Judging
from convgrad.claims.partial import Slices, gathered, given
from convgrad.claims.piecewise import At, by_pieces, taken
from convgrad.claims.sums import confidence
from convgrad.core.arithmetic import EXACT, FLOAT64, NONFINITE, Array, floated, natural, rounded
from convgrad.core.nested import Numbers, exact_value
from convgrad.differences.roundoff import TYPES
from convgrad.errors import Path, Problem, RequestError
from convgrad.passes.explanation import full_shapes
from convgrad.passes.subject import Part, Subject
from convgrad.subject.foreign_words import did_you_mean
from convgrad.subject.layout import OPERANDS
from convgrad.subject.place import Place
from convgrad.subject.settings import said_inside
from convgrad.vocabulary import ACCUMULATORS, ALGORITHMS

SHAPED_AS = {
    "output": "output", "delta": "output", "dX": "dX", "dW": "dW", "db": "db", "kernel": "dW", "bias": "db",
}  # fmt: skip
"""The arrays that may be claimed, and which of a case's results each is shaped as."""
NOTHING_ASKED = Asked()
ARRAYS_OF_CASE = "a mapping with any of output, dW, db, dX"


@dataclass(frozen=True)
class Claim:
    """An array that somebody else computed, with what each of its entries may be off by.

    `values` are in the full shape, (N,O,*P), (O,C/g,*K), (O,) or (N,C,*L), where they are as many, else in the `shape`
    that was given; exact where the truth is. `fits` says whether they came in the right shape, which is `expected`.
    `allowed` is per entry what the claim may be off from the true array, and `rule` says why, in words. `excuse`, for
    another array that it may be, is one number for all entries or one each; `scale` is not 0 where that grows with the
    numbers (a type's rounding): the magnitude that it was derived for. `unit` is a type's unit roundoff: what makes
    another array of the right one, as a division, rounds once more. `by` says what excuses it, `told` what is to be
    said of it, `cause` is the mistake where its sums lose too much; a `doubtful` one may be right or wrong; `known`
    marks the entries that are claimed, where not all are. `loose` is the excuse, where that is more, with inputs that
    were rounded when they were printed.
    """

    place: Place
    values: Array
    excuse: Any
    fits: bool = True
    scale: float = 0
    allowed: Any = 0
    rule: str = ""
    shape: tuple[int, ...] = ()
    unit: float = 0
    expected: tuple[int, ...] = ()
    by: str = ""
    told: tuple[str, ...] = ()
    cause: str = ""
    doubtful: bool = False
    known: Array | None = None
    loose: float = 0

    @property
    def like(self) -> str:
        """The array of a case that it is shaped as."""
        return SHAPED_AS[self.place.array.partition(".")[0]]  # dW of dW.mean

    def allows(self, candidate: Array) -> Array:
        """Entry by entry, whether the claim is this array as far as its digits or its type can tell.

        All False where the shapes differ.
        """
        if candidate.shape != self.values.shape:
            return np.zeros(candidate.shape, bool)
        values, other = _alike(self.values, candidate)
        excuse, grows = self._excuse_for(other), bool(self.unit)

        def one(at: At) -> Array:
            allowed = taken(excuse, at)
            if grows:
                allowed = allowed + 2 * self.unit * _size(_floats(taken(other, at)))
            return within(taken(values, at), taken(other, at), allowed)

        close = by_pieces(one, values.shape, bool)
        return close if self.known is None else close | ~self.known

    @property
    def loosened(self) -> Claim:
        """The claim with all that rounded inputs may excuse."""
        excuse = np.full(self.values.shape, self.loose)
        return replace(self, excuse=excuse if self.known is None else np.where(self.known, excuse, np.inf), loose=0)

    def _excuse_for(self, candidate: Array) -> Any:
        """A type's rounding is relative: larger numbers than it was derived for may be off by more."""
        if not self.scale:
            return self.excuse
        largest = floated(max(np.max(candidate, initial=0), -np.min(candidate, initial=0)))
        return self.excuse * (largest / self.scale) if largest > self.scale else self.excuse

    @cached_property
    def rough(self) -> Array:
        """What every entry may be off by, in float64 and a trifle more."""
        return self.excused_roughly(0)

    def excused_roughly(self, largest: Any) -> Array:
        """The same of another array whose numbers are as large."""
        values = _floats(self.values)
        excuse = np.broadcast_to(np.asarray(self.excuse, FLOAT64), values.shape)
        grown = np.maximum(1.0, largest / self.scale) if self.scale else 1.0
        finite = float(_size(values).max(initial=0))
        again = 2 * self.unit * abs(values) if self.unit else 0.0
        return np.asarray((excuse * grown + again) * (1 + 1e-9) + 1e-12 * (finite + largest), FLOAT64)


def _floats(values: Array) -> Array:
    return rounded(values) if values.dtype == EXACT else values


def _size(values: Array) -> Array:
    """Magnitudes, by which rounding grows: what is not finite excuses nothing."""
    return np.where(np.isfinite(values), abs(values), 0.0)


# -- Reading -----------------------------------------------------------------------------------------------------------


def read_claims(
    subject: Subject, claims: Any, truth: Mapping[Place, Array], asked: Asked = NOTHING_ASKED,
    excuses: Excuses | None = None,
) -> dict[Place, Claim]:  # fmt: skip
    """Claims by place, in full shape and in the kind of the truth; RequestError for what is no claim.

    Of a case they go by array, of a network by layer and array. `truth` has the right arrays in full shape. `asked`
    is what was said of how they came about; else they are judged by their digits, or by their own type. `excuses` are
    those of the subject, where they are known.
    """
    claims = _gathered(subject, claims)
    problems = list(_unknown(subject, claims, truth))
    if problems:
        raise RequestError(problems)
    excuses, read = excuses or excuses_of(subject), {}
    for part, path, arrays in _by_part(subject, claims):
        for array, value in arrays.items():
            place = part.place(array)
            try:
                one = given(value, expected_shape(part, array))
            except RequestError as error:
                problems += [problem.under(*path, array) for problem in error.problems]
            else:
                unclaimed = None if one.known is None else ~one.known
                read[place] = _claim(part, place, one.numbers, truth[place], excuses, asked, unclaimed)
    if problems:
        raise RequestError(problems)
    return read


def _gathered(subject: Subject, claims: Any) -> Any:
    """Claims on slices of an array together."""
    if subject.chain.alone is not None or not isinstance(claims, Mapping):
        return gathered(claims)
    return {name: gathered(arrays) for name, arrays in claims.items()}


def _by_part(subject: Subject, claims: Mapping[str, Any]) -> Iterator[tuple[Part, Path, Mapping[str, Any]]]:
    """The claims of each part, and the way to them in the document."""
    if subject.chain.alone is not None:
        yield subject.parts[0], ("claim",), claims
    else:
        yield from ((subject.layer(name), ("claim", name), arrays) for name, arrays in claims.items())


def _unknown(subject: Subject, claims: Any, truth: Mapping[Place, Array]) -> Iterator[Problem]:
    """Claims that are on nothing."""
    names = [part.name for part in subject.parts]
    if not isinstance(claims, Mapping):
        needed = ARRAYS_OF_CASE if names == [""] else "a mapping by layer, as in conv2: {dW: …}"
        yield Problem(f"expected {needed}", path=("claim",))
    elif names == [""]:
        yield from _unknown_of_case(subject.parts[0], claims, truth)
    elif claims and set(claims) <= set(SHAPED_AS) - set(names):
        needed = f"give what network wrote, or a mapping by layer, as in {names[0]}: {{dW: …}}"
        yield Problem("these are claims of a single case, but this is a network", needed, ("claim",))
    else:
        for name, arrays in claims.items():
            yield from (problem.under("claim") for problem in _unknown_of_layer(subject, name, arrays, truth))


def _unknown_of_case(part: Part, claims: Mapping[str, Any], truth: Mapping[Place, Array]) -> Iterator[Problem]:
    if claims and not claims.keys() & OPERANDS.keys() and all(map(_is_layer, claims.values())):
        needed = f"give what forward or backward wrote, or {ARRAYS_OF_CASE}"
        yield Problem("these are claims by layer, as of a network, but this is a single case", needed, ("claim",))
        return
    for name in claims:
        if name not in OPERANDS:
            yield Problem(
                f"unknown key '{name}'" + did_you_mean(str(name), OPERANDS), "", ("claim", str(name)), of_key=True
            )
        elif part.place(name) not in truth:
            yield Problem(f"{part.op} has no {name}", "it has output and dX", ("claim", name))


def _is_layer(value: Any) -> bool:
    return isinstance(value, Mapping) and not isinstance(value, Slices)


def _unknown_of_layer(subject: Subject, name: Any, arrays: Any, truth: Mapping[Place, Array]) -> Iterator[Problem]:
    names = [part.name for part in subject.parts]
    if name not in names:
        hint = did_you_mean(str(name), names)
        yield Problem(f"unknown key '{name}'{hint}", f"the layers are {', '.join(names)}", (str(name),), of_key=True)
    elif not isinstance(arrays, Mapping):
        yield Problem(f"expected a mapping with any of {', '.join(SHAPED_AS)}", path=(name,))
    else:
        part = subject.layer(name)
        absent = (array for array in arrays if part.place(array) not in truth)
        yield from (_absent(part, str(array)).under(name) for array in absent)


def _absent(part: Part, array: str) -> Problem:
    if array not in SHAPED_AS:
        return Problem(f"unknown key '{array}'" + did_you_mean(array, SHAPED_AS), "", (array,), of_key=True)
    if array in part.layer.parameters:
        return Problem("the network makes no step: it has no learning_rate", "add it to the document", (array,))
    return Problem(f"{part.name} has no {array}", "", (array,))


def asked_of(dtype: Any = None, accumulate: Any = None, algorithm: Any = None, printed: Any = None) -> Asked:
    """What was said of how claims came about. Raises RequestError for words that are none of the known."""
    problems = _unknown_word(dtype, TYPES, "claim_dtype", "type") + _unknown_word(
        accumulate, ACCUMULATORS, "accumulate", "type") + _unknown_word(
        algorithm, ALGORITHMS, "algorithm", "algorithm")  # fmt: skip
    printed = natural(printed)
    if printed is not None and not isinstance(printed, bool):
        problems.append(Problem(f"expected true or false, found '{said_inside(printed)}'", path=("printed",)))
    if problems:
        raise RequestError(problems)
    return Asked(dtype, accumulate, algorithm, printed)


def _unknown_word(word: Any, words: Collection[str], key: str, kind: str) -> list[Problem]:
    if word is None or (isinstance(word, str) and word in words):
        return []
    return [Problem(f"unknown {kind} '{said_inside(word)}'", f"one of {', '.join(words)}", (key,))]


def _claim(
    part: Part, place: Place, numbers: Numbers, truth: Array, bounds: Excuses, asked: Asked, unclaimed: Array | None
) -> Claim:
    shape = expected_shape(part, place.array)
    # one bias may be written as a number or as a list of one, and so may its gradient
    fits = numbers.shape == shape or (
        SHAPED_AS[place.array] == "db" and truth.size == 1 and numbers.shape in ((), (1,))
    )
    as_many, given_shape = squeezed(numbers.shape) == squeezed(shape), numbers.shape
    if as_many:
        name = OPERANDS.get(SHAPED_AS[place.array], "y")
        numbers = part.case.layout.arranged(name, numbers.reshaped(shape))
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
    said = {key: value for key, value in one._asdict().items() if key != "explained"}
    return {**said, "excuse": excuse}


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


def finite(claim: Claim) -> Claim:
    """The claim in float64 where an exact one holds numbers that are not finite, and so have no exact value."""
    if claim.values.dtype != EXACT or all(isinstance(value, Fraction) for value in claim.values.flat):
        return claim
    excuse = claim.excuse.astype(FLOAT64) if isinstance(claim.excuse, np.ndarray) else float(claim.excuse)
    return replace(claim, values=claim.values.astype(FLOAT64), excuse=excuse)


def within(values: Array, others: Array, excuse: Any) -> Array:
    """Whether |a - b| <= excuse, entry by entry; a NaN equals a NaN, an infinity itself."""
    if values.dtype == EXACT == others.dtype and values.shape == others.shape:
        allowed = np.asarray(excuse)
        if allowed.dtype.kind in "iO":
            whole = allowed.astype(EXACT)  # NumPy's integers overflow beside a fraction's
            return _exactly_within(values, others, np.broadcast_to(whole, values.shape))
    with np.errstate(invalid="ignore"):
        close = abs(values - others) <= excuse
    same = (values == others) | ((values != values) & (others != others))
    return np.asarray(close | same, bool)


NEAR = 1e-12
"""Of the larger of two numbers: what their difference in float64 may be off by, with room to spare."""


def _exactly_within(values: Array, others: Array, allowed: Array) -> Array:
    """The same of rationals, which are subtracted as such only where float64 cannot tell, as subtraction is dear."""
    left, right = rounded(values), rounded(others)
    with np.errstate(invalid="ignore", over="ignore"):
        room = NEAR * np.maximum(abs(left), abs(right)) + (1 + NEAR) * rounded(allowed)
        close = np.asarray(~(abs(left - right) > room))
    for index in map(tuple, np.argwhere(close)):
        a, b = values[index], others[index]
        close[index] = a == b or abs(a - b) <= allowed[index] or (a != a and b != b)
    return close


def _alike(values: Array, candidate: Array) -> tuple[Array, Array]:
    """Both exact, or else both float64."""
    if values.dtype == EXACT and candidate.dtype != EXACT:
        return values.astype(np.float64), candidate
    if values.dtype != EXACT and candidate.dtype == EXACT:
        return values, rounded(candidate)
    return values, candidate
