"""The rules of the outside that hold whatever was asked for, each a function from a run to what is wrong with it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

import jsonschema
import numpy as np

from convgrad.documents.schemas import schema
from tests import definitions
from tests.fuzz.running import Outcome, culprit, in_process
from tests.fuzz.trial import Trial
from tests.fuzz.values import NINES

CODES = (0, 1, 2, 3, 4)
DONE = (0, 1, 3, 4)
FAMILIES = {
    "forward": {"convgrad.forward/1": "forward", "convgrad.saved/1": "saved"},
    "backward": {"convgrad.backward/1": "backward", "convgrad.saved/1": "saved"},
    "explain": {"convgrad.explain/1": "explain"},
    "check": {"convgrad.check/1": "check", "convgrad.network-check/1": "network-check",
              "convgrad.installation/1": "installation"},
    "network": {"convgrad.network/1": "network-output"},
}  # fmt: skip
"""Per command the schemas that its output may name, and what they are called."""


@dataclass(frozen=True)
class Failure:
    """A rule that a run broke: of one kind are those with the same words."""

    kind: str
    detail: str = ""


def always(trial: Trial, outcome: Outcome, through_words: bool) -> Iterator[Failure]:
    """What the outcome of one run shows."""
    yield from (Failure(kind) for kind in outcome.trouble)
    if outcome.code == -1:
        return
    if outcome.code == 70:
        yield Failure(f"exit 70: {culprit(trial, through_words)}", _first_line(outcome))
    elif outcome.code not in CODES:
        yield Failure(f"exit {outcome.code}", _first_line(outcome))
    if outcome.code == 1 and trial.command != "check":
        yield Failure(f"exit 1 from {trial.command}")
    if b"Traceback (most recent" in outcome.stderr:
        yield Failure("a traceback", _first_line(outcome))
    if b"not enough memory" in outcome.stderr:
        yield Failure("not enough memory", _first_line(outcome))
    yield from _refused(trial, outcome)
    yield from _written(trial, outcome)
    if (
        outcome.code in DONE
        and outcome.stdout
        and trial.options.get("format") == "json"
        and "--help" not in trial.extra
    ):
        yield from _json(trial, outcome)


def _first_line(outcome: Outcome) -> str:
    """What standard error says first; of a bug, if there is one."""
    lines = outcome.stderr.decode("utf-8", "replace").splitlines()
    return next((line for line in lines if "a bug in convgrad" in line), lines[0] if lines else "")[:200]


def _refused(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    """Exit code 2 says why, and nothing else, unless it is about one case of many."""
    if outcome.code == 2 and not outcome.stderr:
        yield Failure("exit 2 without a word")
    if outcome.code == 2 and outcome.stdout and not _are_many(trial, outcome):
        yield Failure("exit 2 with output")
    if outcome.code == 2 and trial.sound:
        yield Failure("a sound request is refused", _first_line(outcome))
    if outcome.code == 1 and trial.valid is not None and not trial.claimed:
        yield Failure("our own gradients differ")


def _are_many(trial: Trial, outcome: Outcome) -> bool:
    """Whether the request has several cases: then as JSON it gives a list."""
    if trial.documents > 1 or trial.options.get("format") == "json":
        written = outcome.stdout or outcome.written.get(trial.options.get("output") or "") or b""
        return trial.documents > 1 or written.startswith(b"[")
    options = {**trial.options, "format": "json", "output": None}
    return in_process(replace(trial, options=options)).stdout.startswith(b"[")


def _written(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    """Only --output is written, and for a refused request not even that."""
    asked = trial.options.get("output")
    if strangers := [name for name in outcome.written if name != asked]:
        yield Failure("a file that nobody asked for", ", ".join(strangers))
    if outcome.code == 2 and asked in outcome.written and not _are_many(trial, outcome):
        yield Failure("a refused request wrote a file")


def _json(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    try:
        value = strict(outcome.stdout)
    except ValueError as error:
        yield Failure("not JSON", str(error)[:200])
        return
    if trial.command == "schema":
        return
    for record in value if isinstance(value, list) else [value]:
        if "error" not in record and record.get("schema") not in FAMILIES[trial.command]:
            yield Failure(f"{trial.command} gave the schema {record.get('schema')}")


def strict(text: bytes) -> Any:
    """JSON without NaN and infinities; ValueError for anything else."""
    return json.loads(text.decode(), parse_constant=_refuse_constant, parse_int=_whole)


def _whole(text: str) -> int | str:
    """A whole number; its text where Python refuses to read so many digits, which JSON does not."""
    return int(text) if len(text) < len(NINES) else text


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


# -- Rules that take another run ---------------------------------------------------------------------------------------


def again(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    """The same request gives the same bytes, whether it came as words or not."""
    if in_process(trial).seen != outcome.seen:
        yield Failure("not the same twice")


def lines(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    """JSON Lines say what JSON says."""
    if trial.options.get("format") != "json" or not outcome.stdout or trial.command == "schema" or trial.extra:
        return
    other = in_process(replace(trial, options={**trial.options, "format": "jsonl"}))
    if other.code != outcome.code:
        yield Failure("jsonl has another exit code than json", f"{other.code}, {outcome.code}")
        return
    try:
        records = _gathered(strict(line) for line in other.stdout.splitlines())
    except ValueError as error:
        yield Failure("not JSON Lines", str(error)[:200])
        return
    value = strict(outcome.stdout)
    if records != [_in_order(record) for record in (value if isinstance(value, list) else [value])]:
        yield Failure("jsonl says another thing than json")


def _gathered(lines: Iterator[Any]) -> list[Any]:
    """Each result with the overlays or steps that came in lines before it."""
    records, streamed = [], {"overlay": [], "step": []}
    for line in lines:
        kind = line.get("type")
        if kind in streamed:
            streamed[kind].append({key: part for key, part in line.items() if key != "type"})
            continue
        rest = {key: part for key, part in line.items() if key != "type"}
        records.append(rest | {f"{kind}s": parts for kind, parts in streamed.items() if parts})
        streamed = {"overlay": [], "step": []}
    return records


def _in_order(record: Any) -> Any:
    """A record without lists of nothing, which lines cannot show."""
    return {key: part for key, part in record.items() if key not in ("overlays", "steps") or part}


def published(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    """Every result holds to the schema that is published for it."""
    if trial.options.get("format") != "json" or not outcome.stdout or trial.command == "schema" or trial.extra:
        return
    value = strict(outcome.stdout)
    for record in value if isinstance(value, list) else [value]:
        name = "error" if "error" in record else FAMILIES[trial.command].get(record["schema"])
        if isinstance(record.get("layer"), str) and name == "explain":
            name = "network-explain"
        for error in _validator(name).iter_errors(record) if name else ():
            yield Failure(
                f"{trial.command} breaks its schema at {'.'.join(str(part) for part in error.schema_path)}"[:120]
            )
            return


@cache
def _validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(schema(name))


# -- Rules about numbers -----------------------------------------------------------------------------------------------

RESULTS = {"forward": ("output",), "backward": ("dX", "dW", "db")}
FACTORS = {"output": ("input", "kernel"), "dX": ("delta", "kernel"), "dW": ("delta", "input"), "db": ("delta",)}
TOLERANCES = {"exact": 0.0, "float64": 1e-9, "float32": 1e-2}
"""Of the largest product: sums of a thousand terms and less; what is exact is rounded once, as float() rounds."""


def defined(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    """Output and gradients of a valid case are those of plain loops."""
    if trial.valid is None or trial.command not in RESULTS or trial.options.get("format") != "json" or outcome.code:
        return
    if trial.valid.get("norm", 1) != 1 or "output" in trial.options:
        return
    result = strict(outcome.stdout)
    for name, right in _from_loops(trial).items():
        if not _agrees(trial.valid, name, result, right):
            yield Failure(f"{trial.command} gives a wrong {name}", f"{trial.valid['op']}, {result['arithmetic']}")


def _from_loops(trial: Trial) -> dict[str, np.ndarray]:
    assert trial.valid is not None
    made = (
        {"output": definitions.forward(trial.valid)}
        if trial.command == "forward"
        else definitions.backward(trial.valid)
    )
    return {name: np.array(part, dtype=object).astype(float) for name, part in made.items()}


def _agrees(case: Mapping[str, Any], name: str, result: Mapping[str, Any], right: np.ndarray) -> bool:
    ours = np.array(result[name], dtype=object)
    if ours.shape != right.shape:
        return False
    ours = np.array([_number(entry) for entry in ours.ravel()]).reshape(ours.shape)
    scale = math.prod(_largest(case[key]) for key in FACTORS[name] if key in case)
    scale += _largest(case["bias"]) if "bias" in case and name == "output" else 0
    if result["arithmetic"] == "float32" and scale > 1e30:
        return True  # beyond what float32 holds: infinities
    return bool(np.all(np.abs(ours - right) <= TOLERANCES[result["arithmetic"]] * scale))


def _largest(value: Any) -> float:
    if isinstance(value, list):
        return max(map(_largest, value), default=0.0)
    return abs(float(Fraction(value)))


def _number(entry: Any) -> float:
    above, _, below = str(entry).partition("/")
    return int(above) / int(below) if below else float(above)


def explained(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    """An entry that is explained has the value that it has among all."""
    if trial.valid is None or trial.command != "explain" or trial.options.get("format") != "json" or outcome.code:
        return
    record, (name, _, index) = strict(outcome.stdout), trial.options["entry"].partition("[")
    command = "forward" if name == "y" else "backward"
    other = in_process(replace(trial, command=command, options={**trial.options, "entry": None}))
    entry = strict(other.stdout)["output" if name == "y" else name]
    for place in index.strip("]").split(","):
        entry = entry[int(place)]
    largest = max((abs(_number(term["value"] or 0)) for term in record["terms"]), default=0.0)
    if not _close(record, record["value"], entry, largest):
        yield Failure(f"explain gives another {name}", f"{trial.valid['op']}: {record['value']} but {entry}")


def _close(record: Mapping[str, Any], one: Any, other: Any, largest: float) -> bool:
    """Whether two numbers of the same arithmetic differ by no more than the order of their sum."""
    return one == other or abs(_number(one) - _number(other)) <= TOLERANCES[record["arithmetic"]] * largest


def claimed(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    """What we compute ourselves is, as a claim, not found to be wrong."""
    if trial.valid is None or trial.claimed or trial.command != "check" or outcome.code:
        return
    shared = {"case": trial.options["case"], "arithmetic": trial.options.get("arithmetic"), "format": "json"}
    gradients = strict(in_process(replace(trial, command="backward", options=shared)).stdout)
    claims = {name: json.dumps(gradients[name]) for name in ("dX", "dW", "db") if name in gradients}
    if gradients["arithmetic"] != "exact":
        claims["claim_dtype"] = gradients["arithmetic"]
    if in_process(replace(trial, options={**trial.options, **claims})).code == 1:
        yield Failure("our own gradients are wrong as a claim", str(trial.valid["op"]))


Rule = Callable[[Trial, Outcome], Iterator[Failure]]
RARE: dict[Rule, int] = {again: 20, lines: 20, published: 40, defined: 10, explained: 4, claimed: 2}
"""Rules that cost more than a run itself: one run in so many is held to them."""
