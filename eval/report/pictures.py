"""Boxes drawn on pictures, without and with an enhancer, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...errors import ScotopicError
from ...pipeline.image import read_image, write_image
from ...pipeline.stage import EnhancementStage
from ..coco_results import CocoResult
from ..comparison import Comparison, Progress, file_name
from ..datasets.sample import DetectionDataset
from ..detection import CONFIDENCE
from .matching import judge_boxes

# Okabe and Ito's colours, which colour-blind people can tell apart.
FOUND, FALSE, MISSED, IGNORED = (0, 158, 115), (213, 94, 0), (240, 228, 66), (150, 150, 150)
_BAR = 28


def draw_boxes(
    image: np.ndarray,
    boxes: Sequence[Sequence[float]],
    captions: Sequence[str],
    colors: Sequence[tuple[int, int, int]],
) -> np.ndarray:
    """A copy of ``image`` (uint8 RGB) with boxes (x1, y1, x2, y2 in pixels) and captions.

    >>> draw_boxes(np.zeros((20, 20, 3), np.uint8), [(2, 2, 9, 9)], ["car"], [(255, 0, 0)])[2, 5].tolist()
    [255, 0, 0]
    """
    drawn = image.copy()
    thickness = max(1, round(max(image.shape) / 640))
    for (x1, y1, x2, y2), caption, color in zip(boxes, captions, colors, strict=True):
        corner = (round(x1), round(y1))
        cv2.rectangle(drawn, corner, (round(x2), round(y2)), color, thickness)
        if caption:
            _label(drawn, caption, corner, color, scale=0.4 * thickness)
    return drawn


def _label(image: np.ndarray, text: str, corner: tuple[int, int], color: tuple[int, int, int], scale: float) -> None:
    """Black on the box's colour, above its corner; inside where there is no room above, and as far left as it must."""
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = max(0, min(corner[0], image.shape[1] - width))
    y = corner[1] if corner[1] > height + base else corner[1] + height + base
    cv2.rectangle(image, (x, y - height - base), (x + width, y), color, cv2.FILLED)
    _write(image, text, (x, y - base // 2), (0, 0, 0), scale)


def side_by_side(pictures: Sequence[tuple[str, np.ndarray]], width: int | None = None) -> np.ndarray:
    """Pictures of one height in a row, each under its title; shrunk so that each is at most ``width`` pixels wide.

    >>> side_by_side([("a line", np.zeros((1, 5000, 3), np.uint8))], width=1280).shape[1]
    1280
    """
    columns = []
    for title, picture in pictures:
        if width and picture.shape[1] > width:
            size = (width, max(1, round(picture.shape[0] * width / picture.shape[1])))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        bar = np.full((_BAR, picture.shape[1], 3), 30, np.uint8)
        _write(bar, title, (6, 19), (255, 255, 255), scale=0.5)
        columns.append(np.vstack([bar, picture]))
    height = max(column.shape[0] for column in columns)
    return np.hstack([np.pad(c, ((0, height - c.shape[0]), (0, 0), (0, 0))) for c in columns])


def _write(image: np.ndarray, text: str, at: tuple[int, int], color: tuple[int, int, int], scale: float) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, color, max(1, round(scale)), cv2.LINE_AA)


def write_changed_pictures(
    comparison: Comparison,
    dataset: DetectionDataset,
    count: int = 4,
    progress: Progress = lambda name, done, total: None,
) -> list[Path]:
    """For each enhancer, draw the ``count`` images where found minus false boxes rose most, and where it fell most.

    Green boxes are found, orange ones false, yellow ones missed (at IoU 0.5
    and score 0.25), grey ones ignored regions and detections on them. The file name says
    the rank: ``pictures/<enhancer>/gain_1_<id>.jpg``.
    """
    for old in (comparison.out / "pictures").glob("*/*.jpg"):
        if old.name.startswith(("gain_", "loss_")):
            old.unlink()  # of an earlier run into the same folder
    truth = json.loads((comparison.out / "truth.json").read_text(encoding="utf-8"))
    numbers = {image["name"]: image["id"] for image in truth["images"]}
    baseline = comparison.rows[0]
    before = _results(comparison, baseline)
    written = []
    for row in comparison.rows[1:]:
        settings = comparison.record["settings"]
        stage = EnhancementStage(row["enhancer"], gate=settings["gate"], strength=settings["strength"])
        folder = comparison.out / "pictures" / file_name(row["enhancer"])
        after = _results(comparison, row)
        changed = changed_most(_found_minus_false(baseline), _found_minus_false(row), count)
        for number, (label, name) in enumerate(changed, start=1):
            progress(f"pictures of {row['enhancer']}", number, len(changed))
            sample = next(s for s in dataset.samples if s.id == name)
            try:
                image = read_image(sample.image)
                enhanced = stage.process(image, sample.image.name).image
            except ScotopicError:
                continue  # it stands among the failed images of this row
            pair = [
                (_title(r, name), _judged(picture, numbers[name], truth, results))
                for r, picture, results in ((baseline, image, before), (row, enhanced, after))
            ]
            written.append(folder / f"{label}_{name.replace('/', '_')}.jpg")
            write_image(written[-1], side_by_side(pair, width=960))
    return written


def _results(comparison: Comparison, row: Mapping[str, Any]) -> list[CocoResult]:
    return json.loads((comparison.out / row["predictions"]).read_text(encoding="utf-8"))


def _title(row: Mapping[str, Any], name: str) -> str:
    counts = row["per_image"][name]
    return f"{row['enhancer']}: {counts['found']} found, {counts['false']} false, {counts['missed']} missed"


def changed_most(before: Mapping[str, float], after: Mapping[str, float], count: int) -> list[tuple[str, str]]:
    """(label, image id) of the images whose score rose most, and of those whose score fell most.

    >>> changed_most({"a": 1, "b": 1, "c": 1}, {"a": 3, "b": 0, "c": 1}, 2)
    [('gain_1', 'a'), ('loss_1', 'b')]
    """
    change = {name: after[name] - score for name, score in before.items()}
    ranked = sorted(change, key=lambda name: (-change[name], name))
    gains = [name for name in ranked if change[name] > 0][:count]
    losses = [name for name in reversed(ranked) if change[name] < 0][:count]
    return [(f"gain_{i}", n) for i, n in enumerate(gains, 1)] + [(f"loss_{i}", n) for i, n in enumerate(losses, 1)]


def _found_minus_false(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: counts["found"] - counts["false"] for name, counts in row["per_image"].items()}


def _judged(image: np.ndarray, number: int, truth: Mapping[str, Any], results: Sequence[CocoResult]) -> np.ndarray:
    """Draw one image's detections, coloured by whether they are right; matched as pycocotools does."""
    names = {c["id"]: c["name"] for c in truth["categories"]}
    wanted = [a for a in truth["annotations"] if a["image_id"] == number]
    given = [r for r in results if r["image_id"] == number and r["score"] >= CONFIDENCE]
    given.sort(key=lambda r: -r["score"])
    states, missed = judge_boxes(wanted, given)
    boxes, captions, colors = [], [], []
    for result, state in zip(given, states, strict=True):
        boxes.append(_corners(result["bbox"]))
        captions.append(f"{names[result['category_id']]} {result['score']:.2f}")
        colors.append({"found": FOUND, "false": FALSE, "ignored": IGNORED}[state])
    for annotation in wanted:
        if annotation["id"] not in missed and not annotation["iscrowd"]:
            continue
        boxes.append(_corners(annotation["bbox"]))
        captions.append("")
        colors.append(IGNORED if annotation["iscrowd"] else MISSED)
    return draw_boxes(image, boxes, captions, colors)


def _corners(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    return bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]
