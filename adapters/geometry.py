"""From a picture to a net's frame, and from there back to the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..pipeline.stage import PAD_GREY


@dataclass(frozen=True)
class Geometry:
    """A picture inside a net's frame. All sizes are (height, width) in pixels.

    Attributes:
        picture: size of the picture.
        frame: size of what the net sees.
        gain: frame pixels per picture pixel, down and across.
        inner: size of the picture in the frame; the rest is padding.
        offset: row and column of its top left corner in the frame.

    >>> geometry = Geometry(picture=(2, 4), frame=(4, 4), gain=(1.0, 1.0), inner=(2, 4), offset=(1, 0))
    >>> geometry.fit(np.full((2, 4, 3), 7, np.uint8))[..., 0].tolist()
    [[114, 114, 114, 114], [7, 7, 7, 7], [7, 7, 7, 7], [114, 114, 114, 114]]
    >>> geometry.boxes_to_picture(np.array([[0.0, 1.0, 2.0, 9.0]])).tolist()
    [[0.0, 0.0, 2.0, 2.0]]
    """

    picture: tuple[int, int]
    frame: tuple[int, int]
    gain: tuple[float, float]
    inner: tuple[int, int]
    offset: tuple[int, int] = (0, 0)

    def fit(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> uint8 (frame height, frame width, 3); the image itself where nothing is to be done."""
        inner = image
        if image.shape[:2] != self.inner:
            inner = cv2.resize(image, self.inner[::-1], interpolation=cv2.INTER_LINEAR)
        if self.inner == self.frame:
            return inner
        frame = np.full((*self.frame, 3), PAD_GREY, np.uint8)
        frame[self._inside] = inner
        return frame

    def boxes_to_picture(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (N, 4), x1, y1, x2, y2 in pixels of the frame -> float64, in pixels of the picture, cut at its edge."""
        (down, across), (top, left), (height, width) = self.gain, self.offset, self.picture
        moved = (np.asarray(boxes, np.float64) - [left, top, left, top]) / [across, down, across, down]
        return np.clip(moved, 0, [width, height, width, height])

    def labels_to_picture(self, labels: np.ndarray) -> np.ndarray:
        """A label map of the frame, integer (h, w) at any resolution -> (H, W) of the picture; the nearest label."""
        whole = _nearest(labels, self.frame)
        return _nearest(whole[self._inside], self.picture)

    def logits_to_picture(self, logits: Tensor | np.ndarray) -> Tensor:
        """Scores of the frame, float (C, h, w) at any resolution -> float32 (C, H, W) of the picture, bilinear."""
        whole = _bilinear(torch.as_tensor(logits).float(), self.frame)
        return _bilinear(whole[(slice(None), *self._inside)], self.picture)

    def labels_of(self, logits: Tensor | np.ndarray) -> np.ndarray:
        """The best class of each pixel of the picture.

        Args:
            logits: float (C, h, w), C classes, covering the frame at any resolution; resized before the best is taken.
                One class alone: its logit is positive where it is.

        Returns:
            int64 (H, W).
        """
        scores = self.logits_to_picture(logits)
        labels = (scores[0] > 0).long() if len(scores) == 1 else scores.argmax(0)
        return labels.cpu().numpy()

    @property
    def _inside(self) -> tuple[slice, slice]:
        (top, left), (height, width) = self.offset, self.inner
        return slice(top, top + height), slice(left, left + width)


def _nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if labels.shape == size:
        return labels
    rows, columns = (((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(size, labels.shape, strict=True))
    return labels[rows[:, None], columns[None]]


def _bilinear(scores: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(scores.shape[1:]) == size:
        return scores
    return F.interpolate(scores[None], size, mode="bilinear", align_corners=False)[0]
