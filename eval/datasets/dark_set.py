"""Build a dark set from a bright one: the pictures darkened, everything else the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np

from ...errors import ScotopicError
from ...files import output_folder, sha256_of, whole_file, write_json, write_text
from ...pipeline.image import read_image
from ..journal import Journal
from .dark_manifest import MANIFEST, DarkImage, DarkManifest, read_dark_manifest, versions
from .dark_pairs import write_originals
from .dark_source import DarkSource, link_file
from .recipes import Recipe, seed_of

JOURNAL = ".darken.jsonl"
_JPEG = (".jpg", ".jpeg")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DarkSet:
    """What was built.

    Attributes:
        root: the new folder.
        manifest: also in root/manifest.json.
        kept: how many pictures were there already, from an earlier run.
    """

    root: Path
    manifest: DarkManifest
    kept: int

    @property
    def mean_luma(self) -> float:
        """Mean BT.601 luma of its pictures, 0..255."""
        return fmean(image.mean_luma for image in self.manifest.images)


def build_dark_set(
    source: DarkSource,
    out: str | Path,
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    manifest: DarkManifest | None = None,
    progress: Progress | None = None,
) -> DarkSet:
    """Darken the pictures of a set into a new folder with the same layout, labels linked.

    A picture keeps its name, with ``.png``, or with ``.jpg`` where the recipe has a JPEG quality. Where labels name
    whole file names (COCO, BDD100K) or a layout asks for one suffix, the name stays as it is and a PNG lies under it,
    whatever the suffix says: readers go by the content. Label files are hard links where the file system allows, else
    copies. A run that was interrupted goes on where it stopped; a finished set is checked and left as it is.

    Args:
        source: see :func:`~.dark_source.find_dark_source`.
        out: the new folder.
        recipe: see :func:`~.recipes.parse_recipe`; may be left out with a manifest.
        seed: of all that is drawn; a picture's own seed comes from it and from the picture's path alone.
        manifest: of a dark set that is to be made again: its recipe and seed are taken, and every source and every
            result must have the SHA-256 that it says.
        progress: called with (pictures done, pictures in all).

    Raises:
        ScotopicError: ``out`` is the source, in it, or another set; it cannot be written; two pictures would get one
            name; a picture differs from the manifest; or the result is not read as the source is.
    """
    if manifest is not None:
        if recipe is not None and recipe != manifest.made_by():
            raise ScotopicError(f"the manifest says {manifest.spec()}, not this recipe: leave --recipe out")
        recipe, seed = manifest.made_by(), manifest.seed
    if recipe is None:
        raise ScotopicError(
            "--recipe is missing: give --recipe gamma, lightness, exposure or lowlight, or a --manifest"
        )
    making = _Making(source, _checked_folder(source.root, Path(out)), recipe, seed, manifest)
    plan = making.plan()
    earlier = making.finished_before()
    output_folder(making.out)

    images: list[DarkImage] = []
    unreadable: list[str] = []
    kept = 0
    with Journal(making.out / JOURNAL, making.key()) as journal:
        earlier |= {line["source"]: DarkImage.model_validate(line) for line in journal}
        earlier |= making.expected
        for done, (name, target) in enumerate(plan.items(), start=1):
            image = making.still_there(earlier.get(name), target)
            kept += image is not None
            if image is None and (image := making.darken(name, target)) is None:
                unreadable.append(name)
            if image is not None:
                images.append(image)
                journal.add(image.model_dump())
            if progress:
                progress(done, len(plan))
    if not images:
        raise ScotopicError(f"none of the {len(plan)} pictures of {source.name} can be read, such as {unreadable[0]}")
    making.link_labels()
    making.check(images)
    made = making.manifest(images, unreadable)
    write_json(making.out / MANIFEST, made.model_dump())
    write_originals(making.out, source.root)
    journal.remove()
    return DarkSet(making.out, made, kept)


def _checked_folder(root: Path, out: Path) -> Path:
    whole, real_root = out.expanduser().resolve(), root.resolve()
    if whole == real_root:
        raise ScotopicError(f"{out} is the source itself: choose another output folder")
    if whole.is_relative_to(real_root) or real_root.is_relative_to(whole):
        raise ScotopicError(f"{out} and the source {root} lie one in the other: choose an output folder beside it")
    return whole


@dataclass(frozen=True)
class _Making:
    """A dark set in the making."""

    source: DarkSource
    out: Path
    recipe: Recipe
    seed: int
    wanted: DarkManifest | None
    expected: dict[str, DarkImage] = field(init=False)

    def __post_init__(self) -> None:
        images = self.wanted.images if self.wanted else []
        object.__setattr__(self, "expected", {image.source: image for image in images})

    def manifest(self, images: list[DarkImage], unreadable: list[str]) -> DarkManifest:
        return DarkManifest(
            source=self.wanted.source if self.wanted else self.source.name,
            split=self.wanted.split if self.wanted else self.source.split,
            recipe=self.recipe.name,
            options=self.recipe.model_dump(),
            seed=self.seed,
            versions=versions(),
            rewritten=sorted(self.source.rewritten),
            unreadable=self.wanted.unreadable if self.wanted else unreadable,
            images=images,
        )

    def key(self) -> str:
        """Pictures of an interrupted run count only where all that decides them is the same."""
        options = sorted(self.recipe.model_dump().items())
        return repr([self.source.name, self.source.split, self.recipe.name, options, self.seed, versions()])

    def plan(self) -> dict[str, str]:
        """Path of each picture below the source's root -> path of its result below the new root."""
        names = [image.relative_to(self.source.root).as_posix() for image in self.source.images]
        if self.wanted is not None:
            missing = sorted(self.expected.keys() - set(names))
            if missing:
                raise ScotopicError(
                    f"{self.source.name} lacks {len(missing)} of the {len(self.expected)} pictures of the manifest, "
                    f"such as {missing[0]}: give the set that it was made of"
                )
            return {name: image.image for name, image in self.expected.items()}
        plan = {name: self._target(name) for name in names}
        taken: dict[str, str] = {}
        for name, target in plan.items():
            other = taken.setdefault(target.casefold(), name)
            if other != name:
                raise ScotopicError(f"{other} and {name} of {self.source.root} would both be {target}: rename one")
        return plan

    def _target(self, name: str) -> str:
        path = Path(name)
        if self.recipe.quality is not None and path.suffix.lower() in _JPEG:
            return name
        preferred = path.with_suffix(".png" if self.recipe.quality is None else ".jpg")
        return preferred.as_posix() if self.source.fits(preferred.name) else name

    def finished_before(self) -> dict[str, DarkImage]:
        """The pictures of this very set, where it stands in the folder already.

        Raises:
            ScotopicError: another set or other files are in the folder.
        """
        if not self.out.is_dir() or not any(self.out.iterdir()):
            return {}
        if (self.out / MANIFEST).is_file():
            there, mine = read_dark_manifest(self.out), self.manifest([], [])
            if there.identity() != mine.identity():
                raise ScotopicError(
                    f"{self.out} holds another dark set, {there.source} by {there.spec()} with seed {there.seed}: "
                    "choose another output folder"
                )
            return {image.source: image for image in there.images} if there.versions == mine.versions else {}
        if not (self.out / JOURNAL).is_file():
            raise ScotopicError(f"{self.out} is not empty and holds no dark set: choose another output folder")
        if _of_another_run(self.out / JOURNAL, self.key()):
            raise ScotopicError(
                f"{self.out} holds another dark set that was not finished: choose another output folder, or delete it"
            )
        return {}

    def still_there(self, image: DarkImage | None, target: str) -> DarkImage | None:
        """The record of an earlier run or of the manifest, if source and result are what it says."""
        path = self.out / target
        if image is None or image.image != target or not path.is_file():
            return None
        same = sha256_of(self.source.root / image.source) == image.source_sha256 and sha256_of(path) == image.sha256
        return image if same else None

    def darken(self, name: str, target: str) -> DarkImage | None:
        """Make one picture; None if the source cannot be read.

        Raises:
            ScotopicError: source or result are not what the manifest says.
        """
        path, expected = self.source.root / name, self.expected.get(name)
        try:
            bright = read_image(path)
        except ScotopicError:
            if expected:
                raise
            return None
        digest = sha256_of(path)
        if expected and expected.source_sha256 != digest:
            raise ScotopicError(
                f"{path} has other content than the manifest says: use the same release of {self.source.name}"
            )
        dark, drawn = self.recipe.apply(bright, seed_of(self.seed, self.source.key(path)))
        with whole_file(self.out / target) as temporary:
            temporary.write_bytes(encode(dark, Path(target).suffix, self.recipe.quality))
            made = sha256_of(temporary)
            if expected and self.wanted and expected.sha256 != made:
                raise ScotopicError(
                    f"{target} comes out otherwise than the manifest says{self.wanted.other_versions()}"
                )
        red, green, blue, _ = cv2.mean(dark)
        luma = round(0.299 * red + 0.587 * green + 0.114 * blue, 2)
        return DarkImage(source=name, source_sha256=digest, image=target, sha256=made, mean_luma=luma, drawn=drawn)

    def link_labels(self) -> None:
        for file in self.source.linked:
            link_file(file, self.out / file.relative_to(self.source.root))
        for name, text in self.source.rewritten.items():
            write_text(self.out / name, text)

    def check(self, images: list[DarkImage]) -> None:
        """The result must be read as the source is: the same pictures, with the same labels."""
        if self.source.contents is None:
            return
        wanted = {Path(image.source).with_suffix("").as_posix() for image in images}
        bright = {key: labels for key, labels in self.source.contents(self.source.root).items() if key in wanted}
        try:
            dark = self.source.contents(self.out)
        except ValueError as error:  # ScotopicError is one too; pathlib's own says that a picture lies elsewhere
            raise ScotopicError(f"{self.out} cannot be read as {self.source.name} is ({error})") from None
        for key in sorted(bright.keys() | dark.keys()):
            if bright.get(key) != dark.get(key):
                raise ScotopicError(f"{key} does not have the same labels in {self.out} as in {self.source.name}")


def _of_another_run(journal: Path, key: str) -> bool:
    """Whether pictures stand in it that were made otherwise."""
    lines = journal.read_text(encoding="utf-8", errors="replace").count("\n")
    return lines > 1 and next(iter(Journal(journal, key)), None) is None


def encode(image: np.ndarray, suffix: str, quality: int | None) -> bytes:
    """JPEG under a JPEG's suffix, else PNG; with a quality the pixels have gone through JPEG either way.

    >>> encode(np.zeros((2, 2, 3), np.uint8), ".jpg", None)[1:4], encode(np.zeros((2, 2, 3), np.uint8), ".jpg", 90)[:2]
    (b'PNG', b'\\xff\\xd8')
    """
    pixels: np.ndarray | None = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    if quality is not None:
        data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if suffix.lower() in _JPEG:
            return data.tobytes()
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if pixels is None:
        raise ScotopicError("OpenCV cannot read the JPEG that it wrote: install opencv-python again")
    return cv2.imencode(".png", pixels)[1].tobytes()
