"""From what a label file says to samples that can be trusted: unique ids, sizes, boxes inside their pictures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from ...errors import ScotopicError
from ...pipeline.image import image_size
from .sample import DataIssues, DetectionDataset, DetectionSample

CLIP_TOLERANCE = 0.01
"""Pixels. YOLO text is rounded, so that a box at the border ends a hair outside: cut, but not worth a report."""


class RawBox(NamedTuple):
    """One box as its file says: x1 y1 x2 y2 in pixels (or fractions, see RawSample), index of its class."""

    xyxy: tuple[float, float, float, float]
    label: int
    crowd: bool = False
    area: float | None = None


@dataclass
class RawSample:
    """One image as its label file describes it; the picture itself was not looked at yet."""

    image: Path
    boxes: list[RawBox]
    attributes: dict[str, str] = field(default_factory=dict)
    id: str = ""
    relative: bool = False  # boxes are fractions of the picture's width and height
    stated_size: tuple[int, int] | None = None  # (width, height) that the label file speaks of
    polygons: int = 0  # how many of the boxes were drawn as polygons
    labelled: bool = True


class RawEntry(Protocol):
    """What boxes and masks have in common: a picture, its name in the set, what else is known of it."""

    image: Path
    attributes: dict[str, str]
    id: str


Entry = TypeVar("Entry", bound=RawEntry)


@dataclass
class RawSet(Generic[Entry]):
    """What a reader hands over.

    Attributes:
        labels_without_image: names of labels for which not even an image path is known.
        unlabelled_left_out: images that the format cannot use without a label.
        beside: folders in which CSV and list files of splits are looked for.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    samples: list[Entry]
    labels_without_image: list[str] = field(default_factory=list)
    unlabelled_left_out: list[Path] = field(default_factory=list)
    beside: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        for image, times in Counter(sample.image for sample in self.samples).items():
            if times > 1:
                raise ScotopicError(f"{self.name} labels the image {image} {times} times: keep one entry")
        for sample, id_ in zip(self.samples, unique_ids([s.image for s in self.samples]), strict=True):
            sample.id = sample.id or id_


RawDataset = RawSet[RawSample]
"""What a reader of boxes hands over."""


def unique_ids(images: list[Path]) -> list[str]:
    """Stems; where these repeat, the path below the images' common folder without suffix, or at last with it.

    >>> unique_ids([Path("set/a/1.jpg"), Path("set/b/1.jpg"), Path("set/b/2.jpg"), Path("set/b/2.png")])
    ['a/1', 'b/1', 'b/2.jpg', 'b/2.png']
    """
    if not images:
        return []
    common = os.path.commonpath([image.absolute().parent for image in images])
    paths = [image.absolute().relative_to(common) for image in images]
    whole = [path.as_posix() for path in paths]
    bare = _shorter([path.with_suffix("").as_posix() for path in paths], whole)
    return _shorter([path.stem for path in paths], bare)


def _shorter(short: list[str], long: list[str]) -> list[str]:
    """The short names that are unique, the long ones for the others; all long ones if these do not mix."""
    times = Counter(short)
    mixed = [name if times[name] == 1 else other for name, other in zip(short, long, strict=True)]
    return mixed if len(set(mixed)) == len(mixed) else long


def place_boxes(boxes: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Cut boxes at the border of the picture.

    Args:
        boxes: float64 (N, 4), x1 y1 x2 y2 in pixels.
        width, height: pixels of the picture; 0 where unknown, then nothing is cut.

    Returns:
        The boxes (N, 4); bool (N,), those that have an area there; how many of these were cut.

    >>> placed, kept, cut = place_boxes(np.array([[-2.0, 0, 4, 4], [9, 0, 12, 4], [np.nan, 0, 1, 1]]), 8, 8)
    >>> placed[0].tolist(), kept.tolist(), cut
    ([0.0, 0.0, 4.0, 4.0], [True, False, False], 1)
    """
    placed = np.clip(boxes, 0, [width, height, width, height]) if width and height else boxes
    kept = np.isfinite(boxes).all(axis=1) & (placed[:, 2] > placed[:, 0]) & (placed[:, 3] > placed[:, 1])
    cut = np.abs(placed - boxes)[kept].max(axis=1, initial=0) > CLIP_TOLERANCE
    return placed, kept, int(cut.sum())


def finish(raw: RawDataset) -> DetectionDataset:
    """Read the headers of the images, place the boxes, write down what was wrong.

    Raises:
        ScotopicError: there is no image at all.
    """
    issues = DataIssues(
        labels_without_image=list(raw.labels_without_image),
        images_without_label=[image.name for image in raw.unlabelled_left_out],
        unlabelled_are_background=not raw.unlabelled_left_out,
    )
    there = []
    for sample in sorted(raw.samples, key=lambda s: s.id):
        if sample.image.is_file():
            there.append((sample, _size(sample.image)))
        else:
            issues.labels_without_image.append(sample.image.name)
    issues.commonest_size = _commonest(size for _, size in there)
    samples = [_finish_sample(sample, size, issues) for sample, size in there]
    if not samples:
        missing = (
            f": none of its {len(raw.samples)} images is there, such as {raw.samples[0].image}" if raw.samples else ""
        )
        raise ScotopicError(f"the data set {raw.name} in {raw.root} has no images{missing}")
    return DetectionDataset(raw.name, raw.root, raw.classes, tuple(samples), issues)


def _size(image: Path) -> tuple[int, int]:
    """(width, height); zeros where it cannot be read."""
    try:
        return image_size(image)
    except ScotopicError:
        return 0, 0


def _commonest(sizes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The size that most pictures have, the first of equals; zeros where none can be read."""
    known = Counter(size for size in sizes if size != (0, 0))
    return known.most_common(1)[0][0] if known else (0, 0)


def _finish_sample(sample: RawSample, size: tuple[int, int], issues: DataIssues) -> DetectionSample:
    width, height = size
    if not width:
        issues.unreadable_images.append(sample.id)
    if width and sample.stated_size and sample.stated_size != (width, height):
        issues.other_size.append(sample.id)
    if not sample.labelled:
        issues.images_without_label.append(sample.id)
    if sample.polygons:
        issues.polygons[sample.id] = sample.polygons

    boxes = np.array([box.xyxy for box in sample.boxes], dtype=np.float64).reshape(-1, 4)
    across, down = size
    if sample.relative:
        if not width and sample.boxes:  # there is something to find, and it must count as missed
            across, down = issues.commonest_size
            issues.without_picture[sample.id] = len(sample.boxes)
        boxes = boxes * [across, down, across, down]
    boxes, kept, cut = place_boxes(boxes, across, down)
    if cut:
        issues.clipped[sample.id] = cut
    if dropped := int((~kept).sum()):
        issues.dropped[sample.id] = dropped

    rows = [box for box, keep in zip(sample.boxes, kept, strict=True) if keep]
    areas = [box.area for box in rows if box.area is not None]
    return DetectionSample(
        id=sample.id,
        image=sample.image,
        width=width,
        height=height,
        boxes=_frozen(boxes[kept]),
        labels=_frozen(np.array([box.label for box in rows], dtype=np.int64)),
        crowd=_frozen(np.array([box.crowd for box in rows], dtype=bool)),
        attributes=sample.attributes,
        object_areas=_frozen(np.array(areas, dtype=np.float64)) if areas and len(areas) == len(rows) else None,
    )


def _frozen(array: np.ndarray) -> np.ndarray:
    """Samples are shared between rows of a comparison: nobody may change them by accident."""
    array.setflags(write=False)
    return array


def image_folder(candidates: Iterable[Path], names: list[str], labels: Path) -> Path:
    """The folder that holds most of the images which a label file names, the first of equals.

    Raises:
        ScotopicError: none holds any.
    """
    best, most, looked = None, 0, []
    for folder in dict.fromkeys(candidates):
        if folder.is_dir():
            looked.append(str(folder))
            found = sum((folder / name).is_file() for name in names)
            if found > most:
                best, most = folder, found
            if found == len(names):
                break
    if best is None:
        named = f"such as {names[0]}" if names else "it names none"
        raise ScotopicError(f"the images of {labels} ({named}) are in none of: {', '.join(looked)}")
    return best
