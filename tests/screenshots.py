"""Pictures of nine pages at three widths: `python -m tests.screenshots FOLDER`; without one, the README's."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.gallery import FOLDER
from tests.program import SAMPLES, convgrad
from tests.views.browser import LIGHT, NARROW, PHONE, PICTURE, browser, opened

PAGES = {
    "plain": (["backward", f"{SAMPLES}/five-by-five.yaml"], "#overlay=1,1"),
    "strides": (["backward", f"{SAMPLES}/strides.yaml"], "#dX=0,0,1,1"),
    "transposed": (["backward", f"{SAMPLES}/transposed.yaml"], "#overlay=0,1"),
    "ties": (["backward", f"{SAMPLES}/max-pool-ties.yaml"], "#overlay=1,1"),
    "check": (["check", f"{SAMPLES}/published-layer2.yaml"], "#dX=1,2"),
    "network": (["network", f"{SAMPLES}/network-two-layers.yaml"], "#conv2.dW=0,1"),
    "quiz": (["backward", f"{SAMPLES}/max-pool-ties.yaml", "--quiz"], "#overlay=1,1"),
    "grade": (["grade", f"{SAMPLES}/kernel.py:backward", "--no-shrink"], "#conv2d/plain-1.dW=0,0,0,0"),
    "picture": (["backward", "--input", PICTURE, "--kernel", "[[1,-1],[0.5,2]]", "--delta", "ones"], "#dX=20,30"),
}
"""What makes each page, and the step that it is opened at."""


def taken(folder: Path) -> None:
    """Every page, and its picture at every width."""
    folder.mkdir(exist_ok=True)
    for name, (words, _) in PAGES.items():
        run = convgrad(*words, "--output", str(folder.resolve() / f"{name}.html"))
        assert run.returncode in (0, 1), run.stderr
    for size in (LIGHT, NARROW, PHONE):
        with browser(size) as driver:
            for name, (_, anchor) in PAGES.items():
                opened(driver, folder.resolve() / f"{name}.html", anchor)
                driver.save_screenshot(str(folder / f"{name}-{size[0]}.png"))


def of_readme() -> None:
    """The README's pictures of pages."""
    for name, file, height in (("plain", "page", 520), ("check", "wrong", 440)):
        with TemporaryDirectory() as folder, browser((1000, height)) as driver:
            page, (words, anchor) = Path(folder) / f"{name}.html", PAGES[name]
            convgrad(*words, "--output", str(page))
            opened(driver, page, anchor)
            driver.execute_script("document.querySelector('section').scrollIntoView({block: 'start'})")
            driver.save_screenshot(str(FOLDER / f"{file}.png"))


if __name__ == "__main__":
    taken(Path(sys.argv[1])) if sys.argv[1:] else of_readme()
