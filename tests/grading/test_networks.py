"""A convolution, bias and activation as one, graded in all three ways; each of its mistakes is told by name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.grading.fused_kernels import FAULTS
from tests.program import assert_refused, convgrad

FILE = Path(__file__).with_name("fused_kernels.py")
ALL = ("--op", "network", "--want", "dX,dW,db,output", "--format", "json")
FORWARD = ("activation-missing", "bias-after-activation", "activation-twice", "another-slope")


GONE = {"activation-missing": {"dX", "dW", "db"}}


def graded(*target: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(convgrad("grade", *ALL, *target).stdout)
    return record


def told(record: dict[str, Any]) -> dict[str, set[str]]:
    """The mistakes that were named, by array."""
    found: dict[str, set[str]] = {}
    for row in record["results"]:
        for one in row.get("diagnosis", ())[:1]:
            found.setdefault(row["array"], set()).add(one["mistake"])
    return found


@pytest.mark.slow
def test_a_right_one_agrees_in_every_case_that_it_does() -> None:
    record = graded("--no-shrink", "--dims", "1,2", f"{FILE}:right")
    assert (record["verdict"], record["cases"] > 90) == ("agrees", True)
    assert {row.get("detail") for row in record["results"] if row["verdict"] == "skipped"} == {"padding_mode, mode"}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_by_name_in_every_array_that_it_spoils(fault: str) -> None:
    record = graded("--no-shrink", f"{FILE}:{fault.replace('-', '_')}")
    assert record["verdict"] == "differs"
    wrong = {row["array"] for row in record["results"] if row["verdict"] == "differs"}
    assert wrong == ({"output"} if fault in FORWARD else set()) | ({"dX", "dW", "db"} - GONE.get(fault, set()))
    assert all(fault in names for names in told(record).values())
    named = [row for row in record["results"] if row["verdict"] == "differs"]
    right = [row for row in named if row.get("diagnosis", [{}])[0].get("mistake") == fault]
    assert len(right) >= 0.85 * len(named)


def test_a_function_that_knows_relu_alone_is_asked_for_that_alone() -> None:
    record = graded("--no-shrink", f"{FILE}:relu_alone")
    assert record["verdict"] == "agrees"
    assert record["cases"] >= 8
    reasons = {row["detail"] for row in record["results"] if row["verdict"] == "untested"}
    assert {"activation", "groups", "stride an axis"} <= reasons


def test_what_only_a_leaky_slope_shows_is_shared_and_shrunk(tmp_path: Path) -> None:
    keep = tmp_path / "failures"
    record = graded("--want", "dX", "--keep", str(keep), f"{FILE}:another_slope")
    assert record["shared"] == [{"array": "dX", "verdict": "differs", "where": "activation = leaky-relu"}]
    smallest = record["smallest"][0]
    assert (smallest["mistake"], smallest["numbers"] <= 8) == ("another-slope", True)
    done = convgrad("check", smallest["file"], "--format", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["schema"] == "convgrad.network-check/1"
    kept = next(row for row in record["results"] if "file" in row)
    named = json.loads(convgrad("check", kept["file"], "--format", "json").stdout)["diagnosis"]
    assert [one["mistake"] for one in named] == ["another-slope"]
    again = convgrad(*kept["reproduce"].split()[1:])
    assert again.returncode == 1
    assert kept["id"] in again.stdout


IN_LINES = """
import json, sys
import numpy as np
sys.path.insert(0, FOLDER)
from fused_kernels import fused
for line in sys.stdin:
    request = json.loads(line)
    if request["type"] == "start":
        can = {"op": ["network"], "dims": [2], "limit": "padding_mode=zeros, mode=cross-correlation"}
        print(json.dumps({"type": "ready", "protocol": 1, "can": can}), flush=True)
    elif request["type"] == "stop":
        break
    elif request["type"] == "run":
        case = request["case"]
        assert case["op"] == "network"
        arrays = [np.array(case[name], float) for name in ("delta", "input", "kernel", "bias")]
        names = ("stride", "padding", "dilation", "groups", "padding_mode", "mode", "activation", "slope")
        found = fused(FAULT, *arrays, **{name: case[name] for name in names if name in case})
        print(json.dumps({"type": "result", "id": request["id"],
                          **{name: found[name].tolist() for name in request["want"]}}), flush=True)
"""
IN_FILES = """
import sys
import numpy as np
sys.path.insert(0, FOLDER)
from fused_kernels import fused
folder = sys.argv[1]
case = dict(line.rstrip().split("=", 1) for line in open(folder + "/case.txt"))
if case["padding_mode"] != "zeros" or case["mode"] != "cross-correlation":
    sys.exit(3)
axes = lambda key: [int(case[f"{key}.{axis}"]) for axis in range(int(case["dims"]))]
N, C, O, groups = (int(case[name]) for name in ("N", "C", "O", "groups"))
shapes = {"delta": (N, O, *axes("P")), "input": (N, C, *axes("L")), "kernel": (O, C // groups, *axes("K"))}
shapes["bias"] = (O,)
arrays = [np.fromfile(f"{folder}/{name}.bin", "<f4").reshape(shape).astype(float) for name, shape in shapes.items()]
padding = [(int(case[f"pad.{axis}.before"]), int(case[f"pad.{axis}.after"])) for axis in range(2)]
slope = float(case["slope"]) if "slope" in case else None
found = fused(FAULT, *arrays, axes("stride"), padding, axes("dilation"), groups, "zeros", "cross-correlation",
              case["activation"], slope)
for name in case["want"].split(","):
    found[name].astype("<f4").tofile(f"{folder}/{name}.bin")
"""


def program(text: str, fault: str, folder: Path) -> str:
    text = text.replace("FOLDER", repr(str(FILE.parent))).replace("FAULT", repr(fault))
    (folder / "program.py").write_text(text)
    return str(folder / "program.py")


@pytest.mark.parametrize(("fault", "names"), [("right", set()), ("slope-before-bias", {"slope-before-bias"})])
def test_an_adapter_gets_the_activation_in_its_line(fault: str, names: set[str], tmp_path: Path) -> None:
    record = graded("--cases", "core", "--loop", "--", sys.executable, program(IN_LINES, fault, tmp_path))
    assert {name for each in told(record).values() for name in each} == names
    assert record["verdict"] == ("differs" if names else "agrees")


@pytest.mark.parametrize(("fault", "names"), [("right", set()), ("activation-of-delta", {"activation-of-delta"})])
def test_a_command_reads_the_activation_in_case_txt(fault: str, names: set[str], tmp_path: Path) -> None:
    options = ("--limit", "padding_mode=zeros, N<4, C<9, O<9", "--no-shrink", "--runs", "1", "--jobs", "2")
    record = graded(*options, "--", sys.executable, program(IN_FILES, fault, tmp_path), "{dir}")
    assert {name for each in told(record).values() for name in each} == names
    assert record["verdict"] == ("differs" if names else "agrees")
    assert record["counts"].get("crashed", 0) == 0


def test_a_network_document_is_a_case_of_ones_own(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    document = {
        "id": "mine", "input": random.normal(size=(2, 4, 5)).round(2).tolist(), "delta": "ones",
        "layers": [
            {"kernel": random.normal(size=(3, 2, 2, 2)).round(2).tolist(), "bias": [0.1, -0.2, 0.3], "padding": 1},
            {"op": "leaky-relu", "slope": 0.2},
        ],
    }  # fmt: skip
    (tmp_path / "mine.json").write_text(json.dumps(document))
    for name, verdict in (("right", "agrees"), ("slope_at_output", "agrees"), ("another_slope", "differs")):
        record = graded("--cases", str(tmp_path / "mine.json"), f"{FILE}:{name}")
        assert (record["verdict"], record["results"][0]["id"]) == (verdict, "mine")
    (tmp_path / "deep.json").write_text(json.dumps({**document, "layers": [*document["layers"], {"op": "relu"}]}))
    done = convgrad("grade", *ALL, "--cases", str(tmp_path / "deep.json"), f"{FILE}:right")
    assert_refused(done, "deep.json", "a network that is graded is a convolution and an activation")


def test_cases_of_networks_are_network_documents(tmp_path: Path) -> None:
    for name in ("suite.json", "suite.npz", "suite.h", "suite.jl", "suite.safetensors", "suite.rs"):
        done = convgrad("cases", "--op", "network", "--output", str(tmp_path / name))
        assert (done.returncode, done.stderr) == (0, "")
    suite = json.loads((tmp_path / "suite.json").read_text())
    assert "activation" in suite["conventions"]
    for case in suite["cases"]:
        (tmp_path / "case.json").write_text(json.dumps(case["case"]))
        made = json.loads(convgrad("network", str(tmp_path / "case.json"), "--format", "json").stdout)
        first, second = made["layers"]
        np.testing.assert_allclose(second["output"], case["expected"]["output"], rtol=1e-14)
        for array in ("dX", "dW", "db"):
            np.testing.assert_allclose(first[array], case["expected"][array], rtol=1e-12)
    held = np.load(tmp_path / "suite.npz")
    np.testing.assert_array_equal(held["network2d/core-1/kernel"], suite["cases"][0]["case"]["layers"][0]["kernel"])
    header = (tmp_path / "suite.h").read_text()
    assert "static const float network2d_core_1_kernel[]" in header
    assert '\\"activation\\"' in header
    read_back = graded("--cases", str(tmp_path / "suite.json"), f"{FILE}:right")
    assert read_back["verdict"] == "agrees"


def test_reports_for_machines_say_what_a_network_does_wrong(tmp_path: Path) -> None:
    report, page = tmp_path / "report.xml", tmp_path / "page.html"
    options = ("--op", "network", "--cases", "core", "--no-shrink", "--junit", str(report), "--output", str(page))
    done = convgrad("grade", *options, f"{FILE}:slope_before_bias")
    assert done.returncode == 1
    assert '<failure type="slope-before-bias"' in report.read_text()
    assert "network2d/core-" in page.read_text()
    assert "slope-before-bias" in page.read_text()
