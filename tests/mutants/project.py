"""What is mutated: a package, its rooms by path, and the state of its files, on which a record of tests depends."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOMS: dict[str, tuple[str, ...]] = {
    "core": ("core",),
    "operations": ("operations",),
    "passes": ("passes", "chain", "gradients.py", "overlays.py", "terms.py", "batches.py"),
    "verify": ("verify", "differences", "claims"),
    "mistakes": ("mistakes", "catalogue", "diagnosis"),
    "documents": ("documents",),
}
"""Where in the package a room may be found: what is not there is passed over, so that rooms can be renamed."""


@dataclass(frozen=True)
class Project:
    """A package beside its tests, in one folder."""

    root: Path
    package: str = "convgrad"

    def modules(self, room: str) -> list[str]:
        """The modules of a room, or of a path in the package, as paths from the root."""
        places = (self.root / self.package / place for place in ROOMS.get(room, (room,)))
        return [path.relative_to(self.root).as_posix() for place in places for path in sources(place)]

    def name(self, path: str) -> str:
        """What Python calls the module at a path.

        >>> Project(Path()).name("convgrad/core/__init__.py")
        'convgrad.core'
        """
        return ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")

    def owns(self, module: str) -> bool:
        """Whether a module is the package's, or one of its tests', which import it."""
        return module.split(".")[0] in (self.package, "tests", "conftest")

    def state(self) -> str:
        """A hash of the package, of its tests, and of the Python that runs them; not of this tool."""
        digest = hashlib.sha256(sys.version.encode())
        for path in self._files():
            digest.update(f"{path.relative_to(self.root)}\0".encode() + path.read_bytes())
        return digest.hexdigest()[:16]

    def _files(self) -> Iterator[Path]:
        for folder in (self.package, "tests", "samples"):
            files = (path for path in (self.root / folder).rglob("*") if path.is_file())
            yield from sorted(path for path in files if not {"mutants", "benchmarks", "__pycache__"} & {*path.parts})


def sources(place: Path) -> Iterable[Path]:
    """A module, or all of a folder."""
    return [place] if place.is_file() else sorted(place.rglob("*.py"))
