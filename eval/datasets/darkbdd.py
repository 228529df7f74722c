"""DarkBDD: the darkest night images of BDD100K, and the same set again from its manifest."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
from pydantic import BaseModel, ConfigDict, Field

from ...configs.checks import validate
from ...errors import ScotopicError
from ...files import output_folder, sha256_of, write_json, write_text
from ...pipeline.image import read_image
from .load import find_source, load_detection_dataset
from .sample import DetectionDataset, DetectionSample
from .texts import read_json
from .yolo_write import file_stem, write_yolo, yolo_text

DARK_BELOW = 70.0
"""Mean luma (0..255) below which luma.csv calls an image ``dark``; the others are ``bright``."""

RULE = (
    "the {count} darkest images by mean luma, of those whose timeofday is night where the labels say it; ties by id. "
    "Mean luma: 0.299 R + 0.587 G + 0.114 B on 0..255, averaged over the full-resolution image."
)

Progress = Callable[[int, int], None]


class ManifestImage(BaseModel, extra="forbid"):
    """One image of a DarkBDD."""

    id: str
    mean_luma: float = Field(ge=0, le=255)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """What a DarkBDD consists of; enough to make it again from a BDD100K folder."""

    model_config = ConfigDict(extra="forbid")

    rule: str
    count: int
    source: str
    classes: list[str]
    images: list[ManifestImage] = Field(min_length=1)
    labels_sha256: str | None = Field(
        default=None, description="over all label files in order of id; null accepts any labels"
    )
    unreadable: list[str] = []
    ignored_boxes_left_out: int = 0


def mean_luma(path: str | Path) -> float:
    """Mean BT.601 luma of an image, 0..255, over all its pixels.

    Raises:
        ScotopicError: the image cannot be read.

    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = cv2.imwrite(f"{folder}/blue.png", np.full((2, 2, 3), (200, 0, 0), np.uint8))
    ...     round(mean_luma(f"{folder}/blue.png"), 3)
    22.8
    """
    red, green, blue, _ = cv2.mean(read_image(path))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def build_darkbdd(
    bdd: str | Path,
    out: str | Path,
    count: int = 100,
    *,
    manifest: str | Path | None = None,
    progress: Progress | None = None,
) -> DetectionDataset:
    """Make a DarkBDD: the ``count`` darkest night images, with boxes in YOLO's form.

    Args:
        bdd: a BDD100K folder (its validation images are taken), or any other set that ``load_detection_dataset`` reads.
        out: the new folder: images/ (copies), labels/, classes.txt, data.yaml, luma.csv
            (id, mean_luma, split: ``dark`` below 70, else ``bright``) and manifest.json.
        count: how many images.
        manifest: a manifest.json; its images are taken, whatever ``count`` says, and must be the same to the byte.
        progress: called with (images done, images in all).

    Returns:
        The new set. Its issues name the images of the source that cannot be read; they are not chosen.

    Raises:
        ScotopicError: there are fewer images, ``out`` has content, or the source is not what the manifest was made of.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ScotopicError(f"{out} exists and is not empty: choose another output folder")
    output_folder(out.parent)
    source = find_source(bdd)
    own = source.reader.splits(source.path)
    dataset = load_detection_dataset(bdd, "val" if "val" in own else None)
    if manifest is not None:
        wanted = validate(Manifest, read_json(Path(manifest)), str(manifest))
        made, chosen = _chosen_again(dataset, wanted, str(manifest), progress)
    else:
        made, chosen = _chosen(dataset, count, progress)

    building = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        building.chmod(0o755)
        write_yolo(chosen, building)
        write_text(building / "luma.csv", _luma_csv(chosen, made))
        write_json(building / "manifest.json", made.model_dump())
        if out.exists():
            out.rmdir()
        building.replace(out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    built = load_detection_dataset(out)
    return replace(built, name=out.name, issues=replace(built.issues, unreadable_images=made.unreadable))


def _chosen(dataset: DetectionDataset, count: int, progress: Progress | None) -> tuple[Manifest, DetectionDataset]:
    if count < 1:
        raise ScotopicError(f"a DarkBDD needs at least one image, not {count}")
    night = [sample for sample in dataset.samples if sample.attributes.get("timeofday", "night") == "night"]
    lumas: dict[str, float] = {}
    unreadable = []
    for done, sample in enumerate(night, start=1):
        try:
            lumas[sample.id] = mean_luma(sample.image)
        except ScotopicError:
            unreadable.append(sample.image.name)
        if progress:
            progress(done, len(night))
    if len(lumas) < count:
        broken = f" ({len(unreadable)} more cannot be read: {', '.join(unreadable[:5])})" if unreadable else ""
        raise ScotopicError(
            f"{dataset.name} has {len(lumas)} night images{broken}, not {count}: ask for at most {len(lumas)}"
        )
    darkest = sorted(lumas, key=lambda id_: (lumas[id_], id_))[:count]
    chosen = dataset.select(darkest)
    images = [
        ManifestImage(id=sample.id, mean_luma=round(lumas[sample.id], 4), sha256=sha256_of(sample.image))
        for sample in chosen.samples
    ]
    made = Manifest(
        rule=RULE.format(count=count),
        count=count,
        source=dataset.name,
        classes=list(dataset.classes),
        images=images,
        labels_sha256=_labels_sha256(chosen),
        unreadable=unreadable,
        ignored_boxes_left_out=sum(int(sample.crowd.sum()) for sample in chosen.samples),
    )
    return made, chosen


def _chosen_again(
    dataset: DetectionDataset, wanted: Manifest, name: str, progress: Progress | None
) -> tuple[Manifest, DetectionDataset]:
    samples: dict[str, DetectionSample] = {sample.id: sample for sample in dataset.samples}
    missing = [image.id for image in wanted.images if image.id not in samples]
    if missing:
        raise ScotopicError(
            f"{dataset.name} lacks {len(missing)} of the {len(wanted.images)} images of {name}: {missing[0]}, ..."
        )
    changed = []
    for done, image in enumerate(wanted.images, start=1):
        if sha256_of(samples[image.id].image) != image.sha256:
            changed.append(image.id)
        if progress:
            progress(done, len(wanted.images))
    if changed:
        raise ScotopicError(
            f"{len(changed)} images of {dataset.name} have other content than {name} says: {', '.join(changed[:5])}"
        )
    chosen = dataset.select(image.id for image in wanted.images)
    if wanted.labels_sha256 and wanted.labels_sha256 != _labels_sha256(chosen):
        raise ScotopicError(
            f"{dataset.name} has the images of {name} but other labels (its classes: {', '.join(dataset.classes)}; "
            f"the manifest's: {', '.join(wanted.classes)}): use the same release of the labels, "
            "or set labels_sha256 to null to accept these"
        )
    return wanted.model_copy(
        update={"classes": list(dataset.classes), "source": dataset.name, "unreadable": []}
    ), chosen


def _labels_sha256(dataset: DetectionDataset) -> str:
    text = "".join(f"{sample.id}\n{yolo_text(sample)}" for sample in dataset.samples)
    return hashlib.sha256("\n".join([*dataset.classes, text]).encode()).hexdigest()


def _luma_csv(dataset: DetectionDataset, made: Manifest) -> str:
    lumas = {image.id: image.mean_luma for image in made.images}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "mean_luma", "split"])
    for sample in dataset.samples:
        luma = lumas[sample.id]
        writer.writerow([file_stem(sample), f"{luma:.2f}", "dark" if luma < DARK_BELOW else "bright"])
    return text.getvalue()
