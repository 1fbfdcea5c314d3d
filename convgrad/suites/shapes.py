"""Your shape in the words of benchdnn or MIOpenDriver."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from convgrad.errors import Point, Problem, RequestError
from convgrad.suites.sketch import Sketch

BENCHDNN = re.compile(r"(?:(mb|g|ic|id|ih|iw|oc|od|oh|ow|kd|kh|kw|sd|sh|sw|pd|ph|pw|dd|dh|dw)([0-9]+)|n[\w.*:/-]+)_?")
MIOPEN = {
    "n": "mb", "c": "ic", "H": "ih", "W": "iw", "k": "oc", "y": "kh", "x": "kw", "p": "ph", "q": "pw", "u": "sh",
    "v": "sw", "l": "dh", "j": "dw", "g": "g", "!": "id", "@": "kd", "$": "pd", "#": "sd", "^": "dd",
}  # fmt: skip
IGNORED = ("F", "t", "V", "m", "i", "w", "P", "s")
"""Options of MIOpenDriver that are about running and not about the shape."""


def like(text: str) -> Sketch:
    """A shape as `g1ic8ih5iw1oc8oh2ow1kh5kw1sh2sw1ph2pw0`, or `-n 1 -c 8 -H 5 -W 1 -k 8 -y 5 -x 1 -p 2 …`."""
    words = _miopen(text) if text.lstrip().startswith(("-", "./", "MIOpenDriver", "conv")) else _benchdnn(text)
    axes = [axis for axis in "dhw" if f"i{axis}" in words or f"k{axis}" in words] or ["w"]
    if "ih" not in words and "iw" in words and "kh" not in words:
        axes = ["w"]
    missing = [key for key in ("ic", "oc", *(f"{what}{axis}" for axis in axes for what in "ik")) if key not in words]
    if missing:
        raise _refused(f"it lacks {', '.join(missing)}")
    groups = words.get("g", 1)
    if words["ic"] % groups or words["oc"] % groups:
        raise _refused(f"{groups} groups do not divide {words['ic']} and {words['oc']} channels")
    shapes = {
        "input": (words.get("mb", 2), words["ic"], *(words[f"i{axis}"] for axis in axes)),
        "kernel": (words["oc"], words["ic"] // groups, *(words[f"k{axis}"] for axis in axes)),
        "bias": (words["oc"],),
    }
    pads = [_pads(words, axis) for axis in axes]
    settings = {"stride": [words.get(f"s{axis}", 1) for axis in axes], "padding": pads, "groups": groups,
                "dilation": [words.get(f"d{axis}", 0) + 1 for axis in axes]}  # fmt: skip
    id = f"conv{len(axes)}d/" + re.sub(r"[^\w.-]+", "-", text.strip()).strip("-")
    return Sketch(id, "conv", shapes, settings, 5_000, comment="a shape that was asked for", flags=("yours",))


def _refused(what: str) -> RequestError:
    advice = "as in g1ic8ih5iw1oc8oh2ow1kh5kw1sh2sw1ph2pw0, or -n 1 -c 8 -H 5 -W 5 -k 8 -y 3 -x 3 -p 1 -q 1"
    return RequestError(Problem(f"this is no shape: {what}", advice, place=Point("--like")))


def _benchdnn(text: str) -> dict[str, int]:
    """Its words; what stands for no height is the width's, and a dilation of 0 is dense."""
    words, at, text = dict[str, int](), 0, text.strip()
    while at < len(text):
        found = BENCHDNN.match(text, at)
        if found is None or found.end() == at:
            raise _refused(f"'{text[at : at + 12]}' is none of its words")
        if found[1]:
            words[found[1]] = int(found[2])
        at = found.end()
    return words


def _miopen(text: str) -> dict[str, int]:
    """Its options by benchdnn's words, where a dilation of 1 is dense."""
    words = dict[str, int]()
    pairs = re.findall(r"(?:^|\s)-([A-Za-z!@$#^])\s+(\S+)", text)
    for letter, value in pairs:
        if letter in MIOPEN:
            if not value.isdecimal():
                raise _refused(f"-{letter} {value[:12]} is no number")
            words[MIOPEN[letter]] = int(value) - (MIOPEN[letter] in ("dd", "dh", "dw"))
        elif letter not in IGNORED:
            raise _refused(f"-{letter} is none of its options")
    return words


def _pads(words: Mapping[str, Any], axis: str) -> list[int]:
    """Before and after: benchdnn says what comes before, and the output's length says the rest."""
    before = words.get(f"p{axis}", 0)
    out = words.get(f"o{axis}")
    if out is None:
        return [before, before]
    extent = (words[f"k{axis}"] - 1) * (words.get(f"d{axis}", 0) + 1) + 1
    return [before, max((out - 1) * words.get(f"s{axis}", 1) + extent - words[f"i{axis}"] - before, 0)]
