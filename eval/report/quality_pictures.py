"""One sheet of pictures: what went in, what each enhancer made of it, and what it should have been."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...pipeline.image import read_image, write_image
from ...pipeline.stage import EnhancementStage
from ..comparison import Comparison, Progress
from ..datasets.pictures import PictureSample, PictureSet
from .pictures import side_by_side

WIDTH, HEIGHT = 320, 640
"""Pixels that each picture of the sheet has across, and at most in height: a strip would fill the sheet."""


def write_contact_sheet(
    comparison: Comparison,
    dataset: PictureSet,
    count: int = 4,
    progress: Progress = lambda name, done, total: None,
) -> Path | None:
    """Draw ``count`` pictures, spread evenly over the set: input, each enhancer with its scores, reference.

    Returns:
        ``pictures/contact_sheet.jpg``; None if no picture is asked for, and then an older sheet is removed.
    """
    path = comparison.out / "pictures" / "contact_sheet.jpg"
    if not count:
        path.unlink(missing_ok=True)
        return None
    settings = comparison.record["settings"]
    stages = {
        row["enhancer"]: EnhancementStage(row["enhancer"], gate=settings["gate"], strength=settings["strength"])
        for row in comparison.rows[1:]
    }
    usable = [sample for sample in dataset.samples if sample.id not in comparison.rows[0]["failed"]]
    places = np.linspace(0, len(usable) - 1, min(count, len(usable))).round().astype(int).tolist()
    lines = []
    for number, place in enumerate(places, start=1):
        lines.append(_line(comparison, usable[place], stages))
        progress("contact sheet", number, len(places))
    write_image(path, np.vstack(lines))
    return path


def _line(comparison: Comparison, sample: PictureSample, stages: Mapping[str, EnhancementStage]) -> np.ndarray:
    """One picture through all enhancers."""
    image = read_image(sample.image)
    panels = []
    for row in comparison.rows:
        spec = row["enhancer"]
        if sample.id in row["failed"]:
            panels.append((f"{spec}: failed", np.zeros_like(image)))
            continue
        result = image if spec == "none" else stages[spec].process(image, sample.image.name).image
        panels.append((_title(spec, row["per_image"][sample.id]), result))
    if sample.reference:
        panels.append(("reference", read_image(sample.reference)))
    return side_by_side([(title, _panel(picture, image.shape[:2])) for title, picture in panels])


def _panel(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The picture as wide as the sheet has it, in the aspect of ``shape``; one that would be too high amid black."""
    scale = min(WIDTH / shape[1], HEIGHT / shape[0])
    height, width = (max(1, round(side * scale)) for side in shape)
    panel = np.zeros((height, WIDTH, 3), np.uint8)
    left = (WIDTH - width) // 2
    panel[:, left : left + width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return panel


def _title(spec: str, scores: Mapping[str, Any]) -> str:
    """The enhancer, and the first two of its figures that fit: PSNR and SSIM, or BRISQUE and NIQE."""
    digits = {"SSIM": 3}
    name = spec if len(spec) <= 24 else f"{spec[:11]}..{spec[-11:]}"
    figures = [f"{value:.{digits.get(key, 1)}f}" for key, value in scores.items() if value is not None]
    return f"{name}  {' / '.join(figures[:2])}"
