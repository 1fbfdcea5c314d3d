"""How a page looks: without script, printed, narrow, dark, to a screen reader; hostile text is text."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess

import pytest

import convgrad
from convgrad.passes.shown import Shown
from convgrad.views import written
from tests.program import ROOT
from tests.views.browser import COMMANDS, PHONE, browser, missing, opened

HOSTILE = '</script><img src=x onerror=alert(1)><!-- <style>*{display:none} \x1b[31m \u2028 &lt; \'" style="color:red"'


@pytest.mark.slow
def test_hostile_text_is_text(tmp_path, driver):
    path = tmp_path / "hostile.html"
    word = "w" * 10_000
    case = {
        "input": [1, 2, 3],
        "kernel": [0.3, 0.5],
        "delta": [-0.1, 0.2],
        "name": HOSTILE,
        "id": word,
        "note": HOSTILE,
    }
    path.write_text("".join(written(convgrad.backward(case), "html")), encoding="utf-8")
    driver.get_log("browser")
    opened(driver, path)
    assert driver.get_log("browser") == []
    assert driver.execute_script("return document.querySelectorAll('img, style').length") == 1
    heard = " ".join(driver.execute_script("return document.querySelector('h1').textContent").split())
    assert heard == " ".join("".join(sign if sign.isprintable() else " " for sign in HOSTILE).split())
    assert driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.slow
def test_it_is_whole_without_script_and_on_a_narrow_screen(pages):
    with browser(PHONE, script=False) as quiet:
        opened(quiet, pages["five-by-five"])
        text = quiet.find_element("tag name", "body").text
        assert "0.044606" in text
        assert "dX" in text
        assert not quiet.find_element("css selector", ".controls").is_displayed()
    with browser(PHONE) as narrow:
        for name in ("five-by-five", "check", "classifier", "picture", "quiz", "grade"):
            opened(narrow, pages[name])
            wide = narrow.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, name


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_axe_finds_nothing_to_object_to(name, pages, driver):
    axe = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        missing("needs axe-core: npm install --no-save axe-core@4.14.1")
    for scheme in ("light", "dark"):
        seen_in(driver, "prefers-color-scheme", scheme)
        opened(driver, pages[name])
        # by the debugger's protocol, which the page's policy does not bind
        driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe.read_text(encoding="utf-8")})
        run = {"expression": "axe.run().then(found => JSON.stringify(found.violations))", "awaitPromise": True}
        violations = json.loads(driver.execute_cdp_cmd("Runtime.evaluate", run)["result"]["value"])
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in violations] == [], scheme
    seen_in(driver, "prefers-color-scheme", "")


def seen_in(driver, feature, value):
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [{"name": feature, "value": value}]})


@pytest.mark.slow
def test_print_hides_controls_and_dark_and_forced_colours_keep_what_is_lit(pages, driver):
    opened(driver, pages["five-by-five"], "#overlay=1,1")
    emulate = "Emulation.setEmulatedMedia"
    try:
        driver.execute_cdp_cmd(emulate, {"media": "print"})
        assert not driver.find_element("css selector", ".controls").is_displayed()
        assert driver.execute_script("return getComputedStyle(document.querySelector('table')).breakInside") == "avoid"
        for name, value in (("prefers-color-scheme", "dark"), ("forced-colors", "active")):
            driver.execute_cdp_cmd(emulate, {"media": "screen", "features": [{"name": name, "value": value}]})
            style = "const style = getComputedStyle(document.querySelector('td[data-lit]'));"
            seen = driver.execute_script(
                f"{style} return [style.outlineStyle, style.fontWeight, style.backgroundColor]"
            )
            assert seen[:2] == ["solid", "700"]
    finally:
        driver.execute_cdp_cmd(emulate, {"media": "", "features": []})


@pytest.mark.slow
def test_layers_of_hostile_names_are_text_and_can_be_linked(tmp_path, driver):
    path, name = tmp_path / "hostile.html", "a</script><b>\"'&x"
    layer = {"name": name, "op": "conv", "kernel": [0.5, -1]}
    network = {"input": [1, 2, 3], "layers": [layer], "delta": "ones"}
    record = convgrad.network(network)
    path.write_text("".join(written(Shown(record), "html")), encoding="utf-8")
    driver.get_log("browser")
    opened(driver, path)
    assert driver.get_log("browser") == []
    assert driver.execute_script("return document.querySelector('h2').textContent").endswith(name)


@pytest.mark.slow
def test_it_is_whole_where_inline_style_and_script_are_blocked(pages, tmp_path, driver):
    blocked, policy = (
        tmp_path / "blocked.html",
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">",
    )
    for name in ("five-by-five", "check", "quiz"):
        page = pages[name].read_text(encoding="utf-8")
        blocked.write_text(page.replace("<meta charset=utf-8>", f"<meta charset=utf-8>{policy}"), encoding="utf-8")
        opened(driver, blocked)
        assert driver.execute_script("return getComputedStyle(document.body).maxWidth") == "none"
        assert not driver.find_element("css selector", ".controls").is_displayed()
        tables = driver.execute_script("return [...document.querySelectorAll('caption')].map(one => one.textContent)")
        assert {"x", "w", "delta", "dW", "dX"} <= set(tables)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["five-by-five", "strides", "check", "classifier", "grade", "picture"])
def test_print_cuts_nothing_and_unfolds_what_is_folded(name, pages, driver):
    if shutil.which("pdftotext") is None:
        missing("needs Debian's poppler-utils")
    opened(driver, pages[name])
    # where there are many columns, a number goes on in the next line: see the test below
    seen = "[...document.querySelectorAll('table:not([data-many]) td, li')]"
    seen += ".filter(cell => !cell.closest('.zoom')).map(cell => cell.textContent)"
    wanted = {word for text in driver.execute_script(f"return {seen}") for word in text.split()}
    paper = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    run = subprocess.run(["pdftotext", "-nopgbrk", "-", "-"], input=paper, capture_output=True, check=True)
    printed = "".join(run.stdout.decode("utf-8").split())
    assert len(wanted) > 5
    assert [word for word in wanted if word not in printed] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classifier", "picture"])
def test_a_table_of_many_columns_is_as_wide_as_the_paper(name, pages):
    with browser((718, 1000)) as paper:  # A4 at 96 dots an inch, within its margins
        paper.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        opened(paper, pages[name])
        wide = "[...document.querySelectorAll('[data-many] td')].map(cell => cell.getBoundingClientRect())"
        boxes = paper.execute_script(f"return {wide}.map(box => [box.width, box.right])")
        assert len(boxes) > 17
        assert all(width > 0 and right <= 718 for width, right in boxes)


@pytest.mark.slow
def test_words_of_ten_thousand_characters_make_no_page_wider(tmp_path):
    path, word = tmp_path / "long.html", "w" * 10_000
    layer = {"name": word, "op": "conv", "kernel": [0.5, -1]}
    network = {"name": word, "id": word, "input": [1, 2, 3], "layers": [layer], "delta": "ones"}
    path.write_text("".join(written(Shown(convgrad.network(network)), "html")), encoding="utf-8")
    with browser(PHONE) as narrow:
        opened(narrow, path, f"#{word}.dX=1")
        assert narrow.execute_script("return document.querySelector('.said').textContent").endswith(" = -0.5")
        assert narrow.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
