"""Folders of pictures, alone and in pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scotopic import ScotopicError
from scotopic.eval.datasets.dark_set import build_dark_set
from scotopic.eval.datasets.dark_source import find_dark_source
from scotopic.eval.datasets.pictures import load_pictures
from scotopic.eval.datasets.recipes import parse_recipe
from scotopic.pipeline.image import read_image, write_image

from ..scenes import write_scenes


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
    with pytest.raises(ScotopicError, match=r"the preset darkbdd has its data at .*where nothing is"):
        load_pictures("darkbdd")


def test_the_archive_of_lol_as_it_is_shipped(tmp_path, monkeypatch):
    monkeypatch.setenv("SCOTOPIC_DATA", str(tmp_path))
    for part in ("eval15", "our485"):
        fill(tmp_path / "LOLdataset" / part / "low", "1.png", "22.png")
        fill(tmp_path / "LOLdataset" / part / "high", "1.png", "22.png", level=200)
        pictures = load_pictures(f"lol-{part}")
        assert (pictures.name, len(pictures), pictures.paired) == (f"lol-{part}", 2, True)
    with pytest.raises(ScotopicError, match="holds the pairs of eval15, our485: give one of these folders"):
        load_pictures(tmp_path / "LOLdataset")


@pytest.mark.parametrize("name", ["npe", "mef", "dicm", "vv", "lime"])
def test_the_unpaired_sets_of_the_paper(tmp_path, monkeypatch, name):
    monkeypatch.setenv("SCOTOPIC_DATA", str(tmp_path))
    fill(tmp_path / name, "1.bmp", "ex1/2.jpg")
    pictures = load_pictures(name)
    assert (pictures.name, [sample.id for sample in pictures.samples]) == (name, ["1", "ex1/2"])
    assert not pictures.paired


def test_a_dark_cityscape_beside_its_originals(tmp_path, monkeypatch):
    monkeypatch.setenv("SCOTOPIC_DATA", str(tmp_path))
    frame = "leftImg8bit/val/frankfurt/frankfurt_000000_000294_leftImg8bit.png"
    fill(tmp_path / "darkcityscape", frame)
    with pytest.raises(ScotopicError, match="no folder of reference pictures at"):
        load_pictures("darkcityscape-pairs")
    fill(tmp_path / "cityscapes", frame, level=200)
    pictures = load_pictures("darkcityscape-pairs")
    assert pictures.samples[0].reference == tmp_path / "cityscapes" / frame


def labelled(folder: Path) -> Path:
    """A set with boxes, a csv of splits, and a picture without a label file."""
    fill(folder / "images", "a.png", "b.png", "c.png", level=120)
    for name in "abc":
        (folder / "labels").mkdir(exist_ok=True)
        (folder / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (folder / "classes.txt").write_text("car\n")
    (folder / "luma.csv").write_text("id,split\na,dark\nb,dark\nc,day\n")
    return folder


def test_a_labelled_set_and_its_split(tmp_path):
    root = labelled(tmp_path / "street")
    pictures = load_pictures(root, split="dark")
    assert (pictures.name, [sample.id for sample in pictures.samples]) == ("street:dark", ["images/a", "images/b"])
    assert len(load_pictures(root)) == 3
    with pytest.raises(ScotopicError, match="no split 'dusk'"):
        load_pictures(root, split="dusk")


def test_masks_are_no_pictures(tmp_path):
    root = write_scenes(tmp_path / "scenes", count=2)
    assert [sample.id for sample in load_pictures(root).samples] == ["images/0", "images/1"]


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "labelled"])
def test_a_dark_set_knows_its_originals(tmp_path, plain):
    source = fill(tmp_path / "photos", "a.png", "b/c.bmp", level=120) if plain else labelled(tmp_path / "street")
    build_dark_set(find_dark_source(source), tmp_path / "dark", parse_recipe("gamma"))
    pictures = load_pictures(tmp_path / "dark")
    assert pictures.paired
    for sample in pictures.samples:
        assert sample.reference
        assert read_image(sample.image).mean() < read_image(sample.reference).mean()
    assert [sample.id for sample in pictures.samples] == (
        ["a", "b/c"] if plain else ["images/a", "images/b", "images/c"]
    )
    if not plain:
        chosen = load_pictures(tmp_path / "dark", split="dark")
        assert (chosen.name, len(chosen), chosen.paired) == ("dark:dark", 2, True)


def test_originals_that_moved_or_changed(tmp_path):
    source = fill(tmp_path / "photos", "a.png", "b.png", level=120)
    build_dark_set(find_dark_source(source), tmp_path / "dark", parse_recipe("gamma"))
    moved = source.rename(tmp_path / "elsewhere")
    assert not load_pictures(tmp_path / "dark").paired
    assert load_pictures(tmp_path / "dark", moved).paired
    (moved / "b.png").unlink()
    with pytest.raises(ScotopicError, match=r"lacks b.png, of which b.png was made: .* photos with --reference FOLDER"):
        load_pictures(tmp_path / "dark", moved)
    fill(moved, "b.png", level=121)
    with pytest.raises(ScotopicError, match=r"b.png has other content than when .*dark was made of it"):
        load_pictures(tmp_path / "dark", moved)


def test_a_dark_set_and_its_originals_may_move_together(tmp_path):
    source = fill(tmp_path / "here" / "photos", "a.png", level=120)
    build_dark_set(find_dark_source(source), tmp_path / "here" / "dark", parse_recipe("gamma"))
    (tmp_path / "here").rename(tmp_path / "there")
    assert load_pictures(tmp_path / "there" / "dark").paired
