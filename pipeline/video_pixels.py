"""Decoded frames as RGB pictures and back, with the video's own colour matrix and range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

# What swscale calls the matrices; it takes BT.601 where a video does not say, and so do OpenCV and most players.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
_BT601, _LIMITED, _FULL = 5, 1, 2


def rgb_of(frame: Any, width: int, height: int) -> np.ndarray:
    """A frame of PyAV, of any pixel format, as uint8 RGB (height, width, 3).

    More than 8 bits are rounded, transparency is dropped, and a frame of another size, as streams may send, is scaled.
    """
    full = frame.color_range == _FULL or frame.format.name.startswith(("yuvj", "rgb", "bgr", "gbr"))
    return frame.to_ndarray(
        format="rgb24",
        width=width,
        height=height,
        src_colorspace=_MATRICES.get(int(frame.colorspace), _BT601),
        src_color_range=_FULL if full else _LIMITED,
    )


def yuv_of(av: Any, image: np.ndarray, color: tuple[int, int, int, int]) -> Any:
    """A uint8 RGB picture (H, W, 3) as a frame of PyAV in yuv420p.

    Args:
        av: the module.
        image: an odd width or height is made even, as yuv420p has it, by repeating the last column or row.
        color: primaries, transfer characteristic, matrix and range that the frame is to have.
    """
    odd = [(0, side % 2) for side in image.shape[:2]]
    if any(rest for _, rest in odd):
        image = np.pad(image, [*odd, (0, 0)], mode="edge")
    primaries, transfer, matrix, extent = color
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=_MATRICES.get(matrix, _BT601),
        src_color_range=_FULL,
        dst_color_range=_FULL if extent == _FULL else _LIMITED,
    )
    frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = primaries, transfer, matrix, extent
    return frame


def yuv_as_decoded(frame: Any, width: int, height: int) -> Any | None:
    """The frame itself, if it can be encoded as it is, without the way over RGB; else None."""
    if frame.format.name != "yuv420p" or width % 2 or height % 2 or (frame.width, frame.height) != (width, height):
        return None
    frame.pict_type = 0  # that of the source would be forced on the encoder
    return frame


def upright(image: np.ndarray, matrix: Sequence[int] | None) -> np.ndarray:
    """Turn and mirror a stored picture (H, W, 3) as a display matrix says.

    Args:
        image: the picture.
        matrix: nine numbers, FFmpeg's AV_PKT_DATA_DISPLAYMATRIX; only quarter turns and mirrorings are applied, which
            is what cameras write.

    >>> quarter_turn = (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)
    >>> upright(np.array([[1, 2], [3, 4]])[..., None], quarter_turn)[..., 0].tolist()
    [[2, 4], [1, 3]]
    """
    if matrix is None:
        return image
    a, b, c, d = (round(matrix[place] / 65536) for place in (0, 1, 3, 4))
    if (abs(a), abs(b), abs(c), abs(d)) == (1, 0, 0, 1):
        right, down = a, d
    elif (abs(a), abs(b), abs(c), abs(d)) == (0, 1, 1, 0):
        image, right, down = image.swapaxes(0, 1), c, b
    else:
        return image
    return np.ascontiguousarray(image[::down, ::right])


def is_quarter_turned(matrix: Sequence[int] | None) -> bool:
    """Whether width and height change places when the picture is turned upright.

    >>> is_quarter_turned((0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)), is_quarter_turned(None)
    (True, False)
    """
    return matrix is not None and [round(matrix[place] / 65536) for place in (0, 4)] == [0, 0]
