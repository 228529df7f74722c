"""What holds for every loss, or for several: its gradient, its units, and what must not move it."""

from __future__ import annotations

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

from .loss_pictures import pictures

Loss = Callable[[Tensor], Tensor]


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


@pytest.mark.parametrize("loss", SPATIAL)
def test_pictures_of_two_sizes_are_refused(loss: Callable[..., Tensor]) -> None:
    with pytest.raises(ScotopicError, match="differ in shape"):
        loss(pictures(), pictures(width=12))
