"""The authors' checkpoints and real dark pictures, which are not ours to ship."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import torch
from torch import Tensor

from scotopic.pipeline.contract import to_batch
from scotopic.pipeline.image import read_image

State: TypeAlias = "dict[str, Tensor]"


@pytest.fixture(scope="session")
def published(data_dir: Path) -> Callable[[str], Path]:
    """The path of an author's checkpoint by its file name."""

    def find(name: str) -> Path:
        path = data_dir / "weights" / name
        if not path.is_file():
            pytest.skip(f"no {path}: the authors' checkpoint is needed")
        return path

    return find


@pytest.fixture(scope="session")
def dark_pictures(data_dir: Path) -> dict[str, np.ndarray]:
    """Real dark photographs by name, uint8 RGB, some hundred pixels wide."""
    paths = sorted((data_dir / "lime").glob("*.bmp"))
    if not paths:
        pytest.skip(f"no pictures in {data_dir / 'lime'}: the LIME set is needed")
    pictures = {path.stem: read_image(path) for path in paths}
    pictures["Dark7"] = np.ascontiguousarray(read_image(data_dir / "sgz_samples" / "Dark7.jpg")[::4, ::4])
    return pictures


def read_published(path: Path) -> State:
    """The tensors of a checkpoint as its authors saved them."""
    return torch.load(path, "cpu", weights_only=True)


def window(picture: np.ndarray, height: int = 240, width: int = 312) -> Tensor:
    """The middle of a picture as a batch (1, 3, height, width); both are multiples of 12."""
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return to_batch(picture[top : top + height, left : left + width])


def assert_sensible(dark: np.ndarray, enhanced: np.ndarray, blown_out: float = 0.05, correlation: float = 0.9) -> None:
    """Brighter, still the same picture, and no more than this share of it white that was not bright before."""
    assert enhanced.mean() > 1.3 * dark.mean()
    assert (enhanced[(dark < 200).all(2)] == 255).all(1).mean() < blown_out
    ranks = [picture.mean(2)[::4, ::4].ravel().argsort().argsort() for picture in (dark, enhanced)]
    assert np.corrcoef(*ranks)[0, 1] > correlation
