"""Every operation and its gradients as plain loops, from what the numbers mean and nothing else: the reference.

Nothing here is shared with convgrad and nothing is clever, so that it can be checked by reading. A case is the mapping
that convgrad takes, with `dims` always said. `number` is the kind to compute in: Fraction (exact) or float.

Convolutions are sums of terms w[..] x[..], so the definition is the list of terms: the forward pass adds each up into
its y, the backward pass hands each delta to the two factors. Pools are definitions of one window each.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np

# -- The case: arrays lifted to (N, C, *L), settings to one number an axis ---------------------------------------------


def forward(case, number=Fraction):
    """y, in the rank that the operands give it."""
    return lowered(case, _forward(case, number))


def backward(case, number=Fraction):
    """dX and, for a convolution, dW and db; each in the shape its operand came in."""
    if "kernel" not in case:
        made = (_unpool_backward if "indices" in case else _pool_backward)(case, number)
        return {"dX": made.reshape(np.shape(case["input"]))}
    dx, dw, db = _conv_backward(case, number)
    return {
        "dX": dx.reshape(np.shape(case["input"])),
        "dW": dw.reshape(np.shape(case["kernel"])),
        "db": db.reshape(bias_shape(case)),
    }


def _forward(case, number):
    if "indices" in case:
        return _unpool_forward(case, number)
    return _conv_forward(case, number) if "kernel" in case else _pool_forward(case, number)


def array(values, number=Fraction):
    """Any nesting of numbers as an array of Python objects of one kind."""
    given = np.array(values, dtype=object)
    result = np.empty(given.shape, dtype=object)
    for index in np.ndindex(given.shape):
        result[index] = number(given[index])
    return result


def zeros(shape, number=Fraction):
    return np.full(shape, number(0), dtype=object)


def full_shape(case, key):
    """An operand's shape with both of its leading axes, one long where it has none."""
    return (1, 1, *np.shape(case[key]))[-case["dims"] - 2 :]


def lifted_input(case, number=Fraction):
    """x as (N, C, *L)."""
    return array(case["input"], number).reshape(full_shape(case, "input"))


def lifted_kernel(case, number=Fraction):
    """w with its two channel axes."""
    return array(case["kernel"], number).reshape(full_shape(case, "kernel"))


def lifted_bias(case, number=Fraction):
    return zeros(out_channels(case), number) if case.get("bias") is None else array(case["bias"], number).reshape(-1)


def lifted_delta(case, number=Fraction):
    """delta as (N, O, *P)."""
    shape = output_shape(case)
    return array(np.ones(shape, dtype=int) if isinstance(case["delta"], str) else case["delta"], number).reshape(shape)


def lowered(case, y):
    """y (N, O, *P) without the axes that the operands do not have."""
    missing = case["dims"] + 2 - np.ndim(case["input"])
    if missing == 2 and "kernel" in case and np.ndim(case["kernel"]) > case["dims"]:
        missing = 1
    return y.reshape(y.shape[missing:])


def bias_shape(case):
    if case.get("bias") is not None:
        return np.shape(case["bias"])
    return () if np.ndim(case["kernel"]) == case["dims"] else (out_channels(case),)


def out_channels(case):
    if "kernel" not in case:
        return full_shape(case, "input")[1]
    shape = full_shape(case, "kernel")
    return shape[1] * case.get("groups", 1) if case["op"] == "conv-transpose" else shape[0]


def output_shape(case):
    shape = full_shape(case, "input")
    return (shape[0], out_channels(case), *output_lengths(case))


def per_axis(case, key, default):
    """A setting as one number an axis."""
    value = case.get(key, default)
    return [value] * case["dims"] if np.ndim(value) == 0 else list(value)


def lengths(case):
    return list(np.shape(case["input"])[-case["dims"] :])


def window(case):
    return list(np.shape(case["kernel"])[-case["dims"] :]) if "kernel" in case else per_axis(case, "window", None)


def strides(case):
    return per_axis(case, "stride", 1 if "kernel" in case else case.get("window"))


def extents(case):
    """From the first tap to the last: K = d(k-1)+1."""
    return [d * (k - 1) + 1 for k, d in zip(window(case), per_axis(case, "dilation", 1), strict=True)]


def paddings(case):
    """(before, after) of every axis."""
    padding = case.get("padding", 0)
    if isinstance(padding, str):
        return [named_padding(padding, *axis) for axis in zip(lengths(case), extents(case), strides(case), strict=True)]
    return [(p, p) if np.ndim(p) == 0 else tuple(p) for p in per_axis(case, "padding", 0)]


def named_padding(name, length, extent, stride):
    """The padding that a word stands for, on one axis."""
    if name == "valid":
        return 0, 0
    if name == "full":
        return extent - 1, extent - 1
    if name == "causal":
        return extent - 1, 0
    total = max((math.ceil(Fraction(length, stride)) - 1) * stride + extent - length, 0)
    less, more = total // 2, total - total // 2
    return {"same": (less, more), "same-lower": (more, less)}[name]


def output_length(length, extent, stride, before, after, ceil_mode=False):
    """How many positions a window has on one axis."""
    room = Fraction(length + before + after - extent, stride)
    if not ceil_mode:
        return math.floor(room) + 1
    count = math.ceil(room) + 1
    return count - 1 if (count - 1) * stride >= length + before else count


def output_lengths(case):
    if "output_size" in case:
        return per_axis(case, "output_size", None)
    geometry = list(zip(lengths(case), extents(case), strides(case), paddings(case), strict=True))
    if case["op"] == "conv-transpose":
        return [
            (i - 1) * s - before - after + extent + more
            for (i, extent, s, (before, after)), more in zip(geometry, per_axis(case, "output_padding", 0), strict=True)
        ]
    return [output_length(i, extent, s, *sides, case.get("ceil_mode", False)) for i, extent, s, sides in geometry]


# -- Convolution -------------------------------------------------------------------------------------------------------


def copied(cell, length, mode):
    """The cell of the input that a cell of the padded input is a copy of, on one axis; None for a zero."""
    if 0 <= cell < length:
        return cell
    if mode == "reflect":
        return -cell if cell < 0 else 2 * (length - 1) - cell
    if mode == "replicate":
        return 0 if cell < 0 else length - 1
    if mode == "circular":
        return cell + length if cell < 0 else cell - length
    return None


def conv_terms(case):
    """Every term of every output: the indices (in y, in w, in x) of y[n,o,p] += w[o,c,t] x[n,c',p s + t d - lo]."""
    out, inside = output_shape(case), full_shape(case, "kernel")[1]
    per_group = out[1] // case.get("groups", 1)
    for n, o, *p in np.ndindex(out):
        for c in range(inside):
            channel = o // per_group * inside + c
            for t in np.ndindex(*window(case)):
                cells = conv_cells(case, p, t)
                if None not in cells:
                    yield (n, o, *p), (o, c, *kernel_tap(case, t)), (n, channel, *cells)


def conv_cells(case, position, tap):
    """Per axis the cell of the input that a tap of the window at a position reads; None in zero padding."""
    mode = case.get("padding_mode", "zeros")
    return [
        copied(p * s + t * d - before, i, mode)
        for p, t, i, s, d, (before, _) in zip(
            position, tap, lengths(case), strides(case), per_axis(case, "dilation", 1), paddings(case), strict=True
        )
    ]


def kernel_tap(case, tap):
    """The kernel's entry at a tap: itself, or in a true convolution the mirrored one."""
    if case.get("mode", "cross-correlation") == "cross-correlation":
        return tap
    return tuple(k - 1 - t for k, t in zip(window(case), tap, strict=True))


def conv_transpose_terms(case):
    """The indices (in y, in w, in x) of y[n,o,q s + t d - lo] += w[c,o',t] x[n,c,q]: every cell stamps the kernel."""
    out, kernel = output_shape(case), full_shape(case, "kernel")
    per_group = kernel[0] // case.get("groups", 1)
    for n, c, *q in np.ndindex(full_shape(case, "input")):
        for o in range(kernel[1]):
            channel = c // per_group * kernel[1] + o
            for t in np.ndindex(*window(case)):
                cells = stamped_cells(case, q, t)
                if all(0 <= cell < length for cell, length in zip(cells, out[2:], strict=True)):
                    yield (n, channel, *cells), (c, o, *kernel_tap(case, t)), (n, c, *q)


def stamped_cells(case, cell, tap):
    return [
        q * s + t * d - before
        for q, t, s, d, (before, _) in zip(
            cell, tap, strides(case), per_axis(case, "dilation", 1), paddings(case), strict=True
        )
    ]


TERMS = {"conv": conv_terms, "conv-transpose": conv_transpose_terms}


def _conv_forward(case, number):
    x, w, b = lifted_input(case, number), lifted_kernel(case, number), lifted_bias(case, number)
    y = zeros(output_shape(case), number)
    for n, o, *p in np.ndindex(y.shape):
        y[(n, o, *p)] = b[o]
    for in_y, in_w, in_x in TERMS[case["op"]](case):
        y[in_y] += w[in_w] * x[in_x]
    return y


def _conv_backward(case, number):
    x, w, delta = lifted_input(case, number), lifted_kernel(case, number), lifted_delta(case, number)
    dx, dw, db = zeros(x.shape, number), zeros(w.shape, number), zeros(out_channels(case), number)
    for in_y, in_w, in_x in TERMS[case["op"]](case):
        dw[in_w] += delta[in_y] * x[in_x]
        dx[in_x] += delta[in_y] * w[in_w]
    for n, o, *p in np.ndindex(delta.shape):
        db[o] += delta[(n, o, *p)]
    return dx, dw, db


# -- Max unpooling -----------------------------------------------------------------------------------------------------


def unpool_cell(case, n, c, position):
    """The cell of the output that the number at a position goes to: cells are counted row by row in each plane."""
    number = np.reshape(case["indices"], full_shape(case, "input"))[(n, c, *position)]
    at = []
    for length in reversed(output_lengths(case)):
        number, place = divmod(int(number), length)
        at.append(place)
    return tuple(reversed(at))


def _unpool_forward(case, number):
    x, y = lifted_input(case, number), zeros(output_shape(case), number)
    for n, c, *p in np.ndindex(x.shape):
        y[(n, c, *unpool_cell(case, n, c, p))] = x[(n, c, *p)]
    return y


def _unpool_backward(case, number):
    x, delta = lifted_input(case, number), lifted_delta(case, number)
    dx = zeros(x.shape, number)
    for n, c, *p in np.ndindex(x.shape):
        dx[(n, c, *p)] = delta[(n, c, *unpool_cell(case, n, c, p))]
    return dx


# -- Pools -------------------------------------------------------------------------------------------------------------


def _pool_forward(case, number):
    x, y = lifted_input(case, number), zeros(output_shape(case), number)
    for n, c, *p in np.ndindex(y.shape):
        values = [x[(n, c, *cell)] for cell in pool_cells(case, p)]
        y[(n, c, *p)] = FORWARD[case["op"]](case, p, values)
    return y


def _pool_backward(case, number):
    x, delta = lifted_input(case, number), lifted_delta(case, number)
    dx = zeros(x.shape, number)
    for n, c, *p in np.ndindex(delta.shape):
        cells = pool_cells(case, p)
        slopes = SLOPES[case["op"]](case, p, [x[(n, c, *cell)] for cell in cells])
        for cell, slope in zip(cells, slopes, strict=True):
            dx[(n, c, *cell)] += delta[(n, c, *p)] * slope
    return dx


def pool_cells(case, position):
    """The cells of the input under the window at a position, in row-major order; padding left out."""
    if "output_size" in case:
        ranges = [
            range(math.floor(Fraction(o * i, n)), math.ceil(Fraction((o + 1) * i, n)))
            for o, i, n in zip(position, lengths(case), output_lengths(case), strict=True)
        ]
        return list(product(*ranges))
    under = (conv_cells(case, position, tap) for tap in np.ndindex(*window(case)))
    return [tuple(cells) for cells in under if None not in cells]


def max_forward(case, position, values):
    if not values:
        raise ValueError(f"the window at {position} meets padding only")
    missing = [value for value in values if value != value]
    return missing[-1] if missing else max(values)


def max_slopes(case, position, values):
    """1 for the cell that takes delta; among equal cells as the tie rule says; the last NaN where there is one."""
    best = max_forward(case, position, values)
    if best != best:
        tied, rule = [at for at, value in enumerate(values) if value != value], "last"
    else:
        tied, rule = [at for at, value in enumerate(values) if value == best], case.get("ties", "first")
    takers = {"first": tied[:1], "last": tied[-1:], "split": tied, "all": tied}[rule]
    share = Fraction(1, len(tied)) if rule == "split" else 1
    share = share if isinstance(best, Fraction) else float(share)
    return [share if at in takers else 0 for at in range(len(values))]


def winner(case, position, values):
    """The number in its plane, row by row, of the first cell that takes delta."""
    taker = [bool(slope) for slope in max_slopes(case, position, values)].index(True)
    return int(np.ravel_multi_index(pool_cells(case, position)[taker], lengths(case)))


def indices(case):
    """The winner of every window of a max pool, in the rank of the output."""
    x, found = lifted_input(case), np.zeros(output_shape(case), int)
    for n, c, *p in np.ndindex(found.shape):
        found[(n, c, *p)] = winner(case, p, [x[(n, c, *cell)] for cell in pool_cells(case, p)])
    return lowered(case, found)


def divisor(case, position, values):
    """What the sum under an average pool's window is divided by."""
    if case.get("divisor") is not None:
        return case["divisor"]
    if "output_size" in case or not case.get("count_include_pad", True):
        return len(values)
    starts = [p * s - before for p, s, (before, _) in zip(position, strides(case), paddings(case), strict=True)]
    return math.prod(
        sum(h + t * d < i + after for t in range(k))
        for h, k, d, i, (_, after) in zip(
            starts, window(case), per_axis(case, "dilation", 1), lengths(case), paddings(case), strict=True
        )
    )


def average_forward(case, position, values):
    return sum(values) / kind_of(values)(divisor(case, position, values))


def average_slopes(case, position, values):
    return [kind_of(values)(1) / divisor(case, position, values)] * len(values)


def lp_forward(case, position, values):
    p = Fraction(case.get("norm", 2))
    if case.get("signed", False):
        total = sum(power(value, p) for value in values)
        return kind_of(values)(total) if p == 1 else power(float(total), 1 / p)
    return kind_of(values)(sum(abs(value) ** p for value in values)) ** (1 / p)


def power(value, p):
    """What has no power among the real numbers is no number."""
    return value ** int(p) if p.denominator == 1 else math.nan if value < 0 else float(value) ** float(p)


def lp_slopes(case, position, values):
    p, y = Fraction(case.get("norm", 2)), lp_forward(case, position, values)
    if case.get("signed", False):
        return [signed_slope(value, y, p) for value in values]
    return [sign(value) * abs(value) ** (p - 1) * y ** (1 - p) if y and value else 0 for value in values]


def signed_slope(x, y, p):
    """x^(p-1) y^(1-p); 0 where y is, as PyTorch says."""
    if p == 1:
        return int(y != 0)
    return 0 if y == 0 else y if y != y else power(x, p - 1) * float(y) ** float(1 - p)


def sign(value):
    return (value > 0) - (value < 0)


def kind_of(values):
    """The kind of number: a window that lies in the padding alone holds none, and its sum is zero."""
    return type(values[0]) if values else Fraction


FORWARD = {
    "max-pool": max_forward,
    "adaptive-max-pool": max_forward,
    "average-pool": average_forward,
    "adaptive-average-pool": average_forward,
    "lp-pool": lp_forward,
}
SLOPES = {
    "max-pool": max_slopes,
    "adaptive-max-pool": max_slopes,
    "average-pool": average_slopes,
    "adaptive-average-pool": average_slopes,
    "lp-pool": lp_slopes,
}
