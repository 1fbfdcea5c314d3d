"""The first lines of a view: what is computed, with which geometry, convention, kind of number and rule for ties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convgrad.core.arithmetic import natural
from convgrad.core.printouts import printed_by
from convgrad.subject.case import Case
from convgrad.views.block_kinds import Facts, Heading, Section, Sign, Words, printable, shape_text
from convgrad.vocabulary import NORM

TIES = {
    "first": "first in row order wins", "last": "last in row order wins", "split": "share equally",
    "all": "each takes the whole delta, which is not a subgradient",
}  # fmt: skip

GEOMETRY = ("window", "stride", "dilation", "padding", "output_padding", "groups", "output_size")
TOLD = ("dims", *GEOMETRY, "padding_mode", "mode", "ceil_mode", "divisor", "count_include_pad", "norm", "signed",
        "ties", "return_indices", "indices", "counted", "counted_in")  # fmt: skip
"""Settings that are told in words of their own; others follow by their names."""


def header(case: Case) -> Section:
    """The operation, shapes, geometry, convention, kind of number, tie rule; above it the case's own id and name."""
    return Section((*titles(case.document), Facts(tuple(_items(case)))))


def titles(document: Mapping[str, Any]) -> Iterator[Heading]:
    """What a document calls itself, by its id and its name, as far as it does."""
    called, name = natural(document.get("id")), document.get("name")
    words = [] if called is None else ["id", *printable(str(called)).split()]
    named = printable(name).split() if isinstance(name, str) else []
    return (Heading((" ".join(part),)) for part in (words, named) if part)


def _items(case: Case) -> Iterator[Words]:
    settings = case.settings
    yield f"{case.operation.name} {case.dims}-D"
    yield f"x {shape_text(case.layout.input)}"
    if case.layout.kernel is not None:
        yield f"kernel {shape_text(case.layout.kernel)}"
    yield from printed(case.document)
    for name in GEOMETRY:
        if (value := settings.get(name)) is not None and not _dull(name, value):
            yield f"{name} {_setting(name, value)}" + _mode_of_padding(name, settings)
    yield from _pooling(case)
    yield from (
        f"{name} {_plainly(value)}" for name, value in settings.items() if name not in TOLD and value is not None
    )
    if settings.get("counted", "plane") != "plane":
        yield f"indices counted by {settings['counted']}"
    yield output(case.layout.output(case.output_shape))
    yield case.arithmetic
    if "mode" in settings:
        yield "cross-correlation" if settings["mode"] == "cross-correlation" else "convolution: the kernel is turned"
    if rule := settings.get("ties"):
        yield f"ties: {TIES[rule]}"


def printed(document: Mapping[str, Any]) -> Iterator[str]:
    """What was read as somebody's print."""
    claim = document.get("claim")
    arrays = {**document, **(claim if isinstance(claim, Mapping) else {})}
    read = {key: by for key, value in arrays.items() if (by := printed_by(value))}
    for by in dict.fromkeys(read.values()):
        yield f"{', '.join(key for key, other in read.items() if other == by)} read as {by}"


def output(shape: Sequence[int]) -> Words:
    """What comes out."""
    return (Sign.TO, f"  output {shape_text(shape)}")


def _plainly(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _dull(name: str, value: Any) -> bool:
    """Whether a setting is at a value that needs no word: stride and padding are always told."""
    return {"dilation": set(value) if name == "dilation" else None, "groups": value,
            "output_padding": set(value) if name == "output_padding" else None}.get(name) in ({1}, {0}, 1)  # fmt: skip


def _setting(name: str, value: Any) -> str:
    if name == "groups":
        return str(value)
    if name == "padding":
        pairs = [str(a) if a == b else f"[{a},{b}]" for a, b in value]
        return pairs[0] if len(set(pairs)) == 1 else ",".join(pairs)
    if name in ("window", "output_size"):
        return shape_text(value)
    return str(value[0]) if len(set(value)) == 1 else ",".join(map(str, value))


def _mode_of_padding(name: str, settings: Any) -> str:
    mode = settings.get("padding_mode", "zeros")
    return f" ({mode})" if name == "padding" and mode != "zeros" and any(map(any, settings["padding"])) else ""


def _pooling(case: Case) -> Iterator[str]:
    """What only some pools have."""
    settings = case.settings
    if settings.get("ceil_mode"):
        yield "ceil mode"
    if settings.get("divisor") is not None:
        yield f"divisor {settings['divisor']}"
    elif "count_include_pad" in settings and any(max(pair) > 0 for pair in settings["padding"]):
        yield "padding counted" if settings["count_include_pad"] else "padding not counted"
    if p := settings.get("norm"):
        yield f"norm {p}" + (_formula(p, settings.get("signed", False)) if case.operation.family == NORM else "")


def _formula(p: Any, signed: bool) -> str:
    x = "x" if signed else "|x|"
    return f": y = (sum {x}^{p})^(1/{p})" if p != 1 else f": y = sum {x}"
