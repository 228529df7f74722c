"""Colours for classes and for what became right or wrong, which colour-blind people can tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Color = tuple[int, int, int]

PALETTE: tuple[Color, ...] = (
    (86, 180, 233),
    (136, 85, 51),
    (238, 187, 136),
    (153, 153, 153),
    (204, 85, 255),
    (170, 255, 102),
    (255, 119, 17),
    (85, 68, 68),
    (0, 85, 119),
    (136, 34, 255),
    (51, 0, 136),
    (85, 17, 0),
)
"""RGB. Any two, and each and OTHER or IGNORED, lie at least 22 units of CIELAB apart, also with the three kinds of
dichromatic vision after Machado et al. (2009): found by taking the farthest colour again and again."""

OTHER: Color = (255, 255, 255)
IGNORED: Color = (0, 0, 0)

RIGHT, WRONG, WON, LOST = (205, 205, 205), (120, 120, 120), (0, 114, 178), (213, 94, 0)
"""Grey is as it was; blue (won) and orange (lost) after Okabe and Ito."""

CITYSCAPES: dict[str, Color] = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
"""The colours in which everybody knows these 19 classes."""


def class_colors(categories: Sequence[str]) -> list[Color]:
    """A colour for each category: Cityscapes' own where it has them all, else the palette, darker in each round.

    >>> class_colors(["road", "sky"])
    [(128, 64, 128), (70, 130, 180)]
    >>> class_colors(["road", "moon"]) == list(PALETTE[:2])
    True
    """
    if all(name in CITYSCAPES for name in categories):
        return [CITYSCAPES[name] for name in categories]
    rounds = [divmod(number, len(PALETTE)) for number in range(len(categories))]
    return [_darker(PALETTE[position], 0.6**round_) for round_, position in rounds]


def paint(labels: np.ndarray, colors: Sequence[Color]) -> np.ndarray:
    """Categories (H, W) as a picture, uint8 RGB (H, W, 3): K is drawn as OTHER, all above as IGNORED.

    >>> paint(np.array([[0, 1, 255]]), [(9, 9, 9)]).tolist()
    [[[9, 9, 9], [255, 255, 255], [0, 0, 0]]]
    """
    table = np.array([*colors, OTHER, *([IGNORED] * (255 - len(colors)))], np.uint8)
    return table[labels]


def _darker(color: Color, factor: float) -> Color:
    red, green, blue = (round(factor * channel) for channel in color)
    return red, green, blue
