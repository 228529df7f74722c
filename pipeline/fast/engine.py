"""`enhance` for the curve nets on the processor: one fused pass over the picture, in parallel, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from .compiled import load_kernels
from .parallel import for_each
from .tiles import Tile, part

LAYERS = tuple(f"e_conv{number}" for number in range(1, 8))
WIDTH = 32
_TINY = np.float32(1e-20)
_NOTHING = np.empty((0, 0, 0), np.float32)

Weights = tuple[np.ndarray, np.ndarray, np.ndarray, int]
"""What the kernel calls depth, mix, bias and maps."""


Adjust = Callable[[np.ndarray], np.ndarray]
"""Is given the factor of a whole picture, float32 (3 or 24, h, w), and gives the one to be used, of the same shape."""


def fused_enhance(
    net: nn.Module, image: np.ndarray, scale_factor: int, *, exposure: float = 1.0, adjust: Adjust | None = None
) -> np.ndarray | None:
    """What ``net``, a seven-layer curve net of order 2 with eight iterations, makes of a picture, to one grey level.

    Nothing is remembered of the net: its weights are read each time, which takes less than a tenth of a millisecond.
    Any number of threads may call this at once; each parts its work among ``torch.get_num_threads()``.

    Args:
        net: with layers ``e_conv1`` to ``e_conv7``, three output channels (one curve, used eight times) or 24.
        image: uint8 RGB (H, W, 3), H and W at least 1; copied if it is not contiguous, never changed.
        scale_factor: how many times the net wants the picture shrunk.
        exposure: what the picture is multiplied with ahead of everything, in floats; what is above white is white.
        adjust: changes the factor on the shrunk picture; the picture is then gone through twice.

    Returns:
        uint8 RGB (H, W, 3), new; None if the module itself has to run: its weights are not float32 on the processor, a
        layer is of another kind or has hooks, or numba is missing (which is said once).
    """
    weights = read_weights(net)
    kernels = None if weights is None else load_kernels()
    if weights is None or kernels is None:
        return None
    height, width = image.shape[:2]
    source = np.ascontiguousarray(image).reshape(height, 3 * width)
    out = np.empty((height, 3 * width), np.uint8)
    small = (-(-height // scale_factor), -(-width // scale_factor))
    factor = np.empty((3 * weights[3], *small), np.float32) if adjust else _NOTHING
    threads = torch.get_num_threads()
    light = np.float32(exposure) * np.float32(1 / 255)

    def go_through(mode: int) -> None:
        def work(tile: Tile) -> None:
            kernels.enhance_tile(
                mode, source, out, light, _NOTHING, factor, *small, *tile, *weights, *kernels.scratch()
            )

        for_each(work, part(*small, threads, kernels.tile), threads)

    if adjust:
        go_through(kernels.estimate)
        factor = np.ascontiguousarray(adjust(factor), np.float32)
        go_through(kernels.apply)
    else:
        go_through(kernels.whole)
    return out.reshape(height, width, 3)


def read_weights(net: nn.Module, maps: tuple[int, ...] = (3, 24)) -> Weights | None:
    """The weights of a curve net in the order in which the kernel wants them; None if it is no such net.

    Args:
        net: with layers ``e_conv1`` to ``e_conv7``.
        maps: how many maps the net may give.

    Returns:
        depth (7, 64, 10), mix (7, 1 or 9, 32, 64), bias (7, 32), all float32 and filled up with zeros, and the number
        of curves, 1 or 8.
    """
    layers = [getattr(net, name) for name in LAYERS]
    taps = 9 if isinstance(layers[0], nn.Conv2d) else 1
    depth = np.zeros((7, 2 * WIDTH, 10), np.float32)
    mix = np.zeros((7, taps, WIDTH, 2 * WIDTH), np.float32)
    bias = np.zeros((7, WIDTH), np.float32)
    outputs = 0
    for number, layer in enumerate(layers):
        mixer = layer
        if taps == 1:
            reach = _read(getattr(layer, "depth_conv", None))
            if reach is None or _has_hooks(layer):
                return None
            channels = reach[0].shape[0]
            depth[number, :channels, :9] = reach[0].reshape(channels, 9)
            depth[number, :channels, 9] = reach[1]
            mixer = getattr(layer, "point_conv", None)
        read = _read(mixer)
        if read is None:
            return None
        outputs, channels = read[0].shape[:2]
        mix[number, :, :outputs, :channels] = read[0].reshape(outputs, channels, taps).transpose(2, 0, 1)
        bias[number, :outputs] = read[1]
    for values in (depth, mix, bias):
        # Layers that training has let decay to nothing hold numbers too small for the processor's fast path; this
        # makes them zero, and leaves alone what can be seen.
        values += _TINY
        values -= _TINY
    return (depth, mix, bias, outputs // 3) if outputs in maps else None


def _read(conv: object) -> tuple[np.ndarray, np.ndarray] | None:
    """Weight and bias of a plain float32 convolution in main memory, as views."""
    if not isinstance(conv, nn.Conv2d) or type(conv).forward is not nn.Conv2d.forward or _has_hooks(conv):
        return None
    weight, bias = conv.weight, conv.bias
    if bias is None or weight.dtype != torch.float32 or not weight.is_cpu:
        return None
    return weight.detach().numpy(), bias.detach().numpy()


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)
