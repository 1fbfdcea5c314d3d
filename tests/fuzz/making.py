"""From a seed and a number to a trial: a document, how it is wrong, where it lies, and the options beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from convgrad.vocabulary import CLAIM_TYPES
from tests.fuzz import binary, subjects
from tests.fuzz.choices import Choices
from tests.fuzz.damage import damaged, damaged_bytes
from tests.fuzz.mutations import mutated
from tests.fuzz.options import TAKES, entry, layer_entry, odd_options, odd_words, options_of, sound_entry
from tests.fuzz.spelling import flow, spelled
from tests.fuzz.trial import Trial
from tests.fuzz.values import odd, odd_key

CASE_COMMANDS = {"forward": 10, "backward": 6, "explain": 3, "check": 1}
NETWORK_COMMANDS = {"network": 8, "explain": 2, "check": 1}
LONGEST = 100_000
"""Bytes of one word of a command line: Linux takes 131,071."""
ARRAYS = ("input", "kernel", "bias", "delta")


def trial(seed: int, number: int) -> Trial:
    """The trial of a number: the same whenever it is asked for."""
    choices = Choices.of(seed, number)
    return choices.weighted(KINDS)(choices)


def valid(choices: Choices) -> Trial:
    """A case as it should be, in any spelling, with options that it can be asked with."""
    document = subjects.case(choices)
    command = choices.weighted(CASE_COMMANDS)
    options = options_of(choices, command)
    if command == "explain":
        options["entry"] = sound_entry(choices, document)
    return _placed(
        choices, command, spelled(choices, document).encode(), options, kind="valid", valid=document, sound=True
    )


def values(choices: Choices) -> Trial:
    """A case with keys and values that are wrong."""
    return _of_case(
        choices,
        lambda document: _encoded(spelled(choices, mutated(choices, document))),
        "values",
    )


def text(choices: Choices) -> Trial:
    """A case whose text is damaged."""
    return _of_case(choices, lambda document: damaged(choices, spelled(choices, document)), "text")


def _of_case(choices: Choices, write: Callable[[dict[str, Any]], bytes], kind: str) -> Trial:
    document, command = subjects.case(choices), choices.weighted(CASE_COMMANDS)
    options = options_of(choices, command) | (odd_options(choices, command) if choices.chance(0.1) else {})
    if command == "explain":
        options["entry"] = entry(choices, document)
    if command == "check" and choices.chance(0.7):
        document["claim"] = subjects.claim(choices, document)
        if choices.chance(0.3):
            document["claim_dtype"] = choices.of_list(CLAIM_TYPES)
    return _placed(choices, command, write(document), options, kind=kind)


def claims(choices: Choices) -> Trial:
    """A check of a case or of a network of one layer, with claims of every form: sound, or with wrong values."""
    document = subjects.case(choices)
    document["claim"] = subjects.odd_claim(choices, document)
    document |= subjects.how_claimed(choices)
    if choices.chance(0.25):
        document = subjects.as_network(choices, document)
    options = options_of(choices, "check") | (odd_options(choices, "check") if choices.chance(0.1) else {})
    options |= {"allow_nonfinite": True} if choices.chance(0.1) else {}
    written = spelled(choices, mutated(choices, document) if choices.chance(0.1) else document)
    return _placed(choices, "check", _encoded(written), options, kind="claims")


def networks(choices: Choices) -> Trial:
    """A network: as it should be, with wrong values, or damaged."""
    document, command = subjects.network(choices), choices.weighted(NETWORK_COMMANDS)
    options, names = options_of(choices, command), subjects.layer_names(document)
    if "steps" in options:
        document.setdefault("learning_rate", 1)
    if command == "network" and "steps" not in options and choices.chance(0.2):
        options["layer"] = choices.of_list(names)
    if command == "explain":
        options["entry"] = layer_entry(choices, names)
    if command == "check" and choices.chance(0.7):
        document["claim"] = subjects.layer_claims(choices, document)
    how = choices.weighted({"sound": 2, "values": 6, "text": 2})
    written = spelled(choices, mutated(choices, document) if how == "values" else document)
    data = damaged(choices, written) if how == "text" else _encoded(written)
    return _placed(choices, command, data, options, kind="network", sound=how == "sound" and command == "network",
                   argument="file" if command == "network" else "case")  # fmt: skip


def asked(choices: Choices) -> Trial:
    """Options that are wrong or unknown, arrays and settings that come as options, the wrong command."""
    document = choices.one_of(subjects.case, subjects.case, subjects.network)(choices)
    command = choices.one_of("forward", "backward", "explain", "network", "forward", "backward", "check", "schema")
    options = options_of(choices, command) | odd_options(choices, command)
    if command == "schema":
        return Trial(
            "schema",
            {"name": word(choices.one_of("case", "network", "forward", "x", "", "é"))} | options,
            kind="options",
        )
    if command == "explain":
        options["entry"] = entry(choices, document)
    for key in [key for key in document if key in TAKES[command] and choices.chance(0.4)]:
        options[key] = _as_option(choices, key, document.pop(key))
    extra = odd_words(choices) if choices.chance(0.05) else ()
    options = {name: value if not isinstance(value, str) else word(value) for name, value in options.items()}
    return _placed(choices, command, _encoded(spelled(choices, document)), options,
        kind="options", extra=extra,
                   argument="file" if command == "network" else "case")  # fmt: skip


def _as_option(choices: Choices, key: str, value: Any) -> Any:
    """A flag, an array, now and then a wrong one, or a setting with its brackets or without."""
    if isinstance(value, bool):
        return value
    if key in ARRAYS:
        return flow(value if choices.chance(0.8) else mutated(choices, value))
    return flow(value).strip("[]") if choices.chance(0.5) else flow(value)


def binaries(choices: Choices) -> Trial:
    """Arrays in NumPy's files, sound and damaged, one by one or in an archive."""
    document, command = subjects.case(choices), choices.weighted(CASE_COMMANDS)
    options = options_of(choices, command) | ({"entry": entry(choices, document)} if command == "explain" else {})
    arrays = {key: document.pop(key) for key in ARRAYS if key in document}
    files: dict[str, bytes] = {}
    if choices.chance(0.4):
        settings = {key: document.pop(key) for key in list(document) if choices.chance(0.5)}
        files["x.npz"] = binary.npz(choices, arrays, settings)
        if choices.chance(0.5):
            options |= {"case": "x.npz", **{key: _as_option(choices, key, value) for key, value in document.items()}}
        else:
            options |= {key: f"x.npz:{key}" for key in arrays}
    else:
        for key, value in arrays.items():
            files[f"{key}.npy"] = binary.npy(choices, binary.array(choices, value))
            options[key] = f"{key}.npy"
    options |= {} if "case" in options else {"case": word(flow(document))}
    return Trial(command, options, files, kind="binary")


def many(choices: Choices) -> Trial:
    """Cases as JSON Lines, or as several YAML documents: some sound, some wrong."""
    command = choices.weighted({"forward": 6, "backward": 3, "check": 1})
    count = choices.integer(1, 3 if command == "check" else 40)
    lines, document = [], subjects.case(choices)
    for number in range(count):
        document = subjects.case(choices) if choices.chance(0.1) else document
        lines.append(_line(choices, {"id": number, **document}))
    options = options_of(choices, command)
    if choices.chance(0.8):
        return _placed(
            choices, command, b"\n".join(lines) + b"\n", options, kind="many", documents=count, names=("x.jsonl",)
        )
    return _placed(choices, command, b"\n---\n".join(lines), options, kind="many", documents=count, names=("x.yaml",))


def _line(choices: Choices, document: dict[str, Any]) -> bytes:
    kind = choices.integer(0, 9)
    if kind < 4:
        return flow(document, strict=True).encode()
    if kind < 8:
        return _encoded(flow(mutated(choices, document), strict=True))
    return damaged(choices, flow(document, strict=True)).replace(b"\n", b" ")


def large(choices: Choices) -> Trial:
    """A large array in a text, which other readers take: sound, damaged, or with a wrong value in it."""
    document, command = subjects.large(choices), choices.weighted({"forward": 3, "backward": 1})
    how = choices.weighted({"sound": 1, "values": 1, "text": 2})
    written = spelled(choices, mutated(choices, document) if how == "values" else document)
    data = damaged(choices, written) if how == "text" else _encoded(written)
    return _placed(
        choices, command, data, options_of(choices, command) | {"overlays": None}, kind="large", sound=how == "sound"
    )


def rubbish(choices: Choices) -> Trial:
    """What is hardly a document: values alone, bytes alone, the wrong file for its name."""
    command = choices.one_of("forward", "backward", "network", "check", "explain")
    data = choices.one_of(
        _encoded(spelled(choices, odd(choices))),
        _encoded(spelled(choices, {odd_key(choices): odd(choices), odd_key(choices): odd(choices)})),
        bytes(choices.integer(0, 255) for _ in range(choices.integer(0, 30))),
        damaged_bytes(choices, binary.saved(binary.array(choices, [1, 2]))),
        b"",
    )
    options = {"entry": "dX[0]"} if command == "explain" else {}
    names = ("x.yaml", "x.json", "x.jsonl", "x.npy", "x.npz", "x.txt", "x")
    return _placed(choices, command, data, options | options_of(choices, command), kind="rubbish", names=names,
                   argument="file" if command == "network" else "case")  # fmt: skip


KINDS: dict[Callable[[Choices], Trial], int] = {
    values: 36, text: 20, valid: 10, networks: 14, asked: 8, binaries: 4, many: 6, rubbish: 4, large: 1, claims: 3,
}  # fmt: skip


def _placed(
    choices: Choices, command: str, data: bytes, options: dict[str, Any], *, names: tuple[str, ...] = (),
        argument: str = "case",
    **more: Any,
) -> Trial:  # fmt: skip
    """The document as a word of the command line, at standard input, or in a file."""
    where = (
        choices.weighted({"inline": 5, "stdin": 3, "file": 2})
        if not names
        else choices.one_of("file", "file", "file", "stdin")
    )
    if where == "inline" and len(data) < LONGEST and b"\0" not in data and data[:1] in b"{[":
        return Trial(command, options | {argument: os.fsdecode(data)}, **more)
    if where == "file":
        name = choices.of_list(names or ("x.yaml", "x.yaml", "x.yml", "x.json", "x.txt", "x"))
        if "valid" in more and name == "x.json" and data[:1] != b"{":
            name = "x.yaml"
        return Trial(command, options | {argument: name}, {name: data}, **more)
    return Trial(command, options | {argument: "-"}, stdin=data, **more)


def word(text: str) -> str:
    """Text as a process is handed it in a word of its command line."""
    return os.fsdecode(_encoded(text)[:LONGEST].replace(b"\0", b""))


def _encoded(text: str) -> bytes:
    """A text's bytes, in which half a surrogate pair is three."""
    return text.encode("utf-8", "surrogatepass")
