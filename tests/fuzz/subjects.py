"""Valid documents: cases of every operation, networks of a few layers, and claims about both."""

from __future__ import annotations

from typing import Any

from tests import geometry
from tests.fuzz.choices import Choices
from tests.fuzz.values import Raw

ACTIVATIONS = ("relu", "leaky-relu", "sigmoid", "tanh", "softplus", "softmax")
KINDS_OF_NUMBER = ("whole", "whole", "decimal", "fraction", "long", "power", "wide")
CLAIM_DTYPES = ("float64", "float32", "float16", "bfloat16", "tf32")


def case(choices: Choices) -> dict[str, Any]:
    """A valid case with delta, its numbers as text."""
    dims = choices.one_of(1, 1, 1, 1, 2, 2, 2, 3)
    made = geometry.random_case(choices, choices.one_of(*geometry.OPERATIONS), dims, _numbers, (1, 2))
    if "groups" in made and made["groups"] == 1:
        del made["groups"]
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
    """A claim about a case, of shapes that are mostly right and numbers that mostly are not."""
    names = [name for name in ("dW", "db", "dX", "output") if choices.chance(0.4)] or ["dX"]
    like = {"dW": "kernel", "dX": "input", "output": "delta", "db": "bias"}
    return {
        name: _like(choices, document[like[name]]) if like[name] in document else choices.one_of([1], 1)
        for name in names
    }


def _like(choices: Choices, value: Any) -> Any:
    """Numbers of the same shape."""
    return [_like(choices, part) for part in value] if isinstance(value, list) else _number(choices, "decimal")


def layer_claims(choices: Choices, document: dict[str, Any]) -> dict[str, Any]:
    """A claim about layers of a network."""
    layers = document["layers"]
    names = [layer.get("name", f"{layer['op']}{place}") for place, layer in enumerate(layers, 1)]
    return {
        name: {"dX": document["input"]} | ({"dW": _like(choices, layer["kernel"])} if "kernel" in layer else {})
        for name, layer in zip(names, layers, strict=True)
        if choices.chance(0.6)
    } or {names[0]: {"delta": [1]}}
