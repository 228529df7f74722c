"""Compiled loops: the colours of a picture whose luminance goes through a curve, in the very numbers of OpenCV's way.

Each sum and product is rounded as in :func:`~..enhancers.classical.luminance.relight_with_opencv`: nothing here may be
compiled with ``fastmath``. The loops are short and none reads what it writes, so the compiler makes vectors of them.
"""

from __future__ import annotations

import numba
import numpy as np

from .numba_shared import join_colours

SHARED = "a74dba0ddbc0"
"""Which state of the shared files this one goes with; see :mod:`.numba_shared`."""

BLOCK = 1024
"""Pixels that go through all loops before the next ones, so that what is kept in between stays in the first cache."""
FLOATS, BYTES = 3 * BLOCK, 6 * BLOCK
"""Numbers of scratch memory for one thread."""

SIGNATURE = numba.void(
    numba.types.Array(numba.uint8, 1, "C", readonly=True),
    numba.types.Array(numba.uint8, 1, "C", readonly=True),
    numba.types.Array(numba.float32, 1, "C", readonly=True),
    numba.types.Array(numba.float32, 1, "C", readonly=True),
    numba.uint8[::1],
    numba.int64,
    numba.int64,
    numba.float32[::1],
    numba.uint8[::1],
)

_inner = numba.njit(nogil=True, error_model="numpy")
_ONE, _WHITE, _LEAST = np.float32(1), np.float32(255), np.float32(1e-3)
_FIRST, _SECOND = np.uint64(1), np.uint64(2)  # places without a sign need no check for negative ones


@_inner
def _part_channels(colours, red, green, blue):
    for i in range(red.shape[0]):
        at = np.uint64(3) * np.uint64(i)
        red[i] = colours[at]
        green[i] = colours[at + _FIRST]
        blue[i] = colours[at + _SECOND]


@_inner
def _look_up(luma, curve, target):
    for i in range(luma.shape[0]):
        target[i] = curve[luma[i]]


@_inner
def _exact_luma(red, green, blue, weights):
    """As by ``cv2.transform`` where a product and its sum are rounded together; in its order: green, red, blue.

    In double precision both are exact, on every processor, as 8 and 24 bits make 32.
    """
    first = np.float64(np.float32(green) * weights[1])
    second = np.float64(np.float32(np.float64(red) * np.float64(weights[0]) + first))
    return np.float32(np.float64(blue) * np.float64(weights[2]) + second)


@_inner
def _mix(red, green, blue, weights, black, target, factor, grey):
    """What each pixel is multiplied with, and what is added to it."""
    for i in range(red.shape[0]):
        exact = _exact_luma(red[i], green[i], blue[i], weights)
        wanted = target[i]
        times = wanted / max(exact, _LEAST)
        excess = np.float32(max(red[i], green[i], blue[i])) * times
        mixed = (_WHITE - wanted) / max(excess - wanted, _LEAST)
        share = mixed if excess > _WHITE else _ONE
        factor[i] = times * share
        grey[i] = black if exact == 0 else wanted * (_ONE - share)


@_inner
def _scale(channel, factor, grey, out):
    for i in range(channel.shape[0]):
        out[i] = np.uint8(np.int32(min(np.rint(np.float32(channel[i]) * factor[i] + grey[i]), _WHITE)))


def relight_pixels(image, luma, curve, weights, out, first, last, floats, bytes_):
    """Give the pixels from ``first`` to before ``last`` the luminance that the curve says.

    Args:
        image: the picture, pixel by pixel (3 H W).
        luma: its rounded luminance (H W).
        curve: the new luminance of each of 256 levels.
        weights: what the luminance is made of, three numbers.
        out: is filled (3 H W).
        first: a pixel.
        last: another.
        floats: scratch memory.
        bytes_: scratch memory.
    """
    for start in range(first, last, BLOCK):
        end = min(start + BLOCK, last)
        size = end - start
        target, factor, grey = floats[:size], floats[BLOCK : BLOCK + size], floats[2 * BLOCK : 2 * BLOCK + size]
        red, green, blue = bytes_[:size], bytes_[BLOCK : BLOCK + size], bytes_[2 * BLOCK : 2 * BLOCK + size]
        new_red, new_green = bytes_[3 * BLOCK : 3 * BLOCK + size], bytes_[4 * BLOCK : 4 * BLOCK + size]
        new_blue = bytes_[5 * BLOCK : 5 * BLOCK + size]
        _part_channels(image[3 * start : 3 * end], red, green, blue)
        _look_up(luma[start:end], curve, target)
        _mix(red, green, blue, weights, curve[0], target, factor, grey)
        _scale(red, factor, grey, new_red)
        _scale(green, factor, grey, new_green)
        _scale(blue, factor, grey, new_blue)
        join_colours(new_red, new_green, new_blue, out[3 * start : 3 * end])
