"""Label PNGs: read as the ids that stand in the file, never as colours."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import PngImagePlugin

from ...errors import ScotopicError
from ...pipeline.image import image_size
from .segmentation_sample import IGNORED, SegmentationSample

_UNKNOWN = -1
_SHOWN = 8
_SPREAD = {2: 0x55, 4: 0x11}  # Pillow spreads grey of 2 and 4 bits over 0..255 by these factors


def read_label_values(path: str | Path) -> np.ndarray:
    """The ids that a label PNG holds: uint8 (H, W), or uint16 (H, W) of a 16-bit file.

    Grey of any depth gives its values as they stand, a palette PNG the indices into its palette: the colours are not
    looked at. (OpenCV turns a palette into colours, and Pillow stretches grey of two and four bits: neither happens.)

    Raises:
        ScotopicError: there is no file, it is no PNG, it is damaged, or it holds colours or transparency, not ids.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "mask.png"
    ...     Image.fromarray(np.array([[7, 8], [23, 255]], np.uint8)).save(file)
    ...     read_label_values(file).tolist()
    [[7, 8], [23, 255]]
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScotopicError(f"cannot read the mask {path}: {error.strerror}") from None
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ScotopicError(f"the mask {path} is no PNG file: save the ids as an 8-bit grey or palette PNG")
    try:
        with PngImagePlugin.PngImageFile(io.BytesIO(data)) as image:
            mode = image.mode
            values = np.array(image)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ScotopicError(f"the mask {path} is truncated or damaged ({error}): copy it again") from None
    if values.ndim != 2:
        kind = "grey with transparency" if mode == "LA" else "colours"
        raise ScotopicError(
            f"the mask {path} holds {kind} ({mode}), not ids: give the file with one id per pixel, "
            "an 8-bit grey or palette PNG"
        )
    depth = data[24]
    if mode == "L" and depth in _SPREAD:
        values //= _SPREAD[depth]
    return values.astype(np.uint8) if values.dtype == bool else values


@dataclass(frozen=True)
class MaskReader:
    """Reads a sample's mask and puts classes in place of the file's ids.

    Attributes:
        encodings: (how the names of the files end, in lower case; value in the file -> class index or ``IGNORED``);
            the first ending that fits counts.
        remedy: what to do about a value that has no class.
    """

    encodings: tuple[tuple[str, Mapping[int, int]], ...]
    remedy: str

    @cached_property
    def _tables(self) -> list[tuple[str, np.ndarray]]:
        tables = []
        for ending, values in self.encodings:
            table = np.full(2**16, _UNKNOWN, dtype=np.int64)
            for value, index in values.items():
                table[value] = index
            tables.append((ending, table))
        return tables

    def __call__(self, sample: SegmentationSample) -> np.ndarray:
        """Int64 (H, W): the class index of each pixel, or ``IGNORED``.

        Raises:
            ScotopicError: the mask cannot be read as ids, has another size than its image, or holds an id without a
                class.
        """
        values = read_label_values(sample.mask)
        try:
            width, height = image_size(sample.image)
        except ScotopicError:  # said when the picture itself is read; until then the mask stands for what is missed
            height, width = values.shape
        if values.shape != (height, width):
            raise ScotopicError(
                f"the mask {sample.mask} has {values.shape[1]}x{values.shape[0]} pixels, but its image "
                f"{sample.image} has {width}x{height}: give masks of the images' own size"
            )
        table = next(table for ending, table in self._tables if sample.mask.name.lower().endswith(ending))
        labels = table[values]
        if labels.min() == _UNKNOWN:
            unknown = [str(value) for value in np.unique(values[labels == _UNKNOWN])]
            more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
            raise ScotopicError(
                f"the mask {sample.mask} holds ids without a class: {', '.join(unknown[:_SHOWN])}{more}; {self.remedy}"
            )
        return labels

    def describe(self) -> str:
        """Which value is which class, as text: what a fingerprint needs to know."""
        return repr([(ending, sorted(values.items())) for ending, values in self.encodings])


def with_ignored(values: Mapping[int, int]) -> dict[int, int]:
    """The values of a file, and that 255 counts nowhere where it is no class."""
    return {IGNORED: IGNORED, **values}
