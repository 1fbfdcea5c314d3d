"""Pages as files, and a browser to open them in."""

from __future__ import annotations

import pytest

from tests.program import convgrad as program
from tests.views.browser import COMMANDS, browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Every page as a file, by name."""
    folder, made = tmp_path_factory.mktemp("pages"), {}
    for name, arguments in COMMANDS.items():
        made[name] = folder / f"{name}.html"
        assert program(*arguments, "--output", str(made[name])).returncode in (0, 1, 3)
    return made


@pytest.fixture(scope="module")
def driver():
    with browser() as made:
        yield made
