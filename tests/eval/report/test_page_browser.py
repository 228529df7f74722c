"""The page in a real browser: it sorts, slides and switches, loads nothing, and no name becomes markup."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scotopic.eval.report.page.build import write_report
from scotopic.eval.report.page.results import Results, read_results

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("needs a Chromium on the PATH")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture(scope="module")
def page_file(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    return write_report([finished / "detect", finished / "segment", finished / "quality"], path)


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Open a page; at the end nothing may have been complained of, nor asked of the network."""
    contexts, trouble = [], []

    def open_(path: Path, width: int = 1200, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else trouble.append(r.url))
        page.goto(path.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert trouble == []


def column(page: Any, table: str, number: int) -> list[float]:
    values = page.locator(f"{table} tbody tr td:nth-child({number})").evaluate_all(
        "all => all.map(c => c.dataset.value)"
    )
    return [float(value) for value in values]


def test_rows_sort_by_click_and_by_key(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file)
    table = "#c1 table.league"
    heading = page.locator(f"{table} thead th:nth-child(2)")
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(page, table, 2) == sorted(column(page, table, 2), reverse=True)
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(page, table, 2) == sorted(column(page, table, 2))
    page.locator(f"{table} thead th:first-child button").press("Space")
    assert heading.get_attribute("aria-sort") is None
    names = page.locator(f"{table} tbody th").all_inner_texts()
    assert names == sorted(names) == ["auto_gamma", "clahe", "gamma", "he", "none"]


def test_the_whisker_is_as_its_verdict_and_map_can_still_be_sorted_by(
    open_page: Open, finished: Path, tmp_path: Path
) -> None:
    page = open_page(write_report([finished / "rare"], tmp_path / "rare.html"))
    table = "#c1 table.league"
    gamma = page.locator(f"{table} tbody tr", has=page.locator("th", has_text="gamma"))
    assert gamma.locator(".word").inner_text() == "harms"
    assert gamma.locator("svg.whisker.down line.reach").count() == 1
    headings = page.locator(f"{table} thead th").all_inner_texts()
    place = next(place for place, text in enumerate(headings) if "mAP" in text and "all classes" in text)
    page.locator(f"{table} thead th").nth(place).locator("button").click()
    assert page.locator(f"{table} tbody th").first.inner_text() == "gamma"  # worst by the frequent class, best by mAP
    assert column(page, table, place + 1) == sorted(column(page, table, place + 1), reverse=True)


def test_the_slider_moves_by_key_and_by_mouse(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file)
    frame = page.locator("#c1 .compare").first
    slider = frame.locator("input[type=range]")
    edge = "frame => getComputedStyle(frame.querySelector('.edge')).left"
    before = frame.evaluate(edge)
    slider.press("ArrowRight")
    assert frame.evaluate("frame => frame.style.getPropertyValue('--at')") == "51%"
    assert frame.evaluate(edge) != before
    box = slider.bounding_box()
    slider.click(position={"x": 0.25 * box["width"], "y": box["height"] / 2})
    at = frame.evaluate("frame => parseFloat(frame.style.getPropertyValue('--at'))")
    assert at == pytest.approx(25, abs=4)
    clip = frame.locator(".enhanced").evaluate("side => getComputedStyle(side).clipPath")
    assert f"{at:.0f}%" in clip


def test_truth_and_detections_are_switched(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file)
    layers = page.locator("#c1 .compare").first
    truth, detections = layers.locator("svg.truth").last, layers.locator("svg.detections").last
    assert truth.is_visible()
    assert detections.locator("rect.found").count() == 2
    page.locator("#c1 .switches input[data-layer=truth]").press("Space")
    assert not truth.is_visible()
    assert detections.is_visible()
    page.locator("#c1 .switches input[data-layer=names]").check()
    assert "red" in " ".join(detections.locator("text").all_text_contents())


def test_label_maps_are_switched(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file)
    side = page.locator("#c2 .compare .enhanced").first

    def shown() -> list[str]:
        return side.locator("img.map:visible").evaluate_all("all => all.map(map => map.dataset.layer)")

    assert shown() == ["labels"]
    for layer in ("truth", "change"):
        page.locator(f"#c2 .switches input[data-layer={layer}]").check()
        assert shown() == [layer]
    assert "won" in page.locator("#c2 .legend.maps li:visible").all_inner_texts()
    page.locator("#c2 .switches input[data-layer=none]").check()
    assert shown() == []
    decoded = page.locator("#c2 .compare img").evaluate_all("all => all.every(i => i.complete && i.naturalWidth > 0)")
    assert decoded


def test_another_enhancer_shows_other_pictures_and_figures(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file)
    chooser = page.locator("#c1 .choose-enhancer")
    for name in chooser.locator("option").all_inner_texts():
        chooser.select_option(label=name)
        tags = page.locator("#c1 .compare .tag.right").all_inner_texts()
        assert set(tags) == {name}
    details = page.locator("#c1-detail")
    details.select_option(label="clahe")
    assert page.locator("#c1 .panel:visible caption").first.inner_text() == "clahe, by class"


@pytest.mark.parametrize("width", [390, 768, 1200])
def test_the_page_is_as_wide_as_the_screen(open_page: Open, page_file: Path, width: int) -> None:
    page = open_page(page_file, width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.body.scrollWidth") <= width


def test_names_with_markup_do_nothing(open_page: Open, finished: Path, tmp_path: Path) -> None:
    record = read_results([finished / "evil"])[0].record
    condition = Results("</title></script><img src=x onerror=window.hacked=1>", finished / "evil", record)
    path = write_report([condition, finished / "detect"], tmp_path / "evil.html")
    page = open_page(path)
    page.locator("#c1 .switches input[data-layer=names]").check()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0
    assert "</script><script>window.hacked=1" in page.locator("#c1 .heat thead").inner_text()
    assert "onerror='window.hacked=1'" in page.locator("#c1 figcaption").first.inner_text()


def test_both_color_schemes_are_legible(open_page: Open, page_file: Path) -> None:
    colors = {}
    for scheme in ("light", "dark"):
        page = open_page(page_file, color_scheme=scheme)
        colors[scheme] = page.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        )
    light, dark = ([_luminance(color) for color in colors[scheme]] for scheme in ("light", "dark"))
    assert (light[1] + 0.05) / (light[0] + 0.05) > 7
    assert (dark[0] + 0.05) / (dark[1] + 0.05) > 7


def _luminance(color: str) -> float:
    """WCAG's relative luminance of ``rgb(r, g, b)``."""
    channels = [int(part) / 255 for part in color[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_it_prints_both_pictures_side_by_side(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file)
    page.emulate_media(media="print")
    frame = page.locator("#c1 .compare").first
    original, enhanced = (frame.locator(f".{side}").bounding_box() for side in ("original", "enhanced"))
    assert original["x"] + original["width"] <= enhanced["x"] + 1
    assert abs(original["y"] - enhanced["y"]) < 1
    assert not frame.locator("input").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")
