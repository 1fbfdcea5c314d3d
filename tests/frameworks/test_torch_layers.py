"""A module of PyTorch is what its class's name and its attributes say: checked in one call, and equal to autograd."""

import importlib.util
import os

import numpy as np
import pytest

import convgrad
from tests.program import convgrad as program

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch: pip install 'convgrad[oracle]'"),
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel"),  # PyTorch's, of its own copy
]

SEED = int(os.environ.get("CONVGRAD_SEED", "0"))
MODES = ("zeros", "reflect", "replicate", "circular")
WINDOWED = {
    **{f"conv {mode}": (lambda nn, d, mode=mode: of(nn, "Conv", d)(4, 6, 3, stride=2, padding=1, groups=2,
                                                                   padding_mode=mode)) for mode in MODES},
    "conv dilated": lambda nn, d: of(nn, "Conv", d)(4, 2, 2, dilation=2, bias=False),
    "conv same": lambda nn, d: of(nn, "Conv", d)(4, 2, 4, padding="same"),
    "conv valid": lambda nn, d: of(nn, "Conv", d)(4, 2, (2, 3, 1)[:d], padding="valid"),
    "transposed": lambda nn, d: of(nn, "ConvTranspose", d)(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
    "transposed dilated": lambda nn, d: of(nn, "ConvTranspose", d)(4, 2, 2, dilation=2, bias=False),
    "max pool": lambda nn, d: of(nn, "MaxPool", d)(3, stride=2, padding=1, dilation=1, ceil_mode=True),
    "max pool dilated": lambda nn, d: of(nn, "MaxPool", d)(2, dilation=2),
    "average pool": lambda nn, d: of(nn, "AvgPool", d)(3, 2, 1, ceil_mode=True),
    "average pool not counted": lambda nn, d: of(nn, "AvgPool", d)(3, 2, 1, count_include_pad=False),
    "lp pool": lambda nn, d: of(nn, "LPPool", d)(2, 2),
    "lp pool of numbers with a sign": lambda nn, d: of(nn, "LPPool", d)(1, 2),
    "lp pool of another p": lambda nn, d: of(nn, "LPPool", d)(4, 3, stride=1),
    "adaptive max": lambda nn, d: of(nn, "AdaptiveMaxPool", d)(3),
    "adaptive average": lambda nn, d: of(nn, "AdaptiveAvgPool", d)((2, 3, 1)[:d]),
    "adaptive average kept": lambda nn, d: of(nn, "AdaptiveAvgPool", d)((None, 3, None)[:d] if d > 1 else 4),
}  # fmt: skip
WHOLE = {
    "linear": (lambda nn: nn.Linear(4, 3), (5, 4)),
    "linear without bias": (lambda nn: nn.Linear(4, 3, bias=False), (1, 4)),
    "linear of one sample": (lambda nn: nn.Linear(4, 3), (4,)),
    "relu": (lambda nn: nn.ReLU(), (2, 3, 5)),
    "relu in place": (lambda nn: nn.ReLU(inplace=True), (2, 3, 4, 5)),
    "leaky relu": (lambda nn: nn.LeakyReLU(0.2), (2, 3, 5)),
    "sigmoid": (lambda nn: nn.Sigmoid(), (2, 3)),
    "tanh": (lambda nn: nn.Tanh(), (7,)),
    "softplus": (lambda nn: nn.Softplus(), (2, 3, 2, 2, 2)),
    "softmax": (lambda nn: nn.Softmax(1), (2, 3, 4)),
    "softmax of features": (lambda nn: nn.Softmax(-1), (2, 3)),
    "softmax of pixels": (lambda nn: nn.Softmax2d(), (2, 3, 2, 4)),
    "flatten": (lambda nn: nn.Flatten(), (2, 3, 2, 4)),
}


def of(nn, name, dims):
    return getattr(nn, f"{name}{dims}d")


def drawn(*shape):
    import torch

    return torch.randn(*shape, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64)


def autograd(module, x, delta):
    """Output and gradients of PyTorch, by our names."""
    import torch

    x = x.clone().requires_grad_()
    y = module(x.clone())
    named = {"dX": x} | {{"weight": "dW", "bias": "db"}[name]: part for name, part in module.named_parameters()}
    gradients = torch.autograd.grad(y, list(named.values()), delta)
    return {"output": y.detach()} | dict(zip(named, gradients, strict=True))


def assert_is_autograd(module, x):
    delta = drawn(*module(x.clone()).shape)
    theirs = autograd(module, x, delta)
    report = convgrad.check(module, x, delta)
    assert report.verdict == "agrees"
    judged = {finding.array for finding in report.findings if finding.against == "claim"}
    assert judged >= theirs.keys() - ({"dX"} if getattr(module, "inplace", False) else set())
    ours = report.subject.parts[0]
    for name, array in theirs.items():
        assert getattr(ours, name).shape == tuple(array.shape)
        # a dozen products a sum, each of numbers of about 1
        np.testing.assert_allclose(getattr(ours, name), array.numpy(), rtol=0, atol=1e-12)
    assert all(parameter.grad is None for parameter in module.parameters())


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("name", WINDOWED)
@pytest.mark.parametrize("batched", [True, False])
def test_a_module_with_a_window_is_what_autograd_says(name, dims, batched):
    from torch import nn

    module = WINDOWED[name](nn, dims).double()
    shape = (*([2] if batched else []), 4, *(7, 6, 5)[:dims])
    assert_is_autograd(module, drawn(*shape))


@pytest.mark.parametrize("name", WHOLE)
def test_a_module_without_a_window_is_what_autograd_says(name):
    from torch import nn

    make, shape = WHOLE[name]
    assert_is_autograd(make(nn).double(), drawn(*shape))


def test_a_claim_of_tensors_is_judged_in_place_of_what_it_computes():
    from torch import nn

    conv, x, delta = nn.Conv2d(2, 3, 3), drawn(1, 2, 5, 5).float(), drawn(1, 3, 3, 3).float()
    right = autograd(conv, x, delta)
    assert convgrad.check(conv, x, delta, claim=right).verdict == "agrees"
    assert convgrad.check(conv, x, delta, claim={"db": 2 * right["db"]}).verdict == "differs"
    linear = nn.Linear(2, 3)
    wrong = convgrad.check(linear, x[0, :, 0, :2], delta[0, :2, :, 0], claim={"db": right["db"]})
    assert (wrong.verdict, wrong.findings[-1].place) == ("differs", ("db", "Linear"))


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize(
    ("size", "stride", "padding", "lengths"), [(2, None, 0, (8, 6, 4)), (3, 3, 1, (7, 4, 10)), (2, 3, 0, (8, 5, 11))]
)
def test_winners_are_judged_and_put_back(dims, size, stride, padding, lengths):
    import torch
    from torch import nn

    pool = getattr(nn, f"MaxPool{dims}d")(size, stride, padding=padding, return_indices=True)
    x = drawn(2, 3, *lengths[:dims])
    y, winners = pool(x)
    report = convgrad.check(pool, x)
    assert report.verdict == "agrees"
    assert {finding.array for finding in report.findings} >= {"indices", "output", "dX"}
    assert convgrad.check(pool, x, claim={"indices": winners}).verdict == "agrees"
    assert convgrad.check(pool, x, claim={"indices": winners + 1}).verdict == "differs"
    unpool = getattr(nn, f"MaxUnpool{dims}d")(size, stride, padding=padding)
    report = convgrad.check(unpool, y, indices=winners)
    assert report.verdict == "agrees"
    back = unpool(y, winners)
    np.testing.assert_array_equal(convgrad.forward(unpool, y, indices=winners).output, back)
    delta = torch.randn_like(back)
    with convgrad.watch(unpool) as seen:
        unpool(y.clone().requires_grad_(), winners, output_size=x.shape).backward(torch.randn_like(x))
    assert convgrad.check(seen).verdict == "agrees"
    assert convgrad.check(unpool, y, delta, indices=winners, claim={"dX": torch.zeros_like(y)}).verdict == "differs"


def test_a_model_that_pools_and_unpools_is_watched_and_saved(tmp_path):
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool, self.mix = nn.MaxPool2d(2, return_indices=True), nn.Conv2d(2, 2, 1)
            self.back = nn.MaxUnpool2d(2)

        def forward(self, x):
            y, winners = self.pool(x)
            return self.back(self.mix(y), winners)

    with convgrad.watch(model := Model()) as seen:
        model(torch.randn(2, 2, 4, 6, requires_grad=True)).square().sum().backward()
    reports = convgrad.check(seen)
    assert [(report.subject.chain.id, report.verdict) for report in reports] == [
        ("pool", "agrees"), ("mix", "agrees"), ("back", "agrees"),
    ]  # fmt: skip
    seen.save(tmp_path / "run.npz")
    done = program("check", str(tmp_path / "run.npz"))
    assert done.returncode == 0, done.stderr


def chain():
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(2, 2, 2), nn.Tanh()), nn.Identity(), nn.Flatten(), nn.Linear(8, 3),
    ).double().eval()  # fmt: skip


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_sequential_has_the_loss_the_gradients_and_the_steps_of_pytorch(reduction):
    import torch

    model, x, target = chain(), drawn(3, 1, 6, 6), torch.tensor([0, 2, 1])
    ours = convgrad.network(model, x, loss={"op": "cross-entropy", "target": target, "reduction": reduction},
                            learning_rate=0.1, momentum=0.9, weight_decay=0.01)  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    for network in (ours, *(step.after for step in ours.steps(3))):
        loss = torch.nn.functional.cross_entropy(model(x), target, reduction=reduction)
        optimizer.zero_grad()
        loss.backward()
        assert network.loss == pytest.approx(loss.item(), abs=1e-12)
        for name, part in {"0": model[0], "3-1": model[3][1], "6": model[6]}.items():
            np.testing.assert_allclose(network.layer(name).dW, part.weight.grad, rtol=0, atol=1e-12)
            np.testing.assert_allclose(network.layer(name).db, part.bias.grad, rtol=0, atol=1e-12)
        optimizer.step()


def test_a_sequential_is_run_and_judged_layer_by_layer():
    report = convgrad.check(chain(), drawn(2, 1, 6, 6), drawn(2, 3))
    judged = {str(finding.place) for finding in report.findings if finding.against == "claim"}
    assert report.verdict == "agrees"
    assert {"0.dW", "3-1.dW", "6.dW", "6.dX", "3-0.dX", "3-2.output"} <= judged


class Scaled:
    """A class that says what it is."""

    def __init__(self, kernel):
        self.kernel = kernel

    def convgrad_case(self):
        return {"kernel": self.kernel, "stride": 2}


def test_a_class_may_say_what_it_is():
    kernel = drawn(1, 1, 3, 3)
    own, x = Scaled(kernel), drawn(1, 1, 7, 7)
    np.testing.assert_array_equal(
        convgrad.forward(own, x).output, convgrad.forward(input=x, kernel=kernel, stride=2).output
    )


REFUSED = {
    "BatchNorm2d": (lambda nn: nn.BatchNorm2d(2), "nothing is known of BatchNorm2d; known are Conv1d to 3d"),
    "in a chain": (lambda nn: nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)), "Sequential.1: nothing is known"),
    "cut": (lambda nn: nn.LPPool2d(2, 2, ceil_mode=True), "LPPool2d in ceil mode takes"),
    "indices": (lambda nn: nn.MaxUnpool2d(2), "max-unpool needs `indices`, which is missing"),
    "indices in a chain": (
        lambda nn: nn.Sequential(nn.ReLU(), nn.MaxUnpool2d(2)),
        "Sequential.1: MaxUnpool2d needs the indices of a pool; write the network as a document",
    ),
    "rows": (lambda nn: nn.Linear(4, 2), "Linear gets more than (features) or (samples, features)"),
    "axis": (lambda nn: nn.Softmax(2), "Softmax is taken over axis 2, and not over the channels, axis 1"),
    "part": (lambda nn: nn.Flatten(2), "Flatten flattens axes 2 to -1, and not a whole sample"),
    "sharp": (lambda nn: nn.Softplus(2.0), "Softplus has beta 2, and not 1"),
    "random": (lambda nn: nn.Sequential(nn.Dropout()), "Sequential.0: Dropout draws at random; call .eval() on it"),
    "nothing": (lambda nn: nn.Identity(), "Identity hands on what it gets"),
    "kept": (
        lambda nn: nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool2d((None, 1))),
        "Sequential.1: AdaptiveAvgPool2d",
    ),
    "function": (lambda nn: nn.functional.relu, "nothing is known of relu; a class may say what it is in a method"),
    "shapes": (lambda nn: nn.Conv2d(5, 2, 3), "kernel: the kernel (2, 5, 3, 3) takes 5 input channels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_operation_does_is_refused_in_words(name):
    from torch import nn

    make, words = REFUSED[name]
    with pytest.raises(convgrad.RequestError) as refused:
        convgrad.check(make(nn), drawn(1, 2, 4, 4), "ones")
    assert str(refused.value).startswith(words)


def test_a_layer_without_input_or_beside_what_is_no_case_is_refused_in_words():
    from torch import nn

    with pytest.raises(convgrad.RequestError, match="Conv2d needs its input"):
        convgrad.check(nn.Conv2d(1, 1, 1))
    with pytest.raises(convgrad.RequestError, match="this is a network"):
        convgrad.backward(nn.ReLU(), drawn(1, 2), "ones")
