"""What a command takes is in its signature: records of options, each made once of the words that were typed."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Annotated, get_origin

import pytest

from convgrad.cli import typed
from convgrad.cli.commands import COMMANDS, kinds_of, offers_of
from convgrad.cli.typed import OFFERS, Checking, Opened, Overlays, Reading, Running, Writing
from tests.program import LEDGER, convgrad

WORDS = {
    Writing: {"format": "json", "output": "x.json", "digits": "3", "ascii": True, "color": "never", "quiet": True},
    Overlays: {"overlays": "2", "only": "1,1", "channel": "0", "quiz": True},
    Checking: {
        "function": "kernel.py:backward",
        "all": True,
        "every": True,
        "sample": "5",
        "seed": "7",
        "min_strength": "3",
    },
    Opened: {"layer": "conv1", "steps": "2"},
}


def fields(record: tuple[object, ...]) -> Iterable[str]:
    """The names of what a record says, and the records in it."""
    for name, value in record._asdict().items():  # type: ignore[attr-defined]
        yield from fields(value) if type(value) in OFFERS else [name]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_records_and_words(name: str) -> None:
    run = COMMANDS[name].run
    assert inspect.signature(run).return_annotation == "int"
    assert all(kind in offers_of(run) or get_origin(kind) is Annotated for kind in kinds_of(run).values())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_run_leaves_its_command_as_it_was(name: str) -> None:
    before = inspect.signature(COMMANDS[name].run)
    convgrad(name, "--help")
    convgrad(name, *LEDGER)
    assert inspect.signature(COMMANDS[name].run) == before
    assert not vars(COMMANDS[name].run)


@pytest.mark.parametrize("kind", [*WORDS, Running], ids=lambda kind: kind.__name__)
def test_every_option_that_is_offered_is_read(kind: type) -> None:
    words = {name: text for texts in WORDS.values() for name, text in texts.items()}
    words |= {"arithmetic": "exact", "allow_nonfinite": True, "threads": "1", "debug": True}
    offered = [option.name for option in OFFERS[kind].options]
    record = kind.typed({name: words[name] for name in offered})  # type: ignore[attr-defined]
    default = kind.typed(dict.fromkeys(offered))  # type: ignore[attr-defined]
    assert set(fields(record)) == set(offered)
    assert [name for name in record._fields if getattr(record, name) == getattr(default, name)] == []


@pytest.mark.parametrize("kind", [Reading, typed.ClaimReading], ids=lambda kind: kind.__name__)
def test_every_key_and_claim_that_is_offered_is_read(kind: type[Reading]) -> None:
    words: dict[str, object] = {option.name: "1" for option in OFFERS[kind].options} | {"case": "x.yaml"}
    words["dialect"] = "torch"
    reading = kind.typed(words)
    assert {*reading.keys, *reading.claims, "case", "dialect"} == set(words)
    assert reading.dialect == "torch"
    assert reading.document == "x.yaml"
    assert kind.typed(dict.fromkeys(words)) == (None, {}, {}, None)


def test_a_record_is_as_it_was_made() -> None:
    with pytest.raises(AttributeError):
        Running().threads = 2  # type: ignore[misc]
