"""Random cases, and claims of their arrays, for the tests of the catalogue."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from convgrad.claims.claim import Claim
from convgrad.claims.named import asked_of
from convgrad.claims.read import read_claims
from convgrad.core.arithmetic import EXACT
from convgrad.errors import RequestError
from convgrad.passes.subject import subject_of
from convgrad.subject.case import make_case
from convgrad.subject.place import Place
from tests import geometry

FLOAT_ROUNDING = 2.0**-44
"""Above the rounding of the small sums here, relative to the largest entry; a mistake is off by far more."""


def random_case(seed):
    """A case of any operation; every other one in float64. None where the choices give no output."""
    choose = geometry.Seeded(np.random.default_rng(seed))
    document = geometry.random_case(choose, choose.one_of(*geometry.SLIDING), choose.integer(1, 3), geometry.exact_data)
    try:
        return make_case(document, arithmetic=choose.one_of("exact", "float64"))
    except RequestError:
        return None


def claimed(array, values, truth):
    """An array as a claim to within rounding."""
    if truth.dtype == EXACT:
        return Claim(Place(array), values, 0)
    margin = FLOAT_ROUNDING * max(float(abs(part).max(initial=0)) for part in (values, truth))
    return Claim(Place(array), values, margin, allowed=margin)


def printed(case, **arrays):
    """Claims as they are printed: nested lists of numbers as text."""
    return claims_of(case, {name: plain(values) for name, values in arrays.items()})


def claims_of(case, arrays, dtype=None):
    """Claims of a case by array."""
    subject = subject_of(case)
    claims = read_claims(subject, arrays, subject.arrays(), asked_of(dtype))
    return {place.array: claim for place, claim in claims.items()}


def plain(text):
    """`.13 -.05 / .02 .17` as rows of decimal text."""
    from convgrad.core.arithmetic import Plain

    if not isinstance(text, str):
        return text
    return [[Plain(number) for number in row.split()] for row in text.split("/")]


def fractions(text):
    """The same as exact numbers."""
    return [[Fraction(number) for number in row.split()] for row in text.split("/")]
