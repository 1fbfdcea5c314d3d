"""Networks in another order of axes: what comes as NHWC and HWIO goes back so, flattened samples as well."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import numpy as np
import pytest

import convgrad
from convgrad.errors import RequestError
from tests.program import convgrad as run
from tests.program import result

RNG = np.random.default_rng(11)


def whole(*shape: int) -> Any:
    return RNG.integers(-4, 5, shape)


def moved(letters: str, array: Any, here: str) -> Any:
    """An array whose axes are `here`, with its axes in another order."""
    return np.einsum(f"{here}->{letters}", array)


KERNEL, UP = whole(4, 3, 2, 2), whole(4, 2, 2, 2)
PLAIN: dict[str, Any] = {
    "input": whole(2, 3, 4, 5), "learning_rate": 0.5, "weight_decay": 0.25, "momentum": 0.5,
    "layers": [
        {"name": "conv", "kernel": KERNEL, "bias": whole(4), "padding": [1, 0]},
        {"name": "act", "op": "leaky-relu", "slope": 0.5},
        {"name": "pool", "op": "average-pool", "window": 2, "stride": [2, 1]},
        {"name": "up", "op": "conv-transpose", "kernel": UP},
        {"name": "flat", "op": "flatten"},
        {"name": "act2", "op": "relu"},
        {"name": "out", "op": "dense", "kernel": whole(3, 24), "bias": whole(3)},
    ],
    "loss": {"op": "mse", "target": whole(2, 3)},
}  # fmt: skip


def features(matrix: Any, to: str) -> Any:
    """The last axis of an array, flattened as c, h, w, as another flattens it."""
    lead = matrix.shape[:-1]
    return np.einsum(f"...chw->...{to}", matrix.reshape(*lead, 2, 3, 4)).reshape(matrix.shape)


def in_layout(data: str, filters: str, ups: str, *, flat: bool = True) -> dict[str, Any]:
    """The same network in a layout; without `flat` the dense layer flattens by itself."""
    letters, sample = data.lower(), data.lower().replace("n", "")
    layers = [dict(layer) for layer in PLAIN["layers"]]
    layers[0]["kernel"] = moved(filters.lower(), KERNEL, "oihw")
    layers[3] |= {"kernel": moved(ups.lower(), UP, "iohw"), "layout": [data, ups]}
    layers[6]["kernel"] = features(layers[6]["kernel"], sample)
    if not flat:
        del layers[4]
    given = {**PLAIN, "layers": layers, "layout": [data, filters]}
    return {**given, "input": moved(letters, PLAIN["input"], "nchw")}


def arrays(part: Any) -> dict[str, Any]:
    names = ("output", "delta", "dX", "dW")
    held = {name: getattr(part, name) for name in names} | {f"new {k}": v for k, v in part.updated.items()}
    return {name: array for name, array in held.items() if array is not None}


def as_moved(name: str, layer: str, array: Any, data: str, filters: str) -> Any:
    """An array of the plain network as that of the other has to be."""
    letters = data.lower()
    if name in ("dW", "new kernel"):
        here = {"conv": "oihw", "up": "iohw"}.get(layer)
        return features(array, letters.replace("n", "")) if here is None else moved(filters.lower(), array, here)
    if array.ndim == 4:
        return moved(letters, array, "nchw")
    return features(array, letters.replace("n", "")) if array.shape[-1] == 24 else array


LAYOUTS = [("NHWC", "HWIO", "HWOI"), ("HWCN", "OHWI", "IHWO"), ("NCHW", "HWIO", "HWIO")]


@pytest.mark.parametrize(("data", "filters", "ups"), LAYOUTS)
@pytest.mark.parametrize("flat", [True, False])
def test_every_array_of_every_layer_is_that_of_the_plain_network_with_its_axes_moved(data, filters, ups, flat) -> None:
    plain, other = convgrad.network(PLAIN), convgrad.network(in_layout(data, filters, ups, flat=flat))
    assert plain.loss == other.loss
    for part in other.parts:
        for name, array in arrays(part).items():
            wanted = as_moved(name, part.name, arrays(plain.layer(part.name))[name],
                              data, ups if part.name == "up" else filters)  # fmt: skip
            if wanted.shape != array.shape:  # what is not flattened goes on in its axes, samples where they belong
                sample = data.lower().replace("n", "")
                lengths = [{"c": 2, "h": 3, "w": 4}[letter] for letter in sample]
                wanted = moved(data.lower(), wanted.reshape(2, *lengths), "n" + sample)
            np.testing.assert_array_equal(array, wanted, err_msg=f"{part.name}.{name}")
    for ours, theirs in zip(plain.steps(2), other.steps(2), strict=True):
        assert ours.loss == theirs.loss
    for name, parameters in other.parameters.items():
        given = next(layer for layer in in_layout(data, filters, ups)["layers"] if layer["name"] == name)
        np.testing.assert_array_equal(parameters["kernel"], given["kernel"])


@pytest.mark.parametrize(("data", "filters", "ups"), LAYOUTS)
def test_an_entry_is_the_sum_of_terms_that_are_the_entries_they_say(data: str, filters: str, ups: str) -> None:
    network = convgrad.network(in_layout(data, filters, ups))
    for part in network.parts:
        kernel = part.parameters.get("kernel")
        held = {"x": part.signal.shown, "w": kernel, "delta": part.delta}
        for name in ("y", "dX", *(["dW"] if kernel is not None else [])):
            array = part.output if name == "y" else getattr(part, name)
            index = tuple(int(RNG.integers(length)) for length in array.shape)
            found = convgrad.explain(network, f"{part.name}.{name}[{','.join(map(str, index))}]")
            assert found.value == array[index]
            for term in found.terms:
                for factor in term.factors:
                    if factor.index is not None and factor.name in held:
                        assert held[factor.name][factor.index] == factor.value, (part.name, name, factor)
    shares = convgrad.explain(network, "loss").shares()
    assert all(network.output[share.place] == share.y for share in shares)


@pytest.mark.parametrize("where", range(7))
def test_deltas_are_followed_to_the_layer_above_in_their_own_indices(where: int) -> None:
    network = convgrad.network(in_layout("NHWC", "HWIO", "HWOI"))
    part = network.parts[where]
    if where == 6:
        pytest.skip("where deltas start there is nothing above")
    index = tuple(length - 1 for length in part.delta.shape)
    found = convgrad.explain(network, f"{part.name}.delta[{','.join(map(str, index))}]")
    assert found.value == part.delta[index]


@pytest.mark.parametrize(("data", "filters", "ups"), LAYOUTS)
def test_claims_are_judged_and_told_in_the_layout_that_came(data: str, filters: str, ups: str) -> None:
    document = in_layout(data, filters, ups)
    truth = {part.name: {n: getattr(part, n) for n in ("output", "delta", "dX", "dW") if getattr(part, n) is not None}
             | part.updated for part in convgrad.network(document).parts}  # fmt: skip
    lists = {name: {k: np.asarray(v).tolist() for k, v in held.items()} for name, held in truth.items()}
    assert convgrad.check(document, lists).verdict == "agrees"
    for layer, name in [("conv", "dW"), ("pool", "dX"), ("up", "kernel"), ("flat", "output"), ("act2", "dX"),
                        ("out", "dW"), ("out", "kernel"), ("flat", "dX")]:  # fmt: skip
        wrong = np.array(truth[layer][name])
        at = tuple(int(RNG.integers(length)) for length in wrong.shape)
        wrong[at] += 1e9  # beyond what float32 may be off by in so long a chain
        report = convgrad.check(document, {layer: {name: wrong.tolist()}})
        (finding,) = [found for found in report.findings if found.against == "claim" and found.wrong]
        assert (finding.wrong, finding.worst.index) == (1, at), (layer, name)


def test_a_mistake_is_named_whatever_the_layout() -> None:
    document = in_layout("NHWC", "HWIO", "HWOI")
    turned = np.array(convgrad.network(document).layer("conv").dW)[::-1, ::-1]
    report = convgrad.check(document, {"conv": {"dW": turned}})
    assert report.diagnosis[0].mistake == "kernel-rotated"


def test_a_printed_input_and_target_are_rounded_in_their_own_layout() -> None:
    """The rounding of inputs that were printed is carried on from the entries that have it."""
    random = np.random.default_rng(3)
    x, w = random.standard_normal((1, 4, 5, 2)), random.standard_normal((3, 2, 2, 3))
    target = random.standard_normal((1, 2, 4, 3))
    document = {"layout": ["NHWC", "HWIO"], "layers": [{"name": "conv", "kernel": w}, {"op": "tanh"}]}
    exact = convgrad.network({**document, "input": x, "loss": {"op": "mse", "target": target}})
    printed = {**document, "input": x.round(4).tolist(), "printed": True}
    printed |= {"layers": [{"name": "conv", "kernel": w.round(4).tolist()}, {"op": "tanh"}]}
    printed |= {"loss": {"op": "mse", "target": target.round(4).tolist()}}
    claim = {"conv": {name: getattr(exact.parts[0], name).round(6).tolist() for name in ("dX", "dW", "output")}}
    assert convgrad.check(printed, claim).verdict == "agrees"


def test_the_command_line_has_it_too(tmp_path) -> None:
    document = {key: value.tolist() if hasattr(value, "tolist") else value
                for key, value in in_layout("NHWC", "HWIO", "HWOI").items()}  # fmt: skip
    document["layers"] = [{k: v.tolist() if hasattr(v, "tolist") else v for k, v in layer.items()}
                          for layer in document["layers"]]  # fmt: skip
    document["loss"] = {"op": "mse", "target": PLAIN["loss"]["target"].tolist()}
    file = tmp_path / "net.json"
    file.write_text(json.dumps(document))
    told = result("network", str(file))
    np.testing.assert_array_equal(np.shape(told["layers"][0]["dW"]), np.shape(document["layers"][0]["kernel"]))
    assert told["layout"] == ["NHWC", "HWIO"]
    jsonschema.validate(told, convgrad.schema("network-output"))
    assert "layout NHWC, HWIO" in run("network", str(file)).stdout
    del document["layout"]
    file.write_text(json.dumps(document))
    assert result("network", str(file), "--layout", "NHWC,HWIO")["layers"] == told["layers"]


WRONG = [
    ({"layout": "NHWC"}, "the layout of the input: that of the kernel is not told; say it, as in [NHWC, HWIO]"),
    ({"layout": ["NWC", "WIO"]}, "the layer says NHWC, but the network NWC"),
    ({"dims": 1}, "NHWC has 2 spatial axes, but there are 1"),
    ({"layout": ["NHC", "OIHW"]}, "NHC and OIHW have other spatial axes"),
    ({"layout": ["NCHW", "HWIO"]}, "the layer says NHWC, but the network NCHW"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "words"), WRONG)
def test_a_layout_that_does_not_fit_is_refused_in_words(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError) as refused:
        convgrad.network(in_layout("NHWC", "HWIO", "HWOI") | changed)
    assert words in str(refused.value)


def test_a_layer_s_layout_without_the_network_s_is_refused() -> None:
    layer = {"kernel": whole(2, 2, 1, 1), "layout": ["NHWC", "HWIO"]}
    with pytest.raises(RequestError, match="the layer says NHWC, but the network has no layout"):
        convgrad.network({"input": whole(1, 3, 3, 1), "layers": [layer], "delta": "ones"})


def test_what_fits_no_layer_is_told_in_the_order_that_came() -> None:
    document = in_layout("NHWC", "HWIO", "HWOI")
    document["layers"][6]["kernel"] = whole(3, 25)
    with pytest.raises(RequestError, match=r"out gets \(2, 24\) from act2"):
        convgrad.network(document)
    document = in_layout("NHWC", "HWIO", "HWOI", flat=False)
    document["layers"][5]["kernel"] = whole(3, 25)
    with pytest.raises(RequestError, match=r"out gets \(2, 3, 4, 2\) from act2|out gets \(2, 3, 4, 2\) from"):
        convgrad.network(document)


@pytest.mark.parametrize(("data", "filters", "said"), [("NHWC", "HWIO", "NHWC,HWIO"), ("NHWC", "OHWI", "NHWC,OHWI"),
                                                       ("NCHW", "HWIO", "NCHW,HWIO")])  # fmt: skip
def test_where_all_layers_fit_in_another_layout_it_is_said(data: str, filters: str, said: str) -> None:
    layers = [
        {"name": "a", "kernel": moved(filters.lower(), whole(2, 5, 3, 3), "oihw")},
        {"op": "max-pool", "window": 2},
        {"name": "b", "kernel": moved(filters.lower(), whole(3, 2, 1, 1), "oihw")},
    ]
    document = {"input": moved(data.lower(), whole(2, 5, 8, 9), "nchw"), "layers": layers, "delta": "ones"}
    with pytest.raises(RequestError) as refused:
        convgrad.network(document)
    assert str(refused.value).endswith(f"; with --layout {said} they fit")
    assert convgrad.network(document, layout=said.split(",")).output.size
    with pytest.raises(RequestError) as refused:
        convgrad.network({**document, "layers": [*layers, {"op": "dense", "kernel": whole(2, 5)}]})
    assert "dense4 gets" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_networks_at_random_are_the_same_in_letters_at_random(seed: int) -> None:
    random = np.random.default_rng(seed)
    spatial = "DHW"[3 - int(random.integers(1, 4)) :]
    data, filters = ("".join(random.permutation(list(own + spatial))) for own in ("NC", "OI"))
    axes = "".join(letter for letter in data if letter not in "NC")  # spatial axes keep the order of the input's
    lengths = [int(random.integers(5, 7 if len(axes) < 3 else 6)) for _ in axes]
    layers: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    channels, flat = 2, False
    for op in random.choice(["conv", "conv-transpose", "average-pool", "relu", "softmax", "flatten"], 4):
        layer: dict[str, Any] = {"op": str(op)}
        if (op in ("conv", "conv-transpose", "average-pool") and flat) or (op == "flatten" and random.integers(2)):
            continue
        other = layer
        if op.startswith("conv"):
            own = int(random.integers(1, 4))
            shape = (own, channels) if op == "conv" else (channels, own)
            kernel = random.integers(-2, 3, (*shape, *[2] * len(axes)))
            layer |= {"kernel": kernel, "bias": random.integers(-2, 3, own)}
            here = ("oi" if op == "conv" else "io") + axes.lower()
            other = {**layer, "kernel": moved(filters.lower(), kernel, here)}
            channels = own
        elif op == "average-pool":
            layer |= {"window": 2, "stride": 1, "padding": 1}
        flat |= op == "flatten"
        layers.append(layer)
        others.append(other)
    x = random.integers(-3, 4, (2, channels if not layers else 2, *lengths))
    here = "nc" + axes.lower()
    plain = convgrad.network({"input": x, "dims": len(axes), "layers": [*layers, {"op": "relu"}], "delta": "ones"})
    arrays = {"input": moved(data.lower(), x, here), "delta": "ones", "layout": [data, filters]}
    other = convgrad.network({**arrays, "layers": [*others, {"op": "relu"}]})
    assert (plain.loss, len(plain.parts)) == (other.loss, len(other.parts))
    for ours, theirs in zip(plain.parts, other.parts, strict=True):
        for name in ("output", "dX"):
            expected, found = getattr(ours, name), getattr(theirs, name)
            if expected.ndim == len(here):
                np.testing.assert_allclose(found, moved(data.lower(), expected, here), rtol=1e-12, atol=1e-14)
            else:  # features: the same numbers, each sample's in another order
                np.testing.assert_allclose(np.sort(found), np.sort(expected), rtol=1e-12, atol=1e-14)
        if ours.dW is not None:
            here_w = ("oi" if ours.op == "conv" else "io") + axes.lower()
            np.testing.assert_allclose(theirs.dW, moved(filters.lower(), ours.dW, here_w), rtol=1e-12)
    claims = {part.name: {"dX": part.dX, "output": part.output} for part in other.parts}
    report = convgrad.check({**arrays, "layers": [*others, {"op": "relu"}]}, claims, sample=3)
    assert report.verdict in ("agrees", "undecided")
