"""What holds of every view: no number is cut or missing, lines keep to the width, columns add up, rows stream."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convgrad
from convgrad.errors import RequestError
from convgrad.passes.overlays import Overlays
from convgrad.views import encodable, render
from convgrad.views.block_kinds import Column, Equation, Sign, Table
from convgrad.views.look import ASCII, UNICODE, Look
from convgrad.views.numbers import Numbers
from convgrad.views.text_cards import is_card
from convgrad.views.text_table import Measured, written
from convgrad.views.text_words import Pen
from tests.geometry import OPERATIONS, cases
from tests.views.cases import LEDGER, SQUARE, TIES

WIDTHS = (None, 40, 80, 200)
NUMBER = re.compile(r"-?\d+/\d+|-?\d+(?:\.\d+)?(?:e-?\d+)?")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def text(record, width=None, color="never", **asked):
    return "".join(render(record, width=width, color=color, **asked))


def numbers_in(shown):
    return Counter(float(Fraction(found)) if "/" in found else float(found) for found in NUMBER.findall(shown))


def results(gradients):
    """Every number of dW, db and dX, as JSON has them, but for those of volumes that are cards."""
    arrays = [np.asarray(array) for array in (gradients.dW, gradients.db, gradients.dX) if array is not None]
    return Counter(float(value) for array in arrays if not is_card(array) for value in array.ravel().tolist())


def assert_within(shown, width):
    """No line is longer than the width, but for a single word that is."""
    if width:
        assert [line for line in shown.splitlines() if len(line) > width and len(line.split()) > 1] == []


# -- Any case ----------------------------------------------------------------------------------------------------------


@given(case=cases(OPERATIONS), width=st.sampled_from(WIDTHS), arithmetic=st.sampled_from(["auto", "exact"]))
def test_every_number_of_the_result_appears_whole(case, width, arithmetic):
    gradients = convgrad.backward(case, arithmetic=arithmetic)
    shown = text(gradients, width, digits=60, quiet=True)
    assert "…" not in shown
    assert results(gradients) - numbers_in(shown) == Counter()


@given(case=cases(OPERATIONS), width=st.sampled_from(WIDTHS), data=st.data())
def test_no_view_holds_an_ellipsis_or_goes_beyond_the_width(case, width, data):
    gradients = convgrad.backward(case)
    asked = {}
    if len(gradients.full_overlays) and data.draw(st.booleans()):
        asked["only"] = tuple(data.draw(st.integers(0, n - 1)) for n in gradients.full_overlays.shape)
    else:
        asked["overlays"] = data.draw(st.sampled_from([None, "all", "none", 0, 3]))
    for shown in (text(gradients, width, **asked), text(convgrad.forward(case), width)):
        assert "…" not in shown
        assert_within(shown, width)


def test_a_note_of_what_is_left_out_keeps_to_the_width():
    random = np.random.default_rng(0)
    settings = {"op": "conv-transpose", "groups": 3, "stride": [1, 3], "dilation": [2, 1], "output_padding": [0, 1]}
    shapes = {"input": (3, 3, 2, 4), "kernel": (3, 1, 1, 2), "delta": (3, 3, 2, 12)}
    arrays = {name: random.integers(-9, 9, shape).tolist() for name, shape in shapes.items()}
    shown = text(convgrad.backward(settings | arrays), 40)
    assert "8 of 9 slices" in shown
    assert_within(shown, 40)


@given(case=cases(), width=st.sampled_from((None, 8, 25)))
def test_any_width_will_do(case, width):
    assert text(convgrad.backward(case), width)


@given(case=cases(batches=(1, 2)), width=st.sampled_from(WIDTHS), data=st.data())
def test_any_entry_is_explained_within_the_width(case, width, data):
    gradients = convgrad.backward(case)
    arrays = {"dX": gradients.dX, "dW": gradients.dW, "db": gradients.db, "y": gradients.output}
    name = data.draw(st.sampled_from([name for name, array in arrays.items() if array is not None]))
    index = [data.draw(st.integers(0, n - 1)) for n in np.shape(arrays[name])]
    explanation = convgrad.explain(case, f"{name}{index}" if index else name)
    shown = text(explanation, width)
    assert "…" not in shown
    assert_within(shown, width)
    last = [line for line in shown.splitlines() if " = " in line][-1]
    value = float(np.asarray(arrays[name])[tuple(index)])
    assert float(last.split("=")[1]) == pytest.approx(value, rel=1e-5)  # six digits are shown


@given(case=cases(), width=st.sampled_from(WIDTHS))
def test_ascii_is_the_same_view_in_ascii(case, width):
    gradients = convgrad.backward(case)
    shown = text(gradients, width, ascii=True)
    shown.encode("ascii")
    shown.encode("cp437")


@given(case=cases(), width=st.sampled_from(WIDTHS))
def test_colours_are_all_that_colour_adds(case, width):
    gradients = convgrad.backward(case)
    coloured = text(gradients, width, color="always")
    assert [line.rstrip() for line in ESCAPE.sub("", coloured).splitlines()] == text(gradients, width).splitlines()


# -- Tables that add up ------------------------------------------------------------------------------------------------


def table_rows(shown):
    """The rows of the first table and its total, as numbers by column; `(1.6)` is a sum of rows left out."""
    lines = shown.splitlines()
    rules = [number for number, line in enumerate(lines) if line and set(line) <= {"─"}]
    rows = [re.findall(r"(?<=[ (])-?\d+(?:\.\d+)?(?=\)? |\)?$)", line) for line in lines[rules[0] + 1 : rules[1]]]
    return rows, re.findall(r"(?<= )-?\d+(?:\.\d+)?", lines[rules[1] + 1])


@pytest.mark.parametrize("overlays", [None, "all", 1, 3])
@pytest.mark.parametrize("taps", [(2, 2), (1, 3)])
def test_the_columns_of_contributions_add_up_to_the_total_line(overlays, taps):
    random = np.random.default_rng(3)
    kernel, x = random.integers(-5, 6, taps).tolist(), random.integers(-5, 6, (5, 6)).tolist()
    shape = convgrad.forward({"input": x, "kernel": kernel}).output.shape
    case = {"input": x, "kernel": kernel, "delta": random.integers(-5, 6, shape).tolist()}
    rows, total = table_rows(text(convgrad.backward(case), overlays=overlays))
    width = len(total) - 1  # delta, then one column a tap
    assert width == taps[0] * taps[1]
    columns = list(zip(*([int(number) for number in row[-width:]] for row in rows), strict=True))
    assert [sum(column) for column in columns] == list(map(int, total[1:]))


def test_the_columns_of_dX_add_up_as_well():
    rows, total = table_rows(text(convgrad.backward(LEDGER), 60))
    assert [float(number) for number in total] == [0.1, 0.3, 0.4, -0.03, 0.01, 0.1]
    assert [len(row) for row in rows] == [len(rows[0]), len(rows[1])]


def test_a_whole_table_in_colour_and_a_streamed_one_look_the_same():
    columns = (Column("#", "right"), Column("out", "left"), Column("delta"), Column("dW[0]"))
    rows = [[1, "[0]", -0.1, Equation((2, Sign.TIMES, 3), 6)], [2, "[1]", 10.25, Equation((2, Sign.TIMES, 0.5), 1)]]
    table = Table(columns, rows, (Sign.TOTAL, "", 10.15, 7))
    for symbols in (UNICODE, ASCII):
        look = Look(None, Numbers(), symbols)
        coloured = "".join(written(table, Pen(look._replace(color=True))))
        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == "".join(Measured(table, Pen(look)).streamed(rows))


def test_windows_of_different_sizes_stream_too():
    case = {"op": "adaptive-average-pool", "dims": 1, "input": [1] * 1000, "output_size": 301, "delta": "ones"}
    assert "each of dX[0:4]" in text(convgrad.backward(case), overlays="all")


def test_decimal_points_stand_below_each_other():
    rows = [[number] for number in (0.5, -12.25, 1e-12, 7, Fraction(1, 3))]
    table = Table((Column("numbers"),), rows)
    shown = "".join(written(table, Pen(Look(None, Numbers(fractions=True))))).splitlines()[2:]
    assert [re.search(r"[./e]|$", line).start() for line in shown] == [4] * 5


# -- Streaming ---------------------------------------------------------------------------------------------------------


def long_case(cells):
    return {"input": list(range(cells)), "kernel": [1, -1], "delta": "ones"}


def test_all_overlays_stream_the_first_rows_before_the_last_are_made(monkeypatch):
    made, at = count(), Overlays.at
    monkeypatch.setattr(Overlays, "at", lambda *place: (next(made), at(*place))[1])
    chunks = render(convgrad.backward(long_case(5000), arithmetic="float64"), width=80, overlays="all", color="never")
    next(chunk for chunk in chunks if "dW[0]" in chunk)
    assert next(made) < 1000
    assert sum(chunk.count("\n") for chunk in chunks) > 4000


def test_where_a_wider_number_comes_the_headings_come_again_and_nothing_is_cut():
    case = long_case(1000)
    case["input"][900] = 123456789
    shown = text(convgrad.backward(case), 80, overlays="all")
    assert shown.count("dW[0]") == 2
    assert shown.count("123456789") >= 4  # two windows and two products


def test_many_overlays_are_rows_of_one_table():
    shown = text(convgrad.backward(long_case(400)), 80, overlays="all")
    assert len(re.findall(r"^ +\d+  \[\d+\]", shown, re.M)) == 399


# -- Requests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "asked", "message"),
    [
        (SQUARE, {"only": (4, 0)}, "there is no overlay 4,0: positions run from 0,0 to 3,3"),
        (SQUARE, {"only": (1,)}, "there is no overlay 1: positions run from 0,0 to 3,3"),
        (SQUARE, {"channel": (0, 1)}, "there is no channel 0,1: dW has 1 x 1 channels, so they run from 0,0 to 0,0"),
        (TIES, {"channel": (1,)}, "there is no channel 1: x has 1 channels, so they run from 0 to 0"),
        (TIES, {"only": (2, 2)}, "there is no overlay 2,2: positions run from 0,0 to 1,1"),
    ],
)
def test_what_there_is_not_is_refused_before_anything_is_written(case, asked, message):
    with pytest.raises(RequestError, match=re.escape(message)) as refused:
        render(convgrad.backward(case), width=80, **asked)
    assert str(refused.value).startswith(f"--{next(iter(asked))}: ")


def test_symbols_are_chosen_by_trying_to_encode():
    assert [encodable(name) for name in ("utf-8", "ascii", "cp1252", "cp437", None, "no-such")] == [True] + [False] * 5


@pytest.mark.parametrize(
    ("environment", "width", "colours"),
    [
        ({}, 80, True),
        ({}, None, False),
        ({"NO_COLOR": "1"}, 80, False),
        ({"FORCE_COLOR": "1"}, None, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, 80, False),
        ({"TERM": "dumb"}, 80, False),
    ],
)
def test_colour_follows_the_terminal_and_the_environment(monkeypatch, environment, width, colours):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in text(convgrad.backward(LEDGER), width, color="auto")) is colours


def test_a_name_is_no_markup_and_steers_no_terminal():
    shown = text(convgrad.backward({**LEDGER, "name": "[red]x[/red]\x1b[31m\r"}), 80)
    assert "\x1b" not in shown
    assert shown.startswith("[red]x[/red] [31m")


# -- Two filters -------------------------------------------------------------------------------------------------------

TWO_FILTERS = {
    "input": np.arange(25).reshape(5, 5) % 7, "kernel": np.arange(18).reshape(2, 1, 3, 3) % 5, "stride": 2,
    "padding": 1, "delta": "ones",
}  # fmt: skip


def test_every_plane_that_meets_an_entry_is_drawn_up_to_three():
    shown = text(convgrad.explain(TWO_FILTERS, "dX[2,3]"))
    assert re.search(r"^x +delta\[0\] +delta\[1\] +w\[0,0\] +w\[1,0\]$", shown, re.MULTILINE)
    many = {**TWO_FILTERS, "kernel": np.ones((5, 1, 3, 3))}
    assert re.search(r"delta\[1\] +delta\[2\] \(3 of 5 planes\)", text(convgrad.explain(many, "dX[2,3]")))


@pytest.mark.parametrize(
    ("layout", "entries"),
    [(None, ["dW[1,0,0,0]", "dW[1,0,0,1]"]), (["NHWC", "HWIO"], ["dW[0,0,0,1]", "dW[0,1,0,1]"])],
)
def test_columns_of_a_ledger_are_called_as_the_entries_are(layout, entries):
    kernel = np.arange(4).reshape((2, 1, 1, 2) if layout is None else (1, 2, 1, 2))
    x = np.arange(6).reshape((1, 1, 2, 3) if layout is None else (1, 2, 3, 1))
    case = {"input": x, "kernel": kernel, "delta": "ones"} | ({} if layout is None else {"layout": layout})
    shown = text(convgrad.backward(case), channel=(1, 0))
    assert all(re.search(rf"^ +#.* {re.escape(entry)}(?: |$)", shown, re.MULTILINE) for entry in entries)


def test_a_window_past_the_last_cell_is_said_in_words():
    shown = text(convgrad.backward(TWO_FILTERS), only=(1, 2))
    assert "window x rows 1 to 3, columns 3 to 5" in shown
    assert "window x[1:4, 1:4]" in text(convgrad.backward(TWO_FILTERS), only=(1, 1))
