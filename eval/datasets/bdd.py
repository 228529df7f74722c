"""BDD100K's label JSON in the Scalabel form (https://doc.bdd100k.com/format.html), as of 2018 and of 2020."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from ...errors import ScotopicError
from .raw import RawBox, RawDataset, RawSample, image_folder
from .texts import first_key, read_class_names, read_json

FORMAT: str = "bdd"
LOOKS_FOR: str = (
    "BDD100K labels/det_20/det_*.json, labels/bdd100k_labels_images_*.json or labels/100k/*/*.json "
    "with the images in images/100k"
)
CLASSES_2018 = (
    *("bike", "bus", "car", "motor", "person", "rider"),
    *("traffic light", "traffic sign", "train", "truck"),
)
CLASSES_2020 = (
    *("pedestrian", "rider", "car", "truck", "bus", "train"),
    *("motorcycle", "bicycle", "traffic light", "traffic sign"),
)
IGNORED_2020 = {"other person": "pedestrian", "other vehicle": "car", "trailer": "truck"}
"""Classes of 2020 that BDD100K's own evaluation takes as regions to ignore of the class on the right."""

_LABEL_FILES = ("labels/det_20/det_*.json", "labels/bdd100k_labels_images_*.json", "labels/100k/*/", "labels/*.json")
_Container = TypeVar("_Container", list[Any], dict[str, Any])
_NOT_FRAMES = {"image_id", "category_id", "bbox", "score"}  # lists of COCO results begin like this


def claims(path: Path) -> bool:
    """Whether this is a Scalabel file, a folder of one such file per image, or a BDD100K folder."""
    if path.is_dir():
        return bool(_label_files(path))
    key = first_key(path)
    if key is None:
        return False
    is_list, name = key
    return name not in _NOT_FRAMES if is_list else name in ("frames", "config", "name")


def splits(path: Path) -> tuple[str, ...]:
    """One for each label file of a BDD100K folder: train, val."""
    return tuple(_label_files(path)) if path.is_dir() else ()


def _label_files(folder: Path) -> dict[str, Path]:
    """Split -> its label file, or its folder of label files; the release of 2020 goes before that of 2018."""
    for base in (folder, folder / "bdd100k"):
        for pattern in (*_LABEL_FILES, "*.json"):
            found = [path for path in sorted(base.glob(pattern)) if _holds_labels(path)]
            if pattern == "*.json" and len(found) > 1 and _is_per_image(found[0]):
                return {base.resolve().name: base}
            if found:
                short = {path.stem.rsplit("_", 1)[-1]: path for path in found}
                return short if len(short) == len(found) else {path.stem: path for path in found}
    return {}


def _holds_labels(path: Path) -> bool:
    if path.is_dir():
        first = next(path.glob("*.json"), None)
        return first is not None and _is_per_image(first)
    return claims(path)


def _is_per_image(path: Path) -> bool:
    data = read_json(path)
    return isinstance(data, dict) and "name" in data


def read(path: Path, split: str | None = None) -> RawDataset:
    """Read a label file (a list of frames, or ``{"frames": [...], "config": ...}``) or a folder of one file per image.

    ``box2d`` is taken as continuous x1 y1 x2 y2 in pixels, so that x2 - x1 is the width: the coordinates are
    fractional and reach the full 1280 x 720. (BDD100K's own toolkit adds one pixel when it converts to COCO.)
    Labels without ``box2d`` (drivable areas, lanes) are left out; ``labels: null`` means nothing on the image.
    ``crowd`` and ``ignored`` boxes, and the classes of IGNORED_2020, become regions to ignore. The frame's attributes
    (weather, scene, timeofday) are kept.

    Raises:
        ScotopicError: the file is malformed (what and where is said), or its images are nowhere to be found.
    """
    root = path
    if path.is_dir():
        files = _label_files(path)
        if split is None and len(files) > 1:
            raise ScotopicError(f"{path} has several label files: choose a split: {', '.join(files)}")
        path = files[split] if split else next(iter(files.values()))
    else:
        root = path.parent
    frames, config = _frames(path)
    if not frames:
        raise ScotopicError(f"{path} describes no image")
    names = [_image_name(frame, where) for where, frame in frames]
    places = [f"{where}, image {name}" for name, (where, _) in zip(names, frames, strict=True)]
    labels = [list(_labels(frame, place)) for place, (_, frame) in zip(places, frames, strict=True)]
    classes = _class_names(root, config, {label["category"] for of_image in labels for label in of_image}, str(path))
    folder = image_folder(_image_folders(path), names, path)
    samples = [
        RawSample(
            folder / name,
            [_box(label, classes, place) for label in of_image],
            attributes={str(key): str(value) for key, value in _part(frame, "attributes", dict, place).items()},
            stated_size=_stated_size(frame, place),
        )
        for name, place, of_image, (_, frame) in zip(names, places, labels, frames, strict=True)
    ]
    return RawDataset(root.resolve().name, root, classes, samples, beside=(root, path.parent))


def _frames(path: Path) -> tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]:
    """((the place for error messages, frame) of every image, the file's config)."""
    if path.is_dir():
        found = [(str(file), read_json(file)) for file in sorted(path.glob("*.json"))]
        config: Any = {}
    else:
        data = read_json(path)
        config = data.get("config") if isinstance(data, dict) else {}
        whole = isinstance(data, dict) and "name" not in data
        frames = _part(data, "frames", list, str(path)) if whole else data if isinstance(data, list) else [data]
        found = [(str(path), frame) for frame in frames]
    for where, frame in found:
        if not isinstance(frame, dict) or not isinstance(frame.get("labels") or [], list):
            raise ScotopicError(
                f"{where} is no BDD100K label file: every image must be an object with 'name' and 'labels'"
            )
    return found, config if isinstance(config, dict) else {}


def _part(holder: dict[str, Any], key: str, kind: type[_Container], where: str) -> _Container:
    """A list or an object inside another; empty where it is missing or null."""
    value = holder.get(key)
    if value is not None and not isinstance(value, kind):
        wanted = "a list" if kind is list else "an object"
        raise ScotopicError(f"{where}: '{key}' must be {wanted}, not {type(value).__name__}")
    return kind() if value is None else value


def _labels(frame: dict[str, Any], where: str) -> Iterable[dict[str, Any]]:
    """The labels of an image that are boxes: below ``labels``, or ``frames[].objects`` in the files per image."""
    lists = [_part(frame, "labels", list, where)]
    for inner in _part(frame, "frames", list, where):
        if inner is not None and not isinstance(inner, dict):
            raise ScotopicError(f"{where}: every entry of 'frames' must be an object with 'objects', not {inner!r}")
        lists.append(_part(inner or {}, "objects", list, where))
    for labels in lists:
        for label in labels:
            if isinstance(label, dict) and label.get("box2d") is not None and "category" in label:
                if not isinstance(label["category"], str):
                    raise ScotopicError(f"{where}: a 'category' must be the name of a class, not {label['category']!r}")
                yield label


def _image_name(frame: dict[str, Any], where: str) -> str:
    name = frame.get("name")
    if not isinstance(name, str) or not name:
        raise ScotopicError(f"{where}: an image has no 'name'")
    return name if Path(name).suffix else f"{name}.jpg"


def _class_names(root: Path, config: dict[str, Any], found: set[str], where: str) -> tuple[str, ...]:
    """classes.txt, the file's own config, the release whose names fit, or the names that occur."""
    if (root / "classes.txt").is_file():
        return read_class_names(root / "classes.txt")
    if leaves := tuple(_leaves(_part(config, "categories", list, where), where)):
        return leaves
    if found <= set(CLASSES_2018):
        return CLASSES_2018
    if found <= {*CLASSES_2020, *IGNORED_2020}:
        return CLASSES_2020
    return tuple(sorted(found))


def _leaves(categories: list[Any], where: str) -> Iterable[str]:
    for category in categories:
        inner = _part(category, "subcategories", list, where) if isinstance(category, dict) else []
        name = category.get("name") if isinstance(category, dict) else category
        if not inner and not isinstance(name, str):
            raise ScotopicError(f"{where}: a category of 'config' needs a 'name', which {category!r} has not")
        yield from _leaves(inner, where) if inner else [str(name)]


def _box(label: dict[str, Any], classes: tuple[str, ...], where: str) -> RawBox:
    name, crowd = label["category"], False
    if name not in classes and IGNORED_2020.get(name) in classes:
        name, crowd = IGNORED_2020[name], True
    if name not in classes:
        raise ScotopicError(
            f"{where} has the class '{name}', which is none of its {len(classes)}: {', '.join(classes)}"
        )
    try:
        x1, y1, x2, y2 = (float(label["box2d"][key]) for key in ("x1", "y1", "x2", "y2"))
    except (KeyError, OverflowError, TypeError, ValueError):
        raise ScotopicError(f"{where}: a 'box2d' needs the numbers x1, y1, x2 and y2") from None
    marks = _part(label, "attributes", dict, where)
    crowd = crowd or any(bool(marks.get(mark)) for mark in ("crowd", "ignored", "ignore"))
    return RawBox((x1, y1, x2, y2), classes.index(name), crowd)


def _stated_size(frame: dict[str, Any], where: str) -> tuple[int, int] | None:
    size = _part(frame, "size", dict, where)
    return (size["width"], size["height"]) if {"width", "height"} <= size.keys() else None


def _image_folders(path: Path) -> list[Path]:
    """Where the images of a label file may lie: below a folder at most three above it."""
    split = path.stem.rsplit("_", 1)[-1]
    below = (f"images/100k/{split}", f"images/{split}", f"100k/{split}", "images", split, "")
    bases = [path, *path.absolute().parents[:3]]
    others = [folder for base in bases for folder in sorted((base / "images" / "100k").glob("*"))]
    return [base / name for base in bases for name in below] + others
