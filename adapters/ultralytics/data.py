"""Data sets of ultralytics whose pictures are enhanced as they are read (``where="source"``), and who uses them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from ultralytics.data.base import BaseDataset
from ultralytics.data.dataset import ClassificationDataset
from ultralytics.engine.trainer import BaseTrainer
from ultralytics.engine.validator import BaseValidator
from ultralytics.utils.patches import imread, override_configs

from ...pipeline.stage import EnhancementStage
from ...pipeline.user_file import holds_user_class
from ..staging import process_as


class EnhancedPictures(BaseDataset):
    """Pictures for detection and segmentation, enhanced at full resolution, as prediction does."""

    stage: EnhancementStage
    plain_class: ClassVar[type[BaseDataset]]

    def load_image(self, i: int, *args: Any, **kwargs: Any) -> Any:
        if self.ims[i] is None and (picture := imread(self.im_files[i], flags=self.cv2_flag)) is not None:
            enhanced = process_as(self.stage, picture, "bgr", self.im_files[i]).image
            # ultralytics reads pixels from an .npy file beside the picture if there is one: it gets one from us, and
            # does all the rest (size, buffers) itself.
            with tempfile.TemporaryDirectory() as folder:
                self.npy_files[i] = Path(folder) / "enhanced.npy"
                np.save(self.npy_files[i], enhanced)
                self.cache = "disk"  # take the .npy file however young the picture is
                return super().load_image(i, *args, **kwargs)
        return super().load_image(i, *args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _blank_enhanced, (self.plain_class,), self.__dict__  # for worker processes that start from nothing


def read_enhanced(read: Callable[[str], np.ndarray | None], stage: EnhancementStage, file: str) -> np.ndarray | None:
    """A picture for classification, enhanced before it is scaled and cropped."""
    picture = read(file)
    return None if picture is None else process_as(stage, picture, "bgr", file).image


class SourceValidator(BaseValidator):
    """Validates on enhanced pictures."""

    stage: ClassVar[EnhancementStage]

    def build_dataset(self, *args: Any, **kwargs: Any) -> Any:
        return _enhanced_dataset(super().build_dataset, self, args, kwargs)


class SourceTrainer(BaseTrainer):
    """Trains and validates on enhanced pictures."""

    stage: ClassVar[EnhancementStage]

    def build_dataset(self, *args: Any, **kwargs: Any) -> Any:
        return _enhanced_dataset(super().build_dataset, self, args, kwargs)


def _enhanced_dataset(build: Callable[..., Any], user: SourceValidator | SourceTrainer, args: Any, kwargs: Any) -> Any:
    user.stage.to(torch.device(user.device) if user.device is not None else "cpu")
    if next(user.stage.parameters(), None) is not None or holds_user_class(user.stage):
        user.args.workers = 0  # neither a network on a GPU nor a class from a path can follow into worker processes
    with override_configs(user.args, {"cache": False}):  # what a cache holds was read before anybody could enhance it
        dataset = build(*args, **kwargs)
    for part in getattr(dataset, "datasets", [dataset]):
        if isinstance(part, ClassificationDataset):
            cast(Any, part).imread = partial(read_enhanced, part.imread, user.stage)
        else:
            part.__class__ = _enhanced_class(type(part))
            part.stage = user.stage
    return dataset


@cache
def _enhanced_class(plain: type[BaseDataset]) -> type[EnhancedPictures]:
    return type(f"Enhanced{plain.__name__}", (EnhancedPictures, plain), {"plain_class": plain})


def _blank_enhanced(plain: type[BaseDataset]) -> EnhancedPictures:
    cls = _enhanced_class(plain)
    return cls.__new__(cls)
