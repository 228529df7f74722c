"""Random changes of a labelled picture, by torchvision, which keeps picture and mask together."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from ..configs.segmenter_schema import SegmenterSettings
from ..eval.datasets.segmentation_sample import IGNORED
from ..pipeline.stage import PAD_GREY


class Augmentation:
    """Random scale, crop, flip and colours; the mask goes along by the nearest label.

    A crop larger than the resized picture is filled up with the grey that the net also sees beside whole pictures, and
    that is ignored in the mask. Draws from torch's global random numbers.

    >>> change = Augmentation(SegmenterSettings(crop=(32, 64)))
    >>> image, mask = change(np.zeros((50, 40, 3), np.uint8), np.zeros((50, 40), np.int64))
    >>> tuple(image.shape), tuple(mask.shape), mask.unique().tolist()
    ((3, 32, 64), (32, 64), [0, 255])
    """

    def __init__(self, settings: SegmenterSettings) -> None:
        fill: dict[type | str, Any] = {tv_tensors.Image: PAD_GREY, tv_tensors.Mask: IGNORED}
        self.change = v2.Compose(
            [
                RandomScale(*settings.scale),
                v2.RandomCrop(settings.crop, pad_if_needed=True, fill=fill),
                v2.RandomHorizontalFlip(),
                v2.ColorJitter(settings.brightness, settings.contrast, settings.saturation, settings.hue),
            ]
        )

    def __call__(self, image: np.ndarray, mask: np.ndarray) -> tuple[Tensor, Tensor]:
        """uint8 RGB (H, W, 3) and labels (H, W), 255 ignored -> uint8 (3, h, w) and uint8 (h, w) of the crop's size."""
        pixels = tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1))
        pixels, labels = self.change(pixels, tv_tensors.Mask(torch.from_numpy(mask.astype(np.uint8))))
        return pixels.as_subclass(Tensor), labels.as_subclass(Tensor)


class RandomScale(v2.Transform):
    """Resize by a random factor between two, whatever the size; the library's own want to be told the sizes."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__()
        self.least, self.most = least, most

    def make_params(self, flat_inputs: list[Tensor]) -> dict[str, list[int]]:
        """The size of all that is resized together."""
        factor = float(torch.empty(1).uniform_(self.least, self.most))
        return {"size": [max(1, round(side * factor)) for side in flat_inputs[0].shape[-2:]]}

    def transform(self, inpt: Tensor, params: dict[str, list[int]]) -> Tensor:
        """One picture or mask."""
        mode = InterpolationMode.NEAREST if isinstance(inpt, tv_tensors.Mask) else InterpolationMode.BILINEAR
        return self._call_kernel(v2.functional.resize, inpt, params["size"], interpolation=mode, antialias=True)
