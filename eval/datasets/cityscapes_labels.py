"""The label ids of Cityscapes (https://www.cityscapes-dataset.com, Cordts et al., CVPR 2016) and what they mean."""

from __future__ import annotations

from .label_files import with_ignored
from .segmentation_sample import IGNORED

CATEGORIES: dict[str, dict[int, str | None]] = {
    "flat": {7: "road", 8: "sidewalk", 9: None, 10: None},
    "construction": {11: "building", 12: "wall", 13: "fence", 14: None, 15: None, 16: None},
    "object": {17: "pole", 18: None, 19: "traffic light", 20: "traffic sign"},
    "nature": {21: "vegetation", 22: "terrain"},
    "sky": {23: "sky"},
    "human": {24: "person", 25: "rider"},
    "vehicle": {
        **{26: "car", 27: "truck", 28: "bus", 29: None, 30: None},
        **{31: "train", 32: "motorcycle", 33: "bicycle"},
    },
    "void": dict.fromkeys(range(7)),
}
"""Category -> its label ids -> the class that is evaluated, or None (parking, bridges, trailers, the car itself, ...).

In the published order, by which train ids count: 0 is road, 18 is bicycle.
"""

_EVALUATED = {id_: name for ids in CATEGORIES.values() for id_, name in ids.items() if name}
CLASSES = tuple(_EVALUATED.values())
"""The 19 classes of the benchmark; a class's position is its train id."""


def classes_of(grouping: int) -> tuple[str, ...]:
    """The class names of a grouping.

    >>> classes_of(7)
    ('flat', 'construction', 'object', 'nature', 'sky', 'human', 'vehicle')
    >>> len(classes_of(19)), classes_of(8)[-1]
    (19, 'void')
    """
    return {19: CLASSES, 8: tuple(CATEGORIES), 7: tuple(CATEGORIES)[:7]}[grouping]


def label_id_values(grouping: int = 19) -> dict[int, int]:
    """What the values of a ``*_labelIds.png`` mean: label id -> class index, or ``IGNORED``.

    Args:
        grouping: 19 classes; 7 categories, made of these 19 classes as the benchmark's own category score makes them,
            all else ignored; or 8 categories of which every label counts, those that are not evaluated and void too.

    >>> [label_id_values(19)[id_] for id_ in (7, 33, 9, 0)]
    [0, 18, 255, 255]
    >>> [label_id_values(7)[id_] for id_ in (7, 33, 9, 0)]
    [0, 6, 255, 255]
    >>> [label_id_values(8)[id_] for id_ in (7, 33, 9, 0)]
    [0, 6, 0, 7]
    """
    if grouping == 8:
        return with_ignored({id_: index for index, ids in enumerate(CATEGORIES.values()) for id_ in ids})
    every = dict.fromkeys((id_ for ids in CATEGORIES.values() for id_ in ids), IGNORED)
    by_train_id = train_id_values(grouping)
    return with_ignored({**every, **{id_: by_train_id[train] for train, id_ in enumerate(_EVALUATED)}})


def train_id_values(grouping: int = 19) -> dict[int, int]:
    """What the values of a ``*_labelTrainIds.png`` mean; these files know no void, so that 255 is always ignored.

    >>> train_id_values(7)[18], train_id_values()[18], train_id_values()[255]
    (6, 18, 255)
    """
    category = {name: index for index, ids in enumerate(CATEGORIES.values()) for name in ids.values()}
    return with_ignored({train: train if grouping == 19 else category[name] for train, name in enumerate(CLASSES)})
