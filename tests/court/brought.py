"""What is brought before the judge: a case with a claim, and what may be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Names = Mapping[str, list[str]]
"""Of each array that is wrong the ids that are right.

None where no name is earned; `agrees` where a type explains it.
"""


@dataclass(frozen=True)
class Brought:
    """A claim of a kind, on a case; `text` is the document where it came as text, with the claim inside.

    `wrong` has the arrays that are wrong; every other that is claimed is right.
    """

    kind: str
    name: str
    case: Any = None
    claim: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    wrong: Names = field(default_factory=dict)
