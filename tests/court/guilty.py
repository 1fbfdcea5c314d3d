"""Claims made wrong, each by a known crime, where what is brought says enough to show it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tests import definitions
from tests.court import writers
from tests.court.brought import Brought
from tests.court.cases import Trial
from tests.court.innocent import gradients, held, truth
from tests.court.rounding import UNITS, rounded
from tests.court.sums import Arrays, Layer, are_few, by_tensordot, layer, pairwise

CARRIERS = ("float64", "float32", "bfloat16", "printed by PyTorch", "JSON, 9 decimals")
"""The types and the texts that a wrong claim is brought in, in turn."""
CLEAR = 20
"""Standard errors from which a claim is plainly wrong, one entry's or all entries' together."""
TEN = 10
TEN_BOUNDS = "one entry by ten bounds"
CHANCE = 5.5
"""Standard errors that one entry in a million exceeds by chance."""

Wrong = dict[str, tuple[np.ndarray, list[str]]]
"""Arrays made wrong, with the names that would be right."""


def guilty(trial: Trial, seed: int) -> Iterator[Brought]:
    for number, kind in enumerate(CRIMES):
        turn = zlib.crc32(f"{trial.name} {number} {seed}".encode())
        carrier = CARRIERS[turn % (len(CARRIERS) if trial.hand_sized else 3)]
        yield from _brought(trial, kind, carrier, np.random.default_rng([seed, turn]))


def _brought(trial: Trial, kind: str, carrier: str, draw: np.random.Generator) -> Iterator[Brought]:
    """The claim with each array that the crime shows in; the others stay right."""
    dtype = carrier if carrier in UNITS else "float64"
    case, right = held(trial, dtype)
    errors = standard_errors(case, right, carrier)
    wrong = CRIMES[kind](case, right if kind != TEN_BOUNDS else {n: (right[n], errors[n]) for n in right}, draw)
    claim, names = dict(as_computed(case, dtype)), {}
    for name, (array, ids) in wrong.items():
        if shows(array - right[name], errors[name]):
            claim[name] = array
            names[name] = ids
    if names:
        yield _carried(f"{kind}", f"{trial.name}", case, claim, carrier, names)


def as_computed(case: dict[str, Any], dtype: str) -> Arrays:
    how = pairwise if "kernel" not in case or are_few(layer(case)) else by_tensordot
    return gradients(case, how, "float32" if dtype == "bfloat16" else dtype)


def _carried(kind: str, name: str, case: Any, claim: Arrays, carrier: str, names: Any) -> Brought:
    if carrier in UNITS:
        held = {key: rounded(array, carrier) for key, array in claim.items()}
        options = {"claim_dtype": carrier} if carrier == "bfloat16" else {}
        return Brought(kind, f"{name} {carrier}", case, held, options, wrong=names)
    writer = writers.by_torch if carrier == "printed by PyTorch" else writers.to_decimals(9)
    text = writers.document(case, claim, writer)
    return Brought(kind, f"{name} {carrier}", claim=claim, text=text, wrong=names)


# -- What can be shown -------------------------------------------------------------------------------------------------


def shows(difference: np.ndarray, error: np.ndarray) -> bool:
    """Whether a claim is off by more than any way of computing and writing it could be."""
    with np.errstate(over="ignore"):  # where nothing is added up, anything is off by any number of errors
        units = difference / error
        return bool(abs(units).max() > CLEAR or np.sqrt((units**2).sum()) > 2 * CLEAR)


def standard_errors(case: dict[str, Any], right: Arrays, carrier: str) -> Arrays:
    """Per entry: rounding of sums added one after another in the carrier's own type, or of numbers as printed."""
    if carrier in UNITS:
        squares, counts = _of_squares(case, None), _counts(case)
        return {
            name: UNITS[carrier] * np.sqrt(squares[name] * (counts[name] / 2 + 1) + value**2 * (1 + counts[name] / 3))
            + np.finfo(float).tiny
            for name, value in right.items()
        }
    writer = writers.by_torch if carrier == "printed by PyTorch" else writers.to_decimals(9)
    halves = {key: _half(case[key], writer) for key in ("input", "kernel", "delta") if key in case}
    spread = _of_squares(case, halves)
    # of whole numbers, too, one that is moved is written with decimals
    least = 0.5 * (1e-4 if writer is writers.by_torch else 1e-9)
    return {name: np.sqrt(spread[name] / 3) + max(_half(value, writer), least) for name, value in right.items()}


def _half(values: np.ndarray, writer: writers.Writer) -> float:
    """Half a unit in the last place that a writer shows; nothing for whole numbers."""
    if (values == np.round(values)).all():
        return 1e-15
    return 0.5 * max(10.0 ** -_decimals(token) for token in writer(values))


def _decimals(token: str) -> int:
    digits, _, exponent = token.partition("e")
    return len(digits.partition(".")[2]) - int(exponent or 0)


def _of_squares(case: dict[str, Any], halves: dict[str, float] | None) -> Arrays:
    """Sums of squared products; with half units, of each operand's half unit times the other operand."""
    if "kernel" not in case:
        part = abs(case["delta"]).max() if halves is None else halves["delta"]
        return {"dX": np.full(case["input"].shape, float(part) ** 2)}
    one = layer(case).mapped(np.square)
    if halves is None:
        return by_tensordot(one)
    x, w, delta = (halves[key] ** 2 for key in ("input", "kernel", "delta"))
    narrow, wide = (delta, x) if not one.transposed else (x, delta)
    rough = replace(one, delta=np.full_like(one.delta, delta))
    moved = by_tensordot(replace(rough, narrow=np.full_like(one.narrow, narrow)) if not one.transposed else rough)
    fixed = by_tensordot(replace(one, wide=np.full_like(one.wide, wide), kernel=np.full_like(one.kernel, w)))
    if one.transposed:
        moved = by_tensordot(replace(rough, wide=np.full_like(one.wide, wide)))
        fixed = by_tensordot(replace(one, narrow=np.full_like(one.narrow, narrow), kernel=np.full_like(one.kernel, w)))
    return {"dW": moved["dW"] + fixed["dW"], "dX": moved["dX"] + fixed["dX"], "db": moved["db"]}


def _counts(case: dict[str, Any]) -> Arrays:
    if "kernel" not in case:
        return {"dX": np.full(case["input"].shape, 9.0)}
    return by_tensordot(layer(case).mapped(np.ones_like))


# -- Crimes ------------------------------------------------------------------------------------------------------------

ZEROS = ["left-at-zero", "scaled", "samples-missing", "channels-missing", "rows-missing", "masked", "multiplied"]


def times(factor: float, names: list[str]) -> Any:
    return lambda case, right, draw: {name: (value * factor, names) for name, value in right.items()}


def one_entry(case: Any, right: dict[str, tuple[np.ndarray, np.ndarray]], draw: np.random.Generator) -> Wrong:
    """Any entry that is a sum, moved by ten times what it may be off by."""
    return {name: (_moved(value, error, draw), []) for name, (value, error) in right.items()}


def _moved(value: np.ndarray, error: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    errors, moved = np.broadcast_to(error, value.shape).ravel(), value.copy()
    at = int(draw.choice(np.flatnonzero(errors > np.median(errors) / 1e6)))
    moved.flat[at] += TEN * CHANCE * errors[at] * draw.choice([-1, 1])
    return moved


def random_corruption(case: Any, right: Arrays, draw: np.random.Generator) -> Wrong:
    """A fifth of the entries replaced by noise of the array's size."""
    return {name: (_corrupted(value, draw), []) for name, value in right.items()}


def _corrupted(value: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    noise = draw.normal(size=value.shape) * max(value.std(), abs(value).max() / 3)
    chosen = draw.permutation(value.size).reshape(value.shape) < max(1, value.size // 5)
    return np.where(chosen, value + noise, value)


def one_sample_lost(case: Any, right: Arrays, draw: np.random.Generator) -> Wrong:
    samples = len(case["delta"])
    if samples == 1:
        return {}
    return _without(case, (int(draw.integers(samples)),), ["samples-missing"] + ["sample-missing"] * (samples == 2))


def one_row_lost(case: Any, right: Arrays, draw: np.random.Generator) -> Wrong:
    """One row of one sample's delta; a position where there is one axis alone."""
    n, row = (int(draw.integers(case["delta"].shape[axis])) for axis in (0, 2))
    return _without(case, (n, slice(None), row), ["rows-missing", "overlay-missing", *_alone(case)])


def one_overlay_lost(case: Any, right: Arrays, draw: np.random.Generator) -> Wrong:
    if case["op"] == "conv-transpose":
        return {}
    shape = case["delta"].shape
    at = [int(draw.integers(length)) for length in (shape[0], *shape[2:])]
    return _without(case, (at[0], slice(None), *at[1:]), ["overlay-missing", "rows-missing", *_alone(case)])


def _alone(case: Any) -> list[str]:
    """What may be said as well where what is lost is one term of a sum."""
    return ["term-missing", "channels-missing", "samples-missing", "phase-missing", "masked"]


def _without(case: Any, lost: tuple[Any, ...], names: list[str]) -> Wrong:
    delta = case["delta"].copy()
    delta[lost] = 0
    return {name: (value, names) for name, value in truth(case | {"delta": delta}).items()}


def catalogue(case: Any, right: Arrays, draw: np.random.Generator) -> Wrong:
    """One mistake of the catalogue, by the court's own sums."""
    if "kernel" not in case:
        return _of_pool(case, right)
    planted = _planted(layer(case))
    return planted[int(draw.integers(len(planted)))]


def _planted(one: Layer) -> list[Wrong]:
    flipped = one.kernel[(slice(None), slice(None), *(slice(None, None, -1) for _ in one.strides))]
    rotated, plain = by_tensordot(replace(one, kernel=flipped)), by_tensordot(one)
    axes = tuple(range(2, one.kernel.ndim))
    options: list[Wrong] = [
        {"dX": (rotated["dX"], ["kernel-rotated"]), "dW": (np.flip(plain["dW"], axes), ["kernel-rotated"])},
        {name: (plain[name] / len(one.delta), ["batch-averaged", "scaled"]) for name in ("dW", "db")},
    ]
    if not one.transposed:
        steps = (1,) * len(axes)
        options += [
            _altered(one, strides=steps, names=["stride-ignored", "stride-one-axis"]),
            _altered(one, dilations=steps, names=["dilation-ignored", "dilation-one-axis"]),
            _altered(one, paddings=tuple(side[::-1] for side in one.paddings), names=_of_other_side(one)),
        ]
    return [part for part in options if any(not np.allclose(a, plain[n]) for n, (a, _) in part.items())]


def _of_other_side(one: Layer) -> list[str]:
    """Padding at the other ends; where all of it was before, windows then begin with the input."""
    return ["padding-other-side"] + ["padding-ignored"] * (not any(after for _, after in one.paddings))


def _altered(one: Layer, names: list[str], **changes: Any) -> Wrong:
    result = by_tensordot(replace(one, **changes))
    return {name: (result[name], names) for name in ("dX", "dW")}


def _of_pool(case: Any, right: Arrays) -> Wrong:
    if case["op"] == "average-pool":
        return {"dX": (right["dX"] * np.prod(case["window"]), ["not-divided"])}
    if case["op"] == "max-pool":
        least = definitions.backward(case | {"input": -case["input"]}, float)["dX"].astype(float)
        return {"dX": (least, ["wrong-winner"])}
    return {}


CRIMES: dict[str, Any] = {
    "factor 0.99": times(0.99, ["scaled"]),
    "factor 0.85": times(0.85, ["scaled"]),
    "zeros": times(0, ZEROS),
    "one sample lost": one_sample_lost,
    "one row of a sample lost": one_row_lost,
    "one overlay lost": one_overlay_lost,
    TEN_BOUNDS: one_entry,
    "a catalogue mistake": catalogue,
    "random corruption": random_corruption,
}
