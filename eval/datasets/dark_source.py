"""What is to be darkened: the pictures of a set, and the files that go with them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ...configs.checks import read_yaml
from ...configs.data_schema import SegmentationData, list_data_presets, load_data_preset
from ...errors import ScotopicError
from ...files import cannot_write, output_folder
from ...pipeline.image import IMAGE_SUFFIXES
from .dark_manifest import MANIFEST
from .load import READERS, find_source, load_detection_dataset
from .mask_layouts import LAYOUTS
from .segmentation import load_segmentation_dataset

LABEL_SUFFIXES = frozenset({".csv", ".json", ".txt", ".xml", ".yaml", ".yml"})
_BY_STEM = ("yolo", "voc", "exdark")
"""Detection formats whose labels find their picture whatever its suffix is."""

Contents = dict[str, object]
"""Path of a picture below the root, without suffix -> its labels, in a form that can be compared."""


def any_name(name: str) -> bool:
    """Where pictures are found by stem, every suffix will do."""
    return True


@dataclass(frozen=True)
class DarkSource:
    """Pictures to darken, and what to link beside the results.

    Attributes:
        name: how the manifest calls it.
        root: its folder; pictures and labels lie below it.
        images: the pictures.
        linked: label, class and list files.
        rewritten: file below the root -> the text that stands in its place, where a link would lead back to the source.
        split: the part of the set that was asked for.
        fits: whether a picture may have this file name: where labels name whole file names, only its own.
        contents: what a folder laid out like ``root`` holds, as ``--data`` reads it; None for plain pictures.
    """

    name: str
    root: Path
    images: tuple[Path, ...]
    linked: tuple[Path, ...] = ()
    rewritten: dict[str, str] = field(default_factory=dict)
    split: str | None = None
    fits: Callable[[str], bool] = any_name
    contents: Callable[[Path], Contents] | None = None

    def key(self, image: Path) -> str:
        """A picture's name in the set: its path below the root without suffix."""
        return image.relative_to(self.root).with_suffix("").as_posix()


def find_dark_source(source: str | Path, split: str | None = None) -> DarkSource:
    """Find out what ``source`` is: a detection set, a segmentation set, or plain pictures.

    Args:
        source: folder, ``data.yaml``, label file or preset of a labelled set as ``--data`` takes it, or a folder of
            pictures without labels.
        split: which of its images, as ``--split`` says; None as ``--data`` without ``--split``.

    Raises:
        ScotopicError: there is nothing, there are no pictures, or it holds boxes and masks.
    """
    path = Path(source)
    preset = _preset(source)
    if isinstance(preset, SegmentationData):
        return _segmentation(source, split or preset.split)
    if preset or not path.is_dir():
        return _detection(source, split)
    masks = next((layout.format for layout in LAYOUTS.values() if layout.claims(path)), None)
    boxes = [reader.FORMAT for reader in READERS.values() if reader.claims(path)]
    if masks and boxes:
        raise ScotopicError(
            f"{path} holds boxes ({', '.join(boxes)}) and masks ({masks}): say which of them is meant by a preset file "
            "with format and root, as in configs/data"
        )
    if masks:
        return _segmentation(source, split)
    return _detection(source, split) if boxes else _plain(path, split)


def _preset(source: str | Path) -> object | None:
    path = Path(source)
    if path.is_file() and path.suffix in (".yaml", ".yml") and "format" in read_yaml(path):
        return load_data_preset(path)
    return load_data_preset(source) if not path.exists() and str(source) in list_data_presets() else None


def _plain(path: Path, split: str | None) -> DarkSource:
    if split:
        raise ScotopicError(f"{path} is a folder of pictures without labels, which has no splits: leave --split out")
    root = _absolute(path)
    images = tuple(_pictures(root))
    if not images:
        raise ScotopicError(f"no pictures in {path}: looked for {', '.join(sorted(IMAGE_SUFFIXES))}")
    return DarkSource(root.name, root, images)


def _segmentation(source: str | Path, split: str | None) -> DarkSource:
    dataset = load_segmentation_dataset(source, split)
    root = _absolute(dataset.root)
    layout = next(layout for layout in LAYOUTS.values() if layout.claims(root))
    lists = [file for file in sorted(root.iterdir()) if _is_label_file(file) and file.is_file()]

    def contents(folder: Path) -> Contents:
        samples = load_segmentation_dataset(folder, split).samples
        return {_key(sample.image, folder): sample.mask.relative_to(folder).as_posix() for sample in samples}

    return DarkSource(
        name=dataset.name,
        root=root,
        images=_below(root, [sample.image for sample in dataset.samples]),
        linked=(*_below(root, [sample.mask for sample in dataset.samples]), *lists),
        split=split,
        fits=lambda name: name.lower().endswith(layout.image_endings),
        contents=contents,
    )


def _detection(source: str | Path, split: str | None) -> DarkSource:
    found = find_source(source)
    split = split or found.split
    dataset = load_detection_dataset(source, split)
    root, entry = _absolute(dataset.root), _absolute(found.path)
    images = _below(root, [sample.image for sample in dataset.samples])
    below = _below(root, [entry])[0].relative_to(root)
    rewritten, has_lists = _data_yaml(entry, root)
    names = {image.name for image in images}

    def contents(folder: Path) -> Contents:
        samples = load_detection_dataset(folder / below, split).samples
        return {_key(sample.image, folder): (sample.labels.tolist(), sample.boxes.tolist()) for sample in samples}

    return DarkSource(
        name=dataset.name,
        root=root,
        images=images,
        linked=tuple(file for file in _label_files(root, images) if file.relative_to(root).as_posix() not in rewritten),
        rewritten=rewritten,
        split=split,
        fits=any_name if found.reader.FORMAT in _BY_STEM and not has_lists else names.__contains__,
        contents=contents,
    )


def _data_yaml(entry: Path, root: Path) -> tuple[dict[str, str], bool]:
    """The data.yaml of a YOLO set without ``path``, which leads back to the source; whether it names list files."""
    file = entry / "data.yaml" if entry.is_dir() else entry
    if file.suffix not in (".yaml", ".yml") or not file.is_file():
        return {}, False
    entries = read_yaml(file)
    values = [v for value in entries.values() for v in (value if isinstance(value, list) else [value])]
    texts = [value for value in values if isinstance(value, str) and value != entries.get("path")]
    for text in texts:
        if Path(text).is_absolute() and Path(text).exists():
            raise ScotopicError(f"{file} names {text}, which would lead back to the bright pictures: make it relative")
    has_lists = any(text.endswith(".txt") for text in texts)
    if entries.pop("path", None) in (None, "", ".", "./"):
        return {}, has_lists
    return {file.relative_to(root).as_posix(): yaml.safe_dump(entries, sort_keys=False, allow_unicode=True)}, has_lists


def _absolute(path: Path) -> Path:
    """Without ``..``, but through links as they stand: what is linked into a set belongs to it."""
    return Path(os.path.normpath(path.absolute()))


def _key(image: Path, folder: Path) -> str:
    return _absolute(image).relative_to(_absolute(folder)).with_suffix("").as_posix()


def _below(root: Path, files: Iterable[Path]) -> tuple[Path, ...]:
    """The files; all must lie below the root, because the result is laid out like it."""
    whole = tuple(_absolute(file) for file in files)
    for file in whole:
        if not file.is_relative_to(root):
            raise ScotopicError(f"{file} lies outside of {root}, the folder of its set: put it below that folder")
    return whole


def _is_label_file(file: Path) -> bool:
    return file.suffix.lower() in LABEL_SUFFIXES and not file.name.startswith(".") and file.name != MANIFEST


def _files(root: Path) -> Iterator[Path]:
    """All files below a folder but hidden ones and those in hidden folders, sorted."""
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _pictures(root: Path) -> Iterator[Path]:
    return (file for file in _files(root) if file.suffix.lower() in IMAGE_SUFFIXES)


def _label_files(root: Path, chosen: tuple[Path, ...]) -> list[Path]:
    """Label, class and list files; not the labels of pictures that were not chosen."""
    others = {image.stem.casefold() for image in _pictures(root)} - {image.stem.casefold() for image in chosen}
    files = (file for file in _files(root) if _is_label_file(file))
    return [file for file in files if not {file.stem.casefold(), Path(file.stem).stem.casefold()} & others]


def link_file(file: Path, target: Path) -> None:
    """A hard link in place of whatever stands there, or a copy where the file system has no links.

    Raises:
        ScotopicError: the folder cannot be written.
    """
    output_folder(target.parent)
    if target.exists() and target.samefile(file):
        return
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".link-") as folder:
            temporary = Path(folder) / target.name
            try:
                os.link(file.resolve(), temporary)
            except OSError:
                shutil.copyfile(file, temporary)
            temporary.replace(target)
    except OSError as error:
        raise cannot_write(target, error) from error
