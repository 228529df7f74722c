"""YOLO text labels: a ``data.yaml``, or a folder with images/, labels/ and classes.txt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ...configs.checks import read_yaml
from ...errors import ScotopicError
from ...pipeline.image import IMAGE_SUFFIXES
from .raw import RawBox, RawDataset, RawSample
from .texts import read_class_names, read_lines

FORMAT: str = "yolo"
LOOKS_FOR: str = (
    "data.yaml, or images/ and labels/*.txt (with folders of the same names inside, or none) and classes.txt"
)

LARGEST = 1.01
"""A share of the picture's width or height; the hundredth above 1 forgives what rounding did to a box at the border."""

_NO_SPLIT = {"path", "names", "nc", "download", "yaml_file", "channels", "kpt_shape", "flip_idx"}
_CLASS_FILES = ("classes.txt", "labels/classes.txt")


def claims(path: Path) -> bool:
    """Whether this is a data.yaml, or a folder that is one of YOLO's."""
    if path.is_file():
        return path.suffix in (".yaml", ".yml")
    labels = path / "labels"
    return (path / "data.yaml").is_file() or (
        (path / "images").is_dir() and next(labels.rglob("*.txt"), None) is not None
    )


def splits(path: Path) -> tuple[str, ...]:
    """The keys of data.yaml that name images, then the folders inside images/."""
    keys, base = [], path
    if file := _yaml_file(path):
        entries = read_yaml(file)
        keys, base = list(_split_values(entries, file)), _base(entries, file)
    folders = [folder.name for folder in sorted((base / "images").glob("*")) if folder.is_dir() and _has_images(folder)]
    return tuple(dict.fromkeys([*keys, *folders]))


def default_split(path: Path) -> str | None:
    """``val`` where a data.yaml has it, as ultralytics' own validation takes it."""
    return "val" if _yaml_file(path) and "val" in splits(path) else None


def read(path: Path, split: str | None = None) -> RawDataset:
    """Read one split, or all of them.

    A line is ``class x_center y_center width height``, relative to the picture. Lines with three or more points
    (``class x1 y1 x2 y2 x3 y3 ...``: polygons of segmentation and the four corners of rotated boxes) are taken as the
    upright box around them, and counted. An image without a label file counts as background.

    Raises:
        ScotopicError: a line is malformed, its class does not exist, or a coordinate is none (pixels, NaN); file and
            line are named.
    """
    if file := _yaml_file(path):
        root, entries = file.parent, read_yaml(file)
        base, values = _base(entries, file), _split_values(entries, file)
        places = _places(values, split, file, base)
        classes = _names(entries, file, base)
    else:
        root = base = path
        places = [path / "images" / split if split else path / "images"]
        classes = _names({}, path / "classes.txt", path)
    images: dict[Path, None] = {}
    orphans: list[str] = []
    for place in places:
        inside = _listed(place, base) if place.suffix == ".txt" else _images_in(place) if place.is_dir() else [place]
        images.update(dict.fromkeys(inside))
        if place.is_dir():
            orphans += _orphans(place, inside)
    samples = [_sample(image, classes) for image in images]
    if samples and not any(sample.labelled for sample in samples):
        first = samples[0].image
        raise ScotopicError(
            f"none of the {len(samples)} images in {path} has a label file, such as {_label_file(first)}"
        )
    beside = tuple(dict.fromkeys((root, base)))
    return RawDataset(base.resolve().name, base, classes, samples, sorted(set(orphans)), beside=beside)


def _yaml_file(path: Path) -> Path | None:
    file = path if path.is_file() else path / "data.yaml"
    return file if file.is_file() else None


def _base(entries: dict[str, Any], file: Path) -> Path:
    """Folder that the splits count from: ``path`` of data.yaml where it exists (from the file or as it stands)."""
    stated = Path(str(entries.get("path") or "."))
    return next((folder for folder in (file.parent / stated, stated) if folder.is_dir()), file.parent)


def _split_values(entries: dict[str, Any], file: Path) -> dict[str, list[str]]:
    """Split -> the folders, list files or images that data.yaml gives for it."""
    found = {}
    for key, value in entries.items():
        values = value if isinstance(value, list) else [value]
        if key in _NO_SPLIT or not value or not all(isinstance(v, str) and v for v in values):
            continue
        # Other keys may be remarks of any kind (a licence, a version): they are splits if they name what exists.
        if key in ("train", "val", "test") or all(_find(v, file, _base(entries, file)) for v in values):
            found[key] = values
    return found


def _places(values: dict[str, list[str]], split: str | None, file: Path, base: Path) -> list[Path]:
    """The folders, list files and images of a split; of all splits that are there if none is asked for."""
    if not values:
        raise ScotopicError(f"{file} names no images: it needs a key such as 'val' with a folder or a list file")
    if split and split not in values:
        return [base / "images" / split]
    chosen = values[split] if split else [value for group in values.values() for value in group]
    there = [value for value in chosen if _find(value, file, base)]
    return [_resolve(value, file, base) for value in (chosen if split or not there else there)]


def _candidates(value: str, file: Path, base: Path) -> list[Path]:
    """Exported sets often carry a leading ``../`` that leads out of them: the path without it is tried too."""
    stripped = value.removeprefix("../")
    places = (base / value, file.parent / value, base / stripped, file.parent / stripped)
    return [Path(place) for place in dict.fromkeys(os.path.normpath(place) for place in places)]


def _find(value: str, file: Path, base: Path) -> Path | None:
    return next((place for place in _candidates(value, file, base) if place.exists()), None)


def _resolve(value: str, file: Path, base: Path) -> Path:
    place = _find(value, file, base)
    if place is None:
        looked = ", ".join(str(candidate) for candidate in _candidates(value, file, base))
        raise ScotopicError(f"{file} names '{value}', which does not exist: looked for {looked}")
    return place


def _names(entries: dict[str, Any], file: Path, base: Path) -> tuple[str, ...]:
    names = entries.get("names")
    if isinstance(names, list) and names:
        return tuple(str(name) for name in names)
    if isinstance(names, dict) and names:
        if sorted(names, key=str) != sorted(range(len(names)), key=str):
            raise ScotopicError(f"{file}: the keys of 'names' must be 0 to {len(names) - 1}, each once")
        return tuple(str(names[number]) for number in range(len(names)))
    if found := next((base / name for name in _CLASS_FILES if (base / name).is_file()), None):
        return read_class_names(found)
    raise ScotopicError(
        f"the classes of {base} have no names: add classes.txt, one name per line, or 'names' in data.yaml"
    )


def _images_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _has_images(folder: Path) -> bool:
    return any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.rglob("*"))


def _listed(file: Path, base: Path) -> list[Path]:
    """The images of a list file; relative ones count from the list, else from the set."""
    found = []
    for _, line in read_lines(file):
        places = [file.parent / line, base / line]
        found.append(next((place for place in places if place.is_file()), places[0]))
    return found


def _label_file(image: Path) -> Path:
    """``labels`` in place of the last folder ``images``; else beside the image."""
    parts = list(image.parent.parts)
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        parts[last] = "labels"
    return Path(*parts) / f"{image.stem}.txt"


def _orphans(place: Path, images: list[Path]) -> list[str]:
    """Label files in the folder for these images that belong to none of them."""
    folder = _label_file(place / "any.jpg").parent
    known = {_label_file(image) for image in images}
    files = (path for path in sorted(folder.rglob("*.txt")) if path.name not in _CLASS_FILES and path not in known)
    return [path.relative_to(folder).as_posix() for path in files if folder != place or _looks_like_label(path)]


def _looks_like_label(path: Path) -> bool:
    """Where labels lie beside the images, other text lies there too."""
    try:
        return all(_row(line) is not None for _, line in read_lines(path))
    except ScotopicError:
        return False


def _sample(image: Path, classes: tuple[str, ...]) -> RawSample:
    label = _label_file(image)
    if not label.is_file():
        return RawSample(image, [], relative=True, labelled=False)
    boxes, polygons = [], 0
    for number, line in read_lines(label):
        row = _row(line)
        if row is None:
            raise ScotopicError(
                f"{label} line {number} is not 'class x_center y_center width height' nor a polygon of three or more "
                f"points, all numbers: {line[:80]}"
            )
        index, box = row
        if not 0 <= index < len(classes) or index != int(index):
            raise ScotopicError(
                f"{label} line {number} has the class {index:g}, but the set has {len(classes)} classes "
                f"(0 to {len(classes) - 1})"
            )
        for value in line.split()[1:]:
            if not float(value) <= LARGEST:  # NaN is not either
                raise ScotopicError(
                    f"{label} line {number} has the coordinate {value}, but they are shares of the picture's width and "
                    "height, from 0 to 1: divide pixels by these, or correct the line"
                )
        polygons += len(line.split()) > 5
        boxes.append(RawBox(box, int(index)))
    return RawSample(image, boxes, relative=True, polygons=polygons)


def _row(line: str) -> tuple[float, tuple[float, float, float, float]] | None:
    """(class, x1 y1 x2 y2 relative to the picture) of a line; None if it is none."""
    try:
        index, *values = (float(cell) for cell in line.split())
    except ValueError:
        return None
    if len(values) == 4:
        x, y, width, height = values
        return index, (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if len(values) >= 6 and len(values) % 2 == 0:
        return index, (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))
    return None
