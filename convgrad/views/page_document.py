"""What a page was made of, as the document that it was, so that the page can be read again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Plain
from convgrad.core.nested import Numbers
from convgrad.grading.grade import Grade
from convgrad.grading.keeping import document, failing

MOST_DOCUMENT = 40_000
"""Numbers of a document up to which a page holds it."""


def held(record: Any) -> str:
    """The documents of a record as YAML in braces, one after the other; empty where they are too large, or none."""
    documents = _of_grade(record) if isinstance(record, Grade) else _of(record)
    if sum(map(_size, documents)) > MOST_DOCUMENT:
        return ""
    return "\n---\n".join(map(_flow, documents))


def _of_grade(grade: Grade) -> list[Any]:
    """The cases that fail, with what came back as their claims, where that much is to be told."""
    cases = failing(grade.groups).values() if grade.feedback == "full" else ()
    return list(map(document, cases))


def _of(record: Any) -> list[Any]:
    subject = getattr(record, "network", getattr(record, "subject", None))
    of_case = getattr(getattr(record, "case", None), "document", None)
    found = of_case if subject is None else subject.chain.document
    return [] if found is None else [found]


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray | Numbers):
        return int(np.prod(value.shape))
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 1


def _flow(value: Any) -> str:
    """A part of a document as YAML in braces, each number as it was written."""
    if isinstance(value, Plain):
        return str(value)
    if isinstance(value, Numbers):
        value = np.array(value.values, object).reshape(value.shape)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    if value is None or isinstance(value, bool | str | int | float):
        return json.dumps(value)
    return str(value) if str(value).lstrip("-").replace(".", "", 1).isdigit() else json.dumps(str(value))
