"""An adapter of every language passes as it stands, and a bug in its kernel has a name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from convgrad.grading.templates import FILES, template
from tests.needed import needing
from tests.program import Run, convgrad

COMPILED = {
    "c": ("cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2"),
    "cpp": ("c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-O1"),
    "rust": ("rustc", "-D", "warnings", "-C", "opt-level=1"),
}
INTERPRETED = {"javascript": "node", "python": sys.executable}
FEW = ("--cases", "core,edges", "--limit", "N<4, C<8", "--no-shrink")
BUGS = {
    "c": ("o / Og * Cg + c) * g->L[0]", "0 / Og * Cg + c) * g->L[0]"),
    "cpp": ("o / Og * Cg + c) * g.L[0]", "0 / Og * Cg + c) * g.L[0]"),
    "rust": ("o / og * cg + c) * g.L[0]", "0 / og * cg + c) * g.L[0]"),
    "javascript": ("Math.floor(o / Og) * Cg + c", "c"),
    "python": ("first + c, h, v", "c, h, v"),
}
"""Of every group the channels of the first."""


def graded(language: str, text: str, folder: Path) -> Run:
    file = folder / FILES[language]
    file.write_text(text)
    if language in INTERPRETED:
        return convgrad("grade", *FEW, "--format", "json", "--loop", "--", INTERPRETED[language], str(file))
    program = folder / "kernel"
    subprocess.run([*COMPILED[language], "-o", str(program), str(file)], check=True, capture_output=True)
    return convgrad("grade", *FEW, "--format", "json", "--", str(program), "{dir}")


@pytest.fixture(params=FILES)
def language(request: pytest.FixtureRequest) -> str:
    needed = {**{name: words[0] for name, words in COMPILED.items()}, **INTERPRETED}[request.param]
    needing(needed)
    return str(request.param)


@pytest.mark.slow
def test_a_template_passes_as_it_stands(language: str, tmp_path: Path) -> None:
    done = graded(language, template(language), tmp_path)
    record = json.loads(done.stdout)
    assert (done.returncode, record["verdict"]) == (0, "agrees")
    assert record["counts"]["agrees"] > 60


@pytest.mark.slow
def test_a_bug_in_the_kernel_of_a_template_has_its_name(language: str, tmp_path: Path) -> None:
    right, wrong = BUGS[language]
    assert template(language).count(right) == 1
    done = graded(language, template(language).replace(right, wrong), tmp_path)
    record = json.loads(done.stdout)
    assert (done.returncode, record["verdict"]) == (1, "differs")
    assert {row["where"] for row in record["shared"]} == {"groups > 1"}
    first = [row["diagnosis"][0]["mistake"] for row in record["results"] if row.get("diagnosis")]
    assert first.count("groups-mixed") > len(first) / 2


@pytest.mark.slow
def test_the_template_of_python_knows_a_convolution_with_relu_after_it(tmp_path: Path) -> None:
    (tmp_path / "adapter.py").write_text(template("python"))
    command = ("--loop", "--", sys.executable, f"{tmp_path}/adapter.py")
    done = convgrad("grade", *FEW, "--op", "network", "--format", "json", *command)
    record = json.loads(done.stdout)
    assert (done.returncode, record["verdict"]) == (0, "agrees")
    assert record["cases"] > 15


def test_the_option_prints_a_template_and_nothing_else() -> None:
    for name in FILES:
        assert convgrad("grade", "--template", name).stdout == template(name)
