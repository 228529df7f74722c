"""The live view in a real browser: frames that move, figures, keys, other viewers, the end, and a failure."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from scotopic.cli.watch.source import source_of
from scotopic.errors import ScotopicError

from .watching import HEIGHT, WIDTH, LampDetector, MadeSource, Serving, scene, serving, write_scenes

playwright = pytest.importorskip("playwright.sync_api", reason="the page is tested in a browser, by playwright")

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
OpenPage = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}: set CHROMIUM to the browser's file")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def wrong() -> list[str]:
    """What went wrong on a page, or was asked of another place than the server; nothing, at the end of a test."""
    return []


@pytest.fixture
def open_page(browser: Any, wrong: list[str]) -> Iterator[OpenPage]:
    contexts = []

    def open_one(url: str, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 700}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(url) else wrong.append(request.url))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Serving]:
    """A lamp that moves by night, over and over."""
    source = source_of(str(write_scenes(tmp_path / "street")), loop=True)
    with serving(source, detector=LampDetector(), model="lamp.pt") as run:
        yield run


def next_frame(page: Any) -> int:
    """Wait until another frame than now is on the page, and say which."""
    page.wait_for_selector("body[data-frame]")
    before = page.get_attribute("body", "data-frame")
    page.wait_for_selector(f"body:not([data-frame='{before}'])")
    return int(page.get_attribute("body", "data-frame"))


def pixels(page: Any, panel: str) -> np.ndarray:
    """What a panel shows, uint8 RGB."""
    url = page.evaluate("(panel) => document.querySelector(`#${panel} canvas`).toDataURL()", panel)
    image = cv2.imdecode(np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image[..., ::-1]


def lamp_at(image: np.ndarray) -> float:
    return float(np.flatnonzero(image[50].mean(axis=1) > 150).mean())


def press_until(page: Any, key: str, selector: str) -> None:
    page.keyboard.press(key)
    page.wait_for_selector(selector, state="attached")


def test_frames_and_figures(street: Serving, open_page: OpenPage) -> None:
    page = open_page(street.server.url)
    places = []
    for _ in range(3):
        next_frame(page)
        places.append(lamp_at(pixels(page, "original")))
    assert len({round(place) for place in places}) > 1
    press_until(page, " ", "#pause[aria-pressed=true]")
    original, enhanced, detections = (pixels(page, panel) for panel in ("original", "enhanced", "detections"))
    assert original.shape == (HEIGHT, WIDTH, 3)
    assert lamp_at(original) == pytest.approx(lamp_at(enhanced), abs=1)
    assert abs(original[90, 5].mean() - 10) < 4
    assert abs(enhanced[90, 5].mean() - 50) < 4  # 255 (10 / 255) ** (1 / 2)
    changed = np.abs(detections.astype(int) - enhanced).max(axis=2) > 60  # by the box and its caption
    assert 50 < changed.sum() < 3000
    assert abs(np.flatnonzero(changed.any(axis=0)).mean() - lamp_at(original)) < 25
    assert float(page.inner_text("#fps")) > 0
    assert float(page.inner_text("#enhance")) >= 0
    assert page.inner_text("#inference") == "2.0"
    assert float(page.inner_text("#whole")) > 0
    assert page.inner_text("#gate") == "night: strength 1.00"
    assert page.get_attribute("#strength", "aria-valuenow") == "1.00"
    assert page.inner_text("#about-detections") == "1 object, lamp.pt"
    assert f"{WIDTH}×{HEIGHT}" in page.inner_text("#about-original")
    assert page.title() == "street · Scotopic"


def test_space_freezes_the_view_and_nobody_elses(street: Serving, open_page: OpenPage) -> None:
    page, other = open_page(street.server.url), open_page(street.server.url)
    next_frame(page)
    press_until(page, " ", "#pause[aria-pressed=true]")
    frozen, picture = int(page.get_attribute("body", "data-frame")), pixels(page, "original")
    assert page.inner_text("#phase") == "frozen"
    street.wait_for(lambda status: status.frame > frozen + 3)
    assert next_frame(other) > frozen
    assert int(page.get_attribute("body", "data-frame")) == frozen
    assert (pixels(page, "original") == picture).all()
    press_until(page, " ", "#pause[aria-pressed=false]")
    assert next_frame(page) > frozen
    page.click("[data-panel=enhanced]")  # the space bar is not for the button that was clicked last
    page.wait_for_selector("#enhanced", state="hidden")
    press_until(page, " ", "#pause[aria-pressed=true]")
    assert page.locator("#enhanced").is_hidden()
    page.click("#pause")
    page.wait_for_selector("#pause[aria-pressed=false]")
    next_frame(page)


def test_keys_switch_panels_and_the_last_one_stays(street: Serving, open_page: OpenPage) -> None:
    page = open_page(street.server.url)
    asked: list[str] = []
    next_frame(page)
    wide = page.locator("#enhanced canvas").bounding_box()["width"]
    page.keyboard.press("1")
    page.keyboard.press("3")
    page.wait_for_selector("#original", state="hidden")
    page.wait_for_selector("#detections", state="hidden")
    page.keyboard.press("2")
    assert page.locator("#enhanced").is_visible()
    assert page.locator("#enhanced canvas").bounding_box()["width"] > 1.5 * wide
    next_frame(page)
    page.on("request", lambda request: asked.append(request.url))
    next_frame(page)
    next_frame(page)
    assert asked
    assert all(url.endswith("&pictures=enhanced") for url in asked)
    press_until(page, " ", "#pause[aria-pressed=true]")
    before = int(page.get_attribute("body", "data-frame"))
    street.wait_for(lambda status: status.frame > before + 2)
    page.keyboard.press("1")  # it has no picture of the frozen frame: both show the newest
    page.wait_for_selector("#original", state="visible")
    page.wait_for_selector(f"body:not([data-frame='{before}'])")
    assert lamp_at(pixels(page, "original")) == pytest.approx(lamp_at(pixels(page, "enhanced")), abs=1)


def test_the_end_and_a_viewer_who_comes_late(tmp_path: Path, open_page: OpenPage) -> None:
    with serving(source_of(str(write_scenes(tmp_path / "day", 2, level=150)))) as run:
        run.wait_for(lambda status: status.phase == "ended")
        page = open_page(run.server.url)
        page.wait_for_selector("#phase[data-phase=ended]")
        assert page.inner_text("#message") == "The source has ended. This is its last frame."
        assert page.locator("#detections").is_hidden()
        assert page.locator("[data-panel=detections]").is_hidden()
        assert page.locator("#inference-row").is_hidden()
        assert page.inner_text("#gate") == "daylight: untouched"
        assert page.inner_text("#about-enhanced") == "gamma[gamma=2.0], untouched"
        assert (pixels(page, "original") == pixels(page, "enhanced")).all()
        assert lamp_at(pixels(page, "original")) == pytest.approx(lamp_at(scene(1)), abs=1)
        page.close()


def test_a_source_that_fails(open_page: OpenPage) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield scene(0)
        raise ScotopicError("the camera was unplugged: plug it in, and start anew")

    with serving(MadeSource(frames)) as run:
        page = open_page(run.server.url)
        page.wait_for_selector("#phase[data-phase=failed]")
        assert page.inner_text("[role=alert]") == (
            "The source has failed: the camera was unplugged: plug it in, and start anew"
        )
        assert pixels(page, "original").max() > 200
        page.close()


def test_on_a_phone_in_the_dark(street: Serving, open_page: OpenPage) -> None:
    phone = {"viewport": {"width": 360, "height": 720}, "has_touch": True, "is_mobile": True}
    page = open_page(street.server.url, color_scheme="dark", **phone)
    next_frame(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 19, 24)"
    for button in page.locator("button").all():
        box = button.bounding_box()
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    boxes = [page.locator(f"#{panel} canvas").bounding_box() for panel in ("original", "enhanced", "detections")]
    assert all(box["width"] == 360 for box in boxes)
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    page.tap("#pause")
    page.wait_for_selector("#pause[aria-pressed=true]")


def test_every_control_has_a_name(street: Serving, open_page: OpenPage) -> None:
    page = open_page(street.server.url)
    next_frame(page)
    for name in ("Original", "Enhanced", "Detections", "Freeze"):
        assert page.get_by_role("button", name=name).is_visible()
    for name in ("The original", "The enhanced picture", "What the detector finds"):
        assert page.get_by_role("img", name=name).is_visible()
    assert page.get_by_role("meter", name="Strength of the enhancement").is_visible()
    assert page.get_attribute("html", "lang") == "en"


def test_the_command_from_its_start_to_ctrl_c(tmp_path: Path, open_page: OpenPage, wrong: list[str]) -> None:
    folder = write_scenes(tmp_path / "street")
    options = ["--loop", "--enhancer", "gamma[gamma=2.0]", "--serve", "127.0.0.1:0"]
    command = [sys.executable, "-m", "scotopic.cli", "watch", str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"street at (http://127\.0\.0\.1:\d+/) \(Ctrl-C ends\)\n", line)
            assert found, line + (process.stderr.read() if process.stderr else "")
            page = open_page(found[1])
            next_frame(page)
            next_frame(page)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            assert (process.returncode, out, err) == (0, "ended\n", "")
        finally:
            process.kill()
    page.wait_for_selector("#phase[data-phase=lost]")
    assert page.inner_text("#message") == "No answer from scotopic watch. Trying again…"
    page.close()
    assert all("ERR_" in text for text in wrong), wrong  # the browser's own words for a server that has gone
    wrong.clear()
