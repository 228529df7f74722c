"""What the losses are tested on, and the loops that several of their tests share."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor


def pictures(count: int = 2, height: int = 13, width: int = 18, seed: int = 0) -> Tensor:
    """Float64 pictures whose sides are no multiple of a patch."""
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def probabilities(count: int = 2, classes: int = 5, height: int = 4, width: int = 6, seed: int = 0) -> Tensor:
    """Float64 class probabilities, some of them almost sure."""
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(count, classes, height, width, generator=generator, dtype=torch.float64)).softmax(dim=1)


def patch_means(picture: np.ndarray, patch: int) -> np.ndarray:
    """(3, H, W) -> means over the colours and whole patches."""
    rows, columns = picture.shape[1] // patch, picture.shape[2] // patch
    means = np.empty((rows, columns))
    for row, column in itertools.product(range(rows), range(columns)):
        means[row, column] = picture[:, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch].mean()
    return means


def neighbours(row: int, column: int) -> list[tuple[int, int, bool]]:
    """The eight around a patch, and whether each lies diagonally."""
    steps = [step for step in itertools.product((-1, 0, 1), (-1, 0, 1)) if step != (0, 0)]
    return [(row + down, column + across, bool(down and across)) for down, across in steps]


def differences_by_hand(picture: np.ndarray) -> tuple[float, float]:
    """Squared differences of horizontal and of vertical neighbours, summed over everything."""
    across = down = 0.0
    channels, height, width = picture.shape
    for c, h, w in itertools.product(range(channels), range(height), range(width)):
        across += (picture[c, h, w + 1] - picture[c, h, w]) ** 2 if w + 1 < width else 0
        down += (picture[c, h + 1, w] - picture[c, h, w]) ** 2 if h + 1 < height else 0
    return across, down
