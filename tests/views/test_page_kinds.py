"""Pages that hide entries until they are typed, pages of grades, and arrays too large for a table."""

from __future__ import annotations

import json
import re

import pytest

from tests.program import SAMPLES, assert_refused
from tests.program import convgrad as program
from tests.views.browser import cells, lit, opened, said


def typed(driver, name, place, text):
    """Type into an entry and leave it; what is said then."""
    from selenium.webdriver.common.keys import Keys

    field = cells(driver, name)[place].find_element("css selector", "input")
    field.clear()
    field.send_keys(text, Keys.ENTER)
    return said(driver)


def score(driver):
    return driver.execute_script("return document.querySelector('.self').textContent").partition(":")[0]


# -- Quiz --------------------------------------------------------------------------------------------------------------


def test_a_quiz_holds_no_answer(pages):
    text = re.sub("<style>.*?</style>", "", pages["quiz"].read_text(encoding="utf-8"), flags=re.DOTALL)
    numbers = set(re.findall(r"-?\d+\.\d+", text))
    assert {"0.3", "0.5", "-0.1"} <= numbers  # w and delta
    assert not {"0.4", "-0.03", "0.01", "0.29", "1.3"} & numbers


@pytest.mark.slow
def test_an_entry_is_hidden_until_it_is_typed(pages, driver):
    opened(driver, pages["quiz"])
    assert [cell.text for name in ("dW", "db", "dX") for cell in cells(driver, name)] == [""] * 6
    assert score(driver) == "0 of 6 entries found, 0 shown"
    assert typed(driver, "dX", 1, "0.11") == "dX[1]: the terms of its sum are lit; it is not 0.11"
    field = cells(driver, "dX")[1].find_element("css selector", "input")
    assert field.get_attribute("aria-invalid") == "true"
    assert lit(driver, "delta") == [0, 1]
    assert typed(driver, "dX", 1, "1/100") == "dX[1] = (-0.1)×0.5 + 0.2×0.3 = 0.01, right"
    assert cells(driver, "dX")[1].text == "0.01"
    assert score(driver) == "1 of 6 entries found, 0 shown"
    assert typed(driver, "dW", 0, "?") == "dW[0] = (-0.1)×1 + 0.2×2 = 0.3"
    assert score(driver) == "1 of 6 entries found, 1 shown"


@pytest.mark.slow
@pytest.mark.parametrize(("text", "is_right"), [("-0.03", True), ("-,03", True), ("\u22120.03", True), ("-3e-2", True),
                                                ("-0.03004", True), ("-0.0302", False), ("0.03", False), ("x", False),
                                                ("1/0", False)])  # fmt: skip
def test_three_digits_are_enough_and_no_more_is_forgiven(text, is_right, pages, driver):
    opened(driver, pages["quiz"])
    assert typed(driver, "dX", 0, text).endswith(", right") == is_right


@pytest.mark.slow
def test_in_a_quiz_steps_light_what_meets_and_show_no_sum(pages, driver):
    opened(driver, pages["quiz"], "#overlay=1")
    assert lit(driver, "x") == [1, 2]
    assert [cell.text for cell in cells(driver, "dX")] == ["", "", ""]


def test_a_quiz_is_a_page_of_a_case_that_can_be_typed(tmp_path):
    page, ledger = str(tmp_path / "quiz.html"), f"{SAMPLES}/ledger.yaml"
    assert_refused(program("backward", ledger, "--quiz"), "--quiz: entries are hidden in a page alone")
    assert_refused(program("backward", ledger, "--quiz", "--format", "json"), "write one: --output FILE.html")
    network = tmp_path / "dense.yaml"
    network.write_text("{input: [1, 2], layers: [{op: dense, kernel: [[1, 2]]}], delta: [1]}")
    assert_refused(program("network", str(network), "--quiz", "--output", page), "no layer slides a window")
    large = ("--input", str([[1] * 40] * 40), "--kernel", "[[1]]", "--delta", "ones")
    assert_refused(program("backward", *large, "--quiz", "--output", page), "too many entries")
    assert not (tmp_path / "quiz.html").exists()


# -- Grades ------------------------------------------------------------------------------------------------------------


def test_a_page_of_a_grade_says_what_fails_and_holds_every_failing_case(pages):
    text = pages["grade"].read_text(encoding="utf-8")
    assert "1 differs: kernel-rotated (" in text
    assert "fix: leave out the flip" in text
    assert re.findall("<h2>(.*?)</h2>", text) == ["Step through conv2d/plain-1: dW differs: kernel-rotated"]
    run = program("check", str(pages["grade"]), "--format", "json")
    (report,) = json.loads(run.stdout) if run.stdout.startswith("[") else [json.loads(run.stdout)]
    assert (report["id"], report["verdict"]) == ("conv2d/plain-1", "differs")
    assert [one["mistake"] for one in report["diagnosis"]] == ["kernel-rotated"]


@pytest.mark.parametrize("feedback", ["names", "counts"])
def test_a_page_tells_no_more_of_a_grade_than_was_asked_for(feedback, tmp_path):
    page = tmp_path / "grade.html"
    words = ("grade", f"{SAMPLES}/kernel.py:backward", "--no-shrink", "--case", "conv2d/plain-1")
    assert program(*words, "--feedback", feedback, "--output", str(page)).returncode == 1
    text = page.read_text(encoding="utf-8")
    assert "data-array" not in text
    assert "convgrad-document" not in text


@pytest.mark.slow
def test_what_came_back_stands_beside_the_right_sum(pages, driver):
    opened(driver, pages["grade"], "#conv2d/plain-1.dW=0,0,0,0")
    assert said(driver).startswith("conv2d/plain-1.dW[0,0,0,0] = (-4)×(-1451) + ")
    assert said(driver).endswith(" = -11293; claimed: 13032")


# -- Pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_large_array_is_a_picture_with_the_numbers_around_a_place(pages, driver):
    opened(driver, pages["picture"], "#dX=20,30")
    seen = driver.execute_script(
        """const grid = document.querySelector('[data-array=dX] .zoom table');
        return [grid.caption.textContent, grid.rows.length, document.querySelectorAll('canvas').length,
                grid.querySelector('td[data-lit=pinned]').textContent]"""
    )
    assert seen == ["dX, rows 16 to 24, columns 26 to 34", 10, 3, "2.5"]
    assert said(driver) == "dX[20,30] = 1×2 + 1×0.5 + 1×(-1) + 1×1 = 2.5"
    around = driver.execute_script(
        "return [...document.querySelectorAll('[data-array=delta] .zoom table td[data-lit]')].map(cell => cell.place)"
    )
    assert around == [19 * 43 + 29, 19 * 43 + 30, 20 * 43 + 29, 20 * 43 + 30]


@pytest.mark.slow
def test_arrows_move_the_numbers_over_the_picture(pages, driver):
    from selenium.webdriver.common.keys import Keys

    opened(driver, pages["picture"])
    first = driver.execute_script("return document.querySelector('[data-array=dX] .zoom table td')")
    first.send_keys(Keys.CONTROL, Keys.END)
    assert said(driver).startswith("dX[39,43] = ")
    here = driver.execute_script("return [document.activeElement.place, document.activeElement.textContent]")
    assert here == [39 * 44 + 43, "2"]
    driver.switch_to.active_element.send_keys(Keys.ARROW_UP)
    assert said(driver).startswith("dX[38,43] = ")


@pytest.mark.slow
def test_a_click_on_the_picture_keeps_the_entry_under_it(pages, driver):
    from selenium.webdriver import ActionChains

    opened(driver, pages["picture"])
    canvas = driver.execute_script("return document.querySelector('[data-array=dX] canvas')")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    ActionChains(driver).move_to_element(canvas).click().perform()
    row, column = map(int, re.match(r"dX\[(\d+),(\d+)\] = ", said(driver)).groups())
    assert abs(row - 20) <= 1
    assert abs(column - 22) <= 1
    assert driver.current_url.endswith(f"#dX={row},{column}")
