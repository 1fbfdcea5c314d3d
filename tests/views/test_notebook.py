"""A session in IPython and in a notebook: what each result shows there, also of a model that was watched."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import convgrad
from convgrad.core.record import Record
from tests.views.records import RECORDS

LEDGER = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}
SHOWN = [(name, n) for name, make in RECORDS.items() for n, made in enumerate(make()) if isinstance(made, Record)]
BEGIN = r"\documentclass{article}\usepackage{amsmath}\usepackage{graphicx}\begin{document}"


def needs(*names: str) -> Any:
    absent = [name for name in names if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(absent), reason=f"needs {' '.join(absent)}: pip install 'convgrad[oracle]'")


@pytest.mark.parametrize(("name", "number"), SHOWN)
def test_a_passage_of_latex_is_what_stands_in_the_document(name: str, number: int) -> None:
    made = RECORDS[name]()[number]
    passage = made._repr_latex_()
    assert "documentclass" not in passage
    assert passage.startswith(r"\providecommand{\fitted}")
    assert passage.count(r"\begin{") == passage.count(r"\end{")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_a_notebook_s_document_takes_the_passages(tmp_path: Path) -> None:
    passages = [RECORDS[name]()[number]._repr_latex_() for name, number in SHOWN]
    (tmp_path / "x.tex").write_text("\n".join((BEGIN, *passages, r"\end{document}")), encoding="utf-8")
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "x.tex"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


SESSION = f"""import convgrad
convgrad.backward({LEDGER})
report = convgrad.check({LEDGER}, {{"dW": [-0.4, 0.7]}})
report
report.findings[-1]
print(report)
convgrad.backward(input=[1, 2], kernel=[1, 2, 3], delta="ones")
"""
WATCHED = """
import torch
torch.manual_seed(0)
class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return torch.nn.functional.conv2d(x, w)
    @staticmethod
    def backward(ctx, delta):
        x, w = ctx.saved_tensors
        dw = torch.nn.grad.conv2d_weight(x, w.shape, delta)
        return torch.nn.grad.conv2d_input(x.shape, w, delta), dw.flip(2, 3)
class Own(torch.nn.Conv2d):
    def forward(self, x):
        return Wrong.apply(x, self.weight)
model = torch.nn.Sequential(Own(2, 3, 3, bias=False), torch.nn.ReLU())
with convgrad.watch(model) as layers:
    model(torch.randn(2, 2, 5, 5)).square().sum().backward()
reports = convgrad.check(layers)
reports
[repr(one) for one in reports], repr(reports[0]), repr(reports["0"])
"""


@pytest.mark.oracle
@needs("IPython")
def test_ipython_shows_a_line_and_its_print_the_table(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "--simple-prompt"],
                          input=SESSION, capture_output=True, text=True, cwd=tmp_path, timeout=120,
                          env={"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(Path(convgrad.__file__).parents[1])})  # fmt: skip  # noqa: E501
    for line in ("Gradients(conv, dW=[0.3, 0.4], db=0.1, dX=[-0.03, 0.01, 0.1])", "Report(differs: dW 2 of 2 wrong)",
                 "Finding(dW against claim: differs, 2 of 2 wrong)", "the claimed dW differs from the gradient",
                 "RequestError: kernel: the kernel does not fit the input on axis 0"):  # fmt: skip
        assert line in done.stdout, done.stdout


@pytest.mark.oracle
@needs("nbclient", "ipykernel", "torch")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_notebook_shows_every_result_and_a_watched_mistake_by_its_name() -> None:
    import nbformat
    from nbclient import NotebookClient

    lines = [*SESSION.splitlines()[:-1], WATCHED.rpartition("reports\n")[0] + "reports", WATCHED.splitlines()[-1]]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(line) for line in lines])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    gradients, report, finding, printed, reports, each = (cell.outputs[0] for cell in notebook.cells if cell.outputs)
    for shown, text in ((gradients, "Gradients(conv,"), (report, "Report(differs: dW 2 of 2 wrong)")):
        assert shown.data["text/plain"].startswith(text)
        assert shown.data["text/html"].startswith("<div")
        assert shown.data["text/latex"].startswith(r"\providecommand")
    assert set(finding.data) == {"text/plain"}
    assert printed.text.rstrip().endswith("differs")
    assert reports.data["text/plain"] == "Reports(2 layers, differs: 0: kernel-rotated)"
    assert "kernel-rotated" in reports.data["text/html"]
    assert each.data["text/plain"].count("Report(differs: dW 48 of 54 wrong; kernel-rotated)") == 3
