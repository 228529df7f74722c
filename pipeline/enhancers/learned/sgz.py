"""`sgz`: semantic-guided zero-shot enhancement (Zheng and Gupta, WACV 2022)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....errors import ScotopicError
from ...contract import Enhancer, EnhancerInfo, being_traced, check_batch
from ...registry import register_enhancer
from ...weights.load import load_weights

Convolution = Literal["dsc", "tc"]
WIDTH = 32


class DepthwiseSeparable(nn.Module):
    """3x3 convolution of each channel, then 1x1 across them, nothing in between (N, C, H, W) -> (N, D, H, W)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.depth_conv = nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in)
        self.point_conv = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.point_conv(self.depth_conv(x))


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
    for _ in range(iterations):
        x = x + factor * (x**order - x)
        if order != 2:
            x = x.clamp(0, 1)
    return x


@register_enhancer
class SGZ(Enhancer):
    """Enhancement factor extraction and recurrent image enhancement (Figure 2 and eq. 1 of the paper).

    Seven convolutions of 32 channels with symmetric skips look at the picture shrunk ``scale_factor`` times and give
    one factor per pixel and channel in (-1, 1); the factor is enlarged to the picture's own size (so any size works
    and nothing is cropped) and a curve is applied with it ``iterations`` times.

    Args:
        weights: a path, a name in the manifest (``"sgz"``, ``"sgz-official"``), a URL, or ``"random"`` for an
            untrained net (normal with deviation 0.02, as the paper initialises it).
        scale_factor: how many times the picture is shrunk before the net looks at it; 1 looks at all pixels.
        order: of the curve's polynomial, at least 2.
        iterations: how often the curve is applied, at least 1.
        convolution: ``"dsc"``, depthwise separable (10,561 parameters), or ``"tc"``, traditional (the ablation's).

    Raises:
        ScotopicError: a parameter is out of range; weights that are missing, damaged, or made for another net.

    >>> net = SGZ(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    10561
    >>> image, factor = net(torch.rand(1, 3, 30, 41), return_factor=True)
    >>> tuple(image.shape), tuple(factor.shape)
    ((1, 3, 30, 41), (1, 3, 30, 41))
    """

    info = EnhancerInfo(
        name="sgz",
        summary="A tiny net estimates an enhancement factor, a recurrent curve applies it.",
        paper="Zheng and Gupta: Semantic-Guided Zero-Shot Learning for Low-Light Image/Video Enhancement (WACVW)",
        year=2022,
        kind="zero-shot",
        learned=True,
        params=10_561,
        code_licence="MIT",
        weights_licence="research, non-commercial",
        commercial=False,
        needs_weights=True,
        cost="moderate",
    )

    def __init__(
        self,
        weights: str | Path = "sgz",
        *,
        scale_factor: int = 12,
        order: int = 2,
        iterations: int = 8,
        convolution: Convolution = "dsc",
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("scale_factor", scale_factor, 1),
            ("order", order, 2),
            ("iterations", iterations, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ScotopicError(f"{name}={value!r} is not a whole number of at least {least}")
        if convolution not in ("dsc", "tc"):
            raise ScotopicError(f"convolution={convolution!r} is unknown: use 'dsc' or 'tc'")
        self.scale_factor = scale_factor
        self.order = order
        self.iterations = iterations
        layer = DepthwiseSeparable if convolution == "dsc" else partial(nn.Conv2d, kernel_size=3, padding=1)
        self.e_conv1 = layer(3, WIDTH)
        self.e_conv2 = layer(WIDTH, WIDTH)
        self.e_conv3 = layer(WIDTH, WIDTH)
        self.e_conv4 = layer(WIDTH, WIDTH)
        self.e_conv5 = layer(2 * WIDTH, WIDTH)
        self.e_conv6 = layer(2 * WIDTH, WIDTH)
        self.e_conv7 = layer(2 * WIDTH, 3)
        if weights == "random":
            self.apply(_initialise)
        else:
            load_weights(self, weights)

    def factor(self, x: Tensor) -> Tensor:
        """The enhancement factor of each pixel and channel: (N, 3, H, W) in [0, 1] -> (N, 3, H, W) in (-1, 1)."""
        height, width = x.shape[-2:]
        scale = self.scale_factor
        if scale == 1:
            return self._extract(x)
        # Rounded up, so that no size shrinks to nothing, and in operations that an exported graph can repeat.
        small = F.interpolate(x, size=((height + scale - 1) // scale, (width + scale - 1) // scale), mode="bilinear")
        return F.interpolate(self._extract(small), size=(height, width), mode="bilinear", align_corners=True)

    def transform(self, x: Tensor) -> Tensor:
        return recurrent_enhancement(x, self.factor(x), self.order, self.iterations)

    def forward(self, x: Tensor, return_factor: bool = False) -> Tensor | tuple[Tensor, Tensor]:  # type: ignore[override]
        """Float RGB (N, 3, H, W) in [0, 1] -> the same; with ``return_factor`` also the factor (N, 3, H, W)."""
        if not return_factor:
            return super().forward(x)
        if not being_traced():
            check_batch(x)
        own = x.to(next(self.parameters()).dtype)
        factor = self.factor(own)
        image = recurrent_enhancement(own, factor, self.order, self.iterations).clamp(0, 1)
        return image.to(x.dtype), factor.to(x.dtype)

    def _extract(self, x: Tensor) -> Tensor:
        x1 = F.relu(self.e_conv1(x))
        x2 = F.relu(self.e_conv2(x1))
        x3 = F.relu(self.e_conv3(x2))
        x4 = F.relu(self.e_conv4(x3))
        x5 = F.relu(self.e_conv5(torch.cat((x3, x4), 1)))
        x6 = F.relu(self.e_conv6(torch.cat((x2, x5), 1)))
        return torch.tanh(self.e_conv7(torch.cat((x1, x6), 1)))


def _initialise(module: nn.Module) -> None:
    """N(0, 0.02), as in the paper."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
