"""Blocks are enough to write any format: they hold numbers and structure, and are made when they are asked for."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest

import convgrad
from convgrad import views
from convgrad.passes.overlays import Overlays
from convgrad.views import VIEWS, Asked, blocks, text_grid
from convgrad.views.block_kinds import Alternatives, Apart, Equation, Partial, Sign, Table
from tests.views.cases import LEDGER, SQUARE, TIES
from tests.views.markdown import WRITERS, array, in_sections, markdown
from tests.views.records import RECORDS

WRITER = {"__init__", "look", "numbers", "html", "page_panels", "display"}
"""Modules that decide how blocks look, beside those of a name that begins with text or as_, which are writers."""
RESULTS = {"Forward": ("output",), "Gradients": ("dW", "db", "dX"), "Saved": ("dW", "db")}


@pytest.mark.parametrize("kind", VIEWS)
def test_another_format_is_written_from_the_blocks_of_every_record_alone(kind):
    for record in RECORDS[kind]():
        written = markdown(blocks(record))
        for result in (getattr(record, name) for name in RESULTS.get(kind, ())):
            assert result is None or array(result) in written
        assert getattr(record, "verdict", "") in written
        assert getattr(record, "entry", "").split(".")[-1] in written


def test_views_know_nothing_of_width_colour_or_digits():
    for path in Path(views.__file__).parent.glob("*.py"):
        if path.stem not in WRITER and not path.stem.startswith(("text", "as_")):
            imported = set(re.findall(r"^ *from convgrad\.views\.(\w+) import", path.read_text("utf-8"), re.M))
            assert not {name for name in imported if name in WRITER or name.startswith("text")}, path.name


def test_a_writer_meets_every_kind_of_block():
    """So that the one above shows enough, and no kind is left over."""
    asked = [(record, Asked()) for make in RECORDS.values() for record in make()]
    asked += [(convgrad.backward({**SQUARE, "op": "conv-transpose", "delta": "ones"}), Asked(only=(1, 1))),
              (convgrad.backward(TIES), Asked(only=(1, 1)))]  # fmt: skip
    met = set()
    for record, part in asked:
        for block in (block for item in blocks(record, part) for block in in_sections(item)):
            met |= {type(block), *map(type, getattr(block, "blocks", ()))}
    assert met == set(WRITERS)


def ledger_of(case, **asked):
    """The first table among the blocks, in its richest layout."""
    parts = blocks(convgrad.backward(case, arithmetic="exact"), Asked(**asked))
    return next(block for part in parts for block in in_sections(part) if isinstance(block, Table))


def value(entry):
    """What an entry adds to its column."""
    if isinstance(entry, Equation | Partial):
        return value(entry.value)
    return entry if isinstance(entry, Fraction) else 0


@pytest.mark.parametrize("case", [LEDGER, SQUARE, {**LEDGER, "op": "conv-transpose", "delta": [1, 2, 3, 4]}])
def test_the_rows_of_a_ledger_add_up_to_its_total_and_so_do_those_left_out(case):
    table = ledger_of(case)
    wanted = [i for i, total in enumerate(table.total) if isinstance(total, Fraction)]
    assert len(wanted) >= convgrad.backward(case).dW.size

    def columns(rows):
        return [sum(value(row[i]) for row in rows) for i in wanted]

    rows = list(table.rows)
    assert columns(rows) == [table.total[i] for i in wanted]
    assert columns([*rows[:1], table.summed(1, len(rows) - 1), *rows[-1:]]) == columns(rows)


def test_alternatives_begin_with_the_richest_and_end_with_what_always_fits():
    alternatives = next(part for part in blocks(convgrad.backward(LEDGER)) if isinstance(part, Alternatives))
    columns = [option.table and [column.kind for column in option.table.columns] for option in alternatives.options]
    assert [kinds and (len(kinds), "equation" in kinds) for kinds in columns] == [
        (9, True), (9, False), (6, False), None,
    ]  # fmt: skip


def test_a_number_stays_a_number():
    table = ledger_of({**LEDGER, "input": ["1/3", 2, 3]} | {"input": [Fraction(1, 3), 2, 3]})
    first = table.rows[0]
    assert first[4:6] == [
        Equation((Fraction(-1, 10), Sign.TIMES, Fraction(1, 3)), Fraction(-1, 30)),
        Equation((Fraction(-1, 10), Sign.TIMES, 2), Fraction(-1, 5)),
    ]
    report = convgrad.check({**LEDGER, "claim": {"db": 0.3}}, all_entries=True)
    wrong = next(block for part in blocks(report) for block in in_sections(part) if isinstance(block, Table))
    assert next(iter(wrong.rows))[1:3] == [Apart(0.3, 0.1), Apart(0.1, 0.3)]


def test_rows_are_made_one_by_one_as_they_are_asked_for(monkeypatch):
    made, at = count(), Overlays.at
    monkeypatch.setattr(Overlays, "at", lambda *place: (next(made), at(*place))[1])
    x = np.ones((1001, 1001))
    gradients = convgrad.backward({"input": x, "kernel": [[1, 2], [3, 4]], "delta": "ones"}, arithmetic="float64")
    parts = blocks(gradients, Asked(overlays="all"))
    table = next(block for part in parts for block in in_sections(part) if isinstance(block, Table))
    assert len(table.rows) == 1_000_000
    assert len(list(islice(table.rows, 3))) == 3
    assert next(made) <= 4


def test_lines_side_by_side_are_measured_once(monkeypatch):
    measured, width_of = count(), text_grid.width_of
    monkeypatch.setattr(text_grid, "width_of", lambda line: (next(measured), width_of(line))[1])
    pair = [text_grid.together([[("1", "")]] * 100) for _ in range(2)]
    text_grid.beside(pair, 80)
    assert next(measured) == 400  # each of 200 lines once for the block, and once for the gap behind it
