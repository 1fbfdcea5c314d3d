"""The quick reader of large arrays accepts nothing that the careful one refuses, and reads the same numbers."""

import re
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convgrad.core.arithmetic import rational
from convgrad.documents import events, reading
from convgrad.documents import lifting as arrays
from convgrad.errors import RequestError

ALPHABET = '[],-+.eE0123456789 \n\t\r#:{}x"/?|>'


@contextmanager
def every_array_counts_as_large(chunk=1 << 20):
    run = re.compile(arrays.RUN.pattern.replace("{20000,}", "{2,}"))
    with mock.patch.multiple(arrays, LARGE=2, RUN=run, CHUNK=chunk):
        yield


def lifted(text, chunk=1 << 20):
    with every_array_counts_as_large(chunk):
        return arrays.lifted(text, lambda rest: reading._small(rest, "x", 1, keep=True))


def careful(text):
    """The careful reader's value; JSON, unlike YAML, may break the line between a key and its colon."""
    try:
        return events.tree(text, "x")
    except RequestError:
        return events.tree(re.sub(r'"\s+:', '":', text), "x")


TRAPS = {  # what a reader of columns of numbers takes, and what it is not
    "[1, , 2]": "NumPy reads a blank cell as -1",
    "[1,\n,2]": "also over lines",
    "[1,\t,2]": "and tabs",
    "[ , 1]": "at the beginning",
    "[1, 2, ]": "a comma at the end is YAML's, and the shape would count a third number",
    "[010, 1]": "8 in YAML 1.1, 10 to C",
    "[-010, 1]": "also with a sign",
    "[00.5, 1]": "no number of JSON's",
    "[1e400, 1]": "infinite",
    "[1e-400, 1]": "zero",
    "[0." + "0" * 400 + "1, 1]": "zero without an exponent",
    "[1 2, 3]": "two numbers",
    "[- 1, 2]": "a sign apart",
    "[[1, 2] 3, [4]]": "a number after a bracket",
    "[[1, 2], 3[, 4]]": "a bracket after a number has the regular signature",
    "[[1, 2], [3]]": "rows of different lengths",
    "[[1], 2]": "a number where a row must be",
    "- [1, 2],[3, 4]\n- [5, 6],[7, 8]\n": "two rows at one dash",
    "- 1,5\n- 2,5\n": "decimal commas",
    "- [1\n  - 5]\n- [2,\n  5]\n": "a dash in a row",
    "- 1\n- \n2\n": "a number under its dash",
    "- - - 0.0]\n    - [0\n": "brackets that dashes seem to close",
    "- - [1]]\n  - [[2]\n": "and open",
    "- 1\n- - 2\n": "a list among numbers",
    "-1\n-2\n": "no list",
    "- 1\n -2\n": "a number that goes on",
    "a: - 1\n - 2\n": "a list on the line of its key",
    "[1, 2]: 3": "a key",
    "x[1, 2]": "a word",
    "[1, 2] 3": "more after the end",
    "'[1, 2]'": "text",
    "# [1, 2]": "a comment",
    "a: [1, 2]\n\t# b\n": "also before a comment",
    "a: [1,\t2]": "in YAML tabs may be errors",
    "a:\n- 1\r\r\n- 2\n": "and lone carriage returns",
}


@pytest.mark.parametrize("text", TRAPS)
@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_no_trap_is_an_array(text, chunk):
    assert lifted(text, chunk) is None


NO_TRAPS = ["[-1, -1]", "[1e010, 0e0]", "[1., .5, +1]", "[0, 0.0, -0]", "- - 1\n  - 2\n- - 3\n  - 4"]


def test_a_number_like_the_token_of_an_array_stays_a_number():
    (value,) = lifted("id: 7e7700\nnote: 7e77070\ninput: [1, 2]\n")
    assert (value["id"], value["note"], value["input"].tolist()) == ("7e7700", "7e77070", [1, 2])


@pytest.mark.parametrize("text", NO_TRAPS)
def test_what_looks_like_a_trap_and_is_none_is_an_array(text):
    (found,) = lifted(text)
    assert isinstance(found, np.ndarray)
    assert_same(found, careful(text))


def as_floats(tree):
    """The careful reader's list as a float64 array; raises ValueError where a leaf is no number."""
    if isinstance(tree, list):
        return np.array([as_floats(item) for item in tree], np.float64)
    rational(tree)
    return float(tree)


def assert_same(quick, careful):
    """Every array of the quick reader has the bits of the careful one's numbers, and the rest is the same."""
    if isinstance(quick, np.ndarray):
        assert quick.dtype == np.float64
        expected = as_floats(careful)
        assert quick.shape == expected.shape
        assert quick.tobytes() == expected.tobytes()
    elif isinstance(quick, (dict, list)):
        assert type(quick) is type(careful)
        assert len(quick) == len(careful)
        for key in quick if isinstance(quick, dict) else range(len(quick)):
            assert_same(quick[key], careful[key])
    else:
        assert quick == careful


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**18), 10**18).map(str),
    st.sampled_from(
        ["0", "-0", "-0.0", "1.", ".5", "+1", "-.5e3", "1e-5", "1E+05", "1e007", "0e0", "0.10", "1e-300", "5e-324"]
    ),
)
shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@st.composite
def nested(draw):
    shape = draw(shapes)
    leaves = draw(st.lists(numbers, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return np.array(leaves, object).reshape(shape).tolist()


def flow(value, between):
    return value if isinstance(value, str) else "[" + between.join(flow(item, between) for item in value) + "]"


def block(value, indent, levels, step):
    """Nested lists as a block of dashes, their innermost as flow rows unless all levels are dashes."""
    if levels == 0 or isinstance(value, str):
        return flow(value, ", ") + "\n"
    pad = " " * indent
    items = ["-" + " " * (step - 1) + block(item, indent + step, levels - 1, step) for item in value]
    return pad.join(items)


def depth(value):
    return 1 + depth(value[0]) if isinstance(value, list) else 0


@st.composite
def documents(draw):
    value = draw(nested())
    if draw(st.booleans()):
        text = flow(value, draw(st.sampled_from([", ", ",", ",\n ", " , ", ",\r\n\t", ",  \n   "])))
        form = draw(st.sampled_from(["{}", '{{"a": {}, "b": 1}}', "a: {}\nb: 1\n", "- {}\n", '{{"c":[1,2],\n"a":{}}}']))
        return form.format(text)
    indent, levels = draw(st.integers(0, 3)), draw(st.integers(1, depth(value)))
    text = " " * indent + block(value, indent, levels, draw(st.integers(2, 4)))
    text = draw(st.sampled_from(["{}", "a:\n{}b: 1\n", "a:\n{}expected: 1\n", "# note\n{}", "b: 1\na:\n{}"])).format(
        text
    )
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@given(documents(), st.sampled_from([1, 7, 1 << 20]))
@settings(derandomize=False, print_blob=True, deadline=None)
def test_a_regular_array_reads_as_the_same_bits_as_by_the_careful_reader(text, chunk):
    found = lifted(text, chunk)
    assume(found is not None)
    assert_same(found[0], careful(text))


@pytest.mark.slow
@given(documents(), st.data(), st.sampled_from([1, 7, 1 << 20]))
@settings(derandomize=False, print_blob=True, deadline=None, max_examples=300)
def test_the_quick_reader_accepts_nothing_that_the_careful_one_refuses(text, data, chunk):
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 3))
        text = text[:at] + data.draw(st.text(ALPHABET, max_size=3)) + text[at + cut :]
    found = lifted(text, chunk)
    assume(found is not None)
    assert_same(found[0], careful(text))


def test_an_array_is_lifted_from_sixteen_levels_and_no_more_mappings_counted():
    def nested_in(levels):
        return '{"a": ' * levels + "[[1, 2], [3, 4]]" + "}" * levels

    assert_same(lifted(nested_in(14))[0], careful(nested_in(14)))
    assert lifted(nested_in(15)) is None
