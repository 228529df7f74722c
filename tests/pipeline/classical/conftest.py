"""What the tests of the retinex methods share: differences as matrices, and a picture small enough for them."""

from __future__ import annotations

import numpy as np
import pytest


def differences(shape: tuple[int, int], axis: int) -> np.ndarray:
    """The matrix of the forward difference of a picture, row by row, with mirrored borders."""
    unit = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
    last = np.take(unit, [-1], axis + 1)
    return np.diff(unit, axis=axis + 1, append=last).reshape(len(unit), -1).T


@pytest.fixture
def room(rng: np.random.Generator) -> np.ndarray:
    """A small picture of two surfaces with texture, (12, 15, 3)."""
    picture = np.full((12, 15, 3), (30, 20, 10), float)
    picture[:, 8:] = (160, 140, 90)
    return (picture * rng.uniform(0.6, 1.2, (12, 15, 1))).astype(np.uint8)
