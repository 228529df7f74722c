"""The sets in the data folder, against the counts of its README."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from scotopic.eval.datasets import (
    IGNORED,
    build_darkbdd,
    load_detection_dataset,
    load_segmentation_dataset,
    mean_luma,
    write_yolo,
)

COUNTS = {
    "darkbdd": (200, {
        "bike": 14, "bus": 38, "car": 2004, "motor": 10, "person": 283, "rider": 11,
        "traffic light": 535, "traffic sign": 657, "truck": 92,
    }),
    "voc_street": (1150, {"person": 1107, "bicycle": 366, "car": 691, "motorbike": 354, "bus": 234, "train": 300}),
    "coco128": (64, None),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_counts(data_dir: Path, name: str) -> None:
    images, classes = COUNTS[name]
    dataset = load_detection_dataset(data_dir / name)
    boxes = Counter(dataset.classes[label] for sample in dataset.samples for label in sample.labels)
    assert len(dataset) == images
    assert boxes == classes if classes else sum(boxes.values()) == 440
    assert dataset.issues.lines() == []
    for sample in dataset.samples:
        assert (sample.boxes >= 0).all()
        assert (sample.boxes[:, 2:] <= [sample.width, sample.height]).all()


def test_darkbdd_splits_by_preset(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOTOPIC_DATA", str(data_dir))
    assert {split: len(load_detection_dataset("darkbdd", split)) for split in ("dark", "day")} == {
        "dark": 77,
        "day": 123,
    }


def test_the_shipped_lists_part_the_day_of_darkbdd(data_dir: Path) -> None:
    ids = {
        split: [sample.id for sample in load_detection_dataset(data_dir / "darkbdd", split).samples]
        for split in ("day", "darkbdd-day-even", "darkbdd-day-odd")
    }
    assert ids["darkbdd-day-even"] == sorted(ids["day"])[::2]
    assert ids["darkbdd-day-odd"] == sorted(ids["day"])[1::2]


def test_yolo_to_coco_and_back_keeps_every_box(data_dir: Path, tmp_path: Path) -> None:
    original = load_detection_dataset(data_dir / "darkbdd", "dark")
    write_yolo(original, tmp_path / "yolo")
    rewritten = load_detection_dataset(tmp_path / "yolo")
    record = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 10 * i, "name": n} for i, n in enumerate(original.classes)],
    }
    for number, sample in enumerate(rewritten.samples):
        size = {"width": sample.width, "height": sample.height}
        record["images"].append({"id": number, "file_name": sample.image.name, **size})
        for (x1, y1, x2, y2), label in zip(sample.boxes.tolist(), sample.labels.tolist(), strict=True):
            box = {"image_id": number, "category_id": 10 * label, "bbox": [x1, y1, x2 - x1, y2 - y1]}
            record["annotations"].append(box)
    (tmp_path / "yolo" / "coco.json").write_text(json.dumps(record))
    as_coco = load_detection_dataset(tmp_path / "yolo" / "coco.json")
    assert as_coco.classes == original.classes
    for first, last in zip(original.samples, as_coco.samples, strict=True):
        assert first.id == last.id
        np.testing.assert_allclose(last.boxes, first.boxes, atol=1e-5)
        np.testing.assert_array_equal(last.labels, first.labels)


def test_darkbdd_from_a_folder_without_time_of_day(data_dir: Path, tmp_path: Path) -> None:
    built = build_darkbdd(data_dir / "darkbdd", tmp_path / "darkest", 12)
    with (data_dir / "darkbdd" / "luma.csv").open() as file:
        lumas = {row["id"]: float(row["mean_luma"]) for row in csv.DictReader(file)}
    assert {s.id for s in built.samples} == set(sorted(lumas, key=lambda id_: lumas[id_])[:12])
    # The list's lumas were taken from the JPEG's own Y, ours from the decoded RGB.
    assert all(abs(mean_luma(s.image) - lumas[s.id]) < 0.1 for s in built.samples)
    again = build_darkbdd(data_dir / "darkbdd", tmp_path / "again", manifest=tmp_path / "darkest" / "manifest.json")
    assert again.fingerprint() == built.fingerprint()


def test_camvid_is_what_its_readme_says(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOTOPIC_DATA", str(data_dir))
    counts = {"train": 367, "val": 101, "test": 171, "sequence=0001TP": 62, "sequence=0016E5": 305}
    assert {split: len(load_segmentation_dataset("camvid", split)) for split in counts} == counts
    dataset = load_segmentation_dataset(data_dir / "camvid", "test")
    assert len(dataset.classes) == 11
    assert dataset.issues.lines() == []
    for sample in dataset.samples[::20]:
        stored = _stored(sample.mask)
        expected = np.where(stored == 11, IGNORED, stored)
        np.testing.assert_array_equal(dataset.read_mask(sample), expected)


def test_cityscapes_frames(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOTOPIC_DATA", str(data_dir))
    dark = load_segmentation_dataset("darkcityscape")
    assert [sample.id for sample in dark.samples] == ["frankfurt_000000_000576", "frankfurt_000000_012868"]
    assert dark.issues.images_without_mask == ["frankfurt_000000_000294_leftImg8bit.png"]
    clear = load_segmentation_dataset("darkcityscape", "city=aachen")
    assert len(clear) == 4
    sample = clear.samples[0]
    labels, stored = clear.read_mask(sample), _stored(sample.mask)
    for label_id, name in {7: "road", 21: "vegetation", 23: "sky", 26: "car", 33: "bicycle"}.items():
        assert ((stored == label_id) == (labels == clear.classes.index(name))).all()
    assert (labels[stored < 7] == IGNORED).all()


def _stored(path: Path) -> np.ndarray:
    """The values of a grey PNG by another decoder."""
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert values is not None
    assert values.ndim == 2
    return values
