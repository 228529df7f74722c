"""Where a training runs: on one processor or GPU, or in several processes, in full or in half precision."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch

from ..errors import ScotopicError, missing_extra
from .progress import chosen_device

if TYPE_CHECKING:
    from accelerate import Accelerator


def start_accelerator(device: str, mixed_precision: str) -> Accelerator:
    """The processes that a launcher (``accelerate launch``, ``torchrun``) started together, or this one alone.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.
        mixed_precision: ``no``, ``fp16`` or ``bf16``.

    Raises:
        ScotopicError: accelerate is not installed, there is no such device, or it cannot compute in that precision.
    """
    try:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
    except ModuleNotFoundError:
        raise missing_extra("accelerate", "train", "Trainings of enhancers") from None
    chosen = chosen_device(device)
    if mixed_precision == "fp16" and chosen.type == "cpu":
        raise ScotopicError("mixed_precision 'fp16' needs a GPU, and there is none: use 'bf16' or 'no'")
    if mixed_precision == "bf16" and chosen.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise ScotopicError("mixed_precision 'bf16' needs a newer GPU than this one: use 'fp16' or 'no'")
    # accelerate keeps one state for each process and refuses another precision or device in a second training.
    AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(mixed_precision=mixed_precision, cpu=chosen.type == "cpu")


def is_main_process() -> bool:
    """Whether this process is the one that writes and speaks; the only one if no launcher started several."""
    return int(os.environ.get("RANK", "0")) == 0
