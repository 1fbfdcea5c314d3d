"""Which arrays of which layers are claimed, and what was said of them: refused in words where there are none such."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from convgrad.claims.attempts import Asked
from convgrad.claims.claim import SHAPED_AS
from convgrad.claims.partial import Slices, gathered
from convgrad.core.arithmetic import Array, natural
from convgrad.differences.roundoff import TYPES
from convgrad.errors import Path, Problem, RequestError
from convgrad.passes.subject import Part, Subject
from convgrad.subject.foreign_words import did_you_mean
from convgrad.subject.layout import OPERANDS
from convgrad.subject.place import Place
from convgrad.subject.settings import said_inside
from convgrad.vocabulary import ACCUMULATORS, ALGORITHMS

ARRAYS_OF_CASE = "a mapping with any of output, dW, db, dX"


def together(subject: Subject, claims: Any) -> Any:
    """Claims on slices of an array together."""
    if subject.chain.alone is not None or not isinstance(claims, Mapping):
        return gathered(claims)
    return {name: gathered(arrays) for name, arrays in claims.items()}


def by_part(subject: Subject, claims: Mapping[str, Any]) -> Iterator[tuple[Part, Path, Mapping[str, Any]]]:
    """The claims of each part, and the way to them in the document."""
    if subject.chain.alone is not None:
        yield subject.parts[0], ("claim",), claims
    else:
        yield from ((subject.layer(name), ("claim", name), arrays) for name, arrays in claims.items())


def unknown(subject: Subject, claims: Any, truth: Mapping[Place, Array]) -> Iterator[Problem]:
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
