"""The page in a real browser: it opens under its own policy, steps, adds up, and links."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import yaml

import convgrad
from convgrad.views import written
from tests.program import SAMPLES, assert_refused
from tests.program import convgrad as program
from tests.views.browser import COMMANDS, NAMES, cells, lit, opened, said

# -- Without a browser -------------------------------------------------------------------------------------------------


def test_a_page_is_small_and_asks_for_nothing(pages):
    for name, path in pages.items():
        text = path.read_text(encoding="utf-8")
        assert text.startswith("<!doctype html>")
        assert "default-src 'none'" in text
        assert not re.search(r"(?:src|href)=|url\(|@import|<link|https?:| style=| on[a-z]+=", text), name
        assert len(text) < 90_000
    assert len(pages["five-by-five"].read_bytes()) < 19_000


def test_a_large_layer_makes_a_page_that_says_what_it_leaves_out():
    random = np.random.default_rng(3)
    case = {"input": random.normal(size=(4, 8, 40, 40)), "kernel": random.normal(size=(8, 8, 3, 3)), "delta": "ones"}
    text = "".join(written(convgrad.backward(case), "html"))
    assert len(text) < 2_000_000
    assert "there are too many numbers" in text


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
    for text in selves if name != "quiz" else ():  # sums of a few numbers of 1 or so, each rounded to 1.1e-16
        assert float(text.rpartition(" is ")[2]) < 1e-13


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_sum_on_the_page_is_ours(name, pages, driver):
    opened(driver, pages[name])
    made = convgrad.backward(yaml.safe_load((SAMPLES / f"{name}.yaml").read_text(encoding="utf-8")))
    for array in ("dX", "dW", "db"):
        if (values := getattr(made, array)) is not None:
            texts = heard_over(driver, array)
            assert len(texts) == np.size(values)
            for text, value in zip(texts, np.ravel(values), strict=True):
                assert re.match(rf"{array}(\[[\d,]+\])? = ", text)
                assert float(text.rpartition(" = ")[2]) == pytest.approx(float(value), rel=5e-6, abs=1e-12)


def heard_over(driver, array):
    """What is said as the mouse is over every cell of an array."""
    over = "cell.dispatchEvent(new Event('mouseover', {bubbles: true}))"
    return driver.execute_script(
        f"""return [...document.querySelectorAll('[data-array={array}] td')].map(
            cell => ({over}, document.querySelector('.said').textContent))"""
    )


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
        (10, "gives"), (11, "ties"), (14, ""), (15, "ties"),
    ]  # fmt: skip


@pytest.mark.slow
def test_wrong_claims_are_marked_and_stand_beside_the_sum(pages, driver):
    opened(driver, pages["check"])
    wrong = [cell for cell in cells(driver, "dW") if cell.get_attribute("data-wrong") is not None]
    assert len(wrong) == 4
    beside = "return [...document.querySelectorAll('[data-array=dW] + div td')].map(cell => cell.textContent)"
    assert driver.execute_script(beside) == ["0.13", "-0.05", "0.02", "0.17"]
    driver.execute_script("arguments[0].dispatchEvent(new Event('mouseover', {bubbles: true}))", wrong[3])
    assert said(driver).endswith("= -0.0814; claimed: 0.17")


@pytest.mark.slow
def test_a_network_has_a_panel_for_each_layer_that_slides_a_window_and_links_name_it(pages, driver):
    opened(driver, pages["network"], "#conv2.dW=0,1")
    assert said(driver, 1).startswith("conv2.dW[0,1] = ")
    assert said(driver, 1).endswith(" = -0.094")
    assert said(driver, 0) == ""


@pytest.mark.slow
@pytest.mark.parametrize("link", ["#overlay=9,9", "#dX=1", "#dX=1,1,1", "#dW", "#nowhere.dX=1,1", "#%", "#overlay="])
def test_a_link_to_what_there_is_not_leaves_the_page_as_it_is(link, pages, driver):
    driver.get_log("browser")
    opened(driver, pages["five-by-five"], link)
    assert driver.get_log("browser") == []
    assert (said(driver), lit(driver, "dX"), lit(driver, "dW")) == ("", [], [])


@pytest.mark.slow
def test_the_page_of_an_entry_opens_at_it(pages, driver):
    opened(driver, pages["explain"])
    assert said(driver).startswith("dX[1,1] = ")


@pytest.mark.slow
def test_a_row_of_the_ledger_is_lit_with_its_overlay(pages, driver):
    opened(driver, pages["five-by-five"], "#overlay=1,1")
    rows = "[...document.querySelectorAll('tr[data-lit]')].map(row => row.cells[0].textContent)"
    lit_rows = driver.execute_script(f"return {rows}")
    assert lit_rows == ["6"]


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
