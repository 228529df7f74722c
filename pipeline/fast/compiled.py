"""The kernels in machine code: compiled once, kept on the disk, and done without where they cannot be had."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ...errors import missing_extra

PATIENCE = 1.0
"""Seconds of compilation after which somebody should say why nothing happens."""

CACHE_LINE = 64
"""Bytes."""

Loaded = TypeVar("Loaded")

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_loaded: dict[str, Any] = {}


class Kernels:
    """What :mod:`.numba_kernels` compiles to, and scratch memory for each thread that runs it."""

    def __init__(self) -> None:
        from . import numba_kernels

        self.enhance_tile: Callable[..., None] = _compile(numba_kernels.enhance_tile, numba_kernels.SIGNATURE)
        self.tile = numba_kernels.TILE
        self.whole, self.estimate, self.apply = numba_kernels.WHOLE, numba_kernels.ESTIMATE, numba_kernels.APPLY
        self.scratch = Scratch((numba_kernels.SCRATCH, np.float32), (numba_kernels.COUNTS, np.int32))
        """The kernel's last two arguments."""


class SmootherKernels:
    """The same of :mod:`.numba_look` and :mod:`.numba_smoother`."""

    def __init__(self) -> None:
        from . import numba_look, numba_smoother

        self.look: Callable[..., None] = _compile(numba_look.look, numba_look.SIGNATURE)
        self.smooth_band: Callable[..., None] = _compile(numba_smoother.smooth_band, numba_smoother.SIGNATURE)
        self.band, self.patch = numba_smoother.BAND, numba_look.PATCH
        self.blank = np.zeros(numba_smoother.BLANK, np.uint8)
        self.look_scratch = Scratch((numba_look.SCRATCH, np.float32), (numba_look.SCRATCH, np.int16))
        self.band_scratch = Scratch(
            (numba_smoother.FLOATS, np.float32), (numba_smoother.SHORTS, np.uint16), (numba_smoother.WHOLE, np.int32)
        )


class RelightKernels:
    """The same of :mod:`.numba_relight`."""

    def __init__(self) -> None:
        from . import numba_relight

        self.relight_pixels: Callable[..., None] = _compile(numba_relight.relight_pixels, numba_relight.SIGNATURE)
        self.scratch = Scratch((numba_relight.FLOATS, np.float32), (numba_relight.BYTES, np.uint8))


class IlluminationKernels:
    """The same of :mod:`.numba_illumination`."""

    def __init__(self) -> None:
        from . import numba_illumination

        self.enhance_tile: Callable[..., None] = _compile(numba_illumination.enhance_tile, numba_illumination.SIGNATURE)
        self.tile = numba_illumination.TILE
        self.scratch = Scratch((numba_illumination.FLOATS, np.float32), (numba_illumination.BYTES, np.uint8))


class Scratch:
    """Arrays of zeros that each thread has for itself.

    >>> scratch = Scratch((3, np.float32), (2, np.int16))
    >>> [array.tolist() for array in scratch()]
    [[0.0, 0.0, 0.0], [0, 0]]
    >>> scratch()[0] is scratch()[0]
    True
    """

    def __init__(self, *sizes: tuple[int, Any]) -> None:
        self._sizes = sizes
        self._own = threading.local()

    def __call__(self) -> tuple[np.ndarray, ...]:
        arrays = getattr(self._own, "arrays", None)
        if arrays is None:
            arrays = tuple(_aligned(size, np.dtype(dtype)) for size, dtype in self._sizes)
            self._own.arrays = arrays
        return arrays


def _aligned(size: int, dtype: np.dtype) -> np.ndarray:
    """Vectors that straddle two lines of the cache cost a fifth of the speed."""
    memory = np.zeros(size * dtype.itemsize + CACHE_LINE, np.uint8)
    ahead = -memory.ctypes.data % CACHE_LINE
    return memory[ahead : ahead + size * dtype.itemsize].view(dtype)


def load_kernels() -> Kernels | None:
    """The kernels, compiled when first asked for; None without numba, which is said once."""
    return _once("curve", lambda: Kernels())


def load_smoother() -> SmootherKernels | None:
    """The kernels of `sgz_task` beside the others, likewise."""
    return _once("smoother", lambda: SmootherKernels())


def load_relighting() -> RelightKernels | None:
    """The kernel of the histogram methods, likewise."""
    return _once("histogram methods", lambda: RelightKernels(), otherwise="OpenCV does it, several times slower")


def load_illumination() -> IlluminationKernels | None:
    """The kernel of `sci`, likewise."""
    return _once("division by illumination", lambda: IlluminationKernels())


def _once(
    name: str, make: Callable[[], Loaded], otherwise: str = "PyTorch does it, many times slower"
) -> Loaded | None:
    with _lock:
        if name not in _loaded:
            _loaded[name] = _load(name, make, otherwise)
        return _loaded[name]


def _load(name: str, make: Callable[[], Loaded], otherwise: str) -> Loaded | None:
    try:
        importlib.import_module("numba")
    except ModuleNotFoundError:
        _log.warning("%s; meanwhile %s", missing_extra("numba", "fast", "fast enhancers"), otherwise)
        return None
    except Exception as error:  # another release of numpy than this numba knows, a broken compiler
        return _without(name, error, otherwise)
    notice = threading.Timer(PATIENCE, _log.warning, [f"compiling the fast {name}: some seconds, once on this machine"])
    notice.daemon = True
    notice.start()
    try:
        return make()
    except Exception as error:
        return _without(name, error, otherwise)
    finally:
        notice.cancel()


def _without(name: str, error: Exception, otherwise: str) -> None:
    _log.warning("numba cannot compile the fast %s (%s): %s", name, error, otherwise)


def _compile(function: Callable[..., Any], signature: Any) -> Callable[..., Any]:
    import numba

    try:
        return numba.njit(signature, nogil=True, error_model="numpy", cache=True)(function)
    except Exception:  # no folder for the cache, a full disk, a damaged file in it: compile for this process alone
        return numba.njit(signature, nogil=True, error_model="numpy")(function)
