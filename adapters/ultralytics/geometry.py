"""From what a network saw back to the picture that it was made of."""

from __future__ import annotations

import cv2
import numpy as np


def full_picture(seen: np.ndarray, original: np.ndarray, fit: str) -> np.ndarray:
    """Undo the fitting of a picture to a network's input.

    Args:
        seen: uint8 (h, w, 3), the network's input.
        original: uint8 (H, W, 3), the picture that it was made of, in the same colour order.
        fit: ``"letterbox"``: scaled to fit, centred, the rest padded; ``"stretch"``: scaled in both directions;
            ``"crop"``: the central part, scaled (outside of it the original is returned: nothing else was seen).

    Returns:
        uint8 (H, W, 3).

    >>> original = np.zeros((2, 4, 3), np.uint8)
    >>> seen = np.full((4, 4, 3), 114, np.uint8)
    >>> seen[1:3] = 7
    >>> full_picture(seen, original, "letterbox")[..., 0].tolist()
    [[7, 7, 7, 7], [7, 7, 7, 7]]
    >>> full_picture(np.full((4, 4, 3), 9, np.uint8), original, "crop")[..., 0].tolist()
    [[0, 9, 9, 0], [0, 9, 9, 0]]
    """
    height, width = original.shape[:2]
    if fit == "crop":
        if seen.shape[0] != seen.shape[1]:  # torchvision's Resize to two numbers stretches
            return _resize(seen, width, height)
        side = min(height, width)
        top, left = round((height - side) / 2), round((width - side) / 2)
        picture = original.copy()
        picture[top : top + side, left : left + side] = _resize(seen, side, side)
        return picture
    if fit == "letterbox":
        # As ultralytics places it: half the padding, a half pixel rounded towards the top left.
        gain = min(seen.shape[0] / height, seen.shape[1] / width)
        inner_height, inner_width = max(round(height * gain), 1), max(round(width * gain), 1)
        top = round((seen.shape[0] - inner_height) / 2 - 0.1)
        left = round((seen.shape[1] - inner_width) / 2 - 0.1)
        seen = seen[top : top + inner_height, left : left + inner_width]
    return _resize(seen, width, height)


def _resize(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    if picture.shape[:2] == (height, width):
        return picture
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
