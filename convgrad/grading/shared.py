"""What the cases that fail have in common, and those that do not fail have not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

from convgrad.suites.facts import Fact
from convgrad.suites.trial import Trial
from convgrad.vocabulary import FUSED_SETTINGS

Facts = Mapping[str, Fact]
Trait = tuple[str, Callable[[Facts], bool]]
DIVISORS = (2, 4, 8, 16, 32)
ENOUGH = 2
"""Cases that fail from which on it is said what they share: of one, nearly anything is true."""


def _any(name: str, test: Callable[[int], bool]) -> Callable[[Facts], bool]:
    return lambda facts: any(test(value) for value in facts.get(name, ()))


def _differ(one: str, other: str, test: Callable[[int, int], bool]) -> Callable[[Facts], bool]:
    return lambda facts: any(test(a, b) for a, b in zip(facts.get(one, ()), facts.get(other, ()), strict=False))


def _uneven(facts: Facts) -> bool:
    pads = facts.get("pad", ())
    return any(before != after for before, after in zip(pads[::2], pads[1::2], strict=True))


def _remainder(facts: Facts) -> bool:
    """Whether cells are left past the last window."""
    pads = facts["pad"]
    rows = zip(facts["L"], facts["K"], facts["P"], facts["stride"], facts["dilation"], pads[::2], pads[1::2],
               strict=False)  # fmt: skip
    return any((p - 1) * s + d * (k - 1) + 1 < length + a + b for length, k, p, s, d, a, b in rows)


def _above(*rows: tuple[str, int]) -> Iterator[Trait]:
    for name, least in rows:
        yield f"{name} > {least}", _any(name, least.__lt__)


def _undivided(*names: str) -> Iterator[Trait]:
    for by in DIVISORS:
        for name in names:
            yield f"{name} % {by} is not 0", _any(name, _leaves(by))


def _leaves(by: int) -> Callable[[int], bool]:
    return lambda n: n % by != 0


def _is_activation(name: str) -> Callable[[Facts], bool]:
    return lambda facts: facts.get("activation") == (name,)


TRAITS: tuple[Trait, ...] = (
    ("groups > 1", _any("groups", lambda n: n > 1)),
    ("groups = C", lambda facts: facts["groups"] == facts["C"] and facts["C"] > (1,)),
    ("stride > 1", _any("stride", lambda n: n > 1)),
    ("strides that differ", lambda facts: len(set(facts["stride"])) > 1),
    ("dilation > 1", _any("dilation", lambda n: n > 1)),
    ("padding", _any("pad", lambda n: n > 0)),
    ("padding over 16", _any("pad", lambda n: n > 16)),
    ("padding before and after that differ", _uneven),
    ("a stride that leaves a remainder", _remainder),
    ("a kernel below the stride", _differ("K", "stride", lambda k, s: k < s)),
    ("a kernel of one tap", lambda facts: set(facts["K"]) == {1}),
    ("a kernel of several taps", lambda facts: set(facts["K"]) != {1}),
    ("padding_mode other than zeros", lambda facts: facts.get("padding_mode", ("zeros",)) != ("zeros",)),
    *((f"activation = {name}", _is_activation(name)) for name in FUSED_SETTINGS["activation"].choices),
    ("an activation other than relu", lambda facts: facts.get("activation", ("relu",)) != ("relu",)),
    ("H > W", _differ("H", "W", lambda h, w: h > w)),
    ("W > H", _differ("H", "W", lambda h, w: w > h)),
    ("no padding", lambda facts: not any(facts["pad"])),
    ("stride = 1", lambda facts: set(facts["stride"]) == {1}),
    ("groups = 1", lambda facts: facts["groups"] == (1,)),
    *_above(("N", 1), ("C", 1), ("O", 1), ("N", 32), ("C", 16), ("C", 32), ("O", 32)),
    *_undivided("C", "O", "W", "H", "N"),
)  # fmt: skip


def shared(failing: Sequence[Trial], passing: Sequence[Trial]) -> str:
    """What is true of all cases that fail and of none that passes, in a few words; nothing where nothing is."""
    if not passing:
        return "all cases" if len(failing) >= ENOUGH else ""
    if len(failing) < ENOUGH:
        return ""
    wrong, right = [trial.facts for trial in failing], [trial.facts for trial in passing]
    true = [trait for trait in (*TRAITS, *_equal(wrong)) if all(trait[1](facts) for facts in wrong)]
    for name, test in true:
        if not any(test(facts) for facts in right):
            return name
    for (name, test), (other, more) in combinations(true, 2):
        if not any(test(facts) and more(facts) for facts in right):
            return f"{name} and {other}"
    return ""


def _equal(wrong: Sequence[Facts]) -> Iterator[Trait]:
    """One size that all have."""
    for name in ("W", "H", "D", "N", "C", "O"):
        values = {facts.get(name) for facts in wrong}
        if len(values) == 1 and (value := values.pop()) is not None:
            yield f"{name} = {value[0]}", _any(name, value[0].__eq__)
