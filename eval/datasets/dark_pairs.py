"""The bright originals of a dark set: where they lie, and that they are the ones it was made of."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import ScotopicError
from ...files import sha256_of, write_text
from .dark_manifest import MANIFEST, read_dark_manifest
from .texts import read_json, read_text

ORIGINALS = ".originals"
"""File in a dark set that says where its source lies, seen from there; the manifest names no folder of a machine."""


def write_originals(root: Path, source: Path) -> None:
    """Remember where the source of a dark set lies.

    Args:
        root: folder of the dark set, resolved.
        source: absolute folder of the source.
    """
    try:
        where = os.path.relpath(source, root)
    except ValueError:  # another drive
        where = str(source)
    write_text(root / ORIGINALS, f"{Path(where).as_posix()}\n")


def is_dark_set(root: Path) -> bool:
    """Whether a folder has the manifest that `scotopic data darken` writes."""
    if not (root / MANIFEST).is_file():
        return False
    try:
        entries = read_json(root / MANIFEST)
    except ScotopicError:
        return False
    return isinstance(entries, dict) and "recipe" in entries


def find_originals(root: Path) -> Path | None:
    """The folder of the originals as the dark set remembers it; None where it does not, or they lie there no more."""
    if not (root / ORIGINALS).is_file():
        return None
    folder = root.resolve() / read_text(root / ORIGINALS).strip()
    return folder if folder.is_dir() else None


def dark_pairs(root: Path, originals: Path | None) -> dict[str, tuple[Path, Path | None]]:
    """Each picture of a dark set and its original.

    Args:
        root: folder of the dark set.
        originals: folder of the set that it was made of; None where it is not at hand.

    Returns:
        Path in the dark set without suffix -> (dark picture, original or None).

    Raises:
        ScotopicError: the manifest cannot be used, an original is missing, or it has other content than when the dark
            set was made.
    """
    manifest = read_dark_manifest(root)
    pairs: dict[str, tuple[Path, Path | None]] = {}
    for image in manifest.images:
        id_, dark = Path(image.image).with_suffix("").as_posix(), root / image.image
        if originals is None:
            pairs[id_] = dark, None
            continue
        bright = originals / image.source
        if not bright.is_file():
            raise ScotopicError(
                f"{originals} lacks {image.source}, of which {image.image} was made: give the folder of "
                f"{manifest.source} with --reference FOLDER"
            )
        if sha256_of(bright) != image.source_sha256:
            raise ScotopicError(
                f"{bright} has other content than when {root} was made of it: give the same release of "
                f"{manifest.source} with --reference FOLDER"
            )
        pairs[id_] = dark, bright
    return pairs
