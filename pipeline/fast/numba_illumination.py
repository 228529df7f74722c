"""Compiled loops: the three-layer net of `sci` and the picture divided by what it gives, tile by tile."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from .numba_shared import inner, join_colours, lent
from .numba_vectors import fma, larger, plus, read, read_often, splat, write

SHARED = "a74dba0ddbc0"
"""Which state of the shared files this one goes with; see :mod:`.numba_shared`."""

TILE = (32, 256)
"""Rows and columns of the largest tile: its pixels and the maps of two layers stay in a core's second cache."""

REACH = 3  # pixels that three layers see on each side
LANES = 32  # pixels of a line that are computed at a time, of all three channels
_LEFT = 16  # where the tile's first column lies in a line
_START = 8  # where a layer begins; it sees one pixel more
_END = _START + -(-(_LEFT + TILE[1] + REACH - _START) // LANES) * LANES
_LINE = _END + 8
_ROW = 3 * _LINE  # the channels' lines, one behind the other
_MAP = (TILE[0] + 2 * REACH) * _ROW
FLOATS, BYTES = 3 * _MAP + _ROW, _ROW
"""Numbers of scratch memory for one thread."""

LAYER = 3 + 81
"""Numbers of a layer: biases, then the weights by channel in, row, column and channel out."""

SIGNATURE = numba.void(
    numba.types.Array(numba.uint8, 2, "C", readonly=True),
    numba.types.Array(numba.float32, 1, "C", readonly=True),
    numba.uint8[:, ::1],
    numba.int64,
    numba.int64,
    numba.int64,
    numba.int64,
    numba.float32[::1],
    numba.uint8[::1],
)

_ONE, _HALF, _WHITE, _LEAST = np.float32(1), np.float32(0.5), np.float32(255), np.float32(1e-4)
_LEVEL = np.float32(1 / 255)
_FIRST, _SECOND = np.uint64(1), np.uint64(2)  # places without a sign need no check for negative ones


@inner
def _fetch_colours(colours, red, green, blue):
    """A row's pixels, as shares of white."""
    for i in range(red.shape[0]):
        at = np.uint64(3) * np.uint64(i)
        red[i] = np.float32(colours[at]) * _LEVEL
        green[i] = np.float32(colours[at + _FIRST]) * _LEVEL
        blue[i] = np.float32(colours[at + _SECOND]) * _LEVEL


@inner
def _convolve(source, at, layer) -> Any:
    """What a layer makes of the pixels from ``at`` on, a vector for each channel."""
    red, green, blue = read_often(layer, 0, LANES), read_often(layer, 1, LANES), read_often(layer, 2, LANES)
    for channel in range(3):
        for row in range(3):
            place, weight = at + (row - 1) * _ROW + channel * _LINE - 1, 3 + 9 * (3 * channel + row)
            for column in range(3):
                seen = read(source, place + column, LANES)
                red = fma(seen, read_often(layer, weight + 3 * column, LANES), red)
                green = fma(seen, read_often(layer, weight + 3 * column + 1, LANES), green)
                blue = fma(seen, read_often(layer, weight + 3 * column + 2, LANES), blue)
    return red, green, blue


@inner
def _first_layer(source, row, layer, out):
    nothing = splat(np.float32(0), LANES)
    for at in range(row + _START, row + _END, LANES):
        red, green, blue = _convolve(source, at, layer)
        write(out, at, larger(red, nothing))
        write(out, at + _LINE, larger(green, nothing))
        write(out, at + 2 * _LINE, larger(blue, nothing))


@inner
def _second_layer(source, row, layer, out):
    """With what it is given added to it."""
    nothing = splat(np.float32(0), LANES)
    for at in range(row + _START, row + _END, LANES):
        red, green, blue = _convolve(source, at, layer)
        write(out, at, plus(read(source, at, LANES), larger(red, nothing)))
        write(out, at + _LINE, plus(read(source, at + _LINE, LANES), larger(green, nothing)))
        write(out, at + 2 * _LINE, plus(read(source, at + 2 * _LINE, LANES), larger(blue, nothing)))


@inner
def _last_layer(source, row, layer, width, line):
    for x in range(_LEFT, _LEFT + width, LANES):
        red, green, blue = _convolve(source, row + x, layer)
        write(line, x, red)
        write(line, x + _LINE, green)
        write(line, x + 2 * _LINE, blue)


@inner
def _sigmoid(x):
    """As 1/2 + tanh(x / 2) / 2: Lambert's continued fraction for tanh, at an eighth of ``x``, doubled twice.

    With tanh u = odd / even, tanh 2u = 2 odd even / (even^2 + odd^2), so that one division does.
    """
    u = min(max(x, np.float32(-18)), np.float32(18)) * np.float32(0.125)
    s = u * u
    even = np.float32(10395) + s * (np.float32(4725) + s * (np.float32(210) + s))
    odd = u * (np.float32(10395) + s * (np.float32(1260) + s * np.float32(21)))
    odd, even = (odd + odd) * even, even * even + odd * odd
    return _HALF + odd * even / (even * even + odd * odd)


@inner
def _divide(light, residual, out):
    """The picture by its illumination, in grey levels."""
    for i in range(light.shape[0]):
        illumination = min(max(light[i] + _sigmoid(residual[i]), _LEAST), _ONE)
        out[i] = np.uint8(np.int32(np.rint(min(light[i] / illumination, _ONE) * _WHITE)))


@inner
def _blank_beyond(values, row, left, right, columns):
    """The layers see zeros beyond the border of the picture."""
    for channel in range(3):
        line = row + channel * _LINE
        if left == 0:
            values[line : line + _LEFT] = 0
        if right == columns:
            values[line + _LEFT + right - left : line + _LINE] = 0


def enhance_tile(image, weights, out, top, bottom, left, right, floats, bytes_):
    """Brighten one tile.

    Args:
        image: the picture (H, 3 W).
        weights: of three layers, ``LAYER`` numbers each; the normalisation is part of the second one.
        out: is filled (H, 3 W), in the tile.
        top: the first row; ``bottom`` is the one behind the last.
        bottom: see there.
        left: the first column; ``right`` is the one behind the last.
        right: see there.
        floats: scratch memory.
        bytes_: scratch memory.
    """
    image, weights, out, floats, bytes_ = lent(image), lent(weights), lent(out), lent(floats), lent(bytes_)
    rows, columns, width = image.shape[0], image.shape[1] // 3, right - left
    light, first, second = floats[:_MAP], floats[_MAP : 2 * _MAP], floats[2 * _MAP : 3 * _MAP]
    line = floats[3 * _MAP :]
    before, behind = max(left - REACH, 0), min(right + REACH, columns)
    for y in range(top - REACH, bottom + REACH):
        row = (y - top + REACH) * _ROW
        if not 0 <= y < rows:
            light[row : row + _ROW] = 0
            continue
        start, end = row + _LEFT + before - left, row + _LEFT + behind - left
        red, green, blue = (
            light[start:end],
            light[start + _LINE : end + _LINE],
            light[start + 2 * _LINE : end + 2 * _LINE],
        )
        _fetch_colours(image[y, 3 * before : 3 * behind], red, green, blue)
        _blank_beyond(light, row, left, right, columns)
    for y in range(top - 2, bottom + 2):
        row = (y - top + REACH) * _ROW
        if 0 <= y < rows:
            _first_layer(light, row, weights[:LAYER], first)
            _blank_beyond(first, row, left, right, columns)
        else:
            first[row : row + _ROW] = 0
    for y in range(top - 1, bottom + 1):
        row = (y - top + REACH) * _ROW
        if 0 <= y < rows:
            _second_layer(first, row, weights[LAYER : 2 * LAYER], second)
            _blank_beyond(second, row, left, right, columns)
        else:
            second[row : row + _ROW] = 0
    for y in range(top, bottom):
        row = (y - top + REACH) * _ROW
        _last_layer(second, row, weights[2 * LAYER :], width, line)
        for channel in range(3):
            start = _LEFT + channel * _LINE
            _divide(
                light[row + start : row + start + width], line[start : start + width], bytes_[start : start + width]
            )
        join_colours(
            bytes_[_LEFT : _LEFT + width],
            bytes_[_LEFT + _LINE : _LEFT + _LINE + width],
            bytes_[_LEFT + 2 * _LINE : _LEFT + 2 * _LINE + width],
            out[y, 3 * left : 3 * right],
        )
