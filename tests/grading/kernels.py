"""One C kernel with ten planted faults, as a program of a case and as a library, for grade to tell apart."""

from __future__ import annotations

import subprocess
from pathlib import Path

from convgrad.grading.templates import template
from tests.needed import needing

FAULTS = ("right", "last row unwritten", "adds to what was there", "writes past the end", "writes before the start",
          "changes its input", "replays its first answer", "wrong every third call", "null pointer at one width",
          "endless loop at one width")  # fmt: skip
IN_MEMORY = ("agrees", "unwritten", "accumulates", "out-of-bounds", "out-of-bounds", "changed-input", "replayed",
             "unstable", "crashed", "timed-out")  # fmt: skip
"""The verdict on each, in memory of ours."""
IN_FILES = (*IN_MEMORY[:4], "unwritten", *IN_MEMORY[5:])
"""The same where files are written: before the start of one there is nothing, so that its end is not reached."""
WIDTH = 4
"""The width at which some fail."""
FAULTY = r"""
static int calls(void) { /* how many, over processes too */
    int seen = 0;
    FILE *file = fopen(STATE "/seen", "rb");
    if (file) { if (fread(&seen, sizeof seen, 1, file) != 1) seen = 0; fclose(file); }
    seen++;
    file = fopen(STATE "/seen", "wb");
    fwrite(&seen, sizeof seen, 1, file);
    fclose(file);
    return seen;
}

static void replay(float *own, long cells) { /* what was the first answer of this size */
    char name[sizeof STATE + 40];
    snprintf(name, sizeof name, "%s/%ld", STATE, cells);
    FILE *file = fopen(name, "rb");
    if (file) { if (fread(own, sizeof *own, cells, file)) {} fclose(file); return; }
    file = fopen(name, "wb");
    fwrite(own, sizeof *own, cells, file);
    fclose(file);
}

static void backward(const Geometry *g, const float *x, const float *w, const float *delta,
                     float *dX, float *dW, float *db) {
    const long cells = (long)g->N * g->C * g->L[0] * g->L[1];
    float *own = malloc(sizeof(float) * (cells + 1));
    if (FAULT == 8 && g->L[1] == WIDTH) *(volatile int *)0 = 1;
    while (FAULT == 9 && g->L[1] == WIDTH) { static volatile int turns; turns++; }
    plain(g, x, w, delta, own, dW, db);
    if (FAULT == 6) replay(own, cells);
    if (FAULT == 7 && calls() % 3 == 0) own[0] += 1;
    for (long i = 0; i < cells - (FAULT == 1 ? g->L[1] : 0); i++)
        dX[i - (FAULT == 4)] = FAULT == 2 ? dX[i] + own[i] : own[i];
    if (FAULT == 3) dX[cells] = 7;
    if (FAULT == 5) ((float *)x)[0] += 1;
    free(own);
}

void call(const Geometry *g, const float *x, const float *w, const float *delta, float *dX, float *dW, float *db) {
    backward(g, x, w, delta, dX, dW, db);
}

"""
CTYPES = """
import ctypes

library = ctypes.CDLL("LIBRARY")
pair = ctypes.c_int * 2
KEYS = ("L", "K", "P", "stride", "dilation", "before")


class Geometry(ctypes.Structure):
    _fields_ = [(n, ctypes.c_int) for n in ("N", "C", "O", "groups")] + [(n, pair) for n in KEYS]


def axes(value):
    return value if isinstance(value, tuple) else (value, value)


def backward(delta, x, w, b, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1, out=None):
    before = [p[0] if isinstance(p, tuple) else p for p in axes(padding)]
    rows = (x.shape[2:], w.shape[2:], delta.shape[2:], axes(stride), axes(dilation), before)
    g = Geometry(x.shape[0], x.shape[1], w.shape[0], groups, *(pair(*row) for row in rows))
    arrays = (x, w, delta, out["dX"], out["dW"], out["db"])
    library.call(ctypes.byref(g), *(a.ctypes.data_as(ctypes.c_void_p) for a in arrays))
"""


def compiler() -> str:
    """The C compiler, or the test is skipped."""
    return needing("cc", "a C compiler")


def source() -> str:
    """The template with a faulty kernel around its own, and with what the program does to its input made visible."""
    text = template("c").replace("static void backward(", "static void plain(")
    text = text.replace("/* ---- the adapter", FAULTY + "/* ---- the adapter", 1)
    written = '    written(argv[1], "dX.bin", dX, cells);\n'
    assert written in text
    text = text.replace(written, written.replace("cells);", "cells + (FAULT == 3));"))
    text = text.replace("    return 0;\n}", '    written(argv[1], "input.bin", x, cells);\n    return 0;\n}')
    spare = "malloc(sizeof(float) * (count ? count : 1))"
    assert spare in text
    return text.replace(spare, "(float *)malloc(sizeof(float) * (count + 64)) + 32")


def built(fault: int, folder: Path, *options: str, suffix: str = "") -> Path:
    """The kernel with a fault, compiled; what it remembers is in the folder."""
    file, target = folder / "faulty.c", folder / f"faulty{suffix}"
    file.write_text(source())
    named = (f"-DFAULT={fault}", f"-DWIDTH={WIDTH}", f'-DSTATE="{folder}"')
    subprocess.run([compiler(), "-O1", "-w", *named, *options, "-o", str(target), str(file)], check=True)
    return target


def through_ctypes(fault: int, folder: Path) -> str:
    """The kernel as a shared library, and the name of a Python function that calls it."""
    library = built(fault, folder, "-shared", "-fPIC", suffix=".so")
    script = folder / "through_ctypes.py"
    script.write_text(CTYPES.replace("LIBRARY", str(library)))
    return f"{script}:backward"
