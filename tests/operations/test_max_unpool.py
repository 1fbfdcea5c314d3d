"""Max unpooling puts numbers where their winners were, and its gradient gathers delta from there."""

import json
from fractions import Fraction

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convgrad
from convgrad.cli import run
from convgrad.operations import max_unpool
from convgrad.views.page_steps import steps_of, why_not
from tests.agreement import assert_exactly
from tests.geometry import Drawn, exact_data
from tests.program import SAMPLES
from tests.program import convgrad as program

CASE = {
    "op": "max-unpool", "input": [[5, 4], [7, 6]], "indices": [[5, 3], [8, 10]], "output_size": 4,
    "delta": np.arange(1, 17).reshape(4, 4).tolist(),
}  # fmt: skip


@st.composite
def unpoolings(draw):
    """A case of one to three axes, in any rank: each plane's cells are drawn without repeats."""
    choose = Drawn(draw)
    dims, leading = choose.integer(1, 3), choose.one_of((), (2,), (2, 3), (1, 1))
    shape = tuple(choose.integer(1, 3) for _ in range(dims))
    lengths = [length + choose.integer(0, 2) for length in shape]
    random, count = choose.generator(), int(np.prod(shape))
    planes = [random.permutation(int(np.prod(lengths)))[:count] for _ in range(int(np.prod(leading)))]
    return {
        "op": "max-unpool", "dims": dims, "input": exact_data(choose, "max-unpool", (*leading, *shape)),
        "indices": np.array(planes).reshape(*leading, *shape), "output_size": lengths,
        "delta": exact_data(choose, "delta", (*leading, *lengths)),
    }  # fmt: skip


def defined(case):
    """The output and dX, in plain loops."""
    dims, lengths = case["dims"], case["output_size"]
    leading = np.shape(case["input"])[: np.ndim(case["input"]) - dims]
    y, dx = np.full((*leading, *lengths), Fraction(0), object), np.full(np.shape(case["input"]), Fraction(0), object)
    for index in np.ndindex(dx.shape):
        cell = (*index[: len(leading)], *np.unravel_index(case["indices"][index], lengths))
        y[cell] = case["input"][index]
        dx[index] = case["delta"][cell]
    return y, dx


@given(case=unpoolings())
def test_it_is_its_definition_and_its_differences_agree(case):
    y, dx = defined(case)
    found = convgrad.backward(case, arithmetic="exact")
    assert_exactly(found.output, y, "y")
    assert_exactly(found.dX, dx, "dX")
    assert (case["input"] * found.dX).sum() == (found.output * case["delta"]).sum()
    report = convgrad.check(case, {"dX": dx, "output": y})
    assert report.verdict == "agrees"
    assert all(one.holds for one in report.checksums)


@given(case=unpoolings())
def test_its_overlays_and_its_terms_are_its_gradient(case):
    found = convgrad.backward(case, arithmetic="exact")
    full = found.by_operand["x"]
    for overlay in found.full_overlays:
        assert (overlay.dx == full[(overlay.sample, slice(None), *overlay.position)]).all()
    for name, array in (("dX", found.dX), ("y", found.output)):
        index = tuple(length - 1 for length in array.shape)
        terms = convgrad.explain(case, f"{name}[{','.join(map(str, index))}]", arithmetic="exact").terms
        assert sum((term.value for term in terms), Fraction(0)) == array[index]


def test_a_pool_and_its_unpooling_hand_delta_back_to_the_winners():
    x = np.random.default_rng(0).permutation(2 * 3 * 16).reshape(2, 3, 4, 4)
    pooled = convgrad.backward({"op": "max-pool", "dims": 2, "input": x, "window": 2, "delta": "ones"})
    case = {"op": "max-unpool", "dims": 2, "input": pooled.output, "indices": pooled.indices, "output_size": [4, 4]}
    assert ((convgrad.forward(case).output != 0) == (pooled.dX != 0)).all()


def test_a_layer_of_a_network_takes_its_cells_from_the_document():
    layers = [{"op": "max-pool", "name": "p", "window": 2},
              {"op": "max-unpool", "name": "u", "indices": [[5, 3], [8, 10]], "output_size": 4}]  # fmt: skip
    x = [[1, 2, 3, 4], [0, 5, 1, 2], [7, 1, 6, 2], [3, 4, 5, 1]]
    document = {"input": x, "layers": layers, "delta": CASE["delta"], "claim": {"u": {"dX": [[6, 4], [9, 11]]}}}
    assert convgrad.check(document).verdict == "agrees"
    assert convgrad.network(document).layer("u").output.tolist() == convgrad.forward(CASE).output.tolist()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"indices": None}, "needs `indices`"), ({"output_size": None}, "needs `output_size`"),
        ({"indices": [[5, 3], [8, 5]]}, "cell 5 is named twice in sample 0, channel 0"),
        ({"indices": [[5, 3], [8, 16]]}, "there is no cell 16: a plane of \\(4, 4\\) has cells 0 to 15"),
        ({"indices": [[5, 3], [8, -1]]}, "counted from 0, found -1"),
        ({"indices": [[5, 3], [8, 0.5]]}, "counted from 0, found 0.5"),
        ({"indices": [5, 3, 8, 10]}, "indices have shape"), ({"indices": "ones"}, "expected a number"),
        ({"indices": [[[5, 3], [8, 10]], [[5, 3], [8, 10]]]}, "indices have shape"),
        ({"window": 2}, "has no window"), ({"output_size": 10**5}, "the output would have shape"),
    ],
)  # fmt: skip
def test_what_cannot_be_put_back_is_refused_in_words(wrong, said):
    with pytest.raises(convgrad.RequestError, match=said):
        convgrad.backward({**CASE, **wrong})


def test_other_operations_have_no_indices():
    with pytest.raises(convgrad.RequestError, match="max-pool has no indices"):
        convgrad.forward({"op": "max-pool", "input": [[1, 2], [3, 4]], "window": 2, "indices": [[0]]})


@pytest.mark.parametrize("arithmetic", ["auto", "exact", "float64", "float32"])
@pytest.mark.parametrize("command", ["forward", "backward", "check", "explain"])
def test_every_command_takes_it_and_writes_what_the_schemas_say(tmp_path, capsys, command, arithmetic):
    path, entry = tmp_path / "case.json", ["dX[0,1]"] if command == "explain" else []
    path.write_text(json.dumps(CASE), encoding="utf-8")
    assert run([command, *entry, str(path), "--arithmetic", arithmetic]) == 0
    assert "max-unpool" in capsys.readouterr().out
    assert run([command, *entry, str(path), "--arithmetic", arithmetic, "--format", "json"]) == 0
    jsonschema.Draft202012Validator(convgrad.schema(command)).validate(json.loads(capsys.readouterr().out))
    jsonschema.Draft202012Validator(convgrad.schema("case")).validate(CASE)


def test_cells_come_from_a_file_of_their_own(tmp_path, capsys):
    np.save(tmp_path / "cells.npy", np.array(CASE["indices"]))
    options = ["--op", "max-unpool", "--input", "[[5,4],[7,6]]", "--output-size", "4", "--quiet"]
    for cells in (str(tmp_path / "cells.npy"), "[[5,3],[8,10]]"):
        assert run(["forward", *options, "--indices", cells]) == 0
        assert capsys.readouterr().out.split() == ["output", "0", "0", "0", "4", "0", "5", "0", "0", "7", "0", "6",
                                                   *"00000"]  # fmt: skip


def test_a_wrong_claim_is_told_to_be_none_of_what_is_known():
    report = convgrad.check(CASE, {"dX": [[6, 4], [9, 10]]})
    assert (report.verdict, [one.mistake for one in report.diagnosis]) == ("differs", [None])


@pytest.mark.parametrize("wrong", [
    {"forward": lambda x, *, indices, lengths: max_unpool.forward(x, indices=indices[..., ::-1], lengths=lengths)},
    {"backward": lambda delta, x, *, indices, lengths: {"x": delta.reshape(-1)[: x.size].reshape(x.shape)}},
])  # fmt: skip
def test_a_planted_bug_is_seen_by_differences(monkeypatch, wrong):

    from convgrad.operations import OPERATIONS

    monkeypatch.setitem(OPERATIONS, "max-unpool", OPERATIONS["max-unpool"]._replace(**wrong))
    assert convgrad.check(CASE).verdict == "differs"


def test_a_page_steps_through_it_and_adds_up_its_gradient():
    assert program("backward", str(SAMPLES / "max-unpool.yaml"), "--format", "html").returncode == 0
    case = {"op": "max-unpool", "input": [[5, 4], [7, 6]], "indices": [[5, 3], [8, 10]], "output_size": 4}
    gradients = convgrad.backward(case, delta=np.arange(1, 17).reshape(4, 4))
    assert why_not(gradients) == ""
    made = steps_of(gradients)
    dx = np.zeros(4)
    for delta, x, pattern in made["steps"]:
        for further, beside, share in made["patterns"][pattern]:
            dx[x + beside] += made["arrays"]["delta"]["values"][delta + further] * share
    assert dx.tolist() == gradients.dX.ravel().tolist() == [6, 4, 9, 11]


def test_an_empty_batch_is_put_nowhere():
    case = {"op": "max-unpool", "dims": 1, "input": np.zeros((0, 2, 3)), "output_size": 4, "delta": np.zeros((0, 2, 4))}
    case["indices"] = np.zeros((0, 2, 3), int)
    assert convgrad.backward(case).dX.shape == (0, 2, 3)
    assert convgrad.forward(case).output.shape == (0, 2, 4)
