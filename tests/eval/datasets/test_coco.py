from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.datasets import load_detection_dataset


def record() -> dict[str, Any]:
    """Two images; category ids with a gap, as in COCO."""
    return {
        "info": {},
        "images": [
            {"id": 7, "file_name": "a.jpg", "width": 40, "height": 20},
            {"id": 9, "file_name": "b.jpg", "width": 40, "height": 20},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 10, 5], "area": 31.5, "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 1, "bbox": [0, 0, 4, 4], "area": 16, "iscrowd": 1},
        ],
        "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}],
    }


@pytest.mark.parametrize(
    ("label", "image_folder"),
    [
        ("annotations/instances_val2017.json", "val2017"),
        ("annotations/instances_val2017.json", "images/val2017"),
        ("annotations/val.json", "images"),
        ("labels.json", "images"),
        ("labels.json", "data"),
        ("_annotations.coco.json", "."),
    ],
)
def test_layouts(tmp_path: Path, picture, write_json, label: str, image_folder: str) -> None:
    file = write_json(tmp_path / label, record())
    for name in ("a.jpg", "b.jpg"):
        picture(tmp_path / image_folder / name)
    for data in (tmp_path, file):
        dataset = load_detection_dataset(data)
        a, b = dataset.samples
        assert dataset.classes == ("person", "car")
        np.testing.assert_allclose(a.boxes, [[1, 2, 11, 7], [0, 0, 4, 4]])
        assert a.labels.tolist() == [1, 0]
        assert a.crowd.tolist() == [False, True]
        assert a.areas.tolist() == [31.5, 16]
        assert len(b.boxes) == 0
        assert dataset.issues.lines() == []


def test_file_names_with_folders(tmp_path: Path, picture, write_json) -> None:
    data = record()
    data["images"][0]["file_name"], data["images"][1]["file_name"] = "day/a.jpg", "night/a.jpg"
    file = write_json(tmp_path / "labels.json", data)
    picture(tmp_path / "images" / "day" / "a.jpg")
    picture(tmp_path / "images" / "night" / "a.jpg")
    assert [s.id for s in load_detection_dataset(file).samples] == ["day/a", "night/a"]


def test_several_annotation_files(tmp_path: Path, picture, write_json) -> None:
    for split in ("train2017", "val2017"):
        write_json(tmp_path / "annotations" / f"instances_{split}.json", record())
        picture(tmp_path / split / "a.jpg")
        picture(tmp_path / split / "b.jpg")
    dataset = load_detection_dataset(tmp_path, "val2017")
    assert {s.image.parent.name for s in dataset.samples} == {"val2017"}
    with pytest.raises(ScotopicError, match="train2017, val2017"):
        load_detection_dataset(tmp_path)


def test_issues(tmp_path: Path, picture, write_json) -> None:
    data = record()
    data["annotations"] += [
        {"id": 3, "image_id": 7, "category_id": 3, "bbox": [35, 5, 10, 5]},
        {"id": 4, "image_id": 7, "category_id": 3, "bbox": [50, 5, 10, 5]},
        {"id": 5, "image_id": 404, "category_id": 3, "bbox": [0, 0, 1, 1]},
    ]
    file = write_json(tmp_path / "labels.json", data)
    picture(tmp_path / "a.jpg")
    dataset = load_detection_dataset(file)
    assert dataset.issues.clipped == {"a": 1}
    assert dataset.issues.dropped == {"a": 1}
    assert dataset.issues.labels_without_image == ["image_id 404", "b.jpg"]
    np.testing.assert_allclose(dataset.samples[0].boxes[2], [35, 5, 40, 10])
    assert dataset.samples[0].areas.tolist() == [40 * 0 + 50, 16, 25]  # one area is not stated: all of the boxes


def test_size_that_differs_from_the_label(tmp_path: Path, picture, write_json) -> None:
    file = write_json(tmp_path / "labels.json", record())
    picture(tmp_path / "a.jpg", (80, 40))
    picture(tmp_path / "b.jpg")
    assert load_detection_dataset(file).issues.other_size == ["a"]


def test_exif_rotation(tmp_path: Path, picture, write_json) -> None:
    from scotopic.pipeline.image import read_image

    picture(tmp_path / "a.jpg", (40, 20), orientation=6)
    picture(tmp_path / "b.jpg")
    sample = load_detection_dataset(write_json(tmp_path / "labels.json", record())).samples[0]
    assert (sample.width, sample.height) == (20, 40)
    assert read_image(sample.image).shape == (40, 20, 3)


def broken(key: str, value: Any) -> dict[str, Any]:
    data = record()
    target: Any = data
    *parents, last = key.split(".")
    for parent in parents:
        target = target[int(parent)] if parent.isdigit() else target[parent]
    target[last] = value
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            broken("annotations.1.category_id", 99),
            "annotation 1 has the category_id 99, which none of its 2 categories has",
        ),
        (broken("annotations.0.bbox", [1, 2, 3]), "annotation 0 needs a 'bbox' of four numbers"),
        (broken("annotations.0.bbox", None), "annotation 0 needs a 'bbox' of four numbers"),
        (broken("images.1.id", 7), "uses an image id twice"),
        (broken("images.1.file_name", "a.jpg"), "labels the image .*a.jpg 2 times"),
        (broken("images", [{}]), "an image 'id' and 'file_name'"),
        (broken("categories", []), "no COCO annotation file"),
        (broken("categories", 5), "no COCO annotation file"),
        (broken("annotations", 5), "no COCO annotation file"),
        (broken("annotations.0.category_id", [1]), r"annotation 0 has the category_id \[1\]"),
        (broken("annotations.0.image_id", [1]), r"annotation 0 has the image_id \[1\]: give the 'id' of one image"),
        (broken("annotations.0.bbox", [1, 2, 3, 10**400]), "annotation 0 needs a 'bbox' of four numbers"),
        (broken("categories.1.id", 3), "uses a category id twice"),
    ],
)
def test_malformed(tmp_path: Path, picture, write_json, data: Any, message: str) -> None:
    picture(tmp_path / "a.jpg")
    with pytest.raises(ScotopicError, match=message):
        load_detection_dataset(write_json(tmp_path / "labels.json", data))


def test_cut_off_file_and_missing_images(tmp_path: Path, write, write_json) -> None:
    with pytest.raises(ScotopicError, match=r"labels\.json line 1 is not valid JSON"):
        load_detection_dataset(write(tmp_path / "labels.json", '{"images": [{"id": 1'))
    for endless in ('{"images":' + "[" * 100_000, '{"images": ' + "9" * 5000 + "}"):
        with pytest.raises(ScotopicError, match=r"labels\.json (cannot be read as JSON|is no COCO)"):
            load_detection_dataset(write(tmp_path / "labels.json", endless))
    with pytest.raises(ScotopicError, match=r"the images of .* \(such as a\.jpg\) are in none of: "):
        load_detection_dataset(write_json(tmp_path / "labels.json", record()))
