"""What Zero-DCE, Zero-DCE++ and SGZ share: the seven-layer net, and the curve that it steers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...contract import Enhancer, being_traced, check_image, to_batch, to_image
from ...fast.engine import Adjust, fused_enhance
from ...fast.gpu import load_steer
from ...temporal import VideoMemory
from .checks import check_count
from .loading import fill_parameters, initialise_normal
from .tiles import TILE, in_tiles

WIDTH = 32
REACH = 7
"""Pixels that the seven 3x3 convolutions see on each side."""


class DepthwiseSeparable(nn.Module):
    """3x3 convolution of each channel, then 1x1 across them, nothing in between (N, C, H, W) -> (N, D, H, W)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.depth_conv = nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in)
        self.point_conv = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.point_conv(self.depth_conv(x))


class Traditional(nn.Conv2d):
    """3x3 convolution (N, C, H, W) -> (N, D, H, W)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 3, padding=1)


def recurrent_enhancement(x: Tensor, factor: Tensor, order: int = 2, iterations: int = 8) -> Tensor:
    """Apply the curve of eq. 1 again and again with the same factor: ``x + factor * (x ** order - x)``.

    Args:
        x: (N, 3, H, W) in [0, 1].
        factor: broadcastable to ``x``, in [-1, 1]; negative brightens.
        order: of the polynomial. Above 2 the curve can leave [0, 1], so every step is clamped; 2 never does.
        iterations: how often.

    Returns:
        (N, 3, H, W) in [0, 1].

    >>> recurrent_enhancement(torch.tensor([0.25]), torch.tensor([-1.0]), iterations=1).item()
    0.4375
    """
    if order == 2 and not torch.is_grad_enabled() and not being_traced():
        steer = load_steer() if x.is_cuda and x.dtype != torch.float64 else None  # it works in float32
        return (steer or _steer_in_place)(x, factor, iterations)
    for _ in range(iterations):
        x = x + factor * (x**order - x)
        if order != 2:
            x = x.clamp(0, 1)
    return x


def _steer_in_place(x: Tensor, factor: Tensor, iterations: int) -> Tensor:
    """The curve of order 2 as ``x + factor * ((x - 1) * x)``, without new memory in each iteration."""
    step = (x - 1).mul_(x)
    out = torch.addcmul(x, factor, step)
    for _ in range(iterations - 1):
        torch.sub(out, 1, out=step).mul_(out)
        out.addcmul_(factor, step)
    return out


class CurveEnhancer(Enhancer):
    """A net that looks at the picture and gives curve parameters in (-1, 1) for every pixel.

    Seven convolutions of 32 channels, ReLU between them, with symmetric skips (layer 5 sees 3 and 4, layer 6 sees 2
    and 5, layer 7 sees 1 and 6), tanh at the end: Figure 2 of Zero-DCE (Guo et al., CVPR 2020).

    Args:
        weights: a path, a name in the manifest, a URL, or ``"random"`` (normal with deviation 0.02).
        layer: makes a layer from its numbers of channels, in and out.
        inputs: channels of the first layer.
        outputs: channels of the last layer.
        scale_factor: how many times the picture is shrunk before the net looks at it, at least 1.
        tile: pixels along a side of the tiles in which the net looks at a large (shrunken) picture; 0 takes it whole.

    Raises:
        ScotopicError: ``scale_factor`` or ``tile`` is out of range; weights that are missing or damaged, or do not fit.
    """

    order: int = 2
    iterations: int = 8
    has_engine: ClassVar[bool] = False
    """Whether :meth:`fused` does what the class does. It is not inherited, for a subclass may do something else."""

    def __init__(
        self,
        weights: str | Path,
        layer: Callable[[int, int], nn.Module],
        *,
        inputs: int = 3,
        outputs: int = 3,
        scale_factor: int = 1,
        tile: int = TILE,
    ) -> None:
        super().__init__()
        check_count("scale_factor", scale_factor, 1)
        check_count("tile", tile, 0)
        self.scale_factor = scale_factor
        self.tile = tile
        self.e_conv1 = layer(inputs, WIDTH)
        self.e_conv2 = layer(WIDTH, WIDTH)
        self.e_conv3 = layer(WIDTH, WIDTH)
        self.e_conv4 = layer(WIDTH, WIDTH)
        self.e_conv5 = layer(2 * WIDTH, WIDTH)
        self.e_conv6 = layer(2 * WIDTH, WIDTH)
        self.e_conv7 = layer(2 * WIDTH, outputs)
        fill_parameters(self, weights, initialise_normal)

    def enhance(self, image: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> a new one; on the processor in one fused pass, many times faster than :meth:`forward`.

        Raises:
            ScotopicError: the picture has the wrong dtype or shape.
        """
        check_image(image)
        out = self.fused(image) if self._suits_engine() else None
        return super().enhance(image) if out is None else out

    def enhance_frame(self, image: np.ndarray, memory: VideoMemory) -> np.ndarray:
        """:meth:`enhance` for the next frame of a video, with its exposure and the factor smoothed over time.

        A subclass that may do something else to the picture enhances each frame by itself.

        Args:
            image: uint8 RGB (H, W, 3).
            memory: of the video; it has followed this frame already.

        Raises:
            ScotopicError: the picture has the wrong dtype or shape.
        """
        check_image(image)
        if not self._is_known():
            return self.enhance(image)
        out = None
        if self._suits_engine():
            out = self.fused(image, exposure=memory.exposure, adjust=memory.smooth)
        if out is not None:
            return out
        weight = next(self.parameters())
        with torch.inference_mode():
            x = to_batch(image, weight.device).mul_(memory.exposure).clamp_(max=1).to(weight.dtype)
            estimated = self.estimate(x)
            smoothed = memory.smooth(estimated[0].float().cpu().numpy())
            maps = self.enlarge(torch.from_numpy(smoothed)[None].to(estimated), x.shape[-2:])
            return to_image(self.apply_maps(x, maps).clamp(0, 1))

    def fused(self, image: np.ndarray, *, exposure: float = 1.0, adjust: Adjust | None = None) -> np.ndarray | None:
        """What the engine makes of a picture, see :func:`~scotopic.pipeline.fast.engine.fused_enhance`."""
        return fused_enhance(self, image, self.scale_factor, exposure=exposure, adjust=adjust)

    def _is_known(self) -> bool:
        return vars(type(self)).get("has_engine", False)

    def _suits_engine(self) -> bool:
        return self._is_known() and self.order == 2 and self.iterations == 8

    def factor(self, x: Tensor) -> Tensor:
        """The curve parameters of each pixel: (N, 3, H, W) in [0, 1] -> (N, outputs, H, W) in (-1, 1).

        Shrunk and enlarged bilinearly, so that any size works and nothing is cropped.
        """
        return self.enlarge(self.estimate(x), x.shape[-2:])

    def estimate(self, x: Tensor) -> Tensor:
        """The factor as the net gives it, on the shrunken picture: (N, 3, H, W) -> (N, outputs, h, w)."""
        return in_tiles(self._extract, self.look(x), REACH, self.tile)

    def look(self, x: Tensor) -> Tensor:
        """What the net sees of a picture: (N, 3, H, W) -> (N, inputs, h, w), here the picture, shrunken."""
        height, width = x.shape[-2:]
        scale = self.scale_factor
        if scale == 1:
            return x
        # Rounded up, so that no size shrinks to nothing, and in operations that an exported graph can repeat.
        return F.interpolate(x, size=((height + scale - 1) // scale, (width + scale - 1) // scale), mode="bilinear")

    def enlarge(self, factor: Tensor, size: torch.Size) -> Tensor:
        """The factor at the picture's own size (height, width)."""
        if self.scale_factor == 1:
            return factor
        return F.interpolate(factor, size=size, mode="bilinear", align_corners=True)

    def steer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The enhanced batch, not yet clamped, and the factor at its size, which training wants to see."""
        factor = self.factor(x)
        return self.apply_curve(x, factor), factor

    def apply_maps(self, x: Tensor, maps: Tensor) -> Tensor:
        """What :meth:`enlarge` made of the estimate, applied to a batch (N, 3, H, W): the curve, here."""
        return self.apply_curve(x, maps)

    def apply_curve(self, x: Tensor, factor: Tensor) -> Tensor:
        """The curve on a batch (N, 3, H, W) in [0, 1] with a factor of its size (N, outputs, H, W)."""
        return recurrent_enhancement(x, factor, self.order, self.iterations)

    def _extract(self, x: Tensor) -> Tensor:
        x1 = F.relu(self.e_conv1(x))
        x2 = F.relu(self.e_conv2(x1))
        x3 = F.relu(self.e_conv3(x2))
        x4 = F.relu(self.e_conv4(x3))
        x5 = F.relu(self.e_conv5(torch.cat((x3, x4), 1)))
        x6 = F.relu(self.e_conv6(torch.cat((x2, x5), 1)))
        return torch.tanh(self.e_conv7(torch.cat((x1, x6), 1)))
