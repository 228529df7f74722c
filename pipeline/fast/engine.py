"""`enhance` for the curve nets on the processor: one fused pass over the picture, in parallel, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn

from ..parallel import for_each
from .compiled import load_kernels
from .tiles import Tile, part

LAYERS = tuple(f"e_conv{number}" for number in range(1, 8))
WIDTH = 32
_TINY = np.float32(1e-20)
_NO_WEIGHT = torch.zeros(1)
_DEPTH, _MIX = 7 * 2 * 10 * WIDTH, 7 * 2 * WIDTH * WIDTH
_NOTHING = np.empty((0, 0, 0), np.float32)

Weights = tuple[np.ndarray, np.ndarray, np.ndarray, int, int]
"""What the kernel calls depth, mix, bias, taps and maps."""


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
    factor = np.empty((3 * weights[-1], *small), np.float32) if adjust else _NOTHING
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
        what :func:`~.numba_kernels.enhance_tile` calls depth, mix and bias, all float32 and filled up with zeros, the
        number of taps, 1 or 9, and that of curves, 1 or 8.
    """
    # torch's own dictionaries: reading attributes of a module takes ten times as long
    modules: Any = net._modules
    layers = [modules[name] for name in LAYERS]
    separable = not isinstance(layers[0], nn.Conv2d)
    convs: list[object] = [*layers]
    if separable:
        if any(has_hooks(layer) for layer in layers):
            return None
        convs = [layer._modules.get(name) for layer in layers for name in ("depth_conv", "point_conv")]
    tensors = [_NO_WEIGHT]
    for conv in convs:
        if not isinstance(conv, nn.Conv2d) or type(conv).forward is not nn.Conv2d.forward or has_hooks(conv):
            return None
        weight, bias = conv._parameters.get("weight"), conv._parameters.get("bias")
        if weight is None or bias is None or weight.dtype != torch.float32 or not weight.is_cpu:
            return None
        tensors += [weight, bias]
    outputs = tensors[-1].shape[0]
    if outputs not in maps:
        return None
    with torch.no_grad():
        numbers = torch.cat([tensor.reshape(-1) for tensor in tensors]).numpy()
    # Layers that training has let decay to nothing hold numbers too small for the processor's fast path; this makes
    # them zero, and leaves alone what can be seen.
    numbers += _TINY
    numbers -= _TINY
    taps = 1 if separable else 9
    packed = numbers.take(_order(separable, tuple(tensor.shape for tensor in tensors[1:])))
    behind = _DEPTH + taps * _MIX
    return packed[:_DEPTH], packed[_DEPTH:behind], packed[behind:], taps, outputs // 3


@lru_cache(maxsize=16)
def _order(separable: bool, shapes: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """For each number that the kernel wants its place among those of the layers, one behind the other; 0 for none."""
    first, places = 1, []
    for shape in shapes:
        places.append(np.arange(first, first + math.prod(shape)).reshape(shape))
        first += math.prod(shape)
    taps = 1 if separable else 9
    depth = np.zeros((7, 2, 10, WIDTH), np.intp)
    mix = np.zeros((7, 2, taps, WIDTH, WIDTH), np.intp)
    bias = np.zeros((7, WIDTH), np.intp)
    each = len(places) // 7
    for layer in range(7):
        *reach, mixer, shift = places[each * layer : each * (layer + 1)]
        outputs, inputs = mixer.shape[:2]
        bias[layer, :outputs] = shift
        for half in range(-(-inputs // WIDTH)):
            part = slice(half * WIDTH, (half + 1) * WIDTH)
            channels = min(inputs - half * WIDTH, WIDTH)
            mix[layer, half, :, :channels, :outputs] = (
                mixer[:, part].reshape(outputs, channels, taps).transpose(2, 1, 0)
            )
            if reach:
                depth[layer, half, :9, :channels] = reach[0][part].reshape(channels, 9).T
                depth[layer, half, 9, :channels] = reach[1][part]
    depth[0, 0] = np.tile(depth[0, 0, :, : WIDTH // 4], 4)
    if separable and places[-1].size <= 4:
        mix[6] = mix[6].transpose(0, 1, 3, 2).copy()
    return np.concatenate([depth.ravel(), mix.ravel(), bias.ravel()])


def has_hooks(module: nn.Module) -> bool:
    """Whether somebody listens in on a layer, so that it has to run itself."""
    return bool(module._forward_hooks or module._forward_pre_hooks)
