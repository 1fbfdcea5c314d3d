"""A real browser for pages: Debian's chromium and chromium-driver, by selenium (extra `browser`)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

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
