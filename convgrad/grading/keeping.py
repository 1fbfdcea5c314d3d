"""Failures as ordinary case files with their claims, which `check` names on a machine without the kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convgrad.documents import chunks, write_atomically
from convgrad.errors import Problem, RequestError
from convgrad.grading.outcome import Outcome

if TYPE_CHECKING:
    from convgrad.grading.grade import Group


def keep(folder: Path, groups: Iterable[Group]) -> dict[tuple[str, str], str]:
    """Write a file for every case that failed; the file's name by id and array."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(Problem(f"--keep {folder}: cannot be made: {(error.strerror or '').lower()}")) from None
    kept = dict[tuple[str, str], str]()
    for id, outcomes in failing(groups).items():
        path = folder / f"{id.replace('/', '-')}.yaml"
        write_atomically(str(path), chunks(document(outcomes), "yaml"))
        kept |= {(id, outcome.array): str(path) for outcome in outcomes}
    return kept


def failing(groups: Iterable[Group]) -> dict[str, list[Outcome]]:
    """What failed by the case's id, of every case all arrays."""
    by_case: dict[str, list[Outcome]] = {}
    for group in groups:
        for outcome in (*group.outcomes, *([group.smallest] if group.smallest else [])):
            by_case.setdefault(outcome.id, []).append(outcome)
    return by_case


def document(outcomes: list[Outcome]) -> Mapping[str, Any]:
    """A case document with what came back as its claim; without one where nothing did."""
    trial = outcomes[0].trial
    claim = {outcome.array: outcome.claim for outcome in outcomes if outcome.claim is not None}
    record: dict[str, Any] = {"id": trial.id, **trial.document()}
    record["note"] = ", ".join(f"{outcome.array}: {outcome.verdict} {outcome.detail}".strip() for outcome in outcomes)
    if claim:
        record["claim"] = trial.claim(claim)
    if claim and not trial.is_exact:
        record["claim_dtype"] = trial.dtype
    return record
