"""Right claims, made by other means than convgrad's and brought as people bring them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from tests import definitions
from tests.court import writers
from tests.court.brought import Brought
from tests.court.cases import Trial
from tests.court.peer import by_torch, torch
from tests.court.rounding import bfloat16, rounded, tf32
from tests.court.sums import Arrays, Layer, are_few, by_tensordot, layer, one_after_another, pairwise, split_by_samples
from tests.court.transforms import by_fft, by_winograd, has_winograd

OPERANDS = ("input", "kernel", "bias", "delta")
LOST = 0.01
"""What sums may lose of an array before they are no longer right: a narrow accumulator is then the mistake."""


def holding(case: dict[str, Any], dtype: str) -> dict[str, Any]:
    """The case whose numbers are those of a type."""
    return case | {key: rounded(case[key], dtype).astype(float) for key in OPERANDS if key in case}


def gradients(case: dict[str, Any], how: Callable[[Layer], Arrays], dtype: Any) -> Arrays:
    """A way of adding in a type; a pool's by its definition."""
    if "kernel" not in case:
        return {"dX": definitions.backward(case, np.dtype(dtype).type)["dX"].astype(dtype)}
    return how(layer(case).holding(dtype))


def truth(case: dict[str, Any]) -> Arrays:
    """The right gradients as float64; by the definitions where they are fast enough."""
    if case["input"].size <= 1000:
        return {name: array.astype(float) for name, array in definitions.backward(case, float).items()}
    return gradients(case, by_tensordot, float)


@lru_cache(maxsize=8)
def held(trial: Trial, dtype: str) -> tuple[dict[str, Any], Arrays]:
    """The case whose numbers are those of a type, and its right gradients."""
    case = holding(trial.case, dtype)
    return case, truth(case)


def innocents(trial: Trial) -> Iterator[Brought]:
    yield from as_arrays(trial)
    if torch:
        yield from from_torch(trial)
    if trial.hand_sized:
        yield from as_text(trial)


# -- Arrays ------------------------------------------------------------------------------------------------------------

WAYS: dict[str, tuple[str, Callable[[Layer], Arrays]]] = {
    "one after another, float64": ("float64", one_after_another),
    "one after another, float32": ("float32", one_after_another),
    "one after another, float16": ("float16", one_after_another),
    "pairwise, float32": ("float32", pairwise),
    "pairwise, float16": ("float16", pairwise),
    "FFT, float64": ("float64", by_fft),
    "FFT, float32": ("float32", by_fft),
}


def as_arrays(trial: Trial) -> Iterator[Brought]:
    for kind, (dtype, how) in WAYS.items():
        if how is one_after_another if not trial.is_conv else how is by_fft or are_few(layer(trial.case)):
            yield from _array(trial, kind, dtype, lambda case, how=how, dtype=dtype: gradients(case, how, dtype))
    if trial.is_conv:
        yield from _of_other_types(trial)
        if has_winograd(layer(trial.case)):
            for tile in (2, 4):
                how = lambda case, tile=tile: by_winograd(layer(case).holding("float32"), tile)  # noqa: E731
                yield from _array(trial, f"Winograd F({tile},3), float32", "float32", how)


def _of_other_types(trial: Trial) -> Iterator[Brought]:
    def rounded_once(case: dict[str, Any]) -> Arrays:
        return {name: bfloat16(array) for name, array in gradients(case, by_tensordot, "float32").items()}

    def between(case: dict[str, Any]) -> Arrays:
        return split_by_samples(layer(case).holding("float32"), bfloat16)

    def in_tf32(case: dict[str, Any]) -> Arrays:
        one = layer(case).holding("float32")
        return by_tensordot(one.mapped(tf32)) | {"db": by_tensordot(one)["db"]}

    yield from _array(trial, "bfloat16, rounded once", "bfloat16", rounded_once)
    yield from _array(trial, "bfloat16, rounded between splits", "bfloat16", between)
    yield from _array(trial, "tf32", "float32", in_tf32, claim_dtype="tf32")


def from_torch(trial: Trial) -> Iterator[Brought]:
    for dtype in ("float64", "float32", "float16", "bfloat16"):
        yield from _array(trial, f"PyTorch, {dtype}", dtype, lambda case, dtype=dtype: by_torch(case, dtype))


def _array(trial: Trial, kind: str, dtype: str, how: Callable[[Any], Arrays], **options: Any) -> Iterator[Brought]:
    """A claim of arrays, their type said where NumPy has it not; none where it lost too much to be right."""
    case, right = held(trial, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        claim = how(case)
        if not claim or not all(keeps(claim[name], array) for name, array in right.items()):
            return
    if dtype == "bfloat16":
        options |= {"claim_dtype": dtype}
    yield Brought(kind, trial.name, case, claim, options)


def keeps(claim: np.ndarray, right: np.ndarray) -> bool:
    """Whether a claim is finite and has lost less than a hundredth of the array."""
    claim = claim.astype(float)
    return bool(np.isfinite(claim).all()) and abs(((claim - right) * right).sum()) <= LOST * (right**2).sum()


# -- Text --------------------------------------------------------------------------------------------------------------


def as_text(trial: Trial) -> Iterator[Brought]:
    """The case and its gradients printed alike, so that the judge sees rounded operands."""
    digits = 4 + sum(map(ord, trial.name)) % 6
    for kind, dtype, writer, more in (
        ("printed by PyTorch", "float32", writers.by_torch, {}),
        ("printed by NumPy, float64", "float64", writers.by_numpy, {}),
        ("printed by NumPy, float32", "float32", writers.by_numpy, {}),
        ("tolist of float64", "float64", writers.by_tolist, {}),
        ("tolist of float32", "float32", writers.by_tolist, {}),
        ("JSON, 4 to 9 decimals", "float64", writers.to_decimals(digits), {}),
        ("JSON, 6 to 9 digits", "float64", writers.to_digits(max(digits, 6)), {}),
        ("JSON, 3 decimals, printed: true", "float64", writers.to_decimals(3), {"printed": True}),
    ):
        case = holding(trial.case, dtype)
        claim = gradients(case, pairwise, dtype)
        yield Brought(kind, trial.name, claim=claim, text=writers.document(case, claim, writer, **more))
    if trial.is_conv:
        claim = gradients(trial.case, by_fft, "float64")
        text = writers.document(trial.case, claim, writers.by_tolist)
        yield Brought("tolist of FFT, float64", trial.name, claim=claim, text=text)
