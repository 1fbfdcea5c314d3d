"""Suites as source text: data and expectation in C, Rust, Julia, JavaScript and Python, and no framework."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from convgrad.core.arithmetic import Array
from convgrad.documents import json_text
from convgrad.suites.record import EXACT, NAME, RESULTS, allowed, arrays_of, suite
from convgrad.suites.selection import VERSION
from convgrad.suites.trial import Trial
from convgrad.vocabulary import INDICES

WIDTH = 110
OPERANDS = ("input", "kernel", "bias", "delta")
SIZES = ("dims", "N", "C", "O", "groups")
AXES = ("L", "K", "P", "stride", "dilation")
"""Of every axis, numbered from 0: input, window and output, stride and dilation."""
MOST_AXES = 3
C_INDEX = "long long"


def _head(sign: str, dtype: str) -> Iterator[str]:
    text = f"{NAME} {VERSION}: every number is a {dtype}, and every array is in C order. {EXACT}"
    yield from (f"{sign} {line}" for line in _wrapped(text.split(" "), " "))


def _wrapped(words: Sequence[str], between: str) -> Iterator[str]:
    """Words in lines that are not too long."""
    line = ""
    for word in words:
        if line and len(line) + len(between) + len(word) > WIDTH:
            yield line + between.rstrip()
            line = word
        else:
            line = line + between + word if line else word
    yield line


def name_of(id: str) -> str:
    """An id as a name in a program.

    >>> name_of("conv2d/core-1")
    'conv2d_core_1'
    """
    return re.sub(r"\W", "_", id)


def _axes(values: Sequence[Any]) -> list[Any]:
    """One number for each of three axes; 1 where there is none."""
    return [*values, *[1] * (MOST_AXES - len(values))]


def _pads(trial: Trial, side: int) -> list[int]:
    pads = [*trial.facts["pad"][side::2]]
    return [*pads, *[0] * (MOST_AXES - len(pads))]


# -- C -----------------------------------------------------------------------------------------------------------------


def header(trials: Sequence[Trial], dtype: str) -> str:
    """A header of C99 and of C++17."""
    kind, suffix = ("double", "") if dtype == "float64" else ("float", "f")
    lines = [*_head("//", dtype), "#ifndef CONVGRAD_CASES_H", "#define CONVGRAD_CASES_H", ""]
    for trial in trials:
        name = name_of(trial.id)
        lines += [f"/* {trial.id} */"]
        sizes = [f"{name}_{array}_size = {values.size}" for array, values in arrays_of(trial)]
        lines += ["enum {", *(f"    {line}" for line in _wrapped(sizes, ", ")), "};"]
        for array, values in arrays_of(trial):
            one, end = (C_INDEX, "") if array == INDICES else (kind, suffix)
            numbers = [_c_number(value) + end for value in values.ravel().tolist()]
            lines += [f"static const {one} {name}_{array}[] = {{", *_wrapped(numbers, ", "), "};"]
    indices = _c_indices(trials)
    lines += [
        _STRUCT.replace("NUMBER", kind).replace("INDICES", indices),
        "static const struct convgrad_case convgrad_cases[] = {",
    ]
    lines += [f"    {_c_row(trial, bool(indices))}," for trial in trials]
    lines += ["};", f"enum {{ convgrad_case_count = {len(trials)} }};", "", "#endif", ""]
    return "\n".join(lines)


_STRUCT = """
/* A case: sizes and settings of up to three axes, 1 (of padding 0) where there are fewer; arrays that an operation has
   not are null. `allowed` is how far entries of output, dX, dW and db may be off. */
struct convgrad_case {
    const char *id, *op, *settings;
    int dims, N, C, O, groups, L[3], K[3], P[3], stride[3], dilation[3], before[3], after[3];
    const NUMBER *input, *kernel, *bias, *delta, *output, *dX, *dW, *db;INDICES
    double allowed[4];
};
"""


def _c_indices(trials: Sequence[Trial]) -> str:
    """The member for indices, of a suite that has some."""
    return f"\n    const {C_INDEX} *{INDICES};" if any(INDICES in trial.operands for trial in trials) else ""


def _c_number(value: float) -> str:
    return repr(value if isinstance(value, int) else float(value))


def _c_row(trial: Trial, indices: bool) -> str:
    name, present = name_of(trial.id), dict(arrays_of(trial))
    texts = [_quoted(trial.id), _quoted(trial.case.operation.name), _quoted(json_text(_settings(trial)))]
    sizes = [str(trial.facts[size][0]) for size in SIZES]
    rows = [*(_axes(trial.facts[axis]) for axis in AXES), _pads(trial, 0), _pads(trial, 1)]
    braced = [f"{{{', '.join(map(str, row))}}}" for row in rows]
    arrays = (*OPERANDS, *RESULTS, *((INDICES,) if indices else ()))
    pointers = [f"{name}_{array}" if array in present else "0" for array in arrays]
    off = ", ".join(repr(allowed(trial, array)) if array in present else "0" for array in RESULTS)
    return f"{{{', '.join([*texts, *sizes, *braced, *pointers])}, {{{off}}}}}"


def _settings(trial: Trial) -> dict[str, Any]:
    return {"op": trial.case.operation.name, **trial.settings}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# -- Rust --------------------------------------------------------------------------------------------------------------

_RUST = """
/// A case: sizes and settings of up to three axes, 1 (of padding 0) where there are fewer; arrays that an operation
/// has not are empty. `allowed` is how far entries of output, dX, dW and db may be off.
#[allow(non_snake_case, dead_code)]
pub struct Case {
    pub id: &'static str, pub op: &'static str, pub settings: &'static str,
    pub dims: usize, pub N: usize, pub C: usize, pub O: usize, pub groups: usize,
    pub L: [usize; 3], pub K: [usize; 3], pub P: [usize; 3], pub stride: [usize; 3], pub dilation: [usize; 3],
    pub before: [i64; 3], pub after: [i64; 3],
    pub input: &'static [NUMBER], pub kernel: &'static [NUMBER], pub bias: &'static [NUMBER],
    pub delta: &'static [NUMBER], pub output: &'static [NUMBER], pub dX: &'static [NUMBER],
    pub dW: &'static [NUMBER], pub db: &'static [NUMBER], pub allowed: [f64; 4],INDICES
}
"""


_RUST_INDICES = f"\n    pub {INDICES}: &'static [i64],"


def rust(trials: Sequence[Trial], dtype: str) -> str:
    """A Rust module."""
    kind = "f64" if dtype == "float64" else "f32"
    indices = _RUST_INDICES if _c_indices(trials) else ""
    struct = _RUST.replace("NUMBER", kind).replace("INDICES", indices)
    lines = [*_head("//", dtype), struct, "#[allow(dead_code)]", "pub const CASES: &[Case] = &["]
    for trial in trials:
        lines += [*_rust_case(trial, bool(indices))]
    return "\n".join([*lines, "];", ""])


def _rust_case(trial: Trial, indices: bool) -> Iterator[str]:
    present = dict(arrays_of(trial))
    yield f"Case {{ id: {_quoted(trial.id)}, op: {_quoted(trial.case.operation.name)},"
    yield f"settings: {_quoted(json_text(_settings(trial)))},"
    yield " ".join(f"{size}: {trial.facts[size][0]}," for size in SIZES)
    yield " ".join(f"{axis}: {_axes(trial.facts[axis])}," for axis in AXES)
    yield f"before: {_pads(trial, 0)}, after: {_pads(trial, 1)},"
    for array in (*OPERANDS, *RESULTS, *((INDICES,) if indices else ())):
        numbers = [_c_number(value) for value in present[array].ravel().tolist()] if array in present else []
        yield "\n".join(_wrapped([f"{array}: &[{', '.join(numbers[:1])}", *numbers[1:]], ", ")) + "],"
    yield f"allowed: [{', '.join(repr(allowed(trial, array)) if array in present else '0.0' for array in RESULTS)}] }},"


# -- What has lists of its own -----------------------------------------------------------------------------------------


def python(trials: Sequence[Trial], dtype: str) -> str:
    """A Python module with the suite as a mapping."""
    text = json_text(suite(trials, dtype))
    return f'{_lines("#", dtype)}import json\n\nSUITE = json.loads(\n    {text!r}\n)\nCASES = SUITE["cases"]\n'


def javascript(trials: Sequence[Trial], dtype: str) -> str:
    """A script whose `SUITE` is the suite; `require` gives it as well."""
    text = json_text(suite(trials, dtype))
    return f'{_lines("//", dtype)}const SUITE = {text};\nif (typeof module !== "undefined") module.exports = SUITE;\n'


def _lines(sign: str, dtype: str) -> str:
    return "".join(f"{line}\n" for line in _head(sign, dtype))


def julia(trials: Sequence[Trial], dtype: str) -> str:
    """A Julia file whose `SUITE` is the suite; arrays are flat, with their shapes, since Julia's order is another."""
    return f"{_lines('#', dtype)}const SUITE = {_julia(suite(trials, dtype))}\n"


def _julia(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"Dict{{String,Any}}({', '.join(f'{_dollars(key)} => {_julia(part)}' for key, part in value.items())})"
    if isinstance(value, (list, tuple)):
        return f"Any[{', '.join(map(_julia, value))}]"
    if isinstance(value, str):
        return _dollars(value)
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if not isinstance(value, (int, float)):
        return _julia_array(value)
    return repr(value)


def _julia_array(array: Array) -> str:
    numbers = ", ".join(_c_number(value) for value in array.ravel().tolist())
    return f"(shape = {tuple(array.shape)}, data = [{numbers}])".replace("shape = ()", "shape = (1,)")


def _dollars(text: str) -> str:
    return _quoted(text).replace("$", "\\$")


WRITERS: Mapping[str, Callable[[Sequence[Trial], str], str]] = {
    ".h": header, ".rs": rust, ".py": python, ".js": javascript, ".jl": julia,
}  # fmt: skip
"""What writes a suite as source, by the suffix of the file."""
