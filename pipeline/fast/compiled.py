"""The kernels in machine code: compiled once, kept on the disk, and done without where they cannot be had."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import missing_extra

PATIENCE = 1.0
"""Seconds of compilation after which somebody should say why nothing happens."""

CACHE_LINE = 64
"""Bytes."""

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_loaded: list[Kernels | None] = []


class Kernels:
    """What :mod:`.numba_kernels` compiles to, and scratch memory for each thread that runs it."""

    def __init__(self) -> None:
        from . import numba_kernels

        self.enhance_tile: Callable[..., None] = _compile(numba_kernels.enhance_tile, numba_kernels.SIGNATURE)
        self.tile = numba_kernels.TILE
        self.whole, self.estimate, self.apply = numba_kernels.WHOLE, numba_kernels.ESTIMATE, numba_kernels.APPLY
        self._floats, self._whole = numba_kernels.SCRATCH, numba_kernels.SEGMENT
        self._own = threading.local()

    def scratch(self) -> tuple[np.ndarray, np.ndarray]:
        """The kernel's last two arguments for this thread, the same each time."""
        arrays = getattr(self._own, "arrays", None)
        if arrays is None:
            # Vectors that straddle two lines of the cache cost a fifth of the speed.
            memory = np.zeros(self._floats + CACHE_LINE // 4, np.float32)
            ahead = -memory.ctypes.data % CACHE_LINE // 4
            arrays = memory[ahead : ahead + self._floats], np.zeros(self._whole, np.int32)
            self._own.arrays = arrays
        return arrays


def load_kernels() -> Kernels | None:
    """The kernels, compiled when first asked for; None without numba, which is said once."""
    with _lock:
        if not _loaded:
            _loaded.append(_load())
        return _loaded[0]


def _load() -> Kernels | None:
    try:
        importlib.import_module("numba")
    except ModuleNotFoundError:
        _log.warning("%s; PyTorch does it meanwhile, many times slower", missing_extra("numba", "fast", "fast curves"))
        return None
    except Exception as error:  # another release of numpy than this numba knows, a broken compiler
        return _without(error)
    notice = threading.Timer(PATIENCE, _log.warning, ["compiling the fast curve: some seconds, once on this machine"])
    notice.daemon = True
    notice.start()
    try:
        return Kernels()
    except Exception as error:
        return _without(error)
    finally:
        notice.cancel()


def _without(error: Exception) -> None:
    _log.warning("numba cannot compile the fast curve (%s): PyTorch does it, many times slower", error)


def _compile(function: Callable[..., Any], signature: Any) -> Callable[..., Any]:
    import numba

    try:
        return numba.njit(signature, nogil=True, error_model="numpy", cache=True)(function)
    except Exception:  # no folder for the cache, a full disk, a damaged file in it: compile for this process alone
        return numba.njit(signature, nogil=True, error_model="numpy")(function)
