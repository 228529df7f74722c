"""Classes of a set and of a net: who goes with whom, who is joined, who is left over."""

from __future__ import annotations

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.datasets import IGNORED, map_segmentation_classes
from scotopic.eval.datasets.cityscapes_labels import CLASSES, classes_of
from scotopic.eval.datasets.segmentation import CAMVID

CITYSCAPES = dict(enumerate(CLASSES))
CAMVID_NET = dict(enumerate(CAMVID))
_VOC_NAMES = (
    *("__background__", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus"),
    *("car", "cat", "chair", "cow", "diningtable", "dog", "horse"),
    *("motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
VOC = dict(enumerate(_VOC_NAMES))


def test_a_cityscapes_net_on_camvid_is_the_map_of_the_readme() -> None:
    chosen = map_segmentation_classes(CAMVID, {**CITYSCAPES, 19: "background"})
    assert chosen.categories == CAMVID
    assert chosen.prediction_lookup.tolist() == [3, 4, 1, 1, 7, 2, 6, 6, 5, 5, 0, 9, 10, 8, 8, 8, 8, 10, 10, 11]
    assert chosen.truth_lookup[:11].tolist() == list(range(11))
    assert chosen.unmatched_set == ()
    assert chosen.unmatched_model == ("background",)


def test_a_camvid_net_on_cityscapes_joins_what_it_cannot_tell_apart() -> None:
    chosen = map_segmentation_classes(CLASSES, CAMVID_NET)
    assert chosen.categories == (
        *("road", "sidewalk", "building + wall", "fence", "pole", "traffic light + traffic sign"),
        *("vegetation + terrain", "sky", "person", "rider + motorcycle + bicycle", "car + truck + bus + train"),
    )
    assert chosen.truth_lookup[:19].tolist() == [0, 1, 2, 2, 3, 4, 5, 5, 6, 6, 7, 8, 9, 10, 10, 10, 10, 9, 9]
    assert chosen.truth_lookup[IGNORED] == IGNORED
    assert chosen.of_model(10) == ("Car",)


@pytest.mark.parametrize("names", [CLASSES, CAMVID, classes_of(7)])
def test_a_net_on_the_classes_of_its_own(names: tuple[str, ...]) -> None:
    chosen = map_segmentation_classes(names, dict(enumerate(names)))
    assert chosen.categories == names
    assert chosen.prediction_lookup.tolist() == list(range(len(names)))


def test_a_net_of_categories() -> None:
    of_set = map_segmentation_classes(classes_of(7), CITYSCAPES)
    assert of_set.prediction_lookup.tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 6, 6, 6, 6, 6]
    of_net = map_segmentation_classes(CLASSES, dict(enumerate(classes_of(7))))
    assert [name.split(" + ")[0] for name in of_net.categories] == [
        *("road", "building", "pole", "vegetation", "sky", "person", "car")
    ]


def test_a_voc_net_knows_few() -> None:
    chosen = map_segmentation_classes(CLASSES, VOC)
    assert chosen.categories == ("person + rider", "car", "bus", "train", "motorcycle", "bicycle")
    other = len(chosen.categories)
    assert "truck" in chosen.unmatched_set  # VOC has a bus of its own, so its car is just a car
    assert chosen.truth_lookup[0] == other
    assert chosen.prediction_lookup[0] == other
    first, unmatched_set, unmatched_model = chosen.lines()
    assert first.startswith("7 of the set's 19 classes are evaluated, in 6 categories: person + rider <- person, motor")
    assert "road, sidewalk" in unmatched_set
    assert "aeroplane" in unmatched_model


def test_groups_are_connected_through_several_classes() -> None:
    # A person on a bicycle is Bicyclist to CamVid, a person and a bicycle to VOC.
    chosen = map_segmentation_classes(CAMVID, VOC)
    assert chosen.categories == ("Car", "Pedestrian + Bicyclist")
    assert chosen.of_model(1) == ("bicycle", "motorbike", "person")


def test_override() -> None:
    chosen = map_segmentation_classes(CAMVID, VOC, {"bicyclist": ["bicycle", "motorbike"], "Car": None})
    assert chosen.categories == ("Pedestrian", "Bicyclist")
    assert chosen.of_model(0) == ("person",)
    assert "Car" in chosen.unmatched_set
    assert "car" in chosen.unmatched_model
    shared = map_segmentation_classes(["car", "lorry", "sky"], {0: "sky", 5: "car"}, {"lorry": "car"})
    assert shared.categories == ("car + lorry", "sky")
    assert shared.prediction_lookup.tolist() == [1, 2, 2, 2, 2, 0]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"Rode": "road"}, "the class map names 'Rode', which is no class of the set: did you mean 'Road'"),
        ({"Road": "rode"}, "the class map names 'rode', which is no class of the net: did you mean 'road'"),
        ({"Road": ["road", "traffic lite"]}, "'traffic lite', which is no class of the net: did you mean 'traffic l"),
    ],
)
def test_unknown_names(override: dict[str, str | list[str]], message: str) -> None:
    with pytest.raises(ScotopicError, match=message):
        map_segmentation_classes(CAMVID, CITYSCAPES, override)


def test_nothing_in_common() -> None:
    with pytest.raises(ScotopicError, match=r"no class of the set \(liver\) is a class of the net \(Sky, .*class map"):
        map_segmentation_classes(["liver"], CAMVID_NET)


def test_record() -> None:
    chosen = map_segmentation_classes(["Road", "Tram"], {0: "road", 2: "sky"})
    assert chosen.as_dict() == {
        "categories": ["Road"],
        "class_map": {"Road": "Road", "Tram": None},
        "model_class_map": {"0": "Road", "2": None},
    }
    assert chosen.lines()[0] == "1 of the set's 2 classes are evaluated, in 1 category: Road <- road."
    truth = chosen.truth_lookup[np.array([[0, 1, IGNORED]])]
    assert truth.tolist() == [[0, 1, IGNORED]]
