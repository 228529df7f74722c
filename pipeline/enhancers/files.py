"""`folder:DIR`: ready-made pictures of any method, matched by file name."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ...errors import ScotopicError
from ...files import sha256_of
from ..contract import Enhancer, EnhancerInfo, check_image
from ..image import IMAGE_SUFFIXES, read_image
from ..registry import register_enhancer


@register_enhancer
class Folder(Enhancer):
    """Deliver what another program made of the same pictures, so that any method can stand in a comparison.

    A picture is found by its file name without the suffix (``a.jpg`` finds ``DIR/a.png``), and must have the size of
    the original. It needs the name of each picture, so it works on files, not on bare arrays or tensors.

    Args:
        directory: the folder with the enhanced pictures (no subfolders).

    Raises:
        ScotopicError: the folder does not exist or holds no image; a picture is missing, ambiguous, or of another size.
    """

    info = EnhancerInfo(
        name="folder",
        summary="Ready-made pictures from folder:DIR, matched by file name.",
        kind="files",
        code_licence="not known here",
        weights_licence="not known here",
        in_graph=False,
    )

    def __init__(self, directory: str | Path) -> None:
        super().__init__()
        self.directory = Path(directory).expanduser()
        if not self.directory.is_dir():
            raise ScotopicError(f"no folder {self.directory}: write folder:DIR with the folder of enhanced pictures")
        self._files: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(self.directory.iterdir()):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
                self._files[path.stem].append(path)
        if not self._files:
            raise ScotopicError(f"no images in {self.directory}: give the folder that holds the enhanced pictures")

    def enhance_named(self, image: np.ndarray, name: str) -> np.ndarray:
        """The picture in the folder that bears this name, for the original ``image``, uint8 RGB (H, W, 3)."""
        check_image(image)
        found = self._files.get(Path(name).stem, [])
        if not found:
            raise ScotopicError(f"{self.directory} has no enhanced picture for {name}")
        if len(found) > 1:
            raise ScotopicError(f"{self.directory} has {len(found)} pictures for {name}: keep one of them")
        enhanced = read_image(found[0])
        if enhanced.shape != image.shape:
            (h, w), (eh, ew) = image.shape[:2], enhanced.shape[:2]
            raise ScotopicError(
                f"{found[0]} is {ew}x{eh} but {name} is {w}x{h}, so labels and references would not fit: "
                "enhance the picture at its own size"
            )
        return enhanced

    def check_files(self, files: Sequence[Path]) -> None:
        """Two files of one name would both get the one picture in the folder, and one of them a wrong one."""
        first: dict[str, Path] = {}
        for file in files:
            if (other := first.setdefault(file.stem, file)) != file:
                raise ScotopicError(
                    f"folder:{self.directory} goes by file names, and {other} and {file} have the same: rename one of "
                    "them, or compare the folders of the set one by one"
                )

    def fingerprint(self) -> str:
        """SHA-256 over the pictures in the folder too."""
        digest = hashlib.sha256(super().fingerprint().encode())
        for path in sorted(path for paths in self._files.values() for path in paths):
            digest.update(f"{path.name} {sha256_of(path)}".encode())
        return digest.hexdigest()

    def enhance(self, image: np.ndarray) -> np.ndarray:
        raise ScotopicError("folder:DIR finds pictures by file name, so it works on image files, not on bare arrays")

    def transform(self, x: Tensor) -> Tensor:
        raise ScotopicError("folder:DIR finds pictures by file name, so it works on image files, not on tensors")
