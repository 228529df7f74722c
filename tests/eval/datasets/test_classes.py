from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.datasets import DetectionSample, map_classes
from scotopic.eval.datasets.bdd import CLASSES_2018, CLASSES_2020
from scotopic.eval.datasets.exdark import CLASSES as EXDARK
from scotopic.eval.datasets.voc import CLASSES as VOC

COCO = [
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
]  # fmt: skip
MODEL = dict(enumerate(COCO))


def pairs(classes: tuple[str, ...]) -> dict[str, str]:
    chosen = map_classes(classes, MODEL)
    return {classes[index]: MODEL[category] for index, category in chosen.partner.items()}


@pytest.mark.parametrize(
    ("classes", "renamed", "unmatched"),
    [
        (CLASSES_2018, {"bike": "bicycle", "motor": "motorcycle", "rider": "person"}, ("traffic sign",)),
        (CLASSES_2020, {"pedestrian": "person", "rider": "person"}, ("traffic sign",)),
        (EXDARK, {"Motorbike": "motorcycle", "People": "person", "Table": "dining table", "Cup": "cup"}, ()),
        (
            VOC,
            {
                "aeroplane": "airplane",
                "motorbike": "motorcycle",
                "sofa": "couch",
                "diningtable": "dining table",
                "pottedplant": "potted plant",
                "tvmonitor": "tv",
            },
            (),
        ),
        (("light", "Traffic_Light", "TRAFFIC-LIGHT"), {"light": "traffic light", "Traffic_Light": "traffic light"}, ()),
    ],
)
def test_known_sets_on_coco(classes: tuple[str, ...], renamed: dict[str, str], unmatched: tuple[str, ...]) -> None:
    assert map_classes(classes, MODEL).unmatched_set == unmatched
    assert renamed.items() <= pairs(classes).items()


def test_a_name_of_its_own_goes_before_an_alias() -> None:
    model = {0: "person", 1: "rider", 2: "bike"}
    chosen = map_classes(("rider", "person", "bicycle"), model)
    assert chosen.partner == {0: 1, 1: 0, 2: 2}


def test_persons_are_no_riders() -> None:
    assert map_classes(("person", "car"), {0: "rider", 1: "car"}).unmatched_set == ("person",)


def test_categories_are_the_models_and_the_rest_is_reported() -> None:
    chosen = map_classes(CLASSES_2018, MODEL)
    assert chosen.categories == {id_: MODEL[id_] for id_ in (0, 1, 2, 3, 5, 6, 7, 9)}
    assert len(chosen.unmatched_model) == 72
    first, second, third = chosen.lines()
    assert "bike -> bicycle" in first
    assert second == "Left out, without a partner in the model: traffic sign."
    assert "72 model classes" in third
    assert chosen.as_dict()["class_map"]["traffic sign"] is None
    assert chosen.as_dict()["class_map"]["rider"] == "person"


def test_override_wins() -> None:
    chosen = map_classes(CLASSES_2018, MODEL, {"traffic sign": "stop sign", "Rider": None, "bike": "motorcycle"})
    got = {CLASSES_2018[index]: MODEL[category] for index, category in chosen.partner.items()}
    assert (got["traffic sign"], got["bike"]) == ("stop sign", "motorcycle")
    assert chosen.unmatched_set == ("rider",)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"bik": "bicycle"}, "names 'bik', which is no class of the set: did you mean 'bike'"),
        ({"bike": "bycicle"}, "names 'bycicle', which is no class of the model: did you mean 'bicycle'"),
    ],
)
def test_unknown_names_in_the_override(override: dict[str, str | None], message: str) -> None:
    with pytest.raises(ScotopicError, match=message):
        map_classes(CLASSES_2018, MODEL, override)


def test_nothing_maps() -> None:
    with pytest.raises(ScotopicError, match=r"no class of the set \(Sky, Road\) is a class of the model \(person"):
        map_classes(("Sky", "Road"), MODEL)


def test_model_with_two_equal_names() -> None:
    with pytest.raises(ScotopicError, match="fits several classes of the model"):
        map_classes(("car",), {0: "Car", 1: "CAR"})
    assert map_classes(("Car",), {0: "Car", 1: "CAR"}).partner == {0: 0}


def test_apply_leaves_unmatched_truth_out() -> None:
    boxes = np.arange(12, dtype=np.float64).reshape(3, 4)
    labels = np.array([CLASSES_2018.index(name) for name in ("rider", "traffic sign", "motor")])
    sample = DetectionSample("a", Path("a.jpg"), 40, 20, boxes, labels, np.array([False, True, True]), {})
    kept, categories, crowd = map_classes(CLASSES_2018, MODEL).apply(sample)
    np.testing.assert_array_equal(kept, boxes[[0, 2]])
    assert categories.tolist() == [0, 3]
    assert crowd.tolist() == [False, True]
