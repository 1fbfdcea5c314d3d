"""Programs that some tests run: without one a test is skipped, with the reason, or fails where all are to be there."""

from __future__ import annotations

import os
import shutil

import pytest

OPTIONAL = ("rustc", "pdflatex")
"""What is large to install: their tests may be skipped in CI, too."""


def needing(program: str, what: str = "") -> str:
    """Where a program is; without it the test is skipped, or with CONVGRAD_PROGRAMS=required fails."""
    found = shutil.which(program)
    if found is None:
        required = os.environ.get("CONVGRAD_PROGRAMS") == "required" and program not in OPTIONAL
        (pytest.fail if required else pytest.skip)(f"needs {program}{what and f', {what}'}")
    assert found is not None
    return found
