"""Watching a model as it runs finds the layer whose backward pass is wrong, and accuses no other."""

import importlib.util

import numpy as np
import pytest

import convgrad
from tests.program import convgrad as program
from tests.program import result

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch: pip install 'convgrad[oracle]'"),
]


def wrong_conv():
    """A class of PyTorch's convolution whose backward pass turns the kernel once too often."""
    import torch
    from torch import nn

    class Turned(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, b):
            ctx.save_for_backward(x, w)
            return nn.functional.conv2d(x, w, b, padding=1)

        @staticmethod
        def backward(ctx, delta):
            x, w = ctx.saved_tensors
            dx = torch.nn.grad.conv2d_input(x.shape, w.flip(2, 3), delta, padding=1)
            return dx, torch.nn.grad.conv2d_weight(x, w.shape, delta, padding=1), delta.sum((0, 2, 3))

    class TurnedConv(nn.Conv2d):
        def forward(self, x):
            return Turned.apply(x, self.weight, self.bias)

    return TurnedConv(2, 3, 3, padding=1)


def model(middle=None):
    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(inplace=True), middle or nn.Conv2d(2, 3, 3, padding=1),
        nn.BatchNorm2d(3), nn.Tanh(), nn.MaxPool2d(2), nn.Dropout(0.5), nn.Flatten(), nn.Linear(12, 3),
    )  # fmt: skip


def run(net, x=None, **only):
    """A pass forward and back, watched."""
    import torch

    x = torch.randn(2, 1, 4, 4) if x is None else x
    with convgrad.watch(net, **only) as layers:
        net(x).square().sum().backward()
    return layers


def test_a_wrong_function_is_named_and_nothing_else():
    layers = run(model(wrong_conv()))
    found = convgrad.check(layers)
    assert {report.subject.chain.id: report.verdict for report in found.reports if report.verdict != "agrees"} == {
        "2": "differs"
    }
    assert found["2"].mistakes == ("kernel-rotated",)
    assert [one.array for one in found["2"].diagnosis] == ["dX"]
    assert repr(found) == "Reports(7 layers, differs: 2: kernel-rotated)"
    assert "7 of 8 layers ran forward and back" in repr(layers)
    assert "MB held; left out: BatchNorm2d, 6: Dropout draws at random" in repr(layers)
    with pytest.raises(convgrad.RequestError, match="there is no report of '9'; there are 0, 1, 2"):
        found["9"]


def test_a_class_that_says_what_it_is_is_watched_as_such():
    from torch import nn

    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = [wrong_conv()]  # no child of the model
            self.w, self.b = self.inner[0].weight, self.inner[0].bias

        def forward(self, x):
            return self.inner[0](x)

        def convgrad_case(self):
            return {"kernel": self.w, "bias": self.b, "padding": 1}

    found = convgrad.check(run(model(Mine())))
    claims = {one.array: one.verdict for one in found["2"].findings if one.against == "claim"}
    assert (claims["dX"], claims["dW"], found["2"].mistakes) == ("differs", "agrees", ("kernel-rotated",))


def test_what_was_watched_is_saved_and_checked_elsewhere(tmp_path):
    layers = run(model(wrong_conv()))
    layers.save(str(tmp_path / "run.npz"))
    assert program("check", "run.npz", "--quiet", cwd=tmp_path).returncode == 1
    told = program("check", "run.npz", "--format", "jsonl", cwd=tmp_path)
    ours = convgrad.check(layers).reports
    assert [line.count('"differs"') > 0 for line in told.stdout.splitlines()] == [
        report.verdict == "differs" for report in ours
    ]
    run(model(), only="0").save(str(tmp_path / "one.npz"))
    alone = result("check", "one.npz", cwd=tmp_path)
    assert (alone["id"], alone["op"], alone["verdict"]) == ("0", "conv", "agrees")


def test_the_gradients_of_a_pass_are_those_of_autograd_whatever_was_there_before():
    net = model()
    run(net)
    before = net[2].weight.grad.clone()
    layers = run(net)
    (case,) = [document for document in layers.documents() if document["id"] == "2"]
    np.testing.assert_allclose(case["claim"]["dW"].values, net[2].weight.grad - before, rtol=0, atol=1e-5)
    assert convgrad.check(layers).verdict != "differs"
    assert not net[2]._forward_hooks
    assert not net[2]._forward_pre_hooks


def test_only_the_wanted_layers_are_copied():
    net = model()
    assert [layer.name for layer in convgrad.watch(net, only="Conv2d").layers] == ["0", "2"]
    assert [layer.name for layer in convgrad.watch(net, only=["MaxPool*", "8"]).layers] == ["5", "8"]
    few, all_of_it = run(net, only="8"), run(net)
    assert 0 < few.nbytes < all_of_it.nbytes / 4
    with pytest.raises(convgrad.RequestError, match="there is no layer to watch; of those that are known there are 0,"):
        convgrad.watch(net, only="nothing")


def test_a_layer_that_runs_twice_is_one_batch():
    from torch import nn

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x):
            return self.conv(self.conv(x).tanh())

    layers = run(Twice())
    (case,) = layers.documents()
    assert case["input"].shape == (4, 1, 4, 4)
    assert {"output", "dW", "db"} == set(case["claim"])  # the first call's input asks for no gradient
    assert convgrad.check(layers).verdict == "agrees"


def test_calls_of_other_sizes_stay_apart_and_their_sums_unclaimed():
    import torch
    from torch import nn

    class Scales(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)

        def forward(self, x):
            return self.conv(x).sum() + self.conv(x[..., 1:]).sum()

    x = torch.randn(2, 1, 5, 5, requires_grad=True)
    layers = run(Scales(), x)
    assert [(one["id"], sorted(one["claim"])) for one in layers.documents()] == [
        ("conv", ["dX", "output"]), ("conv call 2", ["dX", "output"]),
    ]  # fmt: skip
    assert convgrad.check(layers).verdict == "agrees"


def test_an_input_that_goes_elsewhere_too_and_a_weight_that_two_layers_share_accuse_nobody():
    import torch
    from torch import nn

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)
            self.other.weight = self.one.weight

        def forward(self, x):
            y = self.one(x)
            return self.other(y) + x * y

    layers = run(Shared(), torch.randn(2, 1, 4, 4, requires_grad=True))
    assert convgrad.check(layers).verdict == "agrees"
    assert [sorted(one["claim"]) for one in layers.documents()] == [["dX", "db", "output"]] * 2


@pytest.mark.parametrize("how", ["half", "autocast"])
def test_half_types_are_judged_as_such(how):
    import torch
    from torch import nn

    torch.manual_seed(1)
    net, x = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3)), torch.randn(4, 3, 12, 12)
    if how == "half":
        layers = run(net.bfloat16(), x.bfloat16())
    else:
        with convgrad.watch(net) as layers, torch.autocast("cpu", torch.bfloat16):
            net(x).float().square().sum().backward()
    assert {one["claim_dtype"] for one in layers.documents()} == {"bfloat16"}
    assert convgrad.check(layers).verdict == "agrees"


def test_rows_of_a_linear_layer_are_samples():
    import torch
    from torch import nn

    layers = run(nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)), torch.randn(2, 7, 3))
    assert convgrad.check(layers).verdict == "agrees"
    assert next(iter(layers.documents()))["input"].shape == (14, 3)


def test_a_model_that_did_not_run_is_said_so():
    import torch

    net = model()
    with convgrad.watch(net) as layers, torch.no_grad():
        net(torch.randn(2, 1, 4, 4))
    with pytest.raises(convgrad.RequestError, match="no layer ran forward and back while it was watched; call the mod"):
        convgrad.check(layers)
    with pytest.raises(convgrad.RequestError, match="there is no layer to watch"):
        convgrad.watch(lambda x: x)
