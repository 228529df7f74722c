"""Dark pictures to train on, and settings small enough for a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scotopic.configs.loss_schema import LossSettings, LossWeights
from scotopic.configs.train_schema import TrainSettings
from scotopic.pipeline.image import write_image


@pytest.fixture
def dark_folder(tmp_path: Path) -> Path:
    """Five dark pictures of smooth colours with some noise, of different sizes, one of them in a subfolder."""
    folder = tmp_path / "dark"
    random = np.random.default_rng(0)
    for index, (height, width) in enumerate([(48, 64), (40, 40), (70, 45), (64, 64), (50, 80)]):
        slope = np.linspace(0, 30 + 8 * index, width)[None, :, None] * random.uniform(0.5, 1.5, 3)
        noisy = slope + random.normal(12, 3, (height, width, 3))
        write_image(folder / ("inner" if index == 4 else ".") / f"{index}.png", noisy.clip(0, 255).astype(np.uint8))
    return folder


@pytest.fixture
def quick_settings(dark_folder: Path) -> TrainSettings:
    return TrainSettings(
        data=dark_folder,
        size=24,
        least_crop=0.6,
        batch=2,
        epochs=4,
        learning_rate=3e-3,
        losses=LossSettings(
            weights=LossWeights(spatial=1, rgb=0.5, brightness=2, total_variation=10), brightness_patch=8
        ),
        seed=7,
        device="cpu",
        sheet_every=0,
    )
