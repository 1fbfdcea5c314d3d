"""Operands read wrongly: what of them is read, in which order, by which index; families of changed computations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, combinations, product
from math import prod
from typing import Any

import numpy as np

from convgrad.catalogue import memory
from convgrad.catalogue.computation import Convolution, added, columns, turn
from convgrad.catalogue.mistake import Variants, one
from convgrad.catalogue.pooling import given_to_taps
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.window import AdaptiveAxis, Window

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
    return ("x",) if c.array == "output" else ("delta",) if c.kind == "average" else ("delta", "x")


def read_as(c: Any, name: str, array: Array) -> Any:
    """The computation with another array in an operand's place."""
    if name == "x" and not isinstance(c, Convolution) and c.kind == "max" and c.array == "dX":
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


def _moves(c: Any, moves: Iterator[tuple[str, Callable[[Array], Array]]]) -> Variants:
    return {name: c.then(move) for name, move in moves}


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


def _leading(c: Any, name: str) -> str:
    return ("IO" if getattr(c, "transposed", False) else "OI") if name in ("w", "dW") else "NC"


def _result_orders(c: Any) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    plain, leading = memory.orders(c.dims)[0], _leading(c, c.array)
    for stored, read in memory.misreadings(c.dims):
        if read != plain:
            text = f"{memory.order_text(stored, leading)} read as {memory.order_text(read, leading)}"
            yield text, partial(memory.reread, stored=stored, read=read)


BLOCKS = ("nckp", "npck", "ckpn", "cknp", "npkc", "pnck", "nkcp")
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
    if c.array == "dX":
        shape = c.x.shape
        found |= {f"dX: {name}": c.then(partial(memory.laid, places=places)) for name, places in _places(c, shape)}
    if c.array == "dW":
        found |= {f"dW: {name}": c.then(partial(memory.laid, places=places)) for name, places in _places(c, c.w.shape)}
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


# -- Indices -----------------------------------------------------------------------------------------------------------


def indexed(c: Any) -> Variants:
    """An operand of another sample, channel or position."""
    found = dict(altered(c, _indexed))
    if isinstance(c, Convolution):
        found |= _by_other_index(c)
    return found


def _indexed(c: Any, name: str) -> Named:
    array = getattr(c, name)
    kinds = ("sample", "channel") if name in SAMPLED else ("filter", "channel")
    for axis, kind in enumerate(kinds):
        yield from _along(array, axis, kind)
    if name == "delta":
        yield from _positions(array, c.array != "db")
        yield from _looked_up(array)
        yield from _by_group(c, array)


def _by_group(c: Any, delta: Array) -> Named:
    """Delta of a group's number, or of a number within the group, in place of the filter's."""
    count, groups = delta.shape[1], getattr(c, "groups", 1)
    if groups > 1:
        numbers = np.arange(count)
        ways = {"o//M": numbers // (count // groups), "o%M": numbers % (count // groups), "o%G": numbers % groups}
        for name, channels in ways.items():
            yield f"of channel {name}", delta[:, channels]


def _along(array: Array, axis: int, kind: str) -> Named:
    count = array.shape[axis]
    for index in dict.fromkeys((0, count - 1)):
        yield f"{kind} {index} for all", np.take(array, [index] * count, axis)
    for step, text in ((1, "before"), (-1, "after")):
        if count > 2:  # of two, this is their exchange, or one of them alone
            yield f"of the {kind} {text}", np.roll(array, step, axis)
            yield f"of the {kind} {text}, 0 at the end", _shifted(array, step, axis)


def _positions(delta: Array, placed: bool) -> Named:
    """Delta of another position; where positions do not count, as in db, only of one for all."""
    flat = delta.reshape(*delta.shape[:2], -1)
    for index in (0, -1):
        yield f"the {'last' if index else 'first'} position for all", _wide(flat[..., [index]], delta.shape)
    for step, text in ((1, "before"), (-1, "after")) if placed else ():
        for label, moved in ((", round", np.roll(flat, step, 2)), ("", _shifted(flat, step, 2))):
            yield f"of the position {text}{label}", moved.reshape(delta.shape)
        for axis in range(2, delta.ndim):
            yield f"of the position {text} on axis {axis - 2}, round", np.roll(delta, step, axis)
            yield f"of the position {text} on axis {axis - 2}", _shifted(delta, step, axis)
            yield f"of the position {text} on axis {axis - 2}, twice at the end", _edged(delta, step, axis)


def _looked_up(delta: Array) -> Named:
    """Delta of the row and column that a number gives when it is counted otherwise (two axes)."""
    for names, rows, cols in _places_of(delta.shape[2:]) if delta.ndim == 4 and delta.size else ():
        if rows.max() < delta.shape[2] and cols.max() < delta.shape[3]:
            yield f"at row {names[0]}, column {names[1]}", delta[:, :, rows, cols].reshape(delta.shape)


def _wide(one: Array, shape: tuple[int, ...]) -> Array:
    return np.array(np.broadcast_to(one.reshape(*one.shape[:2], *(1,) * (len(shape) - 2)), shape))


def _shifted(array: Array, step: int, axis: int) -> Array:
    result = np.roll(array, step, axis)
    result[(slice(None),) * axis + (slice(step) if step > 0 else slice(step, None),)] = zeros((), array.dtype)
    return result


def _edged(array: Array, step: int, axis: int) -> Array:
    numbers = np.clip(np.arange(array.shape[axis]) - step, 0, array.shape[axis] - 1)
    return np.asarray(np.take(array, numbers, axis))


def _by_other_index(c: Convolution) -> Variants:
    """A filter by the sample's number, delta by the input channel's."""
    found: dict[str, Any] = {}
    samples, filters = c.delta.shape[:2]
    if not c.transposed and samples <= filters and c.groups == 1:
        by_sample = zeros(c.delta.shape, c.delta.dtype)
        for n in range(samples):
            by_sample[n, n] = c.delta[n].sum(axis=0)
        found["filter by the sample's number"] = c.but(delta=by_sample)
    if c.array == "dX" and not c.transposed and c.groups == 1 and c.w.shape[1] == filters:
        found["delta by the input channel"] = c.but(groups=filters, w=c.w.sum(axis=0)[:, None])
    if c.array == "dW" and not c.transposed and c.groups == 1 and c.w.shape[1] <= filters:
        found["delta by the input channel"] = c.then(_diagonal_rows)
    if c.array == "dW" and not c.transposed and c.groups == 1 and filters <= c.w.shape[1]:
        found["x by the filter"] = c.then(_diagonal_columns)
    return found


def _diagonal_columns(dw: Array) -> Array:
    """Every channel's gradient from the x of the filter's number."""
    filters = np.arange(dw.shape[0])
    return np.asarray(np.broadcast_to(dw[filters, filters][:, None], dw.shape))


def _diagonal_rows(dw: Array) -> Array:
    """Every filter's gradient from the delta of the input channel's number."""
    channels = np.arange(dw.shape[1])
    return np.array(np.broadcast_to(dw[channels, channels], dw.shape))


# -- Positions and taps ------------------------------------------------------------------------------------------------

Map = tuple[str, Callable[[Array, int, int], Array]]
ROWS: tuple[Map, ...] = (
    ("n // W", lambda n, h, w: n // w), ("n // H", lambda n, h, w: n // h),
    ("n % H", lambda n, h, w: n % h), ("n % W", lambda n, h, w: n % w),
)  # fmt: skip
COLUMNS: tuple[Map, ...] = (ROWS[3], ROWS[2], ROWS[1], ROWS[0])
ROW_FOR_COLUMN = {("n // W", "n // W"): "the column's start from the row's index",
                  ("n % W", "n % W"): "the row's start from the column's index"}  # fmt: skip
EXCHANGED = ("n % W", "n // W")


def _places_of(shape: tuple[int, ...]) -> Iterator[tuple[tuple[str, str], Array, Array]]:
    """Row and column of every number of a plane, counted in every other way than the right one."""
    height, width = shape
    numbers = np.arange(height * width)
    for (row, rows), (column, cols) in product(ROWS, COLUMNS):
        if (row, column) != ("n // W", "n % W"):
            yield (row, column), rows(numbers, height, width), cols(numbers, height, width)


def positions_counted(c: Any, which: Callable[[tuple[str, str]], bool]) -> Variants:
    """Windows at other places than those of their numbers: row and column counted otherwise (two axes)."""
    if c.dims != 2 or c.array == "db" or _is_adaptive(c):
        return {}
    found = {}
    for names, rows, cols in _places_of(c.near.shape[2:]):
        if which(names):
            label = ROW_FOR_COLUMN.get(names, f"row {names[0]}, column {names[1]}")
            found[label] = _at_places(c, rows, cols)
    return found


def _at_places(c: Any, rows: Array, cols: Array) -> Any:
    name, wanted = ("x", "dX") if getattr(c, "transposed", False) else ("delta", "output")
    near = zeros((*c.near.shape[:2], rows.max() + 1, cols.max() + 1), c.near.dtype)
    if c.array == wanted:  # made at those places, and taken from there
        return c.but(**{name: near}).then(lambda made: made[:, :, rows, cols].reshape(c.near.shape))
    return c.but(**{name: _put(c.near, near, rows, cols)})


def _put(array: Array, to: Array, rows: Array, cols: Array) -> Array:
    where: Any = (slice(None), slice(None), rows, cols)
    np.add.at(to, where, array.reshape(*array.shape[:2], -1))
    return to


def taps_counted(c: Any) -> Variants:
    """Taps met at other places of the window: row, column or channel counted otherwise (two axes, one group)."""
    if c.dims != 2 or not isinstance(c, Convolution) or c.array == "db" or c.turned:
        return {}
    found, (channels, height, width) = {}, c.w.shape[1:]
    numbers = np.arange(channels * height * width)
    right = (numbers // (height * width), numbers // width % height, numbers % width)
    for names, rows, cols in _places_of((height, width)):
        label = f"taps: row {names[0]}, column {names[1]}"
        found[label] = _at_taps(c, right[0], np.tile(rows, channels), np.tile(cols, channels))
    found["taps: channel n % C"] = _at_taps(c, numbers % channels, *right[1:])
    return found


def _at_taps(c: Convolution, channels: Array, rows: Array, cols: Array) -> Any:
    size = (rows.max() + 1, cols.max() + 1)
    axes = tuple(replace(axis, size=int(length)) for axis, length in zip(c.axes, size, strict=True))
    if c.array == "dW":
        return c.but(axes=axes).then(lambda dw: dw[:, channels, rows, cols].reshape(c.w.shape))
    w = zeros((*c.w.shape[:2], *size), c.w.dtype)
    where: Any = (slice(None), channels, rows, cols)
    np.add.at(w, where, c.w.reshape(len(c.w), -1))
    return c.but(axes=axes, w=w)


def delta_exchanged(c: Any) -> Variants:
    """The spatial axes of delta or x exchanged, or the positions that delta's numbers are taken for, or all lengths."""
    found = dict(altered(c, _exchanged, tuple(name for name in ("delta", "x") if name in operands(c))))
    positions = list(positions_counted(c, lambda names: names == EXCHANGED).values())
    return found | dict(zip(["positions"], positions, strict=False)) | _lengths_exchanged(c)


def _exchanged(c: Any, name: str) -> Named:
    for a, b in combinations(range(c.dims), 2):
        yield f"axes {a} and {b}", np.swapaxes(getattr(c, name), a + 2, b + 2)


def _lengths_exchanged(c: Any) -> dict[str, Any]:
    """Height and width exchanged when shapes are unpacked."""
    if c.dims != 2 or c.array not in ("dX", "dW") or getattr(c, "padding_mode", "zeros") != "zeros" or _is_adaptive(c):
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


def _is_adaptive(c: Any) -> bool:
    return any(isinstance(axis, AdaptiveAxis) for axis in c.axes)


def _in_shape(array: Array, shape: tuple[int, ...]) -> Array:
    return array.reshape(shape)


def _laid_exchanged(c: Any) -> Array:
    """What every window gives, laid on an input, and counted over positions, with height and width exchanged."""
    is_pool = not isinstance(c, Convolution)
    given = given_to_taps(c, c.window()) if is_pool else columns(c.delta, c.as_laid(c.w), c.groups)
    counts, lengths = given.shape[:3:-1], c.lengths[::-1]
    window = Window(tuple(axis.fitted(*pair) for axis, *pair in zip(c.axes, lengths, counts, strict=True)))
    return added(given.reshape(*given.shape[:4], *counts), window, lengths).reshape(c.x.shape)


# -- Channels and directions -------------------------------------------------------------------------------------------


def channels_flipped(c: Any) -> Variants:
    """The kernel, or its gradient, flipped over its channel axes, alone or with spatial ones; or another operand."""
    sets = [axes for axes in _subsets(c.dims + 2) if min(axes) < 2]
    if c.array == "dW":
        found = {f"axes {_text(axes)}": c.then(partial(np.flip, axis=axes)) for axes in sets}
        return {**found, **altered(c, _channels_reversed)}
    if c.array != "db" and isinstance(c, Convolution):
        found = {f"axes {_text(axes)}": c.but(w=np.flip(c.w, axes)) for axes in sets}
        return {**found, **altered(c, _channels_reversed, tuple(name for name in operands(c) if name != "w"))}
    return altered(c, _channels_reversed)


def _channels_reversed(c: Any, name: str) -> Named:
    yield "channels", np.flip(getattr(c, name), 1)


def _subsets(count: int) -> list[tuple[int, ...]]:
    return [axes for size in range(1, count + 1) for axes in combinations(range(count), size)]


def _text(axes: tuple[int, ...]) -> str:
    return ",".join(map(str, axes))


def operand_flipped(c: Any) -> Variants:
    """x or delta reversed along samples or spatial axes; or each other's place in the correlation that gives dW."""
    found = dict(altered(c, _reversed, tuple(name for name in operands(c) if name in SAMPLED)))
    if isinstance(c, Convolution) and c.array == "dW" and c.padding_mode == "zeros":
        other = c.on_axes(lambda axis: replace(axis, before=axis.before + axis.extent - 1))
        found["lags of the other sign"] = other.then(turn)
    return found


def _reversed(c: Any, name: str) -> Named:
    everything = tuple(range(2, c.dims + 2))
    for axes in _subsets(c.dims + 2):
        if 1 not in axes and not (name == "delta" and axes == everything):
            yield f"axes {_text(axes)}", np.flip(getattr(c, name), axes)


def result_flipped(c: Any) -> Variants:
    """The result reversed along one axis or several."""
    if c.array == "db":
        return one(c.then(np.flip))
    shared = {axes for axes in _subsets(c.dims + 2) if min(axes) < 2 and axes != (0,)} if c.array == "dW" else set()
    sets = [axes for axes in _subsets(c.dims + 2) if 1 not in axes and axes not in shared]
    return _moves(c, ((f"axes {_text(axes)}", partial(np.flip, axis=axes)) for axes in sets))


def channels_permuted(c: Any) -> Variants:
    """Channels of an operand, or of the result, in another order: m C + c for c M + m, groups interleaved."""
    found = dict(altered(c, _interleaved))
    axes = {"dW": (0, 1), "db": (0,)}.get(c.array, (1,))
    shape = {"dW": lambda: c.w.shape, "db": lambda: c.delta.shape[1:2]}.get(c.array, lambda: None)()
    for axis in axes:
        count = shape[axis] if shape else (c.x if c.array == "dX" else c.delta).shape[1]
        for name, order in _interleavings(count):
            found[f"result's axis {axis}: {name}"] = c.then(partial(np.take, indices=order, axis=axis))
    return found | {name: made for name, made in _routed(c).items() if name in INTERLEAVED}


def groups_misread(c: Any) -> Variants:
    """Groups that read, or write, other channels than theirs."""
    return {name: made for name, made in _routed(c).items() if name not in INTERLEAVED}


def _interleaved(c: Any, name: str) -> Named:
    array = getattr(c, name)
    for axis in (0, 1) if name == "w" else (1,):
        for label, order in _interleavings(array.shape[axis]):
            yield f"axis {axis}: {label}", np.take(array, order, axis)


def _interleavings(count: int) -> Iterator[tuple[str, Array]]:
    """m C + c for c M + m, for every way to write the number of channels as a product."""
    for outer in range(2, count):
        if count % outer == 0:
            yield f"{outer} interleaved", np.arange(count).reshape(outer, -1).T.ravel()


# -- Groups ------------------------------------------------------------------------------------------------------------


INTERLEAVED = ("filter m*G+g", "channel i*G+g", "filter m*G+g, channel i*G+g")
"""Of what follows, what is another order of channels, and no wrong offset."""


def _routed(c: Any) -> dict[str, Any]:
    """Groups that read other channels than theirs: an offset by the wrong length, a remainder for a quotient."""
    if not isinstance(c, Convolution) or c.groups == 1:
        return {}
    near, far = c.near.shape[1], c.far.shape[1]
    groups, each, inner = c.groups, near // c.groups, far // c.groups
    filters: dict[str, Callable[[int, int], int]] = {
        "g*M+m": lambda g, m: g * each + m, "m*G+g": lambda g, m: m * groups + g,
        "g*I+m": lambda g, m: g * inner + m, "g+m": lambda g, m: g + m,
    }  # fmt: skip
    owner: dict[str, Callable[[int], int]] = {
        "o%G": lambda o: o % groups, "0 for all": lambda o: 0,
    }  # fmt: skip
    channels: dict[str, Callable[[int, int], int]] = {
        "g*I+i": lambda g, i: g * inner + i, "i*G+g": lambda g, i: i * groups + g,
        "g*M+i": lambda g, i: g * each + i, "g+i": lambda g, i: g + i,
    }  # fmt: skip
    found: dict[str, Any] = {}
    for (row, number), (column, channel) in product(filters.items(), channels.items()):
        if (row, column) != ("g*M+m", "g*I+i"):
            triples = [(number(g, m), i, channel(g, i)) for g, m, i in np.ndindex(groups, each, inner)]
            named = [f"filter {row}"] * (row != "g*M+m") + [f"channel {column}"] * (column != "g*I+i")
            found[", ".join(named)] = _through(c, triples)
    for label, group in owner.items():
        triples = [(o, i, group(o) * inner + i) for o in range(near) for i in range(inner)]
        found[f"group {label}"] = _through(c, triples)
    return {name: made for name, made in found.items() if made is not None}


def _through(c: Convolution, triples: list[tuple[int, int, int]]) -> Any:
    """The computation with one group, filter o's tap for its channel i laid on channel k for every o, i, k."""
    near, far, inner = c.near.shape[1], c.far.shape[1], c.w.shape[1]
    if max(o for o, _, _ in triples) >= near or max(k for _, _, k in triples) >= far:
        return None
    if c.array == "db":
        counts = np.bincount([o for o, _, _ in triples], minlength=near) // inner
        return None if c.transposed or (counts == 1).all() else c.but(delta=_weighted(c.delta, counts))
    if c.array == "dW":
        return c.but(groups=1).then(partial(_collected, triples=triples, inner=inner))
    w = zeros((near, far, *c.w.shape[2:]), c.w.dtype)
    for o, i, k in triples:
        w[o, k] += c.w[o, i]
    return c.but(groups=1, w=w)


def _collected(dw: Array, triples: list[tuple[int, int, int]], inner: int) -> Array:
    result = zeros((dw.shape[0], inner, *dw.shape[2:]), dw.dtype)
    for o, i, k in triples:
        result[o, i] += dw[o, k]
    return result


def _weighted(delta: Array, counts: Array) -> Array:
    weights = zeros((len(counts),), delta.dtype) + counts
    return np.asarray(delta * weights.reshape(1, -1, *(1,) * (delta.ndim - 2)))


# -- Other operands ----------------------------------------------------------------------------------------------------


def other_operand(c: Any) -> Variants:
    """Another array of the case in an operand's place, or in the result's."""
    found = dict(altered(c, _others, tuple(name for name in operands(c))))
    shape = {"dW": lambda: c.w.shape, "dX": lambda: c.x.shape, "output": lambda: c.delta.shape}.get(c.array, tuple)()
    for name, array in _arrays(c).items():
        if array.shape == shape:
            found[f"{name} itself"] = c.but(arrange=(partial(_instead, other=array),))
    return found


def _instead(array: Array, other: Array) -> Array:
    return other


def _arrays(c: Any) -> dict[str, Array]:
    """The arrays of a case that may be taken for another: what goes in, and y."""
    arrays = {"x": c.x, "delta": c.delta}
    if isinstance(c, Convolution):
        arrays["w"] = c.w
    if c.array != "output":
        arrays["y"] = c.but(array="output").value()
    return arrays


def _others(c: Any, name: str) -> Named:
    right = getattr(c, name)
    for other, array in _arrays(c).items():
        if other != name and array.size == right.size:
            yield other, array.reshape(right.shape)
    if name == "delta":
        yield "its signs", np.sign(right) if right.dtype != object else _signs(right)
        yield "its sizes", abs(right)
        yield "its running sum", _running(right)
    if name == "w" and c.array == "dX":
        yield "dW", c.but(array="dW").value()


def _signs(array: Array) -> Array:
    return zeros(array.shape, array.dtype) + (array > 0) - (array < 0)


def _running(delta: Array) -> Array:
    """The sum of a channel so far, sample after sample."""
    moved = delta.swapaxes(0, 1)
    return np.asarray(moved.reshape(len(moved), -1).cumsum(axis=1).reshape(moved.shape).swapaxes(0, 1))
