"""Slips made in plain implementations by people who had not read the catalogue, as cases with what they computed."""

from __future__ import annotations

import json
from pathlib import Path

import convgrad

HERE = Path(__file__).parent
ABOUT = {"cause", "kind", "edit", "wanted", "right"}


def slips(name):
    """The lines of a file: a case each, `claim` being what the slip gave."""
    return [json.loads(line) for line in (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def named(slip):
    """By array what each claim was taken for: the first mistake that explains all of it, else None."""
    case = {key: value for key, value in slip.items() if key not in ABOUT}
    found = {}
    for one in convgrad.check(case).diagnosis:
        explained = one.matches == one.entries or one.details.get("index") is not None
        found.setdefault(one.array, one.mistake if explained else None)
    return found
