"""Pictures in which brightening wins all of a rare class and loses much of a frequent one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scotopic.configs.schema import EvaluationSettings
from scotopic.eval.compare import compare_detection
from scotopic.eval.comparison import Comparison
from scotopic.eval.datasets.load import load_detection_dataset
from scotopic.pipeline.image import write_image
from scotopic.pipeline.stage import EnhancementStage

from .conftest import BrightSquares

IMAGES = 24


def write_rare_squares(folder: Path, blue: int = 3) -> Path:
    """24 pictures as a YOLO set: a red square in each, lit enough to be found; a blue one in the first ``blue`` alone,
    too dark to be found as it is; and in three of four a larger dim red spot, which is a false detection once it is
    brightened."""
    for number in range(IMAGES):
        image = np.full((96, 128, 3), 4, np.uint8)
        image[20:40, 10:30] = (200, 4, 4)
        lines = [f"0 {20 / 128} {30 / 96} {20 / 128} {20 / 96}\n"]
        if number % 4:
            image[20:60, 70 : 110 + number % 5] = (50, 4, 4)
        if number < blue:
            image[70:90, 10:40] = (4, 4, 50)
            lines.append(f"1 {25 / 128} {80 / 96} {30 / 128} {20 / 96}\n")
        write_image(folder / "images" / f"{number:02}.png", image)
        label = folder / "labels" / f"{number:02}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text("".join(lines))
    (folder / "classes.txt").write_text("red\nblue\n")
    return folder


def compare_rare_squares(folder: Path, out: Path, blue: int = 3) -> Comparison:
    """Gamma against none on these; ``folder`` is where the pictures go."""

    def load(stage: EnhancementStage | None) -> BrightSquares:
        return BrightSquares()

    dataset = load_detection_dataset(write_rare_squares(folder, blue))
    return compare_detection(load, dataset, ["gamma", "clahe"], out, settings=EvaluationSettings(gate="off"))
