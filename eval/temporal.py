"""Flicker of a video: how much brighter and darker its parts become from frame to frame, where nothing has moved.

Motion is taken out first, with optical flow: what is compared is always the same piece of the scene. Then

- the *change* of local brightness is the difference of the mean luma of a block between a frame and the one before, in
  grey levels (0..255), on a grid of 9 x 12 blocks. Averaged over the whole picture it would be the quantity behind
  MABD, the mean absolute brightness difference of Jiang and Zheng (Learning to See Moving Objects in the Dark, ICCV
  2019); blocks show flicker that stays in a part of the picture, too;
- *flicker* is how far that change goes beyond the one of a reference, block by block and frame by frame: of the input,
  or of the steady scene where that is known;
- the *warped error* is the root mean square difference between a frame and the one before, warped: the square root of
  the warping error of Lai et al. (Learning Blind Video Temporal Consistency, ECCV 2018), in grey levels. It counts
  noise, texture and what the flow got wrong along with flicker.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ..errors import ScotopicError
from ..pipeline.contract import check_image

GRID = (9, 12)
"""Rows and columns of blocks."""

LEAST_SIDE = 32
"""Pixels along the side of a frame below which there is no flow to estimate."""

_LEAST_SHARE = 0.2
_SPREAD = 4.0


@dataclass(frozen=True, eq=False)
class Motion:
    """Where the pixels of a frame were in the frame before.

    Attributes:
        flow: float32 (H, W, 2), pixels to the right and down that lead from a pixel to its place in the frame before.
        valid: bool (H, W), whether that is to be trusted: the place lies inside the picture, and the flow from there
            leads back.
    """

    flow: np.ndarray
    valid: np.ndarray

    @classmethod
    def none(cls, height: int, width: int) -> Motion:
        """Nothing has moved."""
        return cls(np.zeros((height, width, 2), np.float32), np.ones((height, width), bool))


def estimate_motion(before: np.ndarray, now: np.ndarray) -> Motion:
    """Dense optical flow by inverse search (DIS, Kroeger et al., ECCV 2016), checked forwards and backwards.

    Both pictures are brought to the same mean and contrast first, so that the dark and a change of exposure matter
    little. A flow counts where ``|f + b|^2 < 0.01 (|f|^2 + |b|^2) + 0.5`` (Sundaram, Brox and Keutzer, ECCV 2010).

    Args:
        before, now: uint8 RGB (H, W, 3), H and W at least 32.

    Raises:
        ScotopicError: the pictures differ in size, or are too small.

    >>> rng = np.random.default_rng(0)
    >>> scene = cv2.resize(rng.integers(0, 60, (16, 20, 3), np.uint8), (160, 128), interpolation=cv2.INTER_CUBIC)
    >>> motion = estimate_motion(scene[:, 3:], scene[:, :-3])  # all has gone three pixels to the right
    >>> np.rint(np.median(motion.flow[motion.valid], axis=0)).tolist()
    [-3.0, 0.0]
    """
    _check_pair(before, now)
    if min(now.shape[:2]) < LEAST_SIDE:
        raise ScotopicError(f"frames of {now.shape[1]}x{now.shape[0]} are too small for optical flow: "
                            f"give some of {LEAST_SIDE}x{LEAST_SIDE} at least")  # fmt: skip
    old, new = _standardised(before), _standardised(now)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    back = search.calc(new, old, np.zeros((*now.shape[:2], 2), np.float32))
    forth = _sample(search.calc(old, new, np.zeros_like(back)), back)
    difference = ((back + forth) ** 2).sum(2)
    x, y = _grid(*now.shape[:2])
    x, y = x + back[..., 0], y + back[..., 1]
    inside = (x >= 0) & (y >= 0) & (x <= now.shape[1] - 1) & (y <= now.shape[0] - 1)
    return Motion(back, inside & (difference < 0.01 * ((back**2).sum(2) + (forth**2).sum(2)) + 0.5))


def brightness_change(before: np.ndarray, now: np.ndarray, motion: Motion) -> np.ndarray:
    """How much brighter each block of a frame is than the same piece of the scene was one frame earlier.

    Args:
        before, now: uint8 RGB (H, W, 3).
        motion: from ``before`` to ``now``.

    Returns:
        float32 (9, 12), grey levels of BT.601 luma; NaN where less than a fifth of the block is valid.

    >>> dim, bright = (np.full((36, 48, 3), level, np.uint8) for level in (40, 46))
    >>> np.unique(brightness_change(dim, bright, Motion.none(36, 48))).tolist()
    [6.0]
    """
    _check_pair(before, now)
    weight = motion.valid.astype(np.float32)
    difference = (_luma(now) - _sample(_luma(before), motion.flow)) * weight
    size = GRID[::-1]
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(difference, size, interpolation=cv2.INTER_AREA)
    return np.where(share < _LEAST_SHARE, np.float32(np.nan), total / np.maximum(share, 1e-6))


def mean_change(changes: np.ndarray) -> float:
    """The mean size of changes, (T, 9, 12) or of any shape, in grey levels; NaN entries do not count.

    >>> mean_change(np.array([6.0, -6.0, np.nan]))
    6.0
    """
    return _mean(np.abs(changes))


def flicker(changes: np.ndarray, reference: np.ndarray) -> float:
    """How far the changes of a video go beyond those of a reference: the mean of ``max(0, |c| - |r|)``.

    A change in the reference excuses one of the same size, in either direction, but makes good for nothing elsewhere.

    Args:
        changes: (T, 9, 12), from :func:`brightness_change` for each frame but the first.
        reference: the same of the input, or of the steady scene, with the same motion.

    Returns:
        grey levels; 0 where the video changes nowhere more than the reference, NaN where nothing is valid.

    >>> flicker(np.array([6.0, -6.0, 1.0]), np.array([2.0, 2.0, 2.0]))
    2.6666666666666665
    """
    return _mean(np.maximum(np.abs(changes) - np.abs(reference), 0))


def warped_error(before: np.ndarray, now: np.ndarray, motion: Motion) -> float:
    """Root mean square difference between a frame and the warped one before, over the valid pixels, in grey levels.

    >>> dim, bright = (np.full((36, 48, 3), level, np.uint8) for level in (40, 46))
    >>> warped_error(dim, bright, Motion.none(36, 48))
    6.0
    """
    _check_pair(before, now)
    if not motion.valid.any():
        return float("nan")
    difference = now.astype(np.float32) - _sample(before.astype(np.float32), motion.flow)
    return float(np.sqrt((difference[motion.valid] ** 2).mean(dtype=np.float64)))


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean(dtype=np.float64)) if known.size else float("nan")


def _check_pair(before: np.ndarray, now: np.ndarray) -> None:
    for image in (before, now):
        check_image(image)
    if before.shape != now.shape:
        raise ScotopicError(
            f"frames of {before.shape[1]}x{before.shape[0]} and {now.shape[1]}x{now.shape[0]} are not of one video: "
            "bring them to one size"
        )


def _luma(image: np.ndarray) -> np.ndarray:
    """In floats, not rounded: a change of a tenth of a grey level counts."""
    return cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY)


def _standardised(image: np.ndarray) -> np.ndarray:
    """Grey levels uint8 (H, W) of the same mean and contrast whatever the exposure; the root lifts the dark."""
    root = np.sqrt(_luma(image))
    root -= root.mean()
    scaled = root / (_SPREAD * max(float(root.std()), 1e-3)) + 0.5
    return np.rint(255 * scaled.clip(0, 1)).astype(np.uint8)


def _sample(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Bilinear, at each pixel's place plus its flow; beyond the border the border's own pixel."""
    x, y = _grid(*flow.shape[:2])
    return cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y
