"""Compiled loops: the guided filter and the curve of `sgz_task` on a band of a picture's rows, uint8 to uint8.

A band is walked downwards, a strip of columns at a time. Sums over 9x9 windows go down the columns first and then along
the rows: nine as three times three or, where numbers are exact, by adding the row that comes and taking away the one
that goes. So nothing depends on where bands and strips begin. Colours stay interleaved: their neighbours are three
numbers away. Along a row, numbers that are to be added come together by sliding vectors over one another, so that a
line is read once however wide the window. Lines begin ``MARGIN`` pixels ahead of the strip and hold zeros outside the
picture.

    row y + 8   luma and its square, sums of three rows; the colours' sums over nine rows, those around row y + 4
    row y + 4   variance in the window, the share of the detail that is kept; sums of the colours' sums, around row y
    row y       mean share, mean of mean colours, the curve
"""

from __future__ import annotations

import numba
import numpy as np

from .numba_curve import BLOCK, LEVEL, VECTOR, along, apart, cells, enlarge, grey, parameter, side
from .numba_shared import fetch_row, inner, lent, level, place
from .numba_vectors import (
    fma,
    larger,
    minus,
    over,
    plus,
    read,
    read_often,
    read_third,
    smaller,
    splat,
    thrice,
    times,
    write,
)
from .numba_windows import (
    CHUNK,
    LONG,
    RADIUS,
    STEP,
    set_norms,
    slide,
    slide_twice,
    sum_3,
    sum_3_ninths,
    sum_3_thirds,
    threes,
    weigh,
    window_size,
)

SHARED = "a74dba0ddbc0"
"""Which state of the shared files this one goes with; see :mod:`.numba_shared`."""

MARGIN = 2 * RADIUS
"""Pixels that the two box filters see on each side."""
STRIP = 1280
"""The most columns of the picture in a strip."""
BAND = 256
"""The most rows of the picture in a band, each of which goes through ``2 * MARGIN`` rows more (not along the curve)."""

_LINE = STRIP + 2 * MARGIN + 2 * CHUNK
_WIDE = 3 * _LINE
# Rows that are kept of sums of three, of which those 3 and 6 rows above are wanted. Row y lies at y modulo their
# number, and of luma at y modulo 4.
_RING = 8

# Which lines of one number a pixel are whose.
_LUMA, _THREES, _SQUARES, _SHARES, _NONE = 0, 4, 12, 20, 30
_SHARE_SUM, _NORM, _SIGMAS, _SIGMA_SLOPE, _WAY, _SMALL, _SIDES = 31, 32, 33, 35, 36, 37, 38
_LINES = 39
# And of three numbers a pixel.
_CURVES, _SLOPE, _WAYS, _FEW, _NORMS, _WEIGHED, _MEANS, _SPARE = 0, 2, 3, 4, 5, 6, 7, 8
_WIDES = 9
# Then the colours' sums, in whole numbers or, of a brightened picture, in parts of them: of sums, of the rows of the
# ring, of nothing.
_DOUBLE, _NINES = 0, 1
_NOTHING = _NINES + LONG
_SUMS = _NOTHING + 1

BLANK = 3 * (STRIP + 2 * MARGIN)
FLOATS = _LINES * _LINE + (_WIDES + _SUMS) * _WIDE
SHORTS = _SUMS * _WIDE
WHOLE = 2 * (STRIP + 2 * MARGIN + 1)
"""Numbers of scratch memory for one thread."""

_LONG_VECTOR = 2 * VECTOR
_COARSE = np.float32(8)
"""Adding it leaves 20 bits behind the point, of which a float holds sums over nine rows exactly."""

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


# Along a row


@inner
def _sum_3_rows(a, b, c, i):
    return plus(plus(read(a, i, VECTOR), read(b, i, VECTOR)), read(c, i, VECTOR))


@inner
def _luma(source, light, line):
    count = line.shape[0]
    whole = count // VECTOR * VECTOR
    factor, white = splat(light, VECTOR), splat(np.float32(1), VECTOR)
    for i in range(0, whole, VECTOR):
        red = smaller(times(read_third(source, 3 * i, 0), factor), white)
        green = smaller(times(read_third(source, 3 * i, 1), factor), white)
        blue = smaller(times(read_third(source, 3 * i, 2), factor), white)
        mixed = fma(splat(np.float32(0.299), VECTOR), red, times(splat(np.float32(0.587), VECTOR), green))
        write(line, i, fma(splat(np.float32(0.114), VECTOR), blue, mixed))
    for i in range(whole, count):
        mixed = np.float32(0.299) * level(source[3 * i], light) + np.float32(0.587) * level(source[3 * i + 1], light)
        line[i] = mixed + np.float32(0.114) * level(source[3 * i + 2], light)


# The processor looks only so far ahead in search of something to do. So the steps that a line goes through are taken
# with different parts of it at the same time, each with what the one before has given in an earlier turn.


@inner
def _share(lines, k, norms, norm, sigmas, slope, t, share, count):
    """The share of the detail that is kept, of row ``k - RADIUS``, from the standard deviation of noise."""
    a, b, c = k % _RING, (k - 3) % _RING, (k - 6) % _RING
    sum_a, sum_b, sum_c = lines[_THREES + a], lines[_THREES + b], lines[_THREES + c]
    square_a, square_b, square_c = lines[_SQUARES + a], lines[_SQUARES + b], lines[_SQUARES + c]
    tiny, coarse = splat(np.float32(1e-7), VECTOR), splat(_COARSE, VECTOR)
    rows, way, nothing = splat(norm, VECTOR), splat(t, VECTOR), splat(np.float32(0), VECTOR)
    x = x_next = y = y_next = nothing
    s = s_next = q = q_next = variance = nothing
    for i in range(-5 * VECTOR, count, VECTOR):
        if i >= 0:
            sigma = fma(way, read(slope, i, VECTOR), read(sigmas, i, VECTOR))
            kept = over(variance, fma(sigma, sigma, variance))
            write(share, i, minus(plus(kept, coarse), coarse))
        number = times(read(norms, max(i + VECTOR, 0), VECTOR), rows)
        mean, square = times(sum_3_thirds(s, s_next), number), times(sum_3_thirds(q, q_next), number)
        variance = plus(larger(minus(square, times(mean, mean)), nothing), tiny)
        s, s_next = s_next, sum_3(x, x_next)
        q, q_next = q_next, sum_3(y, y_next)
        x, x_next = x_next, _sum_3_rows(sum_a, sum_b, sum_c, i + 5 * VECTOR)
        y, y_next = y_next, _sum_3_rows(square_a, square_b, square_c, i + 5 * VECTOR)


@inner
def _mean_twice(twice, norms, unit, means, size):
    """Means of the means in windows, from sums of sums down the columns."""
    scale = splat(unit, _LONG_VECTOR)
    nothing = splat(np.float32(0), _LONG_VECTOR)
    x = x_next = s = s_next = nines = nothing
    m = m_next = p = p_next = nothing
    for i in range(-9 * _LONG_VECTOR, size, _LONG_VECTOR):
        if i >= 0:
            share = times(read(norms, i + 3 * MARGIN, _LONG_VECTOR), scale)
            write(means, i, times(sum_3_ninths(p, p_next), share))
        p, p_next = p_next, sum_3_thirds(m, m_next)
        m, m_next = m_next, times(nines, read(norms, max(i + 4 * _LONG_VECTOR, 0) + 3 * RADIUS, _LONG_VECTOR))
        nines = sum_3_ninths(s, s_next)
        s, s_next = s_next, sum_3_thirds(x, x_next)
        x, x_next = x_next, read(twice, i + 9 * _LONG_VECTOR, _LONG_VECTOR)


@inner
def _towards(source, gain, means, kept, i):
    """Numbers of a row, as far towards their mean as the share of the detail says."""
    mean = read(means, i, VECTOR)
    return fma(kept, minus(grey(source, gain, i), mean), mean)


@inner
def _brighten_blocks(source, gain, shares, norms, norm, means, curve, slope, t, steady, target, blocks):
    last = read(shares, VECTOR, VECTOR)
    sums = sum_3(read(shares, 0, VECTOR), last)
    for block in range(blocks):
        at, i = block * VECTOR, block * BLOCK
        fresh = read(shares, at + 2 * VECTOR, VECTOR)
        next_sums = sum_3(last, fresh)
        kept = times(sum_3_thirds(sums, next_sums), times(read(norms, at, VECTOR), splat(norm, VECTOR)))
        last, sums = fresh, next_sums
        j, k = i + VECTOR, i + 2 * VECTOR
        u = _towards(source, gain, means, thrice(kept, 0), i)
        v = _towards(source, gain, means, thrice(kept, 1), j)
        w = _towards(source, gain, means, thrice(kept, 2), k)
        a, b, c = parameter(curve, slope, t, i), parameter(curve, slope, t, j), parameter(curve, slope, t, k)
        u, v, w = along(u, v, w, a, b, c, steady)
        write(target, i, u)
        write(target, j, v)
        write(target, k, w)


@inner
def _brighten(source, gain, shares, norms, norm, means, curve, slope, t, steady, spare, target):
    """A row: its colours towards their mean, as far as the share of the detail says, and along the curve."""
    blocks = source.shape[0] // BLOCK
    done = blocks * BLOCK
    _brighten_blocks(source, gain, shares, norms, norm, means, curve, slope, t, steady, target, blocks)
    rest = source.shape[0] - done
    if rest:
        spare[:rest] = source[done:]
        shares, norms, means = shares[done // 3 :], norms[done // 3 :], means[done:]
        _brighten_blocks(spare, gain, shares, norms, norm, means, curve[done:], slope[done:], t, steady, spare, 1)
        for i in range(rest):
            target[done + i] = np.uint8(spare[i])


@inner
def _curve_line(maps, k, restraint, first, count, way, firsts, small, line):
    """A line of the curve parameters along the picture's width, colours interleaved as the picture's."""
    last = min(count + 1, maps.shape[2] - first)
    for c in range(3):
        for i in range(last):
            small[3 * i + c] = restraint * maps[c, k, first + i] * LEVEL
    small[3 * last : 3 * last + 4] = 0  # read behind the last one, though with no weight
    enlarge(small, 0, way, firsts, count, line, 0)
    return side(small[: 3 * last])


@inner
def _sigma_line(maps, k, most, first, count, way, firsts, small, line):
    """Likewise of the standard deviation of noise."""
    last = min(count + 1, maps.shape[2] - first)
    for i in range(last):
        small[i] = most * (np.float32(1) + maps[3, k, first + i])
    small[last] = 0
    for i in range(count):
        a = read_often(small, i, VECTOR)
        slope = minus(read_often(small, i + 1, VECTOR), a)
        for x in range(firsts[i], firsts[i + 1], VECTOR):
            write(line, x, fma(read(way, x, VECTOR), slope, a))


@inner
def _up(count):
    """Rounded up to whole chunks."""
    return (count + CHUNK - 1) // CHUNK * CHUNK


@inner
def _strip(image, out, light, step, maps, most, restraint, top, bottom, left, right, blank, lines, wides, sums, low):
    """Columns ``left`` to ``right`` of a band, with sums of whole grey levels or, if there is a ``step``, of parts."""
    height, width = image.shape[0], image.shape[1] // 3
    h, w = maps.shape[1], maps.shape[2]
    # The columns of the picture among those that are looked at, which begin at left - MARGIN.
    begin, wanted = left - MARGIN, right - left
    lo, hi = max(-begin, 0), min(right + MARGIN, width) - begin
    near_lo, near_hi = max(lo - RADIUS, 0), min(hi, wanted + 3 * RADIUS) - RADIUS  # counted from left - RADIUS
    count, near, count3 = _up(wanted + 2 * MARGIN), _up(wanted + MARGIN), _up(3 * wanted + 6 * MARGIN)
    norms = lines[_NORM]
    set_norms(norms, begin, lo, hi, width, 1)
    set_norms(wides[_NORMS], begin, lo, hi, width, 3)
    near_cells, cells_3 = low[: WHOLE // 2], low[WHOLE // 2 :]
    near_first, near_count = cells(begin + lo, begin + hi, w, width, 1, lines[_WAY], near_cells)
    first_3, count_3 = cells(left, right, w, width, 3, wides[_WAYS], cells_3)
    lines[_LUMA : _LUMA + 4] = 0
    lines[_NONE : _SHARE_SUM + 1] = 0
    sums[:] = 0
    gain = light * np.float32(255)
    unit = (gain if step == 0 else np.float32(1) / STEP) / np.float32(2 * RADIUS + 1)
    held_sigma, held_curve = np.int64(-2), np.int64(-2)
    sides = lines[_SIDES]
    from_, to = 3 * (begin + lo), 3 * (begin + hi)
    for k in range(top - MARGIN, bottom + MARGIN):
        middle, y, gone = k - RADIUS, k - MARGIN, k - 2 * RADIUS - 1
        if 0 <= k + 3 < height:
            fetch_row(image[k + 3, from_:to])
        fresh = image[k, from_:to] if 0 <= k < height else blank[: to - from_]
        stale = image[gone, from_:to] if gone >= max(top - MARGIN, 0) else blank[: to - from_]
        _luma(fresh, light, lines[_LUMA + k % 4, lo:hi])
        a, b, c = lines[_LUMA + k % 4], lines[_LUMA + (k - 1) % 4], lines[_LUMA + (k - 2) % 4]
        threes(a, b, c, lines[_THREES + k % _RING], lines[_SQUARES + k % _RING], count)
        old, new = sums[_NINES + (middle - 1) % LONG], sums[_NINES + middle % LONG]
        slide(fresh, stale, step, old[3 * lo : 3 * hi], new[3 * lo : 3 * hi])
        if middle < top - RADIUS:
            continue
        share = lines[_SHARES + middle % LONG]
        if 0 <= middle < height:
            line, t = place(middle, h, height)
            below = min(line + 1, h - 1)
            if line != held_sigma:
                for m in range(line + 1 if line == held_sigma + 1 else line, below + 1):
                    sigmas = lines[_SIGMAS + m % 2, lo:]
                    _sigma_line(maps, m, most, near_first, near_count, lines[_WAY], near_cells, lines[_SMALL], sigmas)
                apart(lines[_SIGMAS + line % 2], lines[_SIGMAS + below % 2], count, lines[_SIGMA_SLOPE])
                held_sigma = line
            norm = np.float32(1) / np.float32(window_size(middle, height))
            sigmas, slope = lines[_SIGMAS + line % 2, RADIUS:], lines[_SIGMA_SLOPE, RADIUS:]
            _share(lines, k, norms[RADIUS:], norm, sigmas, slope, t, share, near)
            share[:near_lo] = 0
            share[near_hi : near + CHUNK] = 0
        else:
            share[:] = 0
        come = _NINES + middle % LONG if 0 <= middle < height else _NOTHING
        over = middle - 2 * RADIUS - 1
        go = _NINES + over % LONG if over >= max(top - RADIUS, 0) else _NOTHING
        slide_twice(sums[come], sums[go], sums[_DOUBLE], count3)
        go = _SHARES + over % LONG if over >= top - RADIUS else _NONE
        slide_twice(share, lines[go], lines[_SHARE_SUM], near)
        if y < top:
            continue
        line, t = place(y, h, height)
        below = min(line + 1, h - 1)
        if line != held_curve:
            for m in range(line + 1 if line == held_curve + 1 else line, below + 1):
                curve = wides[_CURVES + m % 2]
                sides[m % 2] = _curve_line(
                    maps, m, restraint, first_3, count_3, wides[_WAYS], cells_3, wides[_FEW], curve
                )
            apart(wides[_CURVES + line % 2], wides[_CURVES + below % 2], 3 * wanted, wides[_SLOPE])
            held_curve = line
        steady = sides[line % 2] * sides[below % 2] > 0
        norm = np.float32(1) / np.float32(window_size(y, height))
        means = wides[_MEANS]
        if 2 * RADIUS <= y < height - 2 * RADIUS:
            _mean_twice(sums[_DOUBLE], wides[_NORMS], norm * unit, means, 3 * wanted)
        else:
            weigh(sums[_NINES:], max(y - RADIUS, 0), min(y + RADIUS + 1, height), height, wides[_WEIGHED], count3)
            _mean_twice(wides[_WEIGHED], wides[_NORMS], norm * unit, means, 3 * wanted)
        source, target = image[y, 3 * left : 3 * right], out[y, 3 * left : 3 * right]
        shares, curve, slope = lines[_SHARE_SUM], wides[_CURVES + line % 2], wides[_SLOPE]
        _brighten(source, gain, shares, norms[MARGIN:], norm, means, curve, slope, t, steady, wides[_SPARE], target)


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
            step = light * np.float32(255) * STEP
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
