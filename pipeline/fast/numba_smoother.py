"""Compiled loops: the guided filter and the curve of `sgz_task` on a band of a picture's rows, uint8 to uint8.

A band is walked downwards, a strip of columns at a time. Sums over 9x9 windows go down the columns first and then along
the rows: nine as three times three or, where numbers are exact, by adding the row that comes and taking away the one
that goes. So nothing depends on where bands and strips begin. Colours stay interleaved: their neighbours are three
numbers away. Lines begin ``MARGIN`` pixels ahead of the strip and hold zeros outside the picture.

    row y + 8   luma and its square, sums of three rows; the colours' sums over nine rows, those around row y + 4
    row y + 4   variance in the window, the share of the detail that is kept; sums of the colours' sums, around row y
    row y       mean share, mean of mean colours, the curve
"""

from __future__ import annotations

import numba
import numpy as np

from .numba_shared import inner, lent, level, place

RADIUS = 4
MARGIN = 2 * RADIUS
"""Pixels that the two box filters see on each side."""
STRIP = 1280
"""The most columns of the picture in a strip."""
BAND = 256
"""The most rows of the picture in a band, each of which goes through ``2 * MARGIN`` rows more (not along the curve)."""

_CHUNK = 64
_LINE = STRIP + 2 * MARGIN + 2 * _CHUNK
_WIDE = 3 * _LINE
# Rows that are kept: of sums of three, of which those 3 and 6 rows above are wanted, and of what is summed as it comes
# and goes, the latter 9 rows later. Row y lies at y modulo their number, and of luma at y modulo 4.
_RING, _LONG = 8, 10

# Which lines of one number a pixel are whose.
_LUMA, _THREES, _SQUARES, _SHARES, _NONE = 0, 4, 12, 20, 30
_SHARE_SUM, _SUM_A, _SUM_B, _ACROSS_A, _ACROSS_B, _NORM, _SIGMAS, _WAY = 31, 32, 33, 34, 35, 36, 37, 39
_LINES = 40
# And of three numbers a pixel.
_CURVES, _KEPT, _PART, _MEANS, _PART_AGAIN, _NORMS, _WEIGHED = 0, 2, 3, 4, 5, 6, 7
_WIDES = 8
# Then the colours' sums, in whole numbers or, of a brightened picture, in parts of them: of sums, of three of these,
# of the rows of the ring, of nothing.
_DOUBLE, _TRIPLE, _NINES = 0, 1, 2
_NOTHING = _NINES + _LONG
_SUMS = _NOTHING + 1

BLANK = 3 * (STRIP + 2 * MARGIN)
FLOATS = _LINES * _LINE + (_WIDES + _SUMS) * _WIDE
SHORTS = _SUMS * _WIDE
WHOLE = STRIP + 2 * MARGIN
"""Numbers of scratch memory for one thread."""

_COARSE = np.float32(8)
"""Adding it leaves 20 bits behind the point, of which a float holds sums over nine rows exactly."""
_STEP = np.float32(512)
"""Parts of a grey level to which brightened pictures are rounded for their sums, which are exact then."""

SIGNATURE = numba.void(
    numba.types.Array(numba.uint8, 2, "C", readonly=True),
    numba.uint8[:, ::1],
    numba.float32,
    numba.float32[:, :, ::1],
    numba.float32,
    numba.float32,
    numba.int64,
    numba.int64,
    numba.types.Array(numba.uint8, 1, "C", readonly=True),
    numba.float32[::1],
    numba.uint16[::1],
    numba.int32[::1],
)


@inner
def _places(first, small, large, low, way):
    """:func:`place` for the pixels from ``first`` on."""
    at, far = 0, 0
    if large > 1:
        at, far = first * (small - 1) // (large - 1), first * (small - 1) % (large - 1)
    share = np.float32(1) / np.float32(max(large - 1, 1))
    for i in range(low.shape[0]):
        low[i], way[i] = at, np.float32(far) * share
        far += small - 1
        if far >= large - 1:
            far -= large - 1
            at += 1


# The colours' sums


@inner
def _rounded(grey, step):
    """A brightened grey level in parts of which a float holds sums exactly."""
    return np.floor(min(np.float32(grey) * step, np.float32(255) * _STEP) + np.float32(0.5))


@inner
def _slide(fresh, stale, step, before, sums):
    """Sums over nine rows from those one row further up, of whole grey levels or, with a ``step``, of parts of them."""
    size = sums.shape[0]
    body, tail = size // _CHUNK * _CHUNK, max(size - _CHUNK, 0)
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
def _slide_twice(fresh, stale, sums, count):
    """The same with sums for rows, in place."""
    for i in range(count):
        sums[i] = sums.dtype.type(sums[i] + fresh[i] - stale[i])


@inner
def _weigh(rows, first, last, height, sums, count):
    """Sums of sums near the picture's upper and lower border, where they are over fewer than nine rows each."""
    for y in range(first, last):
        share = np.float32(2 * RADIUS + 1) / np.float32(_number(y, height))
        row = rows[y % _LONG]
        if y == first:
            for i in range(count):
                sums[i] = share * np.float32(row[i])
        else:
            for i in range(count):
                sums[i] += share * np.float32(row[i])


@inner
def _number(i, size):
    """How many of the pixels up to ``RADIUS`` away there are."""
    return min(i + RADIUS, size - 1) - max(i - RADIUS, 0) + 1


@inner
def _set_norms(norms, begin, lo, hi, width, each):
    """One over the number of columns in the windows, ``each`` times; 0 outside the picture."""
    norms[: each * lo] = 0
    norms[each * lo : each * hi] = np.float32(1) / np.float32(2 * RADIUS + 1)
    norms[each * hi :] = 0
    for i in range(lo, hi):
        if RADIUS <= begin + i < width - RADIUS:
            continue
        norms[each * i : each * (i + 1)] = np.float32(1) / np.float32(_number(begin + i, width))


# Sums


@inner
def _add_three(a, b, c, sums, count):
    for i in range(count):
        sums[i] = a[i] + b[i] + c[i]


@inner
def _threes(a, b, c, sums, squares, count):
    """Of three rows and of their squares."""
    for i in range(count):
        sums[i] = a[i] + b[i] + c[i]
        squares[i] = a[i] * a[i] + b[i] * b[i] + c[i] * c[i]


@inner
def _three_beside(line, sums, count):
    for i in range(count):
        sums[i] = line[i] + line[i + 1] + line[i + 2]


@inner
def _three_by_nine(lines, ring, k, sums, across, count):
    """Of the three columns from each one on and the nine rows up to row ``k``."""
    a, b, c = lines[ring + k % _RING], lines[ring + (k - 3) % _RING], lines[ring + (k - 6) % _RING]
    _add_three(a, b, c, sums, count)
    _three_beside(sums, across, count)


@inner
def _three_pixels(line, sums, count):
    for i in range(count):
        sums[i] = sums.dtype.type(line[i] + line[i + 3] + line[i + 6])


@inner
def _nine_pixels(threes, norms, means, count):
    """Of nine pixels of three numbers, from sums of three."""
    for i in range(count):
        sums = np.float32(threes[i]) + np.float32(threes[i + 9]) + np.float32(threes[i + 18])
        means[i] = sums * norms[i]


@inner
def _mean_twice(twice, threes, norms, wides, count, near):
    """Sums of three for the last means, of the means in windows, from the sums of sums down the columns."""
    _three_pixels(twice, threes, count)
    _nine_pixels(threes, norms[3 * RADIUS :], wides[_MEANS], near)
    _three_pixels(wides[_MEANS], wides[_PART_AGAIN], near)


# Pixels


@inner
def _luma(source, light, line):
    for i in range(line.shape[0]):
        red, green, blue = source[3 * i], source[3 * i + 1], source[3 * i + 2]
        mixed = np.float32(0.299) * level(red, light) + np.float32(0.587) * level(green, light)
        line[i] = mixed + np.float32(0.114) * level(blue, light)


@inner
def _share(sums, squares, norms, norm, upper, lower, t, share, count):
    """The share of the detail that is kept, from sums of three and the standard deviation of noise."""
    for i in range(count):
        number = norms[i] * norm
        mean = (sums[i] + sums[i + 3] + sums[i + 6]) * number
        square = (squares[i] + squares[i + 3] + squares[i + 6]) * number
        variance = max(square - mean * mean, np.float32(0)) + np.float32(1e-7)
        sigma = upper[i] + t * (lower[i] - upper[i])
        share[i] = (variance / (variance + sigma * sigma) + _COARSE) - _COARSE


@inner
def _spread(threes, norms, norm, kept, count):
    """The mean share, from sums of three, once for each colour."""
    for i in range(count):
        share = (threes[i] + threes[i + 3] + threes[i + 6]) * (norms[i] * norm)
        kept[3 * i] = share
        kept[3 * i + 1] = share
        kept[3 * i + 2] = share


@inner
def _curve(source, light, wides, norm, upper, lower, t, target, start, stop):
    """The smoothed colours, and eight times v <- v + r (v^2 - v) = v (r v + 1 - r)."""
    source, target = source[start:stop], target[start:stop]
    upper, lower, kept = upper[start:], lower[start:], wides[_KEPT, start:]
    threes, norms = wides[_PART_AGAIN, start:], wides[_NORMS, 3 * MARGIN + start :]
    for k in range(target.shape[0]):
        mean = (threes[k] + threes[k + 9] + threes[k + 18]) * (norms[k] * norm)
        v = mean + kept[k] * (level(source[k], light) - mean)
        r = upper[k] + t * (lower[k] - upper[k])
        keep = np.float32(1) - r
        for _ in range(8):
            v = v * (r * v + keep)
        target[k] = np.uint8(v * np.float32(255) + np.float32(0.5))


@inner
def _curve_line(maps, k, restraint, low, weight, target):
    """A line of the curve parameters along the picture's width, colours interleaved as the picture's."""
    last = maps.shape[2] - 1
    for c in range(3):
        line = maps[c, k]
        for i in range(low.shape[0]):
            a = line[low[i]]
            target[3 * i + c] = restraint * (a + weight[i] * (line[min(low[i] + 1, last)] - a))


@inner
def _sigma_line(maps, k, most, low, weight, target):
    """Likewise of the standard deviation of noise."""
    line, last = maps[3, k], maps.shape[2] - 1
    for i in range(low.shape[0]):
        a = line[low[i]]
        target[i] = most * (np.float32(1) + a + weight[i] * (line[min(low[i] + 1, last)] - a))


@inner
def _up(count):
    """Rounded up to whole chunks."""
    return (count + _CHUNK - 1) // _CHUNK * _CHUNK


@inner
def _strip(image, out, light, step, maps, most, restraint, top, bottom, left, right, blank, lines, wides, sums, low):
    """Columns ``left`` to ``right`` of a band, with sums of whole grey levels or, if there is a ``step``, of parts."""
    height, width = image.shape[0], image.shape[1] // 3
    h, w = maps.shape[1], maps.shape[2]
    # The columns of the picture among those that are looked at, which begin at left - MARGIN.
    begin, wanted = left - MARGIN, right - left
    lo, hi = max(-begin, 0), min(right + MARGIN, width) - begin
    near_lo, near_hi = max(lo - RADIUS, 0), min(hi, wanted + 3 * RADIUS) - RADIUS  # counted from left - RADIUS
    count, near, here = _up(wanted + 2 * MARGIN), _up(wanted + MARGIN), _up(wanted)
    count3, near3 = _up(3 * wanted + 6 * MARGIN), _up(3 * wanted + 3 * MARGIN)
    norms, norms3, way = lines[_NORM], wides[_NORMS], lines[_WAY]
    _set_norms(norms, begin, lo, hi, width, 1)
    _set_norms(norms3, begin, lo, hi, width, 3)
    _places(begin + lo, w, width, low[lo:hi], way[lo:hi])
    lines[_LUMA : _LUMA + 4] = 0
    lines[_NONE : _SHARE_SUM + 1] = 0
    sums[:] = 0
    unit = light if step == 0 else np.float32(1) / (np.float32(255) * _STEP)
    held_sigma, held_curve = np.int64(-2), np.int64(-2)
    from_, to = 3 * (begin + lo), 3 * (begin + hi)
    for k in range(top - MARGIN, bottom + MARGIN):
        middle, y, gone = k - RADIUS, k - MARGIN, k - 2 * RADIUS - 1
        fresh = image[k, from_:to] if 0 <= k < height else blank[: to - from_]
        stale = image[gone, from_:to] if gone >= max(top - MARGIN, 0) else blank[: to - from_]
        _luma(fresh, light, lines[_LUMA + k % 4, lo:hi])
        a, b, c = lines[_LUMA + k % 4], lines[_LUMA + (k - 1) % 4], lines[_LUMA + (k - 2) % 4]
        _threes(a, b, c, lines[_THREES + k % _RING], lines[_SQUARES + k % _RING], count)
        old, new = sums[_NINES + (middle - 1) % _LONG], sums[_NINES + middle % _LONG]
        _slide(fresh, stale, step, old[3 * lo : 3 * hi], new[3 * lo : 3 * hi])
        if middle < top - RADIUS:
            continue
        share = lines[_SHARES + middle % _LONG]
        if 0 <= middle < height:
            line, t = place(middle, h, height)
            if line != held_sigma:
                for m in range(line if line == held_sigma + 1 else line - 1, min(line + 1, h - 1)):
                    _sigma_line(maps, m + 1, most, low[lo:hi], way[lo:hi], lines[_SIGMAS + (m + 1) % 2, lo:hi])
                held_sigma = line
            upper, lower = lines[_SIGMAS + line % 2, RADIUS:], lines[_SIGMAS + min(line + 1, h - 1) % 2, RADIUS:]
            _three_by_nine(lines, _THREES, k, lines[_SUM_A], lines[_ACROSS_A], count)
            _three_by_nine(lines, _SQUARES, k, lines[_SUM_B], lines[_ACROSS_B], count)
            norm = np.float32(1) / np.float32(_number(middle, height))
            _share(lines[_ACROSS_A], lines[_ACROSS_B], norms[RADIUS:], norm, upper, lower, t, share, near)
            share[:near_lo] = 0
            share[near_hi : near + _CHUNK] = 0
        else:
            share[:] = 0
        come = _NINES + middle % _LONG if 0 <= middle < height else _NOTHING
        over = middle - 2 * RADIUS - 1
        go = _NINES + over % _LONG if over >= max(top - RADIUS, 0) else _NOTHING
        _slide_twice(sums[come], sums[go], sums[_DOUBLE], count3)
        go = _SHARES + over % _LONG if over >= top - RADIUS else _NONE
        _slide_twice(share, lines[go], lines[_SHARE_SUM], near)
        if y < top:
            continue
        line, t = place(y, h, height)
        if line != held_curve:
            for m in range(line if line == held_curve + 1 else line - 1, min(line + 1, h - 1)):
                ends = slice(MARGIN, MARGIN + wanted)
                _curve_line(maps, m + 1, restraint, low[ends], way[ends], wides[_CURVES + (m + 1) % 2])
            held_curve = line
        upper, lower = wides[_CURVES + line % 2], wides[_CURVES + min(line + 1, h - 1) % 2]
        _three_beside(lines[_SHARE_SUM], lines[_ACROSS_A], near)
        norm = np.float32(1) / np.float32(_number(y, height))
        _spread(lines[_ACROSS_A], norms[MARGIN:], norm, wides[_KEPT], here)
        if 2 * RADIUS <= y < height - 2 * RADIUS:
            _mean_twice(sums[_DOUBLE], sums[_TRIPLE], norms3, wides, count3, near3)
        else:
            _weigh(sums[_NINES:], max(y - RADIUS, 0), min(y + RADIUS + 1, height), height, wides[_WEIGHED], count3)
            _mean_twice(wides[_WEIGHED], wides[_PART], norms3, wides, count3, near3)
        norm *= unit / np.float32(2 * RADIUS + 1)
        source, target = image[y, 3 * left : 3 * right], out[y, 3 * left : 3 * right]
        body = 3 * wanted // _CHUNK * _CHUNK
        _curve(source, light, wides, norm, upper, lower, t, target, 0, body)
        if body < 3 * wanted:
            _curve(source, light, wides, norm, upper, lower, t, target, max(3 * wanted - _CHUNK, 0), 3 * wanted)


def smooth_band(image, out, light, maps, most, restraint, top, bottom, blank, floats, shorts, low):
    """Smooth and brighten some rows of a picture.

    Args:
        image: uint8 (H, 3 W), the whole picture.
        out: uint8 (H, 3 W), for the result.
        light: what one grey level stands for; all above 1 is 1.
        maps: float32 (4, h, w), what the net gave.
        most: half the largest standard deviation of noise.
        restraint: the share of the curve parameters that is applied.
        top, bottom: the rows.
        blank: uint8 (``BLANK``,), zeros.
        floats: float32 (``FLOATS``,), for the use of one thread.
        shorts: uint16 (``SHORTS``,), likewise.
        low: int32 (``WHOLE``,), likewise.
    """
    image, out, maps, blank = lent(image), lent(out), lent(maps), lent(blank)
    floats, shorts, low = lent(floats), lent(shorts), lent(low)
    width = image.shape[1] // 3
    lines, rest = floats[: _LINES * _LINE].reshape(_LINES, _LINE), floats[_LINES * _LINE :]
    wides, rest = rest[: _WIDES * _WIDE].reshape(_WIDES, _WIDE), rest[_WIDES * _WIDE :]
    strips = (width + STRIP - 1) // STRIP
    for i in range(strips):
        left, right = width * i // strips, width * (i + 1) // strips
        if light * np.float32(255) <= np.float32(1.000001):
            sums = shorts.reshape(_SUMS, _WIDE)
            step = np.float32(0)
            _strip(
                image, out, light, step, maps, most, restraint, top, bottom, left, right, blank, lines, wides, sums, low
            )
        else:
            parts = rest[: _SUMS * _WIDE].reshape(_SUMS, _WIDE)
            step = light * np.float32(255) * _STEP
            _strip(
                image,
                out,
                light,
                step,
                maps,
                most,
                restraint,
                top,
                bottom,
                left,
                right,
                blank,
                lines,
                wides,
                parts,
                low,
            )
