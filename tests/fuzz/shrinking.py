"""A failing trial made small: parts are left out while it fails in the same way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from tests.fuzz.damage import TOKENS
from tests.fuzz.trial import ARGUMENTS, Trial


def shrunk(trial: Trial, fails: Callable[[Trial], bool], may_go_on: Callable[[], bool] = lambda: True) -> Trial:
    """The smallest trial on the way that still fails."""
    smaller: Trial | None = trial
    while smaller is not None:
        trial = smaller
        smaller = next((other for other in takewhile(lambda _: may_go_on(), _smaller(trial)) if fails(other)), None)
    return trial


def _smaller(trial: Trial) -> Iterator[Trial]:
    """Trials with a part less each: the large parts first."""
    yield from _without_words(trial)
    for name in trial.files:
        if name not in trial.options.values():
            yield replace(trial, files=_without(trial.files, name))
        for data in _shorter_bytes(trial.files[name]):
            yield replace(trial, files={**trial.files, name: data})
    for data in _shorter_bytes(trial.stdin):
        yield replace(trial, stdin=data)
    for name, value in trial.options.items():
        if isinstance(value, str):
            for text in _shorter_bytes(os.fsencode(value)):
                yield replace(trial, options={**trial.options, name: os.fsdecode(text)})


def _without_words(trial: Trial) -> Iterator[Trial]:
    """Without an option, or a word that is none; a document that lies in a file as a word."""
    for name in trial.options:
        if name not in ARGUMENTS.get(trial.command, ("case",)):
            yield replace(trial, options=_without(trial.options, name))
    for place in range(len(trial.extra)):
        yield replace(trial, extra=trial.extra[:place] + trial.extra[place + 1 :])
    for name, value in trial.options.items():
        data = trial.stdin if value == "-" else trial.files.get(value) if isinstance(value, str) else None
        if data is not None and b"\0" not in data and len(data) < 100_000:
            yield replace(trial, options={**trial.options, name: os.fsdecode(data)})


def _without(mapping: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != name}


def _shorter_bytes(data: bytes) -> Iterator[bytes]:
    """The bytes without one of their parts, or with less in it."""
    try:
        tokens: list[Any] = TOKENS.findall(data.decode())
    except UnicodeDecodeError:
        tokens = [data[place : place + 1] for place in range(len(data))]
        yield from (b"".join(part) for part in _shorter(tokens))
        return
    yield from ("".join(part).encode() for part in _shorter(tokens))
    for place, token in enumerate(tokens):
        for simpler in _simpler(token):
            yield "".join([*tokens[:place], simpler, *tokens[place + 1 :]]).encode()


def _shorter(parts: list[Any]) -> Iterator[list[Any]]:
    """Without a run of parts: halves first, then ever shorter ones, from every place on."""
    size = len(parts)
    while size >= 1:
        step = max(size // 2, 1) if size > 8 else 1
        for start in range(0, len(parts) - size + 1, step):
            yield parts[:start] + parts[start + size :]
        size = size - 1 if size <= 8 else size // 2


def _simpler(token: str) -> Iterator[str]:
    """A number or a word that says less."""
    if len(token) > 40:
        yield token[: len(token) // 2]
        yield token[:-1]
    elif token not in ("1", "0") and token[:1].isdigit() and len(token) > 1:
        yield "1"
