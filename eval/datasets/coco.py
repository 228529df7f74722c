"""COCO instances JSON (https://cocodataset.org/#format-data)."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

from ...errors import ScotopicError
from .raw import RawBox, RawDataset, RawSample, image_folder
from .texts import first_key, read_json

FORMAT: str = "coco"
LOOKS_FOR: str = (
    "annotations/instances_*.json or another COCO JSON, its images in images/ or a folder named like the split"
)

_FIRST_KEYS = {"info", "licenses", "images", "annotations", "categories", "type"}
_IMAGE_FOLDERS = ("images", "JPEGImages", "data", "val2017", "train2017", "val2014", "train2014", "")


def claims(path: Path) -> bool:
    """Whether this is a COCO annotation file, or a folder that holds one."""
    if path.is_dir():
        return bool(_annotation_files(path))
    key = first_key(path)
    return key is not None and not key[0] and key[1] in _FIRST_KEYS


def splits(path: Path) -> tuple[str, ...]:
    """One for each annotation file of a folder: ``val2017`` for instances_val2017.json."""
    return tuple(_annotation_files(path)) if path.is_dir() else ()


def _annotation_files(folder: Path) -> dict[str, Path]:
    if instances := sorted((folder / "annotations").glob("instances_*.json")):
        return {path.stem.removeprefix("instances_"): path for path in instances}
    if exported := sorted(folder.glob("*/_annotations.coco.json")):
        return {path.parent.name: path for path in exported}
    found = [*sorted((folder / "annotations").glob("*.json")), *sorted(folder.glob("*.json"))]
    return {path.stem: path for path in found if claims(path)}


def read(path: Path, split: str | None = None) -> RawDataset:
    """Read an annotation file, or the one of a folder.

    ``bbox`` is [x, y, width, height] in pixels from 0. ``iscrowd`` boxes become regions to ignore. ``area`` is kept:
    COCO calls an object small or large by the area of its mask.

    Raises:
        ScotopicError: the file is malformed (what and where is said), or its images are nowhere to be found.
    """
    root = path
    if path.is_dir():
        files = _annotation_files(path)
        if split is None and len(files) > 1:
            raise ScotopicError(f"{path} has several annotation files: choose a split: {', '.join(files)}")
        path = files[split] if split else next(iter(files.values()))
    else:
        root = path.parent.parent if path.parent.name == "annotations" else path.parent
    data = read_json(path)
    entries = data if isinstance(data, dict) else {}
    lists = (entries.get("images"), entries.get("annotations") or [], entries.get("categories"))
    if not all(isinstance(found, list) for found in lists) or not entries["categories"]:
        raise ScotopicError(
            f"{path} is no COCO annotation file: it needs the lists 'images', 'annotations' and 'categories'"
        )
    try:
        categories = {int(category["id"]): str(category["name"]) for category in data["categories"]}
        images = {entry["id"]: str(entry["file_name"]) for entry in data["images"]}
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ScotopicError(
            f"{path}: a category needs 'id' and 'name', an image 'id' and 'file_name' ({error})"
        ) from None
    if len(images) < len(data["images"]):
        raise ScotopicError(f"{path} uses an image id twice: image ids must be unique")
    if len(categories) < len(data["categories"]):
        raise ScotopicError(f"{path} uses a category id twice: category ids must be unique")

    folder = image_folder(_image_folders(path), list(images.values()), path)
    samples = {
        entry["id"]: RawSample(folder / images[entry["id"]], [], stated_size=_stated_size(entry))
        for entry in data["images"]
    }
    index = {category: position for position, category in enumerate(sorted(categories))}
    strangers = []
    for number, annotation in enumerate(data.get("annotations") or []):
        where = f"{path}: annotation {number}"
        box, image = _box(annotation, index, where), annotation.get("image_id")
        if not isinstance(image, Hashable):
            raise ScotopicError(f"{where} has the image_id {image!r}: give the 'id' of one image")
        if image in samples:
            samples[image].boxes.append(box)
        else:
            strangers.append(f"image_id {image}")
    classes = tuple(categories[category] for category in sorted(categories))
    return RawDataset(
        root.resolve().name,
        root,
        classes,
        list(samples.values()),
        labels_without_image=sorted(set(strangers)),
        beside=(root, path.parent),
    )


def _box(annotation: dict[str, Any], index: dict[int, int], where: str) -> RawBox:
    category = annotation.get("category_id") if isinstance(annotation, dict) else annotation
    if not isinstance(annotation, dict) or not isinstance(category, Hashable) or category not in index:
        raise ScotopicError(f"{where} has the category_id {category!r}, which none of its {len(index)} categories has")
    try:
        x, y, width, height = (float(value) for value in annotation["bbox"])
        area = None if annotation.get("area") is None else float(annotation["area"])
    except (KeyError, OverflowError, TypeError, ValueError):
        raise ScotopicError(f"{where} needs a 'bbox' of four numbers [x, y, width, height]") from None
    crowd = bool(annotation.get("iscrowd", 0) or annotation.get("ignore", 0))
    return RawBox((x, y, x + width, y + height), index[annotation["category_id"]], crowd, area)


def _stated_size(entry: dict[str, Any]) -> tuple[int, int] | None:
    width, height = entry.get("width"), entry.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _image_folders(path: Path) -> list[Path]:
    """Where the images of an annotation file may lie: beside it, or beside a folder above it."""
    split = path.stem.removeprefix("instances_")
    bases = path.absolute().parents[:3]
    return [base / name for base in bases for name in (split, f"images/{split}", *_IMAGE_FOLDERS)]
