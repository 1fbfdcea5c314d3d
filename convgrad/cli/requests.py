"""From the words of a command line to cases: documents, separate arrays and settings put together."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from convgrad.claims.results import claimed
from convgrad.cli.options import CASE, CLAIMS, refuse
from convgrad.cli.typed import Reading, Running
from convgrad.documents import Document, read, source
from convgrad.documents.sources import file_in
from convgrad.errors import Point, Problem, RequestError
from convgrad.vocabulary import INDICES

ARRAYS = ("input", "kernel", "bias", "delta")
CLAIM_NAMES = {"dW": "dW", "db": "db", "dX": "dX", "y": "output"}
CASE_KEYS = tuple(option.name for option in (*CASE, *CLAIMS))


class Request(NamedTuple):
    """One case or network to compute: its mapping, or why it could not be read, and where each key came from."""

    value: dict[str, Any]
    origins: dict[str, Document]
    document: Document | None
    error: Exception | None = None
    typed: frozenset[str] = frozenset()
    """The settings that came as options."""
    claimed: frozenset[str] = frozenset()
    """The claims that came as options, by array or layer."""

    @property
    def id(self) -> Any:
        """What the document calls itself, unchanged."""
        from convgrad.core.arithmetic import natural

        return natural(self.value.get("id"))

    @property
    def line(self) -> int | None:
        return self.document.line if self.document else None

    def explained(self, error: Exception) -> Exception:
        """What went wrong with this request: as its user's problem, placed, where it is one."""
        try:
            if isinstance(error, MemoryError):
                named = f", which is {self.id!r}" if self.id is not None else ""
                place = Point(self.document.name, self.line) if self.document else None
                return RequestError(Problem(f"not enough memory for this case{named}", place=place))
            return self.placed(error) if isinstance(error, RequestError) else error
        except Exception as bug:  # one in the placing, say, is this request's as well
            return bug

    def placed(self, error: RequestError) -> RequestError:
        """The error with a place in a file, or the option, for each of its problems."""
        return RequestError(problem.at(self._place(problem)) for problem in error.problems)

    def _place(self, problem: Problem) -> Point | None:
        key = problem.path[0] if problem.path else None
        if key == "claim" and len(problem.path) > 1 and problem.path[1] in self.origins:
            return self._place(problem._replace(path=problem.path[1:]))
        if key == "claim" and self.claimed and key not in self.origins:
            return Point(", ".join(f"--{option}" for option, name in CLAIM_NAMES.items() if name in self.claimed))
        if key in self.origins:
            return self.in_option(self.origins[str(key)], problem)
        if key in self.typed or (self.document is None and key in CASE_KEYS):
            return Point(f"--{key}".replace("_", "-"))
        return None if self.document is None else self.document.locate(problem.path, key=problem.of_key)

    @staticmethod
    def in_option(origin: Document, problem: Problem) -> Point:
        named = isinstance(origin.value, Mapping) and problem.path[0] != "claim"
        path = problem.path if named else problem.path[1:]
        return origin.locate(path, key=problem.of_key)

    def exact(self) -> dict[str, Any]:
        """The same mapping with the text of every number kept, for arrays that were read as binary ones."""
        kept = self.document.exact() if self.document else {}
        own = {key: part for key, part in kept.items() if key not in self.typed and key not in self.origins}
        options = {key: _array_in(self.origins[key].exact(), key, self.origins[key]) for key in self._array_options}
        return {**self.value, **own, **options}

    @property
    def is_long(self) -> bool:
        """Whether arrays of its texts may have been read as binary ones, for speed."""
        return any(document.is_long for document in (self.document, *self.origins.values()) if document)

    @property
    def _array_options(self) -> list[str]:
        return [key for key in ARRAYS if key in self.origins]

    def written_claim(self) -> Any:
        """The claim with the text of every number: how many digits were written is what it may be off by."""
        claim = as_mapping(self.value.get("claim"))
        own = claim.keys() - self.claimed
        if self.document is None or not own or not self.document.is_long:
            return self.value.get("claim")
        kept = self.document.exact()["claim"]
        return {**claim, **{name: kept[name] for name in own}}


class Requests(NamedTuple):
    """What a command line asks for, in order, and whether it is many (JSON Lines, several documents)."""

    each: Iterator[Request]
    are_many: bool


def requests(reading: Reading, running: Running, *, exact: bool) -> Requests:
    """The cases or networks to compute; `exact` keeps the text of their numbers."""
    if reading.words.count("-") > 1:
        raise RequestError(Problem("standard input (-) can be read for one argument only", "save the other to a file"))
    _refuse_to_write_over(running.writing.output, reading)
    nonfinite = running.allow_nonfinite
    values, origins = _from_options(reading, exact, nonfinite)
    if reading.document is None:
        if not values:
            raise RequestError(Problem("no case is given", "name a case document, or give --input, --kernel, --delta"))
        return Requests(iter([Request(values, origins, None)]), False)
    named = source(reading.document)
    with _naming(named.name):
        documents = _in_our_words(read(named, exact=exact, nonfinite=nonfinite), reading.dialect)
        first = list(islice(documents, 2))
    each = (_merged(document, values, origins) for part in (first, documents) for document in part)
    return Requests(each, named.format.is_lines or len(first) > 1)


def _in_our_words(documents: Iterator[Document], dialect: str | None) -> Iterator[Document]:
    """The documents, translated where they have somebody else's words."""
    if dialect is None:
        return documents
    from convgrad.documents.translated import Translated

    return (Translated(document, dialect) for document in documents)


def _refuse_to_write_over(output: str | None, reading: Reading) -> None:
    """Refuse, before any work, to lose what is read."""
    if output is None or not os.path.isfile(output):
        return
    files = [file_in(word) for word in reading.words if isinstance(word, str)]
    if any(os.path.isfile(file) and os.path.samefile(file, output) for file in files):
        refuse("--output", f"{output} is read in this run, and would be lost", "write to another file")


def _merged(document: Document, values: Mapping[str, Any], origins: Mapping[str, Document]) -> Request:
    if document.error is not None:
        return Request({}, {}, document, document.error)
    if not isinstance(document.value, Mapping):
        problem = Problem(
            "expected a mapping with input, kernel, delta, …", "a bare array goes with --input and the like"
        )
        return Request({}, {}, document, document.placed(RequestError(problem)))
    whole = {**document.value, **values}
    if "claim" in values:
        whole["claim"] = {**as_mapping(document.value.get("claim")), **as_mapping(values["claim"])}
    typed, claims = frozenset(values) - frozenset(origins), frozenset(as_mapping(values.get("claim")))
    return Request(whole, dict(origins), document, typed=typed, claimed=claims)


def as_mapping(value: Any) -> Mapping[str, Any]:
    """A claim that options add to, as far as it is one."""
    return value if isinstance(value, Mapping) else {}


def _from_options(reading: Reading, exact: bool, nonfinite: bool) -> tuple[dict[str, Any], dict[str, Document]]:
    values: dict[str, Any] = {}
    origins: dict[str, Document] = {}
    for key, text in reading.keys.items():
        if (key in ARRAYS and text != "ones") or key == INDICES:
            origins[key] = only_document(text, f"--{key}", exact, nonfinite)
            values[key] = _array_in(origins[key].value, key, origins[key])
        elif key == "claim":
            origins[key] = only_document(text, "--claim", exact, nonfinite)
            values[key] = _claim_in(origins[key])
        else:
            values[key] = setting(text, "--" + key.replace("_", "-"))
    claims = _claims(reading.claims, origins, exact, nonfinite)
    types = {origins[name].dtype for name in claims}
    if types == {"bfloat16"}:  # of which NumPy has no arrays that would say so
        values.setdefault("claim_dtype", "bfloat16")
    return (values | {"claim": {**as_mapping(values.get("claim")), **claims}} if claims else values), origins


def _claim_in(origin: Document) -> Mapping[str, Any]:
    """The claimed arrays of a document by name, or of a network's by layer; it may be a result of ours."""
    try:
        value = claimed(origin.value)
    except RequestError as error:
        raise RequestError(problem.at(Request.in_option(origin, problem)) for problem in error.problems) from None
    value = origin.exact() if value is origin.value else value
    if isinstance(value, Mapping) and value:
        return value
    message = "--claim needs a mapping with any of output, dW, db, dX"
    raise RequestError(Problem(message, "a bare array goes with --dW, --db, --dX or --y", place=Point(origin.name)))


def _claims(arrays: Mapping[str, str], origins: dict[str, Document], exact: bool, nonfinite: bool) -> dict[str, Any]:
    """The arrays given as --dW, --db, --dX and --y; where each came from goes into `origins`."""
    claims = {}
    for option, text in arrays.items():
        name = CLAIM_NAMES[option]
        origins[name] = only_document(text, f"--{option}", exact, nonfinite)
        claims[name] = _array_in(origins[name].exact(), option, origins[name])
    return claims


def only_document(text: str, option: str, exact: bool = True, nonfinite: bool = False) -> Document:
    """The one document that an option names."""
    origin = source(text, option=option)
    with _naming(origin.name):
        documents = list(read(origin, exact=exact, nonfinite=nonfinite))
        if len(documents) != 1:
            name = origin.path or origin.name
            raise RequestError(Problem(f"{option} takes one document, but {name} has {len(documents)}"))
        if documents[0].error is not None:
            raise documents[0].error
        return documents[0]


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Say of what is read where the memory does not suffice for it."""
    try:
        yield
    except MemoryError:
        raise RequestError(Problem("not enough memory to read this", place=Point(name))) from None


def _array_in(value: Any, key: str, origin: Document) -> Any:
    """A bare array, or the one under its key in a mapping."""
    if not isinstance(value, Mapping):
        return value
    if key in value:
        return value[key]
    keys = ", ".join(map(str, value)) or "nothing"
    raise RequestError(Problem(f"--{key} needs a bare array, or a mapping with `{key}`; this has {keys}",
                               place=Point(origin.name)))  # fmt: skip


def setting(text: Any, option: str) -> Any:
    """A setting's text as a document would have it: 2,1 is a list, and so is [[1, 2], [0, 1]]."""
    from convgrad.core.arithmetic import Plain

    if not isinstance(text, str):
        return text
    if re.match(r"\s*\[[^][]*\]\s*,", text):
        text = f"[{text}]"  # [1,0],[1,2], as tables show padding
    if text.lstrip().startswith("["):
        return only_document(text, option).value
    parts = [Plain(part.strip()) for part in text.split(",")]
    return parts if len(parts) > 1 else parts[0]


def each(
    asked: Iterator[Request], compute: Callable[[Request], Any]
) -> Iterator[tuple[Request, Any, Exception | None]]:
    """Every request with its result, or with what kept it from one, and the rest go on."""
    for request in asked:
        try:
            if request.error is not None:
                raise request.error
            yield request, compute(request), None
        except Exception as error:
            yield request, None, request.explained(error)
