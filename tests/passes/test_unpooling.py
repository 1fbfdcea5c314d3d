"""An unpooling in a network that has the winners of a max pool before it: its numbers, gradients, checks and words."""

from __future__ import annotations

import importlib.util
from typing import Any

import jsonschema
import numpy as np
import pytest

import convgrad
from convgrad.errors import RequestError
from tests.program import convgrad as run

RNG = np.random.default_rng(21)


def whole(*shape: int) -> Any:
    return RNG.integers(-9, 10, shape)


X = RNG.permutation(2 * 3 * 4 * 6).reshape(2, 3, 4, 6) - 70
NETWORK: dict[str, Any] = {
    "input": X,
    "layers": [
        {"name": "pool", "op": "max-pool", "window": 2},
        {"name": "mix", "kernel": whole(3, 3, 1, 1), "bias": whole(3)},
        {"name": "back", "op": "max-unpool", "indices": "pool"},
        {"name": "conv", "kernel": whole(2, 3, 2, 2)},
    ],
    "delta": whole(2, 2, 3, 5),
    "learning_rate": 0.5,
}


def by_loops(x: Any, layers: Any) -> tuple[Any, dict[tuple[int, ...], tuple[int, ...]]]:
    """What the unpooling gives, and where each number went."""
    mixed, gone = np.zeros((2, 3, 4, 6)), {}
    for n, c, i, j in np.ndindex(2, 3, 2, 3):
        cells = [(2 * i + a, 2 * j + b) for a in range(2) for b in range(2)]
        best = max(cells, key=lambda cell: x[(n, c, *cell)])
        total = layers[1]["bias"][c]
        for k in range(3):
            total = total + layers[1]["kernel"][c, k, 0, 0] * x[n, k, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
        mixed[(n, c, *best)], gone[n, c, i, j] = total, best
    return mixed, gone


def test_numbers_go_back_to_the_cells_that_won() -> None:
    network = convgrad.network(NETWORK)
    expected, gone = by_loops(X, NETWORK["layers"])
    np.testing.assert_array_equal(network.layer("back").output, expected)
    for at, cell in gone.items():
        assert network.layer("back").dX[at] == network.layer("back").delta[(*at[:2], *cell)]


def test_our_gradients_agree_with_differences_and_a_claim_is_named() -> None:
    assert convgrad.check(NETWORK).verdict == "agrees"
    truth = convgrad.network(NETWORK).layer("back")
    assert convgrad.check(NETWORK, {"back": {"dX": truth.dX.tolist(), "output": truth.output.tolist()}}).verdict == (
        "agrees"
    )
    wrong = truth.dX.astype(int)  # whole numbers are exact
    wrong[1, 2, 0, 1] += 5
    report = convgrad.check(NETWORK, {"back": {"dX": wrong}})
    (finding,) = [found for found in report.findings if found.wrong]
    assert (str(finding.place), finding.worst.index) == ("back.dX", (1, 2, 0, 1))


def test_a_step_moves_the_winners_with_the_numbers() -> None:
    """The pool is first here, but behind a convolution its winners change from step to step."""
    layers = [{"name": "first", "kernel": whole(3, 3, 1, 1)}, *NETWORK["layers"]]
    network = convgrad.network({**NETWORK, "layers": layers})
    (step,) = network.steps(1)
    moved = [dict(layer) for layer in layers]
    for layer in moved:
        layer |= step.after.parameters.get(layer["name"], {})
    fresh = convgrad.network({**NETWORK, "layers": moved})
    np.testing.assert_array_equal(step.after.layer("back").output, fresh.layer("back").output)
    np.testing.assert_array_equal(step.after.layer("first").dW, fresh.layer("first").dW)


def test_in_another_layout_it_is_the_same() -> None:
    layers = [dict(layer) for layer in NETWORK["layers"]]
    for layer in layers:
        if "kernel" in layer:
            layer["kernel"] = np.einsum("oihw->hwio", layer["kernel"])
    moved = {**NETWORK, "layers": layers, "layout": ["NHWC", "HWIO"]}
    moved |= {key: np.einsum("nchw->nhwc", NETWORK[key]) for key in ("input", "delta")}
    plain, other = convgrad.network(NETWORK), convgrad.network(moved)
    for part in other.parts:
        for name in ("output", "dX"):
            expected = np.einsum("nchw->nhwc", getattr(plain.layer(part.name), name))
            np.testing.assert_array_equal(getattr(part, name), expected)
    own = np.einsum("nchw->nhwc", plain.layer("pool").forward.indices)
    layers[2] = {"name": "back", "op": "max-unpool", "indices": own, "output_size": [4, 6]}
    np.testing.assert_array_equal(convgrad.network(moved).layer("back").output, other.layer("back").output)


def test_an_entry_is_the_number_that_was_put_there() -> None:
    network = convgrad.network(NETWORK)
    at = tuple(int(i) for i in np.argwhere(network.layer("back").output)[-1])
    found = convgrad.explain(network, f"back.y[{','.join(map(str, at))}]")
    assert found.value == network.layer("back").output[at]
    assert len(found.terms) == 1


def test_it_is_as_the_schema_says() -> None:
    document = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in NETWORK.items()}
    document["layers"] = [{k: v.tolist() if hasattr(v, "tolist") else v for k, v in layer.items()}
                          for layer in NETWORK["layers"]]  # fmt: skip
    jsonschema.validate(document, convgrad.schema("network"))
    jsonschema.validate(convgrad.network(document).to_dict(), convgrad.schema("network-output"))


LINES = "{input: [[1, 5], [4, 3]], layers: [LAYERS], delta: ones}"
POOL, UNPOOL = "{name: p, op: max-pool, window: 2}", "{op: max-unpool, indices: NAME}"


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (f"{POOL}, {UNPOOL.replace('NAME', 'q')}", "'q' is no max pool before max-unpool2: there is p"),
        (
            f"{{op: relu}}, {UNPOOL.replace('NAME', 'relu1')}",
            "'relu1' is no max pool before max-unpool2: there is none",
        ),
        (f"{UNPOOL.replace('NAME', 'p')}, {POOL}", "'p' is no max pool before max-unpool1: there is none"),
        (f"{POOL.replace('2', '1')}, {{op: average-pool, window: 2}}, {UNPOOL.replace('NAME', 'p')}", "indices have"),
        (f"{POOL.replace('window: 2', 'window: [1, 2], stride: 1')}, {{op: max-unpool}}", "needs `indices`"),
    ],
)
def test_what_has_no_such_winners_is_refused_in_words(layers: str, words: str) -> None:
    done = run("network", LINES.replace("LAYERS", layers))
    assert done.returncode == 2
    assert words in done.stderr, done.stderr


def test_cells_that_several_windows_won_are_refused() -> None:
    layers = [{"name": "p", "op": "max-pool", "window": 2, "stride": 1}, {"op": "max-unpool", "indices": "p"}]
    with pytest.raises(RequestError, match="cell 4 is named twice in sample 0, channel 0"):
        convgrad.network({"input": [[0, 1, 0], [1, 9, 1], [0, 1, 0]], "layers": layers, "delta": "ones"})


@pytest.mark.oracle
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch: pip install 'convgrad[oracle]'")
def test_it_is_what_pytorch_does() -> None:
    import torch
    import torch.nn.functional as functional

    x = torch.tensor(X, dtype=torch.float64, requires_grad=True)
    mix, bias, last = (torch.tensor(NETWORK["layers"][at][key], dtype=torch.float64, requires_grad=True)
                       for at, key in ((1, "kernel"), (1, "bias"), (3, "kernel")))  # fmt: skip
    pooled, winners = functional.max_pool2d(x, 2, return_indices=True)
    y = functional.conv2d(functional.max_unpool2d(functional.conv2d(pooled, mix, bias), winners, 2), last)
    y.backward(torch.tensor(NETWORK["delta"], dtype=torch.float64))
    network = convgrad.network(NETWORK)
    np.testing.assert_array_equal(network.output, y.detach())
    np.testing.assert_array_equal(network.layer("pool").dX, x.grad)
    np.testing.assert_array_equal(network.layer("mix").dW, mix.grad)
    np.testing.assert_array_equal(network.layer("conv").dW, last.grad)
