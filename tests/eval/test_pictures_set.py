"""Folders of pictures, alone and in pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scotopic import ScotopicError
from scotopic.eval.datasets.pictures import load_pictures
from scotopic.pipeline.image import write_image


def fill(folder: Path, *names: str, level: int = 0) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, np.full((12, 12, 3), level, np.uint8))
    return folder


def test_pairs_are_matched_by_name_whatever_the_suffix(tmp_path):
    fill(tmp_path / "low", "b.png", "a.jpg", "extra.png")
    fill(tmp_path / "high", "a.png", "b.png", level=200)
    pictures = load_pictures(tmp_path)
    assert [sample.id for sample in pictures.samples] == ["a", "b"]
    assert pictures.paired
    assert pictures.without_partner == ("extra",)
    assert pictures.samples[0].reference == tmp_path / "high" / "a.png"


def test_a_plain_folder_has_no_references(tmp_path):
    pictures = load_pictures(fill(tmp_path, "x/1.png", "x/2.png", "3.png"))
    assert [sample.id for sample in pictures.samples] == ["3", "x/1", "x/2"]
    assert not pictures.paired


def test_fingerprint_follows_the_content_of_both_sides(tmp_path):
    fill(tmp_path / "low", "a.png")
    fill(tmp_path / "high", "a.png", level=200)
    before = load_pictures(tmp_path).fingerprint()
    fill(tmp_path / "high", "a.png", level=201)
    assert load_pictures(tmp_path).fingerprint() != before


@pytest.mark.parametrize(
    ("reference", "sentence"), [("nowhere", "no folder of reference pictures"), ("other", "no picture of .* has a")]
)
def test_bad_references(tmp_path, reference, sentence):
    fill(tmp_path / "dark", "a.png")
    fill(tmp_path / "other", "z.png")
    with pytest.raises(ScotopicError, match=sentence):
        load_pictures(tmp_path / "dark", tmp_path / reference)


def test_no_folder(tmp_path):
    with pytest.raises(ScotopicError, match=r"no pictures at .*give a folder, a preset file"):
        load_pictures(tmp_path / "missing")
    with pytest.raises(ScotopicError, match="did you mean 'lol'"):
        load_pictures("lool")


def test_presets(tmp_path, monkeypatch):
    monkeypatch.setenv("SCOTOPIC_DATA", str(tmp_path))
    with pytest.raises(ScotopicError, match=r"the preset lol has its data at .*where nothing is"):
        load_pictures("lol")
    fill(tmp_path / "lol_eval15" / "low", "1.png")
    fill(tmp_path / "lol_eval15" / "high", "1.png", level=200)
    pictures = load_pictures("lol")
    assert (pictures.name, len(pictures), pictures.paired) == ("lol", 1, True)
    preset = tmp_path / "mine.yaml"
    preset.write_text("name: mine\nformat: pictures\nroot: lol_eval15/high\n")
    assert not load_pictures(preset).paired
    assert load_pictures(preset, tmp_path / "lol_eval15" / "high").paired
    with pytest.raises(ScotopicError, match=r"darkbdd describes boxes for detection \(yolo\), not pictures.*lime, lol"):
        load_pictures("darkbdd")
