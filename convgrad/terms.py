"""One entry of a result, in its user's indices, as the sum of its terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from convgrad.case import Case, as_case
from convgrad.core.arithmetic import EXACT, Array, nearest, zeros
from convgrad.errors import Place, Problem, RequestError
from convgrad.gradients import Gradients
from convgrad.layout import OPERANDS
from convgrad.operations.geometry import shape_text
from convgrad.operations.operation import Shape
from convgrad.operations.terms import Factor, Term

NAMES = {**OPERANDS, "y": "y"}
INDEX = re.compile(r"\s*(?:[0-9]+(?:\s*,\s*[0-9]+)*\s*)?")
SHOWN = 60  # characters of what is no entry: there may be thousands


@dataclass(frozen=True)
class Explanation:
    """An entry, as in dW[0,1], and the terms that add up to it, with indices as its user counts them."""

    gradients: Gradients
    name: str
    index: tuple[int, ...]
    terms: tuple[Term, ...]
    value: Any

    def __repr__(self) -> str:
        number = self._number(self.value)
        count = f"{len(self.terms)} term{'s' * (len(self.terms) != 1)}"
        return f"Explanation({self.entry} = {f'{number:.6g}' if isinstance(number, float) else number}, {count})"

    @property
    def case(self) -> Case:
        return self.gradients.case

    @property
    def entry(self) -> str:
        """The entry as people write it."""
        return self.name + bracketed(self.index)

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        head = {"schema": "convgrad.explain/1", "id": self.case.id, "op": self.case.operation.name}
        head |= {"arithmetic": self.case.arithmetic, "entry": self.entry, "value": self._number(self.value)}
        return head | {"terms": [self._term(term) for term in self.terms]}

    def _term(self, term: Term) -> dict[str, Any]:
        where = {"sample": term.sample, "position": term.position, "tap": term.tap}
        factors = [
            {"name": factor.name, "index": factor.index, "value": self._number(factor.value)} for factor in term.factors
        ]
        note = {"note": term.note} if term.note else {}
        return {**where, "factors": factors, "value": self._number(term.value), **note}

    def _number(self, value: Any) -> Any:
        if value is None or not self.case.rounded or isinstance(value, int):
            return value
        return nearest(value)


def explain(case: Mapping[str, Any] | Case, entry: str, **keywords: Any) -> Explanation:
    """An entry of dW, db, dX or y, as in "dW[0,1]", as the sum of its terms.

    Raises RequestError for an entry that there is not.
    """
    name, index = parse_entry(entry)
    return explain_entry(Gradients(as_case(case, needs_delta=name != "output", **keywords)), name, index)


def parse_entry(entry: str) -> tuple[str, tuple[int, ...]]:
    """An entry's name and index.

    >>> parse_entry("dX[1,2]"), parse_entry("db")
    (('dX', (1, 2)), ('db', ()))
    """
    match = re.fullmatch(r"\s*(\w+)\s*(?:\[(.*)\])?\s*", entry, re.DOTALL)
    names = {name.lower(): name for name in NAMES}
    if not match or match[1].lower() not in names or not INDEX.fullmatch(match[2] or ""):
        advice = "entries count from 0" if re.search(r"\[[^]]*-", entry) else ""
        shown = entry if len(entry) <= SHOWN else entry[:SHOWN] + "…"
        message = f"expected an entry such as dW[0,1], dX[1,1], db[0] or y[0,0], found '{shown}'"
        raise RequestError(Problem(message, advice))
    name = names[match[1].lower()]
    return ("output" if name == "y" else name), index_of(match[2] or "")


def index_of(text: str) -> tuple[int, ...]:
    """The index in a text that `INDEX` matches."""
    parts = re.findall("[0-9]+", text)
    if long := next((part for part in parts if len(part) > SHOWN), None):
        raise RequestError(Problem(f"there is no such entry: an index of {len(long)} digits is beyond any array"))
    return tuple(map(int, parts))


def is_entry(text: str) -> bool:
    """Whether a text names an entry.

    >>> is_entry("dX[1,2]"), is_entry("case.yaml")
    (True, False)
    """
    try:
        return bool(parse_entry(text))
    except RequestError:
        return False


def bracketed(index: tuple[int, ...]) -> str:
    """An index as people write it; none for a number."""
    return f"[{','.join(map(str, index))}]" if index else ""


def explain_entry(gradients: Gradients, name: str, index: tuple[int, ...], layer: str = "") -> Explanation:
    """The explanation of one entry, by the name of its array and the index as its user counts.

    Raises RequestError for an entry that there is not; `layer` is the name before the dot of a network's entry.
    """
    case, operand = gradients.case, NAMES[name]
    shown_name = "y" if name == "output" else name
    asked = f"{layer}.{shown_name}" if layer else shown_name
    if operand not in ("y", *case.operation.operands):
        place = Place(asked + bracketed(index))
        raise RequestError(Problem(f"{case.operation.name} has no {name}", "it has dX and y", place=place))
    shape = _full_shape(case, operand)
    require_entry(asked, index, case.layout.restored(operand, _blank(shape)).shape)
    full = (0,) * (len(shape) - len(index)) + index
    delta = _blank(case.output_shape) if case.delta is None else case.delta
    terms = case.operation.terms(operand, full, delta, *case.arrays, **case.arguments)
    value = gradients.y[full] if operand == "y" else gradients.by_operand[operand][full]
    return Explanation(gradients, shown_name, index, tuple(map(_user(case), terms)), value)


def require_entry(name: str, index: tuple[int, ...], shape: Shape) -> None:
    """Raise the RequestError about an index outside of an array, which says what its entries are.

    >>> require_entry("dW", (2, 0), (2, 3))
    Traceback (most recent call last):
    ...
    convgrad.errors.RequestError: dW[2,0]: there is no such entry: dW has shape (2, 3); ask for dW[0,0] to dW[1,2]
    """
    if len(index) == len(shape) and all(i < length for i, length in zip(index, shape, strict=True)):
        return
    first, last = bracketed((0,) * len(shape)), bracketed(tuple(length - 1 for length in shape))
    entries = f"{name}{first}" + (f" to {name}{last}" if last != first else "")
    what = f"{name} has shape {shape_text(shape)}" if shape else f"{name} is one number"
    place = Place(name + bracketed(index))
    raise RequestError(Problem(f"there is no such entry: {what}", f"ask for {entries}", place=place))


def _full_shape(case: Case, operand: str) -> Shape:
    if operand == "b":
        return (case.output_shape[1],)
    return case.output_shape if operand == "y" else case.shapes[operand]


def _blank(shape: Shape) -> Array:
    return zeros(shape, EXACT)


def _user(case: Case) -> Any:
    """Turns a term's full indices into its user's."""
    dropped = {
        "x": len(case.shapes["x"]) - len(case.layout.input),
        "delta": 2 - case.layout.batch - case.layout.channels_out,
        "w": len(case.shapes.get("w", ())) - len(case.layout.kernel or ()),
        "b": 0,
    }

    def factor(part: Factor) -> Factor:
        return part if part.index is None else replace(part, index=part.index[dropped[part.name] :])

    return lambda term: replace(term, factors=tuple(map(factor, term.factors)))
