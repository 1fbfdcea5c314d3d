"""PyTorch modules built from the same documents: deltas, gradients, losses, and parameters after three steps."""

import importlib.util
import os

import numpy as np
import pytest

import convgrad
from tests.passes.chains import ACTIVATIONS, RATIONAL, SPATIAL, random_document

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch: pip install 'convgrad[oracle]'"),
]

SEED = int(os.environ.get("CONVGRAD_SEED", "0"))
CHAINS = 250
EXACT_CHAINS = 40
STEPS = 3


# -- The document in PyTorch's words -----------------------------------------------------------------------------------


class Network:
    """A torch.nn.Sequential of a document's layers, run on (N,C,*L); `flips` are the axes along which kernels turn."""

    def __init__(self, document):
        import torch

        self.torch, self.document, self.dims = torch, document, document["dims"]
        x = torch.tensor(document["input"], dtype=torch.float64)
        self.batch, self.bare = x.ndim == self.dims + 2, x.ndim == self.dims
        self.x = x.reshape(*(1,) * (self.dims + 2 - x.ndim), *x.shape)
        self.flips, self.modules, shape = {}, [], self.x.shape
        for place, layer in enumerate(document["layers"]):
            self.modules.append(self.module(place, layer, shape))
            with torch.no_grad():
                shape = self.modules[-1](torch.zeros(shape, dtype=torch.float64)).shape
        self.output_shape = shape
        self.parameters = [p for module in self.modules for p in module.parameters()]
        rates = {name: document.get(name, 0) for name in ("momentum", "weight_decay")}
        self.optimizer = (
            torch.optim.SGD(self.parameters, lr=document["learning_rate"], **rates) if self.parameters else None
        )

    def module(self, place, layer, shape):
        nn, op = self.torch.nn, layer["op"]
        if op in ("dense", "flatten") or np.ndim(layer.get("kernel", 0)) not in (0, self.dims):
            self.bare = False
        if op in ("conv", "conv-transpose"):
            return self.convolution(place, layer, shape)
        if op == "dense":
            kernel = self.torch.tensor(layer["kernel"], dtype=self.torch.float64)
            linear = nn.Linear(*reversed(kernel.shape), bias="bias" in layer, dtype=self.torch.float64)
            return nn.Sequential(nn.Flatten(), filled(linear, kernel, layer))
        if op in ACTIVATIONS:
            return self.activation(layer)
        return nn.Flatten() if op == "flatten" else self.pool(layer)

    def activation(self, layer):
        nn = self.torch.nn
        if layer["op"] == "softmax":  # without channels, over all cells
            whole = nn.Sequential(nn.Flatten(), nn.Softmax(1))
            return Reshaped(whole) if self.bare else nn.Softmax(1)
        return {
            "relu": nn.ReLU,
            "leaky-relu": lambda: nn.LeakyReLU(layer.get("slope", 0.01)),
            "sigmoid": nn.Sigmoid,
            "tanh": nn.Tanh,
            "softplus": lambda: nn.Softplus(threshold=700),  # above its threshold PyTorch's is x itself
        }[layer["op"]]()

    def convolution(self, place, layer, shape):
        torch = self.torch
        kernel = torch.tensor(layer["kernel"], dtype=torch.float64)
        kernel = kernel.reshape(*(1,) * (self.dims + 2 - kernel.ndim), *kernel.shape)
        if layer.get("mode", self.document["mode"]) == "convolution":
            self.flips[place] = tuple(range(-self.dims, 0))
            kernel = kernel.flip(self.flips[place])
        groups, transposed = layer["groups"], layer["op"] == "conv-transpose"
        inside, out = (
            (kernel.shape[0], kernel.shape[1] * groups) if transposed else (kernel.shape[1] * groups, kernel.shape[0])
        )
        names = ("stride", "dilation", "padding", "padding_mode", "groups", "output_padding")
        settings = {name: layer[name] for name in names if name in layer}
        kind = getattr(torch.nn, f"Conv{'Transpose' * transposed}{self.dims}d")
        made = kind(inside, out, kernel.shape[2:], bias="bias" in layer, dtype=torch.float64, **settings)
        return filled(made, kernel, layer)

    def pool(self, layer):
        nn, op = self.torch.nn, layer["op"]
        settings = {"ceil_mode": layer.get("ceil_mode", False)}
        if op.startswith("adaptive"):
            return getattr(nn, f"Adaptive{'Max' if 'max' in op else 'Avg'}Pool{self.dims}d")(layer["output_size"])
        window, stride = layer["window"], layer["stride"]
        if op == "lp-pool":  # PyTorch sums x^p with its sign
            return nn.Sequential(Absolute(), getattr(nn, f"LPPool{self.dims}d")(float(layer["norm"]), window, stride))
        settings |= {"count_include_pad": layer["count_include_pad"]} if op == "average-pool" else {}
        kind = getattr(nn, f"{'Max' if op == 'max-pool' else 'Avg'}Pool{self.dims}d")
        return kind(window, stride, layer["padding"], **settings)

    def run(self):
        """The loss (or <y, delta>), with every layer's output, whose gradients are kept."""
        outputs = [self.x.clone().requires_grad_()]
        for module in self.modules:
            outputs.append(module(outputs[-1]))
            outputs[-1].retain_grad()
        return self.ending(outputs[-1]), outputs

    def ending(self, y):
        torch, document = self.torch, self.document
        if "delta" in document:
            ones = document["delta"] == "ones"
            return (y * (1 if ones else torch.tensor(document["delta"], dtype=y.dtype).reshape(y.shape))).sum()
        loss = document["loss"]
        target = torch.from_numpy(np.array(loss["target"]))
        divisor = y.shape[0] if loss.get("reduction") == "mean" else 1
        if loss["op"] == "mse":
            return torch.nn.functional.mse_loss(y, target.reshape(y.shape).to(y.dtype), reduction="sum") / 2 / divisor
        logits = y.flatten(1) if self.bare else y
        classes = target.numel() * logits.shape[1] == logits.numel() and not target.is_floating_point()
        shape = (logits.shape[0], *logits.shape[2:]) if classes else logits.shape
        target = target.reshape(shape) if classes else target.reshape(shape).to(y.dtype)
        return torch.nn.functional.cross_entropy(logits, target, reduction="sum") / divisor

    def step(self):
        """One step; the loss before it, and the outputs with their gradients."""
        loss, outputs = self.run()
        if self.optimizer:
            self.optimizer.zero_grad()
        loss.backward()
        found = [p.grad.clone() for p in self.parameters]
        if self.optimizer:
            self.optimizer.step()
        return loss.item(), outputs, found

    def named(self, place, tensors):
        """Kernel and bias of a layer from tensors in the order of the parameters, kernels turned back."""
        before = sum(len(list(module.parameters())) for module in self.modules[:place])
        count = len(list(self.modules[place].parameters()))
        found = dict(zip(("kernel", "bias"), tensors[before : before + count], strict=False))
        if place in self.flips:
            found["kernel"] = found["kernel"].flip(self.flips[place])
        return {name: tensor.detach().numpy().copy() for name, tensor in found.items()}


def filled(module, kernel, layer):
    import torch

    with torch.no_grad():
        module.weight.copy_(kernel)
        if "bias" in layer:
            module.bias.copy_(torch.tensor(layer["bias"], dtype=torch.float64).reshape(module.bias.shape))
    return module


class Simple:
    """What a module without parameters needs to have here."""

    def parameters(self):
        return iter(())


class Absolute:
    def __new__(cls):
        import torch

        class Module(torch.nn.Module):
            def forward(self, x):
                return x.abs()

        return Module()


class Reshaped(Simple):
    def __init__(self, inner):
        self.inner = inner

    def __call__(self, x):
        return self.inner(x).reshape(x.shape)


# -- Comparing ---------------------------------------------------------------------------------------------------------


def assert_close(ours, theirs, what):
    """Equal to nine digits of the largest entry: sums of some thousand products, ten layers deep, lose five at most."""
    ours = np.asarray(ours, float).reshape(theirs.shape)
    scale = max(float(np.abs(theirs).max(initial=0)), 1e-6)
    assert np.abs(ours - theirs).max(initial=0) <= 1e-9 * scale, f"{what}\n{ours}\nPyTorch\n{theirs}"


def gradient(tensor):
    return np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()


def assert_agrees_with_torch(document, arithmetic):
    ours, theirs = convgrad.network(document, arithmetic=arithmetic), Network(document)
    loss, outputs, gradients = theirs.step()
    if not all(np.isfinite(gradient(y)).all() for y in outputs):
        return False  # a norm of zeros, where PyTorch divides by 0
    if "loss" in document:
        assert_close(ours.loss, np.array(loss), "loss")
    for place, layer in enumerate(ours.layers):
        assert_close(layer.output, outputs[place + 1].detach().numpy(), f"{layer.name}.output")
        assert_close(layer.delta, gradient(outputs[place + 1]), f"{layer.name}.delta")
        assert_close(layer.dX, gradient(outputs[place]), f"{layer.name}.dX")
        expected = theirs.named(place, gradients)
        if layer.db is not None:  # also of a layer without a bias
            summed = gradient(outputs[place + 1]).sum(axis=(0, *range(2, outputs[place + 1].ndim)))
            assert_close(layer.db, summed, f"{layer.name}.db")
        for key, name in (("kernel", "dW"), ("bias", "db")):
            if key in expected:
                assert_close(getattr(layer, name), expected[key], f"{layer.name}.{name}")
        for name, array in theirs.named(place, theirs.parameters).items():
            assert_close(layer.updated[name], array, f"{layer.name}.updated.{name}")
    assert_steps_agree(ours, theirs)
    return True


def assert_steps_agree(ours, theirs):
    for _ in range(STEPS - 1):
        theirs.step()
    *_, last = ours.steps(STEPS)
    for place, layer in enumerate(ours.layers):
        for name, array in theirs.named(place, theirs.parameters).items():
            assert_close(last.after.parameters[layer.name][name], array, f"{layer.name}.{name} after {STEPS} steps")


def assert_chains_agree(count, arithmetic, stream, **choices):
    random, seen, compared = np.random.default_rng([SEED, stream]), set(), 0
    while compared < count:
        document = random_document(random, **choices)
        try:
            if assert_agrees_with_torch(document, arithmetic):
                compared += 1
                seen |= {layer["op"] for layer in document["layers"]}
        except Exception as error:
            raise AssertionError(f"chain {compared}, CONVGRAD_SEED={SEED}: {document}") from error
    return seen


def test_chains_of_every_kind_of_layer_are_those_of_torch():
    seen = assert_chains_agree(CHAINS, "float64", 0)
    assert seen == {*SPATIAL, *ACTIVATIONS, "dense", "flatten"}


def test_exact_chains_round_to_those_of_torch():
    seen = assert_chains_agree(EXACT_CHAINS, "auto", 1, kinds=RATIONAL)
    assert seen == set(RATIONAL)


def test_chains_that_are_exact_in_part_are_those_of_torch():
    assert_chains_agree(EXACT_CHAINS, "auto", 2)
