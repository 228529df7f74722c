"""The demonstration's photographs and the boxes that were drawn by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scotopic.eval.demo import demo_photographs, write_demo_set
from scotopic.pipeline.image import read_image

pytest.importorskip("ultralytics", reason="needs the extra [yolo]")


def test_boxes_lie_in_photographs_of_the_stated_size() -> None:
    annotations, photographs = demo_photographs()
    for name, image in photographs.items():
        photograph = annotations.photographs[name]
        height, width = image.shape[:2]
        assert photograph.size == (width, height)
        for label, x1, y1, x2, y2 in photograph.boxes:
            assert label in annotations.classes
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height


def test_the_set_is_dark_seeded_and_keeps_the_boxes(tmp_path: Path) -> None:
    annotations, _ = demo_photographs()
    first, second = write_demo_set(tmp_path / "a", seed=1), write_demo_set(tmp_path / "b", seed=1)
    assert first.fingerprint() == second.fingerprint() != write_demo_set(tmp_path / "c", seed=2).fingerprint()
    for sample in first.samples:
        assert read_image(sample.image).mean() < 40
        drawn = [box[1:] for box in annotations.photographs[f"{sample.id}.jpg"].boxes]
        np.testing.assert_allclose(sample.boxes, drawn, atol=0.01)
