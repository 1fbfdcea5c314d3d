"""Write-ups: Markdown renders as tables, CSV adds up, LaTeX compiles, SVG is valid; hostile text comes out as text."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from fractions import Fraction
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

import convgrad
from convgrad.views import WRITTEN, Asked, written
from convgrad.views.as_latex import mathematics
from tests.program import SAMPLES, assert_refused
from tests.program import convgrad as program
from tests.views.records import RECORDS

NAMES = sorted(path.stem for path in SAMPLES.glob("*.yaml"))
COMMANDS = [
    *(["network" if name.startswith("network") else "backward", f"{SAMPLES}/{name}.yaml"] for name in NAMES
      if name not in ("input", "kernel", "delta", "kernel-case")),
    ["explain", "dX[1,1]", f"{SAMPLES}/five-by-five.yaml"], ["explain", "dW[1,0,0,1]", f"{SAMPLES}/strides.yaml"],
    ["explain", "loss", f"{SAMPLES}/network-classifier.yaml"], ["check", f"{SAMPLES}/published-layer2.yaml"],
]  # fmt: skip
HOSTILE = (
    "</script><img src=x onerror=alert(1)> $\\input{/etc/passwd}$ | `a` *b* _c_ \x1b[31m\x00 &amp; %\\n # ]]> \u4e2d"
)
CASE = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2], "name": HOSTILE, "id": HOSTILE}
HEARD = " ".join("".join(sign if sign.isprintable() else " " for sign in HOSTILE).split())


def shown(form, arguments):
    run = program(*arguments, "--format", form)
    assert run.returncode in (0, 1, 3), run.stderr
    return run.stdout


class Text(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)

    def handle_data(self, data):
        self.text += data


def rendered(markdown):
    return Text(MarkdownIt("commonmark").enable("table").render(markdown))


# -- Markdown ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_table_of_markdown_renders_as_one(arguments):
    text = shown("markdown", arguments)
    assert rendered(text).elements.count("table") == len(re.findall(r"^\|( ---| --:)", text, re.MULTILINE))
    assert set(rendered(text).elements) <= {
        "p",
        "strong",
        "em",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
    }


def test_markdown_has_every_number_of_the_gradients():
    made, page = convgrad.backward(CASE), rendered(convgrad.backward(CASE).to_markdown())
    assert f"dW = [{', '.join(map(str, made.dW.astype(float)))}]" in page.text
    assert "dX = [-0.03, 0.01, 0.1]" in page.text


def test_hostile_text_is_text_in_markdown():
    page = rendered(convgrad.backward(CASE).to_markdown())
    assert HEARD in " ".join(page.text.split())
    assert {"img", "script", "code", "a"} & set(page.elements) == set()


# -- CSV ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ledger", "five-by-five", "transposed", "average-thirds", "strides"])
def test_the_columns_of_a_ledger_in_csv_add_up(name):
    rows = list(csv.reader(io.StringIO(shown("csv", ["backward", f"{SAMPLES}/{name}.yaml"]))))
    tables = [number for number, row in enumerate(rows) if row and row[0] == "total"]
    for last in tables:
        first = max(number for number in range(last) if rows[number] and rows[number][0] == "#")
        for heading, *column, total in zip(*rows[first : last + 1], strict=True):
            if re.match(r"d[WX]", heading) and total:
                summed = sum(Fraction(entry) for entry in column if entry)
                assert abs(summed - Fraction(total)) <= Fraction(
                    1, 10**12
                )  # some roundings to float64 of exact numbers
    assert tables or name != "ledger"


def test_a_fraction_of_more_digits_than_python_writes_is_the_nearest_float_in_csv():
    case = {"op": "max-pool", "input": [[[[Fraction("0." + "1" * 4000) + Fraction(1, 10**4500)]]]], "window": 1}
    for arithmetic in ("auto", "exact"):
        rows = csv.reader(io.StringIO("".join(written(convgrad.forward(case, arithmetic=arithmetic), "csv"))))
        assert float([row for row in rows if row][-1][-1]) == 1 / 9


def test_csv_has_all_digits_and_no_formula():
    text = "".join(written(convgrad.backward({**CASE, "name": "=1+1", "delta": ["1/3", 1]}), "csv"))
    rows = list(csv.reader(io.StringIO(text)))
    assert ["'=1+1"] in rows
    assert ["db", "1.3333333333333333"] in rows


# -- LaTeX -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [*COMMANDS, None], ids=lambda arguments: " ".join(arguments or ["hostile"]))
def test_latex_compiles(arguments, tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("needs pdflatex (Debian's texlive-latex-base)")
    text = shown("latex", arguments) if arguments else convgrad.backward(CASE).to_latex()
    (tmp_path / "made.tex").write_text(text, encoding="utf-8")
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "made.tex"], cwd=tmp_path, capture_output=True
    )
    log = run.stdout.decode("utf-8", "replace")
    assert run.returncode == 0, log[-3000:]
    assert arguments is None or "Overfull" not in log


def test_negative_numbers_of_a_table_in_latex_have_a_minus_and_parentheses_as_factors():
    text = "".join(written(convgrad.backward(CASE), "latex"))
    assert r"$-$0.1$\times$1 = $-$0.1" in text
    case = {"input": [-1, 2], "kernel": [1], "delta": [-3, 1]}
    assert r"$-$3$\times$($-$1) = 3" in "".join(written(convgrad.backward(case), "latex"))


def test_a_formula_of_latex_has_indices_and_parentheses_around_negatives():
    text = "".join(written(convgrad.explain(CASE, "dX[1]"), "latex"))
    assert r"\mathit{dX}_{r} &= \sum_{p} \delta_{p}\, w_{r-p}" in text
    assert r"\mathit{dX}_{1} &= -0.1 \times 0.5 + 0.2 \times 0.3 = 0.01" in text
    assert r"+ (-0.2)" in mathematics("1 + -0.2")
    assert r"\input" not in text


# -- SVG ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_svg_is_xml_of_shapes_and_text_alone(arguments):
    picture = ElementTree.fromstring(shown("svg", arguments))
    tags = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in picture.iter()}
    assert tags <= {"svg", "g", "rect", "text", "line"}
    for element in picture.iter():
        assert not any(name.startswith("on") or "href" in name or name == "style" for name in element.attrib)
    assert all(float(part) > 0 for part in picture.attrib["viewBox"].split()[2:])


def test_hostile_text_is_text_in_svg():
    text = "".join(written(convgrad.backward(CASE), "svg"))
    assert HEARD in " ".join(" ".join(ElementTree.fromstring(text).itertext()).split())


def test_svg_has_a_panel_for_each_overlay_up_to_sixteen():
    case = {"input": list(range(30)), "kernel": [1, -1], "delta": "ones"}
    for asked, count in ((Asked(), 16), (Asked(overlays="all"), 29), (Asked(overlays=3), 3), (Asked(only=(4,)), 1)):
        text = "".join(written(convgrad.backward(case), "svg", asked))
        assert len(re.findall(r">Overlay \d+ of 29", text)) == count


# -- All ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", sorted(set(WRITTEN) - {"html"}))
@pytest.mark.parametrize("kind", RECORDS)
def test_every_record_is_written_in_every_format(kind, form):
    for record in RECORDS[kind]():
        assert "".join(written(record, form)).strip()


@pytest.mark.parametrize("form", ["latex", "svg"])
def test_many_cases_make_no_one_document_of_these(form):
    run = program("backward", f"{SAMPLES}/many.jsonl", "--format", form)
    assert_refused(run, f"many cases make no one {form}")


@pytest.mark.parametrize("form", ["markdown", "csv"])
def test_many_cases_come_one_after_the_other(form):
    run = program("backward", f"{SAMPLES}/many.jsonl", "--format", form)
    assert run.returncode == 2
    assert run.stdout.count("dX") >= 4


def test_a_schema_is_no_picture():
    assert_refused(program("schema", "case", "--format", "svg"), "what this command writes is no svg")
