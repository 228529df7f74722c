"""Compiled loops: what the net of `sgz_task` sees of a picture, the picture shrunken and how noisy it is."""

from __future__ import annotations

import numba
import numpy as np

from .numba_shared import between, fetch_row, inner, lent, level, mixed

SHARED = "a74dba0ddbc0"
"""Which state of the shared files this one goes with; see :mod:`.numba_shared`."""

PATCH = 12
"""Pixels along a side of what becomes one pixel of the noise level."""

_SPAN = 64 * PATCH  # columns whose noise is measured at a time
_LINE = 3 * _SPAN
SCRATCH = 2 * _LINE
"""Numbers of scratch memory for one thread."""

SIGNATURE = numba.void(
    numba.types.Array(numba.uint8, 2, "C", readonly=True),
    numba.float32,
    numba.int64,
    numba.int64,
    numba.float32[:, ::1],
    numba.float32[:, :, ::1],
    numba.float32[::1],
    numba.int16[::1],
)


@inner
def _differences(upper, lower, light, line):
    """Two rows' difference, as shares of white or, with a ``light`` of 0, in whole grey levels."""
    if light > 0:
        for i in range(upper.shape[0]):
            line[i] = level(upper[i], light) - level(lower[i], light)
    else:
        for i in range(upper.shape[0]):
            line[i] = np.int16(np.int16(upper[i]) - np.int16(lower[i]))


@inner
def _add_details(line, count, sums):
    """Adds the size of what two pixels beside each other differ by; only every sixth number means something."""
    for i in range(count):
        detail = line.dtype.type(line[i] + line[i + 1] + line[i + 2] - line[i + 3] - line[i + 4] - line[i + 5])
        sums[i] += max(detail, line.dtype.type(-detail))


@inner
def _noise_row(image, light, unit, j, noise, line, sums):
    """A row of the noise level: the mean size of the diagonal details of the mean of the colours, in 12x12 pixels."""
    height, width = image.shape[0], image.shape[1] // 3
    rows = min(PATCH // 2, (height + 1) // 2 - PATCH // 2 * j)
    for left in range(0, width, _SPAN):
        right = min(left + _SPAN, width)
        length = 3 * (right - left)
        sums[:length] = 0
        for y in range(PATCH * j, min(PATCH * (j + 1), height - 1), 2):
            upper, lower = image[y, 3 * left : 3 * right], image[y + 1, 3 * left : 3 * right]
            if y + 3 < height:
                fetch_row(image[y + 2, 3 * left : 3 * right])
                fetch_row(image[y + 3, 3 * left : 3 * right])
            _differences(upper, lower, light, line)
            _add_details(line, length - 5, sums)
        for k in range(left // PATCH, (right + PATCH - 1) // PATCH):
            total = np.float32(0)
            for i in range(3 * (PATCH * k - left), min(3 * (PATCH * (k + 1) - left), length - 5), 6):
                total += np.float32(sums[i])
            columns = min(PATCH // 2, (width + 1) // 2 - PATCH // 2 * k)
            noise[j, k] = unit * total / np.float32(rows * columns * 6)


def look(image, light, part, parts, noise, seen, floats, shorts):
    """One of ``parts`` of what the net sees: the picture, shrunken, and how noisy it is.

    Args:
        image: uint8 (H, 3 W), the whole picture.
        light: what one grey level stands for; all above 1 is 1.
        part: which of the parts, from 0.
        parts: how many.
        noise: float32 (H / 12, W / 12), rounded up, for the noise level.
        seen: float32 (8, h, w), whose first three channels are written.
        floats: float32 (``SCRATCH``,), for the use of one thread.
        shorts: int16 (``SCRATCH``,), likewise.
    """
    image, noise, seen, floats, shorts = lent(image), lent(noise), lent(seen), lent(floats), lent(shorts)
    height, width = image.shape[0], image.shape[1] // 3
    rows, h, w = noise.shape[0], seen.shape[1], seen.shape[2]
    whole = light * np.float32(255) <= np.float32(1.000001)
    for j in range(rows * part // parts, rows * (part + 1) // parts):
        if whole:
            _noise_row(image, np.float32(0), light, j, noise, shorts[:_LINE], shorts[_LINE:])
        else:
            _noise_row(image, light, np.float32(1), j, noise, floats[:_LINE], floats[_LINE:])
    for y in range(h * part // parts, h * (part + 1) // parts):
        low, high, t = between(y, h, height)
        upper, lower = image[low], image[high]
        for x in range(w):
            before, behind, s = between(x, w, width)
            for c in range(3):
                seen[c, y, x] = mixed(upper, lower, 3 * before + c, 3 * behind + c, s, t, light)
