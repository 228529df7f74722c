"""The page in a real browser: keys, undo, going on after a reload, the file at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scotopic.configs.study_schema import StudyKey
from scotopic.eval.study.score import score_study

playwright = pytest.importorskip("playwright.sync_api", reason="the page is tested in a browser, by playwright")

Study = Callable[..., tuple[StudyKey, Path]]
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
KEY = {"left": "ArrowLeft", "right": "ArrowRight", "equal": "ArrowDown"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}: set CHROMIUM to the browser's file")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a study in a fresh profile; afterwards, nothing must have been asked of the network or gone wrong."""
    contexts, wrong = [], []

    def open_one(folder: Path, **options: Any) -> Any:
        context = browser.new_context(accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: wrong.append(r.url) if r.url.startswith(("http", "ws")) else None)
        page.goto((folder / "study.html").as_uri())
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert wrong == []


def wait_for(page: Any, number: int) -> None:
    """Until question ``number`` may be answered."""
    page.wait_for_selector(f"#question[data-ready='{number}']")


def press(page: Any, number: int, key: str) -> None:
    wait_for(page, number)
    page.keyboard.press(key)


def saved(page: Any, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save my answers").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_keys_undo_and_reload(study: Study, open_page: Callable[..., Any], tmp_path: Path) -> None:
    key, folder = study(["none", "gamma"])
    page = open_page(folder)
    assert "4 questions" in page.inner_text("#length")
    page.keyboard.press("Enter")
    press(page, 1, KEY["left"])
    press(page, 2, KEY["right"])
    press(page, 3, "Backspace")
    press(page, 2, KEY["equal"])
    wait_for(page, 3)
    assert page.inner_text("#count") == "3 of 4"
    assert page.locator("#progress").evaluate("bar => bar.value / bar.max") == 0.5
    page.reload()
    press(page, 3, "x")
    assert page.inner_text("#count") == "3 of 4"
    press(page, 3, KEY["right"])
    wait_for(page, 4)
    page.get_by_role("button", name="I prefer picture A").click()
    page.get_by_role("heading", name="Thank you").wait_for()
    path = saved(page, tmp_path)
    content = json.loads(path.read_text())
    assert [answer["choice"] for answer in content["answers"]] == ["left", "equal", "right", "left"]
    assert (content["fingerprint"], path.name) == (
        key.fingerprint,
        f"answers-{key.study}-{content['participant']}.json",
    )
    for answer in content["answers"]:
        assert key.codes[answer["left"]].picture == key.codes[answer["right"]].picture
        assert answer["seconds"] >= 0.2
    scores = score_study(folder, [path], resamples=20)
    assert (scores["answers"], scores["rows"][0]["equal"]) == (4, 1)


def test_what_is_shown_is_what_is_written(study: Study, open_page: Callable[..., Any], tmp_path: Path) -> None:
    _, folder = study(["none", "gamma"])
    page = open_page(folder)
    page.get_by_role("button", name="Begin").click()
    pictures = json.loads(page.text_content("#study-data"))["pictures"]
    codes = {file: code for code, file in pictures.items()}
    seen = []
    for number in range(1, 5):
        wait_for(page, number)
        seen.append([codes[page.get_attribute(side, "src").partition(",")[2]] for side in ("#left", "#right")])
        page.click("#left")
    answers = json.loads(saved(page, tmp_path).read_text())["answers"]
    assert [[answer["left"], answer["right"]] for answer in answers] == seen
    assert {answer["choice"] for answer in answers} == {"left"}


def test_stars_on_a_phone(study: Study, open_page: Callable[..., Any], tmp_path: Path) -> None:
    key, folder = study(["none", "gamma"], mode="stars", questions=4)
    page = open_page(folder, viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
    page.tap("#begin")
    for number, stars in enumerate((5, 1, 4), start=1):
        press(page, number, str(stars))
    wait_for(page, 4)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    buttons = page.locator("[data-answer]").all()
    for button in [*buttons, page.locator("#back")]:
        box = button.bounding_box()
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["y"] + box["height"] <= 640
    buttons[1].tap()
    content = json.loads(saved(page, tmp_path).read_text())
    assert [answer["stars"] for answer in content["answers"]] == [5, 1, 4, 2]
    assert content["sheet"] < len(key.sheets)


def test_undo_after_the_last_and_the_next_person(study: Study, open_page: Callable[..., Any], tmp_path: Path) -> None:
    _, folder = study(["none", "gamma"])
    page = open_page(folder, color_scheme="dark")
    page.click("#begin")
    for number in range(1, 5):
        press(page, number, KEY["left"])
    page.keyboard.press("Backspace")
    press(page, 4, KEY["right"])
    assert page.locator("#again").is_disabled()
    first = json.loads(saved(page, tmp_path).read_text())
    assert [answer["choice"] for answer in first["answers"]] == ["left", "left", "left", "right"]
    page.click("#again")
    page.click("#begin")
    for number in range(1, 5):
        press(page, number, KEY["equal"])
    second = json.loads(saved(page, tmp_path).read_text())
    assert second["participant"] != first["participant"]


def test_a_held_key_and_a_double_click_are_one_answer(study: Study, open_page: Callable[..., Any]) -> None:
    _, folder = study(["none", "gamma"])
    page = open_page(folder)
    page.click("#begin")
    wait_for(page, 1)
    page.dblclick("[data-answer=equal]")
    wait_for(page, 2)
    page.keyboard.down(KEY["left"])
    wait_for(page, 3)
    page.keyboard.down(KEY["left"])  # a second time without being let go: the browser calls it a repeat
    assert page.inner_text("#count") == "3 of 4"


def test_every_control_has_a_name(study: Study, open_page: Callable[..., Any]) -> None:
    _, folder = study(["none", "gamma"])
    page = open_page(folder)
    page.click("#begin")
    wait_for(page, 1)
    for name in ("I prefer picture A", "Both are equally good", "I prefer picture B"):
        assert page.get_by_role("button", name=name).is_visible()
    for name in ("Picture A", "Picture B"):
        assert page.get_by_role("img", name=name, exact=True).is_visible()
    assert page.get_by_role("progressbar", name="Questions answered").is_visible()
    assert page.get_attribute("html", "lang") == "en"
