"""`enhance` for `sci` on the processor: the net and the division in one compiled pass, in parallel."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..parallel import for_each
from .compiled import load_illumination
from .engine import has_hooks
from .tiles import Tile, part


def fused_divide(net: nn.Module, image: np.ndarray) -> np.ndarray | None:
    """The picture divided by the illumination that ``net`` sees in it, to one grey level what the module gives.

    The weights are read anew each time.

    Args:
        net: with layers ``in_conv``, ``conv`` (with a normalisation) and ``out_conv``, of three channels.
        image: uint8 RGB (H, W, 3), H and W at least 1; copied if it is not contiguous, never changed.

    Returns:
        uint8 RGB (H, W, 3), new; None if the module itself has to run: its weights are not float32 on the processor, it
        is in training, a layer is of another kind or has hooks, or numba is missing (which is said once).
    """
    weights = read_layers(net)
    kernels = None if weights is None else load_illumination()
    if weights is None or kernels is None:
        return None
    height, width = image.shape[:2]
    source = np.ascontiguousarray(image).reshape(height, 3 * width)
    out = np.empty((height, 3 * width), np.uint8)
    threads = torch.get_num_threads()

    def work(tile: Tile) -> None:
        kernels.enhance_tile(source, weights, out, *tile, *kernels.scratch())

    for_each(work, part(height, width, threads, kernels.tile), threads)
    return out.reshape(height, width, 3)


def read_layers(net: nn.Module) -> np.ndarray | None:
    """The weights in the order in which the kernel wants them, float32; None if it is no such net."""
    packed: list[Tensor] = []
    for name in ("in_conv", "conv", "out_conv"):
        layer = net.get_submodule(name)
        convolution, *others = layer.children()
        if type(layer) is not nn.Sequential or any(has_hooks(module) for module in layer.modules()):
            return None
        if type(convolution) is not nn.Conv2d or convolution.bias is None or convolution.weight.shape != (3, 3, 3, 3):
            return None
        weight, bias = convolution.weight.detach(), convolution.bias.detach()
        for other in others:
            scale_and_shift = _read_normalisation(other)
            if scale_and_shift is None:
                return None
            scale, shift = scale_and_shift
            weight, bias = weight * scale[:, None, None, None], bias * scale + shift
        packed += [bias, weight.permute(1, 2, 3, 0).reshape(-1)]
    if any(tensor.dtype != torch.float32 or not tensor.is_cpu for tensor in packed):
        return None
    return torch.cat(packed).numpy()


def _read_normalisation(module: nn.Module) -> tuple[Tensor, Tensor] | None:
    """What each channel is multiplied with, and what is added to it; None where that depends on the picture."""
    if type(module) is not nn.BatchNorm2d or module.training or not module.affine:
        return None
    mean, variance = module.running_mean, module.running_var
    if mean is None or variance is None:
        return None
    scale = module.weight.detach() / (variance + module.eps).sqrt()
    return scale, module.bias.detach() - mean * scale
