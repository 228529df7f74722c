"""The one form that every labelled segmentation set takes, whatever its files look like."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...files import sha256_of
from .names import select_samples, some_and_count

IGNORED = 255
"""The label of pixels that count nowhere."""


@dataclass(frozen=True)
class SegmentationSample:
    """One image and its mask.

    Attributes:
        id: unique in the set.
        image: path of the picture.
        mask: path of the label PNG, of the picture's size.
        attributes: what else is known of the image, such as ``{"city": "frankfurt"}``.
    """

    id: str
    image: Path
    mask: Path
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass
class MaskIssues:
    """What was not as it should be; nothing here is an error, and nothing of it is silent.

    Attributes:
        images_without_mask: images that have no mask, by name. They are not in the set.
        masks_without_image: masks, and entries of a split list, whose image is not there, by name.
        unreadable_images: ids of images whose header cannot be read. They stay in the set.
    """

    images_without_mask: list[str] = field(default_factory=list)
    masks_without_image: list[str] = field(default_factory=list)
    unreadable_images: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """A sentence for each kind of issue that there is; empty when all is well.

        >>> MaskIssues(images_without_mask=["a.png", "b.png"]).lines()
        ['Images without a mask are left out: 2 (a.png, b.png).']
        """
        names = {
            "Images without a mask are left out": self.images_without_mask,
            "Masks without an image are left out": self.masks_without_image,
            "Images that cannot be read": self.unreadable_images,
        }
        return [f"{what}: {len(found):,} ({some_and_count(found)})." for what, found in names.items() if found]

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """For the JSON record: ``{"images_without_mask": {"count": 1, "names": [...]}, ...}``, only what there is."""
        found = {issue.name: getattr(self, issue.name) for issue in fields(self)}
        return {name: {"count": len(names), "names": list(names)} for name, names in found.items() if names}

    def of(self, ids: set[str]) -> MaskIssues:
        """The issues of these samples alone."""
        return MaskIssues(unreadable_images=[id_ for id_ in self.unreadable_images if id_ in ids])


@dataclass(frozen=True, eq=False)
class SegmentationDataset:
    """A labelled segmentation set.

    Attributes:
        name: how tables call it; ``name:split`` where a split was chosen.
        root: its folder.
        classes: its class names; a label is an index into them.
        samples: sorted by id.
        read_mask: gives a sample's labels: int64 (H, W), indices into ``classes`` or ``IGNORED``.
        issues: what was not as it should be.
        class_map: the set's own words on which class goes to which classes of a net, from its preset.
        encoding: which value in a label file is which class, as text for the fingerprint.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    samples: tuple[SegmentationSample, ...]
    read_mask: Callable[[SegmentationSample], np.ndarray]
    issues: MaskIssues = field(default_factory=MaskIssues)
    class_map: Mapping[str, str | Sequence[str] | None] = field(default_factory=dict)
    encoding: str = ""

    def __len__(self) -> int:
        return len(self.samples)

    def select(self, ids: Iterable[str]) -> SegmentationDataset:
        """The same set with these samples only, in the set's own order.

        Raises:
            ScotopicError: an id is not in the set.
        """
        kept = select_samples(self.samples, ids, self.name)
        return replace(self, samples=kept, issues=self.issues.of({sample.id for sample in kept}))

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) over classes, the meaning of the label values, ids, image files and mask files.

        Two sets with the same fingerprint give the same figures. It does not depend on where the files lie.
        """
        digest = hashlib.sha256(repr((self.classes, self.encoding)).encode())
        for sample in self.samples:
            digest.update(f"\n{sample.id!r} {_content(sample.image)} {_content(sample.mask)}".encode())
        return digest.hexdigest()


def _content(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:
        return "unreadable"
