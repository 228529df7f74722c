"""Which pictures a command reads, and where it writes what it makes of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ..errors import ScotopicError
from ..files import output_folder
from ..pipeline.image import IMAGE_SUFFIXES, find_images
from ..pipeline.video import VIDEO_SUFFIXES


def picture_folder(out: Path) -> Path:
    """The folder for pictures, made if need be.

    Raises:
        ScotopicError: it bears the name of a picture or video, or cannot be written.
    """
    if out.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES and not out.is_dir():
        raise ScotopicError(f"pictures are written into a folder, and {out} would be a file: give a folder with --out")
    return output_folder(out)


def plan_pictures(sources: list[Path], folder: Path, jpeg: bool = False) -> list[tuple[Path, Path]]:
    """Pairs of (image, file to write) for files and folders; a folder's structure is kept.

    Pictures below ``folder`` are left out: they are results of an earlier run.

    Args:
        sources: images and folders.
        folder: where the results go.
        jpeg: write JPEG whatever the source is (``a.png`` becomes ``a.png.jpg``).

    Raises:
        ScotopicError: no such source, a result would overwrite its source, or two results would be one file.
    """
    inside = folder.resolve()
    images = [(image, relative) for image, relative in find_images(sources) if inside not in image.resolve().parents]
    plan = [(image, folder / (_as_jpeg(relative) if jpeg else relative)) for image, relative in images]
    if not plan:
        raise ScotopicError(f"all pictures lie in the output folder {folder}: choose another one with --out")
    originals = {image.resolve() for image, _ in plan}
    for target, times in Counter(target for _, target in plan).items():
        if times > 1:
            raise ScotopicError(f"{times} sources would become {target}: write them into different folders")
        if target.resolve() in originals:
            raise ScotopicError(f"{target} would overwrite its own source: choose another folder with --out")
    return plan


def _as_jpeg(path: Path) -> Path:
    return path if path.suffix.lower() in (".jpg", ".jpeg") else path.with_name(path.name + ".jpg")
