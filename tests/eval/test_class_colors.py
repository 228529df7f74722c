"""Whether people with each kind of colour vision can tell the classes of a picture apart."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest

from scotopic.eval.report.class_colors import (
    CITYSCAPES,
    IGNORED,
    LOST,
    OTHER,
    PALETTE,
    RIGHT,
    WON,
    WRONG,
    Color,
    class_colors,
)

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def least_distance(colors: tuple[Color, ...], vision: str) -> float:
    """CIE 1976 difference of the two that are hardest to tell apart."""
    levels = np.array(colors) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ VISION[vision].T, 0, 1)
    encoded = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = cv2.cvtColor(encoded.astype(np.float32)[None], cv2.COLOR_RGB2LAB)[0]
    return min(float(np.linalg.norm(first - second)) for first, second in combinations(lab, 2))


@pytest.mark.parametrize("vision", VISION)
def test_classes_can_be_told_apart(vision: str) -> None:
    assert least_distance((*PALETTE, OTHER, IGNORED), vision) > 22


@pytest.mark.parametrize("vision", VISION)
def test_right_and_wrong_can_be_told_apart(vision: str) -> None:
    assert least_distance((RIGHT, WRONG, WON, LOST, IGNORED), vision) > 22


def test_every_set_gets_as_many_colours_as_it_has_classes() -> None:
    assert class_colors(list(CITYSCAPES)) == list(CITYSCAPES.values())
    many = class_colors([f"class {number}" for number in range(36)])
    assert many[:12] == list(PALETTE)
    assert len(set(many)) == 36
