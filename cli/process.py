"""What a process of its own may set for itself, and a library in somebody else's may not: memory, and waiting."""

from __future__ import annotations

import ctypes
import os

_SPINS = "10000"
"""Rounds that OpenMP's threads wait busily for more work: about a tenth of a millisecond. By default it is several
milliseconds, in which they hold the core that the enhancer behind PyTorch's network wants."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_FROM_THE_SYSTEM = 32 << 20
"""Bytes: a larger array is asked of the system; glibc comes to this figure by itself, after a while."""
_KEPT_FREE = 256 << 20
"""Bytes that are kept for the next arrays. A picture's memory that goes back to the system comes again as empty pages,
one fault for each 4 KB, which cost an enhancer more than its own work."""


def tune_process() -> None:
    """Choose what suits one picture after the other; before torch is imported, which reads the environment then.

    What the user has chosen in the environment stands.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
    if not {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"} & os.environ.keys() and _has_glibc():
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _FROM_THE_SYSTEM)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE)


def _has_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (AttributeError, ValueError, OSError):  # Windows, macOS, musl
        return False
