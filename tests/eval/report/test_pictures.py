"""Boxes and captions on the pictures of a report."""

from __future__ import annotations

import numpy as np
import pytest

from scotopic.eval.report.pictures import draw_boxes

RED = (255, 0, 0)


def widest(box: tuple[int, int, int, int], caption: str) -> int:
    """Pixels that the longest red line is across."""
    red = (draw_boxes(np.zeros((100, 300, 3), np.uint8), [box], [caption], [RED]) == RED).all(2)
    return int(max(np.ptp(np.flatnonzero(row)) for row in red if row.any()))


@pytest.mark.parametrize("box", [(270, 40, 299, 60), (270, 2, 299, 20), (-4, 40, 30, 60)], ids=["right", "top", "left"])
def test_a_caption_is_whole_wherever_its_box_is(box: tuple[int, int, int, int]) -> None:
    caption = "traffic light 0.87"
    assert widest(box, caption) >= widest((100, 40, 130, 60), caption) - 1 > 2 * widest(box, "")
