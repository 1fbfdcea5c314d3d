"""What is mutated: a package, its rooms by path, and the state of its files, on which a record of tests depends."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOMS = ("core", "operations", "subject", "passes", "differences", "claims", "catalogue", "diagnosis", "documents")


@dataclass(frozen=True)
class Project:
    """A package beside its tests, in one folder."""

    root: Path
    package: str = "convgrad"
    tests: tuple[str, ...] = ("tests",)

    def modules(self, room: str) -> list[str]:
        """The modules of a room, or of a path in the package, as paths from the root."""
        place = self.root / self.package / room
        return [path.relative_to(self.root).as_posix() for path in sources(place)]

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
        """A hash of the package, of its tests, which of them count, and the Python that runs them; not of this tool."""
        digest = hashlib.sha256(f"{sys.version}\0{self.tests}".encode())
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
