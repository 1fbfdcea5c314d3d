"""What to look at next: the command that opens the most of what was just shown, for who sits at a terminal."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import Any

from convgrad.passes.explanation import bracketed, user_index


def advise(record: Any, document: str | None) -> None:
    """Say it on standard error, where both streams are a terminal and a file was read that can be read again."""
    if document in (None, "-") or not (sys.stdout.isatty() and sys.stderr.isatty()):
        return
    assert document is not None
    if words := next_look(record, document):
        sys.stdout.flush()
        sys.stderr.write(f"\nnext: {shlex.join(words)}\n")


def next_look(record: Any, document: str) -> list[str]:
    """The words of the command; none where there is nothing that shows more.

    A wrong claim's worst entry; else of gradients an entry in the middle of dX, of an entry its first overlay, of a
    network its last layer with parameters, and of what agrees the page.
    """
    known = NEXT.get(type(record).__name__)
    words = known(record, document) if known else []
    return ["convgrad", *words] if words else []


def _of_gradients(gradients: Any, document: str) -> list[str]:
    lengths = gradients.case.shapes["x"]
    if not all(lengths):
        return []
    middle = user_index(gradients.case, "dX", (0, 0, *((n - 1) // 2 for n in lengths[2:])))
    return ["explain", f"dX{bracketed(middle)}", document]


def _of_explanation(explanation: Any, document: str) -> list[str]:
    part = explanation.part
    if part.name:
        return ["network", document, "--layer", part.name]
    term = next((one for one in explanation.terms if one.position is not None and one.value), None)
    if term is None or explanation.name == "y":
        return ["backward", document] if explanation.case.delta is not None else []
    many = explanation.case.shapes["x"][0] > 1
    at = (term.sample, *term.position) if many else term.position
    return ["backward", document, "--only", ",".join(map(str, at))]


def _of_report(report: Any, document: str) -> list[str]:
    for finding in report.findings:
        if finding.wrong and finding.comparable and finding.array in ("dW", "db", "dX", "output"):
            return ["explain", _worst(finding), document]
    command = "backward" if report.subject.chain.alone is not None else "network"
    return [command, document, "--output", "report.html"]


def _worst(finding: Any) -> str:
    """The entry that is furthest off, as explain takes it."""
    name = str(finding.place).replace("output", "y")
    return f"{name}{bracketed(tuple(finding.worst.index))}"


def _of_network(shown: Any, document: str) -> list[str]:
    if shown.layer is not None or shown.steps is not None:
        return ["network", document, "--output", "report.html"]
    if shown.network.loss is not None:
        return ["explain", "loss", document]
    part = next((one for one in reversed(shown.network.parts) if one.dW is not None), None)
    return ["explain", f"{part.name}.dW{bracketed((0,) * part.dW.ndim)}", document] if part else []


NEXT: dict[str, Callable[[Any, str], list[str]]] = {
    "Forward": lambda record, document: ["backward", document] if record.case.delta is not None else [],
    "Gradients": _of_gradients,
    "Explanation": _of_explanation,
    "LossExplanation": lambda record, document: ["network", document, "--output", "report.html"],
    "Report": _of_report,
    "Shown": _of_network,
}
