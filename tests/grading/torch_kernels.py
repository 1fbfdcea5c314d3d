"""PyTorch's own backward passes as functions for grade, run in a process of their own."""

import torch

# oneDNN's forward convolution in bfloat16 is wrong on some processors where the strides of two axes differ: PyTorch
# 2.13.0 on an AVX-512 machine gives the output of exchanged strides for conv2d/core-3, which grade found
torch._C._set_mkldnn_enabled(False)
torch.set_num_threads(1)


def pairs(value, dims):
    """(before, after) of every axis."""
    rows = value if isinstance(value, tuple) else (value,) * dims
    return [row if isinstance(row, tuple) else (row, row) for row in rows]


def padded(x, padding, dims, mode="zeros"):
    sides = [side for pair in reversed(pairs(padding, dims)) for side in pair]
    if not any(sides):
        return x
    if mode == "zeros":
        return torch.nn.functional.pad(x, sides)
    return torch.nn.functional.pad(x, sides, mode=mode)


def gradients(y, delta, **operands):
    found = torch.autograd.grad(y, list(operands.values()), delta)
    return dict(zip(operands, found, strict=True)) | {"output": y.detach()}


def conv(delta, x, w, b, stride, padding, dilation, groups, padding_mode):
    dims = x.dim() - 2
    x, w, b = (one.clone().requires_grad_() for one in (x, w, b))
    function = getattr(torch.nn.functional, f"conv{dims}d")
    y = function(padded(x, padding, dims, padding_mode), w, b, stride, 0, dilation, groups)
    return gradients(y, delta, dX=x, dW=w, db=b)


def conv_transpose(delta, x, w, b, stride, padding, dilation, groups, output_padding):
    dims = x.dim() - 2
    x, w, b = (one.clone().requires_grad_() for one in (x, w, b))
    function = getattr(torch.nn.functional, f"conv_transpose{dims}d")
    y = function(x, w, None, stride, 0, 0, groups, dilation)
    more = output_padding if isinstance(output_padding, tuple) else (output_padding,) * dims
    for axis, ((before, after), extra) in enumerate(zip(pairs(padding, dims), more, strict=True), 2):
        short = max(extra - after, 0)
        y = torch.cat([y, y.new_zeros([*y.shape[:axis], short, *y.shape[axis + 1 :]])], axis)
        y = y.narrow(axis, before, delta.shape[axis])
    y = y + b.reshape(1, -1, *[1] * dims)
    return gradients(y, delta, dX=x, dW=w, db=b)


def max_pool(delta, x, window, stride, padding, dilation, ceil_mode, ties):
    """Of cut windows and padding apart by hand: what is past the input is less than any number."""
    if ties != "first":
        raise NotImplementedError(f"ties {ties}")
    dims = x.dim() - 2
    x = x.clone().requires_grad_()
    sides = pairs(padding, dims)
    steps = stride if isinstance(stride, tuple) else (stride,) * dims
    sizes = window if isinstance(window, tuple) else (window,) * dims
    wide = dilation if isinstance(dilation, tuple) else (dilation,) * dims
    rows = zip(delta.shape[2:], steps, sizes, wide, x.shape[2:], sides, strict=True)
    after = [(p - 1) * s + d * (k - 1) + 1 - length - before for p, s, k, d, length, (before, _) in rows]
    both = [(before, last) for (before, _), last in zip(sides, after, strict=True)]
    flat = [side for pair in reversed(both) for side in pair]
    filled = torch.nn.functional.pad(x, flat, value=-float("inf"))
    y = getattr(torch.nn.functional, f"max_pool{dims}d")(filled, sizes, steps, 0, wide)
    return gradients(y, delta, dX=x)


def adaptive_average(delta, x, output_size):
    dims = x.dim() - 2
    x = x.clone().requires_grad_()
    y = getattr(torch.nn.functional, f"adaptive_avg_pool{dims}d")(x, output_size)
    return gradients(y, delta, dX=x)


def average_pool(delta, x, window, stride, padding, dilation, ceil_mode, count_include_pad, divisor=None):
    """What its layer can do: no dilation, padding alike on both sides, a divisor in two axes and more."""
    dims, sides = x.dim() - 2, pairs(padding, x.dim() - 2)
    sizes = window if isinstance(window, tuple) else (window,) * dims
    if dilation != 1 or any(before != after or 2 * before > k for (before, after), k in zip(sides, sizes, strict=True)):
        raise NotImplementedError("dilation, or padding on one side")
    if divisor is not None and dims == 1:
        raise NotImplementedError("a divisor")
    if dims == 3 and any(length < size for length, size in zip(x.shape[2:], sizes, strict=True)):
        raise NotImplementedError("a window larger than the input, whatever the padding")
    x = x.clone().requires_grad_()
    given = () if dims == 1 else (divisor,)
    function = getattr(torch.nn.functional, f"avg_pool{dims}d")
    y = function(x, sizes, stride, [before for before, _ in sides], ceil_mode, count_include_pad, *given)
    return gradients(y, delta, dX=x)


def adaptive_max(delta, x, output_size, ties):
    if ties != "first":
        raise NotImplementedError(f"ties {ties}")
    x = x.clone().requires_grad_()
    y = getattr(torch.nn.functional, f"adaptive_max_pool{x.dim() - 2}d")(x, output_size)
    return gradients(y, delta, dX=x)


def max_unpool(delta, x, indices, output_size):
    """The kernel of two axes, which of one is asked for rows of height 1."""
    x = x.clone().requires_grad_()
    sizes = delta.shape[2:]
    flat = [1, sizes[0]] if x.dim() == 3 else list(sizes)
    rows, cells = (one.unsqueeze(2) if x.dim() == 3 else one for one in (x, indices))
    y = torch.ops.aten.max_unpool2d(rows, cells, flat).reshape(delta.shape)
    return gradients(y, delta, dX=x)


FUNCTIONS = {
    "relu": torch.relu, "leaky-relu": torch.nn.functional.leaky_relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
    "softplus": torch.nn.functional.softplus,
}  # fmt: skip


def network(delta, x, w, b, stride, padding, dilation, groups, padding_mode, activation, slope=None):
    """A convolution, bias and activation, as autograd has them."""
    dims = x.dim() - 2
    x, w, b = (one.clone().requires_grad_() for one in (x, w, b))
    function = getattr(torch.nn.functional, f"conv{dims}d")
    z = function(padded(x, padding, dims, padding_mode), w, b, stride, 0, dilation, groups)
    y = FUNCTIONS[activation](z, *(() if slope is None else (slope,)))
    return gradients(y, delta, dX=x, dW=w, db=b)


def lp_pool(delta, x, window, stride, padding, dilation, ceil_mode, norm):
    """Sums of |x|^p over windows, by a convolution with ones; 0 where a window has nothing else."""
    dims = x.dim() - 2
    x = x.clone().requires_grad_()
    rows = zip(delta.shape[2:], *(pairs_of(value, dims) for value in (stride, window, dilation)), x.shape[2:],
               pairs(padding, dims), strict=True)  # fmt: skip
    both = [(before, (p - 1) * s + d * (k - 1) + 1 - length - before) for p, s, k, d, length, (before, _) in rows]
    filled = torch.nn.functional.pad(x, [side for pair in reversed(both) for side in pair])
    ones = torch.ones((x.shape[1], 1, *pairs_of(window, dims)), dtype=x.dtype)
    function = getattr(torch.nn.functional, f"conv{dims}d")
    total = function(filled.abs() ** norm, ones, None, pairs_of(stride, dims), 0, pairs_of(dilation, dims), x.shape[1])
    y = torch.where(total > 0, torch.where(total > 0, total, torch.ones_like(total)) ** (1 / norm), total)
    return gradients(y, delta, dX=x)


def pairs_of(value, dims):
    """One number an axis."""
    return tuple(value) if isinstance(value, tuple) else (value,) * dims
