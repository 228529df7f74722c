"""What the kernels have in common.

numba keeps what it has compiled for as long as the file in which a kernel stands is the same, and does not notice that
a function has changed which the kernel takes from here. So each kernel's file says, in ``SHARED``, which state of this
file and the others without a kernel it goes with; a test knows what it has to be.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic

from .numba_vectors import fetch

inner = numba.njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})
"""For a function that is compiled as part of a kernel."""


@intrinsic
def lent(context: Any, array: Any = None) -> Any:  # numba gives the context
    """The same array for a loop that does not own it, so that no slice of it is counted."""

    def generate(context, builder, signature, arguments):
        view = context.make_array(array)(context, builder, arguments[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        return view._getvalue()

    return array(array), generate


@inner
def fetch_row(row):
    """Have a row of uint8 fetched from the memory; a processor does not see a new row coming by itself."""
    for i in range(0, row.shape[0], 64):
        fetch(row, i)


@inner
def level(grey, light):
    """A grey level as a share of white, no more than all of it."""
    return min(np.float32(grey) * light, np.float32(1))


@inner
def place(i, small, large):
    """Where pixel ``i`` of ``large`` lies among ``small`` ones, corner upon corner: (the one before, the way to go)."""
    if large == 1:
        return 0, np.float32(0)
    far = i * (small - 1)
    return far // (large - 1), np.float32(far % (large - 1)) / np.float32(large - 1)


@inner
def between(i, small, large):
    """Where pixel ``i`` of ``small`` lies among ``large`` ones, centres upon centres of what each covers.

    Returns:
        the one before, the one behind, the way to go.
    """
    half = np.float32(0.5)
    at = max(np.float32(large / small) * (np.float32(i) + half) - half, np.float32(0))
    before = min(int(at), large - 1)
    return before, min(before + 1, large - 1), at - np.float32(before)


@inner
def mixed(upper, lower, left, right, across, down, light):
    """A colour between those at ``left`` and ``right`` of two rows, bilinear, as a share of white."""
    a, b = level(upper[left], light), level(upper[right], light)
    d, e = level(lower[left], light), level(lower[right], light)
    above = a + across * (b - a)
    below = d + across * (e - d)
    return above + down * (below - above)


@inner
def join_colours(red, green, blue, colours):
    """Three rows of numbers as one of pixels."""
    for i in range(red.shape[0]):
        at = np.uint64(3) * np.uint64(i)  # places without a sign need no check for negative ones
        colours[at] = red[i]
        colours[at + np.uint64(1)] = green[i]
        colours[at + np.uint64(2)] = blue[i]
