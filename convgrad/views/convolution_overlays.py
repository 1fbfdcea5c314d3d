"""The overlays of a convolution, plain or transposed: a ledger, cards, or one opened; and an entry of dX gathered."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.passes.gradients import Gradients
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Alternatives, Arrays, Block, Formula, Option, Prose, Section, View
from convgrad.views.ledger import Ledger, ledgers
from convgrad.views.of_gradients import given
from convgrad.views.pair import Pair, chosen_overlay, chosen_pair

TERMS = 9
"""Products of a gathered entry that are written out in a line."""


def overlay_sections(gradients: Gradients, asked: Asked) -> View:
    """What stands between the header and the checks; raises RequestError for what there is not."""
    pair = chosen_pair(gradients.case, asked.channel)
    if asked.only is not None:
        return _opened(gradients, pair, chosen_overlay(gradients.full_overlays.shape, asked.only))
    return _all(gradients, pair, asked)


def _opened(gradients: Gradients, pair: Pair, place: int) -> View:
    from convgrad.views.overlay_cards import opened

    yield from _breadcrumb(gradients, pair)
    yield from opened(gradients, pair, place)


def _all(gradients: Gradients, pair: Pair, asked: Asked) -> View:
    yield Arrays(tuple(given(gradients.case)), brief=True)
    if asked.overlays in ("none", 0):
        return
    if not len(gradients.full_overlays):
        yield Prose("no overlays: the batch is empty")
        return
    yield from _breadcrumb(gradients, pair)
    yield Alternatives(_layouts(gradients, pair, asked))


def _layouts(gradients: Gradients, pair: Pair, asked: Asked) -> Iterator[Option]:
    """The ledgers from the richest on, then cards; dX gathered where no column shows it."""
    from convgrad.views.overlay_cards import cards

    for ledger in ledgers(gradients, pair, asked):
        yield _as_option(ledger, gradients)
    yield Option(_followed(cards(gradients, pair, asked), gradients, pair))


def _as_option(ledger: Ledger, gradients: Gradients) -> Option:
    table = ledger.table()
    section = Section((Prose(ledger.title), table))
    return Option([section] if ledger.short else _followed(iter([section]), gradients, ledger.pair), table)


def _followed(sections: Iterator[Section], gradients: Gradients, pair: Pair) -> Iterator[Section]:
    yield from sections
    if not pair.transposed:
        yield Section(_gathered(gradients, pair))


def _breadcrumb(gradients: Gradients, pair: Pair) -> Iterator[Prose]:
    """Which pair is shown, where there are several, and how many others there are."""
    first, second = pair.kernel_shape[:2]
    if first * second == 1:
        return
    names = ("channel", "output channel") if pair.transposed else ("filter", "channel")
    groups = gradients.case.settings["groups"]
    real = f" (channel {pair.channel} of {'the output' if pair.transposed else 'x'})" if groups > 1 else ""
    end, which = ((0, 0), "first") if (pair.a, pair.b) == (first - 1, second - 1) else ((first - 1, second - 1), "last")
    more = f"({first * second - 1} more; --channel {end[0]},{end[1]} shows the {which})"
    yield Prose(f"{names[0]} {pair.a}, {names[1]} {pair.b}{real}: dW{pair.lead} {more}")


def _gathered(gradients: Gradients, pair: Pair) -> Iterator[Block]:
    """An entry of dX as the sum of its terms, where no column shows that; and how to see others."""
    from convgrad.passes.explanation import bracketed, explain_entry, user_index
    from convgrad.passes.subject import subject_of
    from convgrad.views.term_rows import products

    lengths = gradients.case.shapes["x"][2:]
    middle = user_index(gradients.case, "dX", (0, pair.channel, *((n - 1) // 2 for n in lengths)))
    explanation = explain_entry(subject_of(gradients), f"dX{bracketed(middle)}")
    if 0 < len(explanation.terms) <= TERMS:
        yield Prose("one entry gathered from the overlays that cover it:")
        yield Formula((f"{explanation.entry} = ", *products(explanation.terms), " = ", explanation.value))
    else:
        yield Prose(f"{explanation.entry} is a sum of {len(explanation.terms)} products")
    opens = f"--only {_middle(gradients)} opens an overlay"
    yield Prose(f"(convgrad explain '{explanation.entry}' as a table; {opens})")


def _middle(gradients: Gradients) -> str:
    return ",".join(str((n - 1) // 2) for n in gradients.full_overlays.shape[1:])
