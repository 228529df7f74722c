"""Training presets and the schema that checks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scotopic.configs.train_schema import list_train_presets, load_train_settings
from scotopic.errors import ScotopicError

WEIGHTS = {"spatial": 1, "rgb": 1, "brightness": 1, "total_variation": 1}


@pytest.mark.parametrize("name", list_train_presets())
def test_the_shipped_presets_are_valid(name: str) -> None:
    settings = load_train_settings(name, Path("pictures"))
    assert settings.data == Path("pictures")
    assert settings.name.startswith("sgz")


def test_the_full_preset_has_the_published_schedule() -> None:
    settings = load_train_settings("sgz")
    assert (settings.batch, settings.epochs, settings.size) == (6, 100, 512)
    assert (settings.learning_rate, settings.weight_decay, settings.gradient_clip) == (1e-4, 1e-4, 0.1)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("data: photos\nlosses: {weights: {spatial: 1, rgb: 0, brightness: 2, total_variation: 3}}\n")
    settings = load_train_settings(file, epochs=7)
    assert (settings.data, settings.epochs) == (Path("photos"), 7)
    assert settings.losses is not None
    assert settings.losses.weights.total_variation == 3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"learning_rat": 1}, "unknown key 'learning_rat' .did you mean 'learning_rate'"),
        ({"weights": {"spatial": 1}}, "unknown key 'weights'"),
        (
            {"losses": {"weights": {"spatial": 1, "rgb": 1, "brightness": 1}}},
            "'losses.weights.total_variation' is miss",
        ),
        ({"losses": {"weights": WEIGHTS | {"semantic": 1}}}, "there is no semantic_guide: name one, such as road"),
        ({"mixed_precision": "fp8"}, "mixed_precision: 'fp8' is not a choice"),
        ({"schedule": "cosine"}, "schedule: 'cosine' is not a choice"),
        ({"sheet": []}, "sheet: "),
        ({"batch": 0}, "batch: .* greater than or equal to 1, not 0"),
        ({"learning_rate": "fast"}, "learning_rate: .* number"),
        ({"least_crop": 1.5}, "least_crop: .* less than or equal to 1"),
        ({"size": 8}, "losses.brightness_patch 16 is larger than the pictures .size 8."),
        ({"device": "gpu"}, "device: 'gpu' is not a choice"),
        ({"name": "../sgz"}, "name: "),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ScotopicError, match=f"sgz-quick: .*({sentence})"):
        load_train_settings("sgz-quick", **changes)


def test_an_unknown_preset_is_answered_with_the_nearest() -> None:
    with pytest.raises(ScotopicError, match="no training preset 'sgz-quik': did you mean 'sgz-quick'"):
        load_train_settings("sgz-quik")


@pytest.mark.parametrize(
    ("enhancer", "name"),
    [
        ("zero_dce", "zero_dce"),
        ("zero_dce_pp[scale_factor=1]", "zero_dce_pp"),
        ("./nets/mine.py:Net[width=3]", "Net"),
        ("my net", "my_net"),
    ],
)
def test_the_weights_are_called_after_the_enhancer_unless_a_name_is_given(enhancer: str, name: str) -> None:
    assert load_train_settings("sgz-quick", enhancer=enhancer).name == name
    assert load_train_settings("sgz-quick", enhancer=enhancer, name="night").name == "night"


def test_a_falling_learning_rate_makes_more_epochs_another_run() -> None:
    assert "epochs" in load_train_settings("sgz-quick").may_change
    assert "epochs" not in load_train_settings("sgz-quick", schedule="one-cycle").may_change


def test_the_recipe_holds_nothing_of_the_users_machine() -> None:
    recipe = load_train_settings("sgz-quick", Path("secret"), sheet=[Path("secret")]).recipe
    assert "secret" not in str(recipe)
    assert recipe["losses"]["weights"]["rgb"] == 0.5
