"""The README's pictures are what the command draws now; `python -m tests.gallery` draws them anew."""

from __future__ import annotations

import pytest

from tests.gallery import FOLDER, PICTURES, picture
from tests.program import ROOT


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_the_gallery_is_what_the_command_draws(name: str) -> None:
    assert picture(name) == (FOLDER / f"{name}.svg").read_text(encoding="utf-8")


def test_the_readme_shows_every_picture_and_its_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(PICTURES)
    for name, words in PICTURES.items():
        assert f"](.github/gallery/{name}.svg)" in readme
        assert "convgrad backward " + " ".join(f"'{word}'" if "[" in word else word for word in words) in readme
