"""Operands read wrongly: in which order, from which address, with which lengths; families of computations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, combinations, product
from math import prod
from typing import Any

import numpy as np

from convgrad.catalogue import memory
from convgrad.catalogue.computation import added
from convgrad.catalogue.convolving import Convolution, columns
from convgrad.catalogue.miscounted import EXCHANGED, ROW_FOR_COLUMN, is_even, positions_counted, taps_counted
from convgrad.catalogue.mistake import Variants
from convgrad.catalogue.pooling import given_to_taps
from convgrad.core.arithmetic import Array
from convgrad.core.draws import distinct
from convgrad.core.window import Window
from convgrad.vocabulary import MAXIMUM, MEAN, UNPOOLING

Named = Iterator[tuple[str, Array]]
"""Arrays in an operand's place, each with what it is."""

READ = {"dW": ("x", "delta"), "dX": ("w", "delta"), "db": ("delta",), "output": ("x", "w")}
"""The operands that an array of a convolution is made from."""
SAMPLED = ("x", "delta")
"""The operands that have samples."""


def operands(c: Any) -> tuple[str, ...]:
    """The operands that an array is made from; of a max pool's gradient, x says which cells win."""
    if isinstance(c, Convolution):
        return READ[c.array]
    return ("x",) if c.array == "output" else ("delta",) if c.family in (MEAN, UNPOOLING) else ("delta", "x")


def read_as(c: Any, name: str, array: Array) -> Any:
    """The computation with another array in an operand's place."""
    if name == "x" and not isinstance(c, Convolution) and c.family == MAXIMUM and c.array == "dX":
        return c.but(scores=array)
    return c.but(**{name: array})


def altered(c: Any, changes: Callable[[Any, str], Named], names: tuple[str, ...] | None = None) -> Variants:
    """Every operand that is read, changed in every way; what comes out as it was, or as before, is left out."""
    variants: dict[str, Any] = {}
    for name in operands(c) if names is None else names:
        right = getattr(c, name)
        seen = {right.tobytes()}
        for label, array in changes(c, name):
            key = array.tobytes()
            if key not in seen and array.shape == right.shape:
                seen.add(key)
                variants[f"{name}: {label}"] = read_as(c, name, array)
    return variants


# -- Memory ------------------------------------------------------------------------------------------------------------


def reshaped(c: Any) -> Variants:
    """An operand, the columns, their indices or the result, read in another order than it lies in memory."""
    found = dict(altered(c, _misread))
    found |= positions_counted(c, lambda names: names not in ROW_FOR_COLUMN and names != EXCHANGED)
    found |= taps_counted(c)
    if isinstance(c, Convolution) and c.array != "db":
        found |= {f"columns: {name}": c.but(regroup=move) for name, move in _column_orders(c.dims)}
    if c.array != "db":
        found |= {f"result: {name}": c.then(move) for name, move in _result_orders(c)}
    return found


def _misread(c: Any, name: str) -> Named:
    array, leading = getattr(c, name), _leading(c, name)
    for stored, read in memory.misreadings(c.dims):
        text = f"{memory.order_text(stored, leading)} read as {memory.order_text(read, leading)}"
        yield text, memory.reread(array, stored, read)
        if name == "w" and getattr(c, "groups", 1) > 1:
            parts = np.split(array, c.groups)
            yield f"{text}, in each group", np.concatenate([memory.reread(part, stored, read) for part in parts])


def _leading(c: Any, name: str) -> str:
    return ("IO" if getattr(c, "transposed", False) else "OI") if name in ("w", "dW") else "NC"


def _result_orders(c: Any) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    plain, leading = memory.orders(c.dims)[0], _leading(c, c.array)
    for stored, read in memory.misreadings(c.dims):
        if read != plain:
            text = f"{memory.order_text(stored, leading)} read as {memory.order_text(read, leading)}"
            yield text, partial(memory.reread, stored=stored, read=read)


BLOCKS = ("nckp", "npck", "ckpn", "cknp", "npkc", "pnck", "nkcp", "ncpk")
"""Orders in which columns lie in memory: samples, channels, taps, positions."""


def _column_orders(dims: int) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    for stored, read in product(BLOCKS, BLOCKS):
        if stored != read:
            orders = [_block_order(order, dims) for order in (stored, read)]
            yield f"{stored} read as {read}", partial(memory.reread, stored=orders[0], read=orders[1])


def _block_order(blocks: str, dims: int) -> memory.Order:
    axes = {"n": (0,), "c": (1,), "k": tuple(range(2, 2 + dims)), "p": tuple(range(2 + dims, 2 + 2 * dims))}
    return tuple(chain.from_iterable(axes[block] for block in blocks))


def offset(c: Any) -> Variants:
    """An operand read some numbers off, or with another length in its address; a result written so."""
    found = dict(altered(c, _off))
    shape = {"dX": lambda: c.x.shape, "dW": lambda: c.w.shape}.get(c.array, tuple)()
    for name, places in _places(c, shape) if shape else ():
        found[f"{c.array}: {name}"] = c.then(partial(memory.laid, places=places))
        if len(distinct(places)) < places.size:
            found[f"{c.array}: {name}, the last kept"] = c.then(partial(memory.laid, places=places, kept=True))
    return found


def _off(c: Any, name: str) -> Named:
    array = getattr(c, name)
    for label, places in _places(c, array.shape):
        yield label, memory.gathered(array, places)


def _places(c: Any, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    steps = memory.steps_of(shape)
    for count in dict.fromkeys((1, 2, *steps)) if c.array != "db" else ():  # db is a sum, wherever its numbers stand
        for offset in (count, -count):
            places = memory.addresses(shape, steps, offset)
            yield f"{offset:+d}", places
            round_ = (memory.addresses(shape, steps) + offset) % prod(shape)
            yield f"{offset:+d}, round", np.where(places < 0, round_, places)
    yield from memory.subtracted(shape)
    yield from memory.divided(shape)
    if len(shape) == 4:
        yield from _decoded(shape)
    for label, wrong in memory.wrong_steps(shape, _lengths(c)):
        yield label, memory.addresses(shape, wrong)


def _decoded(shape: tuple[int, ...]) -> Named:
    """The number of a cell in its plane taken apart by the height in place of the width."""
    planes, (height, width) = np.arange(prod(shape[:2])).reshape(*shape[:2], 1, 1) * prod(shape[2:]), shape[2:]
    numbers = np.arange(height * width).reshape(height, width)
    cells = numbers // height * width + numbers % height
    if cells.size and cells.max() < height * width:
        yield "number taken apart by the height", planes + cells


def _lengths(c: Any) -> list[int]:
    """The lengths of a case, which may be taken for each other."""
    arrays = [c.x, c.delta, *([c.w] if isinstance(c, Convolution) else [])]
    padded = [n + sum(pair) for n, pair in zip(c.lengths, c.pads, strict=True)] if c.pads else []
    return list(dict.fromkeys(chain(*(array.shape for array in arrays), padded)))


# -- Height and width --------------------------------------------------------------------------------------------------


def delta_exchanged(c: Any) -> Variants:
    """The spatial axes of delta or x exchanged, or the positions that delta's numbers are taken for, or all lengths."""
    found = dict(altered(c, _exchanged, tuple(name for name in ("delta", "x") if name in operands(c))))
    positions = list(positions_counted(c, lambda names: names == EXCHANGED).values())
    return found | dict(zip(["positions"], positions, strict=False)) | _lengths_exchanged(c)


def _exchanged(c: Any, name: str) -> Named:
    for a, b in combinations(range(c.dims), 2):
        swapped = np.swapaxes(getattr(c, name), a + 2, b + 2)
        yield f"axes {a} and {b}", swapped
        yield f"axes {a} and {b}, read in their old lengths", swapped.reshape(getattr(c, name).shape)


def _lengths_exchanged(c: Any) -> dict[str, Any]:
    """Height and width exchanged when shapes are unpacked."""
    if c.dims != 2 or c.array not in ("dX", "dW") or getattr(c, "padding_mode", "zeros") != "zeros" or not is_even(c):
        return {}
    return _windows_exchanged(c) | _arrays_exchanged(c)


def _windows_exchanged(c: Any) -> dict[str, Any]:
    """Height and width of the window, or of the kernel, exchanged, or one taken for both."""
    sizes = [axis.size for axis in c.axes]
    ways = {"the window's lengths": sizes[::-1], "the window's first length for both": sizes[:1] * 2,
            "the window's second length for both": sizes[1:] * 2}  # fmt: skip
    found = {}
    for name, other in ways.items() if sizes[0] != sizes[1] else ():
        axes = tuple(replace(axis, size=size) for axis, size in zip(c.axes, other, strict=True))
        if not isinstance(c, Convolution):
            found[name] = c.but(axes=axes)
        elif other == sizes[::-1] and c.array == "dW":
            found[name] = c.but(axes=axes).then(partial(_in_shape, shape=c.w.shape))
        elif other == sizes[::-1]:
            found[name] = c.but(axes=axes, w=c.w.reshape(*c.w.shape[:2], *other))
    return found


def _arrays_exchanged(c: Any) -> dict[str, Any]:
    """Height and width of x, delta and dX exchanged: what lies in memory is read with each other's lengths."""
    x, delta = (array.reshape(*array.shape[:2], *array.shape[:1:-1]) for array in (c.x, c.delta))
    other = c.but(x=x, delta=delta, lengths=c.lengths[::-1])
    if c.array == "dW":
        return {"the lengths of all arrays": other}
    found = {"the lengths of all arrays": other.then(partial(_in_shape, shape=c.x.shape))}
    if not getattr(c, "transposed", False):
        found["the lengths of dX and delta"] = c.but(arrange=(lambda _: _laid_exchanged(c),))
    return found


def _in_shape(array: Array, shape: tuple[int, ...]) -> Array:
    return array.reshape(shape)


def _laid_exchanged(c: Any) -> Array:
    """What every window gives, laid on an input, and counted over positions, with height and width exchanged."""
    is_pool = not isinstance(c, Convolution)
    given = given_to_taps(c, c.window()) if is_pool else columns(c.delta, c.as_laid(c.w), c.groups)
    counts, lengths = given.shape[:3:-1], c.lengths[::-1]
    window = Window(tuple(axis.fitted(*pair) for axis, *pair in zip(c.axes, lengths, counts, strict=True)))
    return added(given.reshape(*given.shape[:4], *counts), window, lengths).reshape(c.x.shape)
