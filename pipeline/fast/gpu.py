"""The curve's kernel for GPUs, where Triton can be had: it comes with PyTorch for CUDA and ROCm on Linux."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

import torch
from torch import Tensor

_log = logging.getLogger(__name__)

Steer = Callable[[Tensor, Tensor, int], Tensor]
"""Picture, factor, number of iterations -> picture; see :func:`~scotopic.pipeline.fast.triton_curve.steer`."""


@functools.cache
def load_steer() -> Steer | None:
    """The kernel, tried once on the current GPU; None where it cannot work, which is said once."""
    try:
        from .triton_curve import steer

        probe = torch.ones(1, device="cuda")
        steer(probe, probe, 1)
    except Exception as error:  # no Triton, no C compiler for its launcher, a GPU that it does not know
        _log.warning("no fast curve on this GPU (%s): PyTorch does it, in more passes over the memory", error)
        return None
    return steer
