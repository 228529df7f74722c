"""Pictures in and out: always uint8 RGB (H, W, 3) inside, whatever the file holds."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..errors import ScotopicError
from ..files import whole_file

IMAGE_SUFFIXES = frozenset({".bmp", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".ppm", ".jp2"})
JPEG_QUALITY = 95
LONGEST_SIDE = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}
"""Pixels that a picture may have each way in these formats."""


def read_image(path: str | Path) -> np.ndarray:
    """Read any picture as uint8 RGB (H, W, 3).

    16-bit is scaled to 8, grey is repeated over the three channels, alpha is dropped, EXIF orientation is applied:
    the same pixels that OpenCV and the ultralytics loaders deliver (of 16 bits they cut the lower eight off, where
    this rounds: one grey level at most).

    Raises:
        ScotopicError: the file is missing, empty, truncated or no picture.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ScotopicError(f"no image at {path}: check the path") from None
    except IsADirectoryError:
        raise ScotopicError(f"{path} is a folder, not an image") from None
    except OSError as error:
        raise ScotopicError(f"cannot read the image {path}: {error.strerror}") from None
    if not data:
        raise ScotopicError(f"the image {path} is empty (0 bytes): copy it again")
    _refuse_truncated(data, path)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    except cv2.error:  # more pixels than OpenCV takes, or a header that makes no sense
        pixels = None
    if pixels is None:
        raise ScotopicError(f"{path} is not an image that can be decoded: give a JPEG, PNG, BMP, TIFF or WebP file")
    if pixels.dtype == np.uint16:
        pixels = _to_8_bits(pixels)
    elif pixels.dtype != np.uint8:
        raise ScotopicError(f"{path} holds {pixels.dtype} pixels, whose range is unknown: save it with 8 or 16 bits")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def contiguous(image: np.ndarray) -> np.ndarray:
    """The same picture (H, W, 3) in memory of its own kind: itself, if its numbers lie side by side already.

    A view with the colours turned round, ``image[..., ::-1]``, is what this is for: OpenCV turns them ten times as fast
    as numpy.

    >>> blue = np.array([[[255, 2, 1]]], np.uint8)
    >>> contiguous(blue[..., ::-1]).tolist(), contiguous(blue) is blue
    ([[[1, 2, 255]]], True)
    """
    if image.flags.c_contiguous:
        return image
    turned = image[..., ::-1]
    if turned.flags.c_contiguous and image.dtype == np.uint8:
        return cv2.cvtColor(turned, cv2.COLOR_RGB2BGR)
    return np.ascontiguousarray(image)


def _to_8_bits(pixels: np.ndarray) -> np.ndarray:
    """0..65535 -> 0..255, rounded."""
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _refuse_truncated(data: bytes, path: Path) -> None:
    """OpenCV 4 fills the missing rest of a cut JPEG with grey and says nothing; Pillow notices.

    A file that ends as its format says is whole, so that the second decoding is rare.
    """
    if data[:2] == b"\xff\xd8" and data.rstrip(b"\x00")[-2:] == b"\xff\xd9":
        return
    if data[:4] == b"\x89PNG" and data[-8:-4] == b"IEND":
        return
    try:
        with _pillow_open(io.BytesIO(data)) as image:
            image.load()
    except (Image.UnidentifiedImageError, Image.DecompressionBombError):
        return  # Pillow does not know it, or finds it too large; OpenCV has the last word
    except (OSError, SyntaxError, ValueError) as error:
        raise ScotopicError(f"the image {path} is truncated or damaged ({error}): copy it again") from None


def _pillow_open(file: Path | io.BytesIO) -> Image.Image:
    """Pillow's own ``Image.open``: ultralytics puts one in its place that installs a package to read unknown files."""
    patches = sys.modules.get("ultralytics.utils.patches")
    try:
        return getattr(patches, "_image_open", Image.open)(file)
    except ImportError as error:
        raise Image.UnidentifiedImageError(str(error)) from None


def image_size(path: str | Path) -> tuple[int, int]:
    """(width, height) as :func:`read_image` would deliver it: from the header, but for a picture to be turned.

    Which formats Pillow and OpenCV turn by themselves differs between their releases: such a picture is decoded.

    Raises:
        ScotopicError: there is no readable header, or a picture to be turned cannot be decoded.
    """
    try:
        with _pillow_open(Path(path)) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except FileNotFoundError:
        raise ScotopicError(f"no image at {path}: check the path") from None
    except Image.DecompressionBombError:  # over 179 million pixels; OpenCV takes six times as many
        width, height, turned = 0, 0, True
    except (OSError, SyntaxError, ValueError):
        raise ScotopicError(f"{path} is not an image that can be read") from None
    if turned:
        height, width = read_image(path).shape[:2]
    return width, height


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write uint8 RGB (H, W, 3); the suffix chooses the format. The file appears whole or not at all.

    Raises:
        ScotopicError: the suffix names no format that can be written or one in which such a large picture cannot be, or
            the folder cannot be written.
    """
    path = Path(path)
    height, width = image.shape[:2]
    if max(height, width) > (most := LONGEST_SIDE.get(path.suffix.lower(), sys.maxsize)):
        raise ScotopicError(
            f"cannot write {path}: {width}x{height} pixels do not fit into {path.suffix}, which takes sides of up to "
            f"{most:,}: use .png or .tif"
        )
    parameters = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix.lower() in (".jpg", ".jpeg") else []
    try:
        done, data = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), parameters)
    except cv2.error:
        done, data = False, None
    if not done or data is None:
        raise ScotopicError(f"cannot write {path}: use .png, .jpg, .bmp, .tif or .webp")
    with whole_file(path) as temporary:
        temporary.write_bytes(data.tobytes())


def find_images(sources: list[Path]) -> list[tuple[Path, Path]]:
    """Expand files and folders to (image, path relative to the source it came from), sorted by name.

    Raises:
        ScotopicError: a source does not exist, or a folder holds no image.
    """
    found: list[tuple[Path, Path]] = []
    for source in sources:
        if source.is_dir():
            inside = sorted(p for p in source.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
            if not inside:
                raise ScotopicError(f"no images in {source}: looked for {', '.join(sorted(IMAGE_SUFFIXES))}")
            found += [(p, p.relative_to(source)) for p in inside]
        elif source.exists():
            found.append((source, Path(source.name)))
        else:
            raise ScotopicError(f"no image or folder at {source}: check the path")
    return found
