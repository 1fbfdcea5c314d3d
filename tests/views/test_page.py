"""The page in a real browser: it opens under its own policy, steps, adds up, links, and hostile text is text."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import convgrad
from convgrad.passes.shown import Shown
from convgrad.views import written
from tests.program import ROOT, SAMPLES, assert_refused
from tests.program import convgrad as program
from tests.views.browser import PHONE, browser, opened

NAMES = ("ledger", "five-by-five", "strides", "true-convolution", "transposed", "max-pool-ties", "max-pool-overlap",
         "average-thirds")  # fmt: skip
COMMANDS = {
    **{name: ["backward", f"{SAMPLES}/{name}.yaml"] for name in NAMES},
    "check": ["check", f"{SAMPLES}/published-layer2.yaml"],
    "network": ["network", f"{SAMPLES}/network-two-layers.yaml"],
    "classifier": ["network", f"{SAMPLES}/network-classifier.yaml"],
    "explain": ["explain", "dX[1,1]", f"{SAMPLES}/five-by-five.yaml"],
}
HOSTILE = '</script><img src=x onerror=alert(1)><!-- <style>*{display:none} \x1b[31m \u2028 &lt; \'" style="color:red"'


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


def cells(driver, name, panel=0):
    return driver.execute_script(f"return [...document.querySelectorAll('#panel-{panel} [data-array=\"{name}\"] td')]")


def said(driver, panel=0):
    return driver.execute_script(f"return document.querySelector('#panel-{panel} .said').textContent")


def lit(driver, name, panel=0):
    return [
        place for place, cell in enumerate(cells(driver, name, panel)) if cell.get_attribute("data-lit") is not None
    ]


# -- Without a browser -------------------------------------------------------------------------------------------------


def test_a_page_is_small_and_asks_for_nothing(pages):
    for name, path in pages.items():
        text = path.read_text(encoding="utf-8")
        assert text.startswith("<!doctype html>")
        assert "default-src 'none'" in text
        assert not re.search(r"(?:src|href)=|url\(|@import|<link|https?:| style=| on[a-z]+=", text), name
        assert len(text) < 60_000


def test_a_large_layer_makes_a_page_that_says_what_it_leaves_out():
    random = np.random.default_rng(3)
    case = {"input": random.normal(size=(4, 8, 40, 40)), "kernel": random.normal(size=(8, 8, 3, 3)), "delta": "ones"}
    text = "".join(written(convgrad.backward(case), "html"))
    assert len(text) < 2_000_000
    assert "too many numbers to step through" in text


def test_64_by_64_is_below_500_kb():
    random = np.random.default_rng(3)
    case = {"input": random.normal(size=(64, 64)), "kernel": random.normal(size=(3, 3)), "delta": "ones"}
    text = "".join(written(convgrad.backward(case), "html"))
    assert len(text.encode()) < 500_000
    assert "convgrad-steps" in text


# -- In a browser ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_opens_with_no_request_but_itself_and_nothing_in_the_log(name, pages, driver):
    driver.get_log("performance"), driver.get_log("browser")
    opened(driver, pages[name])
    assert driver.get_log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = {one["params"]["request"]["url"] for one in sent if one["method"] == "Network.requestWillBeSent"}
    assert urls <= {"about:blank", pages[name].as_uri()}
    selves = driver.execute_script("return [...document.querySelectorAll('.self')].map(one => one.textContent)")
    assert selves
    for text in selves:  # sums of a few numbers of 1 or so, each rounded to 1.1e-16
        assert float(text.rpartition(" is ")[2]) < 1e-13


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_sum_on_the_page_is_ours(name, pages, driver):
    opened(driver, pages[name])
    data = driver.execute_script("return JSON.parse(document.getElementById('convgrad-steps').textContent)")[0]
    for array in ("dX", "dW"):
        if array in data["arrays"]:
            driver.execute_script("window.heard = []")
            texts = driver.execute_script(
                f"""return [...document.querySelectorAll('[data-array="{array}"] td')].map(cell => {{
                    cell.dispatchEvent(new Event('mouseenter'));
                    return document.querySelector('.said').textContent; }})"""
            )
            values = data["arrays"][array]["values"]
            assert len(texts) == len(values)
            for text, value in zip(texts, values, strict=True):
                assert text.startswith(f"{array}[")
                assert float(text.rpartition(" = ")[2]) == pytest.approx(value, rel=5e-6, abs=1e-12)


@pytest.mark.slow
def test_buttons_slider_and_keys_step_and_light_what_an_overlay_touches(pages, driver):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    opened(driver, pages["five-by-five"])
    back, forth = driver.find_elements(By.CSS_SELECTOR, "#panel-0 button")
    slider = driver.find_element(By.CSS_SELECTOR, "#panel-0 input")
    for _ in range(6):
        forth.click()
    assert slider.get_attribute("aria-valuetext") == "overlay 6 of 16, output 1,1"
    assert lit(driver, "x") == lit(driver, "dX") == [6, 7, 11, 12]
    assert lit(driver, "delta") == [5]
    assert [cell.text for cell in cells(driver, "dW")] == ["0.082936", "0.065632", "0.022372", "0.06741"]
    assert driver.current_url.endswith("#overlay=1,1")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert lit(driver, "x") == [7, 8, 12, 13]
    back.click()
    assert lit(driver, "delta") == [5]
    opened(driver, pages["five-by-five"], "#overlay=1,1")
    assert lit(driver, "x") == [6, 7, 11, 12]


@pytest.mark.slow
def test_a_gradient_is_a_grid_of_one_tab_stop_that_arrows_home_and_end_move_in(pages, driver):
    from selenium.webdriver.common.keys import Keys

    opened(driver, pages["five-by-five"])
    entries = cells(driver, "dX")
    assert [cell.get_attribute("tabindex") for cell in entries] == ["0", *["-1"] * 24]
    driver.execute_script("arguments[0].focus()", entries[0])
    right, left, up, down = Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ARROW_DOWN
    moves = [(right, 1), (down, 6), (Keys.END, 9), (right, 9), (Keys.HOME, 5), (left, 5), (up, 0), (up, 0)]
    for key, place in moves:
        driver.switch_to.active_element.send_keys(key)
        assert driver.switch_to.active_element == entries[place], key
    driver.execute_script("arguments[0].focus()", entries[6])
    assert said(driver) == "dX[1,1] = 0×0.75 + 0×0.25 + 0×(-1) + 0.0364×0.5 = 0.0182"
    assert lit(driver, "delta") == [0, 1, 4, 5]
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert driver.current_url.endswith("#dX=1,1")
    driver.execute_script("arguments[0].focus()", entries[0])
    assert said(driver).startswith("dX[1,1] = ")  # pinned
    driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert said(driver) == ""
    opened(driver, pages["five-by-five"], "#dX=1,1")
    assert said(driver).startswith("dX[1,1] = ")


@pytest.mark.slow
def test_of_a_pool_the_window_is_lit_and_what_is_given_something_besides(pages, driver):
    opened(driver, pages["max-pool-ties"], "#overlay=1,1")
    marks = [cell.get_attribute("data-lit") for cell in cells(driver, "x")]
    assert [(place, mark) for place, mark in enumerate(marks) if mark is not None] == [
        (10, "gives"), (11, ""), (14, ""), (15, ""),
    ]  # fmt: skip


@pytest.mark.slow
def test_wrong_claims_are_marked_and_stand_beside_the_sum(pages, driver):
    opened(driver, pages["check"])
    wrong = [cell for cell in cells(driver, "dW") if cell.get_attribute("data-wrong") is not None]
    assert len(wrong) == 4
    driver.execute_script("arguments[0].dispatchEvent(new Event('mouseenter'))", wrong[3])
    assert said(driver).endswith("= -0.0814; claimed: 0.17")


@pytest.mark.slow
def test_a_network_has_a_panel_for_each_layer_that_slides_a_window_and_links_name_it(pages, driver):
    opened(driver, pages["network"], "#conv2.dW=0,1")
    assert said(driver, 1).startswith("conv2.dW[0,1] = ")
    assert said(driver, 1).endswith(" = -0.094")
    assert said(driver, 0) == ""


@pytest.mark.slow
def test_the_page_of_an_entry_opens_at_it(pages, driver):
    opened(driver, pages["explain"])
    assert said(driver).startswith("dX[1,1] = ")


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
        for name in ("five-by-five", "check", "classifier"):
            opened(narrow, pages[name])
            wide = narrow.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, name


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_axe_finds_nothing_to_object_to(name, pages, driver):
    axe = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("needs axe-core, by npm install --no-save axe-core")
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
def test_a_row_of_the_ledger_is_lit_with_its_overlay(pages, driver):
    opened(driver, pages["five-by-five"], "#overlay=1,1")
    rows = "[...document.querySelectorAll('tr[data-lit]')].map(row => row.cells[0].textContent)"
    lit_rows = driver.execute_script(f"return {rows}")
    assert lit_rows == ["6"]


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


# -- Read again --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["published-layer2", "published-layer1", "max-pool-ties", "network-published-claim"])
def test_a_page_is_a_document_whose_verdict_is_that_of_what_it_was_made_of(name, tmp_path):
    page, source = tmp_path / "report.html", f"{SAMPLES}/{name}.yaml"
    made = program("check", source, "--output", str(page))
    again, first = program("check", str(page), "--format", "json"), program("check", source, "--format", "json")
    assert (again.returncode, again.stdout) == (made.returncode, first.stdout)


def test_a_page_of_somebody_else_is_refused(tmp_path):
    page = tmp_path / "other.html"
    page.write_text("<!doctype html><p>hello")
    assert_refused(program("check", str(page)), "holds no document of convgrad")
