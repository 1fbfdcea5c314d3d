"""A problem as a person reads it: the caret is under the place, whatever the line holds."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convgrad.documents import render
from convgrad.documents.places import place_at
from convgrad.errors import Point, Problem


def shown(text, index, **how):
    return render(Problem("wrong", "mend it", place=place_at("x.yaml", text, index)), **how)


def test_a_caret_stands_under_the_place():
    assert shown("a: 1\nb: [5 6]\n", 9) == "x.yaml:2:5: wrong\nb: [5 6]\n    ^\nmend it"


def test_a_problem_without_a_place_has_no_caret():
    assert render(Problem("wrong", path=("input", 0))) == "input[0]: wrong"
    assert render(Problem("wrong", place=Point("x.npy"))) == "x.npy: wrong"
    assert render(Problem("wrong", place=Point("x.jsonl", 3))) == "x.jsonl:3: wrong"


def test_the_line_ends_where_it_ends_on_any_system():
    assert place_at("x", "a\r\nb\r\n", 3) == Point("x", 2, 1, "b")
    assert place_at("x", "a", 99) == Point("x", 1, 2, "a")
    assert place_at("x", "ab", 1, 7) == Point("x", 7, 2, "ab")


def test_wide_characters_take_two_columns_combining_ones_none_and_tabs_stay():
    assert shown("畳e\u0301\tx", 4).split("\n")[2] == "   \t^"


def test_what_would_act_on_a_terminal_is_shown_as_text():
    line, caret = shown("\x1b[31mx", 5).split("\n")[1:3]
    assert line == "\\x1b[31mx"
    assert caret == "        ^"
    assert "\x1b" not in render(Problem("\x1b[2J", "\x1b[2J", place=Point("\x1b[2J")))


def test_ascii_is_ascii():
    assert shown("é: x", 3, ascii=True) == "x.yaml:1:4: wrong\n\\xe9: x\n      ^\nmend it"


@pytest.mark.parametrize("index", [0, 10, 35, 36, 37, 100, 500, 964, 965, 990, 999])
def test_a_long_line_is_cut_around_the_place_and_the_column_is_true(index):
    text = "".join(chr(ord("a") + i % 26) for i in range(1000))
    place = place_at("x", "\n" + text + "\n", index + 1)
    assert (place.line, place.column) == (2, index + 1)
    assert len(place.text) <= 72
    line, caret = render(Problem("wrong", place=place)).split("\n")[1:]
    assert line[caret.index("^")] == text[index]
    assert line.startswith("…") == (index > 35)
    assert line.endswith("…") == (index < 965)


@given(st.text(), st.integers(0, 200), st.booleans())
@settings(derandomize=False, print_blob=True, deadline=None)
def test_rendering_never_fails(text, index, ascii):
    result = shown(text, index, ascii=ascii)
    assert all(unicodedata.category(char) not in ("Cc", "Cs") or char in "\n\t" for char in result)
    assert result.isascii() or not ascii
