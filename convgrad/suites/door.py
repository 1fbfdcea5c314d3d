"""Which cases are wanted, by the options of the command: the function behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convgrad.errors import Point, Problem, RequestError
from convgrad.suites.exactness import DIGITS
from convgrad.suites.facts import limit as read_limit
from convgrad.suites.record import suite
from convgrad.suites.selection import DIMS, MOST_DIMS, OPS, SUITES, Wanted, trials
from convgrad.suites.shapes import like as read_like
from convgrad.suites.trial import Trial, is_held, of_sketch
from convgrad.vocabulary import GRADED


def cases(
    op: str | Sequence[str] = OPS, dims: int | Sequence[int] = DIMS, dtype: str = "float32", *,
    suites: Sequence[str] = SUITES[:1], limit: str = "", need: Sequence[str] = (), like: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """The fewest small cases that reveal every mistake, as a mapping of the schema convgrad.cases/1, with NumPy arrays.

    Options are those of the command. Raises RequestError for a wrong request.

    >>> [case["id"] for case in cases("average-pool", 1)["cases"]]
    ['average-pool1d/core-1', 'average-pool1d/core-2', 'average-pool1d/core-3', 'average-pool1d/core-4']
    """
    ops = (op,) if isinstance(op, str) else tuple(op)
    counts = (dims,) if isinstance(dims, int) else tuple(dims)
    for name, values, known in (("op", ops, GRADED), ("dims", counts, range(1, MOST_DIMS + 1)),
                                ("dtype", (dtype,), DIGITS), ("suites", suites, SUITES)):  # fmt: skip
        for value in values:
            if value not in known:
                raise RequestError(Problem(f"{name}: expected any of {', '.join(map(str, known))}, found {value!r}"))
    return suite(chosen(Wanted(ops, counts, dtype, tuple(suites), (), tuple(need), seed), limit, like), dtype)


def chosen(wanted: Wanted, limit: str, like: str | None) -> list[Trial]:
    """The cases that are wanted and that the type holds; with `need` alone also those of `edges`."""
    if like is not None:
        return [_like(like, wanted.dtype, wanted.seed)]
    try:
        limits = read_limit(limit)
    except RequestError as error:
        raise error.at(Point("--limit")) from None
    suites = SUITES if wanted.need else wanted.suites
    found = [trial for trial in trials(wanted._replace(limits=limits, suites=suites)) if is_held(trial)]
    if not found:
        raise RequestError(Problem("no case is left", "a wider --limit, or another --op, --dims or --suite"))
    return found


def _like(text: str, dtype: str, seed: int) -> Trial:
    trial = of_sketch(read_like(text), dtype, seed)
    if not is_held(trial):
        message = f"its sums are too long to be exact in {dtype}"
        raise RequestError(Problem(message, "take fewer channels, or --dtype float32", place=Point("--like")))
    return trial
