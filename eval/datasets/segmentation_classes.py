"""Which classes of a segmentation set are which classes of a net, where neither need draw the lines of the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ScotopicError, nearest
from .names import first_names, plain
from .segmentation_sample import IGNORED

ClassOverride = Mapping[str, str | Sequence[str] | None]

_TABLE_SIZE = 256

MEANINGS: dict[str, tuple[str, ...]] = {
    # Cityscapes' 19 classes mean themselves (BDD100K, ACDC and Dark Zurich have the same).
    **{name: (name,) for name in ("road", "sidewalk", "building", "wall", "fence", "pole", "trafficlight")},
    **{name: (name,) for name in ("trafficsign", "vegetation", "terrain", "sky", "person", "rider", "car", "truck")},
    **{name: (name,) for name in ("bus", "train", "motorcycle", "bicycle")},
    # Its categories.
    "flat": ("road", "sidewalk"),
    "construction": ("building", "wall", "fence"),
    "object": ("pole", "trafficlight", "trafficsign"),
    "nature": ("vegetation", "terrain"),
    "human": ("person", "rider"),
    "vehicle": ("car", "truck", "bus", "train", "motorcycle", "bicycle"),
    # CamVid.
    "pavement": ("sidewalk",),
    "tree": ("vegetation",),
    "signsymbol": ("trafficsign", "trafficlight"),
    "pedestrian": ("person",),
    "bicyclist": ("rider",),
    # Pascal VOC, COCO, ADE20K.
    "motorbike": ("motorcycle",),
    "minibike": ("motorcycle",),
    "grass": ("terrain",),
    "earth": ("terrain",),
    "plant": ("vegetation",),
    "palm": ("vegetation",),
    "house": ("building",),
    "skyscraper": ("building",),
    "signboard": ("trafficsign",),
    "van": ("car",),
}
"""A class's name, as ``plain`` spells it -> what it means, in the words of Cityscapes, which draws the finest lines."""

STRETCHES: dict[str, tuple[str, ...]] = {
    "building": ("wall",),
    "tree": ("terrain",),
    "bicyclist": ("motorcycle", "bicycle"),
    "person": ("rider",),
    "car": ("truck", "bus", "train"),
}
"""What a class means besides, in a list of classes which has no other word for any of it.

CamVid knows neither trucks nor buses nor trains, and labels them Car; Pascal VOC has a bus and a train, and does not.
"""


@dataclass(frozen=True)
class SegmentationClassMap:
    """What is evaluated, and as what.

    Attributes:
        set_classes: the classes of the set.
        model_names: the net's class id -> name.
        categories: names of the K categories; a category is one class of the set, or several joined by `` + ``.
        truth_lookup: int64 (256,), set index -> category; K, "other", for a set class without a partner: claiming a
            category there is wrong. 255, ignored pixels, stays 255.
        prediction_lookup: int64 (largest net id + 1,), net id -> category; K for a net class without a partner.
    """

    set_classes: tuple[str, ...]
    model_names: Mapping[int, str]
    categories: tuple[str, ...]
    truth_lookup: np.ndarray
    prediction_lookup: np.ndarray

    @property
    def unmatched_set(self) -> tuple[str, ...]:
        """Set classes without a partner in the net."""
        return tuple(name for index, name in enumerate(self.set_classes) if not self._has(self.truth_lookup[index]))

    @property
    def unmatched_model(self) -> tuple[str, ...]:
        """Net classes without a partner in the set."""
        return tuple(name for id_, name in self.model_names.items() if not self._has(self.prediction_lookup[id_]))

    def of_model(self, category: int) -> tuple[str, ...]:
        """Names of the net's classes that count as a category."""
        return tuple(name for id_, name in self.model_names.items() if self.prediction_lookup[id_] == category)

    def lines(self) -> list[str]:
        """What goes where and what has no partner, a sentence each."""
        pairs = [(name, " + ".join(self.of_model(number))) for number, name in enumerate(self.categories)]
        renamed = [f"{name} <- {model_names}" for name, model_names in pairs if name != model_names]
        same = [name for name, model_names in pairs if name == model_names]
        matched = len(self.set_classes) - len(self.unmatched_set)
        lines = [
            f"{matched} of the set's {len(self.set_classes)} classes are evaluated, in {len(pairs)} "
            f"{'categories' if len(pairs) > 1 else 'category'}: {', '.join(renamed + same)}."
        ]
        if self.unmatched_set:
            names = ", ".join(self.unmatched_set)
            lines.append(f"Without a partner in the net: {names}; a category that is claimed there is wrong.")
        if self.unmatched_model:
            names = first_names(self.unmatched_model, 12)
            lines.append(f"Without a partner in the set: the net's {names}; a category is missed where it sees them.")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """For the JSON record: the set's and the net's class -> the category it counts as, or None."""
        return {
            "categories": list(self.categories),
            "class_map": {name: self._name(self.truth_lookup[index]) for index, name in enumerate(self.set_classes)},
            "model_class_map": {str(id_): self._name(self.prediction_lookup[id_]) for id_ in self.model_names},
        }

    def _has(self, category: int) -> bool:
        return 0 <= category < len(self.categories)

    def _name(self, category: int) -> str | None:
        return self.categories[category] if self._has(category) else None


def map_segmentation_classes(
    set_classes: Sequence[str], model_names: Mapping[int, str], override: ClassOverride | None = None
) -> SegmentationClassMap:
    """Find which classes of a set and of a net mean the same, and join those that cannot be told apart.

    A class of the set goes with every class of the net that has its name (whatever the case, blanks, hyphens and
    underscores) or of which ``MEANINGS`` and ``STRETCHES`` know that it means some of the same. Several net classes may
    go to one class of the set: a car, a truck and a bus are all CamVid's Car. Classes of the set that share a net class
    become one category: a net trained on CamVid cannot tell Cityscapes' truck from its bus.

    Args:
        set_classes: the set's class names; a label is an index into them.
        model_names: the net's class id -> name.
        override: the user's word, which goes before all else: set class -> net class, several of them, or None.

    Raises:
        ScotopicError: the override names a class that the set or the net has not (with the nearest names), or no class
            has a partner.

    >>> chosen = map_segmentation_classes(["Road", "Car", "Sky"], {0: "road", 1: "car", 2: "truck", 3: "bridge"})
    >>> chosen.categories, chosen.truth_lookup[:3].tolist(), chosen.prediction_lookup.tolist()
    (('Road', 'Car'), [0, 1, 2], [0, 1, 1, 2])
    >>> map_segmentation_classes(["truck", "bus"], {0: "Car"}).categories
    ('truck + bus',)
    """
    partners = _by_meaning(set_classes, model_names)
    for name, wanted in (override or {}).items():
        names = [] if wanted is None else [wanted] if isinstance(wanted, str) else list(wanted)
        ids = {id_ for model_name in names for id_ in _model_ids(model_name, model_names)}
        for index in _set_indices(name, set_classes):
            partners[index] = ids
    groups = _connected(partners)
    if not groups:
        ours, theirs = first_names(set_classes, 12), first_names(model_names.values(), 12)
        raise ScotopicError(
            f"no class of the set ({ours}) is a class of the net ({theirs}): say which is which with a class map"
        )
    other = len(groups)
    truth = np.full(_TABLE_SIZE, other, dtype=np.int64)
    truth[IGNORED] = IGNORED
    prediction = np.full(max(model_names) + 1, other, dtype=np.int64)
    for category, indices in enumerate(groups):
        truth[indices] = category
        prediction[sorted(set().union(*(partners[index] for index in indices)))] = category
    for table in (truth, prediction):
        table.setflags(write=False)
    names = tuple(" + ".join(set_classes[index] for index in indices) for indices in groups)
    return SegmentationClassMap(tuple(set_classes), dict(model_names), names, truth, prediction)


def _by_meaning(set_classes: Sequence[str], model_names: Mapping[int, str]) -> list[set[int]]:
    """For each class of the set the net's class ids that have its name or mean some of the same."""
    of_set, of_model = _meanings(set_classes), _meanings(model_names.values())
    return [
        {
            id_
            for id_, model_name in model_names.items()
            if plain(model_name) == plain(name) or of_set[plain(name)] & of_model[plain(model_name)]
        }
        for name in set_classes
    ]


def _meanings(names: Iterable[str]) -> dict[str, set[str]]:
    """What each class of a list means, given what the other classes of that list mean."""
    own = {plain(name): set(MEANINGS.get(plain(name), ())) for name in names}
    known = set().union(*own.values())
    free = {name: set(more) for name, more in STRETCHES.items() if not known & set(more)}
    return {name: means | free.get(name, set()) for name, means in own.items()}


def _connected(partners: Sequence[set[int]]) -> list[list[int]]:
    """Set classes that share net classes, directly or through others, in the order of the set."""
    groups: list[tuple[list[int], set[int]]] = []
    for index, ids in enumerate(partners):
        if ids:
            touching = [group for group in groups if group[1] & ids]
            groups = [group for group in groups if not group[1] & ids]
            indices = sorted([index, *(i for group in touching for i in group[0])])
            groups.append((indices, ids.union(*(group[1] for group in touching))))
    return sorted(indices for indices, _ in groups)


def _set_indices(name: str, set_classes: Sequence[str]) -> list[int]:
    found = [index for index, own in enumerate(set_classes) if own == name]
    found = found or [index for index, own in enumerate(set_classes) if plain(own) == plain(name)]
    if not found:
        raise ScotopicError(f"the class map names '{name}', which is no class of the set: {nearest(name, set_classes)}")
    return found


def _model_ids(name: str, model_names: Mapping[int, str]) -> list[int]:
    found = [id_ for id_, own in model_names.items() if own == name]
    found = found or [id_ for id_, own in model_names.items() if plain(own) == plain(name)]
    if not found:
        hint = nearest(name, model_names.values())
        raise ScotopicError(f"the class map names '{name}', which is no class of the net: {hint}")
    return found
