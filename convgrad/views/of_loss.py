"""A loss to the last number: output, probability, target and share of each entry, and the delta that starts from it."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.passes.loss_terms import LossExplanation, Share
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import (
    Block,
    Column,
    Line,
    Prose,
    Row,
    Section,
    Sign,
    Table,
    View,
    Words,
    index,
    printable,
)

MOST, ENDS = 24, (8, 4)
"""Entries that are all shown, and of more how many at either end."""


def view(explanation: LossExplanation, asked: Asked) -> View:
    """The table, and the loss last."""
    if asked.quiet:
        return iter((Line(("loss = ", explanation.value)),))
    return iter((Section(loss_blocks(explanation, asked)), Prose(("loss = ", explanation.value))))


def loss_blocks(explanation: LossExplanation, asked: Asked) -> Iterator[Block]:
    """How the loss comes about, a row an entry, and what the first delta is."""
    yield Prose(_law(explanation))
    yield _table(explanation, asked)
    if explanation.squashed_twice:
        name = printable(explanation.last.name)
        yield Prose(
            f"{name} is a softmax, and cross-entropy takes logits and applies another: without {name} "
            "the probabilities would be those of the layer below"
        )


def _law(explanation: LossExplanation) -> Words:
    name, divisor = printable(explanation.last.name), explanation.ending.divisor
    over = f" / {divisor} samples" if divisor != 1 else ""
    if explanation.is_entropy:
        said = f"y of {name} are logits: p = softmax(y), loss = -sum t log p{over}"
        return f"{said}, delta = {_difference(explanation)}{over}"
    return f"y of {name}: loss = 1/2 sum (t - y)^2{over}, delta = {_difference(explanation)}{over}"


def _difference(explanation: LossExplanation) -> str:
    if not explanation.is_entropy:
        return "(y - t)"
    return "(p - t)" if explanation.sums_to_one else "(p sum(t) - t)"


def _table(explanation: LossExplanation, asked: Asked) -> Table:
    shares, divisor, entropy = list(explanation.shares()), explanation.ending.divisor, explanation.is_entropy
    logs = "-t log p" if entropy else "(t - y)^2 / 2"
    over = f" / {divisor}" if divisor != 1 else ""
    columns = (
        Column("entry", "left"), Column("y"), *((Column("p"),) if entropy else ()), Column("t"), Column(logs + over),
        Column(_difference(explanation) + over),
    )  # fmt: skip

    def row(share: Share) -> Row:
        inner = (share.probability,) if entropy else ()
        return [f"y{index(share.place)}", share.y, *inner, share.target, share.value / divisor, share.delta]

    def summed(first: int, last: int) -> Row:
        value = sum(share.value for share in shares[first:last]) / divisor
        return [f"{last - first} more", *[""] * (2 + entropy), value, ""]

    brief = _brief(asked, len(shares))
    total: Row = [Sign.TOTAL, *[""] * (2 + entropy), explanation.value, ""]
    return Table(columns, [row(share) for share in shares], total, brief, summed)


def _brief(asked: Asked, count: int) -> tuple[int, int] | None:
    """How many entries are shown first and last, unless all are."""
    if isinstance(asked.terms, int):
        return None if asked.terms >= count else (asked.terms - asked.terms // 3, asked.terms // 3)
    return None if asked.terms == "all" or count <= MOST else ENDS
