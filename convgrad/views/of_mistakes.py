"""The catalogue of mistakes: all in a table, or one with what to do and what a case needs to show it."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.catalogue.listed import Listed, Listing, Told
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import (
    Alternatives,
    Column,
    Heading,
    Item,
    Line,
    Option,
    Prose,
    Row,
    Section,
    Table,
    View,
)
from convgrad.vocabulary import OPERATIONS

COLUMNS = (Column("mistake", "left"), Column("arrays", "left"), Column("what comes out when …", "left"))
MORE = "convgrad mistakes ID says what to do about one, and what a case needs to show it"


def view(listing: Listing, asked: Asked) -> View:
    """A table of many, one in full; where only the result is asked for, the ids alone."""
    if asked.quiet:
        yield Section(Line(mistake.id) for mistake in listing.mistakes)
    elif listing.only:
        yield from _in_full(listing.mistakes[0])
    else:
        table = Table(COLUMNS, [_row(mistake) for mistake in listing.mistakes])
        items = Section(
            Item(f"{mistake.id} ({_arrays(mistake.arrays)}): {mistake.ways[0].what}") for mistake in listing.mistakes
        )
        yield Alternatives((Option((Section((table,)),), table), Option((items,))))
        yield Prose(f"{len(listing.mistakes)} mistakes; {MORE}")


def _row(mistake: Listed) -> Row:
    return [mistake.id, _arrays(mistake.arrays), mistake.ways[0].what]


def _in_full(mistake: Listed) -> View:
    yield Heading((mistake.id,))
    for way in mistake.ways:
        yield Section(_way(way))


def _way(way: Told) -> Iterator[Item]:
    whose = "" if len(way.operations) == len(OPERATIONS) else f" of {', '.join(way.operations)}"
    yield Item(f"{_arrays(way.arrays)}{whose}: {way.what}")
    yield Item(f"fix: {way.fix}", 1)
    yield Item(
        f"to see it: {'; '.join(way.needs)}" if way.needs else "to see it: any numbers that are not all alike", 1
    )


def _arrays(names: tuple[str, ...]) -> str:
    return ", ".join(names)
