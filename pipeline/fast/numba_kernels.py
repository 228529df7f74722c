"""Compiled loops: one tile of a picture, uint8 to uint8, through a seven-layer curve net and along its curves.

The net looks at a shrunken picture of (h, w) pixels, of which a tile is a rectangle. Of each map the last few rows are
kept, with the 32 channels of a pixel side by side: a 3x3 convolution of all channels is nine multiplications of vectors
and mixing channels multiplies the weights of one channel for all 32 outputs with a number of a pixel, six pixels at a
time. What is summed up stays in registers. The layers go down the tile together, each one row behind the one before, so
that they find their input in the cache. A row begins and ends with a pixel of zeros; a row of zeros stands above and
below the picture.

All that is of this kernel alone is in this file, since numba watches one file to tell when what it has on the disk is
out of date.
"""

from __future__ import annotations

import numba
import numpy as np

from .numba_curve import BLOCK, LEVEL, VECTOR, along, apart, cells, enlarge, grey, parameter, side
from .numba_shared import between, inner, lent, mixed, place
from .numba_vectors import fma, four_sums, larger, plus, read, read_often, splat, times, write

SHARED = "a74dba0ddbc0"
"""Which state of the shared files this one goes with; see :mod:`.numba_shared`."""

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

_LAYERS = 7
_PIXELS = 6  # that are mixed at a time; a row has room for as many more than it needs
_ROWS, _COLUMNS = TILE[0] + 1, TILE[1] + 1 + 2 * REACH
_PLACES = 2 + _COLUMNS + _PIXELS
_FEW = 4  # outputs of the last layer, if there are no more
_RING = 8  # rows that are kept: the last layer looks at the first one's map six rows behind it
_ROW = _PLACES * WIDTH

# Where things lie in a thread's scratch memory.
_INPUT = 0
_ZEROS = _INPUT + _RING * _PLACES * INPUTS
_MAPS = _ZEROS + _ROW
_LINES = _MAPS + (_LAYERS - 1) * _RING * _ROW
_LAST = _LINES + 2 * _ROW
_RESULT = _LAST + _ROW
_RESULT_ROW = 3 * _PLACES
_WAY = _RESULT + MAPS * _ROWS * _RESULT_ROW
_WIDE = 3 * SEGMENT + BLOCK
_CURVES = _WAY + _WIDE
_SLOPE = _CURVES + _WIDE  # what two lines of a single curve are apart lies where a second curve would
_BOUNDS = _CURVES + 2 * MAPS * _WIDE
SCRATCH = _BOUNDS + 2
"""Floats of scratch memory for one thread; all zero at first. No more of it is touched than a tile needs."""
_BEFORE = 18
_BEHIND = _BEFORE + _COLUMNS
COUNTS = _BEHIND + _COLUMNS
"""Whole numbers of scratch memory for one thread."""

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
    numba.float32[::1],
    numba.float32[::1],
    numba.float32[::1],
    numba.int64,
    numba.int64,
    numba.float32[::1],
    numba.int32[::1],
)


# The net


@inner
def _columns_seen(w, width, left, right, floats, counts):
    """:func:`between` for a tile's columns."""
    for x in range(left, right):
        before, behind, way = between(x, w, width)
        counts[_BEFORE + x - left], counts[_BEHIND + x - left] = 3 * before, 3 * behind
        floats[_WAY + x - left] = way


@inner
def _shrink(image, light, h, y, count, floats, counts, start):
    """Row ``y``, bilinear, between pixel centres (``F.interpolate`` with ``align_corners=False``), in [0, 1]."""
    low, high, t = between(y, h, image.shape[0])
    upper, lower = image[low], image[high]
    before, behind, way = counts[_BEFORE:], counts[_BEHIND:], floats[_WAY:]
    target = floats[start:]
    for x in range(count):
        left, right, s = before[x], behind[x], way[x]
        for c in range(3):
            target[x * INPUTS + c] = mixed(upper, lower, left + c, right + c, s, t, light)


@inner
def _row(number, ring, step, h):
    """Where a row begins of what is kept in a ring; the row of zeros for one outside the picture."""
    return ring + number % _RING * (_PLACES * step) if 0 <= number < h else _ZEROS


@inner
def _depthwise(floats, above, here, below, step, size, depth, w, target):
    """3x3 convolution of ``size`` numbers of a row, ``step`` for each pixel, every channel with weights of its own."""
    w0, w1, w2 = read(depth, w, WIDTH), read(depth, w + WIDTH, WIDTH), read(depth, w + 2 * WIDTH, WIDTH)
    w3, w4, w5 = read(depth, w + 3 * WIDTH, WIDTH), read(depth, w + 4 * WIDTH, WIDTH), read(depth, w + 5 * WIDTH, WIDTH)
    w6, w7, w8 = read(depth, w + 6 * WIDTH, WIDTH), read(depth, w + 7 * WIDTH, WIDTH), read(depth, w + 8 * WIDTH, WIDTH)
    bias = read(depth, w + 9 * WIDTH, WIDTH)
    for i in range(0, size, WIDTH):
        a, b, c = above + i, here + i, below + i
        s = fma(w0, read(floats, a, WIDTH), bias)
        s = fma(w1, read(floats, a + step, WIDTH), s)
        s = fma(w2, read(floats, a + 2 * step, WIDTH), s)
        s = fma(w3, read(floats, b, WIDTH), s)
        s = fma(w4, read(floats, b + step, WIDTH), s)
        s = fma(w5, read(floats, b + 2 * step, WIDTH), s)
        s = fma(w6, read(floats, c, WIDTH), s)
        s = fma(w7, read(floats, c + step, WIDTH), s)
        s = fma(w8, read(floats, c + 2 * step, WIDTH), s)
        write(floats, target + i, s)


@inner
def _mix(floats, starts, parts, step, channels, columns, mix, w, bias, b, floor, target):
    """For each pixel of a row 32 sums over ``channels`` numbers of each of ``parts`` other rows, ``floor`` or more."""
    least = splat(floor, WIDTH)
    for x in range(0, columns, _PIXELS):
        s0 = read(bias, b, WIDTH)
        s1, s2, s3, s4, s5 = s0, s0, s0, s0, s0
        for part in range(parts):
            at, row = starts[part] + x * step, w + part * WIDTH * WIDTH
            for k in range(at, at + channels):
                weights = read(mix, row, WIDTH)
                row += WIDTH
                s0 = fma(read_often(floats, k, WIDTH), weights, s0)
                s1 = fma(read_often(floats, k + step, WIDTH), weights, s1)
                s2 = fma(read_often(floats, k + 2 * step, WIDTH), weights, s2)
                s3 = fma(read_often(floats, k + 3 * step, WIDTH), weights, s3)
                s4 = fma(read_often(floats, k + 4 * step, WIDTH), weights, s4)
                s5 = fma(read_often(floats, k + 5 * step, WIDTH), weights, s5)
        at = target + x * WIDTH
        write(floats, at, larger(s0, least))
        write(floats, at + WIDTH, larger(s1, least))
        write(floats, at + 2 * WIDTH, larger(s2, least))
        write(floats, at + 3 * WIDTH, larger(s3, least))
        write(floats, at + 4 * WIDTH, larger(s4, least))
        write(floats, at + 5 * WIDTH, larger(s5, least))


@inner
def _mix_few(floats, first, second, columns, mix, w, bias, target):
    """For each pixel four sums over all the numbers of two other rows."""
    w0, w1 = read(mix, w, WIDTH), read(mix, w + WIDTH, WIDTH)
    w2, w3 = read(mix, w + 2 * WIDTH, WIDTH), read(mix, w + 3 * WIDTH, WIDTH)
    w += WIDTH * WIDTH
    v0, v1 = read(mix, w, WIDTH), read(mix, w + WIDTH, WIDTH)
    v2, v3 = read(mix, w + 2 * WIDTH, WIDTH), read(mix, w + 3 * WIDTH, WIDTH)
    shift = read(bias, (_LAYERS - 1) * WIDTH, _FEW)
    for x in range(columns):
        a, b = read(floats, first + x * WIDTH, WIDTH), read(floats, second + x * WIDTH, WIDTH)
        s0, s1 = fma(a, w0, times(b, v0)), fma(a, w1, times(b, v1))
        s2, s3 = fma(a, w2, times(b, v2)), fma(a, w3, times(b, v3))
        write(floats, target + _FEW * x, plus(four_sums(s0, s1, s2, s3), shift))


@inner
def _layer(layer, y, h, columns, step, channels, depth, mix, bias, taps, few, floats, starts):
    """Row ``y`` of one layer's map: depthwise and pointwise, or nine taps at once."""
    # The fifth layer looks at the third one's map, too, the sixth at the second's, the last at the first's.
    halves = 2 if layer > 3 else 1
    for half in range(halves):
        source = layer - 1 if half == halves - 1 else 6 - layer
        ring = _INPUT if layer == 0 else _MAPS + source * _RING * _ROW
        above, here, below = _row(y - 1, ring, step, h), _row(y, ring, step, h), _row(y + 1, ring, step, h)
        if taps == 1:
            lines = _LINES + half * _ROW
            _depthwise(floats, above, here, below, step, columns * step, depth, (2 * layer + half) * 10 * WIDTH, lines)
            starts[half] = lines
        else:
            for tap in range(3):
                starts[9 * half + tap] = above + tap * step
                starts[9 * half + 3 + tap] = here + tap * step
                starts[9 * half + 6 + tap] = below + tap * step
    target, floor = _LAST, -np.float32(np.inf)
    if layer < _LAYERS - 1:
        target, floor = _row(y, _MAPS + layer * _RING * _ROW, WIDTH, h) + WIDTH, np.float32(0)
    w = layer * 2 * taps * WIDTH * WIDTH
    if layer == _LAYERS - 1 and few:
        _mix_few(floats, _LINES, _LINES + _ROW, columns, mix, w, bias, target)
        return
    if step == WIDTH:
        _mix(floats, starts, halves * taps, WIDTH, WIDTH, columns, mix, w, bias, layer * WIDTH, floor, target)
    else:
        _mix(floats, starts, halves * taps, INPUTS, channels, columns, mix, w, bias, layer * WIDTH, floor, target)
    floats[target + columns * WIDTH : target + (columns + 1) * WIDTH] = 0


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
def _estimate(image, light, look, factor, size, tile, around, net, mode, floats, starts):
    """The factor of a tile, line by line, from what lies ``around`` it."""
    (h, w), (top, bottom) = size, tile[:2]
    above, below, before, behind = around
    depth, mix, bias, taps, maps = net
    rows, columns = min(bottom + 1, h), behind - before
    channels = INPUTS if look.shape[0] else 3
    few = taps == 1 and maps == 1
    if not look.shape[0]:
        _columns_seen(w, image.shape[1] // 3, before, behind, floats, starts)
    for y in range(above, below + _LAYERS + 1):
        if y < below:
            start = _row(y, _INPUT, INPUTS, h) + INPUTS
            if look.shape[0]:
                for c in range(INPUTS):
                    for x in range(columns):
                        floats[start + x * INPUTS + c] = look[c, y, before + x]
            else:
                _shrink(image, light, h, y, columns, floats, starts, start)
            floats[start + columns * INPUTS : start + (columns + 1) * INPUTS] = 0
        for layer in range(_LAYERS):
            # Each layer keeps one row less of what was around the tile.
            number = y - 1 - layer
            if max(top - 6 + layer, 0) <= number < min(rows + 6 - layer, h):
                if layer:
                    _layer(layer, number, h, columns, WIDTH, WIDTH, depth, mix, bias, taps, few, floats, starts)
                else:
                    _layer(layer, number, h, columns, INPUTS, channels, depth, mix, bias, taps, few, floats, starts)
        if top <= y - _LAYERS < rows:
            pitch = _FEW if few else WIDTH
            _result(factor, y - _LAYERS, tile, before, columns, maps, pitch, floats, mode)


@inner
def _result(factor, y, tile, before, columns, maps, pitch, floats, mode):
    """Keep a line of the factor, or give it away."""
    top, bottom, left, right = tile
    count = factor.shape[0] if mode == ESTIMATE else 3 * maps
    line = floats[_LINES : _LINES + _ROW]
    for c in range(count):
        for x in range(columns):
            line[c * columns + x] = floats[_LAST + x * pitch + c]
    for i in range(count * columns):
        line[i] = _tanh(line[i])
    if mode == ESTIMATE:
        if y < bottom:
            for c in range(count):
                factor[c, y, left:right] = line[c * columns + left - before : c * columns + right - before]
        return
    _keep(line, columns, y - top, maps, floats)


@inner
def _keep(line, columns, row, maps, floats):
    """A line of the factor for the curves: colours side by side, and as much as one grey level is of white."""
    for m in range(maps):
        target = _RESULT + (row * MAPS + m) * _RESULT_ROW
        for c in range(3):
            for x in range(columns):
                floats[target + 3 * x + c] = line[(3 * m + c) * columns + x] * LEVEL
        floats[target + 3 * columns : target + 3 * columns + 4] = 0  # read behind the last pixel, though with no weight


# The curves


@inner
def _one_curve_blocks(source, gain, curve, slope, t, steady, target, blocks):
    for i in range(0, blocks * BLOCK, BLOCK):
        j, k = i + VECTOR, i + 2 * VECTOR
        u, v, w = grey(source, gain, i), grey(source, gain, j), grey(source, gain, k)
        a, b, c = parameter(curve, slope, t, i), parameter(curve, slope, t, j), parameter(curve, slope, t, k)
        u, v, w = along(u, v, w, a, b, c, steady)
        write(target, i, u)
        write(target, j, v)
        write(target, k, w)


@inner
def _one_curve(source, gain, curve, slope, t, steady, spare, target):
    """A row along curves of one parameter for each number."""
    blocks = source.shape[0] // BLOCK
    done = blocks * BLOCK
    _one_curve_blocks(source, gain, curve, slope, t, steady, target, blocks)
    rest = source.shape[0] - done
    if rest:
        spare[:rest] = source[done:]
        _one_curve_blocks(spare, gain, curve[done:], slope[done:], t, steady, spare, 1)
        for i in range(rest):
            target[done + i] = np.uint8(spare[i])


@inner
def _eight_curves(source, gain, upper, lower, t, target):
    """Eight times v <- v + r (v^2 - v) = v (r v + 1 - r), with another r each time."""
    for i in range(source.shape[0]):
        v = min(np.float32(source[i]) * gain, np.float32(255))
        for m in range(MAPS):
            r = upper[m * _WIDE + i] + t * (lower[m * _WIDE + i] - upper[m * _WIDE + i])
            v = v * (r * v + (np.float32(1) - np.float32(255) * r))
        target[i] = np.uint8(v + np.float32(0.5))


@inner
def _first(k, small, large):
    """The first of ``large`` pixels that lies at or behind pixel ``k`` of ``small``, corner upon corner."""
    if k == 0 or small == 1:
        return 0 if k == 0 else large
    return min((k * (large - 1) + small - 2) // (small - 1), large)


@inner
def _steer(image, out, gain, h, w, top, bottom, left, right, before, maps, floats, firsts):
    """The curves on those pixels of the picture whose factor lies between a tile's pixels."""
    height, width = image.shape[0], image.shape[1] // 3
    first, last = _first(top, h, height), _first(bottom, h, height)
    stop = _first(right, w, width)
    way, bounds = floats[_WAY:], floats[_BOUNDS:]
    for begin in range(_first(left, w, width), stop, SEGMENT):
        end = min(begin + SEGMENT, stop)
        low, count = cells(begin, end, w, width, 3, way, firsts)
        held = np.int64(-2)
        for y in range(first, last):
            line, t = place(y, h, height)
            under = min(line + 1, h - 1)
            if line != held:  # two lines are kept: the one above becomes the one below
                for k in range(line + 1 if line == held + 1 else line, under + 1):
                    start = _RESULT + (k - top) * MAPS * _RESULT_ROW + 3 * (low - before)
                    for m in range(maps):
                        target = _CURVES + (k % 2 * MAPS + m) * _WIDE
                        enlarge(floats, start + m * _RESULT_ROW, way, firsts, count, floats, target)
                    bounds[k % 2] = side(floats[start : start + 3 * min(count + 1, w - low)])
                held = line
                if maps == 1:
                    near, far = _CURVES + line % 2 * MAPS * _WIDE, _CURVES + under % 2 * MAPS * _WIDE
                    apart(floats[near:], floats[far:], 3 * (end - begin), floats[_SLOPE:])
            upper = floats[_CURVES + line % 2 * MAPS * _WIDE :]
            lower = floats[_CURVES + under % 2 * MAPS * _WIDE :]
            source, target = image[y, 3 * begin : 3 * end], out[y, 3 * begin : 3 * end]
            if maps == MAPS:
                _eight_curves(source, gain, upper, lower, t, target)
            else:
                steady = bounds[line % 2] * bounds[under % 2] > 0
                _one_curve(source, gain, upper, floats[_SLOPE:], t, steady, floats[_LAST : _LAST + BLOCK], target)


def enhance_tile(
    mode, image, out, light, look, factor, h, w, top, bottom, left, right, depth, mix, bias, taps, maps, floats, counts
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
        depth: float32, for each layer, each 32 channels of its input, each of nine taps and the bias: 32 numbers; those
            of the first layer four times its eight channels; unused with nine taps.
        mix: float32, for each layer, each 32 channels of its input, each tap and each channel: 32 weights; of a last
            layer with one tap and up to four outputs for each output: 32 weights of the channels.
        bias: float32, for each layer 32 numbers.
        taps: 1 or 9.
        maps: 1, one curve that is used eight times, or 8.
        floats: float32 (``SCRATCH``,), zero at first, for the use of one thread.
        counts: int32 (``COUNTS``,), likewise.
    """
    image, out, look, factor = lent(image), lent(out), lent(look), lent(factor)
    depth, mix, bias, floats, counts = lent(depth), lent(mix), lent(bias), lent(floats), lent(counts)
    # One more row and column than the tile's own: the neighbours of its last ones.
    rows, columns = min(bottom + 1, h), min(right + 1, w)
    above, before = max(top - REACH, 0), max(left - REACH, 0)
    below, behind = min(rows + REACH, h), min(columns + REACH, w)
    if mode == APPLY:
        line = floats[_LINES : _LINES + _ROW]
        for y in range(top, rows):
            for c in range(3 * maps):
                line[c * (columns - left) : (c + 1) * (columns - left)] = factor[c, y, left:columns]
            _keep(line, columns - left, y - top, maps, floats)
        before = left
    else:
        around, net = (above, below, before, behind), (depth, mix, bias, taps, maps)
        _estimate(image, light, look, factor, (h, w), (top, bottom, left, right), around, net, mode, floats, counts)
    if mode != ESTIMATE:
        _steer(image, out, light * np.float32(255), h, w, top, bottom, left, right, before, maps, floats, counts)
