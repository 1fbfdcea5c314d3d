"""The careful reader: what it reads, what it refuses, and how it says so."""

import subprocess
import sys
import textwrap

import pytest
import yaml

from convgrad.core.arithmetic import Plain
from convgrad.documents import events, places
from convgrad.errors import RequestError


def said(text):
    """What a person is told about a text, as if it were x.yaml."""
    with pytest.raises(RequestError) as caught:
        events.tree(text, "x.yaml")
    return "\n".join(map(places.render, caught.value.problems)) + "\n"


def test_unquoted_words_keep_their_text_and_quoted_ones_are_plain_strings():
    value = events.tree("{a: 1e-3, b: '1e-3', c: same, d: 010, e: yes, f: 1:30, g: 1/3, h: -.5, i: .nan}", "x")
    assert value == {
        "a": "1e-3", "b": "1e-3", "c": "same", "d": "010", "e": "yes", "f": "1:30", "g": "1/3", "h": "-.5", "i": ".nan",
    }  # fmt: skip
    assert {key for key, leaf in value.items() if type(leaf) is Plain} == set("acdefghi")
    assert type(value["b"]) is str


def test_cells_without_a_comma_between_them_are_one_word():
    assert events.tree("[1 2, 3]", "x") == ["1 2", "3"]


def test_a_value_that_is_left_out_is_none():
    assert events.tree("a:\nb: [1]\n", "x") == {"a": None, "b": ["1"]}


def test_text_may_stand_anywhere_a_value_may():
    text = "note: [yes, {who: me, when: 2020-01-01}, 'x']\nsource: |\n  two\n  lines\nname: a b\n"
    assert events.tree(text, "x") == {
        "note": ["yes", {"who": "me", "when": "2020-01-01"}, "x"], "source": "two\nlines\n", "name": "a b",
    }  # fmt: skip


def test_json_is_read_as_yaml():
    assert events.tree('{"a":[1,\n2],"b":"\\/ \\u00e9",\t"c":{}}', "x") == {"a": ["1", "2"], "b": "/ é", "c": {}}


def test_surrogate_pairs_of_json_are_one_character():
    assert events.tree('["\\ud83d\\ude00", 1]', "x") == ["😀", "1"]


@pytest.mark.parametrize(
    "text",
    ["input: [1, 2", '{"a": [[1, 2], [3, 4]}', "a: 'x", "- 1\n-\t2", "a: @x", "{a: 1", "a: b: c", "x: 1\n[1]", '"\\q"'],
)
def test_broken_syntax_is_an_error_with_either_parser(text, monkeypatch):
    said(text)
    monkeypatch.setattr(events, "LOADER", yaml.Loader)
    said(text)


ERRORS = {
    "a: 1\nb: &x [2]\nc: *x\n": """
        x.yaml:2:4: '&x' names a part for repeating
        b: &x [2]
           ^
        anchors are not read: leave it out
        x.yaml:3:4: '*x' repeats another part
        c: *x
           ^
        aliases are not read: write the value out
        """,
    "input: !!python/object:os.system [ls]\n": """
        x.yaml:1:8: 'tag:yaml.org,2002:python/object:os.system' is a YAML tag
        input: !!python/object:os.system [ls]
               ^
        tags are not read: leave it out
        """,
    "op: conv\n<<: {stride: 2}\n": """
        x.yaml:2:1: '<<' merges another mapping
        <<: {stride: 2}
        ^
        merge keys are not read: write the keys out
        """,
    "stride: 1\nop: conv\nstride: 2\n": """
        x.yaml:3:1: the key 'stride' is here twice, first 2 lines above
        stride: 2
        ^
        remove one
        """,
    "{a: 1, 'a': 2}": """
        x.yaml:1:8: the key 'a' is here twice, first on this line
        {a: 1, 'a': 2}
               ^
        remove one
        """,
    "1: a\n": """
        x.yaml:1:1: a key must be a word, found '1'
        1: a
        ^
        write `name: value`
        """,
    "[1, 2]: a\n": """
        x.yaml:1:1: a key must be a word
        [1, 2]: a
        ^
        write `name: value`
        """,
    "input:\n\t- 1\n": """
        x.yaml:2:1: a tab is used for indentation
        \t- 1
        ^
        use spaces
        """,
    "input: [[1, 2], [3, 4]\nkernel: [1]\n": """
        x.yaml:2:1: expected ',' or ']', found 'kernel'
        kernel: [1]
        ^
        '[' is opened 1 line above
        """,
    "input: [[1, 2][3, 4]]\n": """
        x.yaml:1:15: expected ',' or ']', found '['
        input: [[1, 2][3, 4]]
                      ^
        '[' is opened on this line
        """,
    "input: [1, 2\n": """
        x.yaml:1:8: '[' is never closed
        input: [1, 2
               ^
        write ']' where it ends
        """,
    "input: [1,, 2]\n": """
        x.yaml:1:11: expected a value, found ','
        input: [1,, 2]
                  ^
        remove a comma, or write the value that is missing
        """,
    "": """
        x.yaml:1:1: the document is empty
        write a mapping such as `input: [1, 2, 3]`, or an array
        """,
    '{"a": 1}\n{"a": 2}\n': """
        x.yaml:2:1: the document has ended, but here is '{'
        {"a": 2}
        ^
        put a line with --- before each document, or write one document a line in a .jsonl file
        """,
    "a: 'text\n": """
        x.yaml:1:4: this quote is never closed
        a: 'text
           ^
        close it
        """,
    "a: 1\n b: 2\n": """
        x.yaml:2:3: ':' is not expected here
         b: 2
          ^
        write `name: value` on a line of its own, with names of one mapping in the same column; put text in quotes
        """,
    "a: 1\nb: \x01\n": """
        x.yaml:2:4: the character U+0001 cannot be in a document
        b: \\x01
           ^
        remove it
        """,
    '{"a": ["\\ud800"]}': """
        x.yaml:1:11: this escape is no character
        {"a": ["\\ud800"]}
                  ^
        surrogates come in pairs
        """,
    "[" * 100: """
        x.yaml:1:17: more than 16 levels of nesting
        [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…
                        ^
        no array here is that deep
        """,
}


@pytest.mark.parametrize("text", ERRORS, ids=range(len(ERRORS)))
def test_an_error_shows_the_place_the_line_and_what_to_do(text):
    assert said(text) == textwrap.dedent(ERRORS[text]).lstrip("\n")


def test_ten_problems_are_reported_and_no_more():
    text = "a: 1\n" + "a: 2\n" * 50
    assert said(text).count("twice") == 10


def test_columns_count_characters_also_after_joined_escapes():
    text = '{"é😀\\ud83d\\ude00": 1, "b": 2, "b": 3}'
    with pytest.raises(RequestError) as caught:
        events.tree(text, "x")
    assert caught.value.problems[0].place.column == text.rindex('"b"') + 1


BOMBS = {
    "brackets": "'[' * 200_000",
    "closed brackets": "'[' * 200_000 + ']' * 200_000",
    "braces": "'{a: ' * 200_000",
    "json": "'{\"a\":' * 200_000",
    "dashes": "'- ' * 200_000 + '1'",
    "aliases": r"'a: &a [x,x,x,x,x,x,x,x,x]\n' + ''.join(f'{c}: &{c} [{p},{p},{p},{p},{p},{p},{p},{p},{p}]\n'"
    r".replace(p, '*' + p) for p, c in zip('abcdefghi', 'bcdefghij'))",
    "one number": "'[' * 200_000 + '1' + ']' * 200_000",
    "number": "'[1' + '0' * 5_000_000 + ']'",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_what_is_made_to_fill_memory_does_not(name):
    program = f"""
import resource
from convgrad.documents import read, source
from convgrad.documents import events, lifting
bomb = {BOMBS[name]}
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20), used + (300 << 20)))
document, = read(source("\\n" + bomb, option="x"))
print(document.error.problems[0].message if document.error else "read")
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("memory limits are Linux's")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("more than 16 levels of nesting", "'&a' names a part for repeating", "read")


ODD_CORNERS = {
    "*a : 1": "'*a' repeats another part",
    "*a : 1\n*b : 2": "'*a' repeats another part",
    "a: &": "'&' names a part for repeating",
    "a: * b": "'*' repeats another part",
    "a: !e!x 1": "'!' begins a YAML tag",
    "a: !<x": "'!' begins a YAML tag",
    "? [a]\n: 1": "a key must be a word",
    "? ? a": "a key must be a word",
    "<<: {a: 1}": "'<<' merges another mapping",
    "%YAML x\na: 1": "a line that begins with '%' directs YAML itself, and this one cannot",
    "%YAML 2.0\n---\na: 1": "a line that begins with '%' directs YAML itself, and this one cannot",
    "%YAML 1.1\n%YAML 1.1\n---\na: 1": "a line that begins with '%' directs YAML itself, and this one cannot",
    "a: |0\n 1": "after '|' or '>' the text begins on the next line",
    'a: "\\xg"': "this escape has too few hexadecimal digits",
    "a: - 1": "'-' is not expected here",
    "a: ? 1": "'?' is not expected here",
    "[1:,\n 2]": "':' is not expected here",
}


@pytest.mark.parametrize("text", ODD_CORNERS, ids=range(len(ODD_CORNERS)))
def test_an_odd_corner_of_yaml_is_refused_in_our_words(text):
    with pytest.raises(RequestError) as caught:
        events.tree(text, "x")
    assert caught.value.problems[0].message == ODD_CORNERS[text]


def test_levels_that_libyaml_itself_gives_up_on_are_refused_where_the_first_too_many_is():
    with pytest.raises(RequestError) as caught:
        events.tree("a: " + "[" * 100_000, "x")
    assert caught.value.problems[0].place.column == len("a: ") + 16


def test_tabs_around_json_are_blanks():
    assert events.tree('\t{"a": [1,\t2]}\t\n', "x") == {"a": ["1", "2"]}
    assert events.tree('\t["\\ud83d\\ude00"]\t', "x") == ["😀"]
