"""Each loss against loops that spell out its equation, its gradient, and what must not move it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from scotopic.errors import ScotopicError
from scotopic.training.losses import (
    brightness_loss,
    colour_constancy_loss,
    published_spatial_consistency_loss,
    published_total_variation_loss,
    rgb_loss,
    semantic_loss,
    spatial_consistency_loss,
    squared_exposure_loss,
    total_variation_loss,
)

Loss = Callable[[Tensor], Tensor]


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


def spatial_by_hand(enhanced: np.ndarray, original: np.ndarray, patch: int, alpha: float) -> float:
    y, i = patch_means(enhanced, patch), patch_means(original, patch)
    total = 0.0
    for row, column in itertools.product(*map(range, y.shape)):
        for r, c, diagonal in neighbours(row, column):
            if 0 <= r < y.shape[0] and 0 <= c < y.shape[1]:
                change = abs(y[row, column] - y[r, c]) - abs(i[row, column] - i[r, c])
                total += (alpha if diagonal else 1) * change**2
    return total / y.size


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


@pytest.mark.parametrize(
    ("loss", "by_hand"),
    [
        (spatial_consistency_loss, spatial_by_hand),
        (published_spatial_consistency_loss, published_spatial_by_hand),
    ],
)
@pytest.mark.parametrize(("patch", "alpha"), [(3, 0.0), (4, 0.5), (5, 0.5), (1, 1.0)])
def test_spatial_consistency_is_equation_2(
    loss: Callable[..., Tensor], by_hand: Callable[..., float], patch: int, alpha: float
) -> None:
    enhanced, original = pictures(seed=1), pictures(seed=2)
    expected = [by_hand(y.numpy(), i.numpy(), patch, alpha) for y, i in zip(enhanced, original, strict=True)]
    assert loss(enhanced, original, patch, alpha).item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_rgb_is_equation_3() -> None:
    enhanced, epsilon = pictures(), 0.02
    expected = []
    for picture in enhanced.numpy():
        red, green, blue = (float(channel.mean()) for channel in picture)
        pairs = ((red, green), (red, blue), (green, blue))
        expected.append(sum(math.sqrt((one - other) ** 2 + epsilon**2) for one, other in pairs))
    assert rgb_loss(enhanced, epsilon).item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_colour_constancy_is_that_of_the_code() -> None:
    enhanced = pictures()
    expected = []
    for picture in enhanced.numpy():
        red, green, blue = (float(channel.mean()) for channel in picture)
        squares = ((red - green) ** 2, (red - blue) ** 2, (green - blue) ** 2)
        expected.append(math.sqrt(sum(square**2 for square in squares)))
    assert colour_constancy_loss(enhanced).item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_brightness_is_equation_4() -> None:
    enhanced = pictures()
    expected = np.mean([np.abs(patch_means(picture, 5) - 0.45).mean() for picture in enhanced.numpy()])
    assert brightness_loss(enhanced, exposure=0.45, patch=5).item() == pytest.approx(expected, rel=1e-12)


def test_squared_exposure_is_that_of_the_code() -> None:
    enhanced = pictures()
    expected = np.mean([((patch_means(picture, 5) - 0.45) ** 2).mean() for picture in enhanced.numpy()])
    assert squared_exposure_loss(enhanced, exposure=0.45, patch=5).item() == pytest.approx(expected, rel=1e-12)


def differences_by_hand(picture: np.ndarray) -> tuple[float, float]:
    """Squared differences of horizontal and of vertical neighbours, summed over everything."""
    across = down = 0.0
    channels, height, width = picture.shape
    for c, h, w in itertools.product(range(channels), range(height), range(width)):
        across += (picture[c, h, w + 1] - picture[c, h, w]) ** 2 if w + 1 < width else 0
        down += (picture[c, h + 1, w] - picture[c, h, w]) ** 2 if h + 1 < height else 0
    return across, down


def test_total_variation_is_equation_5() -> None:
    factor = 2 * pictures() - 1
    expected = [sum(differences_by_hand(picture)) / picture.size for picture in factor.numpy()]
    assert total_variation_loss(factor).item() == pytest.approx(np.mean(expected), rel=1e-12)


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


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: spatial_consistency_loss(x, pictures(1, 6, 6, seed=3), patch=2),
        lambda x: published_spatial_consistency_loss(x, pictures(1, 6, 6, seed=3), patch=2),
        rgb_loss,
        colour_constancy_loss,
        lambda x: brightness_loss(x, patch=2),
        lambda x: squared_exposure_loss(x, patch=2),
        total_variation_loss,
        published_total_variation_loss,
        lambda x: semantic_loss((3 * x).softmax(dim=1)),
    ],
    ids=["spatial", "code's spatial", "rgb", "colour", "brightness", "exposure", "tv", "code's tv", "semantic"],
)
class TestEveryLoss:
    """What holds for all of them, as functions of the enhanced picture."""

    def test_the_gradient_is_right(self, loss: Loss) -> None:
        assert torch.autograd.gradcheck(loss, pictures(1, 6, 6, seed=4).requires_grad_())

    def test_it_is_one_positive_number(self, loss: Loss) -> None:
        value = loss(pictures(1, 6, 6, seed=4))
        assert value.shape == ()
        assert value.item() > 0


SPATIAL = [spatial_consistency_loss, published_spatial_consistency_loss]


@pytest.mark.parametrize("loss", SPATIAL)
def test_spatial_consistency_is_the_mean_over_the_batch(loss: Callable[..., Tensor]) -> None:
    enhanced, original = pictures(3, seed=6), pictures(3, seed=7)
    alone = [loss(enhanced[[n]], original[[n]]).item() for n in range(3)]
    assert loss(enhanced, original).item() == pytest.approx(np.mean(alone), rel=1e-12)
    assert loss(enhanced.flip(0), original.flip(0)).item() == pytest.approx(np.mean(alone), rel=1e-12)


@pytest.mark.parametrize("loss", SPATIAL)
@pytest.mark.parametrize("sides", [(2,), (3,), (2, 3)])
def test_mirrored_pictures_are_as_consistent(loss: Callable[..., Tensor], sides: tuple[int, ...]) -> None:
    enhanced, original = pictures(height=12, width=16, seed=1), pictures(height=12, width=16, seed=2)
    expected = loss(enhanced, original).item()
    assert loss(enhanced.flip(sides), original.flip(sides)).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "loss",
    [
        rgb_loss,
        colour_constancy_loss,
        lambda x: brightness_loss(x, patch=4),
        lambda x: squared_exposure_loss(x, patch=4),
        total_variation_loss,
        published_total_variation_loss,
        lambda x: semantic_loss(x.softmax(dim=1)),
    ],
)
class TestEveryLossOfOnePicture:
    """What holds for all that do not look at the original."""

    @pytest.mark.parametrize("sides", [(2,), (3,), (2, 3)])
    def test_a_mirrored_picture_has_the_same(self, loss: Loss, sides: tuple[int, ...]) -> None:
        picture = pictures(height=12, width=16)
        assert loss(picture.flip(sides)).item() == pytest.approx(loss(picture).item(), rel=1e-12)

    def test_it_is_the_mean_over_the_batch_in_any_order(self, loss: Loss) -> None:
        several = pictures(3, 12, 16, seed=5)
        expected = np.mean([loss(several[[index]]).item() for index in range(3)])
        assert loss(several).item() == pytest.approx(expected, rel=1e-12)
        assert loss(several[[2, 0, 1]]).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loss", SPATIAL)
def test_an_unchanged_picture_is_spatially_consistent(loss: Callable[..., Tensor]) -> None:
    assert loss(pictures(), pictures()).item() == 0


def test_adding_light_evenly_is_spatially_consistent_in_the_paper_only() -> None:
    original = pictures() / 2
    assert spatial_consistency_loss(original + 0.3, original).item() == pytest.approx(0, abs=1e-20)
    assert published_spatial_consistency_loss(original + 0.3, original).item() > 0.05


def test_an_edge_turned_round_is_spatially_consistent_in_the_paper_only() -> None:
    edge = torch.tensor([0.2, 0.8], dtype=torch.float64).repeat_interleave(4).expand(1, 3, 4, 8)
    assert spatial_consistency_loss(edge.flip(3), edge).item() == pytest.approx(0, abs=1e-20)
    assert published_spatial_consistency_loss(edge.flip(3), edge).item() > 0.05


@pytest.mark.parametrize(
    "loss", [total_variation_loss, published_total_variation_loss, rgb_loss, colour_constancy_loss]
)
def test_adding_light_evenly_moves_neither_smoothness_nor_colour(loss: Loss) -> None:
    assert loss(pictures() + 0.3).item() == pytest.approx(loss(pictures()).item(), rel=1e-9)


@pytest.mark.parametrize("loss", [total_variation_loss, published_total_variation_loss, squared_exposure_loss])
def test_squared_losses_have_squared_units(loss: Loss) -> None:
    # The exposure level of 0.6 is scaled with the picture: 0.6 + 2 (x - 0.6) is twice as far away.
    picture = pictures(1, 32, 32)
    twice = 0.6 + 2 * (picture - 0.6)
    assert loss(twice).item() == pytest.approx(4 * loss(picture).item(), rel=1e-9)


def test_absolute_brightness_has_the_units_of_the_picture() -> None:
    picture = pictures(1, 32, 32)
    assert brightness_loss(0.6 + 2 * (picture - 0.6)).item() == pytest.approx(2 * brightness_loss(picture).item())


def test_grey_pictures_have_the_least_rgb_loss() -> None:
    grey = pictures().mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    assert rgb_loss(grey, epsilon=0.01).item() == pytest.approx(0.03)


def test_a_grey_picture_has_no_colour_loss_and_a_finite_gradient() -> None:
    grey = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    value = colour_constancy_loss(grey)
    value.backward()
    assert value.item() == 0
    assert grey.grad is not None
    assert torch.equal(grey.grad, torch.zeros_like(grey))


@pytest.mark.parametrize("loss", [brightness_loss, squared_exposure_loss])
def test_a_picture_at_the_exposure_level_has_no_brightness_loss(loss: Loss) -> None:
    assert loss(torch.full((1, 3, 32, 32), 0.6)).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("loss", [total_variation_loss, published_total_variation_loss])
def test_a_constant_factor_has_no_total_variation(loss: Loss) -> None:
    assert loss(torch.full((2, 3, 9, 9), -0.7)).item() == 0


def test_the_smallest_pictures_give_numbers() -> None:
    pixel = torch.full((1, 3, 1, 1), 0.5)
    assert spatial_consistency_loss(pixel, pixel, patch=1).item() == 0
    assert total_variation_loss(pixel).item() == 0
    assert published_total_variation_loss(pixel).item() == 0


def test_a_picture_smaller_than_a_patch_is_refused() -> None:
    with pytest.raises(ScotopicError, match="18x13 is smaller than a patch of 16"):
        brightness_loss(pictures())


@pytest.mark.parametrize("loss", SPATIAL)
def test_pictures_of_two_sizes_are_refused(loss: Callable[..., Tensor]) -> None:
    with pytest.raises(ScotopicError, match="differ in shape"):
        loss(pictures(), pictures(width=12))


def test_one_class_alone_cannot_be_unsure() -> None:
    with pytest.raises(ScotopicError, match="at least 2 classes"):
        semantic_loss(torch.ones(1, 1, 4, 4))
