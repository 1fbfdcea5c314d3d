"""What is printed about a run: the tests that count, and the verdicts by room."""

from __future__ import annotations

from collections import Counter, defaultdict

from tests.mutants.judging import KILLED, SURVIVED, TIMED_OUT
from tests.mutants.record import Record

EQUIVALENT = "equivalent"
VERDICTS = (KILLED, TIMED_OUT, SURVIVED, EQUIVALENT)


class Report:
    """Verdicts by room."""

    def __init__(self) -> None:
        self.rooms: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, room: str, verdict: str) -> None:
        self.rooms[room][verdict] += 1

    def tests(self, record: Record) -> None:
        """Print which tests count."""
        reasons = Counter(record.left_out.values())
        without = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        print(f"{len(record.seconds)} tests in {sum(record.seconds.values()):.0f} s; left out: {without or 'none'}",
              flush=True)  # fmt: skip

    def figures(self) -> None:
        """Print how many there were of each verdict, and what part of those that are not equivalent was killed."""
        print(f"{'':12}", *(f"{verdict:>10}" for verdict in VERDICTS), f"{'killed of all that differ':>27}")
        for room, verdicts in [*self.rooms.items(), ("all", sum(self.rooms.values(), Counter()))]:
            print(f"{room:12}", *(f"{verdicts[verdict]:10}" for verdict in VERDICTS), f"{share(verdicts):>27}")


def share(verdicts: Counter[str]) -> str:
    """The part that tests killed; a mutant without an end is killed, too.

    >>> share(Counter({"killed": 18, "timed out": 1, "survived": 1, "equivalent": 5}))
    '95.0 %'
    """
    killed = verdicts[KILLED] + verdicts[TIMED_OUT]
    differing = killed + verdicts[SURVIVED]
    return f"{100 * killed / differing:.1f} %" if differing else "none"
