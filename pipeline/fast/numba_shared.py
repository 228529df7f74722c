"""What the kernels have in common.

numba keeps what it has compiled for as long as the file in which a kernel stands is the same, and does not notice that
a function has changed which the kernel takes from here. So whoever changes this file touches theirs, too (or removes
`__pycache__/*.nbi`). An installation brings all files anew.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic

from .numba_vectors import fma, minus, read, read_thrice, write

LEVEL = np.float32(1 / 255)
"""What a grey level is of white."""
REPEAT = 48
"""Numbers of 16 pixels, which are enlarged at a time; so many may be written behind a line's end."""

_NEAR_ZERO = LEVEL * np.float32(1e-3)

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
def level(grey, light):
    """A grey level as a share of white, no more than all of it."""
    return min(np.float32(grey) * light, np.float32(1))


@inner
def cells(begin, end, small, large, each, way, firsts):
    """:func:`place` for the pixels from ``begin`` to ``end``.

    Returns:
        the pixel of the small ones ahead of the first, and the number of cells between two of the small ones that they
        lie in. ``way`` holds the way to go, ``each`` times for each pixel, and ``firsts`` how many pixels are ahead of
        each cell, and of what follows the last.
    """
    at, far = np.int64(0), np.int64(0)
    if large > 1:
        at, far = begin * (small - 1) // (large - 1), begin * (small - 1) % (large - 1)
    span, count = np.float32(max(large - 1, 1)), 0
    firsts[0] = 0
    for i in range(end - begin):
        way[each * i : each * (i + 1)] = np.float32(far) / span
        far += small - 1
        if far >= large - 1:
            far -= large - 1
            count += 1
            firsts[count] = i + 1
    if firsts[count] < end - begin:
        count += 1
        firsts[count] = end - begin
    return at, count


@inner
def place(i, small, large):
    """Where pixel ``i`` of ``large`` lies among ``small`` ones, corner upon corner: (the one before, the way to go)."""
    if large == 1:
        return 0, np.float32(0)
    far = i * (small - 1)
    return far // (large - 1), np.float32(far % (large - 1)) / np.float32(large - 1)


@inner
def enlarge(small, start, way, firsts, count, target, at):
    """A line of three numbers a pixel to the larger width, in :func:`cells`; ``way`` holds each way three times."""
    for j in range(count):
        a = read_thrice(small, start + 3 * j, REPEAT)
        slope = minus(read_thrice(small, start + 3 * j + 3, REPEAT), a)
        for x in range(3 * firsts[j], 3 * firsts[j + 1], REPEAT):
            write(target, at + x, fma(read(way, x, REPEAT), slope, a))


@inner
def apart(first, second, size, target):
    """What the second line has more than the first."""
    for i in range(0, size, REPEAT):
        write(target, i, minus(read(second, i, REPEAT), read(first, i, REPEAT)))


@inner
def side(line):
    """On which side of zero the curve parameters of a line are, 1 or -1; 0 if one is near it or they are on both.

    They count per grey level. On one side of zero, eight times v <- v + r (v^2 - v) is eight times z <- z^2 + c, one
    operation each, with z = r v + (1 - r) / 2. On the way back what rounding has left is divided by r.
    """
    low, high = line[0], line[0]
    for i in range(line.shape[0]):
        low, high = min(low, line[i]), max(high, line[i])
    return np.float32(1) if low > _NEAR_ZERO else np.float32(-1) if high < -_NEAR_ZERO else np.float32(0)
