"""Truth without labels: what the model itself sees in the well-lit originals of dark pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...adapters.contract import Detector, Segmenter
from ...errors import ScotopicError
from ...files import output_folder, whole_file
from ...pipeline.image import image_size, read_image
from .label_files import MaskReader, with_ignored
from .pictures import PictureSample, PictureSet
from .raw import RawBox, RawDataset, RawSample, finish, unique_ids
from .sample import DetectionDataset
from .segmentation import MOST_CLASSES
from .segmentation_sample import SegmentationDataset, SegmentationSample

SCORE = 0.25
"""From this score on a detection in an original is taken for true, unless another is asked for."""

Progress = Callable[[int, int], None]


def clean_detections(
    pictures: PictureSet,
    detector: Detector,
    score: float = SCORE,
    progress: Progress = lambda done, total: None,
) -> DetectionDataset:
    """The dark pictures, labelled with what a detector finds in their originals.

    What comes of it is agreement with the model's own daylight, not accuracy: what it misses or mistakes in the
    original counts as it saw it there.

    Args:
        pictures: dark pictures with their originals, see :func:`~.pictures.load_pictures`.
        detector: the bare detector that will be measured.
        score: least score of a detection that is taken for true, 0..1.
        progress: called with (originals done, originals in all).

    Returns:
        A set as any other, whose classes are those of the detector; its name says where the truth comes from.

    Raises:
        ScotopicError: a picture has no original, they differ in size, an original cannot be read, the detector holds an
            enhancer, or it finds nothing in any original.

    Example::

        night = clean_detections(load_pictures("night"), load_detector("yolo11n.pt", conf=0.25))
        compare_detection("yolo11n.pt", night, ["clahe", "sgz"], "out")
    """
    ids = sorted(detector.names)
    index = {id_: number for number, id_ in enumerate(ids)}
    samples = []
    for (sample, image), name in zip(_originals(pictures, detector, progress), _names(pictures), strict=True):
        found, _ = detector.detect(image, sample.image.name)
        sure = found.scores >= score
        boxes = [
            RawBox((float(x1), float(y1), float(x2), float(y2)), index[int(label)])
            for (x1, y1, x2, y2), label in zip(found.boxes[sure], found.labels[sure], strict=True)
        ]
        samples.append(RawSample(sample.image, boxes, id=name))
    if not any(sample.boxes for sample in samples):
        raise ScotopicError(
            f"{detector.description['file']} finds nothing in the {len(samples)} originals of {pictures.name} at a "
            f"score of {score:g} or more: lower --reference-score, or give pictures in which it sees something"
        )
    name = _name(pictures, detector.description, f"finds in the originals at score >= {score:g}")
    classes = tuple(detector.names[id_] for id_ in ids)
    return finish(RawDataset(name, pictures.root, classes, samples))


def clean_segmentation(
    pictures: PictureSet,
    segmenter: Segmenter,
    folder: str | Path,
    progress: Progress = lambda done, total: None,
) -> SegmentationDataset:
    """The dark pictures, labelled with the classes that a net sees in their originals.

    Args:
        pictures: dark pictures with their originals, see :func:`~.pictures.load_pictures`.
        segmenter: the bare net that will be measured.
        folder: where the label maps are written, ``<id>.png``, each pixel the position of its class in ``classes``.
        progress: called with (originals done, originals in all).

    Returns:
        A set as any other, whose classes are those of the net; its name says where the truth comes from.

    Raises:
        ScotopicError: a picture has no original, they differ in size, an original cannot be read, the net holds an
            enhancer or has more than 254 classes, or the folder cannot be written.
    """
    ids = sorted(segmenter.names)
    if not 1 <= len(ids) <= MOST_CLASSES:
        raise ScotopicError(f"the net has {len(ids)} classes: label maps hold 1 to {MOST_CLASSES}")
    index = np.zeros(max(ids) + 1, np.uint8)
    index[ids] = range(len(ids))
    folder = output_folder(folder)
    samples = []
    for (sample, image), name in zip(_originals(pictures, segmenter, progress), _names(pictures), strict=True):
        labels = segmenter.segment(image, sample.image.name)[0].labels
        _write_labels(folder / f"{name}.png", index[labels])
        samples.append(SegmentationSample(name, sample.image, folder / f"{name}.png"))
    classes = tuple(segmenter.names[id_] for id_ in ids)
    reader = MaskReader((("", with_ignored(dict(enumerate(range(len(ids)))))),), f"empty {folder} and run again")
    return SegmentationDataset(
        name=_name(pictures, segmenter.description, "sees in the originals"),
        root=pictures.root,
        classes=classes,
        samples=tuple(sorted(samples, key=lambda sample: sample.id)),
        read_mask=reader,
        class_map={name: name for name in classes},  # each is itself, whatever else its name may mean
        encoding=reader.describe(),
    )


def _originals(
    pictures: PictureSet, model: Detector | Segmenter, progress: Progress
) -> Iterator[tuple[PictureSample, np.ndarray]]:
    """Each sample with its original, uint8 RGB (H, W, 3)."""
    if held := model.description.get("enhancer"):
        raise ScotopicError(
            f"{model.description['file']} holds the enhancer {held!r}, so that it does not see the originals as they "
            "are: give the bare model"
        )
    for number, sample in enumerate(pictures.samples, start=1):
        if sample.reference is None:
            raise ScotopicError(
                f"the original of {sample.id} in {pictures.root} is not known: give a set made by `scotopic data "
                "darken`, a folder with low and high side by side, or the folder of the originals with --reference "
                "FOLDER"
            )
        image = read_image(sample.reference)
        (width, height), (h, w) = _size(sample), image.shape[:2]
        if (width, height) not in ((w, h), (0, 0)):
            raise ScotopicError(
                f"{sample.image} has {width}x{height} pixels, its original {sample.reference} {w}x{h}: they must have "
                "the same size"
            )
        yield sample, image
        progress(number, len(pictures))


def _size(sample: PictureSample) -> tuple[int, int]:
    """(width, height); zeros where the dark picture cannot be read, which the comparison tells in its place."""
    try:
        return image_size(sample.image)
    except ScotopicError:
        return 0, 0


def _names(pictures: PictureSet) -> list[str]:
    """Ids as the readers of labels give them."""
    return unique_ids([sample.image for sample in pictures.samples])


def _name(pictures: PictureSet, model: Mapping[str, Any], what: str) -> str:
    """The set's name, which stands above every table: where the truth comes from."""
    digest = f" (sha256 {str(model['sha256'])[:12]})" if model.get("sha256") else ""
    return f"{pictures.name} [truth: what {model['file']}{digest} itself {what}]"


def _write_labels(path: Path, labels: np.ndarray) -> None:
    _, data = cv2.imencode(".png", labels)
    with whole_file(path) as temporary:
        temporary.write_bytes(data.tobytes())
