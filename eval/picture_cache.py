"""Pictures decoded and measured once for all the enhancers of a comparison."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..pipeline.image import read_image
from .darkness import measure_darkness

PICTURE_MEMORY = 2**29
"""Bytes: 190 pictures of 1280x720."""


class PictureCache:
    """Keeps the pictures that it reads first, as many as fit, since all are asked for in turn again and again.

    Args:
        most: bytes of memory.

    >>> import tempfile
    >>> from scotopic.pipeline.image import write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.png"
    ...     write_image(file, np.full((2, 2, 3), 7, np.uint8))
    ...     cache = PictureCache()
    ...     first = cache.read(file)
    >>> first[:] = 0
    >>> int(cache.read(file).min())  # of the file that is gone; what somebody did to a picture does not show
    7
    """

    def __init__(self, most: int = PICTURE_MEMORY) -> None:
        self._left = most
        self._kept: dict[Path, np.ndarray] = {}
        self._darkness: dict[Path, dict[str, float]] = {}

    def read(self, path: Path) -> np.ndarray:
        """uint8 RGB (H, W, 3), the caller's own.

        Raises:
            ScotopicError: it cannot be read; it is tried anew the next time.
        """
        kept = self._kept.get(path)
        if kept is not None:
            return kept.copy()
        image = read_image(path)
        if image.nbytes <= self._left:
            self._left -= image.nbytes
            self._kept[path] = image.copy()
        return image

    def darkness(self, path: Path, image: np.ndarray) -> dict[str, float]:
        """How dark ``image`` is, which was read from ``path``; it is looked at the first time alone."""
        if path not in self._darkness:
            self._darkness[path] = measure_darkness(image)
        return self._darkness[path]
