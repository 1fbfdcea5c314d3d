"""What makes the table of `core`: random small geometries, and the fewest that reveal every mistake, pairwise apart.

`python -m tests.suites.search [COUNT [NAME…]]` writes convgrad/suites/core.json: rows that stand there stay, since a
vector never changes, what they catch is found anew, and rows are added for mistakes that none of them shows.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import reduce
from itertools import combinations, islice
from multiprocessing import Pool
from operator import or_
from random import Random
from typing import Any

import numpy as np

from convgrad.catalogue.tables import catalogue, right
from convgrad.diagnosis.candidates import Bare, differs
from convgrad.diagnosis.control import truth_of
from convgrad.diagnosis.strength import _with_step, fingerprint
from convgrad.errors import RequestError
from convgrad.suites.core import TABLE, of_row
from convgrad.suites.edges import ACTIVATIONS
from convgrad.suites.sketch import LEVELS, Sketch, is_bent, unit_of
from convgrad.vocabulary import GRADED, row_of

MOST = {1: 150, 2: 150, 3: 300}
"""Numbers of a case, by spatial axes."""
APART = 0.7
"""How many cases with an activation that is bent at 0 meet it nowhere."""
VARIANTS = 3
"""Variants of a mistake that are looked at."""
Item = tuple[str, str]
Shown = dict[Item, dict[str, int]]


def shown(sketch: Sketch) -> Shown:
    """The wrong arrays of every mistake that shows on a case, by array and id: of its first variants a print each."""
    case = sketch.case()
    truth, bare, found = truth_of(case), Bare(), {}
    with np.errstate(all="ignore"):
        for mistake in catalogue(case):
            for array, form in mistake.forms.items():
                if array not in truth or mistake.id == "misrounded":
                    continue
                wrong = _variants(form, case, array, truth[array], bare)
                if prints := {name: hash(fingerprint(array, value)) for name, value in islice(wrong, VARIANTS)}:
                    found[array, mistake.id] = prints
    return found


def _variants(form: Any, case: Any, array: str, truth: Any, bare: Bare) -> Iterator[tuple[str, Any]]:
    for name, altered in form.alter(_with_step(right(case, array))).items():
        if differs(truth, value := bare.value(altered)):
            yield name, value


# -- Random geometries -------------------------------------------------------------------------------------------------


def candidates(op: str, dims: int, kind: str, count: int) -> list[Sketch]:
    """So many small cases of an operation whose sums are exact in every type of number."""
    random, found = Random(f"{op} {dims} {kind}"), []
    while len(found) < count:
        try:
            sketch = _drawn(random, op, dims, kind)
            small = sketch.numbers <= MOST[dims]
            if small and (sketch := _levelled(sketch)) is not None:
                found.append(sketch)
        except RequestError:
            continue
    return found


def _levelled(sketch: Sketch) -> Sketch | None:
    """With numbers that every type holds, or float32 where they are no small whole ones."""
    if sketch.is_real:
        return sketch.but(level=LEVELS[0])
    return sketch.levelled("bfloat16" if sketch.unit == 1 and not sketch.spread else "float32")


def _drawn(random: Random, op: str, dims: int, kind: str) -> Sketch:
    shapes, settings = (_pool if "window" in row_of(op).settings or "output_size" in row_of(op).settings
                        else _convolution)(random, op, dims)  # fmt: skip
    shapes, settings = _simple(shapes, settings, dims, kind)
    numbers = random.choice(("whole", "whole", "whole", "halves", "large"))
    unit = unit_of(op, settings)
    if unit != 1:
        return Sketch("", op, shapes, settings, random.randrange(1, 1000), unit)
    return Sketch(
        "", op, shapes, settings, random.randrange(1, 1000), Fraction(1, 2) if numbers == "halves" else Fraction(1),
        4100 if numbers == "large" else None, is_bent(op, settings) and random.random() < APART,
    )  # fmt: skip


PLAIN = ("window", "stride", "padding")


def _simple(shapes: Any, settings: Any, dims: int, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of a plain case one stride and padding for all axes and nothing else; of a bare one a pool's window alone.

    Of one of a network that is for ReLU no other activation.
    """
    if kind in ("core", "relu"):
        kept = {name: value for name, value in settings.items() if name not in ("activation", "slope")}
        return shapes, settings if kind == "core" else kept
    groups = settings.get("groups", 1)
    if groups > 1:
        shapes = {**shapes, "input": (shapes["input"][0], shapes["input"][1] // groups, *shapes["input"][2:])}
        first, second, *window = shapes["kernel"]
        shapes |= {"kernel": (first // groups, second, *window), "bias": (shapes["bias"][0] // groups,)}
    kept = {name: value for name, value in settings.items() if name in PLAIN and (kind == "plain" or name == "window")}
    same = {
        name: [value[0]] * dims if name != "padding" else [[value[0][0]] * 2] * dims for name, value in kept.items()
    }
    return shapes, same | {name: settings[name] for name in ("output_size",) if name in settings}


def _axes(random: Random, dims: int, *choices: int) -> list[int]:
    return [random.choice(choices) for _ in range(dims)]


def _convolution(random: Random, op: str, dims: int) -> tuple[dict[str, Any], dict[str, Any]]:
    groups = random.choice((1, 2, 2))
    inner, outer = random.choice((1, 2, 2)), random.choice((1, 2, 2))
    kernel = _axes(random, dims, 1, 2, 2, 3)
    first = (groups * inner, outer) if op == "conv-transpose" else (groups * outer, inner)
    shapes = {
        "input": (random.choice((1, 2, 2, 3)), groups * inner, *_axes(random, dims, 2, 3, 4, 5, 6)),
        "kernel": (*first, *kernel),
        "bias": (groups * outer,),
    }
    settings: dict[str, Any] = {
        "stride": _axes(random, dims, 1, 2, 2, 3), "dilation": _axes(random, dims, 1, 1, 2, 3),
        "padding": [_axes(random, 2, 0, 0, 1, 2) for _ in range(dims)], "groups": groups,
    }  # fmt: skip
    if op == "conv-transpose":
        settings["output_padding"] = _axes(random, dims, 0, 0, 1)
    else:
        settings["padding_mode"] = random.choice(("zeros", "zeros", "reflect", "replicate", "circular"))
    if "activation" in row_of(op).settings:
        settings |= random.choice(ACTIVATIONS)
    return shapes, settings


def _pool(random: Random, op: str, dims: int) -> tuple[dict[str, Any], dict[str, Any]]:
    if "indices" in row_of(op).settings:
        return _unpooling(random, dims)
    shapes = {"input": (random.choice((1, 2, 2)), random.choice((1, 2, 2)), *_axes(random, dims, 3, 4, 5, 6, 7))}
    allowed = row_of(op).settings
    drawn = {
        "window": _axes(random, dims, 1, 2, 2, 3), "stride": _axes(random, dims, 1, 2, 2, 3),
        "padding": [_axes(random, 2, 0, 0, 1) for _ in range(dims)], "dilation": _axes(random, dims, 1, 1, 2),
        "ceil_mode": random.choice((False, True)), "ties": random.choice(("first", "first", "last", "split", "all")),
        "count_include_pad": random.choice((True, False)), "divisor": random.choice((None, None, None, 3)),
        "norm": random.choice((2, 2, 3, 1)), "output_size": _axes(random, dims, 1, 2, 3, 4),
    }  # fmt: skip
    return shapes, {name: value for name, value in drawn.items() if name in allowed and value is not None}


def _unpooling(random: Random, dims: int) -> tuple[dict[str, Any], dict[str, Any]]:
    lengths = _axes(random, dims, 1, 2, 2, 3)
    sizes = [length * random.choice((1, 2, 2, 3)) + random.choice((0, 0, 1)) for length in lengths]
    shapes = {"input": (random.choice((1, 2, 2, 3)), random.choice((1, 2, 2, 3)), *lengths)}
    return shapes, {"output_size": sizes}


# -- The fewest --------------------------------------------------------------------------------------------------------


class Told:
    """What cases tell, a bit each: which mistakes show, and which pairs of them on one array come out apart.

    Of every mistake one variant is looked at, the one that shows most often.
    """

    def __init__(self, prints: list[Shown]) -> None:
        fixed = _fixed(prints)
        self.items = list(fixed)
        self.pairs = [pair for pair in combinations(range(len(fixed)), 2) if self._of_one_array(*pair)]
        self.tells = [self._told(found, fixed) for found in prints]
        self.everything = _union(self.tells)

    def _of_one_array(self, one: int, other: int) -> bool:
        return self.items[one][0] == self.items[other][0]

    def _told(self, found: Shown, fixed: Mapping[Item, str]) -> int:
        row = [found.get(item, {}).get(fixed[item]) for item in self.items]
        bits = "".join("01"[item in found] for item in self.items)
        return int(bits + "".join("01"[row[one] != row[other]] for one, other in self.pairs), 2)

    def cover(self, kept: int = 0, tries: int = 60) -> list[int]:
        """The fewest cases that show every mistake and keep every pair apart that any keeps; each is needed.

        The first `kept` are among them whether they are needed or not.
        """
        chosen = min((self._one(Random(number), kept) for number in range(tries)), key=len)
        return sorted(chosen)

    def _one(self, random: Random, kept: int) -> list[int]:
        chosen = list(range(kept))
        left = self.everything & ~_union(self.tells[:kept])
        while left:
            gains = [
                ((left & tells).bit_count() * (1 + random.random() / 4), number)
                for number, tells in enumerate(self.tells)
            ]
            chosen.append(max(gains)[1])
            left &= ~self.tells[chosen[-1]]
        for number in random.sample(chosen[kept:], len(chosen) - kept):
            rest = [other for other in chosen if other != number]
            if _union(self.tells[other] for other in rest) == self.everything:
                chosen = rest
        return chosen


def _union(tells: Iterable[int]) -> int:
    return reduce(or_, tells, 0)


def _fixed(prints: list[Shown]) -> dict[Item, str]:
    """Of every mistake the variant that shows most often."""
    counts: dict[Item, Counter[str]] = {}
    for found in prints:
        for item, variants in found.items():
            counts.setdefault(item, Counter()).update(variants.keys())
    return {item: count.most_common(1)[0][0] for item, count in counts.items()}


def searched(task: tuple[str, int, list[dict[str, Any]]]) -> tuple[str, list[dict[str, Any]], str]:
    """The rows of a kind of case, those that there are first, and what there is to say of them."""
    name, count, rows = task
    op, dims, kind = name.split()
    pool = [of_row(row, "", op, kind) for row in rows] + candidates(op, int(dims), kind, count)
    prints = [shown(sketch) for sketch in pool]
    told = Told(prints)
    chosen = told.cover(len(rows))
    made = [{**row(pool[number]), "catches": catches_of(prints[number])} for number in chosen]
    never = len(told.pairs) - (told.everything & (1 << len(told.pairs)) - 1).bit_count()
    sizes = [pool[number].numbers for number in chosen]
    return name, made, f"{sizes} numbers, {len(told.items)} mistakes, {never} pairs that nothing keeps apart"


def catches_of(found: Mapping[Item, Any]) -> dict[str, str]:
    """The ids by array, in a line each."""
    by_array: dict[str, list[str]] = {}
    for array, name in found:
        by_array.setdefault(array, []).append(name)
    return {array: " ".join(sorted(names)) for array, names in by_array.items()}


def row(sketch: Sketch) -> dict[str, Any]:
    shapes = {name: list(shape) for name, shape in sketch.shapes.items()}
    apart = {"apart": True} if sketch.apart else {}
    return {"shapes": shapes, "settings": dict(sketch.settings), "seed": sketch.seed, "unit": str(sketch.unit),
            "spread": sketch.spread, **apart, "level": list(sketch.level)}  # fmt: skip


KINDS = ("core", "relu", "plain", "bare")


def written(table: Mapping[str, Any]) -> str:
    """The table with a row a line, so that a change is seen."""
    parts = [f"{json.dumps(name)}: [\n{_rows(rows)}\n]" for name, rows in table.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _rows(rows: list[dict[str, Any]]) -> str:
    return ",\n".join(f" {json.dumps(row)}" for row in rows)


def main(count: int, wanted: list[str]) -> None:
    table = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
    every = [f"{op} {dims} {kind}" for kind in KINDS for dims in (2, 1, 3) for op in GRADED
             if kind != "relu" or "activation" in row_of(op).settings]  # fmt: skip
    tasks = [
        (name, count if name.endswith(("core", "relu")) else count // 3, table.get(name, []))
        for name in wanted or every
    ]
    with Pool(2) as workers:
        for name, rows, note in workers.imap_unordered(searched, tasks):
            print(name, note, flush=True)
            table[name] = rows
    TABLE.write_text(written({name: table[name] for name in every if name in table}), encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60, sys.argv[2:])
