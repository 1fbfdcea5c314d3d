"""A real browser for pages: Debian's chromium and chromium-driver, by selenium (extra `browser`)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.program import SAMPLES

PICTURE = str([[(7 * i + 3 * j * j) % 19 - 9 for j in range(44)] for i in range(40)])
"""An image of more cells than a page has tables for."""
NAMES = ("ledger", "five-by-five", "strides", "true-convolution", "transposed", "max-pool-ties", "max-pool-overlap",
         "average-thirds")  # fmt: skip
COMMANDS = {
    **{name: ["backward", f"{SAMPLES}/{name}.yaml"] for name in NAMES},
    "check": ["check", f"{SAMPLES}/published-layer2.yaml"],
    "network": ["network", f"{SAMPLES}/network-two-layers.yaml"],
    "classifier": ["network", f"{SAMPLES}/network-classifier.yaml"],
    "explain": ["explain", "dX[1,1]", f"{SAMPLES}/five-by-five.yaml"],
    "quiz": ["backward", f"{SAMPLES}/ledger.yaml", "--quiz"],
    "grade": ["grade", f"{SAMPLES}/kernel.py:backward", "--no-shrink", "--case",
              "conv2d/plain-1,conv2d/pointwise-stride-2"],
    "picture": ["backward", "--input", PICTURE, "--kernel", "[[1,-1],[0.5,2]]", "--delta", "ones", "--digits", "17"],
}  # fmt: skip
"""What makes each page."""
LIGHT, NARROW, PHONE = (1200, 1600), (768, 1200), (320, 900)


def missing(what: str) -> NoReturn:
    """Skip a test with the reason; with CONVGRAD_BROWSER=required fail it."""
    (pytest.fail if os.environ.get("CONVGRAD_BROWSER") == "required" else pytest.skip)(what)
    raise AssertionError(what)


@contextmanager
def browser(size: tuple[int, int] = LIGHT, *, script: bool = True) -> Iterator[Any]:
    """A browser without a screen; skips the test, with the reason, where there is none."""
    try:
        from selenium import webdriver
    except ImportError:
        missing("needs selenium, of the extra `browser`")
    if not shutil.which("chromedriver") or not shutil.which("chromium"):
        missing("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    screen = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)  # a window is never as narrow as a phone
    try:
        yield driver
    finally:
        driver.quit()


def opened(driver: Any, path: Path, anchor: str = "") -> None:
    """A page of a file."""
    driver.get("about:blank")
    driver.get(path.as_uri() + anchor)


def cells(driver, name, panel=0):
    """The cells of an array of a panel, in row-major order."""
    return driver.execute_script(f"return [...document.querySelectorAll('#panel-{panel} [data-array=\"{name}\"] td')]")


def said(driver, panel=0):
    """What a panel says of an entry."""
    return driver.execute_script(f"return document.querySelector('#panel-{panel} .said').textContent")


def lit(driver, name, panel=0):
    """The places of an array that are lit."""
    return [
        place for place, cell in enumerate(cells(driver, name, panel)) if cell.get_attribute("data-lit") is not None
    ]
