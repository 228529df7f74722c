"""ExDark's bounding boxes (https://github.com/cs-chan/Exclusively-Dark-Image-Dataset), ``bbGt version=3`` text."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from ...errors import ScotopicError, nearest
from ...pipeline.image import IMAGE_SUFFIXES
from .raw import RawBox, RawDataset, RawSample
from .texts import read_class_names, read_lines

FORMAT: str = "exdark"
LOOKS_FOR: str = "ExDark class folders (Bicycle/, Boat/, ...) of images and of 'bbGt version=3' text files"
CLASSES = (
    *("Bicycle", "Boat", "Bottle", "Bus", "Car", "Cat"),
    *("Chair", "Cup", "Dog", "Motorbike", "People", "Table"),
)
_LIGHT = ("Low", "Ambient", "Object", "Single", "Weak", "Strong", "Screen", "Window", "Shadow", "Twilight")
_SPLITS = ("train", "val", "test")
_LIST = "imageclasslist.txt"  # ExDark's own table: name, class, light, in- or outdoors, split


def claims(path: Path) -> bool:
    """Whether a folder holds class folders with bbGt files, at most two folders down."""
    return path.is_dir() and bool(_label_folders(path))


def _label_folders(root: Path) -> list[Path]:
    known = {name.casefold() for name in CLASSES}
    folders = [
        f for pattern in ("*", "*/*") for f in sorted(root.glob(pattern)) if f.name.casefold() in known and f.is_dir()
    ]
    return [folder for folder in folders if any(_is_bbgt(path) for path in _label_files(folder)[:1])]


def _label_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.txt")) if path.is_file()]


def _is_bbgt(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline().lstrip("% ").startswith("bbGt version=3")


def splits(path: Path) -> tuple[str, ...]:
    """Those of ``imageclasslist.txt``, where it lies in the folder."""
    return _SPLITS if _table_file(path) else ()


def _table_file(root: Path) -> Path | None:
    return next((path for pattern in (_LIST, f"*/{_LIST}") for path in sorted(root.glob(pattern))), None)


def read(path: Path, split: str | None = None) -> RawDataset:
    """Read all class folders; the images are matched by class folder and file name, whatever the case of the suffix.

    A line is ``class l t w h`` and seven unused numbers; l and t count pixels from the left and the top, from 0.
    Images without a label file are left out. With ``imageclasslist.txt`` in the folder its light is kept as the
    attribute ``light``, and its three sets are splits.

    Raises:
        ScotopicError: a line is malformed or names an unknown class; file and line are named.
    """
    classes = read_class_names(path / "classes.txt") if (path / "classes.txt").is_file() else CLASSES
    label_folders = _label_folders(path)
    by_name, by_stem = _images(path)
    table = _read_table(path)
    samples: list[RawSample] = []
    orphans: list[str] = []
    labelled: set[str] = set()
    for folder in label_folders:
        for label in _label_files(folder):
            name = label.name[: -len(".txt")].casefold()
            stem = Path(name).stem if Path(name).suffix in IMAGE_SUFFIXES else name
            light, its_split = table.get(stem, ("", ""))
            labelled.add(stem)
            if split and its_split != split:
                continue
            place = folder.name.casefold()
            image = by_name.get((place, name)) or by_stem.get((place, stem))
            if image is None:
                orphans.append(label.name)
            else:
                attributes = {"light": light} if light else {}
                samples.append(RawSample(image, _boxes(label, classes), attributes=attributes))
    wanted = {stem for stem, (_, its_split) in table.items() if its_split == split}
    unlabelled = [image for image in by_name.values() if image.stem.casefold() not in labelled]
    if split:
        unlabelled = [image for image in unlabelled if image.stem.casefold() in wanted]
        orphans += sorted(wanted - labelled - {image.stem.casefold() for image in unlabelled})
    return RawDataset(path.resolve().name, path, classes, samples, orphans, sorted(unlabelled), beside=(path,))


def _images(root: Path) -> tuple[dict[tuple[str, str], Path], dict[tuple[str, str], Path]]:
    """(class folder, name) and (class folder, stem), both in lower case, -> image; a stem only where it is unique."""
    by_name: dict[tuple[str, str], Path] = {}
    by_stem: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for image in sorted(root.rglob("*")):
        if image.suffix.lower() in IMAGE_SUFFIXES:
            place = image.parent.name.casefold()
            by_name[place, image.name.casefold()] = image
            by_stem[place, image.stem.casefold()].append(image)
    return by_name, {key: images[0] for key, images in by_stem.items() if len(images) == 1}


def _read_table(root: Path) -> dict[str, tuple[str, str]]:
    """Stem of the image in lower case -> (light, split) of ``imageclasslist.txt``."""
    path = _table_file(root)
    table = {}
    for number, line in read_lines(path) if path else []:
        cells = line.split()
        if number == 1 and not cells[-1].isdigit():
            continue  # the heading
        try:
            table[Path(cells[0]).stem.casefold()] = (_LIGHT[int(cells[2]) - 1], _SPLITS[int(cells[4]) - 1])
        except (IndexError, ValueError):
            raise ScotopicError(f"{path} line {number} is not 'name class light place split' in numbers") from None
    return table


def _boxes(path: Path, classes: tuple[str, ...]) -> list[RawBox]:
    lines = read_lines(path)
    if not lines or not lines[0][1].lstrip("% ").startswith("bbGt version=3"):
        raise ScotopicError(f"{path} line 1 is not 'bbGt version=3': it is no ExDark label file")
    index = {name.casefold(): position for position, name in enumerate(classes)}
    boxes = []
    for number, line in lines[1:]:
        name, *cells = line.split()
        if name.casefold() not in index:
            raise ScotopicError(f"{path} line {number} has the unknown class '{name}': {nearest(name, classes)}")
        try:
            left, top, width, height = (float(cell) for cell in cells[:4])
        except ValueError:
            raise ScotopicError(f"{path} line {number} is not 'class left top width height ...': {line}") from None
        boxes.append(RawBox((left, top, left + width, top + height), index[name.casefold()]))
    return boxes
