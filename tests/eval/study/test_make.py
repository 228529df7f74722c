"""The page holds what it must, and nothing that gives an enhancer away."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from scotopic.configs.study_schema import StudyKey, StudySettings
from scotopic.errors import ScotopicError
from scotopic.eval.datasets.pictures import load_pictures
from scotopic.eval.study import make
from scotopic.eval.study.make import make_study, read_key
from scotopic.files import sha256_of
from scotopic.pipeline.image import read_image, write_image

Study = Callable[..., tuple[StudyKey, Path]]


def page_data(folder: Path) -> dict[str, Any]:
    html = (folder / "study.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="study-data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def decoded(file: str) -> np.ndarray:
    """uint8 RGB of a picture on the page."""
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(file), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def test_page_and_key_belong_together(study: Study) -> None:
    key, folder = study()
    data = page_data(folder)
    assert read_key(folder) == key
    assert key.page_sha256 == sha256_of(folder / "study.html")
    assert (data["study"], data["fingerprint"], data["sheets"]) == (key.study, key.fingerprint, key.sheets)
    assert set(data["pictures"]) == set(key.codes)
    assert len(key.codes) == 4 * 3
    for question in key.sheets[0]:
        left, right = (key.codes[code] for code in question)
        assert left.picture == right.picture
        assert left.enhancer != right.enhancer


def test_a_code_shows_what_the_key_says(study: Study, tmp_path: Path) -> None:
    key, folder = study()
    for code, file in page_data(folder)["pictures"].items():
        if key.codes[code].enhancer == "none":
            shown = decoded(file)
            image = read_image(tmp_path / "pairs" / "low" / f"{key.codes[code].picture}.png")
            assert np.abs(shown.astype(int) - image).mean() < 6  # JPEG keeps colours at half the size


def test_no_name_stands_on_the_page(study: Study, tmp_path: Path) -> None:
    _, folder = study(["gamma[gamma=1.73]", "clahe", "auto_gamma"])
    html = (folder / "study.html").read_text(encoding="utf-8")
    readable = re.sub(r'"[A-Za-z0-9+/=]{200,}"', "", html)  # without the pictures
    assert len(readable) < 40_000
    for name in ("gamma", "clahe", "1.73", str(tmp_path), "scotopic"):
        assert name not in readable.lower()


def test_nothing_is_loaded(study: Study) -> None:
    _, folder = study()
    html = (folder / "study.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|<link|src=\"(?!data:)", html)
    assert "default-src 'none'" in html


def test_again_is_the_same_and_another_is_refused(study: Study) -> None:
    _, folder = study()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    study()
    assert (folder / "study.html").read_bytes() == before["study.html"]
    with pytest.raises(ScotopicError, match="holds another study"):
        study(seed=1)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_stars_show_single_pictures(study: Study) -> None:
    key, _ = study(mode="stars", questions=6)
    assert len(key.sheets) == 4
    assert all(len(question) == 1 for sheet in key.sheets for question in sheet)
    assert {len(sheet) for sheet in key.sheets} == {6}


def shapes_on_page(folder: Path) -> set[tuple[int, ...]]:
    return {decoded(file).shape[:2] for file in page_data(folder)["pictures"].values()}


def test_large_pictures_are_scaled_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 600, 3), dtype=np.uint8)
    write_image(tmp_path / "in" / "a.png", noise)
    write_image(tmp_path / "in" / "b.png", noise[:100, :200])
    pictures = load_pictures(tmp_path / "in")
    monkeypatch.setattr(make, "SIDES", (400, 300, 150))
    make_study(pictures, ["none", "gamma"], tmp_path / "large")
    assert shapes_on_page(tmp_path / "large") == {(200, 400), (100, 200)}
    too_large = sum(map(len, page_data(tmp_path / "large")["pictures"].values())) / 1e6
    monkeypatch.setattr(make, "PAGE_MB", too_large * 0.99)
    make_study(pictures, ["none", "gamma"], tmp_path / "smaller")
    assert shapes_on_page(tmp_path / "smaller") == {(150, 300), (100, 200)}
    monkeypatch.setattr(make, "PAGE_MB", too_large / 100)
    with pytest.raises(ScotopicError, match="give fewer pictures"):
        make_study(pictures, ["none", "gamma"], tmp_path / "none")


@pytest.mark.parametrize(
    ("enhancers", "settings", "sentence"),
    [
        (["clahe", "clahe"], {}, "two enhancers or more, not 1"),
        (["none", "gamma", "clahe"], {"questions": 2}, "3 pairs, more than the 2 questions .* --questions 3"),
        (["none", "gamma", "clahe"], {"questions": 2, "mode": "stars"}, "3 pictures of each scene"),
        (["none", "clahee"], {}, "did you mean 'clahe'"),
    ],
)
def test_what_cannot_be_asked(study: Study, enhancers: list[str], settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ScotopicError, match=sentence):
        study(enhancers, **settings)


def test_a_picture_that_cannot_be_read(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "a.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "in" / "b.png").write_bytes(b"no picture")
    with pytest.raises(ScotopicError, match=r"b\.png"):
        make_study(load_pictures(tmp_path / "in"), ["none", "gamma"], tmp_path / "out", StudySettings())
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"study": 1}'])
def test_a_damaged_key(study: Study, text: str) -> None:
    _, folder = study()
    (folder / "key.json").write_text(text)
    with pytest.raises(ScotopicError, match=r"key\.json"):
        read_key(folder)
