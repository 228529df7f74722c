"""What the kernels do with a curve's parameters: enlarge them, and go along the curve.

As with :mod:`.numba_shared`, numba does not notice when this file changes; see there.
"""

from __future__ import annotations

import numpy as np

from .numba_shared import inner
from .numba_vectors import fma, minus, over, plus, read, read_thrice, smaller, splat, times, write

LEVEL = np.float32(1 / 255)
"""What a grey level is of white; as much of the parameters is what counts per grey level."""
VECTOR = 16
BLOCK = 48
"""Numbers of 16 pixels, which are worked on at a time; lines have room for as many behind their end."""

_NEAR_ZERO = LEVEL * np.float32(1e-3)


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
def enlarge(small, start, way, firsts, count, target, at):
    """A line of three numbers a pixel to the larger width, in :func:`cells`; ``way`` holds each way three times."""
    for j in range(count):
        a = read_thrice(small, start + 3 * j, BLOCK)
        slope = minus(read_thrice(small, start + 3 * j + 3, BLOCK), a)
        for x in range(3 * firsts[j], 3 * firsts[j + 1], BLOCK):
            write(target, at + x, fma(read(way, x, BLOCK), slope, a))


@inner
def apart(first, second, size, target):
    """What the second line has more than the first."""
    for i in range(0, size, BLOCK):
        write(target, i, minus(read(second, i, BLOCK), read(first, i, BLOCK)))


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


@inner
def _straight(r):
    """What a curve with parameter ``r`` is computed with where that is nowhere near zero: (1 - r) / 2, and c."""
    middle = fma(r, splat(np.float32(-127.5), VECTOR), splat(np.float32(0.5), VECTOR))
    return middle, minus(middle, times(middle, middle))


@inner
def along(u, v, w, a, b, c, steady):
    """Eight times v <- v + r (v^2 - v), in grey levels, of three vectors by turns; see :func:`side`."""
    half, far, one = splat(np.float32(0.5), VECTOR), splat(np.float32(-255), VECTOR), splat(np.float32(1), VECTOR)
    if steady:
        p, d = _straight(a)
        q, e = _straight(b)
        r, f = _straight(c)
        u, v, w = fma(a, u, p), fma(b, v, q), fma(c, w, r)
        for _ in range(8):
            u, v, w = fma(u, u, d), fma(v, v, e), fma(w, w, f)
        u, v, w = over(minus(u, p), a), over(minus(v, q), b), over(minus(w, r), c)
    else:
        p, q, r = fma(a, far, one), fma(b, far, one), fma(c, far, one)
        for _ in range(8):
            u, v, w = times(u, fma(a, u, p)), times(v, fma(b, v, q)), times(w, fma(c, w, r))
    return plus(u, half), plus(v, half), plus(w, half)


@inner
def parameter(curve, slope, t, i):
    return fma(splat(t, VECTOR), read(slope, i, VECTOR), read(curve, i, VECTOR))


@inner
def grey(source, gain, i):
    """Grey levels of a row, ``gain`` times as bright, no more than white."""
    return smaller(times(read(source, i, VECTOR), splat(gain, VECTOR)), splat(np.float32(255), VECTOR))
