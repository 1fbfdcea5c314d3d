"""A trial: a command with its options, files and standard input, as a run needs it and as a shell would have it."""

from __future__ import annotations

import base64
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ARGUMENTS = {"explain": ("entry", "case"), "network": ("file",), "schema": ("name",)}
"""What of a command's options are words without a name; of all others `case`."""


@dataclass(frozen=True)
class Trial:
    """One run to be made, and what is known of it beforehand."""

    command: str
    options: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)
    stdin: bytes = b""
    extra: tuple[str, ...] = ()
    """Words that the command does not know, or values that an option does not take."""
    kind: str = "case"
    documents: int = 1
    sound: bool = False
    """Whether nothing about the request is wrong."""
    valid: Mapping[str, Any] | None = None
    """The case, where it is one and sound."""
    claimed: bool = False
    """Whether the valid case has a claim, which may be wrong."""

    @property
    def words(self) -> list[str]:
        """The command line."""
        places = ARGUMENTS.get(self.command, ("case",))
        named = [word for name, value in self.options.items() if name not in places for word in _option(name, value)]
        bare = [self.options[name] for name in places if self.options.get(name) is not None]
        guard = ["--"] if any(word.startswith("-") and word != "-" for word in bare) else []
        return [self.command, *named, *self.extra, *guard, *bare]

    @property
    def shell(self) -> str:
        """Commands that repeat it in an empty folder."""
        files = [f"{_printed(data)} > {shlex.quote(name)}" for name, data in self.files.items()]
        command = " ".join(["convgrad", *map(_quoted, self.words)])
        return "\n".join([*files, f"{_printed(self.stdin)} | {command}" if self.stdin else command])


FLAGS = {"dialect": "--as"}
"""Options that are typed otherwise than they are called."""


def _option(name: str, value: Any) -> Iterator[str]:
    text = FLAGS.get(name, "--" + name.replace("_", "-"))
    if value is True:
        yield text
    elif value is False:
        yield text.replace("--", "--no-", 1)
    elif value is not None:
        yield f"{text}={value}"


def _printed(data: bytes) -> str:
    """A command that prints bytes."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable() or (text.replace("\n", "").isprintable() and len(text) < 2000):
        return f"printf %s {shlex.quote(text)}"
    return f"printf %s {base64.b64encode(data).decode()} | base64 -d"


def _quoted(word: str) -> str:
    """A word in a shell's quotes; in its escapes where it does not print."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(_escaped(byte) for byte in os.fsencode(word)) + "'"


def _escaped(byte: int) -> str:
    return chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}"
