"""One entry, in its user's indices, as the sum of its terms; in a network each delta in it as the sum that it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, nearest, zeros
from convgrad.core.record import Record
from convgrad.errors import Point, Problem, RequestError
from convgrad.operations.geometry import shape_text
from convgrad.operations.operation import Shape
from convgrad.operations.terms import Factor, Term
from convgrad.passes.gradients import Gradients
from convgrad.passes.loss_terms import LossExplanation, explain_loss
from convgrad.passes.subject import Part, Subject, network, subject_of
from convgrad.subject.case import Case, as_case
from convgrad.subject.layout import OPERANDS
from convgrad.vocabulary import RESHAPE

NAMES = {**OPERANDS, "y": "y"}
OF_LAYER = re.compile(r"\s*(?P<layer>[^.\[\]]+)\.(?P<entry>.*)", re.DOTALL)
INDEX = re.compile(r"\s*(?:[0-9]+(?:\s*,\s*[0-9]+)*\s*)?")
DELTA = re.compile(rf"\s*delta\s*(?:\[({INDEX.pattern})\])?\s*")
SHOWN = 60  # characters of what is no entry: there may be thousands
LOSS = "loss"
FOLLOWED = 24
"""Deltas of an entry, of those that are not 0, that are followed up."""


@dataclass(frozen=True)
class Explanation(Record):
    """An entry of a part, and the terms that add up to it, with indices as its user counts them.

    `entry` is what was asked for, as people write it: dW[0,1], conv2.dW[0,1], or a delta of the part below, which is an
    entry of this one's dX.
    """

    subject: Subject
    part: Part
    name: str
    index: tuple[int, ...]
    terms: tuple[Term, ...]
    value: Any
    entry: str

    def __repr__(self) -> str:
        number = self._number(self.value)
        count = f"{len(self.terms)} term{'s' * (len(self.terms) != 1)}"
        return f"Explanation({self.entry} = {f'{number:.6g}' if isinstance(number, float) else number}, {count})"

    @property
    def case(self) -> Case:
        """The part as the case that the entry was computed in."""
        return self.part.forward.case if self.name == "y" else self.part.case

    @property
    def own_entry(self) -> str:
        """The entry of the part, without the part's name."""
        return self.name + bracketed(self.index)

    @cached_property
    def senders(self) -> tuple[tuple[tuple[int, ...], Explanation], ...]:
        """Each delta among the terms that is not 0, by its index, as an entry of the layer above."""
        if self.name == "y" or above(self.subject, self.part) is None:
            return ()
        deltas = {
            factor.index: factor.value
            for term in self.terms
            for factor in term.factors
            if factor.name == "delta" and factor.index is not None
        }
        sent = [index for index, value in deltas.items() if value]
        return tuple((index, delta_at(self.subject, self.part, index)) for index in sent[:FOLLOWED])

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        head = {"schema": "convgrad.explain/1", "id": self.subject.chain.id}
        head |= {"layer": self.part.name} if self.part.name else {}
        head |= {"op": self.case.operation.name, "arithmetic": self.case.arithmetic}
        head |= {"entry": self.entry, "value": self._number(self.value), "terms": list(map(self._term, self.terms))}
        return head | ({"deltas": [explanation._sender() for _, explanation in self.senders]} if self.senders else {})

    def _sender(self) -> dict[str, Any]:
        source = f"{self.part.name}.{self.own_entry}"
        terms = list(map(self._term, self.terms))
        return {"entry": self.entry, "from": source, "value": self._number(self.value), "terms": terms}

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


def explain(
    case: Mapping[str, Any] | Case | Subject | None = None, entry: str = "", **keywords: Any
) -> Explanation | LossExplanation:
    """An entry of dW, db, dX or y, as in "dW[0,1]", as the sum of its terms; of a network as in "conv2.dW[0,1]".

    Of a network "loss" is an entry as well.

    Raises RequestError for an entry that there is not.
    """
    if not isinstance(case, Case | Subject) and is_network(case or keywords):
        case = network(case, **keywords)
    if isinstance(case, Subject):
        return explain_loss(case) if entry.strip() == LOSS else explain_entry(case, entry)
    needs_delta = needs_gradients(entry)
    return explain_entry(subject_of(as_case(case, needs_delta=needs_delta, **keywords)), entry)


def is_network(document: Any) -> bool:
    """Whether a mapping is a network document, by its layers."""
    return isinstance(document, Mapping) and "layers" in document


def needs_gradients(entry: str) -> bool:
    """Whether an entry of a case is one of a gradient, and so needs delta. RequestError for what is no entry."""
    if OF_LAYER.fullmatch(entry):
        message = f"'{entry}' is an entry of a layer, but this is a single case"
        raise RequestError(Problem(message, "leave out the layer and its dot", place=Point(entry)))
    return parse_entry(entry)[0] != "output"


def explain_entry(subject: Subject, entry: str) -> Explanation:
    """An entry of what was asked: dW[0,1]; of a network's layer NAME.dW[0,1], NAME.y[0,0] or NAME.delta[0].

    Raises RequestError for an entry that there is not.
    """
    if subject.chain.alone is not None:
        needs_gradients(entry)
        return _explained(subject, subject.parts[0], *parse_entry(entry))
    try:
        return _of_layer(subject, entry)
    except RequestError as error:
        raise error.at(Point(entry)) from None


def _of_layer(subject: Subject, entry: str) -> Explanation:
    match = OF_LAYER.fullmatch(entry)
    if not match:
        names = [layer.name for layer in subject.chain.layers]
        message = f"expected an entry of a layer, such as {names[0]}.dX[0,0], found '{entry}'"
        raise RequestError(Problem(message, f"the layers are {', '.join(names)}"))
    part = subject.layer(match["layer"].strip())
    if delta := DELTA.fullmatch(match["entry"]):
        return delta_at(subject, part, index_of(delta[1] or ""))
    return _explained(subject, part, *parse_entry(match["entry"]))


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


# -- Entries that are sums ---------------------------------------------------------------------------------------------


def _explained(subject: Subject, part: Part, name: str, index: tuple[int, ...], asked: str = "") -> Explanation:
    """One entry of a part, by its array and the index as its user counts; `asked` is another name for it."""
    gradients = Gradients(part.forward.case) if name == "output" else part.gradients
    case, operand = gradients.case, NAMES[name]
    shown = "y" if name == "output" else name
    own = str(part.place(shown))
    if operand not in ("y", *case.operation.operands):
        place = Point(own + bracketed(index))
        raise RequestError(Problem(f"{case.operation.name} has no {name}", "it has dX and y", place=place))
    full_shape = full_shapes(case)[operand]
    index = _counted(case, operand, index, full_shape)
    require_entry(own, index, case.layout.shape(operand, full_shape))
    full = case.layout.full_index(operand, index, len(full_shape))
    delta = no_delta(case) if case.delta is None else case.delta
    terms = case.operation.terms(operand, full, delta, *case.arrays, **case.arguments)
    value = gradients.y[full] if operand == "y" else gradients.by_operand[operand][full]
    entry = asked or own + bracketed(index)
    return Explanation(subject, part, shown, index, tuple(map(_user(case), terms)), value, entry)


def _counted(case: Case, operand: str, index: tuple[int, ...], full_shape: Shape) -> tuple[int, ...]:
    """The index as the array has it, of one with samples and channels that it has not, or without one of each."""
    rank = len(case.layout.shape(operand, full_shape))
    if len(index) == rank or len(index) > len(full_shape) or set(full_shape[: len(full_shape) - len(index)]) - {1}:
        return index
    full = case.layout.full_index(operand, index, len(full_shape))
    inside = all(i < length for i, length in zip(full, full_shape, strict=True))
    return case.layout.index(operand, full, rank) if inside and not any(full[: len(full) - rank]) else index


def no_delta(case: Case) -> Array:
    """What stands for a delta that there is not, where only the output is asked for."""
    return np.broadcast_to(zeros((), EXACT), case.output_shape)


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
    place = Point(name + bracketed(index))
    raise RequestError(Problem(f"there is no such entry: {what}", f"ask for {entries}", place=place))


def full_shapes(case: Case) -> dict[str, Shape]:
    """The full shapes of a case's operands and results, by operand."""
    return {**case.shapes, "b": case.output_shape[1:2], "y": case.output_shape, "delta": case.output_shape}


def user_index(case: Case, array: str, index: tuple[int, ...]) -> tuple[int, ...]:
    """A full index as its user counts, without the axes that their array has not.

    A tuple is as long as the array's rank; that of a number is empty.
    """
    name = OPERANDS[array]
    return case.layout.index(name, index, len(case.layout.shape(name, full_shapes(case)[name])))


def _user(case: Case) -> Callable[[Term], Term]:
    """Turns a term's full indices into its user's."""
    shapes = full_shapes(case)
    ranks = {name: len(case.layout.shape(name, full)) for name, full in shapes.items() if name != "b"}

    def factor(part: Factor) -> Factor:
        if part.index is None or part.name not in ranks:
            return part
        return replace(part, index=case.layout.index(part.name, part.index, ranks[part.name]))

    return lambda term: term._replace(factors=tuple(map(factor, term.factors)))


# -- Deltas that are sums ----------------------------------------------------------------------------------------------


def above(subject: Subject, part: Part) -> Part | None:
    """The part that hands a part its delta; flattening, which only moves numbers, is passed over."""
    return next((later for later in subject.parts[part.number + 1 :] if later.layer.operation.family != RESHAPE), None)


def delta_at(subject: Subject, part: Part, index: tuple[int, ...]) -> Explanation:
    """delta[index] of a part as an entry of dX of the one above. Raises RequestError for one that there is not."""
    shape: Shape = part.delta.shape
    asked = str(part.place("delta"))
    require_entry(asked, index, shape)
    source = above(subject, part)
    if source is None:
        raise RequestError(
            Problem(f"{asked} is where deltas start", "it was given, or `explain loss` shows how it comes")
        )
    # the same number of entries in the same order, whatever the shapes
    flat = int(np.ravel_multi_index(index, shape)) if shape else 0
    inner = source.case.layout.input
    there = tuple(int(i) for i in np.unravel_index(flat, inner)) if inner else ()
    return _explained(subject, source, "dX", there, asked + bracketed(index))


def pooled_sums(subject: Subject, part: Part) -> Iterator[Explanation]:
    """Of a pool, delta by delta, the sum of the part above that it is: who sends how much."""
    for index in np.ndindex(part.delta.shape):
        yield delta_at(subject, part, index)
