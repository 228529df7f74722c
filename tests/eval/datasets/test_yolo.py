from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.datasets import load_detection_dataset


@pytest.fixture
def folder(tmp_path: Path, picture, write) -> Path:
    """Two labelled pictures, flat."""
    picture(tmp_path / "images" / "a.jpg")
    picture(tmp_path / "images" / "b.PNG", (10, 10))
    write(tmp_path / "labels" / "a.txt", "1 0.5 0.5 0.5 0.5\n\n0 0.25 0.5 0.1 0.2\n")
    write(tmp_path / "labels" / "b.txt", "")
    write(tmp_path / "classes.txt", "car\ntraffic light\n")
    return tmp_path


def test_flat_folder(folder: Path) -> None:
    dataset = load_detection_dataset(folder)
    a, b = dataset.samples
    assert (dataset.classes, a.id, b.id) == (("car", "traffic light"), "a", "b")
    assert (a.width, a.height, b.width, b.height) == (40, 20, 10, 10)
    np.testing.assert_allclose(a.boxes, [[10, 5, 30, 15], [8, 8, 12, 12]], atol=1e-12)
    assert a.labels.tolist() == [1, 0]
    assert a.boxes.dtype == np.float64
    assert a.labels.dtype == np.int64
    assert b.boxes.shape == (0, 4)
    assert dataset.issues.lines() == []


def test_samples_cannot_be_changed_by_accident(folder: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        load_detection_dataset(folder).samples[0].boxes[0, 0] = 3


def test_split_folders(tmp_path: Path, picture, write) -> None:
    for split in ("train", "val"):
        picture(tmp_path / "images" / split / f"{split}1.jpg")
        write(tmp_path / "labels" / split / f"{split}1.txt", "0 0.5 0.5 1 1")
    write(tmp_path / "classes.txt", "car")
    assert [s.id for s in load_detection_dataset(tmp_path, "val").samples] == ["val1"]
    assert load_detection_dataset(tmp_path, "val").name.endswith(":val")
    with pytest.raises(ScotopicError, match="several splits: choose one with --split: train, val"):
        load_detection_dataset(tmp_path)
    with pytest.raises(ScotopicError, match="no split 'night': it has train, val"):
        load_detection_dataset(tmp_path, "night")


@pytest.mark.parametrize("names", ["[car, bus]", "{0: car, 1: bus}"])
def test_data_yaml_takes_val(tmp_path: Path, picture, write, names: str) -> None:
    for split in ("train", "val"):
        picture(tmp_path / "set" / "images" / split / "same.jpg")
        write(tmp_path / "set" / "labels" / split / "same.txt", "1 0.5 0.5 1 1")
    write(tmp_path / "data.yaml", f"path: set\ntrain: images/train\nval: images/val\nnames: {names}\nversion: 3\n")
    dataset = load_detection_dataset(tmp_path / "data.yaml")
    assert dataset.classes == ("car", "bus")
    assert [s.image.parent.name for s in dataset.samples] == ["val"]
    assert load_detection_dataset(tmp_path, "train").samples[0].image.parent.name == "train"


def test_data_yaml_list_of_folders_and_list_file(tmp_path: Path, picture, write) -> None:
    for name in ("one/images/a.jpg", "two/images/a.jpg", "two/images/b.jpg"):
        picture(tmp_path / name)
        write(tmp_path / name.replace("images", "labels").replace(".jpg", ".txt"), "0 0.5 0.5 1 1")
    write(tmp_path / "night.txt", "./two/images/b.jpg\none/images/a.jpg\none/images/gone.jpg\n")
    write(tmp_path / "data.yaml", "val: [one/images, two/images]\ntest: night.txt\nnames: [car]\n")
    both = load_detection_dataset(tmp_path / "data.yaml")
    assert [s.id for s in both.samples] == ["b", "one/images/a", "two/images/a"]
    night = load_detection_dataset(tmp_path, "test")
    assert [s.image.name for s in night.samples] == ["a.jpg", "b.jpg"]
    assert night.issues.labels_without_image == ["gone.jpg"]


def test_exported_yaml_that_leads_out_of_its_folder(tmp_path: Path, picture, write) -> None:
    picture(tmp_path / "valid" / "images" / "a.jpg")
    write(tmp_path / "valid" / "labels" / "a.txt", "0 0.5 0.5 1 1")
    write(tmp_path / "data.yaml", "train: ../train/images\nval: ../valid/images\nnames: [car]\n")
    assert len(load_detection_dataset(tmp_path)) == 1
    with pytest.raises(ScotopicError, match=r"data\.yaml names '\.\./train/images', which does not exist: looked for "):
        load_detection_dataset(tmp_path, "train")


def test_folder_of_images_that_data_yaml_does_not_name(folder: Path, picture, write) -> None:
    picture(folder / "images" / "night" / "n.jpg")
    write(folder / "labels" / "night" / "n.txt", "0 0.5 0.5 1 1")
    write(folder / "data.yaml", "val: images\nnames: [car, traffic light]\n")
    assert [s.id for s in load_detection_dataset(folder, "night").samples] == ["n"]
    assert len(load_detection_dataset(folder)) == 3


def test_image_without_label_is_background_and_label_without_image_is_named(folder: Path, picture, write) -> None:
    picture(folder / "images" / "c.jpg")
    write(folder / "labels" / "gone.txt", "0 0.5 0.5 1 1")
    dataset = load_detection_dataset(folder)
    assert [s.id for s in dataset.samples] == ["a", "b", "c"]
    assert dataset.issues.images_without_label == ["c"]
    assert dataset.issues.labels_without_image == ["gone.txt"]
    assert dataset.issues.lines() == [
        "Images without a label file are counted as background: 1 (c).",
        "Labels without an image are left out: 1 (gone.txt).",
    ]


def test_set_without_any_label_for_its_images(tmp_path: Path, picture, write) -> None:
    picture(tmp_path / "images" / "a.jpg")
    write(tmp_path / "labels" / "other.txt", "0 0.5 0.5 1 1")
    write(tmp_path / "classes.txt", "car")
    with pytest.raises(ScotopicError, match=r"none of the 1 images .* has a label file, such as .*a\.txt"):
        load_detection_dataset(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.5", r"a\.txt line 2 is not 'class x_center"),
        ("0 0.5 0.5 0.5 0.5 0.9", r"a\.txt line 2 is not 'class x_center"),
        ("car 0.5 0.5 0.5 0.5", r"a\.txt line 2 is not 'class x_center"),
        ("2 0.5 0.5 0.5 0.5", r"a\.txt line 2 has the class 2, but the set has 2 classes \(0 to 1\)"),
        ("-1 0.5 0.5 0.5 0.5", r"a\.txt line 2 has the class -1"),
        ("0.5 0.5 0.5 0.5 0.5", r"a\.txt line 2 has the class 0\.5"),
        ("nan 0.5 0.5 0.5 0.5", r"a\.txt line 2 has the class nan"),
        ("0 nan 0.5 0.5 0.5", r"a\.txt line 2 has the coordinate nan, but they are shares"),
        ("0 0.5 0.5 0.5 inf", r"a\.txt line 2 has the coordinate inf"),
        ("0 812 340 55 20.5", r"a\.txt line 2 has the coordinate 812, .*: divide pixels by these"),
        ("0 0.5 0.5 0.5 1.02", r"a\.txt line 2 has the coordinate 1\.02"),
        ("0 0.1 0.5 0.5 0.1 9 0.9", r"a\.txt line 2 has the coordinate 9"),
    ],
)
def test_malformed_label_names_file_and_line(folder: Path, write, line: str, message: str) -> None:
    write(folder / "labels" / "a.txt", f"0 0.5 0.5 0.5 0.5\n{line}\n")
    with pytest.raises(ScotopicError, match=message):
        load_detection_dataset(folder)


def test_polygons_and_rotated_boxes_become_boxes(folder: Path, write) -> None:
    write(
        folder / "labels" / "a.txt", "0 0.1 0.5 0.5 0.1 0.9 0.9\n1 0.1 0.1 0.2 0.1 0.2 0.3 0.1 0.3\n0 0.5 0.5 0.1 0.1\n"
    )
    dataset = load_detection_dataset(folder)
    np.testing.assert_allclose(dataset.samples[0].boxes[:2], [[4, 2, 36, 18], [4, 2, 8, 6]])
    assert dataset.issues.polygons == {"a": 2}
    assert dataset.issues.lines() == ["Polygons and rotated boxes are replaced by the boxes around them: 2 (in a)."]


def test_boxes_outside_are_clipped_or_dropped(folder: Path, write) -> None:
    lines = ["0 0.0 0.5 0.5 0.5", "0 -0.5 0.5 0.2 0.2", "0 0.5 0.5 0 0.5", "0 1.005 0.5 0.002 1", "0 0.5 0.5 -0.1 0.5"]
    write(folder / "labels" / "a.txt", "\n".join(lines))
    dataset = load_detection_dataset(folder)
    np.testing.assert_allclose(dataset.samples[0].boxes, [[0, 5, 10, 15]])
    assert (dataset.issues.clipped, dataset.issues.dropped) == ({"a": 1}, {"a": 4})
    assert dataset.issues.as_dict() == {
        "clipped": {"count": 1, "names": ["a"]},
        "dropped": {"count": 4, "names": ["a"]},
    }


@pytest.mark.parametrize("content", [b"", b"no picture at all"])
def test_unreadable_image_stays_in_the_set_and_is_named(folder: Path, picture, content: bytes) -> None:
    for name in ("c", "d"):
        picture(folder / "images" / f"{name}.jpg", (80, 20))
    (folder / "images" / "a.jpg").write_bytes(content)
    dataset = load_detection_dataset(folder)
    assert [s.id for s in dataset.samples] == ["a", "b", "c", "d"]
    assert (dataset.samples[0].width, dataset.samples[0].height) == (0, 0)
    np.testing.assert_allclose(dataset.samples[0].boxes, [[20, 5, 60, 15], [16, 8, 24, 12]], atol=1e-12)
    assert dataset.issues.unreadable_images == ["a"]
    assert dataset.issues.dropped == {}
    assert dataset.issues.as_dict()["without_picture"] == {"count": 2, "names": ["a"]}
    placed = "Boxes of images that cannot be read are placed as in one of 80x20, the set's commonest size: 2 (in a)."
    assert placed in dataset.issues.lines()
    assert placed not in dataset.select(["b"]).issues.lines()
    for name in ("b.PNG", "c.jpg", "d.jpg"):
        (folder / "images" / name).write_bytes(content)
    assert load_detection_dataset(folder).issues.dropped == {"a": 2}  # no size at all is known


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("val: images\n", "have no names: add classes.txt"),
        ("val: images\nnames: {0: car, 2: bus}\n", "must be 0 to 1"),
        ("names: [car]\n", "names no images"),
        ("val: nowhere\nnames: [car]\n", "names 'nowhere', which does not exist"),
        ("val: [\n", "is not YAML"),
        ("- car\n", "must hold 'key: value' lines"),
    ],
)
def test_bad_data_yaml(folder: Path, write, text: str, message: str) -> None:
    (folder / "classes.txt").unlink()
    write(folder / "data.yaml", text)
    with pytest.raises(ScotopicError, match=message):
        load_detection_dataset(folder / "data.yaml")


def test_label_file_that_is_no_text(folder: Path) -> None:
    (folder / "labels" / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScotopicError, match=r"a\.txt is not UTF-8 text"):
        load_detection_dataset(folder)
