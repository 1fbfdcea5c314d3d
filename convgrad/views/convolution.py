"""The overlays of a convolution, plain or transposed: a ledger, cards, or one opened; and an entry of dX gathered."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.passes.gradients import Gradients
from convgrad.views.arrays import listed
from convgrad.views.backward import GIVEN, Parts, given
from convgrad.views.ledger import best_ledger, written_ledger
from convgrad.views.look import Look, prose
from convgrad.views.pair import Pair, chosen_overlay, chosen_pair

TERMS = 9
"""Products of a gathered entry that are written out in a line."""


def parts(gradients: Gradients, look: Look) -> Parts:
    """The parts of the view between the header and the checks; raises RequestError for what there is not."""
    pair = chosen_pair(gradients.case, look)
    if look.only is not None:
        return _opened(gradients, pair, look, chosen_overlay(gradients.full_overlays.shape, look.only))
    return _all(gradients, pair, look)


def _opened(gradients: Gradients, pair: Pair, look: Look, place: int) -> Parts:
    yield _breadcrumb(gradients, pair, look)
    from convgrad.views.card import opened

    yield opened(gradients, pair, look, place)


def _all(gradients: Gradients, pair: Pair, look: Look) -> Parts:
    yield listed(given(gradients.case), look, GIVEN)
    if look.overlays in ("none", 0):
        return
    if not len(gradients.full_overlays):
        yield prose("no overlays: the batch is empty", look)
        return
    yield _breadcrumb(gradients, pair, look)
    if found := best_ledger(gradients, pair, look):
        yield written_ledger(*found, look)
    else:
        yield _cards(gradients, pair, look)
    if not (pair.transposed or (found and found[0].short)):
        yield _gathered(gradients, pair, look)


def _cards(gradients: Gradients, pair: Pair, look: Look) -> Iterator[str]:
    from convgrad.views.card import cards

    return cards(gradients, pair, look)


def _breadcrumb(gradients: Gradients, pair: Pair, look: Look) -> str:
    """Which pair is shown, where there are several, and how many others there are."""
    first, second = pair.kernel_shape[:2]
    if first * second == 1:
        return ""
    names = ("channel", "output channel") if pair.transposed else ("filter", "channel")
    groups = gradients.case.settings["groups"]
    real = f" (channel {pair.channel} of {'the output' if pair.transposed else 'x'})" if groups > 1 else ""
    end, which = ((0, 0), "first") if (pair.a, pair.b) == (first - 1, second - 1) else ((first - 1, second - 1), "last")
    more = f"({first * second - 1} more; --channel {end[0]},{end[1]} shows the {which})"
    return prose(f"{names[0]} {pair.a}, {names[1]} {pair.b}{real}: dW[{pair.a},{pair.b}] {more}", look)


def _gathered(gradients: Gradients, pair: Pair, look: Look) -> Iterator[str]:
    """An entry of dX as the sum of its terms, where no column shows that; and how to see others."""
    from convgrad.passes.explanation import bracketed, explain_entry
    from convgrad.passes.subject import subject_of

    lengths = gradients.case.shapes["x"][2:]
    lead = (0, pair.channel)[2 - (len(gradients.case.layout.input) - len(lengths)) :]
    index = (*lead, *((n - 1) // 2 for n in lengths))
    explanation = explain_entry(subject_of(gradients), f"dX{bracketed(index)}")
    products = [
        look.symbols.times.join(look.numbers.text(factor.value) for factor in term.factors)
        for term in explanation.terms
    ]
    if 0 < len(products) <= TERMS:
        yield prose("one entry gathered from the overlays that cover it:", look)
        sums = f"{explanation.entry} = {' + '.join(products)} = {look.numbers.text(explanation.value)}"
        yield prose(sums, look, "    ")
    else:
        yield prose(f"{explanation.entry} is a sum of {len(products)} products", look)
    hint = f"(convgrad explain '{explanation.entry}' as a table; --only {_middle(gradients)} opens an overlay)"
    yield prose(hint, look)


def _middle(gradients: Gradients) -> str:
    return ",".join(str((n - 1) // 2) for n in gradients.full_overlays.shape[1:])
