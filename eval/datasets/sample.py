"""The one form that every labelled detection set takes, whatever its files look like."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...files import sha256_of
from .names import select_samples, some_and_count


@dataclass(frozen=True, eq=False)
class DetectionSample:
    """One image and its boxes.

    Attributes:
        id: the file's stem, or its path in the set without suffix where stems repeat; unique in the set.
        image: path of the picture.
        width, height: pixels after EXIF rotation, as ``read_image`` delivers them; (0, 0) if the header is unreadable.
        boxes: float64 (N, 4), x1 y1 x2 y2 in pixels, inside the picture; x2 - x1 is the width (nothing is added). Where
            the size is unknown and the labels are shares of it, they are as in a picture of the set's commonest size.
        labels: int64 (N,), index into the set's classes.
        crowd: bool (N,), regions to ignore: a detection there is neither right nor wrong, and missing one costs
            nothing. These are COCO's ``iscrowd``, BDD100K's ``crowd`` and ``ignored`` attributes and its classes
            "other person", "other vehicle" and "trailer", and Pascal VOC's ``difficult``; YOLO and ExDark have none.
        attributes: what else is known of the image, such as ``{"timeofday": "night"}``.
        object_areas: float64 (N,) square pixels as a COCO file states them (of the mask), or None.

    >>> two = np.array([[0.0, 0.0, 4.0, 2.0], [1.0, 1.0, 3.0, 3.0]])
    >>> DetectionSample("a", Path("a.jpg"), 8, 8, two, np.array([0, 1]), np.array([False, False]), {}).areas
    array([8., 4.])
    """

    id: str
    image: Path
    width: int
    height: int
    boxes: np.ndarray
    labels: np.ndarray
    crowd: np.ndarray
    attributes: Mapping[str, str]
    object_areas: np.ndarray | None = None

    @property
    def areas(self) -> np.ndarray:
        """Float64 (N,) square pixels by which COCO calls an object small, medium or large.

        The mask's area where a COCO file states it, as in COCO's own evaluation, else the area of the box.
        """
        if self.object_areas is not None:
            return self.object_areas
        return (self.boxes[:, 2] - self.boxes[:, 0]) * (self.boxes[:, 3] - self.boxes[:, 1])


@dataclass
class DataIssues:
    """What was not as it should be; nothing here is an error, and nothing of it is silent.

    Attributes:
        clipped: sample id -> boxes that reached outside the picture and were cut at its border.
        dropped: sample id -> boxes left out: no area inside the picture, or NaN.
        polygons: sample id -> YOLO polygons and rotated boxes that were replaced by the box around them.
        images_without_label: images that have no label file, by id.
        labels_without_image: label files, label entries or lines of a split list whose image is not there, by name.
        unreadable_images: ids of images whose header cannot be read. They stay in the set.
        without_picture: sample id -> boxes that are shares of the size of such an image, and were placed in a picture
            of ``commonest_size`` (width, height).
        other_size: ids of images that have another size than their labels say.
        unlabelled_are_background: whether ``images_without_label`` are in the set, as images with nothing on them
            (YOLO), or left out of it (the other formats, whose empty images have a label file too).
    """

    clipped: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    polygons: dict[str, int] = field(default_factory=dict)
    images_without_label: list[str] = field(default_factory=list)
    labels_without_image: list[str] = field(default_factory=list)
    unreadable_images: list[str] = field(default_factory=list)
    other_size: list[str] = field(default_factory=list)
    without_picture: dict[str, int] = field(default_factory=dict)
    commonest_size: tuple[int, int] = (0, 0)
    unlabelled_are_background: bool = True

    def lines(self) -> list[str]:
        """A sentence for each kind of issue that there is; empty when all is well.

        >>> DataIssues(clipped={"a": 2}, labels_without_image=["b.txt"]).lines()
        ['Boxes that reach outside the picture are clipped: 2 (in a).', 'Labels without an image are left out: 1 (b.txt).']
        """  # noqa: E501
        unlabelled = "counted as background" if self.unlabelled_are_background else "left out"
        size = "x".join(map(str, self.commonest_size))
        boxes = {
            "Boxes that reach outside the picture are clipped": self.clipped,
            "Boxes without any area inside the picture are dropped": self.dropped,
            "Polygons and rotated boxes are replaced by the boxes around them": self.polygons,
            f"Boxes of images that cannot be read are placed as in one of {size}, the set's commonest size": (
                self.without_picture
            ),
        }
        names = {
            f"Images without a label file are {unlabelled}": self.images_without_label,
            "Labels without an image are left out": self.labels_without_image,
            "Images that cannot be read": self.unreadable_images,
            "Images of another size than their labels say": self.other_size,
        }
        return [
            f"{what}: {sum(found.values()):,} (in {some_and_count(found)})." for what, found in boxes.items() if found
        ] + [f"{what}: {len(found):,} ({some_and_count(found)})." for what, found in names.items() if found]

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """For the JSON record: ``{"clipped": {"count": boxes, "names": [...]}, ...}``, only what there is."""
        record: dict[str, dict[str, Any]] = {}
        for issue in fields(self):
            found = getattr(self, issue.name)
            if issue.name not in ("unlabelled_are_background", "commonest_size") and found:
                count = sum(found.values()) if isinstance(found, dict) else len(found)
                record[issue.name] = {"count": count, "names": list(found)}
        return record

    def of(self, ids: set[str]) -> DataIssues:
        """The issues of these samples alone."""
        return replace(
            self,
            clipped={id_: n for id_, n in self.clipped.items() if id_ in ids},
            dropped={id_: n for id_, n in self.dropped.items() if id_ in ids},
            polygons={id_: n for id_, n in self.polygons.items() if id_ in ids},
            images_without_label=[id_ for id_ in self.images_without_label if id_ in ids],
            labels_without_image=[],
            unreadable_images=[id_ for id_ in self.unreadable_images if id_ in ids],
            without_picture={id_: n for id_, n in self.without_picture.items() if id_ in ids},
            other_size=[id_ for id_ in self.other_size if id_ in ids],
        )


@dataclass(frozen=True, eq=False)
class DetectionDataset:
    """A labelled detection set.

    Attributes:
        name: how tables call it; ``name:split`` where a split was chosen.
        root: its folder.
        classes: its class names; a label is an index into them.
        samples: sorted by id.
        issues: what was not as it should be.
        class_map: the set's own words on which class goes to which class of a model, from its preset.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    samples: tuple[DetectionSample, ...]
    issues: DataIssues
    class_map: Mapping[str, str | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.samples)

    def select(self, ids: Iterable[str]) -> DetectionDataset:
        """The same set with these samples only, in the set's own order.

        Raises:
            ScotopicError: an id is not in the set.
        """
        kept = select_samples(self.samples, ids, self.name)
        return replace(self, samples=kept, issues=self.issues.of({sample.id for sample in kept}))

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) over classes, ids, image files (size and content), boxes, labels and ignore flags.

        Two sets with the same fingerprint give the same figures. It does not depend on where the files lie.
        """
        digest = hashlib.sha256()
        digest.update(repr(self.classes).encode())
        for sample in self.samples:
            try:
                content = f"{sample.image.stat().st_size} {sha256_of(sample.image)}"
            except OSError:
                content = "unreadable"
            digest.update(f"\n{sample.id!r} {content} {len(sample.labels)}\n".encode())
            digest.update(sample.boxes.astype("<f8").tobytes())
            digest.update(sample.areas.astype("<f8").tobytes())
            digest.update(sample.labels.astype("<i8").tobytes())
            digest.update(sample.crowd.astype("u1").tobytes())
        return digest.hexdigest()
