"""What `grade` takes for cases of hand size, in processor time: by a function, in lines of JSON, by processes."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from convgrad.grading.door import grade
from convgrad.suites.core import core
from convgrad.suites.trial import of_sketch
from tests.benchmarks.row import ALONE, Row

CASES, PROCESSES = 1000, 51
FUNCTION = "def db(delta, x, w, b, **settings):\n    return {'db': delta.sum((0, 2, 3))}\n"
ADAPTER = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["type"] == "start":
        print('{"type": "ready", "protocol": 1}', flush=True)
    elif request["type"] == "run":
        delta = request["case"]["delta"]
        db = [sum(e for sample in delta for row in sample[o] for e in row) for o in range(len(delta[0]))]
        print(json.dumps({"type": "result", "id": request["id"], "db": db}), flush=True)
"""


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """A row a way to run a program; four runs of every case, one of them with other numbers."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mine.py").write_text(FUNCTION)
        (folder / "adapter.py").write_text(ADAPTER)
        cases = {"cases": [_written(folder / "cases.jsonl")], "dtype": "float64"}
        every: dict[str, tuple[Any, Any, bool, Row]] = {
            "function": (f"{folder}/mine.py:db", cases, True, _row(f"{CASES} cases by a function", 5, "s", 1)),
            "lines": ([sys.executable, f"{folder}/adapter.py"], {**cases, "loop": True}, False,
                      _row("JSON Lines, a case, beside the adapter", 1, "ms", CASES)),
            "command": (["true", "{dir}"], {}, True, _row("a process, a case", 15, "ms", PROCESSES)),
        }  # fmt: skip
        for target, options, theirs, row in every.values():
            if only in row.name:
                taken = median(_taken(target, options, theirs) for _ in range(rounds))
                scale = 1000 / row.count if row.unit == "ms" else 1
                yield Row(row.name, taken * scale, figure=ALONE, at_most=row.at_most, unit=row.unit)


def _row(name: str, at_most: float, unit: str, count: int) -> Row:
    return Row(name, 0, at_most=at_most, unit=unit, count=count)


def _written(path: Path) -> str:
    with path.open("w") as file:
        for number in range(CASES):
            case = of_sketch(core("conv", 2)[0], "float64", number + 1).case.document
            plain = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in case.items()}
            file.write(json.dumps({**plain, "id": f"case-{number}"}) + "\n")
    return str(path)


def _taken(target: Any, options: dict[str, Any], theirs: bool) -> float:
    """Seconds of the processor, of ours and of what was started where that is wanted."""
    before = _spent(theirs)
    grade(target, want=["db"], shrink=False, **options)
    return _spent(theirs) - before


def _spent(theirs: bool) -> float:
    whose = (resource.RUSAGE_SELF, *((resource.RUSAGE_CHILDREN,) if theirs else ()))
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))
