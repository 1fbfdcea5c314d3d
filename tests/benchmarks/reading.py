"""Prints what reading a million numbers costs, against json.load and numpy.array of the same numbers; on Linux.

Run as `python tests/benchmarks/reading.py`. Both are measured in turns, each in a process of its own; the ratio is that
of the medians. Memory is the highest resident size above that of the process before reading.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TURNS = 5
MEASURED = """
import json, sys, time
import numpy as np
from convgrad.documents import arrays, reading, read, source  # noqa
def size(field):
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith(field))) / 1024
def plainly(path):
    with open(path) as file:
        return np.array(json.load(file)["input"])
def by_documents(path):
    (document,) = read(source(path))
    return document.value["input"]
before, start = size("VmRSS"), time.perf_counter()
array = {read}(sys.argv[1])
print(time.perf_counter() - start, size("VmHWM") - before, array.shape)
"""


def forms(rows):
    """The same array as people and programs write it, by name: the suffix, the text, the promised ratio."""
    lines = [json.dumps(row) for row in rows.tolist()]
    numbers = [list(map(repr, row)) for row in rows.tolist()]
    whole = f"[{', '.join(lines)}]"
    return {
        "JSON": ("json", f'{{"op": "conv", "input": {whole}}}', 1.3),
        "JSON, a row on a line": ("json", '{"op": "conv",\n "input": [' + ",\n  ".join(lines) + "]}", 1.3),
        "JSON in YAML": ("yaml", f"op: conv\ninput: {whole}\nstride: 1\n", 1.3),
        "YAML, a row on a line": ("yaml", "input:\n  - " + "\n  - ".join(lines) + "\nop: conv\n", 2.5),
        "YAML, nested rows": ("yaml", "input:\n  - - " + "\n    - ".join(lines) + "\nop: conv\n", 2.5),
        "YAML, a number on a line": (
            "yaml",
            "input:\n" + "".join("- - " + "\n  - ".join(row) + "\n" for row in numbers),
            5.5,
        ),
        "JSON, 2 by 2": ("json", json.dumps({"input": rows.reshape(-1, 2, 2).tolist()}), 1.6),
    }


def measured(read, path):
    program = MEASURED.replace("{read}", read)
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    seconds, megabytes, _ = done.stdout.split(maxsplit=2)
    return float(seconds), float(megabytes)


def main():
    rows = np.random.default_rng(0).standard_normal((1000, 1000))
    print(f"{'':26}{'json.load':>10}{'documents':>10}{'ratio':>7}{'promise':>9}{'MB':>6}{'MB':>6}")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "plain.json")
        plain.write_text(json.dumps({"input": rows.tolist()}))
        for name, (suffix, text, promise) in forms(rows).items():
            path = Path(folder, f"x.{suffix}")
            path.write_text(text)
            turns = [(measured("plainly", str(plain)), measured("by_documents", str(path))) for _ in range(TURNS)]
            (a, a_size), (b, b_size) = (
                map(statistics.median, zip(*way, strict=True)) for way in zip(*turns, strict=True)
            )
            print(f"{name:26}{a:>9.3f}s{b:>9.3f}s{b / a:>7.2f}{promise:>9}{a_size:>6.0f}{b_size:>6.0f}")


if __name__ == "__main__":
    main()
