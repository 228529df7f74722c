"""The curve as one kernel of a GPU: the picture is read once and written once, whatever the number of iterations."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 1024
"""Numbers that one program works on."""


@triton.jit
def _steer(picture, factor, out, size, ITERATIONS: tl.constexpr, BLOCK: tl.constexpr):  # noqa: N803
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < size
    value = tl.load(picture + place, mask=inside, other=0).to(tl.float32)
    strength = tl.load(factor + place, mask=inside, other=0).to(tl.float32)
    for _ in tl.static_range(ITERATIONS):  # pyright: ignore[reportGeneralTypeIssues]  # what Triton unrolls
        value += strength * ((value - 1) * value)
    tl.store(out + place, value.to(out.dtype.element_ty), mask=inside)


def steer(x: Tensor, factor: Tensor, iterations: int) -> Tensor:
    """``x + factor * (x ** 2 - x)``, again and again (eq. 1 of SGZ), in float32 and rounded at the end.

    Args:
        x: any shape, in [0, 1], of a floating type, on a GPU.
        factor: broadcastable to ``x``, in [-1, 1].
        iterations: how often; a kernel is compiled for each number.
    """
    x = x.contiguous()
    factor = factor.expand_as(x).contiguous()
    out = torch.empty_like(x)
    kernel: Any = _steer
    with torch.cuda.device_of(x):
        kernel[(triton.cdiv(x.numel(), BLOCK),)](x, factor, out, x.numel(), ITERATIONS=iterations, BLOCK=BLOCK)
    return out
