"""Documents to start from: a small case of every operation, each key with what it means; and a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convgrad.errors import Problem, RequestError
from convgrad.vocabulary import ARRAYS, OPERATIONS, SETTINGS, TRANSPOSED, row_of

NETWORK = """\
# convgrad network case.yaml
input: [[1, 2, 0, 1], [0, 1, 3, 2], [2, 0, 1, 1], [1, 1, 0, 2]]
layers:
  - {name: conv1, op: conv, kernel: [[1, 0], [-1, 2]], bias: 0.5}
  - {name: pool1, op: max-pool, window: 2, stride: 1}
  - {op: relu}
  - {name: out, op: dense, kernel: [[0.5, -1, 1, 2]], bias: [0]}
loss: {op: mse, target: [1]}
learning_rate: 0.1
# claim:                          # what somebody else computed, by layer, for `convgrad check`
#   conv1: {dW: [[0, 0], [0, 0]]}
"""
IMAGE = [[1, 2, 0, 1], [0, 1, 3, 2], [2, 0, 1, 1], [1, 1, 0, 2]]
KERNEL = [[1, 0], [-1, 2]]
PLACES = [[0, 3, 5, 7], [16, 19, 21, 23], [32, 34, 37, 38], [48, 50, 53, 55]]
EXAMPLES: dict[str, Any] = {"window": 2, "output_size": 2, "indices": PLACES}
"""Values of settings that have no default, where they must be there."""
COLUMN = 30


def template(name: str) -> str:
    """A document to start from, as YAML: of an operation, or `network`. Raises RequestError for another name."""
    if name == "network":
        return NETWORK
    if name not in OPERATIONS:
        from convgrad.subject.foreign_words import did_you_mean

        words = (*OPERATIONS, "network")
        raise RequestError(
            Problem(f"unknown document '{name}'{did_you_mean(name, words)}", f"one of {', '.join(words)}")
        )
    return "\n".join(_lines(name)) + "\n"


def _lines(name: str) -> Iterator[str]:
    """The keys of a case of an operation, those at their defaults with what they mean."""
    row, required = row_of(name), [key for key in OPERATIONS[name].settings if _is_required(name, key)]
    yield "# convgrad backward case.yaml"
    yield f"op: {name}"
    yield _line("input", IMAGE)
    if "w" in row.operands:
        yield _line("kernel", KERNEL)
        yield _line("bias", 0)
    # numbers are put where there is room for them
    room = {"output_size": 8} if "indices" in required else {}
    yield from (_line(key, {**EXAMPLES, **room}[key]) for key in required)
    yield _line("delta", "ones")
    for key, default in row.settings.items():
        if key not in required:
            yield _line(key, default) if default is not None else "# " + _line(key, "…")
    yield "# claim: {dX: …}".ljust(COLUMN) + "  # what somebody else computed, for `convgrad check`"


def _is_required(name: str, key: str) -> bool:
    """Whether an operation needs a setting: a transposed convolution's length follows from the others."""
    return SETTINGS[key].required and row_of(name).family != TRANSPOSED


def _line(key: str, value: Any) -> str:
    shown = str(value).lower() if isinstance(value, bool) else value
    meaning = (ARRAYS.get(key) or SETTINGS[key]).meaning
    return f"{key}: {shown}".ljust(COLUMN) + f"  # {meaning}"
