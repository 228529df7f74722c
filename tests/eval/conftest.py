"""A small real detector and scenes that it can solve, so that the harness is tested without any weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from scotopic.adapters.contract import Detections
from scotopic.eval.datasets.load import load_detection_dataset
from scotopic.eval.datasets.sample import DetectionDataset
from scotopic.pipeline.image import write_image


class BrightSquares:
    """Finds connected regions above a level of brightness; red ones are class 0, blue ones class 1."""

    def __init__(self, level: int = 100) -> None:
        self.names: Mapping[int, str] = {0: "red", 1: "blue"}
        self.description: dict[str, Any] = {"file": "bright squares", "level": level}
        self.level = level
        self.calls = 0

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        self.calls += 1
        boxes, scores, labels = [], [], []
        for label, channel in ((0, 0), (1, 2)):
            mask = (image[..., channel] > self.level).astype(np.uint8)
            count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
            for x, y, width, height, area in stats[1:count]:
                boxes.append((x, y, x + width, y + height))
                scores.append(min(1.0, 0.5 + area / 10_000))
                labels.append(label)
        found = Detections(np.array(boxes, float).reshape(-1, 4), np.array(scores), np.array(labels, int))
        return found, {"inference": 1.0}


@pytest.fixture
def dark_squares(tmp_path: Path) -> DetectionDataset:
    """Six dark pictures with one red and one blue square each, too dark for the detector unless brightened."""
    folder = tmp_path / "squares"
    for number in range(6):
        image = np.full((96, 128, 3), 4, np.uint8)
        x = 10 + 5 * number
        image[20:50, x : x + 30] = (40, 4, 4)
        image[60:80, 70:100] = (4, 4, 40)
        write_image(folder / "images" / f"{number}.png", image)
        lines = [
            f"0 {(x + 15) / 128} {35 / 96} {30 / 128} {30 / 96}\n",
            f"1 {85 / 128} {70 / 96} {30 / 128} {20 / 96}\n",
        ]
        label = folder / "labels" / f"{number}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text("".join(lines))
    (folder / "classes.txt").write_text("red\nblue\n")
    return load_detection_dataset(folder)
