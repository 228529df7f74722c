"""Each loss of the paper against loops that spell out its equation, and what is its alone."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from scotopic.errors import ScotopicError
from scotopic.training.losses import (
    brightness_loss,
    rgb_loss,
    semantic_loss,
    spatial_consistency_loss,
    total_variation_loss,
)

from .loss_pictures import differences_by_hand, neighbours, patch_means, pictures, probabilities


def spatial_by_hand(enhanced: np.ndarray, original: np.ndarray, patch: int, alpha: float) -> float:
    y, i = patch_means(enhanced, patch), patch_means(original, patch)
    total = 0.0
    for row, column in itertools.product(*map(range, y.shape)):
        for r, c, diagonal in neighbours(row, column):
            if 0 <= r < y.shape[0] and 0 <= c < y.shape[1]:
                change = abs(y[row, column] - y[r, c]) - abs(i[row, column] - i[r, c])
                total += (alpha if diagonal else 1) * change**2
    return total / y.size


@pytest.mark.parametrize(("patch", "alpha"), [(3, 0.0), (4, 0.5), (5, 0.5), (1, 1.0)])
def test_spatial_consistency_is_equation_2(patch: int, alpha: float) -> None:
    enhanced, original = pictures(seed=1), pictures(seed=2)
    expected = [spatial_by_hand(y.numpy(), i.numpy(), patch, alpha) for y, i in zip(enhanced, original, strict=True)]
    found = spatial_consistency_loss(enhanced, original, patch, alpha)
    assert found.item() == pytest.approx(np.mean(expected), rel=1e-12)


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
    expected = [sum(differences_by_hand(picture)) / picture.size for picture in factor.numpy()]
    assert total_variation_loss(factor).item() == pytest.approx(np.mean(expected), rel=1e-12)


@pytest.mark.parametrize(("beta", "gamma"), [(1.0, 2.0), (0.25, 0.0), (3.0, 5.0), (1.0, 0.5)])
def test_semantic_is_equation_6(beta: float, gamma: float) -> None:
    given = probabilities()
    total = 0.0
    for n, h, w in itertools.product(*map(range, (2, 4, 6))):
        p = max(float(given[n, c, h, w]) for c in range(5))
        total += -beta * (1 - p) ** gamma * math.log(p)
    assert semantic_loss(given, beta, gamma).item() == pytest.approx(total / (2 * 4 * 6), rel=1e-12)


def test_semantic_is_the_focal_loss_to_the_nets_own_choice() -> None:
    logits = torch.randn(2, 5, 4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    cross_entropy = torch.nn.functional.cross_entropy(logits, logits.argmax(dim=1))
    assert semantic_loss(logits.softmax(dim=1), gamma=0).item() == pytest.approx(cross_entropy.item(), rel=1e-12)


def test_semantic_is_least_where_the_net_is_sure_and_most_where_it_knows_nothing() -> None:
    sure = torch.zeros(1, 4, 3, 3)
    sure[:, 2] = 1
    assert semantic_loss(sure).item() == pytest.approx(0, abs=1e-12)
    nothing = torch.full((1, 4, 3, 3), 0.25)
    most = 0.75**2 * math.log(4)
    assert semantic_loss(nothing).item() == pytest.approx(most, rel=1e-6)
    assert semantic_loss(probabilities(classes=4)).item() < most


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_certainty_has_a_finite_gradient(gamma: float) -> None:
    sure = torch.zeros(1, 4, 3, 3)
    sure[:, 2] = 1
    sure.requires_grad_()
    semantic_loss(sure, gamma=gamma).backward()
    assert sure.grad is not None
    assert sure.grad.isfinite().all()


def test_absolute_brightness_has_the_units_of_the_picture() -> None:
    picture = pictures(1, 32, 32)
    assert brightness_loss(0.6 + 2 * (picture - 0.6)).item() == pytest.approx(2 * brightness_loss(picture).item())


def test_grey_pictures_have_the_least_rgb_loss() -> None:
    grey = pictures().mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    assert rgb_loss(grey, epsilon=0.01).item() == pytest.approx(0.03)


def test_a_picture_smaller_than_a_patch_is_refused() -> None:
    with pytest.raises(ScotopicError, match="18x13 is smaller than a patch of 16"):
        brightness_loss(pictures())


def test_one_class_alone_cannot_be_unsure() -> None:
    with pytest.raises(ScotopicError, match="at least 2 classes"):
        semantic_loss(torch.ones(1, 1, 4, 4))
