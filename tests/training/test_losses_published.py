"""The losses as the published code computes them, against loops that do what its convolutions do."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from scotopic.training.losses import (
    colour_constancy_loss,
    published_spatial_consistency_loss,
    published_total_variation_loss,
    squared_exposure_loss,
    total_variation_loss,
)

from .loss_pictures import differences_by_hand, neighbours, patch_means, pictures


def published_spatial_by_hand(enhanced: np.ndarray, original: np.ndarray, patch: int, alpha: float) -> float:
    """As the code's convolutions with zero padding do it: nothing outside is 0 in both pictures."""
    y, i = patch_means(enhanced, patch), patch_means(original, patch)
    total = 0.0
    for row, column in itertools.product(*map(range, y.shape)):
        for r, c, diagonal in neighbours(row, column):
            inside = 0 <= r < y.shape[0] and 0 <= c < y.shape[1]
            y_other, i_other = (y[r, c], i[r, c]) if inside else (0.0, 0.0)
            total += (alpha if diagonal else 1) * ((i[row, column] - i_other) - (y[row, column] - y_other)) ** 2
    return total / y.size


@pytest.mark.parametrize(("patch", "alpha"), [(3, 0.0), (4, 0.5), (5, 0.5), (1, 1.0)])
def test_published_spatial_consistency_is_that_of_the_code(patch: int, alpha: float) -> None:
    enhanced, original = pictures(seed=1), pictures(seed=2)
    expected = [
        published_spatial_by_hand(y.numpy(), i.numpy(), patch, alpha) for y, i in zip(enhanced, original, strict=True)
    ]
    found = published_spatial_consistency_loss(enhanced, original, patch, alpha)
    assert found.item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_colour_constancy_is_that_of_the_code() -> None:
    enhanced = pictures()
    expected = []
    for picture in enhanced.numpy():
        red, green, blue = (float(channel.mean()) for channel in picture)
        squares = ((red - green) ** 2, (red - blue) ** 2, (green - blue) ** 2)
        expected.append(math.sqrt(sum(square**2 for square in squares)))
    assert colour_constancy_loss(enhanced).item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_squared_exposure_is_that_of_the_code() -> None:
    enhanced = pictures()
    expected = np.mean([((patch_means(picture, 5) - 0.45) ** 2).mean() for picture in enhanced.numpy()])
    assert squared_exposure_loss(enhanced, exposure=0.45, patch=5).item() == pytest.approx(expected, rel=1e-12)


def test_published_total_variation_is_that_of_the_code() -> None:
    factor = 2 * pictures() - 1
    expected = []
    for picture in factor.numpy():
        (across, down), (_, height, width) = differences_by_hand(picture), picture.shape
        expected.append(2 * (down / ((height - 1) * width) + across / (height * (width - 1))))
    assert published_total_variation_loss(factor).item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_published_total_variation_is_six_times_the_papers_on_large_pictures() -> None:
    factor = pictures(1, 400, 300)
    ratio = published_total_variation_loss(factor) / total_variation_loss(factor)
    assert ratio.item() == pytest.approx(6, rel=0.01)


def test_a_grey_picture_has_no_colour_loss_and_a_finite_gradient() -> None:
    grey = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    value = colour_constancy_loss(grey)
    value.backward()
    assert value.item() == 0
    assert grey.grad is not None
    assert torch.equal(grey.grad, torch.zeros_like(grey))
