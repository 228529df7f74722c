"""The judge's loops in machine code, where they can be had."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np


class Kernels(NamedTuple):
    """The functions of these names in ``numba_matching``, ``numba_accumulation`` and ``numba_precision``."""

    ranks: Callable[..., np.ndarray]
    match: Callable[..., None]
    accumulate: Callable[..., None]
    worth: Callable[..., None]


@cache
def compiled() -> Kernels | None:
    """None where they cannot be had; they take some seconds the first time on a machine."""
    try:
        from .numba_accumulation import accumulate
        from .numba_matching import match, ranks
        from .numba_precision import worth
    except Exception:  # no numba, one that does not fit this numpy, no folder for what it compiles, a broken compiler
        return None
    return Kernels(ranks, match, accumulate, worth)
