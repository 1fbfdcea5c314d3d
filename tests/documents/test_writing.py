"""Records become text: laid out as promised, read back as the same values, in parts."""

import io
import json
from fractions import Fraction
from itertools import count, islice
from types import MappingProxyType

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from convgrad.core.arithmetic import Plain, rational
from convgrad.documents import chunks, json_text, read, source, writing

FORMATS = ["json", "jsonl", "yaml"]


def text(value, format):
    return "".join(chunks(value, format))


def read_back(written):
    (document,) = read(source("-", stdin=io.BytesIO(written.encode())))
    assert document.error is None, (written, document.error)
    return document.value


RESULT = {
    "schema": "convgrad.backward/1", "id": None, "op": "conv", "arithmetic": "exact",
    "settings": {"dims": 2, "mode": "cross-correlation", "stride": [1, 1], "padding": [[0, 0], [0, 0]], "groups": 1},
    "output": np.array([1.3, 2.1]), "dW": np.array([[0.3, 1e-5], [1.0, -0.0]]), "db": Fraction(1, 10),
    "dX": np.array([Fraction(1, 3), Fraction(-1, 2)], object), "r3": np.arange(8).reshape(2, 2, 2),
    "overlays": [{"sample": 0, "dW": np.array([[0.5]]), "window": np.array([[1, 2], [3, 4]])}, {"sample": 1}],
    "none": [],
}  # fmt: skip

AS_JSON = """\
{"schema": "convgrad.backward/1", "id": null, "op": "conv", "arithmetic": "exact",
 "settings": {"dims": 2, "mode": "cross-correlation", "stride": [1, 1], "padding": [[0, 0], [0, 0]], "groups": 1},
 "output": [1.3, 2.1],
 "dW": [[0.3, 1e-05],
        [1, 0]],
 "db": 0.1, "dX": ["1/3", -0.5],
 "r3": [[[0, 1],
         [2, 3]],
        [[4, 5],
         [6, 7]]],
 "overlays": [{"sample": 0, "dW": [[0.5]],
               "window": [[1, 2],
                          [3, 4]]},
              {"sample": 1}],
 "none": []}
"""

AS_YAML = """\
schema: "convgrad.backward/1"
id: null
op: conv
arithmetic: exact
settings: {dims: 2, mode: cross-correlation, stride: [1, 1], padding: [[0, 0], [0, 0]], groups: 1}
output: [1.3, 2.1]
dW:
  - [0.3, 1.0e-05]
  - [1, 0]
db: 0.1
dX: ["1/3", -0.5]
r3:
  - - [0, 1]
    - [2, 3]
  - - [4, 5]
    - [6, 7]
overlays:
  - sample: 0
    dW: [[0.5]]
    window:
      - [1, 2]
      - [3, 4]
  - {sample: 1}
none: []
"""


def test_json_has_a_row_of_numbers_on_a_line():
    assert text(RESULT, "json") == AS_JSON


def test_yaml_has_a_row_of_numbers_on_a_line():
    assert text(RESULT, "yaml") == AS_YAML


def test_json_lines_are_lines():
    assert text(RESULT, "jsonl") == json.dumps(json.loads(AS_JSON)) + "\n" == json_text(RESULT) + "\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.0, "1"), (-0.0, "0"), (0.1, "0.1"), (1e-5, "1e-05"), (1e16, "1e+16"), (1e15, "1000000000000000"),
        (np.nan, '"NaN"'),
        (-np.inf, '"-Infinity"'), (np.inf, '"Infinity"'), (np.float32(0.1), "0.1"), (np.float64(2), "2"),
        (np.int8(3), "3"),
        (np.bool_(True), "true"), (True, "true"), (None, "null"), (10**30, str(10**30)), (Fraction(1, 3), '"1/3"'),
        (Fraction(-5, 4), "-1.25"), (Fraction(4), "4"), ("é\n😀", '"\\u00e9\\n\\ud83d\\ude00"'), ([], "[]"),
        ({}, "{}"),
        (Plain("1e-3"), "1e-3"), (Plain("010"), '"010"'), (Plain("null"), "null"), (Plain("yes"), '"yes"'),
        ((1, 2.0), "[1, 2]"),
        (np.array(0.5), "0.5"), (np.array(2.0), "2"), (np.zeros((0, 2)), "[]"), (np.zeros((2, 0)), "[[], []]"),
        (np.array([True]), "[true]"), (np.array([0.1], np.float16), "[0.1]"),
        (np.array([1 / 3], np.float32), "[0.33333334]"),
        (np.array([np.nan, -np.inf, np.inf]), '["NaN", "-Infinity", "Infinity"]'),
        (np.array([1], np.longdouble), "[1]"),
        (np.array([Fraction(1), 2, 0.5], object), "[1, 2, 0.5]"), (iter([]), "[]"), (range(3), "[0, 1, 2]"),
        (MappingProxyType({"a": 1.0}), '{"a": 1}'), (np.float32(3e38), "3e+38"), ({1: 2}, '{"1": 2}'),
    ],
)  # fmt: skip
def test_json_is_strict_and_short(value, written):
    assert json_text(value) == written


def test_what_has_no_form_in_json_is_a_bug_of_the_caller():
    with pytest.raises(TypeError, match="complex"):
        json_text([1j])


@pytest.mark.parametrize(
    ("value", "written"),
    [(1e-5, "1.0e-05"), (1.5e-5, "1.5e-05"), (1e16, "1.0e+16"), (np.nan, ".nan"), (-np.inf, "-.inf"), ("conv", "conv"),
     ("no", '"no"'), ("Y", '"Y"'), ("1", '"1"'), ("", '""'), ("a: b", '"a: b"'), ("😀", '"\\U0001f600"'), ({}, "{}")],
)  # fmt: skip
def test_yaml_says_what_either_version_reads_alike(value, written):
    assert text(value, "yaml") == written + "\n"


floats = st.floats(width=64)
finite = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.characters(exclude_categories=["Cs"]))
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(plain_values)
@settings(derandomize=False, print_blob=True, deadline=None)
def test_plain_values_come_back_from_json_as_they_were(value):
    assert json.loads(text(value, "json")) == json.loads(text(value, "jsonl")) == value


@given(plain_values)
@settings(derandomize=False, print_blob=True, deadline=None)
def test_plain_values_come_back_from_yaml_as_they_were(value):
    assert yaml.safe_load(text(value, "yaml")) == value


@pytest.mark.parametrize("key", ["\u0330" * 200, "k" * 2000])
@pytest.mark.parametrize("item", [None, [1, 2], {"a": "b" * 200}, [{"a": 1}, ["b" * 200]]])
def test_a_key_too_long_for_its_line_comes_back(key, item):
    value = {"id": {key: item, "after": 1}}
    assert yaml.safe_load(text(value, "yaml")) == value


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=5, max_side=4), elements=finite), st.integers(1, 9))
@settings(derandomize=False, print_blob=True, deadline=None)
def test_arrays_come_back_with_the_same_bits_whatever_the_blocks(array, block):
    previous, writing.BLOCK = writing.BLOCK, block
    try:
        written = {format: text({"a": array, "b": 1}, format) for format in FORMATS}
        assert text(array, "jsonl") == json_text(array) + "\n"
    finally:
        writing.BLOCK = previous
    for format, whole in written.items():
        assert whole == text({"a": array, "b": 1}, format)
        found = np.array(read_back(whole)["a"], np.float64)
        assert found.tobytes() == (array + 0.0).tobytes()
        load = yaml.safe_load if format == "yaml" else json.loads
        assert np.array(load(whole)["a"], np.float64).tobytes() == (array + 0.0).tobytes()


@given(hnp.arrays(np.float32, 5, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
@settings(derandomize=False, print_blob=True, deadline=None)
def test_float32_is_written_as_short_as_reads_back_as_float32(array):
    cells = json_text(array)[1:-1].split(", ")
    assert np.array(cells, np.float32).tobytes() == (array + np.float32(0)).tobytes()
    for cell, value in zip(cells, array.tolist(), strict=True):
        assert len(cell) <= len(repr(value))


@given(st.lists(st.fractions(max_denominator=1000), min_size=1))
@settings(derandomize=False, print_blob=True, deadline=None)
def test_fractions_come_back_exactly(values):
    array = np.empty(len(values), object)
    array[:] = values
    for format in FORMATS:
        assert [rational(cell) for cell in read_back(text(array, format))] == values


def overlays(number):
    return ({"position": [i], "window": np.full((2, 2), i)} for i in range(number))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_iterator_is_written_like_its_list(format, number):
    lazily = text({"overlays": overlays(number), "end": 1}, format)
    at_once = text({"overlays": list(overlays(number)), "end": 1}, format)
    load = yaml.safe_load if format == "yaml" else json.loads
    assert load(lazily) == load(at_once)
    assert load(text(overlays(number), format)) == load(text(list(overlays(number)), format))


@pytest.mark.parametrize("format", FORMATS)
def test_an_endless_iterator_is_written_as_it_comes(format):
    parts = chunks({"op": "conv", "overlays": ({"n": number} for number in count())}, format)
    assert "7" in "".join(islice(parts, 60))


def test_a_large_array_is_written_in_parts():
    parts = list(chunks(np.zeros((1, 1, 400, 500)), "json"))
    assert max(map(len, parts)) < 200_000
    assert json.loads("".join(parts)) == [[[[0] * 500] * 400]]


def test_short_things_share_lines_up_to_the_margin():
    lines = text({f"key{i}": "v" * (i % 30) for i in range(60)}, "json").splitlines()
    assert len(lines) < 25
    assert max(map(len, lines)) <= 118


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("first", [3.0, 0.5, -0.0, 1e15, 9999999999999998.0, 1e16, -1e17, np.inf, np.nan])
def test_many_whole_numbers_are_written_as_each_would_be(first, format):
    many = np.full(2 * writing.BLOCK, 7.0)
    many[0] = first
    alone = text(np.array([first]), format).strip()[1:-1]
    assert text(many, format).strip() == f"[{alone}, {', '.join(['7'] * (many.size - 1))}]"
