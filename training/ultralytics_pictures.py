"""The pictures of a labelled detection set as seeded batches with ultralytics' augmentation."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from ultralytics.cfg import get_cfg
from ultralytics.data.dataset import YOLODataset

from ..configs.detector_schema import DetectorTrainSettings
from ..eval.datasets.sample import DetectionDataset, DetectionSample


class BoxedPictures(YOLODataset):
    """The pictures of a :class:`DetectionDataset` with ultralytics' augmentation; regions to ignore are left out.

    Args:
        dataset: whatever its files look like; nothing is written beside them.
        settings: of the augmentation.
    """

    def __init__(self, dataset: DetectionDataset, settings: DetectorTrainSettings) -> None:
        self.dataset = dataset
        self.settings = settings
        super().__init__(
            img_path="",
            imgsz=settings.size,
            augment=True,
            hyp=self._augmentation(settings.mosaic),
            batch_size=settings.batch,
            data={"names": dict(enumerate(dataset.classes)), "channels": 3},
        )

    def get_img_files(self, img_path: Any) -> list[str]:
        return [str(sample.image) for sample in self.dataset.samples]

    def get_labels(self) -> list[dict[str, Any]]:
        return [_label(sample) for sample in self.dataset.samples]

    def start_epoch(self, mosaic: bool, read: Sequence[int]) -> None:
        """Begin as if only the last of the pictures ``read`` had been; mosaics are made of what was read lately."""
        self.buffer = []
        self.ims = [None] * self.ni
        if mosaic:
            for index in read[-self.max_buffer_length :]:
                self.load_image(index)
        self.transforms = self.build_transforms(self._augmentation(self.settings.mosaic if mosaic else 0.0))

    def _augmentation(self, mosaic: float) -> Any:
        s = self.settings
        changes = {"mosaic": mosaic, "scale": s.scale, "translate": s.translate, "augmentations": []}
        light = {"hsv_h": s.hue, "hsv_s": s.saturation, "hsv_v": s.brightness}
        return get_cfg(overrides={**changes, **light})


def batches(pictures: BoxedPictures, epoch: int) -> Iterator[dict[str, Any]]:
    """Every picture once, in random order: ``img`` float RGB (N, 3, size, size) in [0, 1], and ultralytics' labels.

    Pictures that fill no whole batch are left for another epoch's order. Order and augmentation hang on the seed and
    the epoch alone, and the caller's random numbers are left as they are.
    """
    settings = pictures.settings
    seed = settings.seed + epoch * 2**31
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed)).tolist()
    pictures.start_epoch(epoch <= settings.epochs - settings.plain_epochs, order)
    states = _Numbers.seeded(seed)
    for start in range(0, len(order) - settings.batch + 1, settings.batch):
        with states:
            batch = pictures.collate_fn([pictures[index] for index in order[start : start + settings.batch]])
        yield {**batch, "img": batch["img"].float() / 255}


class _Numbers:
    """Python's and NumPy's global random numbers, from which ultralytics draws, in a state of their own."""

    def __init__(self, python: Any, numpy: Any) -> None:
        self._state = python, numpy

    @classmethod
    def seeded(cls, seed: int) -> _Numbers:
        return cls(random.Random(seed).getstate(), np.random.RandomState(seed % 2**32).get_state())

    def __enter__(self) -> None:
        self._swap()

    def __exit__(self, *error: object) -> None:
        self._swap()

    def _swap(self) -> None:
        before = random.getstate(), np.random.get_state()
        random.setstate(self._state[0])
        np.random.set_state(self._state[1])
        self._state = before


def _label(sample: DetectionSample) -> dict[str, Any]:
    kept = ~sample.crowd
    x1, y1, x2, y2 = (sample.boxes[kept] / np.array([sample.width, sample.height] * 2)).T
    return {
        "im_file": str(sample.image),
        "shape": (sample.height, sample.width),
        "cls": sample.labels[kept, None].astype(np.float32),
        "bboxes": np.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], axis=1).astype(np.float32),
        "segments": [],
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
    }
