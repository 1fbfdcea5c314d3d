"""Options beside a document: those that any request takes, odd values for them, and words that are no options."""

from __future__ import annotations

from typing import Any

import numpy as np

from convgrad.cli.commands import COMMANDS, kinds_of, offers_of
from tests.fuzz.choices import Choices
from tests.fuzz.spelling import flow
from tests.fuzz.values import CHOICES, NINES, odd

DOCUMENTS = ("markdown", "latex", "csv", "svg", "html")
FORMATS = {"json": 18, "table": 9, "jsonl": 3, "yaml": 3, **dict.fromkeys(DOCUMENTS, 1)}
ARITHMETICS = ("auto", "exact", "float64", "float32")
ODD_INTEGERS = (0, -1, 1, 2, 3, 17, 1000, 1001, 2**31, 2**63, 10**30)
SMALL = (0, -1, 1, 2, 3)
ODD: dict[str, tuple[Any, ...]] = {
    "format": ("json", "table", "jsonl", "yaml", *DOCUMENTS, "xml", "", "JSON"),
    "output": ("out.json", "out.yaml", "out.jsonl", "out.txt", "out.html", "out.tex", "out.svg", "out.pdf",
        "out.npy", "out.npz", "out", "", ".",
        "no/such/folder.json", "x.yaml"),
    "arithmetic": (*ARITHMETICS, "float16", "", "Exact"),
    "color": ("always", "never", "auto", "", "red"),
    "overlays": ("all", "none", "0", "1", "2", "-1", "", "x", "1.5", "\u0663", str(2**63), NINES),
    "only": ("0", "0,0", "1,1", "0,0,0", "1,0,0,0", "-1", "", "x", "[0]", "[[0]]", "0,", "9" * 30, NINES, "1.5", "[",
        "{}"),
    "channel": ("0", "0,0", "1,1", "9", "-1", "", "x", "0,0,0", NINES),
    "layer": ("conv1", "relu2", "layer0", "", "x", ".", "dense1"),
    "threads": (1, 2, 0, -1, 10**30),
    "steps": SMALL,
    "claim": ("{dX: [1]}", "{}", "[1]", "{dW: [[1]]}", "{output: 1}", "x", "", "-", "{dX: {a: 1}}",
        "{schema: convgrad.backward/1}"),
    "claim_dtype": ("float64", "float32", "float16", "bfloat16", "tf32", "int8", "", "[1]"),
    **dict.fromkeys(("dW", "db", "dX", "y"), ("[1]", "1", "[[1, 2]]", "[.nan]", "null", "[null]", "", "x", "-",
        "ones", "{dX: [1]}")),
}  # fmt: skip
ODD_ENTRIES = (
    "dX", "dX[", "dX[]", "dX[-1]", "dX[9999]", "dX[1.5]", "dq[0]", "", "conv1.dX[0]", "dX[0,0,0,0,0,0]", f"dX[{NINES}]",
    " dX[0] ", "dX[\u0663]", "dX[1_0]", ".dX[0]", "a.b.dX[0]", "dX[0]x", "dX[+0]", "y", "y[0]", "output[0]",
    "delta[0]", "db",
    "x[0]", "dX[1e3]", "dX(0)", "-", "--help",
)  # fmt: skip
ODD_WORDS = ("--nothing", "--digits=x", "--sample=1.5", "--help", "x", "--threads=", "-x", "--format", "--steps=9e9",
    "--version",
             "--input", "--seed=0x1", "--no-format", "--ceil-mode=1", "")  # fmt: skip
TAKES: dict[str, dict[str, Any]] = {
    name: {
        option.name: option
        for kind in kinds_of(command.run).values()
        if kind in offers_of(command.run)
        for option in offers_of(command.run)[kind].options
    }
    for name, command in COMMANDS.items()
}
"""Per command its options by name."""


def options_of(choices: Choices, command: str) -> dict[str, Any]:
    """Options that any valid request of a command takes."""
    options: dict[str, Any] = {"format": choices.weighted(FORMATS)}
    if command != "schema" and choices.chance(0.15):
        options["arithmetic"] = choices.one_of("auto", "float64", "float32")
    if command == "backward" and choices.chance(0.3):
        options["overlays"] = choices.one_of("all", "none", "1", "3")
    elif command in ("forward", "backward") and choices.chance(0.05):
        options["output"] = choices.one_of("out.npy", "out.npy", "out.json", "out.yaml", "out.txt")
    elif command == "network" and choices.chance(0.2):
        options["steps"] = choices.integer(1, 3)
    if options["format"] == "table":
        options |= {name: True for name in ("ascii", "quiet") if choices.chance(0.2)}
        options |= {"digits": choices.one_of(1, 3, 17)} if choices.chance(0.2) else {}
        options |= {"color": "always"} if choices.chance(0.1) else {}
    return options


def odd_options(choices: Choices, command: str) -> dict[str, Any]:
    """One to three options of a command with values that may be wrong."""
    names = [name for name in TAKES[command] if name != "debug"]  # which shows lines of this machine
    return {
        name: _odd_value(choices, command, name)
        for name in (choices.of_list(names) for _ in range(choices.one_of(1, 1, 2, 3)))
    }


def _odd_value(choices: Choices, command: str, name: str) -> Any:
    option = TAKES[command][name]
    if option.kind is bool:
        return "/" not in option.flag or choices.chance(0.5)
    if name in ODD:
        return choices.of_list(ODD[name])
    if option.kind is int:
        return choices.of_list(ODD_INTEGERS)
    return choices.of_list(option.choices or CHOICES) if choices.chance(0.3) else flow(odd(choices))


def odd_words(choices: Choices) -> tuple[str, ...]:
    """Words that a command does not take."""
    return (choices.of_list(ODD_WORDS),)


def entry(choices: Choices, document: dict[str, Any]) -> str:
    """An entry to explain: mostly one that there is."""
    if choices.chance(0.15) or "op" not in document or 0 in np.shape(document["input"]):
        return str(choices.of_list(ODD_ENTRIES))
    return sound_entry(choices, document)


def layer_entry(choices: Choices, names: list[str]) -> str:
    """An entry of a layer, which may be there."""
    if choices.chance(0.1):
        return str(choices.of_list(ODD_ENTRIES))
    index = choices.one_of("0", "0,0", "0,0", "1", "1,1", "0,0,0", "0,0,0,0", "1,0,0,0")
    return f"{choices.of_list(names)}.{choices.one_of('dX', 'dX', 'dW', 'db', 'y')}[{index}]"


def sound_entry(choices: Choices, document: dict[str, Any]) -> str:
    """An entry of a result of a valid case."""
    name, key = choices.one_of(
        ("dX", "input"), ("y", "delta"), ("dW", "kernel") if "kernel" in document else ("dX", "input")
    )
    index = [choices.integer(0, length - 1) for length in np.shape(document[key])]
    return f"{name}[{','.join(map(str, index))}]"
