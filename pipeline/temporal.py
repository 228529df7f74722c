"""Video without flicker: the exposure and the enhancement factor are smoothed over time, the pixels never are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import torch

from ..errors import ScotopicError
from .gate import DarknessGate, VideoGate

THUMBNAIL = (32, 48)
"""Rows and columns of the picture by which a frame is held against the one before."""

CUT_CORRELATION, CUT_MOVED = 0.8, 0.3
"""Two frames are of different scenes if their logarithmic thumbnails correlate less than the first, and if a larger
share of the picture than the second has changed, which a single large object does not reach."""

LARGEST_JUMP = math.log(2)
"""An exposure that doubles or halves from one frame to the next is no jitter: the light was switched."""

LONGEST_GAP = 1.0
"""Seconds between two frames after which nothing of the first is of use for the second."""

STILL, MOVED = 0.1, 0.4
"""Change of a thumbnail's pixel beyond that of the exposure, as a natural logarithm: up to the first nothing has moved
there and the factor is smoothed in full, from the second on something else is there and the factor starts afresh."""

_SATURATED = 235
_FEWEST = 16
_ENOUGH = 2  # pixels along a side of what becomes one pixel of the thumbnail; more cost time and change nothing
_NOISE = 4.0
"""Grey levels that are added before logarithms are taken, so that noise in the dark is no motion."""


@dataclass(frozen=True)
class Change:
    """How a frame differs from the one before.

    Attributes:
        exposure: natural logarithm of the ratio of the two exposures, positive if the frame is brighter.
        moved: float32 (32, 48), how far each part of the picture has changed beyond that: 0 not at all, 1 it shows
            something else.
        cut: whether another scene has begun.
    """

    exposure: float
    moved: np.ndarray
    cut: bool


@runtime_checkable
class FrameEnhancer(Protocol):
    """An enhancer whose result for a frame may lean upon the frames before."""

    def enhance_frame(self, image: np.ndarray, memory: VideoMemory) -> np.ndarray:
        """uint8 RGB (H, W, 3), the next frame of the video that ``memory`` has just looked at -> a new one."""
        ...


class VideoMemory:
    """What a stage remembers of one video: the gate's state, the exposure, and the enhancement factor.

    Three things flicker when the frames of a video are enhanced one by one, and each is calmed at its source:

    - the gate's opening, by :class:`~scotopic.pipeline.gate.VideoGate`;
    - the *exposure* of the frames, which a camera's automatic control moves and which brightening makes plain to see:
      a frame is multiplied, ahead of the enhancer and in floats, with :attr:`exposure`, which takes it to the
      exponentially smoothed exposure;
    - the *enhancement factor* that a net estimates anew for each frame: :meth:`smooth` gives its exponential mean, but
      where something has moved, by the size of the change, the new factor.

    A pixel of the output depends on the pixel of this frame alone, and on the factor: nothing is ever blended with an
    earlier picture, so moving objects leave no ghosts. After a cut, a change of size, a jump backwards or a gap of more
    than a second all three begin again.

    With time constant T, a step in the input has come through to 63 % after T seconds and to 95 % after 3 T.

    Args:
        gate: what judges the single frames, or a memory of the gate with its own options; None for a stage without.
        fps: frames a second, where the frames have no time stamps.
        time_constant: seconds, 0 or more; 0 smooths nothing.

    Raises:
        ScotopicError: a number is out of its range.

    >>> from scotopic.pipeline.gate import sample_of
    >>> memory = VideoMemory(time_constant=0.5, fps=10)
    >>> for level in (40, 44):
    ...     memory.follow(sample_of(np.full((64, 64, 3), level, np.uint8)))
    >>> round(memory.exposure, 3)  # 44 * 0.925 = 40.7: a fifth of the way
    0.925
    """

    def __init__(
        self, gate: DarknessGate | VideoGate | None = None, *, fps: float = 30.0, time_constant: float = 0.5
    ) -> None:
        if not 0 < fps < math.inf:
            raise ScotopicError(f"fps {fps!r} is not a number of frames a second above 0")
        if not 0 <= time_constant < math.inf:
            raise ScotopicError(f"time_constant {time_constant!r} is not a number of seconds of 0 or more")
        self.gate = VideoGate(gate) if isinstance(gate, DarknessGate) else gate
        self.fps = fps
        self.time_constant = time_constant
        self.reset()

    def reset(self) -> None:
        """Forget what was: the next frame is the first of another scene."""
        if self.gate is not None:
            self.gate.reset()
        self._thumbnail: np.ndarray | None = None
        self._seconds: float | None = None
        self.forget_factor()

    def forget_factor(self) -> None:
        """Forget how frames were enhanced, as when the gate has closed: light that comes again begins afresh."""
        self._factor: np.ndarray | None = None
        self._lag = 0.0
        self._share: np.ndarray | None = None

    @property
    def exposure(self) -> float:
        """What the frame just followed is to be multiplied with, 0.5 to 2; 1 changes nothing."""
        return math.exp(self._lag)

    def follow(self, sample: np.ndarray, seconds: float | None = None) -> None:
        """Look at the next frame; call it once for each, in their order, ahead of all else.

        Args:
            sample: what :func:`~scotopic.pipeline.gate.sample_of` took from the frame without letterbox pads.
            seconds: its time in the video; None: 1 / ``fps`` after the one before.
        """
        now = thumbnail(sample)
        before, last = self._thumbnail, self._seconds
        passed = 1 / self.fps if seconds is None or last is None else seconds - last
        change = None
        if before is not None and before.shape == now.shape and 0 <= passed <= LONGEST_GAP:
            change = compare_thumbnails(before, now)
        if change is None or change.cut:
            self.reset()
        else:
            share = -math.expm1(-passed / self.time_constant) if self.time_constant else 1.0
            lag = (1 - share) * (self._lag - change.exposure)
            self._lag = min(max(lag, -LARGEST_JUMP), LARGEST_JUMP)
            self._share = share + (1 - share) * change.moved
        self._thumbnail, self._seconds = now, seconds

    def smooth(self, factor: np.ndarray) -> np.ndarray:
        """The factor to be used for the frame just followed.

        Args:
            factor: float32 (C, h, w), as estimated for this frame alone; any size, but the same throughout a scene.

        Returns:
            the same shape and type.
        """
        old = self._factor
        if old is None or old.shape != factor.shape or self._share is None or not np.isfinite(old).all():
            smoothed = factor
        else:
            share = cv2.resize(self._share, factor.shape[:0:-1], interpolation=cv2.INTER_LINEAR)
            smoothed = old + share * (factor - old)
        self._factor = smoothed
        return smoothed

    def state(self) -> dict[str, Any]:
        """What was seen so far, as tensors and plain numbers, without the options.

        >>> VideoMemory().state()
        {'gate': None, 'seconds': None, 'lag': 0.0, 'thumbnail': None, 'factor': None, 'share': None}
        """
        arrays = {"thumbnail": self._thumbnail, "factor": self._factor, "share": self._share}
        return {
            "gate": self.gate.state() if self.gate else None,
            "seconds": None if self._seconds is None else float(self._seconds),
            "lag": float(self._lag),
            **{name: None if array is None else torch.tensor(array) for name, array in arrays.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state` gave."""
        if self.gate:
            self.gate.restore(state["gate"])
        self._seconds, self._lag = state["seconds"], state["lag"]
        arrays = (state[name] for name in ("thumbnail", "factor", "share"))
        self._thumbnail, self._factor, self._share = (None if array is None else array.numpy() for array in arrays)


def thumbnail(sample: np.ndarray) -> np.ndarray:
    """Every fourth pixel of a frame, uint8 RGB (h, w, 3) -> float32 (32, 48, 2), fewer of them if there are fewer.

    Returns:
        BT.601 luma, 0..255, averaged, and the share of pixels that are near white in a channel, 0..1.
    """
    step = max(min(sample.shape[0] // THUMBNAIL[0], sample.shape[1] // THUMBNAIL[1]) // _ENOUGH, 1)
    red, green, blue = (np.ascontiguousarray(sample[::step, ::step, channel]) for channel in range(3))
    luma = cv2.cvtColor(cv2.merge([red, green, blue]), cv2.COLOR_RGB2GRAY)
    white = (cv2.max(cv2.max(red, green), blue) >= _SATURATED).astype(np.float32)
    size = min(luma.shape[1], THUMBNAIL[1]), min(luma.shape[0], THUMBNAIL[0])
    return cv2.resize(cv2.merge([luma.astype(np.float32), white]), size, interpolation=cv2.INTER_AREA)


def compare_thumbnails(before: np.ndarray, now: np.ndarray) -> Change:
    """How a frame differs from the one before.

    The ratio of exposures is that of the sums over the parts of the picture which have not moved and are not
    saturated. Which these are is found from the weighted median of the parts' own ratios, then from the ratio itself.

    Args:
        before, now: float32 (h, w, 2), what :func:`thumbnail` gives.

    >>> street = np.dstack([np.linspace(5, 120, 32 * 48, dtype=np.float32).reshape(32, 48), np.zeros((32, 48))])
    >>> brighter = street * np.array([1.1, 1])
    >>> change = compare_thumbnails(street, brighter)
    >>> round(math.exp(change.exposure), 3), float(change.moved.max()), change.cut
    (1.1, 0.0, False)
    >>> compare_thumbnails(street, street[::-1]).cut
    True
    """
    a, b = np.ascontiguousarray(before[..., 0]), np.ascontiguousarray(now[..., 0])
    dark = np.minimum(a, b)
    usable = (np.maximum(before[..., 1], now[..., 1]) < 0.05) & (dark > 0.5)
    ratio = 0.0
    if np.count_nonzero(usable) >= _FEWEST:
        old, new = a[usable], b[usable]
        logs = np.log(new / old)
        ratio = _weighted_median(logs, np.sqrt(dark[usable]))
        for _ in range(2):
            still = np.abs(logs - ratio) < 2 * STILL
            if np.count_nonzero(still) < _FEWEST:
                break
            ratio = math.log(float(new[still].sum()) / float(old[still].sum()))
    log_a, log_b = np.log(a + _NOISE), np.log(b + _NOISE)
    # A saturated part stays white when the exposure changes, so it is held against itself as it was, too.
    change = np.minimum(np.abs(log_b - np.log(a * math.exp(ratio) + _NOISE)), np.abs(log_b - log_a))
    moved = ((change - STILL) / (MOVED - STILL)).clip(0, 1).astype(np.float32)
    differs = float(moved.mean()) > CUT_MOVED and _correlation(log_a, log_b) < CUT_CORRELATION
    return Change(ratio, moved, cut=differs or abs(ratio) > LARGEST_JUMP)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Of two pictures of logarithms; differences far below what can be seen count as agreement."""
    a, b = a - a.mean(), b - b.mean()
    floor = 1e-3 * a.size
    return float(((a * b).sum() + floor) / math.sqrt(((a * a).sum() + floor) * ((b * b).sum() + floor)))
