"""A record becomes a result: what machines read, and what people look at, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convgrad.cli.formats import Result
from convgrad.cli.typed import Overlays, Running


@dataclass(frozen=True)
class Results:
    """How the records of a run become results."""

    running: Running
    overlays: Overlays

    def of(self, record: Any, code: int = 0) -> Result:
        """The result that a record is."""
        return Result(lambda: self._dict(record), lambda: self._text(record), code)

    def _dict(self, record: Any) -> Mapping[str, Any]:
        overlays = self.overlays.overlays
        as_dict: Mapping[str, Any] = record.to_dict(*([] if overlays is None else [overlays]))
        return as_dict

    def _text(self, record: Any) -> Iterator[str]:
        from convgrad.views import render

        running, shown = self.running, self.overlays
        return render(
            record, width=running.width, digits=running.digits, ascii=running.is_ascii, color=running.colour,
            overlays=shown.overlays, only=shown.only, channel=shown.channel, quiet=running.quiet,
        )  # fmt: skip


def results(running: Running, overlays: Overlays | None = None) -> Results:
    """The same for a run, which is set up: how many threads, and no warnings of numbers."""
    np.seterr(all="ignore")  # an infinity in the result says it; NumPy's warning names a line of ours
    if running.threads is not None:
        from convgrad.core import threads

        threads.limit(running.threads)
    return Results(running, overlays or Overlays())
