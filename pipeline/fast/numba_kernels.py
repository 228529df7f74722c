"""Compiled loops: one tile of a picture, uint8 to uint8, through a seven-layer curve net and along its curves.

The net looks at a shrunken picture of (h, w) pixels, of which a tile is a rectangle. Its maps lie in planes of rows,
one behind the other: a row ends with a column of zeros, which is the right neighbour of its last pixel and the left
neighbour of the next row's first, and a row of zeros stands above and below. So a 3x3 convolution is nine shifted
reads of one long line, whatever the width. That line is walked in blocks that stay in the processor's first cache, all
layers close behind one another; every inner loop has a length that is a multiple of a vector's, and the compiler knows.

All that is of this kernel alone is in this file, since numba watches one file to tell when what it has on the disk is
out of date.
"""

from __future__ import annotations

import numba
import numpy as np

from .numba_shared import inner, lent, level, place

TILE = (128, 352)
"""The most rows and columns of the shrunken picture in a tile: all columns of a 4K picture shrunk twelve times."""
REACH = 7
"""How far the seven 3x3 convolutions see."""
WIDTH = 32
"""Channels of a map."""
SEGMENT = 4096
"""Pixels of the picture that the curve is applied to at a time."""
INPUTS = 8
"""The most channels that a net looks at."""
MAPS = 8
"""The most curves that a net gives, each of three channels."""

_VECTOR = 16
_BLOCK = 256
_ROWS, _COLUMNS = TILE[0] + 1 + 2 * REACH, TILE[1] + 1 + 2 * REACH
# The lines, the zeros around them, and what the last vector reads beyond the end; an odd number of vectors, lest all
# planes fall upon the same places of the cache.
_PLANE = (((_ROWS + 2) * (_COLUMNS + 1) + 2 * _VECTOR + _BLOCK) // _VECTOR | 1) * _VECTOR
_ROW = 3 * SEGMENT

# Which map each layer reads, which one it reads besides, and where it writes. The input lies behind the five maps; the
# sixth layer's map takes the place of the fourth's, and the result that of the third's.
_INPUT = 5 * WIDTH
_FIRST = (_INPUT, 0, WIDTH, 2 * WIDTH, 2 * WIDTH, WIDTH, 0)
_SECOND = (0, 0, 0, 0, 3 * WIDTH, 4 * WIDTH, 3 * WIDTH)
_TARGET = (0, WIDTH, 2 * WIDTH, 3 * WIDTH, 4 * WIDTH, 3 * WIDTH, 2 * WIDTH)
_CHANNELS = (INPUTS, WIDTH, WIDTH, WIDTH, 2 * WIDTH, 2 * WIDTH, 2 * WIDTH)
_RESULT = 2 * WIDTH

_NET = (4 + WIDTH) * _BLOCK + (_BLOCK + _COLUMNS + 1)
SCRATCH = (_INPUT + INPUTS) * _PLANE + _NET + SEGMENT + 2 * MAPS * _ROW
"""Floats of scratch memory for one thread; all zero at first. No more of it is touched than a tile needs."""

WHOLE, ESTIMATE, APPLY = 0, 1, 2
"""What a call does: all of it, the factor alone, or the curves alone, with a factor that is given."""

SIGNATURE = numba.void(
    numba.int64,
    numba.types.Array(numba.uint8, 2, "C", readonly=True),
    numba.uint8[:, ::1],
    numba.float32,
    numba.float32[:, :, ::1],
    numba.float32[:, :, ::1],
    *[numba.int64] * 6,
    numba.float32[:, :, ::1],
    numba.float32[:, :, :, ::1],
    numba.float32[:, ::1],
    numba.int64,
    numba.float32[::1],
    numba.int32[::1],
)


@inner
def _shrink(image, light, h, w, top, bottom, left, right, planes, stride):
    """Bilinear, between pixel centres (``F.interpolate`` with ``align_corners=False``), from levels to [0, 1]."""
    height, width = image.shape[0], image.shape[1] // 3
    half = np.float32(0.5)
    down, across = np.float32(height / h), np.float32(width / w)
    for y in range(top, bottom):
        at = max(down * (np.float32(y) + half) - half, np.float32(0))
        low = min(int(at), height - 1)
        t = at - np.float32(low)
        upper, lower = image[low], image[min(low + 1, height - 1)]
        start = (_INPUT * _PLANE) + _VECTOR + (y - top + 1) * stride
        for x in range(left, right):
            at = max(across * (np.float32(x) + half) - half, np.float32(0))
            before = min(int(at), width - 1)
            s = at - np.float32(before)
            behind = 3 * min(before + 1, width - 1)
            before *= 3
            for c in range(3):
                a, b = level(upper[before + c], light), level(upper[behind + c], light)
                d, e = level(lower[before + c], light), level(lower[behind + c], light)
                above = a + s * (b - a)
                below = d + s * (e - d)
                planes[start + c * _PLANE + x - left] = above + t * (below - above)
        for c in range(3):
            planes[start + c * _PLANE + right - left] = 0


@inner
def _depthwise(planes, start, stride, vectors, w, target):
    """3x3 convolution of one plane, from position ``start`` on; ``w``: nine weights and the bias."""
    w0, w1, w2, w3, w4, w5, w6, w7, w8, b = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9]
    above, here, below = planes[start - stride - 1 :], planes[start - 1 :], planes[start + stride - 1 :]
    for i in range(_VECTOR * vectors):
        upper = b + w0 * above[i] + w1 * above[i + 1] + w2 * above[i + 2]
        middle = upper + w3 * here[i] + w4 * here[i + 1] + w5 * here[i + 2]
        target[i] = middle + w6 * below[i] + w7 * below[i + 1] + w8 * below[i + 2]


def _mixer(step: int):
    """Makes the loop that adds four lines, ``step`` apart, times (4, 4) weights to four lines of sums.

    That is as much as the registers hold. Distances that the compiler knows spare it asking whether lines overlap.
    """

    @inner
    def mix(source, w, vectors, sums):
        a0, a1, a2, a3 = w[0, 0], w[0, 1], w[0, 2], w[0, 3]
        b0, b1, b2, b3 = w[1, 0], w[1, 1], w[1, 2], w[1, 3]
        c0, c1, c2, c3 = w[2, 0], w[2, 1], w[2, 2], w[2, 3]
        d0, d1, d2, d3 = w[3, 0], w[3, 1], w[3, 2], w[3, 3]
        for i in range(_VECTOR * vectors):
            x0, x1, x2, x3 = source[i], source[step + i], source[2 * step + i], source[3 * step + i]
            sums[i] = sums[i] + a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
            sums[_BLOCK + i] = sums[_BLOCK + i] + b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3
            sums[2 * _BLOCK + i] = sums[2 * _BLOCK + i] + c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3
            sums[3 * _BLOCK + i] = sums[3 * _BLOCK + i] + d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3

    return mix


_mix_lines = _mixer(_BLOCK)
_mix_planes = _mixer(_PLANE)


@inner
def _layer(planes, layer, start, position, stop, stride, depth, mix, bias, inputs, outputs, lines, sums, mask):
    """One layer on one block: depthwise and pointwise, or nine taps at once."""
    taps = mix.shape[1]
    count = min(_BLOCK, stop - position)
    vectors = (count + _VECTOR - 1) // _VECTOR
    for d in range(outputs):
        sums[d * _BLOCK : d * _BLOCK + _VECTOR * vectors] = bias[layer, d]
    for k in range(0, inputs, 4):
        plane = (_FIRST[layer] + k if k < WIDTH else _SECOND[layer] + k - WIDTH) * _PLANE + position
        if taps == 1:
            for j in range(4):
                _depthwise(planes, plane + j * _PLANE, stride, vectors, depth[layer, k + j], lines[j * _BLOCK :])
            for d in range(0, outputs, 4):
                _mix_lines(lines, mix[layer, 0, d : d + 4, k : k + 4], vectors, sums[d * _BLOCK :])
        else:
            for tap in range(9):
                shifted = planes[plane + (tap // 3 - 1) * stride + tap % 3 - 1 :]
                for d in range(0, outputs, 4):
                    _mix_planes(shifted, mix[layer, tap, d : d + 4, k : k + 4], vectors, sums[d * _BLOCK :])
    valid = mask[(position - start) % stride :]
    for d in range(outputs):
        line = planes[(_TARGET[layer] + d) * _PLANE + position :]
        result = sums[d * _BLOCK :]
        if layer == 6:
            for i in range(count):
                line[i] = _tanh(result[i]) if valid[i] else np.float32(0)
        else:
            for i in range(count):
                line[i] = max(result[i], np.float32(0)) if valid[i] else np.float32(0)


@inner
def _tanh(x):
    """By Lambert's continued fraction at a quarter of ``x``, and tanh 2u = 2 tanh u / (1 + tanh^2 u), twice."""
    u = min(max(x, np.float32(-9)), np.float32(9)) * np.float32(0.25)
    s = u * u
    even = np.float32(10395) + s * (np.float32(4725) + s * (np.float32(210) + s))
    odd = np.float32(10395) + s * (np.float32(1260) + s * np.float32(21))
    t = u * odd / even
    t = (t + t) / (np.float32(1) + t * t)
    return (t + t) / (np.float32(1) + t * t)


@inner
def _estimate(image, light, look, h, w, top, rows, above, below, before, behind, planes, rest, depth, mix, bias, maps):
    """The factor of a tile, in the planes of the result."""
    stride = behind - before + 1
    lines, rest = rest[: 4 * _BLOCK], rest[4 * _BLOCK :]
    sums, rest = rest[: WIDTH * _BLOCK], rest[WIDTH * _BLOCK :]
    mask = rest[: _BLOCK + _COLUMNS + 1]
    for i in range(mask.shape[0]):
        mask[i] = np.float32(1) if i % stride else np.float32(0)
    under = _VECTOR + (below - above + 1) * stride
    for plane in range(_INPUT + INPUTS):
        planes[plane * _PLANE : plane * _PLANE + _VECTOR + stride] = 0
        planes[plane * _PLANE + under : plane * _PLANE + under + stride] = 0
    if look.shape[0]:
        _carry(planes, look, _INPUT, above, below, before, behind, (above, before), stride, True)
    else:
        _shrink(image, light, h, w, above, below, before, behind, planes, stride)
    # Each layer follows the one before at the distance of the rows that it needs, so that it finds them in the cache.
    delay = (2 * stride + _VECTOR + 1) // _BLOCK + 1
    for turn in range((below - above) * stride // _BLOCK + 2 + 6 * delay):
        for layer in range(7):
            # Each layer keeps one pixel less of what was around the tile; the zero ahead of its first row is its own.
            start = _VECTOR + (max(top - 6 + layer, 0) - above + 1) * stride - 1
            stop = _VECTOR + (min(rows + 6 - layer, h) - above + 1) * stride
            position = start + (turn - layer * delay) * _BLOCK
            if start <= position < stop:
                inputs = _CHANNELS[layer] if layer or look.shape[0] else 4
                outputs = WIDTH if layer < 6 else 4 if maps == 1 else 3 * MAPS
                _layer(
                    planes, layer, start, position, stop, stride, depth, mix, bias, inputs, outputs, lines, sums, mask
                )


@inner
def _enlarge(planes, start, maps, low, weight, wide):
    """A line of the factor along the picture's width, colours interleaved as the picture's."""
    for m in range(maps):
        for c in range(3):
            line = planes[(_RESULT + 3 * m + c) * _PLANE + start :]
            target = wide[m * _ROW + c :]
            for x in range(low.shape[0]):
                a = line[low[x]]
                target[3 * x] = a + weight[x] * (line[low[x] + 1] - a)


@inner
def _one_curve(source, light, upper, lower, t, target):
    """Eight times v <- v + r (v^2 - v) = v (r v + 1 - r) with one r."""
    for i in range(source.shape[0]):
        r = upper[i] + t * (lower[i] - upper[i])
        keep = np.float32(1) - r
        v = level(source[i], light)
        for _ in range(8):
            v = v * (r * v + keep)
        target[i] = np.uint8(v * np.float32(255) + np.float32(0.5))


@inner
def _eight_curves(source, light, upper, lower, t, target):
    """The same with another r each time."""
    for i in range(source.shape[0]):
        v = level(source[i], light)
        for m in range(8):
            r = upper[m * _ROW + i] + t * (lower[m * _ROW + i] - upper[m * _ROW + i])
            v = v * (r * v + (np.float32(1) - r))
        target[i] = np.uint8(v * np.float32(255) + np.float32(0.5))


@inner
def _first(k, small, large):
    """The first of ``large`` pixels that lies at or behind pixel ``k`` of ``small``, corner upon corner."""
    if k == 0 or small == 1:
        return 0 if k == 0 else large
    return min((k * (large - 1) + small - 2) // (small - 1), large)


@inner
def _steer(image, out, light, h, w, top, bottom, left, right, origin, stride, planes, maps, low, weight, wide):
    """The curves on those pixels of the picture whose factor lies between a tile's pixels."""
    height, width = image.shape[0], image.shape[1] // 3
    above, before = origin
    first, last = _first(top, h, height), _first(bottom, h, height)
    stop = _first(right, w, width)
    for begin in range(_first(left, w, width), stop, SEGMENT):
        end = min(begin + SEGMENT, stop)
        for x in range(begin, end):
            at, way = place(x, w, width)
            low[x - begin], weight[x - begin] = at - before, way
        held = np.int64(-2)
        for y in range(first, last):
            line, t = place(y, h, height)
            if line != held:  # two lines are kept: the one above becomes the one below
                for k in range(line if line == held + 1 else line - 1, min(line + 1, h - 1)):
                    start = _VECTOR + (k + 1 - above + 1) * stride
                    _enlarge(planes, start, maps, low[: end - begin], weight, wide[(k + 1) % 2 * MAPS * _ROW :])
                held = line
            upper = wide[line % 2 * MAPS * _ROW :]
            lower = wide[min(line + 1, h - 1) % 2 * MAPS * _ROW :]
            source, target = image[y, 3 * begin : 3 * end], out[y, 3 * begin : 3 * end]
            if maps == 1:
                _one_curve(source, light, upper, lower, t, target)
            else:
                _eight_curves(source, light, upper, lower, t, target)


@inner
def _carry(planes, maps, first, top, bottom, left, right, origin, stride, to_planes):
    """Copy a rectangle of maps to the planes from number ``first`` on from where all of it is kept, or back."""
    for channel in range(maps.shape[0]):
        for y in range(top, bottom):
            start = (first + channel) * _PLANE + _VECTOR + (y - origin[0] + 1) * stride - origin[1]
            for x in range(left, right):
                if to_planes:
                    planes[start + x] = maps[channel, y, x]
                else:
                    maps[channel, y, x] = planes[start + x]
            if to_planes:
                planes[start + right] = 0  # read behind the last pixel, though with no weight


def enhance_tile(
    mode, image, out, light, look, factor, h, w, top, bottom, left, right, depth, mix, bias, maps, scratch, low
):
    """Enhance what belongs to one tile of the shrunken picture.

    Args:
        mode: ``WHOLE``, ``ESTIMATE`` or ``APPLY``.
        image: uint8 (H, 3 W), the whole picture.
        out: uint8 (H, 3 W), for the result; not touched by ``ESTIMATE``.
        light: what one grey level stands for, 1/255 unless the exposure is to be changed; all above 1 is 1.
        look: float32 (8, h, w), what the net is to look at, or (0, 0, 0): the picture, shrunken.
        factor: float32 (3 maps, h, w), or (4, h, w) where the net gives a fourth map, which ``ESTIMATE`` writes and
            ``APPLY`` reads; not touched by ``WHOLE``.
        h, w: the shrunken picture's size.
        top, bottom, left, right: the tile's pixels there, at most ``TILE``.
        depth: float32 (7, 64, 10), for each layer and channel the 3x3 weights and the bias; unused with nine taps.
        mix: float32 (7, 1 or 9, 32, 64), for each layer and tap the weights from channel to channel.
        bias: float32 (7, 32).
        maps: 1, one curve that is used eight times, or 8.
        scratch: float32 (``SCRATCH``,), zero at first, for the use of one thread.
        low: int32 (``SEGMENT``,), likewise.
    """
    image, out, look, factor = lent(image), lent(out), lent(look), lent(factor)
    depth, mix, bias, scratch, low = lent(depth), lent(mix), lent(bias), lent(scratch), lent(low)
    above, before = max(top - REACH, 0), max(left - REACH, 0)
    # One more row and column than the tile's own: the neighbours of its last ones.
    rows, columns = min(bottom + 1, h), min(right + 1, w)
    below, behind = min(rows + REACH, h), min(columns + REACH, w)
    stride = behind - before + 1
    planes, rest = scratch[: (_INPUT + INPUTS) * _PLANE], scratch[(_INPUT + INPUTS) * _PLANE :]
    if mode == APPLY:
        _carry(planes, factor, _RESULT, top, rows, left, columns, (above, before), stride, True)
    else:
        _estimate(
            image, light, look, h, w, top, rows, above, below, before, behind, planes, rest, depth, mix, bias, maps
        )
    if mode == ESTIMATE:
        _carry(planes, factor, _RESULT, top, bottom, left, right, (above, before), stride, False)
        return
    weight, wide = rest[_NET:][:SEGMENT], rest[_NET:][SEGMENT:]
    _steer(image, out, light, h, w, top, bottom, left, right, (above, before), stride, planes, maps, low, weight, wide)
