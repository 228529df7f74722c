"""A labelled detection set small enough to train on in a test: coloured boxes on a grey ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scotopic.pipeline.image import write_image

COLOURS = np.array([[210, 50, 40], [40, 70, 220]])
"""Of the classes: red, blue."""


def write_boxes(folder: Path, count: int, seed: int, size: tuple[int, int] = (60, 80)) -> Path:
    """``count`` pictures with one red and one blue box each, as a YOLO set of one split."""
    random = np.random.default_rng(seed)
    height, width = size
    for number in range(count):
        picture = random.normal(110, 8, (*size, 3))
        lines = []
        for label, left in enumerate(random.permutation([4, width // 2 + 2])):
            top, side = int(random.integers(4, 24)), int(random.integers(22, 32))
            picture[top : top + side, left : left + side] = COLOURS[label] + random.normal(0, 8, 3)
            middle = (left + side / 2) / width, (top + side / 2) / height
            lines.append(f"{label} {middle[0]:.5f} {middle[1]:.5f} {side / width:.5f} {side / height:.5f}\n")
        write_image(folder / "images" / f"{number}.png", picture.clip(0, 255).astype(np.uint8))
        path = folder / "labels" / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8")
    (folder / "classes.txt").write_text("red\nblue\n", encoding="utf-8")
    return folder
