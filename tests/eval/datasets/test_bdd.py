from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.datasets import load_detection_dataset

BOX = {"x1": 1.5, "y1": 2.0, "x2": 11.5, "y2": 7.25}


def frames_2018() -> list[dict[str, Any]]:
    return [
        {
            "name": "a.jpg",
            "attributes": {"weather": "clear", "scene": "city street", "timeofday": "night"},
            "timestamp": 10000,
            "labels": [
                {"category": "traffic light", "attributes": {"trafficLightColor": "G"}, "box2d": BOX, "id": 0},
                {"category": "bike", "attributes": {"occluded": True}, "box2d": BOX, "id": 1},
                {"category": "drivable area", "poly2d": [{"vertices": [[0, 0], [1, 1]]}], "id": 2},
                {"category": "lane", "poly2d": [], "id": 3},
            ],
        },
        {"name": "b.jpg", "attributes": {"timeofday": "daytime"}, "labels": []},
    ]


def frames_2020() -> list[dict[str, Any]]:
    return [
        {
            "name": "a.jpg",
            "attributes": {"timeofday": "night"},
            "labels": [
                {"id": "1", "category": "pedestrian", "attributes": {"crowd": False}, "box2d": BOX},
                {"id": "2", "category": "bicycle", "attributes": {"crowd": True}, "box2d": BOX},
                {"id": "3", "category": "other vehicle", "attributes": {}, "box2d": BOX},
                {"id": "4", "category": "rider", "box2d": BOX},
            ],
        },
        {"name": "b.jpg", "labels": None},
    ]


@pytest.fixture
def images(tmp_path: Path, picture) -> Path:
    for name in ("a.jpg", "b.jpg"):
        picture(tmp_path / "bdd100k" / "images" / "100k" / "val" / name)
    return tmp_path / "bdd100k"


def test_layout_of_2018(images: Path, write_json) -> None:
    file = write_json(images / "labels" / "bdd100k_labels_images_val.json", frames_2018())
    for data in (images, images.parent, file):
        dataset = load_detection_dataset(data)
        a, b = dataset.samples
        assert [dataset.classes[label] for label in a.labels] == ["traffic light", "bike"]
        assert len(dataset.classes) == 10
        np.testing.assert_allclose(a.boxes, [[1.5, 2, 11.5, 7.25]] * 2)
        assert not a.crowd.any()
        assert a.attributes["timeofday"] == "night"
        assert b.attributes == {"timeofday": "daytime"}
        assert len(b.boxes) == 0
        assert dataset.issues.lines() == []


@pytest.mark.parametrize("wrapped", [False, True])
def test_layout_of_2020(images: Path, write_json, wrapped: bool) -> None:
    value = {"frames": frames_2020(), "config": {"image_size": None}} if wrapped else frames_2020()
    file = write_json(images / "labels" / "det_20" / "det_val.json", value)
    for data in (images, file):
        dataset = load_detection_dataset(data)
        a = dataset.samples[0]
        assert dataset.classes[:2] == ("pedestrian", "rider")
        assert [dataset.classes[label] for label in a.labels] == ["pedestrian", "bicycle", "car", "rider"]
        assert a.crowd.tolist() == [False, True, True, False]
        assert len(dataset.samples[1].boxes) == 0


def test_2020_goes_before_2018_and_train_beside_val(images: Path, picture, write_json) -> None:
    write_json(images / "labels" / "bdd100k_labels_images_val.json", frames_2018())
    for split in ("train", "val"):
        write_json(images / "labels" / "det_20" / f"det_{split}.json", frames_2020())
    assert "pedestrian" in load_detection_dataset(images, "val").classes
    with pytest.raises(ScotopicError, match="several splits: choose one with --split: train, val"):
        load_detection_dataset(images)


def test_one_file_per_image(images: Path, write_json) -> None:
    for name in ("a", "b"):
        objects = [{"category": "car", "id": 1, "box2d": BOX}, {"category": "lane/single white", "id": 2, "poly2d": []}]
        value = {"name": name, "frames": [{"timestamp": 1, "objects": objects}], "attributes": {"timeofday": "night"}}
        write_json(images / "labels" / "100k" / "val" / f"{name}.json", value)
    for data in (images, images / "labels" / "100k" / "val"):
        dataset = load_detection_dataset(data)
        assert [s.id for s in dataset.samples] == ["a", "b"]
        assert [len(s.boxes) for s in dataset.samples] == [1, 1]
        assert dataset.samples[0].attributes == {"timeofday": "night"}


def test_own_categories_and_own_names(images: Path, write_json) -> None:
    frames = [{"name": "a.jpg", "labels": [{"category": "tram", "box2d": BOX}]}]
    config = {"categories": [{"name": "rail", "subcategories": [{"name": "tram"}, {"name": "metro"}]}, {"name": "car"}]}
    file = write_json(images / "own.json", {"frames": frames, "config": config})
    assert load_detection_dataset(file).classes == ("tram", "metro", "car")
    assert load_detection_dataset(write_json(images / "own.json", frames)).classes == ("tram",)


def test_missing_image_and_box_outside(images: Path, write_json) -> None:
    frames = frames_2018()
    frames[0]["labels"][0]["box2d"] = {"x1": 30, "y1": 2, "x2": 50, "y2": 7}
    frames.append({"name": "gone.jpg", "labels": []})
    dataset = load_detection_dataset(write_json(images / "labels" / "val.json", frames))
    assert dataset.issues.clipped == {"a": 1}
    assert dataset.issues.labels_without_image == ["gone.jpg"]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (
            [{"name": "a.jpg", "labels": [{"category": "car", "box2d": {"x1": 1}}]}],
            "image a.jpg: a 'box2d' needs the numbers",
        ),
        ([{"attributes": {}, "labels": []}], "an image has no 'name'"),
        ([{"name": "a.jpg", "labels": 3}], "no BDD100K label file"),
        ([{"name": "a.jpg", "labels": []}] * 2, "labels the image .*a.jpg 2 times"),
        ([{"name": "zzz.jpg", "labels": []}], r"the images of .* \(such as zzz.jpg\) are in none of"),
    ],
)
def test_malformed(images: Path, write_json, frames: Any, message: str) -> None:
    with pytest.raises(ScotopicError, match=message):
        load_detection_dataset(write_json(images / "labels" / "val.json", frames))


def frame(**parts: Any) -> list[dict[str, Any]]:
    return [{"name": "a.jpg", **parts}]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (frame(labels=[{"category": ["car"], "box2d": BOX}]), r"a 'category' must be the name of a class, not \['car"),
        (frame(labels=[{"category": None, "box2d": BOX}]), "a 'category' must be the name of a class, not None"),
        (frame(labels=[{"category": "car", "box2d": BOX, "attributes": ["crowd"]}]), "'attributes' must be an object"),
        (frame(labels=[{"category": "car", "box2d": {**BOX, "x1": 10**400}}]), "a 'box2d' needs the numbers"),
        (frame(attributes=["night"]), "'attributes' must be an object, not list"),
        (frame(size=[40, 20]), "'size' must be an object, not list"),
        (frame(frames=5), "'frames' must be a list, not int"),
        (frame(frames=["x"]), "every entry of 'frames' must be an object with 'objects', not 'x'"),
        (frame(frames=[{"objects": 4}]), "'objects' must be a list, not int"),
    ],
)
def test_wrong_shapes_in_an_image(images: Path, write_json, value: Any, message: str) -> None:
    with pytest.raises(ScotopicError, match=rf"val\.json, image a\.jpg: {message}"):
        load_detection_dataset(write_json(images / "labels" / "val.json", value))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"frames": 5}, "'frames' must be a list, not int"),
        ({"frames": frame(), "config": {"categories": 5}}, "'categories' must be a list, not int"),
        ({"frames": frame(), "config": {"categories": [{"name": None}]}}, "a category of 'config' needs a 'name'"),
        (
            {"frames": frame(), "config": {"categories": [{"name": "a", "subcategories": 5}]}},
            "'subcategories' must be a list, not int",
        ),
    ],
)
def test_wrong_shapes_in_the_file(images: Path, write_json, value: Any, message: str) -> None:
    with pytest.raises(ScotopicError, match=rf"val\.json: {message}"):
        load_detection_dataset(write_json(images / "labels" / "val.json", value))


def test_class_beside_classes_txt(images: Path, write, write_json) -> None:
    write(images / "labels" / "classes.txt", "car\n")
    with pytest.raises(ScotopicError, match=r"image a\.jpg has the class 'traffic light', which is none of its 1: car"):
        load_detection_dataset(write_json(images / "labels" / "val.json", frames_2018()))
