"""Pictures without labels: alone, or with a well-lit reference each."""

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


def load_pictures(data: str | Path, reference: str | Path | None = None) -> PictureSet:
    """Find the pictures in a folder, and their references.

    Args:
        data: a folder of pictures (with subfolders), or one that holds two folders of ``PAIRS``, as LOL does; or a
            preset of such a folder, by its file or its name.
        reference: folder with the well-lit pictures, matched by path without suffix; looked for in ``data`` when None.

    Raises:
        ScotopicError: no folder, no pictures, or no picture has a reference there.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("low", "high"):
    ...         (Path(folder) / name).mkdir()
    ...         Image.new("RGB", (4, 4)).save(Path(folder) / name / "1.png")
    ...     load_pictures(folder).paired
    True
    """
    root = Path(data).expanduser()
    if root.is_file() and root.suffix in (".yaml", ".yml") and "format" in read_yaml(root):
        return _preset(root, reference, beside=root.parent)
    if not root.exists() and str(data) in list_data_presets():
        return _preset(str(data), reference)
    if not root.is_dir():
        raise ScotopicError(
            f"no pictures at {data}: give a folder, a preset file or the name of a preset "
            f"({nearest(str(data), list_data_presets('quality'))})"
        )
    dark = root
    if reference is None:
        for low, high in PAIRS:
            if (root / low).is_dir() and (root / high).is_dir():
                dark, reference = root / low, root / high
                break
    own = _by_id(dark)
    if reference is None:
        return PictureSet(root.name, root, tuple(PictureSample(id_, path) for id_, path in own.items()))
    if not Path(reference).is_dir():
        raise ScotopicError(f"no folder of reference pictures at {reference}: check the path")
    theirs = _by_id(Path(reference))
    samples = tuple(PictureSample(id_, path, theirs[id_]) for id_, path in own.items() if id_ in theirs)
    if not samples:
        raise ScotopicError(
            f"no picture of {dark} has a reference in {reference}: both need the same names, as {next(iter(own))}"
        )
    return PictureSet(root.name, root, samples, tuple(id_ for id_ in own if id_ not in theirs))


def _preset(name: str | Path, reference: str | Path | None, beside: Path | None = None) -> PictureSet:
    preset = load_data_preset(name)
    if not isinstance(preset, PictureData):
        raise ScotopicError(
            f"the preset {name} describes {preset.kind} ({preset.format}), not pictures: give the folder of its "
            f"pictures, or choose one of {', '.join(list_data_presets('quality'))}"
        )
    path = preset.path(beside)
    if not path.is_dir():
        raise ScotopicError(
            f"the preset {name} has its data at {path}, where nothing is: put it there, "
            "or set SCOTOPIC_DATA to the folder that holds it"
        )
    return replace(load_pictures(path, reference), name=preset.name)


def _by_id(folder: Path) -> Mapping[str, Path]:
    found = {relative.with_suffix("").as_posix(): path for path, relative in find_images([folder])}
    return dict(sorted(found.items()))
