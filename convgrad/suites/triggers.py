"""Shapes that public bugs needed, a case each with the issue that it stems from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from convgrad.suites.sketch import Sketch, is_bent, unit_of
from convgrad.vocabulary import CONVOLUTION, FUSED, MAXIMUM, MEAN, NORM, TRANSPOSED, UNPOOLING, row_of

CONVOLUTIONS, WINDOWED = (CONVOLUTION, TRANSPOSED, FUSED), (MAXIMUM, MEAN, NORM)
DEPTHS: Mapping[str, Any] = {"padding": [0, 0], "output_size": 4}
"""What a third axis has, of those that are not 1 there."""
PER_AXIS = ("stride", "dilation", "padding", "window", "output_size", "output_padding")


class Trigger(NamedTuple):
    """A shape on two axes: samples, channels in and out, lengths, kernel (or window), and the other settings.

    `axes` is on how many axes it has a meaning; of one, the height is left out, of three a depth is put before.
    """

    id: str
    comment: str
    source: str
    samples: int
    channels: tuple[int, int]
    lengths: tuple[int, int]
    window: tuple[int, int]
    settings: Mapping[str, Any]
    families: tuple[str, ...] = (*CONVOLUTIONS, *WINDOWED)
    axes: tuple[int, ...] = (1, 2, 3)


def _row(
    id: str, comment: str, source: str, samples: int, channels: tuple[int, int], lengths: tuple[int, int],
    window: tuple[int, int], families: tuple[str, ...] = (*CONVOLUTIONS, *WINDOWED), axes: tuple[int, ...] = (1, 2, 3),
    **settings: Any,
) -> Trigger:  # fmt: skip
    return Trigger(id, comment, source, samples, channels, lengths, window, settings, families, axes)


TRIGGERS = (
    _row("taller-than-wide", "height greater than width", "intel/torch-xpu-ops#4380", 2, (3, 2), (9, 4), (3, 2),
         padding=[[1, 1], [0, 0]], axes=(2, 3)),
    _row("stride-in-width", "stride in width over 1, more than 16 channels, width below 17", "fujitsu/oneDNN#43",
         1, (17, 3), (4, 16), (3, 3), CONVOLUTIONS, stride=[1, 2], padding=[[1, 1], [1, 1]]),
    _row("depthwise-24", "depthwise with 24 channels", "pytorch/pytorch#50042", 2, (24, 24), (5, 4), (3, 3),
         CONVOLUTIONS, groups=24, padding=[[1, 1], [1, 1]]),
    _row("pointwise-stride-2", "a kernel of one tap, stride 2, fewer than 8 channels", "uxlfoundation/oneDNN#6035",
         2, (3, 5), (9, 7), (1, 1), CONVOLUTIONS, stride=[2, 2]),
    _row("width-tail", "a width that leaves a vector's tail", "uxlfoundation/oneDNN#5125", 1, (4, 3), (3, 19), (2, 3),
         padding=[[0, 0], [1, 1]]),
    _row("left-padding-over-16", "left padding over 16", "uxlfoundation/oneDNN#3981", 1, (2, 2), (3, 9), (2, 19),
         CONVOLUTIONS, padding=[[0, 0], [17, 3]]),
    _row("kernel-below-stride", "the window smaller than the stride", "ROCm/MIOpen#566", 2, (2, 3), (9, 11), (2, 2),
         stride=[3, 4]),
    _row("stride-remainder", "the stride leaves a remainder", "huggingface/candle#1212", 2, (2, 3), (8, 10), (3, 3),
         stride=[2, 3]),
    _row("batch-33", "a batch over 32", "open-mmlab/mmcv#1169", 33, (2, 2), (3, 4), (2, 2)),
    _row("pointwise-groups", "a kernel of one tap, groups, an even number of channels",
         "ROCm/composable_kernel#2478", 2, (4, 6), (5, 4), (1, 1), CONVOLUTIONS, groups=2),
    _row("channels-33", "channels over 32 and no multiple of 32", "tenstorrent/tt-metal#5087", 1, (33, 34), (3, 4),
         (2, 2)),
    _row("asymmetric-padding-stride", "padding before and after apart, with a stride", "keras-team/keras#22876",
         2, (2, 3), (6, 7), (3, 3), stride=[2, 2], padding=[[0, 1], [1, 0]]),
    _row("dilation-stride-groups", "dilation, stride and groups together", "pytorch/pytorch#15501", 2, (4, 6), (9, 8),
         (3, 2), CONVOLUTIONS, stride=[2, 2], dilation=[2, 3], groups=2, padding=[[1, 1], [1, 1]]),
    _row("ceil-mode", "ceil mode's cut windows", "tracel-ai/burn#5604", 2, (2, 2), (6, 8), (3, 3), WINDOWED,
         stride=[2, 2], ceil_mode=True),
    _row("ceil-mode-padding", "ceil mode's cut windows beside padding, and what they are divided by",
         "tracel-ai/burn#5604", 1, (2, 2), (6, 6), (3, 3), WINDOWED, stride=[2, 2], padding=[[1, 1], [1, 1]],
         ceil_mode=True),
    _row("ceil-mode-cells-alone", "ceil mode's cut windows, where padding does not count", "tracel-ai/burn#5604",
         1, (2, 2), (6, 6), (3, 3), (MEAN,), stride=[2, 2], padding=[[1, 1], [1, 1]], ceil_mode=True,
         count_include_pad=False),
    _row("unpool-remainder", "an output that is no multiple of the input", "pytorch/pytorch#580", 2, (3, 3), (4, 5),
         (1, 1), (UNPOOLING,), output_size=[9, 11]),
    _row("unpool-wide-plane", "indices in planes that are wider than the windows together", "onnx/onnx#2398", 1,
         (2, 2), (2, 2), (1, 1), (UNPOOLING,), output_size=[4, 7]),
    _row("fused-slope", "a leaky ReLU after the convolution, whose slope matters", "uxlfoundation/oneDNN#5174", 2,
         (3, 4), (5, 4), (3, 3), (FUSED,), padding=[[1, 1], [1, 1]], activation="leaky-relu", slope=0.5),
    _row("fused-channel-tail", "an activation after channels that leave a vector's tail, in many rows",
         "uxlfoundation/oneDNN#5212", 1, (3, 20), (9, 4), (1, 1), (FUSED,), activation="leaky-relu", slope=0.5),
    _row("fused-same-shape", "a smooth activation, whose input and output are shaped as the convolution's input",
         "ooples/AiDotNet.Tensors#186", 2, (3, 3), (5, 4), (3, 3), (FUSED,), (1, 2), padding=[[1, 1], [1, 1]],
         activation="sigmoid"),
)  # fmt: skip
"""In this order, since numbers go by it: what is new comes last."""


def triggers(op: str, dims: int) -> Iterator[Sketch]:
    """The triggers that an operation can have on so many axes."""
    for seed, trigger in enumerate(TRIGGERS):
        family = row_of(op).family
        if family in trigger.families and dims in trigger.axes and "window" not in _lacking(op, trigger):
            yield _sketch(op, dims, trigger, 1_000 + seed)


def _lacking(op: str, trigger: Trigger) -> set[str]:
    """What a trigger needs that an operation has no setting for."""
    known = row_of(op)
    needed = set(trigger.settings) | ({"window"} if known.family in WINDOWED else set())
    lacking = needed - set(known.settings)
    return {"window"} if lacking else set()


def _sketch(op: str, dims: int, trigger: Trigger, seed: int) -> Sketch:
    inner, outer = trigger.channels
    lengths, window = _on(dims, trigger.lengths, 3), _on(dims, trigger.window, 2)
    settings = {name: _setting(dims, name, value) for name, value in trigger.settings.items()}
    shapes: dict[str, tuple[int, ...]] = {"input": (trigger.samples, inner, *lengths)}
    if "w" in row_of(op).operands:
        groups = trigger.settings.get("groups", 1)
        first = (inner, outer // groups) if row_of(op).family == TRANSPOSED else (outer, inner // groups)
        shapes |= {"kernel": (*first, *window), "bias": (outer,)}
    elif row_of(op).family in WINDOWED:
        settings = {"window": list(window), "stride": [1] * dims, **settings}
    return Sketch(
        f"{prefix(op, dims)}/{trigger.id}", op, shapes, settings, seed, unit_of(op, settings),
        apart=is_bent(op, settings), comment=trigger.comment, flags=("trigger",),
        source=f"https://github.com/{trigger.source.replace('#', '/issues/')}",
    )  # fmt: skip


def prefix(op: str, dims: int) -> str:
    """What ids begin with.

    >>> prefix("conv", 2)
    'conv2d'
    """
    return f"{op}{dims}d"


def _setting(dims: int, name: str, value: Any) -> Any:
    if name not in PER_AXIS:
        return value
    return list(_on(dims, value, DEPTHS.get(name, 1)))


def _on(dims: int, pair: Any, depth: Any) -> tuple[Any, ...]:
    """Two axes' values on one, or on three."""
    return tuple(pair[2 - dims :]) if dims <= 2 else (*[depth] * (dims - 2), *pair)
