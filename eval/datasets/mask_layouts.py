"""Where the published segmentation sets keep their pictures and masks, and which mask belongs to which picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ...errors import ScotopicError
from ...pipeline.image import IMAGE_SUFFIXES
from .raw import RawSet, unique_ids

Attributes = dict[str, str]


@dataclass
class RawMask:
    """A picture and the file of its mask."""

    image: Path
    mask: Path
    attributes: Attributes = field(default_factory=dict)
    id: str = ""


class Place(NamedTuple):
    """A folder of pictures, the folder of their masks, and the names of the folders above them that mean something."""

    images: Path
    masks: Path
    above: tuple[str, ...] = ()


class _Found(NamedTuple):
    path: Path
    key: tuple[str, ...]  # names of the folders, then the frame's name without its ending: the same for both files
    attributes: Attributes


@dataclass(frozen=True)
class Layout:
    """How one published set lays out its files.

    Attributes:
        format: its name in presets.
        looks_for: what a folder must hold, for error messages.
        places: root -> the folders to look into.
        image_endings, mask_endings: how the names of the files end; of several masks of a picture the first counts.
        describe: folders, frame name -> what the place tells: ``{"split": "val", "city": "ulm"}``.
    """

    format: str
    looks_for: str
    places: Callable[[Path], list[Place]]
    image_endings: tuple[str, ...]
    mask_endings: tuple[str, ...]
    describe: Callable[[tuple[str, ...], str], Attributes]

    def claims(self, root: Path) -> bool:
        """Whether a folder has masks of this layout."""
        return any(next(_files(place.masks, self.mask_endings), None) for place in self.places(root))

    def splits(self, root: Path) -> tuple[str, ...]:
        """What ``--split`` takes: the folders' names first, then ``city=ulm`` and its like."""
        attributes = [found.attributes for place in self.places(root) for found in self._images(place)]
        plain = dict.fromkeys(name for each in attributes for name in _plain_splits(each))
        columns = {f"{key}={value}" for each in attributes for key, value in each.items() if key != "split"}
        return (*plain, *sorted(columns))

    def read(self, root: Path, split: str | None, classes: tuple[str, ...]) -> RawSet[RawMask]:
        """Pair the pictures of a split, or of all, with their masks.

        Raises:
            ScotopicError: two pictures would share a mask, or no picture has one.
        """
        images, masks = {}, {}
        for place in self.places(root):
            for found in self._images(place):
                if _is_in(found.attributes, split):
                    other = images.setdefault(found.key, found)
                    if other.path != found.path:
                        raise ScotopicError(f"{other.path} and {found.path} would share one mask: keep one of them")
            for found in self._masks(place):
                if _is_in(found.attributes, split):
                    masks.setdefault(found.key, found)
        paired = [key for key in images if key in masks]
        if images and not paired:
            first = next(iter(images.values())).path
            raise ScotopicError(
                f"none of the {len(images)} images of {root}{f' in {split}' if split else ''} has a mask, such as "
                f"{first}: looked for {self.looks_for}"
            )
        samples = [RawMask(images[key].path, masks[key].path, images[key].attributes) for key in paired]
        names = [Path(*folders, f"{frame}.png") for *folders, frame in paired]
        for sample, id_ in zip(samples, unique_ids(names), strict=True):
            sample.id = id_
        return RawSet(
            name=root.resolve().name,
            root=root,
            classes=classes,
            samples=samples,
            labels_without_image=sorted(masks[key].path.name for key in masks.keys() - images.keys()),
            unlabelled_left_out=sorted(images[key].path for key in images.keys() - masks.keys()),
            beside=(root,),
        )

    def _images(self, place: Place) -> Iterator[_Found]:
        return self._found(place.images, place.above, self.image_endings)

    def _masks(self, place: Place) -> Iterator[_Found]:
        found = self._found(place.masks, place.above, self.mask_endings)
        return iter(sorted(found, key=lambda mask: _rank(mask.path.name, self.mask_endings)))

    def _found(self, folder: Path, above: tuple[str, ...], endings: tuple[str, ...]) -> Iterator[_Found]:
        for path in _files(folder, endings):
            name = path.name
            frame = name[: -len(endings[_rank(name, endings)])]
            folders = (*above, *path.relative_to(folder).parent.parts)
            yield _Found(path, (*folders, frame), self.describe(folders, frame))


def _files(folder: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """Files below a folder, sorted; through linked folders too, and without the hidden files of other systems."""
    for inside, _, names in sorted(os.walk(folder, followlinks=True)):
        for name in sorted(names):
            if name.lower().endswith(endings) and not name.startswith("."):
                yield Path(inside, name)


def _rank(name: str, endings: tuple[str, ...]) -> int:
    return next(position for position, ending in enumerate(endings) if name.lower().endswith(ending))


def _plain_splits(attributes: Attributes) -> list[str]:
    """The splits without a column: ``val``; of a set with conditions also ``night`` and ``night/val``."""
    split, condition = attributes.get("split"), attributes.get("condition")
    names = [split, condition, f"{condition}/{split}" if split and condition else None]
    return [name for name in names if name]


def _is_in(attributes: Attributes, split: str | None) -> bool:
    if split is None or split in _plain_splits(attributes):
        return True
    key, equals, value = split.partition("=")
    return bool(equals) and attributes.get(key) == value


def _cityscapes_places(root: Path) -> list[Place]:
    """The published tree; or images/ and labels/ side by side, with a folder for each split around both, or none."""
    flat = [Place(root / "images", root / "labels")]
    flat += [Place(f / "images", f / "labels", (f.name,)) for f in sorted(root.glob("*")) if (f / "images").is_dir()]
    return [Place(root / "leftImg8bit", root / "gtFine"), *flat]


def _cityscapes_attributes(folders: tuple[str, ...], frame: str) -> Attributes:
    city = frame.split("_")[0]
    split = {"split": folders[0]} if folders and folders[0] != city else {}
    return {**split, "city": city}


def _camvid_places(root: Path) -> list[Place]:
    return [Place(root / name, root / f"{name}annot", (name,)) for name in ("train", "val", "test")]


def _camvid_attributes(folders: tuple[str, ...], frame: str) -> Attributes:
    return {"split": folders[0], "sequence": frame.split("_")[0]}


def _first_folder(folders: tuple[str, ...], frame: str) -> Attributes:
    return {"split": folders[0]} if folders else {}


def _acdc_attributes(folders: tuple[str, ...], frame: str) -> Attributes:
    """ACDC: condition, split, sequence; Dark Zurich: split, condition, sequence."""
    if folders and folders[0].split("_")[0] in ("train", "val", "test"):
        folders = (*folders[1:2], folders[0], *folders[2:])
    return dict(zip(("condition", "split", "sequence"), folders, strict=False))


_PICTURES = tuple(sorted(IMAGE_SUFFIXES))
CLASS_FILES = ("classes.yaml", "classes.yml", "classes.txt")


def _plain_places(root: Path) -> list[Place]:
    if not any((root / name).is_file() for name in CLASS_FILES):
        return []
    return [Place(root / "images", root / masks) for masks in ("labels", "masks")]


LAYOUTS = {
    layout.format: layout
    for layout in (
        Layout(
            "cityscapes",
            "leftImg8bit/<split>/<city>/*_leftImg8bit.png with gtFine/<split>/<city>/*_gtFine_labelIds.png, or such "
            "files in images/ and labels/ (below a folder for each split, or not)",
            _cityscapes_places,
            ("_leftimg8bit.png", "_leftimg8bit.jpg"),
            ("_gtfine_labelids.png", "_gtfine_labeltrainids.png"),
            _cityscapes_attributes,
        ),
        Layout(
            "acdc",
            "rgb_anon/.../*_rgb_anon.png with gt/.../*_gt_labelIds.png or *_gt_labelTrainIds.png (ACDC, Dark Zurich)",
            lambda root: [Place(root / "rgb_anon", root / "gt")],
            ("_rgb_anon.png",),
            ("_gt_labelids.png", "_gt_labeltrainids.png"),
            _acdc_attributes,
        ),
        Layout(
            "bdd-semantic",
            "BDD100K's images/10k/<split>/*.jpg with labels/sem_seg/masks/<split>/*.png",
            lambda root: [Place(root / "images" / "10k", root / "labels" / "sem_seg" / "masks")],
            (".jpg",),
            (".png",),
            _first_folder,
        ),
        Layout(
            "camvid",
            "SegNet's CamVid: train/, val/ or test/ with trainannot/*.png, valannot/*.png or testannot/*.png",
            _camvid_places,
            (".png",),
            (".png",),
            _camvid_attributes,
        ),
        Layout(
            "masks",
            "images/ and labels/*.png or masks/*.png (with folders of the same names inside, or none) and "
            "classes.txt or classes.yaml",
            _plain_places,
            _PICTURES,
            (".png",),
            _first_folder,
        ),
    )
}
"""Format -> layout, the more particular first: the first that finds its masks reads the set."""
