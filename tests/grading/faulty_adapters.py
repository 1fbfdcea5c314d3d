"""The faults of the C program in adapters of Python and JavaScript, whose templates fill memory as they are told."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from convgrad.grading.templates import FILES, template
from tests.grading.kernels import FAULTS, WIDTH

IN_LINES = dict(zip(FAULTS, ("agrees", "unwritten", "accumulates", "wrong-shape", "wrong-shape", "agrees", "replayed",
                             "unstable", "crashed", "timed-out"), strict=True))  # fmt: skip
"""The verdict on each: memory of the program's own has no red zone, and an input that it changes is a copy of ours."""
PYTHON = """
first, calls = {}, 0


def spoilt(result, request):
    global calls
    calls += 1
    case, dx = request["case"], result["dX"]
    fill = float(request["into"]["dX"]["fill"]) if "into" in request else 0
    wide = len(case["input"][0][0][0])
    if FAULT == 1:
        dx[-1][-1][-1] = [fill] * wide
    if FAULT == 2:
        dx[:] = [[[[e + fill for e in row] for row in plane] for plane in sample] for sample in dx]
    for plane in (plane for sample in dx for plane in sample if FAULT in (3, 4)):
        plane.insert(len(plane) if FAULT == 3 else 0, [7.0] * wide)
    if FAULT == 5:
        case["input"][0][0][0][0] += 1
    if FAULT == 6:
        result["dX"] = first.setdefault(str(case["shapes"]), dx)
    if FAULT == 7 and calls % 3 == 0:
        dx[0][0][0][0] += 1
    if FAULT == 8 and wide == WIDTH:
        import ctypes
        ctypes.string_at(0)
    while FAULT == 9 and wide == WIDTH:
        pass
    return result

"""
JAVASCRIPT = """
const first = {};
let calls = 0;

function spoilt(result, { case: given, into }) {
  calls++;
  const dX = result.dX, fill = into ? Number(into.dX.fill) : 0, wide = given.input[0][0][0].length;
  const last = (array) => array[array.length - 1], row = (e) => new Array(wide).fill(e);
  const plane = last(last(dX));
  if (FAULT === 1) plane[plane.length - 1] = row(fill);
  if (FAULT === 2) dX.forEach((s) => s.forEach((p) => p.forEach((r) => r.forEach((e, i) => { r[i] = e + fill; }))));
  if (FAULT === 3) dX.flat().forEach((p) => p.push(row(7)));
  if (FAULT === 4) dX.flat().forEach((p) => p.unshift(row(7)));
  if (FAULT === 5) given.input[0][0][0][0] += 1;
  if (FAULT === 6) result.dX = first[JSON.stringify(given.shapes)] ??= dX;
  if (FAULT === 7 && calls % 3 === 0) dX[0][0][0][0] += 1;
  if (FAULT === 8 && wide === WIDTH) process.kill(process.pid, "SIGSEGV");
  while (FAULT === 9 && wide === WIDTH);
  return result;
}

"""
CHANGES = {
    "python": (
        ("CAN = {", 'CAN = {"buffers": True, '), ("\n# -- the adapter", PYTHON + "\n# -- the adapter"),
        ("**result})", "**spoilt(result, request)})"),
    ),
    "javascript": (
        ("const can = {", "const can = { buffers: true,"), ("// ---- the adapter", JAVASCRIPT + "// ---- the adapter"),
        ("...backward(given.input, given.kernel, given.delta, given) }",
         "...spoilt(backward(given.input, given.kernel, given.delta, given), request) }"),
    ),
}  # fmt: skip
PROGRAMS = {"python": sys.executable, "javascript": "node"}


def faulty(language: str, fault: int, folder: Path) -> tuple[str, ...]:
    """The words of a command line that runs an adapter with a fault."""
    program = PROGRAMS[language]
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    text = template(language)
    for old, new in CHANGES[language]:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file = folder / FILES[language]
    file.write_text(text.replace("FAULT", str(fault)).replace("WIDTH", str(WIDTH)))
    return "--loop", "--", program, str(file)
