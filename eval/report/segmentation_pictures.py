"""Label maps without and with an enhancer beside the truth, and where the enhancer made them right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...pipeline.image import read_image, write_image
from ...pipeline.stage import EnhancementStage
from ..comparison import Comparison, Progress, file_name
from ..datasets.label_files import read_label_values
from ..datasets.segmentation_sample import IGNORED as IGNORED_LABEL
from ..datasets.segmentation_sample import SegmentationDataset, SegmentationSample
from ..segmentation_task import OTHER as OTHER_NAME
from ..segmentation_task import label_map_path
from .class_colors import IGNORED, LOST, OTHER, RIGHT, WON, WRONG, Color, class_colors, paint
from .pictures import changed_most, side_by_side
from .tables import points

WIDTH = 480
"""Pixels across one of the eight panels."""


def write_changed_segmentations(
    comparison: Comparison,
    dataset: SegmentationDataset,
    count: int = 4,
    progress: Progress = lambda name, done, total: None,
) -> list[Path]:
    """For each enhancer, draw the ``count`` images whose mIoU rose most, and those whose mIoU fell most.

    Above: the input, what the net saw in it, which pixels were right, and the truth. Below: the same behind the
    enhancer, with what it won in blue and what it lost in orange, and the legend. The file name says the rank:
    ``pictures/<enhancer>/gain_1_<id>.png``.
    """
    for old in (comparison.out / "pictures").glob("*/*.png"):
        if old.name.startswith(("gain_", "loss_")):
            old.unlink()  # of an earlier run into the same folder
    baseline, settings = comparison.rows[0], comparison.record["settings"]
    samples = {sample.id: sample for sample in dataset.samples}
    written = []
    for row in comparison.rows[1:]:
        stage = EnhancementStage(row["enhancer"], gate=settings["gate"], strength=settings["strength"])
        folder = comparison.out / "pictures" / file_name(row["enhancer"])
        changed = changed_most(_scores(baseline), _scores(row), count)
        for number, (label, id_) in enumerate(changed, start=1):
            progress(f"pictures of {row['enhancer']}", number, len(changed))
            if id_ in baseline["failed"] or id_ in row["failed"]:
                continue  # there is nothing to draw; they stand in the record
            written.append(folder / f"{label}_{id_.replace('/', '_')}.png")
            write_image(written[-1], _sheet(comparison, dataset, samples[id_], row, stage))
    return written


def _scores(row: Mapping[str, Any]) -> dict[str, float]:
    """The mIoU of each image that has one."""
    return {id_: scores["mIoU"] for id_, scores in row["per_image"].items() if scores["mIoU"] is not None}


@dataclass(frozen=True)
class _Judged:
    """One image behind one enhancer: categories, and whether they are right."""

    picture: np.ndarray
    predicted: np.ndarray
    right: np.ndarray
    scores: Mapping[str, float]


def _sheet(
    comparison: Comparison,
    dataset: SegmentationDataset,
    sample: SegmentationSample,
    row: Mapping[str, Any],
    stage: EnhancementStage,
) -> np.ndarray:
    """Two rows of four panels."""
    data, baseline = comparison.record["data"], comparison.rows[0]
    categories: list[str] = data["categories"]
    set_classes = {index: data["class_map"][name] for index, name in enumerate(data["classes"])}
    truth = _lookup(set_classes, categories)[dataset.read_mask(sample)]
    of_net = _lookup({int(id_): name for id_, name in data["model_class_map"].items()}, categories)

    def judged(of: Mapping[str, Any], picture: np.ndarray) -> _Judged:
        labels = read_label_values(label_map_path(comparison.out / of["predictions"], sample.id))
        predicted = of_net[labels]
        return _Judged(picture, predicted, predicted == truth, of["per_image"][sample.id])

    image = read_image(sample.image)
    before = judged(baseline, image)
    after = judged(row, stage.process(image, sample.image.name).image)
    colors = class_colors(categories)
    counted = truth < len(categories)
    unchanged = np.where(after.right, 0, 1)
    errors = np.where(before.right == after.right, unchanged, np.where(after.right, 2, 3))
    above = [
        ("none", before.picture),
        _prediction(before, colors),
        (f"{points(before.scores['pixel_accuracy'])} % right", _errors(np.where(before.right, 0, 1), counted)),
        ("truth", paint(truth, colors)),
    ]
    below = [
        (row["enhancer"], after.picture),
        _prediction(after, colors),
        (f"{points(after.scores['pixel_accuracy'])} % right", _errors(errors, counted)),
    ]
    shown = set(np.unique([truth, before.predicted, after.predicted]).tolist())
    names = [*zip(colors, categories, strict=True), (OTHER, OTHER_NAME)]
    entries = [entry for number, entry in enumerate(names) if number in shown] + [
        (IGNORED, "not counted"),
        (RIGHT, "right"),
        (WRONG, "wrong"),
        (WON, f"right with {row['enhancer']} only"),
        (LOST, f"wrong with {row['enhancer']} only"),
    ]
    panels = [[(title, _fitted(picture)) for title, picture in line] for line in (above, below)]
    panels[1].append(("legend", _legend(entries, panels[0][0][1].shape[0])))
    return np.vstack([side_by_side(line) for line in panels])


def _lookup(names: Mapping[int, str | None], categories: Sequence[str]) -> np.ndarray:
    """Class id -> category as the record tells it; K for other, 255 for ignored."""
    lookup = np.full(IGNORED_LABEL + 1, len(categories))
    lookup[IGNORED_LABEL] = IGNORED_LABEL
    for id_, name in names.items():
        lookup[id_] = len(categories) if name is None else categories.index(name)
    return lookup


def _prediction(judged: _Judged, colors: Sequence[Color]) -> tuple[str, np.ndarray]:
    return f"prediction: mIoU {points(judged.scores['mIoU'])}", paint(judged.predicted, colors)


def _errors(kind: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """What became of each pixel (0 right, 1 wrong, 2 won, 3 lost), black where no class is asked for."""
    return paint(np.where(counted, kind, IGNORED_LABEL), [RIGHT, WRONG, WON, LOST])


def _fitted(picture: np.ndarray) -> np.ndarray:
    """As wide as a panel."""
    size = (WIDTH, max(1, round(picture.shape[0] * WIDTH / picture.shape[1])))
    smaller = picture.shape[1] > WIDTH
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_NEAREST)


def _legend(entries: Sequence[tuple[Color, str]], height: int) -> np.ndarray:
    """Swatches and names in two columns; rows as high as the panel allows, at least 14 pixels."""
    rows = -(-len(entries) // 2)
    step = min(24, max(14, height // rows))
    panel = np.full((max(height, rows * step), WIDTH, 3), 30, np.uint8)
    for number, (color, name) in enumerate(entries):
        x, y = (number // rows) * WIDTH // 2 + 8, (number % rows) * step
        cv2.rectangle(panel, (x, y + 3), (x + 18, y + step - 3), color, cv2.FILLED)
        cv2.rectangle(panel, (x, y + 3), (x + 18, y + step - 3), (140, 140, 140), 1)
        at = (x + 26, y + step - step // 3)
        cv2.putText(panel, name, at, cv2.FONT_HERSHEY_SIMPLEX, step / 55, (255, 255, 255), 1, cv2.LINE_AA)
    return panel
