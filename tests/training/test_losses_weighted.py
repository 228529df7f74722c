"""The losses that the settings choose, and their weighted sum."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from scotopic.configs.checks import validate
from scotopic.configs.loss_schema import LossSettings, LossWeights
from scotopic.errors import ScotopicError
from scotopic.training import losses as functions
from scotopic.training.losses import LOSS_NAMES, EnhancementLosses

ALL = {"spatial": 1.0, "rgb": 5.0, "brightness": 10.0, "total_variation": 1600.0, "semantic": 0.1}


def batch(seed: int) -> Tensor:
    return torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(seed))


def settings(weights: dict[str, float] = ALL, **changes: Any) -> LossSettings:
    return LossSettings.model_validate(
        {"weights": {"spatial": 0, "rgb": 0, "brightness": 0, "total_variation": 0} | weights, **changes}
    )


def two_classes(x: Tensor) -> Tensor:
    """A judge by brightness."""
    bright = x.mean(dim=1, keepdim=True)
    return torch.cat([bright, 1 - bright], dim=1)


def test_the_slides_form_is_the_papers_with_the_settings_numbers() -> None:
    enhanced, original, factor = batch(0), batch(1), 2 * batch(2) - 1
    chosen = settings(exposure=0.7, spatial_patch=5, alpha=0.25, brightness_patch=8, beta=0.5, gamma=3.0)
    found = EnhancementLosses(chosen)(enhanced, original, factor, two_classes)
    expected = {
        "spatial": functions.spatial_consistency_loss(enhanced, original, 5, 0.25),
        "rgb": functions.rgb_loss(enhanced),
        "brightness": functions.brightness_loss(enhanced, 0.7, 8),
        "total_variation": functions.total_variation_loss(factor),
        "semantic": functions.semantic_loss(two_classes(enhanced), 0.5, 3.0),
    }
    assert list(found) == list(LOSS_NAMES)
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_the_published_form_is_the_codes() -> None:
    enhanced, original, factor = batch(0), batch(1), 2 * batch(2) - 1
    chosen = settings(form="published-code", exposure=0.5, spatial_patch=3)
    found = EnhancementLosses(chosen)(enhanced, original, factor, two_classes)
    expected = {
        "spatial": functions.published_spatial_consistency_loss(enhanced, original, 3, 0.5),
        "rgb": functions.colour_constancy_loss(enhanced),
        "brightness": functions.squared_exposure_loss(enhanced, 0.5, 16),
        "total_variation": functions.published_total_variation_loss(factor),
        "semantic": functions.semantic_loss(two_classes(enhanced)),
    }
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_total_variation_of_the_image_as_the_slide_has_it() -> None:
    enhanced, factor = batch(0), batch(2)
    chosen = settings({"total_variation": 1.0}, total_variation_on="image")
    found = EnhancementLosses(chosen)(enhanced, batch(1), factor)
    assert torch.equal(found["total_variation"], functions.total_variation_loss(enhanced))


def test_the_total_is_the_weighted_sum_and_has_a_gradient() -> None:
    enhanced, factor = batch(0).requires_grad_(), batch(2).requires_grad_()
    module = EnhancementLosses(settings())
    found = module(enhanced, batch(1), factor, two_classes)
    total = module.total(found)
    assert total.item() == pytest.approx(sum(ALL[name] * found[name].item() for name in ALL), rel=1e-5)
    total.backward()
    for tensor in (enhanced, factor):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
        assert tensor.grad.abs().sum() > 0


def test_a_loss_without_weight_is_not_computed() -> None:
    def judge(_: Tensor) -> Tensor:
        raise AssertionError("nobody should ask")

    module = EnhancementLosses(settings({"rgb": 1.0}))
    tiny = torch.rand(1, 3, 2, 2)  # smaller than the patches of the others
    assert module.names == ["rgb"]
    assert list(module(tiny, tiny, tiny, judge)) == ["rgb"]


def test_no_loss_at_all_is_a_zero_to_add_to() -> None:
    module = EnhancementLosses(settings({}))
    assert module.total(module(batch(0), batch(1), batch(2))).item() == 0


def test_all_maps_of_a_net_with_several_count() -> None:
    maps = torch.rand(1, 24, 8, 8)
    found = EnhancementLosses(settings({"total_variation": 1.0}))(batch(0), batch(1), maps)
    assert torch.equal(found["total_variation"], functions.total_variation_loss(maps))


def test_the_semantic_loss_asks_for_a_net() -> None:
    module = EnhancementLosses(settings({"semantic": 0.1}))
    with pytest.raises(ScotopicError, match="no net to judge by: name one, such as 'road'"):
        module(batch(0), batch(1), batch(2))


def test_it_has_nothing_to_learn_or_to_save() -> None:
    module = EnhancementLosses(settings())
    assert not list(module.parameters())
    assert not module.state_dict()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"form": "paper"}, "form: 'paper' is not a choice"),
        ({"weights": {**ALL, "tv": 1}}, "unknown key 'weights.tv'|tv"),
        ({"weights": {**ALL, "rgb": -1}}, "weights.rgb: .* greater than or equal to 0"),
        ({"total_variation_on": "picture"}, "total_variation_on"),
        ({"exposure": 1.5}, "exposure: .* less than 1"),
        ({"gamma": float("nan")}, "gamma: .* finite"),
        ({"spatial_patch": 0}, "spatial_patch: .* greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ScotopicError, match=f"losses.yaml: .*({sentence})"):
        validate(LossSettings, {"weights": ALL} | wrong, "losses.yaml")


def test_weights_leave_the_semantic_loss_out_unless_told() -> None:
    assert LossWeights(spatial=1, rgb=1, brightness=1, total_variation=1).semantic == 0
