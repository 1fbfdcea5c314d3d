"""Sources become documents: who reads them, what is kept, where things are, what goes on after an error."""

import io
import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convgrad.core.arithmetic import Plain
from convgrad.documents import events, read, reading, source
from convgrad.documents import lifting as arrays
from convgrad.errors import Point, RequestError


def document(text, **how):
    (only,) = read(source("\n" + text, option="x"), **how)
    return only


def error(text):
    return document(text).error.problems[0]


def test_importing_documents_and_reading_json_load_no_yaml_rich_or_pydantic():
    program = """
import sys
import convgrad.documents
assert "numpy" not in sys.modules and "json" not in sys.modules
document, = convgrad.documents.read(convgrad.documents.source('{"a": [1, 2.5]}'))
assert document.value == {"a": ["1", "2.5"]}
assert not {"yaml", "rich", "pydantic"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_small_json_keeps_the_text_of_its_numbers():
    value = document('{"a": [0.10, 1e-3, 5], "b": "0.5", "c": true, "d": null}').value
    assert value == {"a": ["0.10", "1e-3", "5"], "b": "0.5", "c": True, "d": None}
    assert {type(leaf) for leaf in value["a"]} == {Plain}
    assert type(value["b"]) is str


def test_json_need_not_keep_the_text():
    value = document('{"a": [0.10, 1e-3, 5]}', exact=False).value
    assert value == {"a": [0.1, 0.001, 5]}
    assert [type(leaf) for leaf in value["a"]] == [float, float, int]


@pytest.mark.parametrize(
    "number",
    [
        "1e400", "-1E400", "1e-400", "1e-2000000", "1e+0400", "1" + "0" * 400, "0." + "0" * 400 + "1",
        "1" + "0" * 250 + "e99", "0." + "0" * 250 + "1e-99", "1" * 5000, "-" + "9" * 309 + ".5",
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "[0.5, 1], " * 7])
def test_a_number_that_float64_may_not_hold_keeps_its_text_always(number, before):
    value = document(f'{{"a": [{before}{number}]}}', exact=False).value
    assert value["a"][-1] == number
    assert type(value["a"][-1]) is Plain


@given(st.integers(0, 330), st.integers(-420, 420), st.booleans())
@settings(derandomize=False, print_blob=True, deadline=None)
def test_nothing_becomes_infinite_or_zero_without_a_sound(zeros, exponent, below):
    digits = "0." + "0" * zeros + "7" if below else "7" + "0" * zeros
    leaf = document(f"[{digits}e{exponent}]", exact=False).value[0]
    held = float(f"{digits}e{exponent}")
    assert isinstance(leaf, Plain) or (leaf == held and held not in (0, float("inf")))


def test_tokens_that_are_not_finite_are_kept_as_words():
    assert document('{"a": [NaN, -Infinity]}').value == {"a": ["NaN", "-Infinity"]}
    assert document('{"a": [NaN, -Infinity]}', exact=False).value == {"a": ["NaN", "-Infinity"]}
    assert document('{"a": [-Infinity]}', exact=False, nonfinite=True).value == {"a": [-np.inf]}


def test_json_with_something_off_gets_the_careful_reader_s_error():
    problem = error('{"a": 1,\n "a": 2}')
    assert (problem.message, str(problem.place)) == ("the key 'a' is here twice, first 1 line above", "x:3:2")


@pytest.mark.parametrize("deep", ["[" * 17 + "]" * 17, '{"a":' * 17 + "1" + "}" * 17, "[1," * 17 + "2" + "]" * 17])
def test_json_is_as_deep_as_yaml_and_no_deeper(deep):
    assert error(deep).message == "more than 16 levels of nesting"


def test_sixteen_levels_are_read():
    assert document("[" * 16 + "1" + "]" * 16).error is None


def test_json_with_half_a_surrogate_pair_is_refused():
    assert error(r'{"name": "\ud83d"}').message == "this escape is no character"
    assert error(r'{"name": "\ude00"}').message == "this escape is no character"
    assert document(r'{"name": "\ud83d\ude00"}').value == {"name": "😀"}


plain_floats = st.floats(-1e90, 1e90).filter(lambda value: value == 0 or abs(value) > 1e-90)
leaves = st.none() | st.booleans() | st.integers() | plain_floats | st.text("ab:#'\"\\é\n ")


def nested(inner):
    return st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé", min_size=1), inner, max_size=4)


@given(st.recursive(leaves, nested, max_leaves=12))
@settings(derandomize=False, print_blob=True, deadline=None)
def test_json_reads_as_by_the_standard_library_by_either_reader(value):
    text = json.dumps([value])
    assert document(text, exact=False).value == [value]
    words = json.loads(text, parse_float=str, parse_int=str)
    assert document(text).value == words
    assert _words(events.tree(text, "x")) == _words(words)


def _words(value):
    """The value with null, true and false as words, which the careful reader does not tell from others."""
    if isinstance(value, dict):
        return {key: _words(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(_words, value))
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


ROWS = np.random.default_rng(0).standard_normal((50, 40))
FLOW = ",\n ".join(json.dumps(row) for row in ROWS.tolist())
LARGE = {
    "json": '{"op": "conv", "input": [' + FLOW + '], "stride": 2}',
    "flow": f"op: conv\ninput: [{FLOW}]\nstride: 2\n",
    "rows": "op: conv\ninput:\n" + "".join(f"  - {row}\n" for row in ROWS.tolist()) + "stride: 2\n",
    "numbers": "op: conv\ninput:\n"
    + "".join("- - " + "\n  - ".join(map(repr, row)) + "\n" for row in ROWS.tolist())
    + "stride: 2\n",
}  # fmt: skip


@pytest.mark.parametrize("form", LARGE)
def test_a_large_array_is_float64_and_the_rest_keeps_its_text(form):
    text = LARGE[form]
    assert len(text) > arrays.LARGE
    found = document(text)
    assert isinstance(found.value["input"], np.ndarray)
    assert found.value["input"].tobytes() == ROWS.tobytes()
    assert {**found.value, "input": 0} == {"op": "conv", "input": 0, "stride": "2"}
    assert found.exact()["input"][3][4] == repr(ROWS[3, 4].item())


@pytest.mark.parametrize("form", LARGE)
def test_places_are_found_around_a_large_array_and_in_it(form):
    found = document(LARGE[form])
    text = "\n" + LARGE[form]
    for path, piece in {("stride",): "2", ("input", 3, 4): repr(ROWS[3, 4].item()), ("op",): "conv"}.items():
        place = found.locate(path)
        line = text.split("\n")[place.line - 1]
        assert line[place.column - 1 :].lstrip('"').startswith(piece), (path, place)


@pytest.mark.parametrize(
    "wrong", ["1 2", "010", "1e400", "1e-400", "yes", "1:30", "−1", "1/0", "1_000", "0x10", "１２", "1,,5"]
)
@pytest.mark.parametrize("form", ["json", "flow", "rows"])
def test_one_wrong_cell_in_a_large_array_stays_as_it_was_written_or_is_refused(form, wrong):
    cell = repr(ROWS[7, 3].item())
    found = document(LARGE[form].replace(cell, wrong))
    if found.error:
        assert wrong == "1,,5"
        assert found.error.problems[0].message == "expected a value, found ','"
        return
    assert found.value["input"][7][3] == wrong
    place = found.locate(("input", 7, 3))
    assert ("\n" + LARGE[form].replace(cell, wrong)).split("\n")[place.line - 1][place.column - 1 :].startswith(wrong)


def test_rows_of_different_lengths_stay_lists():
    cell = repr(ROWS[7, 3].item()) + ", "
    value = document(LARGE["json"].replace(cell, "")).value
    assert [len(row) for row in value["input"]][6:9] == [40, 39, 40]


def test_a_quoted_or_commented_array_is_no_array():
    assert document(f"note: '{FLOW}'\nop: conv\n").value["op"] == "conv"
    assert isinstance(document(f"note: '[{FLOW}]'\n").value["note"], str)
    assert document(f"# [{FLOW.replace(chr(10), '')}]\nop: conv\n").value == {"op": "conv"}
    assert error(f"[{FLOW}]: 1\n").message == "':' is not expected here"


def test_a_duplicate_key_beside_a_large_array_is_found():
    text = LARGE["json"].replace('"stride"', '"op"')
    assert error(text).message.startswith("the key 'op' is here twice")


LOCATED = "op: conv\ninput: [[1, 2],\n        [3, é, 4]]\nclaim:\n  dW:\n    - 5\n    - 66\n"


@pytest.mark.parametrize(
    ("path", "key", "line", "column"),
    [
        ((), False, 1, 1), (("op",), False, 1, 5), (("op",), True, 1, 1), (("input",), False, 2, 8),
        (("input", 1, 2), False, 3, 16), (("input", 1, 9), False, 3, 9), (("claim", "dW", 1), False, 7, 7),
        (("claim", "dX", 1), False, 5, 3), (("claim", "dW"), True, 5, 3), (("nothing",), False, 1, 1),
        (("op", "x"), False, 1, 5), (("op", 0), True, 1, 5), (("input", "x"), False, 2, 8),
    ],
)  # fmt: skip
def test_a_path_leads_to_its_place_or_to_the_deepest_part_there_is(tmp_path, path, key, line, column):
    file = tmp_path / "x.yaml"
    file.write_text(LOCATED, encoding="utf-8")
    (found,) = read(source(str(file)))
    place = found.locate(path, key=key)
    assert place == Point(str(file), line, column, LOCATED.split("\n")[line - 1])


def test_a_problem_without_a_place_gets_that_of_its_path(tmp_path):
    found = document("input: [1, 5 6]")
    from convgrad.errors import Problem

    placed = found.placed(RequestError([Problem("bad", path=("input", 1)), Problem("worse", place=Point("y"))]))
    assert [str(problem.place) for problem in placed.problems] == ["x:2:12", "y"]


def test_places_are_found_in_what_breaks_further_on():
    found = document("a: [1, 2]\nb: ]\n")
    assert str(found.locate(("a", 1))) == "x:2:8"


def test_documents_are_split_at_their_lines_and_each_has_its_own_error(tmp_path):
    file = tmp_path / "many.yaml"
    file.write_text("%YAML 1.2\n---\na: 1\n--- # second\na: [1\n---\n\n--- {a: 3}\n...\n---\na: |\n  -- -\n---x: 4\n")
    found = list(read(source(str(file))))
    assert [(each.number, each.line, each.value) for each in found] == [
        (1, 2, {"a": "1"}), (2, 4, None), (3, 8, {"a": "3"}), (4, 10, {"a": "-- -\n", "---x": "4"}),
    ]  # fmt: skip
    assert str(found[1].error.problems[0].place) == f"{file}:5:4"
    assert str(found[2].locate(("a",))) == f"{file}:8:9"


def test_json_documents_may_be_separated_too():
    texts = ['{"a": 1}', '{"a": 2}']
    assert [each.value for each in read(source("\n" + "\n---\n".join(texts)))] == [{"a": "1"}, {"a": "2"}]


def test_a_text_without_a_document_is_one_error():
    assert error("# nothing\n").message == "the document is empty"
    assert error("---\n---\n").message == "the document is empty"


def test_json_lines_are_read_one_by_one_and_the_rest_go_on(tmp_path):
    file = tmp_path / "cases.jsonl"
    file.write_bytes(
        b'\xef\xbb\xbf{"a": 1}\n\n \t\n{"a": [1, 2}\n\xff\n'
        b'{"a": "\xc3\xa9\xe2\x80\xa8"}\r\n[1,\n{"a": 1, "a": 2}\n{a: yes}'
    )
    found = list(read(source(str(file))))
    assert [(each.number, each.line, each.value) for each in found] == [
        (1, 1, {"a": "1"}), (2, 4, None), (3, 5, None), (4, 6, {"a": "é\u2028"}), (5, 7, None), (6, 8, None),
        (7, 9, {"a": "yes"}),
    ]  # fmt: skip
    assert [str(each.error.problems[0].place) for each in found if each.error] == [
        f"{file}:4:12", f"{file}:5", f"{file}:7:4", f"{file}:8:10",
    ]  # fmt: skip
    assert str(found[3].locate(("a",))) == f"{file}:6:7"


def test_json_lines_are_read_as_they_come():
    class Endless(io.RawIOBase):
        lines = 0

        def __iter__(self):
            while True:
                self.lines += 1
                yield b'{"a": 1}\n'

        def read(self, size=-1):
            assert size == 0
            return b""

    stream = Endless()
    found = read(source("-", stdin=stream))
    assert [next(found).line for _ in range(5)] == [1, 2, 3, 4, 5]
    assert stream.lines < 9


@pytest.mark.parametrize("kind", [io.BytesIO, lambda data: io.StringIO(data.decode())])
def test_standard_input_may_be_any_text(kind):
    def values(data):
        return [each.value or each.error.problems[0].message for each in read(source("-", stdin=kind(data)))]

    assert values(b'{"a": 1}\n{"a": 2}\n') == [{"a": "1"}, {"a": "2"}]
    assert values(b'{"a":\n1}\n') == [{"a": "1"}]
    assert values(b"a: 1\n---\na: 2\n") == [{"a": "1"}, {"a": "2"}]
    assert values(b"[1, 2]") == [["1", "2"]]
    assert values(b"") == ["the document is empty"]


def test_a_value_can_be_as_exact_as_fractions():
    assert [Fraction(leaf) for leaf in document('[0.1, "1/3"]').value] == [Fraction(1, 10), Fraction(1, 3)]


def test_the_token_for_an_array_is_no_number_of_the_text():
    text = LARGE["json"].replace('"stride": 2', '"stride": 7e7700')
    value = document(text).value
    assert value["stride"] == "7e7700"
    assert isinstance(value["input"], np.ndarray)


def test_the_pure_python_parser_serves_where_libyaml_is_missing(monkeypatch):
    import yaml

    monkeypatch.setattr(events, "LOADER", yaml.Loader)
    found = document("a: [1, 2e-3]\nb: {c: x}\n")
    assert found.value == {"a": ["1", "2e-3"], "b": {"c": "x"}}
    assert str(found.locate(("a", 1))) == "x:2:8"
    assert reading.value("[[1, 2], [3, 4]]", "x", 1) == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize(
    "text",
    [
        "input: [1, 2, 3]\nkernel: [0.3, 0.5]\n",
        "# said\n\ninput: [[1,2],\t[3,4]]  \r\nstride: 2\r\n",
        "input: [1, -2.50, 1e-3]\ndelta: 0.10\n",
        "input: [010]\n",
        "input: [1 2]\n",
        "input: [1, 2,]\n",
        "input: 1:30\n",
        "input: [1]\ninput: [2]\n",
        "input: [+1, .5, 1.]\n",
        "input: [[1], [2]\n",
        "input: - 1\n",
        "input: [1] # two\n",
        "input: " + "[" * 3000 + "\n",
        "op: max-pool\nwindow: 2\nties: split\n",
        "op: yes\nmode: true\nties: null\n",
        "op: e\nid: nan\n",
        "op: conv-\n",
        "op: conv # said\n",
        "op: conv\nop: conv\n",
        "null: 3\n",
        "true: 3\n",
        "false: conv\n",
    ],
)
def test_the_plainest_yaml_is_read_as_the_careful_reader_does(text):
    def read_by(reader):
        try:
            value = reader()
        except RequestError as error:
            return str(error)
        return value, {key: type(part) for key, part in value.items()}

    assert read_by(lambda: reading.value(text, "x", 1)) == read_by(lambda: events.tree(text, "x", 1))


@pytest.mark.parametrize("text", [r"\\ud83d\ude00", r"\ud83d", r"\ude00", r"\\\ud83d\\ude00", r"\ude00\ud83d"])
def test_half_of_a_surrogate_pair_is_refused_also_behind_backslashes(text):
    assert error(f'{{"id": "{text}"}}').message == "this escape is no character"


@pytest.mark.parametrize("text", [r"\\ud83d\\ude00", r"\\\\ud83d", r"\\\ud83d\ude00", r"\ud83d\ude00\ud83d\ude01"])
def test_escapes_are_read_as_json_has_them_also_behind_backslashes(text):
    written = f'{{"id": "{text}"}}'
    assert document(written).value == events.tree(written, "x") == json.loads(written)


def test_directives_between_documents_are_passed_over():
    documents = list(read(source("%YAML 1.1\n---\na: 1\n...\n# next\n%YAML 1.2\n---\nb: x\n", option="x")))
    assert [found.value for found in documents] == [{"a": "1"}, {"b": "x"}]
    assert str(documents[1].locate(("b",))) == "x:8:4"
