"""Which class of a data set is which class of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ScotopicError, nearest
from .names import first_names, plain
from .sample import DetectionSample

ALIASES: dict[str, tuple[str, ...]] = {
    # BDD100K
    "bike": ("bicycle",),
    "motor": ("motorcycle", "motorbike"),
    "rider": ("person", "pedestrian"),
    "pedestrian": ("person",),
    "light": ("trafficlight",),
    # Pascal VOC
    "motorbike": ("motorcycle", "motor"),
    "aeroplane": ("airplane",),
    "sofa": ("couch",),
    "tvmonitor": ("tv",),
    # ExDark
    "people": ("person", "pedestrian"),
    "table": ("diningtable",),
    # COCO, for models that were trained on the sets above
    "bicycle": ("bike",),
    "motorcycle": ("motorbike", "motor"),
    "person": ("pedestrian", "people"),
    "trafficlight": ("light",),
    "airplane": ("aeroplane",),
    "couch": ("sofa",),
    "tv": ("tvmonitor",),
    "diningtable": ("table",),
}
"""Class of a set -> names of the same thing in models, the first that the model has; in the spelling of ``plain``.

One way only: a ``rider`` is a person, but persons are no riders.
"""


@dataclass(frozen=True)
class ClassMap:
    """What is evaluated, and as what.

    Attributes:
        set_classes: the classes of the set.
        partner: index of a set class -> category id, which is the model's own class id. Several may share one.
        categories: category id -> the model's class name; only categories which a class of the set goes to.
        unmatched_set: set classes without a partner. Their boxes are left out of the truth, so a detection on
            such an object counts (as a false one) only if it claims a category that is evaluated.
        unmatched_model: model classes that no class of the set goes to. Their detections are left out.
    """

    set_classes: tuple[str, ...]
    partner: Mapping[int, int]
    categories: Mapping[int, str]
    unmatched_set: tuple[str, ...]
    unmatched_model: tuple[str, ...]

    def evaluated(self, sample: DetectionSample) -> np.ndarray:
        """Bool (N,): which boxes of the sample have a category."""
        return np.isin(sample.labels, list(self.partner))

    def apply(self, sample: DetectionSample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The truth of one image: boxes float64 (M, 4) xyxy pixels, category ids int64 (M,), crowd bool (M,)."""
        kept = self.evaluated(sample)
        category_ids = np.array([self.partner[int(label)] for label in sample.labels[kept]], dtype=np.int64)
        return sample.boxes[kept], category_ids, sample.crowd[kept]

    def lines(self) -> list[str]:
        """What goes where and what is left out, a sentence each."""
        pairs = {self.set_classes[index]: self.categories[category] for index, category in self.partner.items()}
        renamed = [f"{name} -> {model_name}" for name, model_name in pairs.items() if name != model_name]
        same = [name for name, model_name in pairs.items() if name == model_name]
        lines = [
            f"{len(pairs)} of the set's {len(self.set_classes)} classes are evaluated: {', '.join(renamed + same)}."
        ]
        if self.unmatched_set:
            lines.append(f"Left out, without a partner in the model: {', '.join(self.unmatched_set)}.")
        if self.unmatched_model:
            lines.append(f"Detections of {len(self.unmatched_model)} model classes that the set has not are left out.")
        return lines

    def as_dict(self) -> dict[str, dict[str, str | None]]:
        """For the JSON record: set class -> category name, or None where it is left out."""
        names = {index: self.categories[category] for index, category in self.partner.items()}
        return {"class_map": {name: names.get(index) for index, name in enumerate(self.set_classes)}}


def map_classes(
    set_classes: Sequence[str],
    model_names: Mapping[int, str],
    override: Mapping[str, str | None] | None = None,
) -> ClassMap:
    """Find the partner of every class of a set among the classes of a model.

    Names match whatever their case, blanks, hyphens and underscores; then ``ALIASES`` are tried.

    Args:
        set_classes: the set's class names; a label is an index into them.
        model_names: the model's class id -> name, as ultralytics' ``model.names``.
        override: the user's word, which goes before all else: set class -> model class, or None to leave it out.

    Raises:
        ScotopicError: the override names a class that the set or the model has not (with the nearest names), a name
            fits two classes of the model, or no class has a partner.

    >>> chosen = map_classes(["bike", "rider", "traffic sign"], {0: "person", 1: "bicycle", 2: "car"})
    >>> chosen.categories, chosen.unmatched_set, chosen.unmatched_model
    ({0: 'person', 1: 'bicycle'}, ('traffic sign',), ('car',))
    """
    asked = _checked_override(set_classes, model_names, override or {})
    partner: dict[int, int] = {}
    for index, name in enumerate(set_classes):
        category = asked[name] if name in asked else _partner(name, model_names)
        if category is not None:
            partner[index] = category
    if not partner:
        ours, theirs = first_names(set_classes, 8), first_names(model_names.values(), 8)
        raise ScotopicError(
            f"no class of the set ({ours}) is a class of the model ({theirs}): say which is which with a class map"
        )
    evaluated = set(partner.values())
    return ClassMap(
        set_classes=tuple(set_classes),
        partner=partner,
        categories={id_: model_names[id_] for id_ in sorted(evaluated)},
        unmatched_set=tuple(name for index, name in enumerate(set_classes) if index not in partner),
        unmatched_model=tuple(name for id_, name in model_names.items() if id_ not in evaluated),
    )


def _partner(name: str, model_names: Mapping[int, str]) -> int | None:
    for wanted in (plain(name), *ALIASES.get(plain(name), ())):
        found = [id_ for id_, model_name in model_names.items() if plain(model_name) == wanted]
        found = [id_ for id_ in found if model_names[id_] == name] or found
        if len(found) > 1:
            same = ", ".join(f"{id_} '{model_names[id_]}'" for id_ in found)
            raise ScotopicError(
                f"the set's class '{name}' fits several classes of the model ({same}): rename one of them"
            )
        if found:
            return found[0]
    return None


def _checked_override(
    set_classes: Sequence[str], model_names: Mapping[int, str], override: Mapping[str, str | None]
) -> dict[str, int | None]:
    """The user's word with the names as the set spells them, and ids of the model."""
    asked: dict[str, int | None] = {}
    for name, model_name in override.items():
        meant = [own for own in set_classes if own == name] or [own for own in set_classes if plain(own) == plain(name)]
        if not meant:
            raise ScotopicError(
                f"the class map names '{name}', which is no class of the set: {nearest(name, set_classes)}"
            )
        target = None
        if model_name is not None:
            ids = [id_ for id_, own in model_names.items() if own == model_name]
            ids = ids or [id_ for id_, own in model_names.items() if plain(own) == plain(model_name)]
            if not ids:
                hint = nearest(model_name, model_names.values())
                raise ScotopicError(f"the class map names '{model_name}', which is no class of the model: {hint}")
            target = ids[0]
        asked.update(dict.fromkeys(meant, target))
    return asked
