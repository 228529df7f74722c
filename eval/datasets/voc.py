"""Pascal VOC: Annotations/*.xml, JPEGImages/, ImageSets/Main/*.txt."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from ...errors import ScotopicError
from ...pipeline.image import IMAGE_SUFFIXES
from .raw import RawBox, RawDataset, RawSample
from .texts import read_class_names, read_lines, read_text

FORMAT: str = "voc"
LOOKS_FOR: str = (
    "Pascal VOC Annotations/*.xml with JPEGImages/ (inside VOCdevkit: the folder of one year, such as VOC2007)"
)
CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


def claims(path: Path) -> bool:
    """Whether a folder has Annotations/*.xml."""
    return path.is_dir() and next((path / "Annotations").glob("*.xml"), None) is not None


def splits(path: Path) -> tuple[str, ...]:
    """The lists in ImageSets/Main, without those of a single class (``car_train.txt``)."""
    lists = {file.stem for file in (path / "ImageSets" / "Main").glob("*.txt")}
    return tuple(sorted(name for name in lists if name.rpartition("_")[2] not in lists or "_" not in name))


def read(path: Path, split: str | None = None) -> RawDataset:
    """Read all annotations, or those that ``ImageSets/Main/<split>.txt`` lists.

    VOC counts pixels from 1 and includes the last: xmin=1, xmax=10 covers ten columns. Here that is x1 = xmin - 1 = 0
    and x2 = xmax = 10. ``difficult`` objects become regions to ignore (VOC's own evaluation ignores them too, but
    matches them by IoU; COCO's way for regions takes the share of the detection that lies inside). Images without an
    annotation are left out.

    Raises:
        ScotopicError: an annotation is malformed, or has a document type or entities, which are refused unread.
    """
    annotations, images = path / "Annotations", _images(path)
    if split:
        chosen = [line.split()[0] for _, line in read_lines(path / "ImageSets" / "Main" / f"{split}.txt")]
        files = [annotations / f"{stem}.xml" for stem in dict.fromkeys(chosen)]
    else:
        files = sorted(annotations.glob("*.xml"))
    described = {file: _parse(file) for file in files if file.is_file()}
    names = {
        name for root in described.values() for name in (obj.findtext("name", "") for obj in root.findall("object"))
    }
    if (path / "classes.txt").is_file():
        classes = read_class_names(path / "classes.txt")
    else:
        classes = CLASSES if names <= set(CLASSES) else tuple(sorted(names))

    samples, orphans, unlabelled = [], [], []
    for file in files:
        image = images.get(file.stem)
        if file not in described:
            (orphans.append(file.stem) if image is None else unlabelled.append(image))
            continue
        root = described[file]
        image = image or images.get(Path(root.findtext("filename", "")).stem)
        if image is None:
            orphans.append(file.name)
            continue
        boxes = [_box(obj, classes, file) for obj in root.findall("object")]
        samples.append(RawSample(image, boxes, stated_size=_stated_size(root)))
    if not split:
        used = {sample.image for sample in samples}
        unlabelled = sorted(image for image in images.values() if image not in used)
    return RawDataset(path.resolve().name, path, classes, samples, orphans, unlabelled, beside=(path,))


def _images(root: Path) -> dict[str, Path]:
    found = sorted((root / "JPEGImages").glob("*"))
    return {image.stem: image for image in found if image.suffix.lower() in IMAGE_SUFFIXES}


def _parse(path: Path) -> ElementTree.Element:
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ScotopicError(f"{path} declares a document type or entities, which no VOC annotation needs: refused")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ScotopicError(f"{path} line {error.position[0]} is not valid XML: is the file whole?") from None


def _box(obj: ElementTree.Element, classes: tuple[str, ...], path: Path) -> RawBox:
    name = obj.findtext("name", "")
    if name not in classes:
        raise ScotopicError(f"{path} has the class '{name}', which is none of its {len(classes)}: {', '.join(classes)}")
    try:
        x1, y1, x2, y2 = (float(obj.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax"))
    except ValueError:
        raise ScotopicError(
            f"{path}: the bndbox of an object '{name}' needs the numbers xmin, ymin, xmax, ymax"
        ) from None
    return RawBox((x1 - 1, y1 - 1, x2, y2), classes.index(name), crowd=obj.findtext("difficult", "0").strip() == "1")


def _stated_size(root: ElementTree.Element) -> tuple[int, int] | None:
    width, height = root.findtext("size/width", ""), root.findtext("size/height", "")
    known = width.isdecimal() and height.isdecimal() and int(width) and int(height)
    return (int(width), int(height)) if known else None
