"""A net that guides a training and learns nothing from it, and how a batch is brought to the frame it takes."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..adapters.geometry import Geometry
from ..adapters.input_spec import InputSpec
from ..adapters.module_parts import parameters_sha256
from ..errors import ScotopicError
from ..pipeline.stage import PAD_GREY


class FrozenNet(nn.Module):
    """A module whose parameters and statistics never change, though a gradient passes through it to its input.

    ``train()`` leaves it in eval mode, so that batch norm takes no statistics and dropout drops nothing, also where it
    stands inside a module that trains.

    Attributes:
        net: the net, in float32.
        description: for the record: ``name`` and ``sha256`` (of the parameters).

    >>> frozen = FrozenNet(nn.BatchNorm2d(3), "example", "cpu").train()
    >>> frozen.training, frozen.net.training, any(p.requires_grad for p in frozen.parameters())
    (False, False, False)
    """

    def __init__(self, net: nn.Module, name: str, device: torch.device | str) -> None:
        super().__init__()
        self.net = net.float()
        self.description: dict[str, Any] = {"name": name, "sha256": parameters_sha256(net)}
        try:
            self.to(device)
        except (RuntimeError, AssertionError) as error:
            raise ScotopicError(f"device {str(device)!r} cannot be used: {str(error).splitlines()[0]}") from None
        self.requires_grad_(False).train()

    def train(self, mode: bool = True) -> FrozenNet:
        super().train(False)
        return self


def fit_batch(x: Tensor, spec: InputSpec) -> tuple[Tensor, Geometry]:
    """Bring a batch to the size that a net takes, as :meth:`Geometry.fit` does with a picture, with gradients.

    Args:
        x: float RGB (N, 3, H, W) in [0, 1].
        spec: of the net; only what it says of sizes counts here.

    Returns:
        float RGB (N, 3, h, w), padded with grey 114/255, and where the pictures lie in there.

    >>> frame, geometry = fit_batch(torch.zeros(1, 3, 30, 64), InputSpec(multiple=32))
    >>> tuple(frame.shape), round(frame[0, 0, -1, 0].item() * 255), geometry.inner
    ((1, 3, 32, 64), 114, (30, 64))
    """
    height, width = x.shape[-2:]
    geometry = spec.geometry(height, width)
    if geometry.inner != (height, width):
        x = F.interpolate(x, geometry.inner, mode="bilinear", align_corners=False)
    (top, left), (inner_height, inner_width), frame = geometry.offset, geometry.inner, geometry.frame
    around = (left, frame[1] - left - inner_width, top, frame[0] - top - inner_height)
    return (F.pad(x, around, value=PAD_GREY / 255) if any(around) else x), geometry
