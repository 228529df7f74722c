"""Write a set in YOLO's form."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from ...errors import ScotopicError
from ...files import write_text
from .sample import DetectionDataset, DetectionSample


def file_stem(sample: DetectionSample) -> str:
    """The name of a sample's files: its id, flat."""
    return sample.id.replace("/", "__")


def yolo_text(sample: DetectionSample) -> str:
    """The label file of a sample: ``class x_center y_center width height`` per line, relative to the picture.

    Regions to ignore are left out, because the format has no word for them. Ten digits keep a box to a millionth of
    a pixel.

    >>> import numpy as np
    >>> box, label, crowd = np.array([[10.0, 5.0, 30.0, 15.0]]), np.array([2]), np.array([False])
    >>> yolo_text(DetectionSample("a", Path("a.jpg"), 40, 20, box, label, crowd, {}))
    '2 0.5 0.5 0.5 0.5\\n'
    """
    lines = []
    for (x1, y1, x2, y2), label, crowd in zip(sample.boxes, sample.labels, sample.crowd, strict=True):
        if not crowd:
            center = (x1 + x2) / 2 / sample.width, (y1 + y2) / 2 / sample.height
            size = (x2 - x1) / sample.width, (y2 - y1) / sample.height
            lines.append(" ".join([str(label), *(f"{value:.10g}" for value in (*center, *size))]))
    return "".join(line + "\n" for line in lines)


def write_yolo(dataset: DetectionDataset, out: str | Path) -> None:
    """Write images/, labels/, classes.txt and data.yaml into a folder.

    The images are copies: whoever edits one leaves the original as it is.

    Raises:
        ScotopicError: two samples would get the same file name, an image cannot be copied, or the folder cannot be
            written.
    """
    out = Path(out)
    stems = {file_stem(sample) for sample in dataset.samples}
    if len(stems) < len(dataset.samples):
        raise ScotopicError(f"two images of {dataset.name} would have the same name in {out}: rename one")
    (out / "images").mkdir(parents=True, exist_ok=True)
    for sample in dataset.samples:
        stem = file_stem(sample)
        _copy(sample.image, out / "images" / f"{stem}{sample.image.suffix}")
        write_text(out / "labels" / f"{stem}.txt", yolo_text(sample))
    write_text(out / "classes.txt", "".join(name + "\n" for name in dataset.classes))
    # ultralytics refuses a data.yaml without 'train', also for a set that is only evaluated.
    entries = {"train": "images", "val": "images", "names": dict(enumerate(dataset.classes))}
    write_text(out / "data.yaml", yaml.safe_dump(entries, sort_keys=False, allow_unicode=True))


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise ScotopicError(f"cannot copy {source} to {target}: {error.strerror}") from None
