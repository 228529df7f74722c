"""Presets with several conditions: each is an ordinary comparison, and one page shows them all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scotopic.pipeline.image import read_image

from .conftest import Outcome

Command = Callable[..., Outcome]


@pytest.fixture
def preset(tmp_path: Path, scenes: Path, model: Path) -> Path:
    (tmp_path / "few.txt").write_text("0\n1\n")
    path = tmp_path / "lights.yaml"
    path.write_text(
        f"model: {model}\ndata: {scenes}\nenhancers: [none, gamma]\npictures: 1\n"
        "conditions:\n"
        "  as it is: {}\n"
        f"  few & gated: {{split: {tmp_path / 'few.txt'}, gate: auto}}\n"
        "  darker: {darken: 'gamma[gamma=2]'}\n"
    )
    return path


def record_of(out: Path, prefix: str) -> dict:
    (folder,) = (path for path in out.iterdir() if path.name.startswith(prefix))
    return json.loads((folder / "results.json").read_text())


def test_each_condition_is_a_comparison_and_one_page_shows_all(
    scotopic: Command, preset: Path, scenes: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    outcome = scotopic("compare", "segment", "--config", preset, "-o", out)
    assert outcome.status == 0, outcome.err
    plain, gated, darker = (record_of(out, name) for name in ("as_it_is", "few_gated", "darker"))
    alone = scotopic("compare", "segment", "--model", model, "--data", scenes, "--enhancers", "none,gamma",
                     "-o", tmp_path / "alone", "--pictures", 0)  # fmt: skip
    assert alone.status == 0
    one = json.loads((tmp_path / "alone" / "results.json").read_text())
    assert [row["metrics"] for row in plain["rows"]] == [row["metrics"] for row in one["rows"]]
    assert gated["data"]["images"] == 2
    assert (plain["settings"]["gate"], gated["settings"]["gate"]) == ("off", "auto")
    (dark_set,) = (out / "dark_sets").iterdir()
    picture = next((dark_set / "images").rglob("0.*"))
    assert read_image(picture).mean() < read_image(scenes / "images" / "0.png").mean()
    assert darker["data"]["fingerprint"] != plain["data"]["fingerprint"]
    page = (out / "report.html").read_text()
    for name in ("as it is", "few &amp; gated", "darker"):
        assert name in page


def test_it_goes_on_where_it_stopped(scotopic: Command, preset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert scotopic("compare", "segment", "--config", preset, "-o", out).status == 0
    before = record_of(out, "darker")["rows"]
    assert scotopic("compare", "segment", "--config", preset, "-o", out).status == 0
    assert record_of(out, "darker")["rows"] == before


@pytest.mark.parametrize("option", ["--split", "--gate"])
def test_an_option_that_would_undo_a_condition(scotopic: Command, preset: Path, tmp_path: Path, option: str) -> None:
    outcome = scotopic("compare", "segment", "--config", preset, "-o", tmp_path / "out", option, "off")
    assert outcome.status == 1
    assert f"{option} would undo the conditions of {preset}" in outcome.err
    assert not (tmp_path / "out").exists()


def test_conditions_that_make_no_sense(scotopic: Command, tmp_path: Path) -> None:
    preset = tmp_path / "lights.yaml"
    preset.write_text("conditions: {night: {splt: dark}}\n")
    outcome = scotopic("compare", "detect", "--config", preset, "-o", tmp_path / "out")
    assert outcome.status == 1
    assert "splt" in outcome.err
    assert "split" in outcome.err
