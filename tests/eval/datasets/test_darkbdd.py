from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.datasets import build_darkbdd, load_detection_dataset, mean_luma, write_yolo

LEVELS = {"a": 30, "b": 10, "c": 20, "d": 5, "e": 20}


@pytest.fixture
def bdd(tmp_path: Path, picture, write_json) -> Path:
    """Five validation images; d is the darkest, but taken by day (in a tunnel)."""
    root = tmp_path / "bdd100k"
    frames: list[dict[str, Any]] = []
    for number, (name, level) in enumerate(LEVELS.items()):
        picture(root / "images" / "100k" / "val" / f"{name}.png", (64, 36), level)
        box = {"x1": 1.1 + number, "y1": 2.3, "x2": 30.7, "y2": 64 / 3}
        labels = [
            {"category": "car", "box2d": box},
            {"category": "pedestrian", "box2d": box, "attributes": {"crowd": True}},
        ]
        time = "daytime" if name == "d" else "night"
        frames.append({"name": f"{name}.png", "attributes": {"timeofday": time}, "labels": labels})
    write_json(root / "labels" / "det_20" / "det_val.json", frames)
    write_json(root / "labels" / "det_20" / "det_train.json", frames)
    return root


def test_the_darkest_nights_are_chosen_and_ties_go_by_id(bdd: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    built = build_darkbdd(bdd, tmp_path / "out", 2, progress=lambda done, total: calls.append((done, total)))
    assert [s.id for s in built.samples] == ["b", "c"]
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]

    out = tmp_path / "out"
    assert sorted(p.name for p in out.iterdir()) == [
        "classes.txt",
        "data.yaml",
        "images",
        "labels",
        "luma.csv",
        "manifest.json",
    ]
    with (out / "luma.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"id": "b", "mean_luma": "10.00", "split": "dark"},
        {"id": "c", "mean_luma": "20.00", "split": "dark"},
    ]
    assert len(load_detection_dataset(out, "dark")) == 2
    manifest = json.loads((out / "manifest.json").read_text())
    assert [image["id"] for image in manifest["images"]] == ["b", "c"]
    assert (manifest["count"], manifest["ignored_boxes_left_out"]) == (2, 2)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".out")]


def test_boxes_survive_and_images_are_the_same_bytes(bdd: Path, tmp_path: Path) -> None:
    built = build_darkbdd(bdd, tmp_path / "out", 4)
    source = load_detection_dataset(bdd, "val").select(s.id for s in built.samples)
    for new, old in zip(built.samples, source.samples, strict=True):
        np.testing.assert_allclose(new.boxes, old.boxes[~old.crowd], atol=1e-6)
        assert new.image.read_bytes() == old.image.read_bytes()
        assert built.classes[new.labels[0]] == "car"


def test_an_image_edited_in_the_new_set_leaves_the_source_as_it_is(bdd: Path, tmp_path: Path) -> None:
    source = bdd / "images" / "100k" / "val" / "b.png"
    before = source.read_bytes()
    new = build_darkbdd(bdd, tmp_path / "out", 1).samples[0].image
    with new.open("r+b") as file:
        file.write(b"edited in place")
    assert source.read_bytes() == before
    assert not source.samefile(new)


def test_an_image_that_cannot_be_copied(bdd: Path, tmp_path: Path) -> None:
    dataset = load_detection_dataset(bdd, "val")
    dataset.samples[0].image.unlink()
    with pytest.raises(ScotopicError, match=r"cannot copy .*a\.png to .*a\.png: No such file"):
        write_yolo(dataset, tmp_path / "out")


def test_the_same_set_again_from_its_manifest(bdd: Path, tmp_path: Path) -> None:
    first = build_darkbdd(bdd, tmp_path / "first", 3)
    again = build_darkbdd(bdd, tmp_path / "again", manifest=tmp_path / "first" / "manifest.json")
    assert again.fingerprint() == first.fingerprint()
    assert (tmp_path / "again" / "luma.csv").read_text() == (tmp_path / "first" / "luma.csv").read_text()
    from_itself = build_darkbdd(tmp_path / "first", tmp_path / "third", manifest=tmp_path / "again" / "manifest.json")
    assert from_itself.fingerprint() == first.fingerprint()


def test_a_source_that_is_not_the_manifests(bdd: Path, tmp_path: Path, picture, write_json) -> None:
    build_darkbdd(bdd, tmp_path / "first", 2)
    manifest = tmp_path / "first" / "manifest.json"
    other = json.loads((bdd / "labels" / "det_20" / "det_val.json").read_text())
    other[1]["labels"][0]["category"] = "truck"
    write_json(bdd / "labels" / "det_20" / "det_val.json", other)
    with pytest.raises(ScotopicError, match=r"has the images of .* but other labels"):
        build_darkbdd(bdd, tmp_path / "again", manifest=manifest)
    (bdd / "images" / "100k" / "val" / "b.png").unlink()
    picture(bdd / "images" / "100k" / "val" / "b.png", (64, 36), 99)
    with pytest.raises(ScotopicError, match=r"1 images of .* have other content than .*: b"):
        build_darkbdd(bdd, tmp_path / "again", manifest=manifest)
    (bdd / "images" / "100k" / "val" / "b.png").unlink()
    with pytest.raises(ScotopicError, match=r"lacks 1 of the 2 images of .*: b"):
        build_darkbdd(bdd, tmp_path / "again", manifest=manifest)
    assert not (tmp_path / "again").exists()
    with pytest.raises(ScotopicError, match=r"unknown key 'imags' .*did you mean 'images'"):
        build_darkbdd(bdd, tmp_path / "again", manifest=write_json(tmp_path / "m.json", {"imags": []}))


def test_unreadable_images_are_named_and_not_chosen(bdd: Path, tmp_path: Path) -> None:
    image = bdd / "images" / "100k" / "val" / "b.png"
    image.write_bytes(image.read_bytes()[:60])
    built = build_darkbdd(bdd, tmp_path / "out", 2)
    assert [s.id for s in built.samples] == ["c", "e"]
    assert built.issues.unreadable_images == ["b.png"]
    with pytest.raises(
        ScotopicError, match=r"has 3 night images \(1 more cannot be read: b\.png\), not 4: ask for at most 3"
    ):
        build_darkbdd(bdd, tmp_path / "more", 4)


@pytest.mark.parametrize("count", [0, -1])
def test_count_must_be_positive(bdd: Path, tmp_path: Path, count: int) -> None:
    with pytest.raises(ScotopicError, match="at least one image"):
        build_darkbdd(bdd, tmp_path / "out", count)


def test_output_folder_with_content_is_not_touched(bdd: Path, tmp_path: Path, write) -> None:
    write(tmp_path / "out" / "mine.txt", "keep")
    with pytest.raises(ScotopicError, match="exists and is not empty"):
        build_darkbdd(bdd, tmp_path / "out", 2)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_interrupted_build_leaves_nothing(bdd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("scotopic.eval.datasets.darkbdd.write_json", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_darkbdd(bdd, tmp_path / "out", 2)
    assert [p.name for p in tmp_path.iterdir()] == ["bdd100k"]


def test_mean_luma_is_bt601_over_all_pixels(tmp_path: Path) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (33, 47, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert mean_luma(tmp_path / "a.png") == pytest.approx((pixels @ np.array([0.299, 0.587, 0.114])).mean(), abs=1e-9)
