"""An enhancer as it is deployed: colour order, gate, strength, letterbox pads, clamp, timing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ScotopicError
from .contract import Enhancer, being_traced, check_batch, check_image
from .gate import Darkness, GateOption, VideoGate, gate_of, sample_of
from .image import contiguous
from .registry import DEFAULT, STAGE_OPTIONS, create_enhancer, parse_spec
from .temporal import FrameEnhancer, VideoMemory

ColorOrder = Literal["rgb", "bgr"]
PAD_GREY = 114
"""The grey level with which ultralytics fills a letterbox."""
PAD_LEVEL = PAD_GREY / 255


@dataclass(frozen=True)
class StageResult:
    """One picture after the stage.

    Attributes:
        image: uint8 (H, W, 3) in the stage's colour order; the very input array if the gate let it pass.
        enhanced: whether the enhancer ran: the gate was open, if only in part.
        darkness: what the gate saw; None with the gate off.
        opening: how far the gate was open, 0 (untouched) to 1 (the stage's full strength); 1 with the gate off.
        timing_ms: milliseconds of each step.
    """

    image: np.ndarray
    enhanced: bool
    darkness: Darkness | None
    opening: float = 1.0
    timing_ms: dict[str, float] = field(default_factory=dict)


class EnhancementStage(nn.Module):
    """The enhancer and what every user needs around it.

    Args:
        enhancer: an :class:`Enhancer`, or the name of one, with arguments if need be: ``"gamma[gamma=2.2]"``. Stage
            options may stand among them: ``"sgz[strength=0.8]"``.
        gate: ``"auto"`` leaves daylight frames bit-identical and blends at dusk, ``"off"`` enhances every frame; or the
            YAML file of thresholds that `scotopic data gate-fit` wrote, or a gate of your own.
        strength: 0 keeps the input, 1 is the full enhancement; a blend in between.
        color: the order of the three channels that come in and go out, ``"rgb"`` or ``"bgr"``.

    Raises:
        ScotopicError: an option has a value that it cannot have.

    >>> stage = EnhancementStage("gamma[gamma=2.0]", color="bgr")
    >>> dark = np.full((4, 4, 3), 16, np.uint8)
    >>> stage.process(dark).image[0, 0].tolist()
    [64, 64, 64]
    >>> day = np.full((4, 4, 3), 128, np.uint8)
    >>> stage.process(day).image is day
    True
    """

    def __init__(
        self,
        enhancer: Enhancer | str = DEFAULT,
        *,
        gate: GateOption = "auto",
        strength: float = 1.0,
        color: ColorOrder = "rgb",
    ) -> None:
        super().__init__()
        if isinstance(enhancer, str):
            name, arguments = parse_spec(enhancer)
            given = {"gate": gate, "strength": strength, "color": color}
            for option in STAGE_OPTIONS:
                if option in arguments and given[option] not in (STAGE_OPTIONS[option], arguments[option]):
                    raise ScotopicError(f"{enhancer!r} and the argument {option}={given[option]!r} differ: give one")
            gate = arguments.pop("gate", gate)
            strength = arguments.pop("strength", strength)
            color = arguments.pop("color", color)
            enhancer = create_enhancer(name, **arguments)
        if not isinstance(enhancer, Enhancer):
            raise ScotopicError(f"a stage takes an Enhancer or the name of one, not {type(enhancer).__name__}")
        if color not in ("rgb", "bgr"):
            raise ScotopicError(f"colour order {color!r} is unknown: use 'rgb' or 'bgr'")
        if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 <= strength <= 1:
            raise ScotopicError(f"strength {strength!r} is not a number in [0, 1]")
        self.enhancer = enhancer
        self.gate = gate_of(gate)
        self.strength = float(strength)
        self.color: ColorOrder = color
        self.eval()

    def video_memory(self, *, fps: float = 30.0, time_constant: float = 0.5) -> VideoMemory:
        """For the frames of one video, one after the other, see :meth:`process`.

        >>> stage = EnhancementStage("sgz")
        >>> memory, night = stage.video_memory(fps=25), np.full((48, 64, 3), 20, np.uint8)
        >>> stage.process(night, video=memory).enhanced
        True
        """
        return VideoMemory(self.gate, fps=fps, time_constant=time_constant)

    def process(
        self,
        image: np.ndarray,
        name: str | None = None,
        video: VideoMemory | VideoGate | None = None,
        seconds: float | None = None,
    ) -> StageResult:
        """Enhance one picture, unless the gate finds it bright.

        Args:
            image: uint8 (H, W, 3) in the stage's colour order; never changed.
            name: its file name, for enhancers that look pictures up (``folder:DIR``).
            video: the memory of the video whose next frame the picture is, from :meth:`video_memory`; or
                ``VideoGate(stage.gate)``, the gate's memory alone. Without it the picture is judged by itself.
                Exposure and factor are smoothed for curve nets (sgz, sgz_task, zero_dce_pp, zero_dce); other
                enhancers, which have no factor, take each frame by itself.
            seconds: the frame's time in the video, for a ``VideoMemory``; None where frames come at its ``fps``.
        """
        check_image(image)
        timing: dict[str, float] = {}
        start = time.perf_counter()
        view = image if self.color == "rgb" else image[..., ::-1]
        content = content_box(image)
        darkness, opening = None, 1.0
        memory, judge = (video, video.gate) if isinstance(video, VideoMemory) else (None, video)
        if self.gate or memory:
            sample = sample_of(view[content])
            if memory:
                memory.follow(sample, seconds)
            if self.gate:
                darkness = self.gate.measure_sample(sample)
                opening = (judge or self.gate).opening(darkness)
            timing["gate"] = _elapsed_ms(start)
            if opening == 0:
                if memory:
                    memory.forget_factor()
                return StageResult(image, False, darkness, opening, timing)
        start = time.perf_counter()
        rgb = contiguous(view)
        if memory and isinstance(self.enhancer, FrameEnhancer):
            out = self.enhancer.enhance_frame(rgb, memory)
        else:
            out = self.enhancer.enhance(rgb) if name is None else self.enhancer.enhance_named(rgb, name)
        timing["enhance"] = _elapsed_ms(start)
        strength = self.strength * opening
        if strength < 1:
            start = time.perf_counter()
            out = blend(rgb, out, strength)
            timing["blend"] = _elapsed_ms(start)
        if rgb[content].shape != rgb.shape:
            padded, out = out, rgb.copy()
            out[content] = padded[content]
        if self.color == "bgr":
            out = contiguous(out[..., ::-1])
        return StageResult(out, True, darkness, opening, timing)

    def forward(self, x: Tensor) -> Tensor:
        """Enhance the dark frames of a batch, each judged by itself; letterbox pads and bright frames pass untouched.

        Frames at dusk are blended, as far as the gate opens for them.

        Stateless and made of torch operations only if the enhancer is (``info.in_graph``), so that it can stand in
        front of a network, train with it, and be exported with it.

        Args:
            x: float (N, 3, H, W) in [0, 1], in the stage's colour order.

        Returns:
            The same shape, dtype and device, in [0, 1].
        """
        return self.run(x if being_traced() else check_batch(x))

    def run(self, x: Tensor) -> Tensor:
        """:meth:`forward` without the checks of content: a network's probes feed whatever is in memory."""
        rgb = x if self.color == "rgb" else x.flip(1)
        content = ~letterbox_pads(rgb)
        strength = self.strength * self._openings(rgb, content)
        change = strength > 0
        if not being_traced() and not bool(change.any()):
            return x.clamp(0, 1)
        out = self.enhancer.run(rgb)
        if self._may_blend(strength):
            out = out - (1 - strength).to(out.dtype) * (out - rgb)  # at full strength exactly what the enhancer made
        out = torch.where(content & change, out, rgb).clamp(0, 1)
        return out if self.color == "rgb" else out.flip(1)

    def frames_to_enhance(self, x: Tensor) -> Tensor:
        """Which frames of a batch :meth:`forward` enhances, if only in part: all that the gate does not find bright.

        Args:
            x: as for :meth:`forward`.

        Returns:
            bool (N, 1, 1, 1).
        """
        rgb = x if self.color == "rgb" else x.flip(1)
        return self._openings(rgb, ~letterbox_pads(rgb)) > 0

    def _openings(self, rgb: Tensor, content: Tensor) -> Tensor:
        if self.gate is None:
            return torch.ones(rgb.shape[0], 1, 1, 1, device=rgb.device)
        return self.gate.openings(rgb, content)

    def _may_blend(self, strength: Tensor) -> bool:
        """Whether some frame is between untouched and full strength; an exported graph must be ready for it."""
        if being_traced():
            return self.strength < 1 or self.gate is not None
        return bool(((strength > 0) & (strength < 1)).any())

    def extra_repr(self) -> str:
        return f"gate={self.gate}, strength={self.strength}, color={self.color!r}"


def blend(image: np.ndarray, enhanced: np.ndarray, strength: float) -> np.ndarray:
    """Mix two uint8 pictures (H, W, 3): 0 gives ``image``, 1 gives ``enhanced``."""
    mixed = image.astype(np.float32) + strength * (enhanced.astype(np.float32) - image)
    return np.rint(mixed).astype(np.uint8)


def content_box(image: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns of a uint8 picture (H, W, 3) that are not letterbox padding, as :func:`letterbox_pads`.

    A picture that is grey 114 throughout is taken as content.

    >>> image = np.zeros((4, 3, 3), np.uint8)
    >>> image[0] = 114
    >>> content_box(image)
    (slice(1, 4, None), slice(0, 3, None))
    """
    height, width = image.shape[:2]
    top, left, bottom, right = 0, 0, height, width
    while top < height and _is_grey(image[top]):
        top += 1
    if top == height:
        return slice(0, height), slice(0, width)
    while _is_grey(image[bottom - 1]):
        bottom -= 1
    while _is_grey(image[:, left]):
        left += 1
    while _is_grey(image[:, right - 1]):
        right -= 1
    return slice(top, bottom), slice(left, right)


def _is_grey(line: np.ndarray) -> bool:
    """Whether a line is padding; hardly ever, and then its first number tells, without a walk down the picture."""
    return bool(line[0, 0] == PAD_GREY) and bool((line == PAD_GREY).all())


def letterbox_pads(x: Tensor) -> Tensor:
    """Where a letterbox filled the border: rows and columns that are wholly 114/255, counted from the edges inwards.

    Args:
        x: float (N, 3, H, W) in [0, 1].

    Returns:
        bool (N, 1, H, W).

    >>> x = torch.zeros(1, 3, 4, 3)
    >>> x[:, :, 0] = 114 / 255
    >>> letterbox_pads(x)[0, 0, :, 0].tolist()
    [True, False, False, False]
    """
    # Half a grey level apart is the same grey level, in half precision too.
    grey = ((x - PAD_LEVEL).abs() < 0.5 / 255).all(1, keepdim=True)
    rows = _from_the_edges(grey.all(3, keepdim=True), 2)
    columns = _from_the_edges(grey.all(2, keepdim=True), 3)
    return rows | columns


def _from_the_edges(flags: Tensor, dim: int) -> Tensor:
    """Keep the runs of True that touch either end of ``dim``. Sums, because cumprod has no ONNX form."""
    blocked = (~flags).to(torch.int32)
    before = blocked.cumsum(dim)
    after = blocked.sum(dim, keepdim=True) - before + blocked
    return (before == 0) | (after == 0)


def _elapsed_ms(start: float) -> float:
    return (time.perf_counter() - start) * 1000
