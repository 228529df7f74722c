from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.datasets import load_detection_dataset

HEADER = "% bbGt version=3\n"


@pytest.fixture
def exdark(tmp_path: Path, picture, write) -> Path:
    picture(tmp_path / "ExDark" / "Bicycle" / "2015_00001.png")
    picture(tmp_path / "ExDark" / "People" / "2015_06000.JPG")
    write(
        tmp_path / "ExDark_Annno" / "Bicycle" / "2015_00001.png.txt",
        f"{HEADER}Bicycle 4 5 10 12 0 0 0 0 0 0 0\nPeople 0 0 3 4 0 0 0 0 0 0 0\n",
    )
    write(tmp_path / "ExDark_Annno" / "People" / "2015_06000.jpg.txt", f"{HEADER}People 1 1 2 2 0 0 0 0 0 0 0\n")
    return tmp_path


def test_exdark(exdark: Path) -> None:
    dataset = load_detection_dataset(exdark)
    first, second = dataset.samples
    assert (first.id, second.id) == ("2015_00001", "2015_06000")
    np.testing.assert_allclose(first.boxes, [[4, 5, 14, 17], [0, 0, 3, 4]])
    assert [dataset.classes[label] for label in first.labels] == ["Bicycle", "People"]
    assert dataset.issues.lines() == []


def test_exdark_own_splits(exdark: Path, write) -> None:
    heading = "Name | Class | Light | In/Out | Train/Val/Test\n"
    rows = "2015_00001.png 1 2 1 1\n2015_06000.jpg 11 10 2 3\n2015_00009.jpg 1 1 1 3\n"
    write(exdark / "imageclasslist.txt", heading + rows)
    test = load_detection_dataset(exdark, "test")
    assert [s.id for s in test.samples] == ["2015_06000"]
    assert test.samples[0].attributes == {"light": "Twilight"}
    assert test.issues.labels_without_image == ["2015_00009"]
    assert load_detection_dataset(exdark, "train").issues.lines() == []
    with pytest.raises(ScotopicError, match="several splits: choose one with --split: train, val, test"):
        load_detection_dataset(exdark)


def test_exdark_issues(exdark: Path, picture, write) -> None:
    picture(exdark / "ExDark" / "People" / "alone.jpg")
    write(exdark / "ExDark_Annno" / "People" / "gone.jpg.txt", HEADER)
    dataset = load_detection_dataset(exdark)
    assert len(dataset) == 2
    assert dataset.issues.labels_without_image == ["gone.jpg.txt"]
    assert dataset.issues.lines()[0] == "Images without a label file are left out: 1 (alone.jpg)."


def test_exdark_folder_named_like_a_label_file(exdark: Path) -> None:
    (exdark / "ExDark_Annno" / "Bicycle" / "2014.txt").mkdir()
    dataset = load_detection_dataset(exdark)
    assert (len(dataset), dataset.issues.lines()) == (2, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEADER}Peopel 1 1 2 2 0", r"line 2 has the unknown class 'Peopel': did you mean 'People'"),
        (f"{HEADER}People 1 1 2", r"line 2 is not 'class left top width height"),
        (f"{HEADER}People 1 1 x 2", r"line 2 is not 'class left top width height"),
        ("People 1 1 2 2", r"line 1 is not 'bbGt version=3'"),
    ],
)
def test_exdark_malformed(exdark: Path, write, text: str, message: str) -> None:
    write(exdark / "ExDark_Annno" / "People" / "2015_06000.jpg.txt", text)
    write(exdark / "ExDark_Annno" / "People" / "0.jpg.txt", HEADER)  # the first file tells what the folder is
    with pytest.raises(ScotopicError, match=message):
        load_detection_dataset(exdark)


def xml(name: str = "car", difficult: int = 0, size: tuple[int, int] = (40, 20), box: str = "1 2 10 12") -> str:
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box.split(), strict=True))
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>"
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotation><filename>any.jpg</filename>'
        f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{corners}</bndbox>{part}</object></annotation>"
    )


@pytest.fixture
def voc(tmp_path: Path, picture, write) -> Path:
    for stem, text in {"000001": xml(), "000002": xml("tvmonitor", difficult=1)}.items():
        picture(tmp_path / "JPEGImages" / f"{stem}.jpg")
        write(tmp_path / "Annotations" / f"{stem}.xml", text)
    return tmp_path


def test_voc(voc: Path) -> None:
    dataset = load_detection_dataset(voc)
    first, second = dataset.samples
    np.testing.assert_allclose(first.boxes, [[0, 1, 10, 12]])  # pixels counted from 1, the last one included
    assert dataset.classes[first.labels[0]] == "car"
    assert len(dataset.classes) == 20
    assert (first.crowd.tolist(), second.crowd.tolist()) == ([False], [True])
    assert dataset.issues.lines() == []


def test_voc_own_splits(voc: Path, picture, write) -> None:
    picture(voc / "JPEGImages" / "000003.jpg")
    for name, text in {"val": "000002\n000003\n000004\n", "trainval": "000001\n", "car_val": "000002 -1\n"}.items():
        write(voc / "ImageSets" / "Main" / f"{name}.txt", text)
    dataset = load_detection_dataset(voc, "val")
    assert [s.id for s in dataset.samples] == ["000002"]
    assert dataset.issues.images_without_label == ["000003.jpg"]
    assert dataset.issues.labels_without_image == ["000004"]
    with pytest.raises(ScotopicError, match="choose one with --split: trainval, val"):
        load_detection_dataset(voc)


def test_voc_own_classes_and_sizes(voc: Path, write) -> None:
    write(voc / "Annotations" / "000001.xml", xml("scooter", size=(80, 40)))
    write(voc / "Annotations" / "000002.xml", xml("tvmonitor").replace("<width>40<", "<width>\u00b2<"))
    dataset = load_detection_dataset(voc)
    assert dataset.classes == ("scooter", "tvmonitor")
    assert dataset.issues.other_size == ["000001"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "declares a document type or entities"),
        ("<annotation><object>", r"000001\.xml line 1 is not valid XML"),
        (xml(box="1 2 x 12"), "bndbox of an object 'car' needs the numbers"),
    ],
)
def test_voc_malformed(voc: Path, write, text: str, message: str) -> None:
    write(voc / "Annotations" / "000001.xml", text)
    with pytest.raises(ScotopicError, match=message):
        load_detection_dataset(voc)
