"""Reading a million numbers, against json.load and numpy.array of the same; each in a process of its own, on Linux.

Memory is the highest resident size above that of the process before reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.benchmarks.row import MORE, Row
from tests.benchmarks.timing import SIZE, reported

SIDE = 1000
PEER = "json.load and numpy.array"
MEASURED = f"""{SIZE}
import json, sys, time
import numpy as np
from convgrad.documents import lifting, reading, read, source  # noqa
def plainly(path):
    with open(path) as file:
        return np.array(json.load(file)["input"])
def by_documents(path):
    (document,) = read(source(path))
    return document.value["input"]
before, start = size("VmRSS"), time.perf_counter()
array = globals()[sys.argv[1]](sys.argv[2])
print(time.perf_counter() - start, size("VmHWM") - before, file=sys.stderr)
"""


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """Two rows a form: time, and memory."""
    random = np.random.default_rng(0).standard_normal((SIDE, SIDE))
    with TemporaryDirectory() as folder:
        for name, (suffix, text, peer, target) in forms(random).items():
            if only in name:
                ours, plain = Path(folder, f"x.{suffix}"), Path(folder, "plain.json")
                ours.write_text(text)
                plain.write_text(peer)
                yield from _rows(name, str(ours), str(plain), rounds, target)


def _rows(name: str, ours: str, plain: str, rounds: int, target: float) -> Iterator[Row]:
    turns = [(reported(MEASURED, "by_documents", ours), reported(MEASURED, "plainly", plain)) for _ in range(rounds)]
    (time, size), (peer_time, peer_size) = (map(median, zip(*side, strict=True)) for side in zip(*turns, strict=True))
    yield Row(name, time, peer_time, PEER, at_most=target)
    yield Row(f"{name}: memory", size, peer_size, PEER, MORE, at_most=1, unit="MB")


def forms(rows: Any) -> dict[str, tuple[str, str, str, float]]:
    """An array as people and programs write it, by name: suffix, text, the same as plain JSON, and the target."""
    lines = [json.dumps(row) for row in rows.tolist()]
    numbers = [list(map(repr, row)) for row in rows.tolist()]
    whole = f"[{', '.join(lines)}]"
    plain = f'{{"input": {whole}}}'
    fours = json.dumps({"input": rows.reshape(-1, 2, 2).tolist()})
    a_row, a_number = "\n    - ".join(lines), "".join("- - " + "\n  - ".join(row) + "\n" for row in numbers)
    return {
        "JSON": ("json", plain, plain, 1.3),
        "JSON, a row on a line": ("json", '{"op": "conv",\n "input": [' + ",\n  ".join(lines) + "]}", plain, 1.3),
        "JSON, 2 by 2": ("json", fours, fours, 1.3),
        "JSON in YAML": ("yaml", f"op: conv\ninput: {whole}\nstride: 1\n", plain, 1.3),
        "YAML, a row on a line": ("yaml", "input:\n  - " + "\n  - ".join(lines) + "\nop: conv\n", plain, 2.5),
        "YAML, nested rows": ("yaml", f"input:\n  - - {a_row}\nop: conv\n", plain, 2.5),
        "YAML, a number on a line": ("yaml", f"input:\n{a_number}", plain, 5.5),
    }
