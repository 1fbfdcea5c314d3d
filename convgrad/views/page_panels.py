"""The panels of a page: which backward passes of a record are stepped through, each as HTML that needs no script."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.grading.grade import Grade
from convgrad.grading.keeping import failing
from convgrad.grading.outcome import Outcome
from convgrad.passes.gradients import Gradients
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import index, printable
from convgrad.views.html import escaped
from convgrad.views.page_steps import steps_of, sums_of, why_not
from convgrad.views.text_words import Pen

RESULTS = ("dW", "db", "dX")
WRITTEN_OUT = 200
"""Products of a case up to which every sum is written out, and overlays up to which the ledger has them all."""
MOST_OF_ALL = 30_000
"""Entries of all panels of a page together."""
WORKSHEET = "with JavaScript entries can be typed here; printed, this is a worksheet"
MANY, SMALL = 4_000, 400
"""Entries of a panel above which its arrays are pictures, all but the small ones."""
WIDE, MANY_COLUMNS = 8, 16
"""Columns of a table that fit any screen, and those that fit a sheet of paper."""


class Panel(NamedTuple):
    """A backward pass to step through: the name of its layer or case, what is said of it, and what is claimed."""

    name: str
    title: str
    gradients: Gradients
    claimed: dict[str, tuple[Array, Array]]
    """By array the claim, and where it is wrong."""


def panels(record: Any, asked: Asked) -> tuple[list[tuple[Panel, dict[str, Any]]], list[str]]:
    """The panels with their data, as many as a page takes; and a sentence on each that is left out."""
    taken, left, room = list[tuple[Panel, dict[str, Any]]](), list[str](), MOST_OF_ALL
    for panel in panels_of(record):
        why = why_not(panel.gradients)
        data = {} if why else _data(panel, f"panel-{len(taken)}", quiz=asked.quiz)
        room -= _entries(data)
        if not why and room >= 0:
            taken.append((panel, data))
        else:
            left.append(
                f"{panel.title or 'this'} cannot be stepped through: {why or 'the page is long enough already'}"
            )
    return taken, left


def panels_of(record: Any) -> Iterator[Panel]:
    """The backward passes of a record: of a network the layers that slide windows, of a grade the cases that fail."""
    if isinstance(record, Gradients):
        yield Panel("", "", record, {})
    elif isinstance(record, Grade):
        yield from _of_grade(record) if record.feedback == "full" else ()
    else:
        yield from _of_subject(record)


def _of_subject(record: Any) -> Iterator[Panel]:
    subject = getattr(record, "network", getattr(record, "subject", None))
    if subject is None or getattr(record, "name", "") == "y":
        return
    for part in subject.parts:
        if part.layer.windowed and part.case.delta is not None:
            yield Panel(part.name, part.name, part.gradients, _claimed(record, part.name))


def _claimed(record: Any, name: str) -> dict[str, tuple[Array, Array]]:
    return {
        finding.array: (finding.claimed, finding.wrong_at)
        for finding in getattr(record, "findings", ())
        if finding.against == "claim" and finding.place.part == name and finding.comparable
        and finding.array in RESULTS
    }  # fmt: skip


def _of_grade(grade: Grade) -> Iterator[Panel]:
    """Of the cases that fail the smallest first, with what came back for them."""
    cases = sorted(failing(grade.groups).items(), key=lambda item: item[1][0].trial.numbers)
    for id, outcomes in cases:
        trial, told = outcomes[0].trial, ", ".join(map(_said, outcomes))
        part = trial.subject.parts[0]
        shown = (one for one in outcomes if one.array in RESULTS and trial.place(one.array).part == part.name)
        claims = {one.array: one.claim for one in shown if one.claim is not None}
        wrong = {name: ~np.isclose(claim, trial.expected[name], rtol=1e-6, atol=0) for name, claim in claims.items()}
        yield Panel(id, f"{id}: {told}", part.gradients, {name: (claims[name], wrong[name]) for name in claims})


def _said(outcome: Outcome) -> str:
    named = f": {outcome.mistake}" if outcome.mistake != outcome.verdict else ""
    return f"{outcome.array} {outcome.verdict}{named}"


def _data(panel: Panel, id: str, *, quiz: bool) -> dict[str, Any]:
    data = {"id": id, "name": panel.name, **steps_of(panel.gradients)}
    claims = {name: _numbers(claimed, wrong) for name, (claimed, wrong) in panel.claimed.items()}
    entries = _entries(data)
    for array in data["arrays"].values():
        if entries > MANY and prod(array["shape"]) > SMALL:
            array["zoom"] = True
    return data | ({"claim": claims} if claims else {}) | ({"quiz": True} if quiz else {})


def _entries(data: dict[str, Any]) -> int:
    return sum(prod(array["shape"]) for array in data.get("arrays", {}).values())


def _numbers(claimed: Array, wrong: Array) -> list[float | None]:
    """What is claimed where it is wrong."""
    pairs = zip(claimed.ravel().tolist(), wrong.ravel().tolist(), strict=True)
    return [float(value) if bad and np.isfinite(float(value)) else None for value, bad in pairs]


# -- As HTML -----------------------------------------------------------------------------------------------------------


def section(panel: Panel, data: dict[str, Any], pen: Pen) -> str:
    """The controls, hidden until a script is there, and the arrays; of what its tables say exactly no more is held."""
    quiz = "quiz" in data
    wanted = f"Find {' and '.join(array for array in data['arrays'] if array in RESULTS)}"
    name = escaped(
        printable(f"{wanted if quiz else 'Step through'} {'of ' * (quiz and bool(panel.title))}{panel.title}")
    )
    arrays = "".join(_sheet(array, data, panel.claimed.get(array), pen) for array in data["arrays"])
    sums = "" if quiz else _sums(data, pen)
    for array, one in data["arrays"].items():
        _unsaid(one, quiz and array in RESULTS, pen)
    return (
        f'<section id={data["id"]} aria-label="{name}"><h2>{name}</h2>\n<div class=controls hidden>'
        "<button>back</button> "
        "<input type=range min=0 value=0 aria-label=overlay> <button>next</button> <span class=step role=status></span>"
        f"</div>\n<p class=said aria-live=polite></p>\n<div class=arrays>{arrays}</div>\n"
        f"<p class=self>{WORKSHEET * quiz}</p>{sums}</section>\n"
    )


def _unsaid(array: dict[str, Any], hidden: bool, pen: Pen) -> None:
    """Leave out the numbers that the script reads in the table, or that are to be found."""
    if hidden or all(_reads_back(pen.numbers.text(value), value) for value in array["values"]):
        del array["values"]


def _reads_back(text: str, value: Any) -> bool:
    try:
        return bool(float(text) == value)
    except ValueError:
        return False


def _sums(data: dict[str, Any], pen: Pen) -> str:
    """Of a hand-sized case every entry's sum, to be folded out; it needs no script."""
    terms = sum(len(data["patterns"][pattern]) for _, _, pattern in data["steps"])
    if terms > WRITTEN_OUT:
        return ""
    names = [name for name in ("dW", "dX") if name in data["arrays"]]
    lines = "".join(f"<li>{escaped(line)}" for name in names for line in sums_of(data, name, pen.numbers.text))
    return f"<details><summary>every entry as its sum</summary><ul>{lines}</ul></details>"


def _sheet(name: str, data: dict[str, Any], claimed: tuple[Array, Array] | None, pen: Pen) -> str:
    """An array as tables, and what is claimed of it beside it, where that is wrong; entries to be found are empty."""
    array = data["arrays"][name]
    values, hidden = array["values"], "quiz" in data and name in RESULTS
    texts = ["" if hidden else pen.numbers.text(value) for value in values]
    wrong = claimed[1].ravel().tolist() if claimed else [False] * len(values)
    sheet = f"<div data-array={name}>{_planes(name, array, texts, wrong)}</div>"
    if claimed is None or not any(wrong):
        return sheet
    return sheet + f"<div>{_planes(f'{name} claimed', array, pen.numbers.list(claimed[0]), wrong)}</div>"


def _planes(name: str, array: dict[str, Any], texts: list[str], wrong: list[bool]) -> str:
    """Every plane as a table with headings; of what is drawn as a picture they are to be folded out."""
    shape, cells = array["shape"], [f"<td{' data-wrong' * bad}>{text}" for text, bad in zip(texts, wrong, strict=True)]
    rows, columns = [1, 1, *shape][-2:]
    size = rows * columns
    tables = "".join(
        _plane(name + (index(lead) if lead else ""), cells[at * size : (at + 1) * size], columns, len(shape) > 1)
        for at, lead in enumerate(np.ndindex(*shape[:-2]))
    )
    folded = f"<details><summary>all {len(texts)} numbers of {name}</summary>{tables}</details>"
    return folded if "zoom" in array else tables


def _plane(caption: str, texts: list[str], columns: int, headed: bool) -> str:
    head = "".join(f"<th>{j}" for j in range(columns))
    rows = [texts[first : first + columns] for first in range(0, len(texts), columns)]
    lines = "".join(f"<tr>{f'<th>{i}' if headed else ''}{''.join(row)}" for i, row in enumerate(rows))
    scrolls = f' tabindex=0 role=group aria-label="{caption}"' if columns > WIDE else ""
    first = "<th>i,j" if headed else ""
    many = " data-many" if columns > MANY_COLUMNS else ""
    return f"<div class=scroll{scrolls}><table{many}><caption>{caption}<tr>{first}{head}{lines}</table></div>"
