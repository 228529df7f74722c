"""A labelled set small enough to train on in a test: coloured shapes on a ground."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from scotopic.pipeline.image import write_image

COLOURS = np.array([[70, 90, 60], [200, 60, 50], [60, 80, 210]])
"""Of the classes: ground, disc, box."""


def write_shapes(folder: Path, split: str, count: int, seed: int, size: tuple[int, int] = (60, 80)) -> None:
    """``count`` pictures with a disc, a box and an unlabelled strip, as images, labels and classes.txt."""
    random = np.random.default_rng(seed)
    height, width = size
    for number in range(count):
        labels = np.zeros(size, np.uint8)
        cv2.circle(labels, (int(random.integers(20, width - 20)), int(random.integers(15, height - 15))), 12, 1, -1)
        left, top = int(random.integers(0, width - 25)), int(random.integers(0, height - 20))
        cv2.rectangle(labels, (left, top), (left + 22, top + 16), 2, -1)
        picture = COLOURS[labels] + random.normal(0, 8, (*size, 3))
        labels[:3] = 3
        write_image(folder / "images" / split / f"{split}_{number}.png", picture.clip(0, 255).astype(np.uint8))
        mask = folder / "labels" / split / f"{split}_{number}.png"
        mask.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(mask), labels)
    (folder / "classes.txt").write_text("ground\ndisc\nbox\nvoid\n", encoding="utf-8")
