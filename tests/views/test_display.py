"""A result in Python: printed as the command prints it, one line as a repr, plain as a dictionary, kept by a pickle."""

from __future__ import annotations

import html.parser
import importlib.util
import json
import pickle
import re

import numpy as np
import pytest

import convgrad
from convgrad.documents import chunks
from convgrad.views.block_kinds import Block
from convgrad.views.html import WRITERS
from tests.program import SAMPLES
from tests.program import convgrad as program
from tests.views.records import COUNTS, RECORDS

LEDGER = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}
NAMES = [(name, number) for name, count in COUNTS.items() for number in range(count)]


@pytest.fixture(autouse=True)
def _in_a_pipe(monkeypatch, capsys):
    """As wide as it takes, whatever the terminal is that the tests run in."""
    monkeypatch.delenv("COLUMNS", raising=False)


def record(name, number):
    made = RECORDS[name]()[number]
    return made.network if name == "Shown" else made


def test_every_record_is_counted():
    assert {name: len(make()) for name, make in RECORDS.items()} == COUNTS


@pytest.mark.parametrize(("name", "number"), NAMES)
def test_a_record_is_a_line_a_dictionary_and_a_pickle(name, number):
    made = record(name, number)
    assert "\n" not in repr(made)
    assert len(repr(made)) < 120
    written = json.loads("".join(chunks(made.streamed(), "json")))
    assert json.loads(json.dumps(made.to_dict())) == written
    kept = pickle.loads(pickle.dumps(made))
    assert (kept.to_dict(), str(kept), repr(kept)) == (made.to_dict(), str(made), repr(made))


@pytest.mark.parametrize("part", ["findings", "diagnosis"])
def test_parts_of_a_report_are_lines_and_dictionaries_too(part):
    report = record("Report", 0)
    for one in getattr(report, part):
        assert json.dumps(one.to_dict())
        assert len(repr(one)) < 120
    assert repr(report.findings[-1]) == "Finding(dW against claim: differs, 4 of 4 wrong)"
    assert repr(report.diagnosis[0]) == "Diagnosis(dW: negated, 4 of 4)"
    assert json.dumps(convgrad.backward(LEDGER).to_dict(overlays="all")["overlays"][0])
    assert json.dumps(convgrad.backward(LEDGER).overlays[0].to_dict())


@pytest.mark.parametrize(
    ("command", "file", "made"),
    [
        ("forward", "ledger.yaml", lambda: convgrad.forward(LEDGER)),
        ("backward", "ledger.yaml", lambda: convgrad.backward(LEDGER)),
        ("check", "ledger.yaml", lambda: convgrad.check(LEDGER)),
    ],
)
def test_what_print_shows_is_what_the_command_shows(command, file, made, capsys):
    print(made())
    assert capsys.readouterr().out == program(command, str(SAMPLES / file)).stdout


def test_fractions_are_kept_where_they_do_not_end_and_words_stand_for_what_is_not_finite():
    thirds = convgrad.backward(op="average-pool", window=3, input=[1, 2, 2], delta=[1], arithmetic="exact")
    assert thirds.to_dict()["dX"] == ["1/3", "1/3", "1/3"]
    infinite = convgrad.forward(input=[np.inf, 1.0], kernel=[2.0], nonfinite=True)
    assert infinite.to_dict()["output"] == ["Infinity", 2.0]
    single = convgrad.forward(input=[0.1], kernel=[1.0], arithmetic="float32")
    assert single.to_dict()["output"] == [0.1]


# -- In notebooks ------------------------------------------------------------------------------------------------------


class Elements(html.parser.HTMLParser):
    """Every element opened and closed in its order, with the text that is seen."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += f"{data} "


@pytest.mark.parametrize(("name", "number"), NAMES)
def test_html_is_well_formed_and_static(name, number):
    shown = Elements(record(name, number)._repr_html_())
    assert shown.open == []
    assert set(shown.seen) <= {"div", "p", "b", "table", "thead", "tbody", "tfoot", "tr", "th", "td"}


def test_html_holds_the_numbers_of_the_table():
    shown = Elements(convgrad.backward(LEDGER)._repr_html_())
    printed = str(convgrad.backward(LEDGER))
    assert set(re.findall(r"-?\d+\.\d+", printed)) == set(re.findall(r"-?\d+\.\d+", shown.text))


def test_what_a_user_wrote_is_no_markup():
    evil = "<script>alert('x')</script>&\""
    document = {**LEDGER, "id": evil, "name": evil}
    network = {"input": [1], "layers": [{"op": "relu", "name": evil.replace(".", "")}], "delta": "ones"}
    for made in (convgrad.backward(document), convgrad.check(document), convgrad.network(network)):
        shown = Elements(made._repr_html_())
        assert "script" not in shown.seen
        assert "<script>alert('x')</script>&\"" in shown.text


def test_html_of_a_large_layer_is_small():
    random = np.random.default_rng(0)
    case = {"input": random.random((4, 3, 60, 60)), "kernel": random.random((8, 3, 3, 3)), "delta": "ones"}
    shown = convgrad.backward(case)._repr_html_()
    assert len(shown) < 300_000
    assert "4x3x60x60" in shown


def test_every_kind_of_block_is_written():
    assert set(WRITERS) == set(Block.__args__)


@pytest.mark.oracle
@pytest.mark.skipif(
    importlib.util.find_spec("nbclient") is None or importlib.util.find_spec("ipykernel") is None,
    reason="needs nbclient and ipykernel: pip install 'convgrad[oracle]'",
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_notebook_shows_tables():
    import nbformat
    from nbclient import NotebookClient

    cells = ["import convgrad", f"convgrad.backward({LEDGER})", f"print(convgrad.check({LEDGER}))"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (shown,), (printed,) = (cell.outputs for cell in notebook.cells[1:])
    assert shown.data["text/plain"] == "Gradients(conv, dW=[0.3, 0.4], db=0.1, dX=[-0.03, 0.01, 0.1])"
    assert shown.data["text/html"] == convgrad.backward(LEDGER)._repr_html_()
    assert printed.text.rstrip().endswith("agrees")
