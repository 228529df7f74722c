"""One door to every labelled detection set, whatever its files look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ...configs.checks import read_yaml
from ...configs.data_schema import DetectionData, list_data_presets, load_data_preset
from ...errors import ScotopicError, nearest
from . import bdd, coco, exdark, voc, yolo
from .raw import RawDataset, finish
from .sample import DetectionDataset
from .split import choose_split


class Reader(Protocol):
    """What the module of a format offers."""

    FORMAT: str
    LOOKS_FOR: str

    def claims(self, path: Path) -> bool: ...
    def splits(self, path: Path) -> tuple[str, ...]: ...
    def read(self, path: Path, split: str | None = None) -> RawDataset: ...


_ALL: tuple[Reader, ...] = (yolo, coco, bdd, exdark, voc)
READERS = {reader.FORMAT: reader for reader in _ALL}


@dataclass(frozen=True)
class Source:
    """A data set that was found but not read: where it is, who reads it, what its preset says."""

    path: Path
    reader: Reader
    name: str | None = None
    split: str | None = None
    class_map: Mapping[str, str | None] = field(default_factory=dict)


def load_detection_dataset(data: str | Path, split: str | None = None) -> DetectionDataset:
    """Read a labelled detection set.

    Args:
        data: a folder, a ``data.yaml``, an annotation file (COCO or BDD100K JSON), a preset file, or the name of a
            preset in ``configs/data``. What exists as a path goes before a preset of that name.
        split: which of its images. Looked for in this order: what the layout itself calls a split (a key of
            data.yaml, a folder images/NAME, a COCO or BDD100K annotation file, a list in VOC's ImageSets/Main, a set in
            ExDark's imageclasslist.txt); rows of a CSV file beside the set whose ``split`` column has it, or another
            column (``sequence=0001TP``); a list file NAME.txt beside the set; a path of a list file.
            None takes the preset's split, ``val`` of a data.yaml, or the whole set where it is one.

    Returns:
        The set, its samples sorted by id; ``issues`` says what was clipped, dropped, missing or unreadable.

    Raises:
        ScotopicError: nothing fits, more than one layout fits, the split does not exist, it has several splits and none
            was chosen, a label is malformed, or there are no images.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("images", "labels"):
    ...         (Path(folder) / name).mkdir()
    ...     Image.new("RGB", (40, 20)).save(Path(folder) / "images" / "street.png")
    ...     _ = (Path(folder) / "labels" / "street.txt").write_text("0 0.5 0.5 0.5 0.5")
    ...     _ = (Path(folder) / "classes.txt").write_text("car")
    ...     load_detection_dataset(folder).samples[0].boxes.tolist()
    [[10.0, 5.0, 30.0, 15.0]]
    """
    source = find_source(data)
    own = source.reader.splits(source.path)
    split = split or source.split or (yolo.default_split(source.path) if source.reader is READERS["yolo"] else None)
    if split is None and len(own) > 1:
        raise ScotopicError(f"{data} has several splits: choose one with --split: {', '.join(own)}")
    raw = source.reader.read(source.path, split if split in own else None)
    raw = replace(raw, name=source.name or raw.name)
    if split and split not in own:
        raw = choose_split(raw, split, own)
    if split:
        raw = replace(raw, name=f"{raw.name}:{Path(split).stem if split.endswith('.txt') else split}")
    return replace(finish(raw), class_map=source.class_map)


def find_source(data: str | Path) -> Source:
    """Find a data set without reading it: by what lies at a path, or by the name of a preset.

    Raises:
        ScotopicError: there is nothing, nothing that fits, or more than one layout fits.
    """
    path = Path(data)
    if path.is_file() and path.suffix in (".yaml", ".yml") and "format" in read_yaml(path):
        return _preset_source(path, beside=path.parent)
    if not path.exists():
        if str(data) in list_data_presets():
            return _preset_source(str(data))
        raise ScotopicError(
            f"no data set at {data}: give a folder, a data.yaml, an annotation file or the name of a preset "
            f"({nearest(str(data), list_data_presets('detect'))})"
        )
    fitting = [reader for reader in READERS.values() if reader.claims(path)]
    if not fitting:
        looked = "; ".join(f"{name}: {reader.LOOKS_FOR}" for name, reader in READERS.items())
        raise ScotopicError(f"{path} is no labelled detection set that is known here; looked for {looked}")
    if len(fitting) > 1:
        formats = " and ".join(reader.FORMAT for reader in fitting)
        raise ScotopicError(
            f"{path} holds labels of several formats ({formats}): give the data.yaml or label file itself"
        )
    return Source(path, fitting[0])


def _preset_source(preset: str | Path, beside: Path | None = None) -> Source:
    described = load_data_preset(preset)
    if not isinstance(described, DetectionData):
        raise ScotopicError(
            f"the preset {preset} describes {described.kind} ({described.format}), not boxes: use it with the commands "
            f"for those, or choose one of {', '.join(list_data_presets('detect'))}"
        )
    path, reader = described.path(beside), READERS[described.format]
    if not path.exists():
        raise ScotopicError(
            f"the preset {preset} has its data at {path}, where nothing is: put it there, "
            "or set SCOTOPIC_DATA to the folder that holds it"
        )
    if not reader.claims(path):
        raise ScotopicError(
            f"the preset {preset} says {described.format}, but {path} has none: looked for {reader.LOOKS_FOR}"
        )
    return Source(path, reader, described.name, described.split, described.class_map)
