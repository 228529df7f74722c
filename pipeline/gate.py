"""Is this frame dark? A gate that leaves daylight alone, and does not flicker at dusk."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from ..configs.checks import read_yaml, validate
from ..configs.gate_schema import GateThresholds
from ..errors import ScotopicError

DARK_LEVEL = 49.5 / 255
"""Luma below which a pixel counts as dark: below grey 50, and half a level away from it, so that rounding in no float
format moves a grey pixel across."""

HIGHLIGHT_LEVEL = 127.5 / 255
"""Luma above which a pixel counts as a highlight: the upper half of the grey levels. By day sky and sunlit ground fill
a large share of a frame with it, by night lamps fill a small one."""

STRIDE = 4
"""Every fourth pixel of every fourth row, a sixteenth of the picture, is enough to judge a frame (mean luma moves by
about 0.1 of 255)."""

_DARK_BELOW, _HIGHLIGHT_FROM = np.uint8(50), np.uint8(128)  # the same limits for grey levels that are rounded

_BT601 = (0.299, 0.587, 0.114)


def sample_of(image: np.ndarray) -> np.ndarray:
    """Every fourth pixel of every fourth row, uint8 (H / 4, W / 4, 3), rounded up, from a picture or a view of one."""
    words = _words_of(image)
    if words is None:
        # Channel by channel, because numpy picks single bytes out of a picture four times as fast as triples.
        return cv2.merge([np.ascontiguousarray(image[::STRIDE, ::STRIDE, channel]) for channel in range(3)])
    picked = np.ascontiguousarray(words[::STRIDE, ::3]).view(np.uint8).reshape(len(words[::STRIDE]), -1, 4)
    return cv2.cvtColor(picked, cv2.COLOR_RGBA2RGB if image.strides[2] == 1 else cv2.COLOR_RGBA2BGR)


def _words_of(image: np.ndarray) -> np.ndarray | None:
    """The memory of a whole picture, or of one turned round from BGR, as words of four bytes.

    Every third word begins with a pixel to be picked, and one word is picked as fast as one byte. None where the memory
    cannot be looked at so.
    """
    turned = image.strides[2] == -1
    plain = image[..., ::-1] if turned else image
    if not plain.flags.c_contiguous or image.shape[1] % 4:
        return None
    return plain.reshape(len(image), -1).view(np.uint32)


@dataclass(frozen=True)
class Darkness:
    """What the gate saw of one frame.

    Attributes:
        mean_luma: BT.601 luma, averaged, 0..255.
        dark_share: share of pixels darker than grey 50, 0..1.
        highlight_share: share of pixels of grey 128 and brighter, 0..1.
    """

    mean_luma: float
    dark_share: float
    highlight_share: float


@dataclass(frozen=True)
class DarknessGate:
    """How far a frame is to be enhanced: not at all by day, fully at night, in part between the two.

    One linear score of three statistics, the log-odds that the frame was taken at night rather than by day::

        mean_luma_weight * mean_luma + dark_share_weight * dark_share
            + highlight_share_weight * highlight_share + intercept

    Up to ``untouched_below`` the gate is closed, from ``full_above`` on it is open, and between them it opens in
    proportion. The defaults are a logistic regression on pictures of BDD100K that were labelled by eye; the band begins
    where day and night are equally likely and ends where night is nine times as likely. ``docs/gate.md`` says how well
    they part pictures which they were not fitted on, and `scotopic data gate-fit` fits them to pictures of your own.

    Attributes:
        mean_luma_weight: for each grey level.
        dark_share_weight: for the whole frame.
        highlight_share_weight: for the whole frame.
        intercept: log-odds of a frame whose statistics are all zero.
        untouched_below: log-odds.
        full_above: log-odds, larger than ``untouched_below``.

    Raises:
        ScotopicError: a value is not a finite number, or the band is empty.

    >>> gate = DarknessGate()
    >>> gate.opening(gate.measure(np.full((8, 8, 3), 20, np.uint8)))
    1.0
    >>> gate.opening(gate.measure(np.full((8, 8, 3), 120, np.uint8)))
    0.0
    """

    mean_luma_weight: float = -0.05284
    dark_share_weight: float = 9.181
    highlight_share_weight: float = -22.16
    intercept: float = 2.825
    untouched_below: float = 0.0
    full_above: float = 2.197

    def __post_init__(self) -> None:
        validate(GateThresholds, asdict(self), "the gate")

    @classmethod
    def from_file(cls, path: str | Path) -> DarknessGate:
        """The gate whose numbers a YAML file holds, as `scotopic data gate-fit -o` writes it.

        Raises:
            ScotopicError: the file cannot be read, or a number is missing, unknown or impossible.
        """
        return cls(**validate(GateThresholds, read_yaml(path), str(path)).model_dump())

    def measure(self, image: np.ndarray) -> Darkness:
        """uint8 RGB (H, W, 3) -> what the gate looks at. The picture may be a view, such as a BGR one turned round."""
        return self.measure_sample(sample_of(image))

    def measure_sample(self, sample: np.ndarray) -> Darkness:
        """The same of what :func:`sample_of` took from a picture."""
        mean_luma = sum(weight * mean for weight, mean in zip(_BT601, cv2.mean(sample), strict=False))
        grey = cv2.cvtColor(sample, cv2.COLOR_RGB2GRAY)
        dark = int(np.count_nonzero(grey < _DARK_BELOW))
        bright = int(np.count_nonzero(grey >= _HIGHLIGHT_FROM))
        return Darkness(mean_luma, dark / grey.size, bright / grey.size)

    def score(self, darkness: Darkness) -> float:
        """Log-odds that the frame was taken at night."""
        return (
            self.mean_luma_weight * darkness.mean_luma
            + self.dark_share_weight * darkness.dark_share
            + self.highlight_share_weight * darkness.highlight_share
            + self.intercept
        )

    def opening(self, darkness: Darkness) -> float:
        """How far a frame is to be enhanced: 0 leaves it as it is, 1 is full strength."""
        return self.ramp(self.score(darkness))

    def ramp(self, score: float) -> float:
        """0 up to ``untouched_below``, 1 from ``full_above`` on, straight between the two.

        >>> DarknessGate(untouched_below=1, full_above=3).ramp(1.5)
        0.25
        """
        return min(max((score - self.untouched_below) / (self.full_above - self.untouched_below), 0.0), 1.0)

    def openings(self, x: Tensor, content: Tensor | None = None) -> Tensor:
        """The same for each frame of a batch, in torch operations only (it can be exported).

        Args:
            x: float RGB (N, 3, H, W) in [0, 1].
            content: bool (N, 1, H, W), False where a pixel is letterbox padding; None: no padding.

        Returns:
            float32 (N, 1, 1, 1) in [0, 1], without a gradient; 0 for a frame without content.
        """
        sample = x.detach()[:, :, ::STRIDE, ::STRIDE].float()
        luma = (sample * sample.new_tensor(_BT601).view(1, 3, 1, 1)).sum(1, keepdim=True)
        inside = torch.ones_like(luma) if content is None else content[:, :, ::STRIDE, ::STRIDE].float()
        area = inside.sum((2, 3), keepdim=True)

        def mean(values: Tensor) -> Tensor:
            return (values * inside).sum((2, 3), keepdim=True) / area.clamp(min=1)

        score = (
            255 * self.mean_luma_weight * mean(luma)
            + self.dark_share_weight * mean((luma < DARK_LEVEL).float())
            + self.highlight_share_weight * mean((luma > HIGHLIGHT_LEVEL).float())
            + self.intercept
        )
        opening = ((score - self.untouched_below) / (self.full_above - self.untouched_below)).clamp(0, 1)
        return opening * (area > 0)


class VideoGate:
    """The gate's memory of one video, so that it does not flicker where the light is at its limit.

    Three things keep it calm. The score has *play*: it follows the frames only when they leave a band of ``play`` to
    either side of it, so jitter within that band changes nothing at all (hysteresis). The opening moves by at most
    ``1 / dwell`` from frame to frame, so that a tunnel or a passing head light fades in and out. And once the gate has
    begun or ceased to enhance, it keeps to that for at least ``dwell`` frames.

    Args:
        gate: what judges the single frames.
        play: log-odds; an exposure that moves by a tenth moves the score of a street at dusk by about 1.
        dwell: frames, at least 1; 15 are half a second of a usual video.

    Raises:
        ScotopicError: ``play`` or ``dwell`` is out of its range.

    >>> video = VideoGate(DarknessGate(), dwell=2)
    >>> night, day = (DarknessGate().measure(np.full((8, 8, 3), level, np.uint8)) for level in (20, 120))
    >>> [video.opening(frame) for frame in (night, day, day, day)]
    [1.0, 0.5, 0.0, 0.0]
    """

    def __init__(self, gate: DarknessGate, *, play: float = 1.0, dwell: int = 15) -> None:
        if not 0 <= play < math.inf:
            raise ScotopicError(f"play {play!r} is not a number of log-odds of 0 or more")
        if isinstance(dwell, bool) or not isinstance(dwell, int) or dwell < 1:
            raise ScotopicError(f"dwell {dwell!r} is not a whole number of frames of 1 or more")
        self.gate = gate
        self.play = play
        self.dwell = dwell
        self.reset()

    def reset(self) -> None:
        """Forget what was: the next frame is the first of another scene, and is judged by itself."""
        self._score: float | None = None
        self._opening = 0.0
        self._frames = 0

    def opening(self, darkness: Darkness) -> float:
        """How far the next frame of the video is to be enhanced, 0..1. Call it once for each frame, in their order."""
        score = self.gate.score(darkness)
        if self._score is None:
            self._score, self._opening, self._frames = score, self.gate.ramp(score), 1
            return self._opening
        self._score = min(max(self._score, score - self.play), score + self.play)
        step, wanted = 1 / self.dwell, self.gate.ramp(self._score)
        if abs(wanted - self._opening) > step + 1e-9:  # rounding must not leave a rest of a step
            wanted = self._opening + math.copysign(step, wanted - self._opening)
        switches = (wanted > 0) != (self._opening > 0)
        if not (switches and self._frames < self.dwell):
            self._opening = wanted
            self._frames = 0 if switches else self._frames
        self._frames += 1
        return self._opening

    def state(self) -> dict[str, Any]:
        """What was seen so far, as plain numbers, without the options."""
        score = None if self._score is None else float(self._score)
        return {"score": score, "opening": float(self._opening), "frames": self._frames}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state` gave."""
        self._score, self._opening, self._frames = state["score"], state["opening"], state["frames"]


GateOption = str | Path | DarknessGate
"""``"auto"``, ``"off"``, a YAML file of thresholds, or a gate of one's own."""


def gate_of(option: GateOption) -> DarknessGate | None:
    """The gate that an option means; None for ``"off"``.

    Raises:
        ScotopicError: the option means no gate, or the file that it names holds none.

    >>> gate_of("off") is None, gate_of("auto") == DarknessGate()
    (True, True)
    """
    if isinstance(option, DarknessGate):
        return option
    if isinstance(option, Path) or (isinstance(option, str) and option.endswith((".yaml", ".yml"))):
        return DarknessGate.from_file(option)
    if option not in ("auto", "off"):
        raise ScotopicError(
            f"gate {option!r} is unknown: use 'auto' or 'off', or the YAML file that `scotopic data gate-fit` wrote"
        )
    return DarknessGate() if option == "auto" else None
