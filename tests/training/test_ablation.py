"""An ablation: its variants, its table, and what it does when one of them fails."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from scotopic.configs.ablation_schema import (
    AblationSettings,
    list_ablation_presets,
    load_ablation_settings,
    variant_settings,
)
from scotopic.configs.checks import validate
from scotopic.configs.loss_schema import LossSettings
from scotopic.configs.train_schema import TrainSettings, load_train_settings
from scotopic.errors import ScotopicError
from scotopic.pipeline.image import read_image, write_image
from scotopic.training.ablation import run_ablation
from scotopic.training.ablation_sheet import dark_pictures

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL: dict[str, Any] = {
    "enhancer": "sgz[scale_factor=2]",
    "size": 32,
    "batch": 3,
    "epochs": 2,
    "sheet_every": 0,
    "device": "cpu",
    "losses": {"brightness_patch": 8, "weights": {"total_variation": 50}},
}


def ablation_of(data: Path, variants: dict[str, Any], **more: Any) -> AblationSettings:
    mapping = {"base": "sgz-quick", "data": data, "changes": SMALL, "variants": variants, **more}
    return validate(AblationSettings, mapping, "test.yaml")


def losses_of(settings: TrainSettings) -> LossSettings:
    assert settings.losses is not None
    return settings.losses


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Three dark pictures and their well-lit references."""
    random = np.random.default_rng(0)
    for number in range(3):
        bright = np.repeat(np.repeat(random.integers(40, 250, (6, 8, 3)), 8, 0), 8, 1)
        write_image(tmp_path / "pairs" / "high" / f"{number}.png", bright.astype(np.uint8))
        write_image(tmp_path / "pairs" / "low" / f"{number}.png", (bright // 6).astype(np.uint8))
    return tmp_path / "pairs"


class TestVariants:
    @pytest.mark.parametrize("name", list_ablation_presets())
    def test_the_shipped_presets_have_what_the_paper_takes_away_and_tries(self, name: str) -> None:
        plans = variant_settings(load_ablation_settings(name, Path("pictures")))
        assert {plan.data for plan in plans.values()} == {Path("pictures")}
        assert {plan.name for plan in plans.values()} == {"sgz"}
        complete = plans["complete"]
        assert all(weight > 0 for weight in losses_of(complete).weights.model_dump().values())
        without = {
            name: [k for k, v in losses_of(p).weights.model_dump().items() if not v] for name, p in plans.items()
        }
        assert [lost for lost in without.values() if lost] == [
            ["rgb"],
            ["brightness"],
            ["total_variation"],
            ["spatial"],
            ["semantic"],
            ["spatial", "semantic"],
        ]
        shrunk = int(complete.enhancer.partition("=")[2].rstrip("]"))  # patches in pixels that the net sees
        assert {losses_of(plan).spatial_patch / shrunk for plan in plans.values()} == {3, 4, 5}
        assert {losses_of(plan).exposure for plan in plans.values()} == {0.5, 0.6, 0.7}
        assert {plan.semantic_guide for plan in plans.values()} == {"road", "random-fpn"}
        assert any("convolution=tc" in plan.enhancer for plan in plans.values())

    def test_each_shipped_variant_differs_from_the_complete_one_in_one_thing(self) -> None:
        ablation = load_ablation_settings("quick", Path("pictures"))
        plans = variant_settings(ablation)
        whole = plans.pop("complete").model_dump()
        for name, plan in plans.items():
            other = {key for key, value in plan.model_dump().items() if value != whole[key]}
            assert other == set(ablation.variants[name]), name

    def test_the_quick_preset_has_the_balance_of_the_base(self) -> None:
        """The net sees 64x64 in both; four times the pixels each way make four times the patch."""
        quick, base = variant_settings(load_ablation_settings("quick"))["complete"], load_train_settings("sgz-quick")
        assert quick.size / 4 == base.size
        assert losses_of(quick).spatial_patch == 4 * losses_of(base).spatial_patch
        assert losses_of(quick).brightness_patch == 4 * losses_of(base).brightness_patch
        assert losses_of(quick).weights.total_variation == 16 * losses_of(base).weights.total_variation

    def test_changes_are_merged_and_the_variants_own_come_last(self, tmp_path: Path) -> None:
        plans = variant_settings(
            ablation_of(tmp_path, {"plain": None, "bright": {"epochs": 5, "losses": {"weights": {"rgb": 7}}}})
        )
        assert losses_of(plans["plain"]).weights.model_dump() == {
            "spatial": 5,
            "rgb": 0.5,
            "brightness": 3,
            "total_variation": 50,
            "semantic": 0,
        }
        assert (plans["plain"].epochs, plans["bright"].epochs) == (2, 5)
        assert (losses_of(plans["bright"]).weights.rgb, losses_of(plans["bright"]).weights.total_variation) == (7, 50)

    @pytest.mark.parametrize(
        ("variants", "sentence"),
        [
            ({}, "variants: .*at least 1"),
            ({"none": None}, "no variant can be called 'none'"),
            ({"detect": None}, "no variant can be called 'detect'"),
            ({"../up": None}, "no variant can be called"),
            ({"a b": None, "a_b": None}, "'a b' and 'a_b' would share a folder"),
            ({"a": {"epoch": 3}}, "the variant 'a': unknown key 'epoch' .did you mean 'epochs'"),
            ({"a": {"losses": {"weights": {"semantic": 1}}}}, "the variant 'a': .*there is no semantic_guide"),
            ({"a": 3}, "variants.a: .*dictionary"),
        ],
    )
    def test_a_wrong_variant_is_named(self, tmp_path: Path, variants: dict[str, Any], sentence: str) -> None:
        with pytest.raises(ScotopicError, match=sentence):
            variant_settings(ablation_of(tmp_path, variants))

    def test_a_misspelt_key_is_answered_with_the_right_one(self, tmp_path: Path) -> None:
        with pytest.raises(ScotopicError, match=r"unknown key 'variant' .did you mean 'variants'"):
            ablation_of(tmp_path, {"a": None}, variant={})
        with pytest.raises(ScotopicError, match=r"unknown key 'segment.splitt' .did you mean 'split'"):
            ablation_of(tmp_path, {"a": None}, segment={"data": "camvid", "splitt": "val"})


def test_two_variants_are_trained_drawn_and_measured(dark_folder: Path, pairs: Path, tmp_path: Path) -> None:
    variants = {"complete": None, "traditional": {"enhancer": "sgz[scale_factor=2,convolution=tc]"}}
    ablation = ablation_of(dark_folder, variants, quality={"data": str(pairs)})
    said: list[str] = []
    done = run_ablation(ablation, tmp_path / "out", say=said.append)
    out = tmp_path / "out"
    assert said == ["1 of 2: complete", "2 of 2: traditional", "measuring: quality"]
    assert done.failed == {}

    record = json.loads((out / "ablation.json").read_text())
    assert [row["variant"] for row in record["variants"]] == ["none", "complete", "traditional"]
    tc = record["variants"][2]
    assert tc["enhancer"] == f"sgz[weights={out / 'traditional' / 'sgz.safetensors'},convolution=tc]"
    assert tc["changes"] == "enhancer sgz[scale_factor=2,convolution=tc]"
    assert tc["last_epoch"]["epoch"] == 2
    assert sum(t.numel() for t in load_file(out / "traditional" / "sgz.safetensors").values()) > 60_000

    compared = json.loads((out / "quality" / "results.json").read_text())
    assert [row["enhancer"] for row in compared["rows"]] == [row["enhancer"] for row in record["variants"]]
    for ours, theirs in zip(record["variants"], compared["rows"], strict=True):
        assert ours["figures"]["quality"]["metrics"] == theirs["metrics"]

    with (out / "ablation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["variant"] for row in rows] == ["none", "complete", "traditional"]
    assert float(rows[1]["quality_PSNR"]) == pytest.approx(compared["rows"][1]["metrics"]["PSNR"])
    text = (out / "ablation.md").read_text()
    assert text.startswith("| variant | changed | mean factor | PSNR | SSIM | MSE |")
    assert "| traditional | enhancer sgz[scale_factor=2,convolution=tc] |" in text
    sheet = read_image(out / "sheet.png")
    assert sheet.shape[0] == 3 * (180 + 24 + 4) - 4


def test_run_again_nothing_is_made_anew_and_a_further_variant_joins(
    dark_folder: Path, pairs: Path, tmp_path: Path
) -> None:
    more = {"quality": {"data": str(pairs)}}
    run_ablation(ablation_of(dark_folder, {"complete": None}, **more), tmp_path / "out")
    weights = tmp_path / "out" / "complete" / "sgz.safetensors"
    first = json.loads((tmp_path / "out" / "quality" / "results.json").read_text())["rows"]
    before = weights.read_bytes()
    measured: list[str] = []

    class Watch:
        def __enter__(self) -> Any:
            return lambda name, done, total: measured.append(name) if done < total else None

        def __exit__(self, *error: object) -> None:
            return None

    variants = {"complete": None, "dim": {"losses": {"exposure": 0.3}}}
    done = run_ablation(ablation_of(dark_folder, variants, **more), tmp_path / "out", watched=Watch)
    assert weights.read_bytes() == before
    again = json.loads((tmp_path / "out" / "quality" / "results.json").read_text())["rows"]
    assert again[:2] == first  # timings, too, so they were taken over
    assert set(measured) == {done.record["variants"][2]["enhancer"]}
    complete, dim = (row["last_epoch"] for row in done.record["variants"][1:])
    assert dim["brightness"] < complete["brightness"]


def test_a_variant_that_fails_is_named_and_the_rest_go_on(dark_folder: Path, tmp_path: Path) -> None:
    variants = {"wild": {"learning_rate": 1e30, "epochs": 3}, "complete": None}
    said: list[str] = []
    done = run_ablation(ablation_of(dark_folder, variants), tmp_path / "out", say=said.append)
    assert list(done.failed) == ["wild"]
    assert "no longer finite" in done.failed["wild"]
    assert any(line.startswith("wild failed: ") for line in said)
    assert [row["variant"] for row in done.record["variants"]] == ["none", "complete"]
    assert "wild failed: the loss is no longer finite" in (tmp_path / "out" / "ablation.md").read_text()
    with pytest.raises(ScotopicError, match="no variant could be trained: the loss is no longer finite"):
        run_ablation(ablation_of(dark_folder, {"wild": variants["wild"]}), tmp_path / "other")


def test_a_variant_with_other_settings_than_its_folder_has_fails(dark_folder: Path, tmp_path: Path) -> None:
    run_ablation(ablation_of(dark_folder, {"a": None, "b": None}), tmp_path / "out")
    done = run_ablation(ablation_of(dark_folder, {"a": {"seed": 1}, "b": None}), tmp_path / "out")
    assert "of a run with other seed" in done.failed["a"]
    assert [row["variant"] for row in done.record["variants"]] == ["none", "b"]


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ({"quality": {"data": "nowhere"}}, "no pictures at nowhere"),
        ({"segment": {"data": "nowhere"}}, "nowhere"),
        ({"detect": {"model": "yolo11n.pt", "data": "nowhere"}}, "nowhere"),
        ({"pictures": ["nowhere.png"]}, "nowhere.png"),
    ],
)
def test_what_cannot_be_measured_is_found_before_anything_is_trained(
    dark_folder: Path, tmp_path: Path, figures: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ScotopicError, match=sentence):
        run_ablation(ablation_of(dark_folder, {"complete": None}, **figures), tmp_path / "out")
    assert not (tmp_path / "out" / "complete").exists()


def test_where_it_cannot_run_it_says_so(dark_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ablation = ablation_of(dark_folder, {"complete": None})
    with pytest.raises(ScotopicError, match="choose a folder without , "):
        run_ablation(ablation, tmp_path / "a,b")
    with pytest.raises(ScotopicError, match="no training pictures for complete"):
        run_ablation(ablation.model_copy(update={"data": None}), tmp_path / "out")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ScotopicError, match="in one process"):
        run_ablation(ablation, tmp_path / "out")


def test_dark_pictures_are_of_the_darker_third(tmp_path: Path) -> None:
    for level in range(0, 240, 10):
        write_image(tmp_path / f"{(level * 7) % 240:03d}.png", np.full((4, 4, 3), level, np.uint8))
    (tmp_path / "broken.png").write_bytes(b"nothing")
    levels = [int(picture[0, 0, 0]) for picture in dark_pictures(tmp_path)]
    assert len(levels) == 4
    assert levels == sorted(levels)
    assert 0 < levels[0] < levels[-1] <= 80
    with pytest.raises(ScotopicError, match="no folder of training pictures"):
        dark_pictures(tmp_path / "nowhere")
