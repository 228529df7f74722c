"""Sums over windows of nine rows and columns, whole at the picture's borders, for the guided filter of `sgz_task`.

As with :mod:`.numba_shared`, numba does not notice when this file changes; see there.
"""

from __future__ import annotations

import numpy as np

from .numba_shared import inner
from .numba_vectors import plus, slid

RADIUS = 4
CHUNK = 64
"""Numbers that lines are rounded up to, and worked on at a time."""
LONG = 10
"""Rows that are kept of what is summed as it comes and goes, the latter 9 rows later; row y lies at y modulo it."""
STEP = np.float32(512)
"""Parts of a grey level to which brightened pictures are rounded for their sums, which are exact then."""


# Down the columns


@inner
def _rounded(grey, step):
    """A brightened grey level in parts of which a float holds sums exactly."""
    return np.floor(min(np.float32(grey) * step, np.float32(255) * STEP) + np.float32(0.5))


@inner
def slide(fresh, stale, step, before, sums):
    """Sums over nine rows from those one row further up, of whole grey levels or, with a ``step``, of parts of them."""
    size = sums.shape[0]
    body, tail = size // CHUNK * CHUNK, max(size - CHUNK, 0)
    _slide_part(fresh[:body], stale[:body], step, before[:body], sums[:body])
    _slide_part(fresh[tail:], stale[tail:], step, before[tail:], sums[tail:])


@inner
def _slide_part(fresh, stale, step, before, sums):
    if step == 0:
        for i in range(sums.shape[0]):
            sums[i] = np.uint16(np.uint16(before[i]) + fresh[i] - stale[i])
    else:
        for i in range(sums.shape[0]):
            sums[i] = before[i] + (_rounded(fresh[i], step) - _rounded(stale[i], step))


@inner
def slide_twice(fresh, stale, sums, count):
    """The same with sums for rows, in place."""
    for i in range(count):
        sums[i] = sums.dtype.type(sums[i] + fresh[i] - stale[i])


@inner
def weigh(rows, first, last, height, sums, count):
    """Sums of sums near the picture's upper and lower border, where they are over fewer than nine rows each."""
    for y in range(first, last):
        share = np.float32(2 * RADIUS + 1) / np.float32(window_size(y, height))
        row = rows[y % LONG]
        if y == first:
            for i in range(count):
                sums[i] = share * np.float32(row[i])
        else:
            for i in range(count):
                sums[i] += share * np.float32(row[i])


@inner
def window_size(i, size):
    """How many of the pixels up to ``RADIUS`` away there are."""
    return min(i + RADIUS, size - 1) - max(i - RADIUS, 0) + 1


@inner
def set_norms(norms, begin, lo, hi, width, each):
    """One over the number of columns in the windows, ``each`` times; 0 outside the picture."""
    norms[: each * lo] = 0
    norms[each * lo : each * hi] = np.float32(1) / np.float32(2 * RADIUS + 1)
    norms[each * hi :] = 0
    for i in range(lo, hi):
        if RADIUS <= begin + i < width - RADIUS:
            continue
        norms[each * i : each * (i + 1)] = np.float32(1) / np.float32(window_size(begin + i, width))


# Along a row


@inner
def threes(a, b, c, sums, squares, count):
    """Sums of three rows and of their squares."""
    for i in range(count):
        sums[i] = a[i] + b[i] + c[i]
        squares[i] = a[i] * a[i] + b[i] * b[i] + c[i] * c[i]


@inner
def sum_3(a, b):
    """Of each three numbers beside each other; ``b`` goes on where ``a`` ends."""
    return plus(plus(a, slid(a, b, 1)), slid(a, b, 2))


@inner
def sum_3_thirds(a, b):
    """Of three numbers of which each is three further on."""
    return plus(plus(a, slid(a, b, 3)), slid(a, b, 6))


@inner
def sum_3_ninths(a, b):
    """Of three numbers of which each is nine further on."""
    return plus(plus(a, slid(a, b, 9)), slid(a, b, 18))
