"""DarkCityScape: 150 frames of Cityscapes' validation split, darkened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...errors import ScotopicError
from .dark_manifest import DarkManifest
from .dark_set import DarkSet, Progress, build_dark_set
from .dark_source import DarkSource, find_dark_source
from .mask_layouts import LAYOUTS
from .recipes import Lightness, Recipe

COUNT = 150
SPLIT = "val"


def build_darkcityscape(
    cityscapes: str | Path,
    out: str | Path,
    recipe: Recipe | None = None,
    *,
    count: int = COUNT,
    seed: int = 0,
    manifest: DarkManifest | None = None,
    progress: Progress | None = None,
) -> DarkSet:
    """Make a DarkCityScape: the first ``count`` validation frames by name, darkened, with their label ids linked.

    Which 150 frames the paper took is not published. The three that are come from the head of the list by name, so
    that the first 150 are the likeliest choice, and one that anybody can repeat.

    Args:
        cityscapes: folder with leftImg8bit/val and gtFine/val.
        out: the new folder, in Cityscapes' own layout; ``--data`` reads it with ``--split val``.
        recipe: HLS lightness times 0.1 unless given: that is how the three published frames were made.
        count: how many frames.
        seed, manifest, progress: as for :func:`~.dark_set.build_dark_set`; a manifest chooses the frames too.

    Raises:
        ScotopicError: it is no Cityscapes folder, it has fewer frames, or as for ``build_dark_set``.
    """
    if not LAYOUTS["cityscapes"].claims(Path(cityscapes)):
        raise ScotopicError(
            f"{cityscapes} is no Cityscapes folder: looked for leftImg8bit/val/<city>/*_leftImg8bit.png and "
            "gtFine/val/<city>/*_gtFine_labelIds.png"
        )
    source = find_dark_source(cityscapes, SPLIT)
    if manifest is None:
        recipe = recipe or Lightness()
        chosen = _first_frames(source, count)
    else:
        wanted = {source.root / image.source for image in manifest.images}
        chosen = [image for image in source.images if image in wanted]
    frames = {_frame(image) for image in chosen}
    linked = [file for file in source.linked if file.suffix != ".png" or _frame(file) in frames]
    source = replace(source, images=tuple(chosen), linked=tuple(linked))
    return build_dark_set(source, out, recipe, seed=seed, manifest=manifest, progress=progress)


def _first_frames(source: DarkSource, count: int) -> list[Path]:
    chosen = sorted(source.images, key=lambda image: image.name)[:count]
    if len(chosen) < count:
        raise ScotopicError(
            f"{source.root} has {len(chosen)} validation frames with masks, not {count}: ask for at most {len(chosen)}"
        )
    return chosen


def _frame(file: Path) -> str:
    """``frankfurt_000000_000294`` of a picture or a mask."""
    return "_".join(file.name.split("_")[:3])
