"""Hold court: `python -m tests.court [claims first second slips strangers mutants] [--fast] [--seed N] [--json]`.

`claims` are right claims made by other means and the same made wrong, on every geometry and kind of data; `mutants`
are implementations of which one piece was exchanged blindly, `--count` of them; the rest are sets of slips that others
planted. Counted: right arrays accused, wrong ones acquitted, and how the wrong ones were named: of mutants rightly
where the name holds on other numbers of the same geometry. What may never be is listed, with the command for it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from tests.court.brought import Brought
from tests.court.docket import MUTANTS, PARTS, brought
from tests.court.generalised import spoilt_and_judged
from tests.court.judged import BAD, Judgement, judged
from tests.court.peer import torch
from tests.court.table import shown

FEW = 3
"""Mutants of the fast part."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.court", description="The judge, judged.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--fast", action="store_true", help="a few of each, in seconds")
    parser.add_argument("--large", action="store_true", help="also layers as people train them, up to 16x64x56x56")
    parser.add_argument("--seed", type=int, default=0, help="draws other numbers and other crimes (0)")
    parser.add_argument("--count", type=int, default=100, help="mutants that are drawn (100)")
    parser.add_argument("--only", default="", help="only what has this text in its kind or its name")
    parser.add_argument("--json", action="store_true", help="one judgement a line")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    for part in asked.parts or PARTS:
        judgements = _judgements(part, asked)
        if asked.json:
            _as_lines(part, judgements)
        else:
            shown(part, judgements, asked.seed, bool(torch))


def _judgements(part: str, asked: argparse.Namespace) -> Iterator[Judgement]:
    if part == MUTANTS:
        drawn = spoilt_and_judged(asked.seed, FEW if asked.fast else asked.count)
        return (one for one in drawn if asked.only in f"{one.kind}: {one.name}")
    claims = _chosen(brought(part, asked.seed, fast=asked.fast, large=asked.large), asked.only)
    return (judgement for claim in claims for judgement in judged(claim))


def _chosen(claims: Iterator[Brought], text: str) -> Iterator[Brought]:
    return (claim for claim in claims if text in f"{claim.kind}: {claim.name}")


def _as_lines(part: str, judgements: Iterator[Judgement]) -> None:
    for judgement in judgements:
        print(json.dumps({"part": part, **judgement.to_dict(), "bad": judgement.outcome in BAD}), flush=True)


if __name__ == "__main__":
    main()
