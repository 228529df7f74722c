"""One door to every labelled segmentation set, whatever its files look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ...configs.checks import read_yaml, validate
from ...configs.data_schema import ClassList, SegmentationData, list_data_presets, load_data_preset
from ...errors import ScotopicError, nearest
from ...pipeline.image import image_size
from .cityscapes_labels import classes_of, label_id_values, train_id_values
from .label_files import MaskReader, with_ignored
from .mask_layouts import CLASS_FILES, LAYOUTS, Layout, RawMask
from .raw import RawSet
from .segmentation_sample import IGNORED, MaskIssues, SegmentationDataset, SegmentationSample
from .split import choose_split
from .texts import read_class_names

MOST_CLASSES = 254
CAMVID = (
    *("Sky", "Building", "Pole", "Road", "Pavement", "Tree"),
    *("SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist"),
)
"""The 11 classes of CamVid as SegNet publishes it; its 12th value is unlabelled."""

_NO_CLASSES = {"unlabelled", "unlabeled", "void", "ignore", "ignored"}


def load_segmentation_dataset(data: str | Path, split: str | None = None) -> SegmentationDataset:
    """Read a labelled segmentation set; the masks themselves are read one by one, by ``read_mask``.

    Args:
        data: a folder, a preset file, or the name of a preset in ``configs/data``. What exists as a path goes before a
            preset of that name.
        split: which of its images. Looked for in this order: the folders of the layout (``val``; of ACDC ``night``,
            ``val`` and ``night/val``) and what the names of the files tell (``city=frankfurt``, ``sequence=GOPR0356``);
            rows of a CSV file beside the set whose ``split`` column has it, or another column (``sequence=0001TP``);
            a list file NAME.txt beside the set; a path of a list file. None takes the preset's split, or the whole
            set where it is one.

    Returns:
        The set, its samples sorted by id; ``issues`` says what is missing or unreadable.

    Raises:
        ScotopicError: nothing fits, the preset describes boxes, the split does not exist, the set has several and none
            was chosen, the class list is malformed, or no image has a mask.

    >>> import tempfile
    >>> import numpy as np
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("images", "labels"):
    ...         (Path(folder) / name).mkdir()
    ...     Image.new("RGB", (2, 1)).save(Path(folder) / "images" / "street.png")
    ...     Image.fromarray(np.array([[1, 2]], np.uint8)).save(Path(folder) / "labels" / "street.png")
    ...     _ = (Path(folder) / "classes.txt").write_text("sky\\nroad\\nvoid\\n")
    ...     dataset = load_segmentation_dataset(folder)
    ...     dataset.classes, dataset.read_mask(dataset.samples[0]).tolist()
    (('sky', 'road'), [[1, 255]])
    """
    path, layout, preset = _find(data)
    own = layout.splits(path)
    split = split or (preset.split if preset else None)
    folders = [name for name in own if "=" not in name]
    if split is None and len(folders) > 1:
        raise ScotopicError(f"{data} has several splits: choose one with --split: {', '.join(folders)}")
    classes, reader = _classes(path, layout, preset.grouping if preset else 19)
    raw = layout.read(path, split if split in own else None, classes)
    raw = replace(raw, name=preset.name if preset else raw.name)
    if split and split not in own:
        raw = choose_split(raw, split, own)
    name = f"{raw.name}:{Path(split).stem if split.endswith('.txt') else split}" if split else raw.name
    return _finish(replace(raw, name=name), reader, preset.class_map if preset else {})


def _find(data: str | Path) -> tuple[Path, Layout, SegmentationData | None]:
    path = Path(data)
    if path.is_file() and path.suffix in (".yaml", ".yml") and "format" in read_yaml(path):
        return _preset(path, beside=path.parent)
    if path.is_dir():
        fitting = [layout for layout in LAYOUTS.values() if layout.claims(path)]
        if fitting:
            return path, fitting[0], None
        looked = "; ".join(f"{name}: {layout.looks_for}" for name, layout in LAYOUTS.items())
        raise ScotopicError(f"{path} is no labelled segmentation set that is known here; looked for {looked}")
    if not path.exists() and str(data) in list_data_presets():
        return _preset(str(data))
    raise ScotopicError(
        f"no segmentation set at {data}: give a folder, a preset file or the name of a preset "
        f"({nearest(str(data), list_data_presets('segment'))})"
    )


def _preset(name: str | Path, beside: Path | None = None) -> tuple[Path, Layout, SegmentationData]:
    preset = load_data_preset(name)
    if not isinstance(preset, SegmentationData):
        raise ScotopicError(
            f"the preset {name} describes {preset.kind} ({preset.format}), not masks: use it with the commands for "
            f"those, or choose one of {', '.join(list_data_presets('segment'))}"
        )
    path, layout = preset.path(beside), LAYOUTS[preset.format]
    if not path.exists():
        raise ScotopicError(
            f"the preset {name} has its data at {path}, where nothing is: put it there, "
            "or set SCOTOPIC_DATA to the folder that holds it"
        )
    if not layout.claims(path):
        raise ScotopicError(
            f"the preset {name} says {preset.format}, but {path} has none: looked for {layout.looks_for}"
        )
    return path, layout, preset


def _classes(root: Path, layout: Layout, grouping: int) -> tuple[tuple[str, ...], MaskReader]:
    """The set's class names, and what the values in its masks mean."""
    if layout.format == "masks":
        file = next(root / name for name in CLASS_FILES if (root / name).is_file())
        classes, values = read_class_list(file)
        return classes, MaskReader(
            (("", values),), f"name them in {file}" + ("" if file.suffix == ".txt" else ", or list them under ignore")
        )
    if layout.format == "camvid":
        values = {**{index: index for index in range(len(CAMVID))}, len(CAMVID): IGNORED}
        return CAMVID, MaskReader((("", with_ignored(values)),), "CamVid has 0 to 11: is it another set's mask?")
    train = train_id_values(grouping)
    remedy = "Cityscapes has the label ids 0 to 33 and the train ids 0 to 18, and 255: is it another set's mask?"
    if layout.format == "bdd-semantic":
        return classes_of(grouping), MaskReader((("", train),), remedy)
    ids = label_id_values(grouping)
    return classes_of(grouping), MaskReader((("_labelids.png", ids), ("_labeltrainids.png", train)), remedy)


def read_class_list(path: Path) -> tuple[tuple[str, ...], dict[int, int]]:
    """The classes that ``classes.txt`` or ``classes.yaml`` names, and what the values of a mask mean.

    The line numbers of a ``classes.txt`` count from 0 and are the values. Names such as ``Unlabelled``, ``void`` and
    ``ignore`` are no classes: their pixels count nowhere, nor do those with the value 255.

    Returns:
        Class names; value in a mask -> index into them, or ``IGNORED``.

    Raises:
        ScotopicError: a name stands there twice, an id or an ignored name is unknown, or there is no class left.
    """
    if path.suffix == ".txt":
        listed = ClassList(names=list(read_class_names(path)))
    else:
        listed = validate(ClassList, read_yaml(path), str(path))
    twice = [name for name in listed.names if listed.names.count(name) > 1]
    if twice:
        raise ScotopicError(f"{path} names the class '{twice[0]}' twice: give every class a name of its own")
    by_value = dict(enumerate(listed.names)) if listed.ids is None else listed.ids
    ignored_names = {name for name in listed.ignore if isinstance(name, str)}
    for name in (*by_value.values(), *ignored_names):
        if name not in listed.names and name.casefold() not in _NO_CLASSES:
            raise ScotopicError(f"{path} gives '{name}', which is not among its names: {nearest(name, listed.names)}")
    kept = [n for n in listed.names if n not in ignored_names and n.casefold() not in _NO_CLASSES]
    if not 1 <= len(kept) <= MOST_CLASSES:
        raise ScotopicError(f"{path} names {len(kept)} classes that count: give 1 to {MOST_CLASSES}")
    index = {name: position for position, name in enumerate(kept)}
    values = {value: index.get(name, IGNORED) for value, name in by_value.items()}
    values |= {value: IGNORED for value in listed.ignore if isinstance(value, int)}
    for value in values:
        if not 0 <= value < 2**16:
            raise ScotopicError(f"{path} gives the id {value}, which no mask can hold: use 0 to 65535")
    return tuple(kept), with_ignored(values)


def _finish(
    raw: RawSet[RawMask], reader: MaskReader, class_map: Mapping[str, str | list[str] | None]
) -> SegmentationDataset:
    """Sort the samples, look whether the pictures can be read, write down what was wrong."""
    if not raw.samples:
        raise ScotopicError(f"the data set {raw.name} in {raw.root} has no image with a mask")
    samples = sorted(raw.samples, key=lambda sample: sample.id)
    issues = MaskIssues(
        images_without_mask=[image.name for image in raw.unlabelled_left_out],
        masks_without_image=list(raw.labels_without_image),
        unreadable_images=[sample.id for sample in samples if not _is_readable(sample.image)],
    )
    return SegmentationDataset(
        name=raw.name,
        root=raw.root,
        classes=raw.classes,
        samples=tuple(SegmentationSample(s.id, s.image, s.mask, s.attributes) for s in samples),
        read_mask=reader,
        issues=issues,
        class_map=class_map,
        encoding=reader.describe(),
    )


def _is_readable(image: Path) -> bool:
    try:
        image_size(image)
    except ScotopicError:
        return False
    return True
