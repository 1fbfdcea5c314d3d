"""A new operation is its functions, its name, its row of settings: all rooms take it, or say what they do not know."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import convgrad
import convgrad.cli.commands  # its tables are made of the vocabulary as it is by then, and outlast these tests
import convgrad.documents.schemas
from convgrad import operations, vocabulary
from convgrad.cli import run
from convgrad.differences.identities import checksums
from convgrad.operations import average_pool, lp_pool
from convgrad.operations.activations import RULES, Rule
from convgrad.operations.geometry import adaptive
from convgrad.operations.terms import Factor, Term
from convgrad.views import render
from tests.geometry import Seeded, float_data, random_case
from tests.operations import smooth_pool
from tests.operations.smooth_pool import FAMILY, NAME

ROOT = Path(__file__).parents[2]
CASE = {
    "op": NAME, "dims": 2, "window": 2, "stride": 1, "sharpness": 3, "padding": [[1, 0], [0, 1]],
    "input": np.random.default_rng(0).normal(size=(2, 2, 3, 4)).round(3).tolist(),
    "delta": np.random.default_rng(1).normal(size=(2, 2, 3, 4)).round(3).tolist(),
}  # fmt: skip
LAYERS = [
    {"op": "conv", "name": "c", "kernel": [[0.1, -0.3], [-0.5, 0.7]]},
    {"op": NAME, "name": "p", "window": 2, "stride": 1},
    {"op": "relu", "name": "r"},
    {"op": "dense", "name": "d", "kernel": [[1, 2, 3, 4]], "bias": [0]},
]
NETWORK = {
    "input": np.arange(16).reshape(4, 4).tolist(), "layers": LAYERS, "learning_rate": 0.1,
    "loss": {"op": "mse", "target": [1]},
}  # fmt: skip
STEP = 2.0**-20
CLOSE = 1e-8
"""A central difference is off by the third derivative times the step squared, 1e-12, and by rounding over the step."""


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    smooth_pool.register(monkeypatch.setitem)


@pytest.fixture
def typed(tmp_path, capsys):
    """A command line, with the case or the network as a file: its exit code and what it says."""

    def type_(command, document, *options, entry=()):
        path = tmp_path / "document.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        code = run([command, *entry, str(path), *options])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return type_


def differenced(value, x):
    """d value/dx, entry by entry."""
    found = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[index] += sign * STEP
            ends.append(value(moved))
        found[index] = (ends[0] - ends[1]) / (2 * STEP)
    return found


# -- Numbers -----------------------------------------------------------------------------------------------------------


def test_its_output_is_its_definition_where_windows_lie_inside():
    x = np.asarray(CASE["input"])
    y = convgrad.forward({**CASE, "padding": 0, "delta": None}).output
    for n, c, i, j in np.ndindex(y.shape):
        under = x[n, c, i : i + 2, j : j + 2]
        assert abs(y[n, c, i, j] - np.log(np.exp(3 * under).sum()) / 3) < CLOSE


def test_its_gradient_is_that_of_differences():
    x, delta = np.asarray(CASE["input"]), np.asarray(CASE["delta"])
    expected = differenced(lambda x: (convgrad.forward({**CASE, "input": x}).output * delta).sum(), x)
    np.testing.assert_allclose(convgrad.backward(CASE).dX, expected, rtol=0, atol=CLOSE)


def test_a_network_hands_deltas_on_through_it():
    x = np.asarray(NETWORK["input"], float)
    expected = differenced(lambda x: convgrad.network({**NETWORK, "input": x}).loss, x)
    np.testing.assert_allclose(convgrad.network(NETWORK).layer("c").dX, expected, rtol=1e-6, atol=1e-5)


def test_its_terms_and_its_overlays_add_up_to_its_gradient():
    gradients = convgrad.backward(CASE)
    dx = np.zeros((2, 2, 4, 5))  # with the padding around it, which takes nothing
    for overlay in gradients.full_overlays:
        (top, bottom), (left, right) = overlay.cells
        dx[overlay.sample, :, top + 1 : bottom + 1, left:right] += overlay.dx
    np.testing.assert_allclose(dx[:, :, 1:, :4], gradients.dX, rtol=0, atol=CLOSE)
    explanation = convgrad.explain(CASE, "dX[0,1,1,2]")
    assert abs(sum(term.value for term in explanation.terms) - gradients.dX[0, 1, 1, 2]) < CLOSE


def test_no_identity_is_said_to_hold_or_not():
    gradients = convgrad.backward(CASE)
    assert checksums(gradients.case, gradients.by_operand, gradients.y) == ()


@pytest.mark.parametrize("seed", range(12))
def test_its_geometry_is_drawn_unasked_and_its_gradient_is_right_in_all_of_it(typed, seed):
    random = np.random.default_rng(seed)
    case = random_case(Seeded(random), NAME, 1 + seed % 3, float_data)
    x, direction = case["input"], random.standard_normal(case["input"].shape)
    ends = [convgrad.forward({**case, "input": x + sign * STEP * direction}).output for sign in (1, -1)]
    moved = ((ends[0] - ends[1]) * case["delta"]).sum() / (2 * STEP)
    gradients = convgrad.backward(case)
    assert abs((gradients.dX * direction).sum() - moved) < 100 * CLOSE  # of a sum of some hundred terms
    assert all(overlay.dX is not None for overlay in gradients.overlays)
    document = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in case.items()}
    for command in ("forward", "backward"):
        assert typed(command, document)[0] == 0
    assert typed("check", document)[0] == 2


# -- Words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [None, 40, 80, 200])
def test_tables_show_it_and_say_that_they_cannot_draw_its_overlays(width):
    text = "".join(render(convgrad.backward(CASE), width=width)).replace("\n", " ")
    assert NAME in text
    assert "sharpness 3" in text
    assert FAMILY in text
    assert "no identity is known" in text
    assert "does not hold" not in text
    assert "…" not in text
    assert NAME in "".join(render(convgrad.forward(CASE), width=width))
    for entry in ("dX[0,1,1,2]", "y[0,1,1,2]"):
        assert entry in "".join(render(convgrad.explain(CASE, entry), width=width))


@pytest.mark.parametrize("options", [("--only", "1,1"), ("--channel", "1")])
def test_an_overlay_that_cannot_be_drawn_is_refused_in_words(typed, options):
    code, out, said = typed("backward", CASE, *options)
    assert (code, out) == (2, "")
    assert "how overlays are drawn is not known for smooth-pool, of the family smooth maximum" in said


@pytest.mark.parametrize(
    "document",
    [
        CASE, {**CASE, "claim": {"dX": CASE["delta"]}}, NETWORK, {**NETWORK, "claim": {"p": {"dX": [[0] * 3] * 3}}},
        {"layers": [{**CASE, "name": "p", "input": None, "delta": None}], "input": CASE["input"],
         "delta": CASE["delta"]},
    ],
    ids=["case", "claim", "network", "claim on a layer", "network of one"],
)  # fmt: skip
def test_a_check_of_it_is_refused_in_words(typed, document):
    code, out, said = typed("check", document)
    assert (code, out) == (2, "")
    assert "is not known for smooth-pool, of the family smooth maximum" in said
    assert "it is known for: " in said


@pytest.mark.parametrize("arithmetic", ["auto", "float64", "float32", "exact"])
@pytest.mark.parametrize("form", ["table", "json", "jsonl", "yaml"])
@pytest.mark.parametrize("command", ["forward", "backward", "explain", "check", "network"])
def test_no_command_in_any_format_crashes_on_it(typed, command, form, arithmetic):
    for document in (NETWORK,) if command == "network" else (CASE,) if command != "explain" else (CASE, NETWORK):
        entry = {id(CASE): ("dX[0,0,1,1]",), id(NETWORK): ("p.dX[1,1]",)}[id(document)] if command == "explain" else ()
        code, out, said = typed(command, document, "--format", form, "--arithmetic", arithmetic, entry=entry)
        refused = arithmetic == "exact" or command == "check"
        assert code == (2 if refused else 0), said
        assert NAME in said if refused else "does not hold" not in out


@pytest.mark.parametrize("wrong", [{"window": None}, {"sharpness": 0.5}, {"sharpnes": 2}, {"ties": "last"},
                                   {"kernel": [1]}, {"delta": [1]}, {"padding": 3}, {"dims": 3}])  # fmt: skip
def test_what_is_wrong_about_it_is_refused_in_words(typed, wrong):
    code, _, said = typed("backward", {**CASE, **wrong})
    assert code == 2
    assert next(iter(wrong)) in said


def test_its_json_is_valid_by_the_schemas():
    def validate(record, name):
        jsonschema.Draft202012Validator(convgrad.schema(name)).validate(json.loads(json.dumps(record, default=list)))

    validate(CASE, "case")
    validate(NETWORK, "network")
    validate(plain(convgrad.forward(CASE).to_dict()), "forward")
    validate(plain(convgrad.backward(CASE).to_dict(overlays="all")), "backward")
    validate(plain(convgrad.explain(CASE, "dX[0,0,1,1]").to_dict()), "explain")
    validate(plain(convgrad.network(NETWORK).to_dict()), "network-output")
    without = {key: value for key, value in CASE.items() if key != "window"}
    assert not jsonschema.Draft202012Validator(convgrad.schema("case")).is_valid(without)


def plain(value):
    """Arrays as lists."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value if isinstance(value, (str, int, float, bool, type(None))) else [plain(part) for part in value]


CUBED = {
    "input": [[1, -2], [0.5, 3]], "dims": 2, "delta": "ones", "layers": [{"op": "cube", "name": "s"}],
}  # fmt: skip
SLOPES = [[3, 12], [0.75, 27]]


def cube_terms(name, index, delta, x):
    value = x[index] ** 3 if name == "y" else 3 * delta[index] * x[index] ** 2
    yield Term(index[0], index[1:], None, (Factor("x", index, x[index]),), value)


CUBE = operations.LAYERS["relu"]._replace(
    name="cube", forward=lambda x: x * x * x,
    backward=lambda delta, x: {"x": 3 * x * x * delta}, terms=cube_terms,
)  # fmt: skip
RULE = Rule(CUBE.forward, lambda x: 3 * x * x, Fraction(100), rational=True)


@pytest.mark.parametrize("arithmetic", ["auto", "exact", "float64", "float32"])
@pytest.mark.parametrize("family", ["cube", vocabulary.ELEMENTWISE])
@pytest.mark.parametrize("ruled", [False, True])
def test_a_new_layer_is_run_and_its_check_is_right_or_refused_in_words(monkeypatch, typed, family, ruled, arithmetic):
    monkeypatch.setitem(vocabulary.LAYERS, "cube", vocabulary.row(family, vocabulary.X))
    monkeypatch.setitem(operations.LAYERS, "cube", CUBE)
    if ruled:
        monkeypatch.setitem(RULES, "cube", RULE)
    cubed = {**CUBED, "arithmetic": arithmetic}
    assert convgrad.network(cubed).layer("s").dX.tolist() == SLOPES
    for document in (cubed, {**cubed, "claim": {"s": {"dX": SLOPES}}}):
        code, out, said = typed("check", document)
        assert (code, "agrees" in out) == ((0, True) if ruled and family == vocabulary.ELEMENTWISE else (2, False))
        assert ("not known for cube" in said) == bool(code)
    for command, entry in (("network", ()), ("explain", ("s.dX[1,1]",)), ("explain", ("s.y[1,1]",))):
        assert typed(command, cubed, entry=entry)[0] == 0


@pytest.mark.parametrize("name", ["conv", "conv-transpose"])
def test_a_new_operation_with_a_kernel_is_run_as_one_without(monkeypatch, typed, name):
    like, other = operations.OPERATIONS[name], f"other-{name}"
    monkeypatch.setitem(vocabulary.OPERATIONS, other, like_row(name, "other convolution"))
    monkeypatch.setitem(operations.OPERATIONS, other, like._replace(name=other))
    numbers = {"input": [[1, 2, 0], [3, 4, 1], [0, 2, 5]], "kernel": [[0.5, 1], [-1, 2]], "bias": 1, "padding": 1}
    document = {"op": other, **numbers, "stride": 2, "delta": "ones"}
    ours, expected = convgrad.backward(document), convgrad.backward({**document, "op": name})
    for array in ("dW", "db", "dX", "output"):
        assert np.array_equal(getattr(ours, array), getattr(expected, array))
    entries = (("explain", (entry,)) for entry in ("dW[0,1]", "db", "y[1,1]"))
    for command, entry in (("forward", ()), ("backward", ()), *entries):
        for form in ("table", "json"):
            code, out, said = typed(command, document, "--format", form, entry=entry)
            assert (code, "does not hold" in out) == (0, False), said
    code, _, said = typed("check", {**document, "claim": {"dW": [[1, 1], [1, 1]]}})
    assert (code, f"is not known for {other}" in said) == (2, True)
    layer = {key: value for key, value in document.items() if key not in ("input", "delta")}
    network = {"input": numbers["input"], "delta": "ones", "learning_rate": 0.1, "layers": [layer, {"op": "relu"}]}
    assert typed("network", network, "--layer", f"{other}1")[0] == 0
    assert typed("check", network)[0] == 2


def like_row(name, family):
    return vocabulary.OPERATIONS[name]._replace(family=family)


def test_what_follows_a_new_layer_that_leaves_other_axes_is_told_of_these(monkeypatch):
    total = CUBE._replace(
        name="total", forward=lambda x: x.sum(axis=3), output_shape=lambda shapes, arguments: shapes["x"][:3],
        backward=lambda delta, x: {"x": np.broadcast_to(delta[..., None], x.shape).copy()},
    )  # fmt: skip
    monkeypatch.setitem(vocabulary.LAYERS, "total", vocabulary.row("sum of rows", vocabulary.X))
    monkeypatch.setitem(operations.LAYERS, "total", total)
    layers = [{"op": "total"}, {"op": "conv", "kernel": [[[1, -1]]]}]
    network = convgrad.network({"input": [[[1, 2], [3, 4], [5, 7]]], "dims": 2, "layers": layers, "delta": [[1, 2]]})
    assert network.output.tolist() == [[-4, -5]]
    assert network.layers[0].dX.tolist() == [[[1, 1], [1, 1], [-2, -2]]]


def test_a_new_layer_of_a_known_family_is_caught_where_it_is_wrong(monkeypatch, typed):
    monkeypatch.setitem(vocabulary.LAYERS, "cube", vocabulary.row(vocabulary.ELEMENTWISE, vocabulary.X))
    monkeypatch.setitem(RULES, "cube", RULE)
    wrong = CUBE._replace(backward=lambda delta, x: {"x": 2 * x * x * delta})
    monkeypatch.setitem(operations.LAYERS, "cube", wrong)
    code, out, _ = typed("check", CUBED)
    assert (code, "differs" in out) == (1, True)


POOLS = {
    "adaptive-lp-pool": (
        vocabulary.NORM, ("output_size", "norm"), {"output_size": 2, "norm": 3}, lp_pool.OPERATION,
        lambda shapes, settings: {
            "window": adaptive(shapes["x"][2:], settings["output_size"]), "norm": settings["norm"],
        },
    ),
    "dilated-average-pool": (
        vocabulary.MEAN, tuple(average_pool.OPERATION.defaults), {"window": 2, "stride": 1, "dilation": 2},
        average_pool.OPERATION, average_pool.prepare,
    ),
}  # fmt: skip


@pytest.mark.parametrize("arithmetic", ["auto", "float64"])
@pytest.mark.parametrize("name", POOLS)
def test_a_new_pool_of_a_known_family_is_verified_and_diagnosed_unasked(monkeypatch, typed, name, arithmetic):
    family, known, settings, like, prepare = POOLS[name]
    names = dict.fromkeys((*known, *settings))
    monkeypatch.setitem(vocabulary.OPERATIONS, name, vocabulary.row(family, vocabulary.X, *names, stride=None))
    monkeypatch.setitem(operations.OPERATIONS, name, like._replace(name=name, prepare=prepare))
    case = {"op": name, "dims": 2, "input": (np.arange(30) % 7 - 3.5).reshape(5, 6).tolist(), **settings}
    case["delta"] = (1 + np.arange(4).reshape(2, 2)).tolist() if "output_size" in settings else "ones"
    code, out, _ = typed("check", case, "--arithmetic", arithmetic)
    assert code == 0
    assert "does not hold" not in out
    claim = (-convgrad.backward(case).dX).tolist()
    code, out, _ = typed("check", {**case, "claim": {"dX": claim}}, "--arithmetic", arithmetic)
    assert (code, "negated" in out) == (1, True)
    for command, entry in (("forward", ()), ("backward", ()), ("explain", ("dX[1,1]",)), ("explain", ("y[0,1]",))):
        assert typed(command, case, entry=entry)[0] == 0


@pytest.mark.slow
def test_help_names_it_and_its_setting_and_the_command_line_takes_both():
    """In a process of its own: options are made once, when they are imported."""
    lines = ["import sys", "from tests.operations.smooth_pool import register", "register()",
             "from convgrad.cli import run", "sys.exit(run(sys.argv[1:]))"]  # fmt: skip
    command = [sys.executable, "-c", "\n".join(lines), "forward"]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert NAME in shown
    assert "--sharpness" in shown
    options = ["--op", NAME, "--input", "[1, 2]", "--window", "2", "--sharpness", "2", "--format", "json"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert abs(json.loads(done.stdout)["output"][0] - np.log(np.exp(2) + np.exp(4)) / 2) < CLOSE
