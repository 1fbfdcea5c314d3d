"""In which shapes the operands came, so that results go back in them."""

from __future__ import annotations

from dataclasses import dataclass

from convgrad.core.arithmetic import Array
from convgrad.operations.operation import Shape

GRADIENTS = {"dW": "w", "db": "b", "dX": "x"}
"""The gradients by their names in documents, and the operand that each is shaped as."""
OPERANDS = {**GRADIENTS, "output": "y"}
"""The same of all arrays that a result holds, and a claim may."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The spatial axes, and the shapes of input, kernel and bias as given."""

    dims: int
    input: Shape
    kernel: Shape | None
    bias: Shape | None

    @property
    def batch(self) -> bool:
        """Whether the input came with a batch axis."""
        return len(self.input) == self.dims + 2

    @property
    def channels_in(self) -> bool:
        """Whether the input came with a channel axis."""
        return len(self.input) > self.dims

    @property
    def channels_out(self) -> bool:
        """Whether the output has a channel axis: when the input or the kernel came with any."""
        return self.channels_in or self.kernel_channels

    @property
    def kernel_channels(self) -> bool:
        return self.kernel is not None and len(self.kernel) > self.dims

    def shape(self, name: str, full: Shape) -> Shape:
        """The shape in which x, w, b, y or delta, of this full shape, came, or would have."""
        if name in ("x", "w"):
            return self.input if name == "x" else self.kernel or ()
        return self.vector(full[0]) if name == "b" else self.output(full)

    def restored(self, name: str, array: Array) -> Array:
        """x, w, b, y or delta from its full shape to that in which it came, or would have."""
        return array.reshape(self.shape(name, array.shape))

    def vector(self, channels: int) -> Shape:
        """The shape of db: that of the bias, without one a number for a bare kernel, else (O,)."""
        if self.bias is not None:
            return self.bias
        return (channels,) if self.kernel_channels else ()

    def output(self, full: Shape) -> Shape:
        """(N,O,*P) without the axes that the output has not."""
        return full[2 - self.batch - self.channels_out :]
