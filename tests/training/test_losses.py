"""Each loss against loops that spell out the paper's equation, its gradient, and what must not move it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from scotopic.errors import ScotopicError
from scotopic.training.losses import brightness_loss, rgb_loss, spatial_consistency_loss, total_variation_loss


def pictures(count: int = 2, height: int = 13, width: int = 18, seed: int = 0) -> Tensor:
    """Float64 pictures whose sides are no multiple of a patch."""
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def patch_means(picture: np.ndarray, patch: int) -> np.ndarray:
    """(3, H, W) -> means over the colours and whole patches."""
    rows, columns = picture.shape[1] // patch, picture.shape[2] // patch
    means = np.empty((rows, columns))
    for row, column in itertools.product(range(rows), range(columns)):
        means[row, column] = picture[:, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch].mean()
    return means


def spatial_by_hand(enhanced: np.ndarray, original: np.ndarray, patch: int, alpha: float) -> float:
    y, i = patch_means(enhanced, patch), patch_means(original, patch)
    total = 0.0
    for row, column in itertools.product(*map(range, y.shape)):
        for down, across in itertools.product((-1, 0, 1), (-1, 0, 1)):
            other = (row + down, column + across)
            inside = 0 <= other[0] < y.shape[0] and 0 <= other[1] < y.shape[1]
            if not inside or (down, across) == (0, 0):
                continue
            change = abs(y[row, column] - y[other]) - abs(i[row, column] - i[other])
            total += (alpha if down and across else 1) * change**2
    return total / y.size


@pytest.mark.parametrize(("patch", "alpha"), [(4, 0.5), (3, 0.0), (1, 1.0)])
def test_spatial_consistency_is_equation_2(patch: int, alpha: float) -> None:
    enhanced, original = pictures(seed=1), pictures(seed=2)
    expected = [spatial_by_hand(y.numpy(), i.numpy(), patch, alpha) for y, i in zip(enhanced, original, strict=True)]
    found = spatial_consistency_loss(enhanced, original, patch, alpha).item()
    assert found == pytest.approx(np.mean(expected), rel=1e-12)


def test_rgb_is_equation_3() -> None:
    enhanced, epsilon = pictures(), 0.02
    expected = []
    for picture in enhanced.numpy():
        red, green, blue = (float(channel.mean()) for channel in picture)
        pairs = ((red, green), (red, blue), (green, blue))
        expected.append(sum(math.sqrt((one - other) ** 2 + epsilon**2) for one, other in pairs))
    assert rgb_loss(enhanced, epsilon).item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_brightness_is_equation_4() -> None:
    enhanced = pictures()
    expected = np.mean([np.abs(patch_means(picture, 5) - 0.45).mean() for picture in enhanced.numpy()])
    assert brightness_loss(enhanced, exposure=0.45, patch=5).item() == pytest.approx(expected, rel=1e-12)


def test_total_variation_is_equation_5() -> None:
    factor = 2 * pictures() - 1
    expected = []
    for picture in factor.numpy():
        channels, height, width = picture.shape
        total = 0.0
        for c, h, w in itertools.product(range(channels), range(height), range(width)):
            if w + 1 < width:
                total += (picture[c, h, w + 1] - picture[c, h, w]) ** 2
            if h + 1 < height:
                total += (picture[c, h + 1, w] - picture[c, h, w]) ** 2
        expected.append(total / (channels * height * width))
    assert total_variation_loss(factor).item() == pytest.approx(np.mean(expected), rel=1e-12)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: spatial_consistency_loss(x, pictures(1, 6, 6, seed=3), patch=2),
        rgb_loss,
        lambda x: brightness_loss(x, patch=2),
        total_variation_loss,
    ],
    ids=["spatial", "rgb", "brightness", "total variation"],
)
def test_the_gradient_is_right(loss: Callable[[Tensor], Tensor]) -> None:
    assert torch.autograd.gradcheck(loss, pictures(1, 6, 6, seed=4).requires_grad_())


def test_an_unchanged_picture_is_spatially_consistent() -> None:
    assert spatial_consistency_loss(pictures(), pictures()).item() == 0


def test_adding_light_evenly_is_spatially_consistent() -> None:
    original = pictures() / 2
    assert spatial_consistency_loss(original + 0.3, original).item() == pytest.approx(0, abs=1e-20)


def test_grey_pictures_have_the_least_rgb_loss() -> None:
    grey = pictures().mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    assert rgb_loss(grey, epsilon=0.01).item() == pytest.approx(0.03)


def test_rgb_does_not_care_where_in_the_picture_a_colour_is() -> None:
    assert rgb_loss(pictures()).item() == pytest.approx(rgb_loss(pictures().flip(2, 3)).item())


def test_a_picture_at_the_exposure_level_has_no_brightness_loss() -> None:
    assert brightness_loss(torch.full((1, 3, 32, 32), 0.6)).item() == pytest.approx(0, abs=1e-6)


def test_a_constant_factor_has_no_total_variation() -> None:
    assert total_variation_loss(torch.full((2, 3, 9, 9), -0.7)).item() == 0


def test_the_smallest_pictures_give_numbers() -> None:
    pixel = torch.full((1, 3, 1, 1), 0.5)
    assert spatial_consistency_loss(pixel, pixel, patch=1).item() == 0
    assert total_variation_loss(pixel).item() == 0


def test_a_picture_smaller_than_a_patch_is_refused() -> None:
    with pytest.raises(ScotopicError, match="18x13 is smaller than a patch of 16"):
        brightness_loss(pictures())


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(ScotopicError, match="differ in shape"):
        spatial_consistency_loss(pictures(), pictures(width=12))
