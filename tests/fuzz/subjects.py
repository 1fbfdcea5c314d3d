"""Valid documents: cases of every operation, networks of a few layers, and claims about both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convgrad.vocabulary import ACCUMULATORS, ALGORITHMS, CLAIM_TYPES
from tests import definitions, geometry
from tests.fuzz.choices import Choices
from tests.fuzz.values import Raw, odd

ACTIVATIONS = ("relu", "leaky-relu", "sigmoid", "tanh", "softplus", "softmax")
KINDS_OF_NUMBER = ("whole", "whole", "decimal", "fraction", "long", "power", "wide")


def case(choices: Choices) -> dict[str, Any]:
    """A valid case with delta, its numbers as text."""
    dims = choices.one_of(1, 1, 1, 1, 2, 2, 2, 3)
    made = geometry.random_case(choices, choices.one_of(*geometry.OPERATIONS), dims, _numbers, (1, 2))
    if "groups" in made and made["groups"] == 1:
        del made["groups"]
    if "indices" in made:
        made["indices"] = made["indices"].tolist()
    return made


def _numbers(choices: Choices, operation: str, shape: tuple[int, ...]) -> Any:
    """Nested lists; few different whole numbers where ties matter."""
    kind = "tied" if operation in geometry.MAX_POOLS else choices.of_list(KINDS_OF_NUMBER)
    return nested(lambda: _number(choices, kind), shape)


def nested(number: Any, shape: tuple[int, ...]) -> Any:
    """Lists in lists of a shape."""
    return [nested(number, shape[1:]) for _ in range(shape[0])] if shape else number()


def _number(choices: Choices, kind: str) -> Any:
    whole = choices.integer(-9, 9)
    if kind == "whole":
        return whole
    if kind == "tied":
        return choices.integer(-1, 2)
    if kind == "decimal":
        return Raw(f"{whole / 10}")
    if kind == "fraction":
        return Raw(f"{whole}/{choices.integer(1, 9)}")
    if kind == "long":
        return Raw(f"{whole}.{choices.integer(0, 10**18):018}")
    return Raw(f"{whole}e{choices.integer(-3, 3) if kind == 'power' else choices.one_of(-30, 0, 30)}")


# -- Networks ----------------------------------------------------------------------------------------------------------


def network(choices: Choices) -> dict[str, Any]:
    """A valid network of one channel or feature axis, whose shapes go together."""
    dims, size = choices.one_of(1, 2, 2), choices.integer(3, 5)
    shape, layers = (size,) * dims, []
    for _ in range(choices.integer(0, 3)):
        layer, shape = _layer(choices, shape)
        layers.append(layer)
    if choices.chance(0.4):
        features = choices.integer(1, 3)
        layers.append(_dense(choices, shape, features))
        shape = (features,)
    if not layers or choices.chance(0.3):
        layers.append({"op": choices.of_list(ACTIVATIONS)})
    made = {"input": nested(lambda: _number(choices, "decimal"), (size,) * dims), "dims": dims, "layers": layers}
    if choices.chance(0.3):
        for number, layer in enumerate(layers):
            layer["name"] = f"layer{number}"
    return {**made, **_ending(choices, shape), **_rates(choices)}


def _layer(choices: Choices, shape: tuple[int, ...]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """A layer and the shape that it hands on."""
    if choices.chance(0.3):
        return {"op": choices.of_list(ACTIVATIONS)}, shape
    window = choices.integer(1, min(2, *shape)) if len(shape) > 1 else choices.integer(1, min(2, shape[0]))
    less = tuple(i - window + 1 for i in shape)
    if choices.chance(0.5):
        kernel = nested(lambda: _number(choices, "decimal"), (window,) * len(shape))
        return {
            "op": "conv",
            "kernel": kernel,
            **({"bias": choices.integer(-2, 2)} if choices.chance(0.5) else {}),
        }, less
    operation = choices.one_of("max-pool", "average-pool", "lp-pool", "adaptive-average-pool")
    if operation == "adaptive-average-pool":
        return {"op": operation, "output_size": 2}, (2,) * len(shape)
    return {"op": operation, "window": window, "stride": 1}, less


def _dense(choices: Choices, shape: tuple[int, ...], features: int) -> dict[str, Any]:
    cells = 1
    for length in shape:
        cells *= length
    return {"op": "dense", "kernel": nested(lambda: _number(choices, "whole"), (features, cells))}


def _ending(choices: Choices, shape: tuple[int, ...]) -> dict[str, Any]:
    if choices.chance(0.3):
        return {"delta": "ones"}
    loss: dict[str, Any] = {"op": "mse", "target": nested(lambda: _number(choices, "whole"), shape)}
    return {"loss": loss | ({"reduction": choices.one_of("sum", "mean")} if choices.chance(0.3) else {})}


def _rates(choices: Choices) -> dict[str, Any]:
    rates = {"learning_rate": Raw("0.1"), "momentum": Raw("0.5"), "weight_decay": Raw("1/10")}
    return {name: rate for name, rate in rates.items() if choices.chance(0.3)}


# -- Claims ------------------------------------------------------------------------------------------------------------


def claim(choices: Choices, document: dict[str, Any]) -> dict[str, Any]:
    """A claim about a case: the truth by plain loops as a mistake leaves it, or numbers of mostly the right shape."""
    if choices.chance(0.6) and document.get("norm", 1) == 1:
        truth = definitions.backward(document) | {"output": definitions.forward(document)}
        return {name: _mistaken(choices, part) for name, part in truth.items() if choices.chance(0.6)} or {"dX": []}
    names = [name for name in ("dW", "db", "dX", "output") if choices.chance(0.4)] or ["dX"]
    like = {"dW": "kernel", "dX": "input", "output": "delta", "db": "bias"}
    return {
        name: _like(choices, document[like[name]]) if like[name] in document else choices.one_of([1], 1)
        for name in names
    }


def odd_claim(choices: Choices, document: dict[str, Any]) -> dict[str, Any]:
    """A claim with entries that are not claimed or no numbers, with slices, sums and means, and odd ones among them."""
    made = claim(choices, document)
    for name in list(made):
        form = choices.weighted({"entries": 3, "slice": 2, "summary": 2, "odd": 1})
        part = made.pop(name)
        if form == "entries":
            made[name] = _strewn(choices, part)
        elif form == "slice":
            made[f"{name}[{choices.of_list(SLICES)}]"] = choices.one_of(part, _entry(choices), [_entry(choices)])
        elif form == "summary":
            made[name] = {choices.of_list(SUMMARIES): _entry(choices) for _ in range(choices.integer(0, 3))}
        else:
            made[name] = odd(choices)
    return made


def how_claimed(choices: Choices) -> dict[str, Any]:
    """How a claim came about: now and then a word that there is not."""
    return {
        key: choices.of_list(words) if choices.chance(0.9) else choices.one_of("", "x", [], None, 1)
        for key, words in WAYS.items()
        if choices.chance(0.25)
    }


def as_network(choices: Choices, document: dict[str, Any]) -> dict[str, Any]:
    """A case with a claim as the network of its one layer, now and then with something behind it."""
    outer = {key: document.pop(key) for key in ("input", "delta", "claim", *WAYS) if key in document}
    layers = [document | {"name": "one"}, *([{"op": choices.of_list(ACTIVATIONS)}] if choices.chance(0.3) else [])]
    return {**outer, "layers": layers, "claim": {"one": outer["claim"]}}


def _strewn(choices: Choices, value: Any) -> Any:
    if isinstance(value, list):
        return [_strewn(choices, part) for part in value]
    return _entry(choices) if choices.chance(0.1) else value


def _entry(choices: Choices) -> Any:
    return choices.of_list(ENTRIES)


SLICES = ("0", "1:", "-1", ":", "0,0", "0:1", "::2", "99", "", "a", "0,:", "...", "::-1", "0:0", "1,1,1,1,1")
SUMMARIES = ("mean", "sum", "min", "max", "norm", "std", "shape", "rows")
ENTRIES = (
    None, 0, 1, -1, 0.5, 7, 65504, 70000, Raw("1e300"), Raw("-1e300"), Raw("1e-300"), Raw(".nan"), Raw(".inf"),
    Raw("0.30000000000000004"), Raw("1.0009765625"), Raw("1/3"), Raw("1e-41"), Raw("1e400"), "x", True, [], {},
)  # fmt: skip
WAYS: dict[str, tuple[Any, ...]] = {
    "claim_dtype": CLAIM_TYPES, "accumulate": ACCUMULATORS, "algorithm": ALGORITHMS, "printed": (True, False),
}  # fmt: skip


def _mistaken(choices: Choices, truth: np.ndarray) -> Any:
    """What a mistake leaves of an array, with many digits or few."""
    made = choices.of_list(MISTAKES)(choices, truth.astype(float))
    digits = choices.one_of(2, 4, 8, 17)
    return written(lambda number: Raw(f"{number:.{digits}g}"), made)


def _one_entry(choices: Choices, truth: np.ndarray) -> np.ndarray:
    made = truth.copy()
    made[tuple(choices.integer(0, length - 1) for length in truth.shape)] += choices.one_of(1, -1, 0.5)
    return made


MISTAKES: tuple[Callable[[Choices, np.ndarray], np.ndarray], ...] = (
    lambda choices, truth: truth,
    lambda choices, truth: truth * choices.one_of(2, 0.5, -1, 0, 1.1, 3),
    lambda choices, truth: np.flip(truth),
    lambda choices, truth: truth[..., ::-1] if truth.ndim else -truth,
    lambda choices, truth: truth.reshape(truth.shape[::-1]),
    lambda choices, truth: truth.ravel(),
    lambda choices, truth: truth[None],
    lambda choices, truth: truth.sum(keepdims=True),
    lambda choices, truth: truth * (np.arange(truth.size).reshape(truth.shape) > 0),
    lambda choices, truth: np.roll(truth, 1, -1) if truth.ndim else truth,
    _one_entry,
)


def written(write: Callable[[Any], Any], made: np.ndarray) -> Any:
    """An array as nested lists of what its entries are written as."""
    return [written(write, part) for part in made] if made.ndim else write(made[()])


def _like(choices: Choices, value: Any) -> Any:
    """Numbers of the same shape."""
    return [_like(choices, part) for part in value] if isinstance(value, list) else _number(choices, "decimal")


def layer_names(document: dict[str, Any]) -> list[str]:
    """What the layers of a valid network are called."""
    layers = enumerate(document["layers"], 1)
    return [layer.get("name", f"{layer.get('op', 'conv')}{place}") for place, layer in layers]


def layer_claims(choices: Choices, document: dict[str, Any]) -> dict[str, Any]:
    """A claim about layers of a network."""
    names = layer_names(document)
    return {
        name: {"dX": document["input"]} | ({"dW": _like(choices, layer["kernel"])} if "kernel" in layer else {})
        for name, layer in zip(names, document["layers"], strict=True)
        if choices.chance(0.6)
    } or {names[0]: {"delta": [1]}}


# -- Large arrays ------------------------------------------------------------------------------------------------------


def large(choices: Choices) -> dict[str, Any]:
    """A case whose input is long enough for the readers and the blocks of large arrays."""
    rows, columns = choices.integer(20, 60), choices.integer(60, 200)
    data = (
        np.random.default_rng(choices.integer(0, 2**32)).standard_normal((rows, columns)).round(choices.integer(0, 8))
    )
    return {"input": data.tolist(), "kernel": nested(lambda: _number(choices, "decimal"), (1, 3)), "delta": "ones"}
