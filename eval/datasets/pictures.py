"""Pictures to be judged by how they look: alone, or with a well-lit reference each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...configs.checks import read_yaml
from ...configs.data_schema import PictureData, list_data_presets, load_data_preset
from ...errors import ScotopicError, nearest
from ...files import sha256_of
from ...pipeline.image import find_images
from .dark_pairs import dark_pairs, find_originals, is_dark_set
from .dark_source import find_dark_source

PAIRS = (("low", "high"), ("dark", "clear"), ("input", "target"))
"""Names of two folders side by side that hold the same scenes, dark and well lit; LOL's are the first."""


@dataclass(frozen=True)
class PictureSample:
    """One picture.

    Attributes:
        id: its path in the set without suffix.
        image: the dark picture.
        reference: the well-lit picture of the same scene, or None.
    """

    id: str
    image: Path
    reference: Path | None = None


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Pictures to be judged by how they look.

    Attributes:
        name: how tables call it.
        root: its folder.
        samples: sorted by id.
        without_partner: ids of dark pictures that have no reference, where others have one; they are left out.
    """

    name: str
    root: Path
    samples: tuple[PictureSample, ...]
    without_partner: tuple[str, ...] = field(default=())

    @property
    def paired(self) -> bool:
        """Whether every picture has a reference."""
        return all(sample.reference for sample in self.samples)

    def __len__(self) -> int:
        return len(self.samples)

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) over ids and the content of all files; it does not depend on where they lie."""
        digest = hashlib.sha256()
        for sample in self.samples:
            reference = sha256_of(sample.reference) if sample.reference else ""
            digest.update(f"{sample.id!r} {sha256_of(sample.image)} {reference}\n".encode())
        return digest.hexdigest()


def load_pictures(data: str | Path, reference: str | Path | None = None, split: str | None = None) -> PictureSet:
    """Find pictures, and their references.

    Args:
        data: a folder of pictures (with subfolders); one that holds two folders of ``PAIRS``, as LOL does; a dark set
            that `scotopic data darken` made, whose references are its originals; a labelled set, whose labels are not
            looked at; or a preset of any of these, by its file or its name.
        reference: folder with the well-lit pictures, matched by path without suffix, or of the originals of a dark
            set; looked for in ``data`` when None.
        split: which pictures of a labelled set, as ``--split`` says.

    Raises:
        ScotopicError: no folder, no pictures, no such split, no picture has a reference there, or an original is not
            the one that the dark set was made of.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("low", "high"):
    ...         (Path(folder) / name).mkdir()
    ...         Image.new("RGB", (4, 4)).save(Path(folder) / name / "1.png")
    ...     load_pictures(folder).paired
    True
    """
    path = Path(data).expanduser()
    if path.is_file() and path.suffix in (".yaml", ".yml") and "format" in read_yaml(path):
        return _preset(path, reference, split, beside=path.parent)
    if not path.exists() and str(data) in list_data_presets():
        return _preset(str(data), reference, split)
    if path.is_file():
        return _labelled(path, reference, split)
    if not path.is_dir():
        raise ScotopicError(
            f"no pictures at {data}: give a folder, a preset file or the name of a preset "
            f"({nearest(str(data), list_data_presets('quality'))})"
        )
    return _folder(path, reference, split)


def _preset(
    name: str | Path, reference: str | Path | None, split: str | None, beside: Path | None = None
) -> PictureSet:
    preset = load_data_preset(name)
    if not isinstance(preset, PictureData):
        return _labelled(name, reference, split)
    path = preset.path(beside)
    if not path.is_dir():
        raise ScotopicError(
            f"the preset {name} has its data at {path}, where nothing is: put it there, "
            "or set SCOTOPIC_DATA to the folder that holds it"
        )
    return replace(_folder(path, reference or preset.reference_path(beside), split), name=preset.name)


def _folder(root: Path, reference: str | Path | None, split: str | None) -> PictureSet:
    if is_dark_set(root):
        return _dark_set(root, reference, split)
    pair = _sides(root) if reference is None else None
    if pair is None:
        if reference is None and (parts := [part.name for part in sorted(root.iterdir()) if _sides(part)]):
            raise ScotopicError(f"{root} holds the pairs of {', '.join(parts)}: give one of these folders")
        return _labelled(root, reference, split)
    if split:
        raise ScotopicError(f"{root} holds pairs without labels, which have no splits: leave --split out")
    dark, bright = pair
    return replace(_with_references(root.name, dark, _by_id(dark), bright), root=root)


def _sides(root: Path) -> tuple[Path, Path] | None:
    """The two folders of a paired set."""
    sides = ((root / low, root / high) for low, high in PAIRS)
    return next(((low, high) for low, high in sides if low.is_dir() and high.is_dir()), None)


def _dark_set(root: Path, reference: str | Path | None, split: str | None) -> PictureSet:
    originals = find_originals(root) if reference is None else _existing(reference)
    pairs = dark_pairs(root, originals)
    if split:
        chosen = {image.resolve() for image in find_dark_source(root, split).images}
        pairs = {id_: pair for id_, pair in pairs.items() if pair[0].resolve() in chosen}
    samples = tuple(PictureSample(id_, dark, bright) for id_, (dark, bright) in sorted(pairs.items()))
    return PictureSet(f"{root.name}:{split}" if split else root.name, root, samples)


def _labelled(data: str | Path, reference: str | Path | None, split: str | None) -> PictureSet:
    """The pictures of a set whatever its labels, or of a folder that has none."""
    source = find_dark_source(data, split)
    own = dict(sorted((source.key(image), image) for image in source.images))
    return _with_references(source.name, source.root, own, None if reference is None else _existing(reference))


def _with_references(name: str, root: Path, own: Mapping[str, Path], reference: Path | None) -> PictureSet:
    if reference is None:
        return PictureSet(name, root, tuple(PictureSample(id_, path) for id_, path in own.items()))
    theirs = _by_id(reference)
    samples = tuple(PictureSample(id_, path, theirs[id_]) for id_, path in own.items() if id_ in theirs)
    if not samples:
        raise ScotopicError(
            f"no picture of {root} has a reference in {reference}: both need the same names, as {next(iter(own))}"
        )
    return PictureSet(name, root, samples, tuple(id_ for id_ in own if id_ not in theirs))


def _existing(reference: str | Path) -> Path:
    folder = Path(reference).expanduser()
    if not folder.is_dir():
        raise ScotopicError(f"no folder of reference pictures at {reference}: check the path")
    return folder


def _by_id(folder: Path) -> Mapping[str, Path]:
    found = {relative.with_suffix("").as_posix(): path for path, relative in find_images([folder])}
    return dict(sorted(found.items()))
