"""Random network documents: every layer of the tables, one to three axes, every rank an input can have."""

from __future__ import annotations

import math

import numpy as np

from convgrad.operations import LAYERS, OPERATIONS

SPATIAL = tuple(name for name in OPERATIONS if name != "max-unpool")  # whose cells are data, with tests of its own
ACTIVATIONS = tuple(name for name in LAYERS if name not in ("dense", "flatten"))
RATIONAL = tuple(
    name for name in (*SPATIAL, *LAYERS) if (made := {**OPERATIONS, **LAYERS}[name]).rational(made.defaults)
)
LARGEST = {1: 14, 2: 8, 3: 5}
MOST_LAYERS = 8


class Drawing:
    """A document as it grows: `shape` is what arrives at the next layer, (N,C,*L), or (N,F) once it is flat."""

    def __init__(self, random: np.random.Generator, kinds: tuple[str, ...] | None = None, places: int = 3) -> None:
        self.random, self.kinds, self.places = random, kinds, places
        self.dims = self.integer(1, 3)
        self.rank = self.integer(0, 2)  # axes that the input has besides its spatial ones
        lengths = [self.integer(2, LARGEST[self.dims]) for _ in range(self.dims)]
        self.shape = (self.integer(1, 3) if self.rank == 2 else 1, self.integer(1, 3) if self.rank else 1, *lengths)
        self.bare = self.rank == 0  # no channel axis yet
        self.flat = False
        self.layers: list[dict] = []

    def integer(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high + 1))

    def one_of(self, *choices):
        return choices[self.integer(0, len(choices) - 1)]

    def numbers(self, *shape: int, scale: float = 1.0):
        return np.round(self.random.standard_normal(shape) * scale, self.places).tolist()

    def document(self) -> dict:
        x = self.numbers(*self.shape)
        for _ in range(2 - self.rank):
            x = x[0]
        document = {"mode": self.one_of("cross-correlation", "convolution"), "dims": self.dims, "input": x}
        for _ in range(self.integer(1, MOST_LAYERS)):
            self.layers.append(self.layer(self.choice()))
        document["layers"] = self.layers
        document |= {
            "learning_rate": 0.01,
            **self.one_of({}, {"momentum": 0.9}),
            **self.one_of({}, {"weight_decay": 0.1}),
        }
        return document | self.ending()

    def choice(self) -> str:
        open_ones = ACTIVATIONS + (("dense", "flatten") if self.flat else (*SPATIAL, *SPATIAL, "dense", "flatten"))
        allowed = [kind for kind in open_ones if self.kinds is None or kind in self.kinds]
        return self.one_of(*allowed)

    # -- Layers: each returns its mapping and leaves the new shape ----------------------------------------------------

    def layer(self, kind: str) -> dict:
        made = {"op": kind}
        if kind in ACTIVATIONS:
            return made | (self.one_of({}, {"slope": 0.2}) if kind == "leaky-relu" else {})
        return made | getattr(self, kind.replace("-", "_"), lambda: self.windowed(kind))()

    def windowed(self, kind: str) -> dict:
        """A new operation, without a kernel and with its settings at their defaults."""
        return self.adaptive_max_pool() if "output_size" in OPERATIONS[kind].defaults else self.pool()

    def flatten(self) -> dict:
        self.shape, self.flat, self.bare = (self.shape[0], math.prod(self.shape[1:])), True, False
        return {}

    def dense(self) -> dict:
        self.flatten()
        inputs, outputs = self.shape[1], self.integer(1, 5)
        self.shape = (self.shape[0], outputs)
        return {"kernel": self.numbers(outputs, inputs, scale=inputs**-0.5)} | self.bias(outputs)

    def bias(self, channels: int) -> dict:
        return self.one_of({}, {"bias": self.numbers(channels)})

    def channels(self) -> tuple[int, int, int]:
        """Channels in, out, and groups; a bare kernel (O = C = 1) as long as there is no channel axis, sometimes."""
        if self.bare and self.one_of(True, False):
            return 1, 0, 1
        inside = self.shape[1]
        groups = self.one_of(*(g for g in (1, 2, 3) if inside % g == 0))
        return inside, groups * self.integer(1, 2), groups

    def conv(self) -> dict:
        inside, out, groups = self.channels()
        stride, dilation = self.integer(1, 2), self.integer(1, 2)
        mode = self.one_of("zeros", "reflect", "replicate", "circular")
        padding = self.integer(0, min(min(self.shape[2:]) - 1, 2))
        room = min(self.shape[2:]) + 2 * padding
        size = self.integer(1, min(3, (room - 1) // dilation + 1))
        self.shape = (
            *self.shape[:2],
            *((n + 2 * padding - dilation * (size - 1) - 1) // stride + 1 for n in self.shape[2:]),
        )
        settings = {"stride": stride, "dilation": dilation, "padding": padding, "padding_mode": mode, "groups": groups}
        return settings | self.one_of({}, {"mode": "convolution"}) | self.kernel(inside // groups, out, size, out)

    def conv_transpose(self) -> dict:
        inside, out, groups = self.channels()
        size, stride, dilation = self.integer(1, 2), self.integer(1, 2), self.integer(1, 2)
        more = self.integer(0, max(stride, dilation) - 1)
        lengths = [(n - 1) * stride + dilation * (size - 1) + 1 + more for n in self.shape[2:]]
        self.shape = (*self.shape[:2], *lengths)
        settings = {"stride": stride, "dilation": dilation, "groups": groups, "output_padding": more}
        return settings | self.kernel(out // groups, inside, size, out)

    def kernel(self, second: int, first: int, size: int, out: int) -> dict:
        """A kernel of shape (first, second, *K), or bare where `out` is 0; its bias; and the channels that come out."""
        if out == 0:
            return {"kernel": self.numbers(*(size,) * self.dims, scale=size ** (-self.dims / 2))} | self.bias(1)
        self.shape, self.bare = (self.shape[0], out, *self.shape[2:]), False
        shape = (first, second, *(size,) * self.dims)
        return {"kernel": self.numbers(*shape, scale=(second * size**self.dims) ** -0.5)} | self.bias(out)

    def pool(self, padded: bool = True, dilated: bool = False) -> dict:
        size = self.integer(1, min(3, min(self.shape[2:])))
        stride, padding = self.integer(1, 3), self.integer(0, size // 2) if padded else 0
        ceil = self.one_of(False, True) and padded
        lengths = []
        for n in self.shape[2:]:
            room = n + 2 * padding - size
            count = (-(-room // stride) if ceil else room // stride) + 1
            lengths.append(count - (ceil and (count - 1) * stride >= n + padding))
        self.shape = (*self.shape[:2], *lengths)
        settings = {"window": size, "stride": stride, "padding": padding}
        return settings | ({"ceil_mode": ceil} if padded else {})

    def max_pool(self) -> dict:
        return self.pool()

    def average_pool(self) -> dict:
        return self.pool() | {"count_include_pad": self.one_of(True, False)}

    def lp_pool(self) -> dict:
        return self.pool(padded=False) | {"norm": self.one_of(1, 2, 3)}

    def adaptive_max_pool(self) -> dict:
        size = self.integer(1, min(3, min(self.shape[2:])))
        self.shape = (*self.shape[:2], *(size,) * self.dims)
        return {"output_size": size}

    adaptive_average_pool = adaptive_max_pool

    # -- The end -------------------------------------------------------------------------------------------------------

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The output's shape, in the rank that it comes in."""
        return self.shape[2:] if self.bare else self.shape if self.rank == 2 else self.shape[1:]

    def ending(self) -> dict:
        kind = self.one_of("delta", "ones", "mse", "classes", "probabilities")
        if self.kinds is not None and kind in ("classes", "probabilities"):
            kind = "mse"
        if kind in ("delta", "ones"):
            return {"delta": "ones" if kind == "ones" else self.numbers(*self.output_shape)}
        loss = {"op": "mse" if kind == "mse" else "cross-entropy", **self.one_of({}, {"reduction": "mean"})}
        return {"loss": loss | {"target": self.target(kind)}}

    def target(self, kind: str):
        if kind == "mse":
            return self.numbers(*self.output_shape)
        if kind == "probabilities":
            return np.round(self.random.random(self.output_shape), self.places).tolist()
        if self.bare:
            return self.integer(0, math.prod(self.shape) - 1)
        classes = self.random.integers(0, self.shape[1], (self.shape[0], *self.shape[2:]))
        return (classes if self.rank == 2 else classes[0]).tolist()


def random_document(random: np.random.Generator, **choices) -> dict:
    """A valid network document of up to eight layers."""
    return Drawing(random, **choices).document()
