"""A training run: it learns, it goes on where it stopped, and it stops with a sentence."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from scotopic import create_enhancer
from scotopic.configs.train_schema import TrainSettings
from scotopic.errors import ScotopicError
from scotopic.pipeline.image import read_image, write_image
from scotopic.pipeline.weights.manifest import manifest
from scotopic.training.curve_net import make_curve_net
from scotopic.training.trainer import train_enhancer

from .settings import changed, losses_of

pytestmark = pytest.mark.usefixtures("one_thread")


def read_table(folder: Path) -> list[dict[str, float]]:
    with (folder / "sgz.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def same_weights(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def test_training_lowers_the_loss_and_brightens(quick_settings: TrainSettings, tmp_path: Path) -> None:
    weights = train_enhancer(changed(quick_settings, epochs=12), tmp_path / "out")
    table = read_table(tmp_path / "out")
    assert [row["epoch"] for row in table] == list(range(1, 13))
    assert table[-1]["loss"] < 0.8 * table[0]["loss"]
    dark = torch.full((1, 3, 20, 30), 0.1)
    assert create_enhancer("sgz", weights=weights)(dark).mean() > 0.2


def test_the_logged_loss_is_the_weighted_sum(quick_settings: TrainSettings, tmp_path: Path) -> None:
    train_enhancer(changed(quick_settings, epochs=1), tmp_path)
    row = read_table(tmp_path)[0]
    weights = losses_of(quick_settings).weights.model_dump()
    weighted = sum(weight * row[name] for name, weight in weights.items() if weight)
    assert row["loss"] == pytest.approx(weighted, rel=1e-4)


def test_two_runs_give_the_same_file(quick_settings: TrainSettings, tmp_path: Path) -> None:
    assert same_weights(train_enhancer(quick_settings, tmp_path / "a"), train_enhancer(quick_settings, tmp_path / "b"))


def test_another_seed_gives_another_file(quick_settings: TrainSettings, tmp_path: Path) -> None:
    first = load_file(train_enhancer(changed(quick_settings, epochs=1), tmp_path / "a"))
    other = load_file(train_enhancer(changed(quick_settings, epochs=1, seed=8), tmp_path / "b"))
    assert not torch.equal(first["e_conv1.point_conv.weight"], other["e_conv1.point_conv.weight"])


def test_the_callers_random_numbers_are_left_alone(quick_settings: TrainSettings, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    train_enhancer(changed(quick_settings, epochs=1), tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_finished_run_can_be_trained_on(quick_settings: TrainSettings, tmp_path: Path) -> None:
    train_enhancer(changed(quick_settings, epochs=2), tmp_path / "longer")
    longer = load_file(train_enhancer(quick_settings, tmp_path / "longer"))
    straight = load_file(train_enhancer(quick_settings, tmp_path / "straight"))
    assert all(torch.equal(longer[key], straight[key]) for key in straight)


def test_the_weights_say_how_they_were_made(quick_settings: TrainSettings, tmp_path: Path) -> None:
    with safe_open(train_enhancer(changed(quick_settings, epochs=1), tmp_path), "pt") as file:
        made = json.loads(file.metadata()["training"])
    assert made["pictures"] == 5
    assert made["settings"]["learning_rate"] == 3e-3
    assert "data" not in made["settings"]
    assert dict(zip(made["columns"], made["last_epoch"], strict=True))["epoch"] == 1


def test_other_settings_are_not_mixed_into_a_run(quick_settings: TrainSettings, tmp_path: Path) -> None:
    train_enhancer(changed(quick_settings, epochs=1), tmp_path)
    with pytest.raises(ScotopicError, match="other learning_rate: choose another output folder"):
        train_enhancer(changed(quick_settings, learning_rate=1e-3), tmp_path)


def test_other_pictures_are_not_mixed_into_a_run(quick_settings: TrainSettings, tmp_path: Path) -> None:
    train_enhancer(changed(quick_settings, epochs=1), tmp_path / "out")
    (tmp_path / "dark" / "0.png").unlink()
    with pytest.raises(ScotopicError, match="a run with other pictures"):
        train_enhancer(quick_settings, tmp_path / "out")


def test_fewer_epochs_than_done_are_refused(quick_settings: TrainSettings, tmp_path: Path) -> None:
    train_enhancer(changed(quick_settings, epochs=2), tmp_path)
    with pytest.raises(ScotopicError, match="2 epochs behind it, more than the 1 asked for"):
        train_enhancer(changed(quick_settings, epochs=1), tmp_path)


def test_a_damaged_checkpoint_is_refused(quick_settings: TrainSettings, tmp_path: Path) -> None:
    (tmp_path / "sgz.checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(ScotopicError, match="not a checkpoint of a training"):
        train_enhancer(quick_settings, tmp_path)


def test_a_loss_that_is_not_finite_stops_with_a_sentence(quick_settings: TrainSettings, tmp_path: Path) -> None:
    # Finite weights so large that the sum is not.
    losses = {
        "weights": {"spatial": 1e38, "rgb": 3e38, "brightness": 3e38, "total_variation": 1},
        "brightness_patch": 8,
    }
    with pytest.raises(ScotopicError, match=r"no longer finite in epoch 1 .* use a learning_rate below 0\.003"):
        train_enhancer(changed(quick_settings, losses=losses, batch=1), tmp_path)
    assert not (tmp_path / "sgz.safetensors").exists()


def test_unreadable_pictures_are_told_and_counted(
    quick_settings: TrainSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dark" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    weights = train_enhancer(changed(quick_settings, epochs=1), tmp_path / "out")
    told = capsys.readouterr().err
    assert "broken.jpg" in told
    assert "1 of 6 pictures cannot be read" in told
    with safe_open(weights, "pt") as file:
        assert json.loads(file.metadata()["training"])["unreadable"] == 1


@pytest.mark.parametrize(
    ("enhancer", "sentence"),
    [
        (
            "gamma",
            "cannot train 'gamma': only curve enhancers learn from these losses; "
            "use sgz, sgz_task, zero_dce, zero_dce_pp",
        ),
        ("sgzz", "only curve enhancers"),
        ("sgz[weights=sgz]", "say what to start from as start"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    quick_settings: TrainSettings, tmp_path: Path, enhancer: str, sentence: str
) -> None:
    with pytest.raises(ScotopicError) as refusal:
        train_enhancer(changed(quick_settings, enhancer=enhancer), tmp_path)
    assert sentence in str(refusal.value)


def test_an_enhancer_that_does_more_than_its_curves_is_refused(quick_settings: TrainSettings, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from scotopic.pipeline.enhancers.learned.sgz import SGZ\n"
        "class Brighter(SGZ):\n"
        "    def transform(self, x):\n"
        "        return super().transform(x) + 0.1\n"
    )
    with pytest.raises(ScotopicError, match="does more than its curves"):
        train_enhancer(changed(quick_settings, enhancer=f"{tmp_path}/mine.py:Brighter"), tmp_path / "out")


def test_the_folder_of_pictures_must_be_given(quick_settings: TrainSettings, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="no training pictures"):
        train_enhancer(changed(quick_settings, data=None), tmp_path)


@pytest.mark.parametrize("spec", ["sgz[convolution=tc,scale_factor=2]", "sgz[order=3]", "zero_dce", "zero_dce_pp"])
def test_every_curve_enhancer_can_be_trained(quick_settings: TrainSettings, tmp_path: Path, spec: str) -> None:
    weights = train_enhancer(changed(quick_settings, enhancer=spec, epochs=1), tmp_path)
    trained, untrained = load_file(weights), make_curve_net(spec, "random", quick_settings.seed).enhancer.state_dict()
    assert trained.keys() == untrained.keys()
    assert not any(torch.equal(trained[key], untrained[key]) for key in trained if key.endswith("weight"))
    create_enhancer(spec, weights=weights)


@pytest.mark.parametrize("spec", ["sgz", "sgz[order=3,iterations=5,scale_factor=3]", "zero_dce", "zero_dce_pp"])
def test_in_training_a_net_does_what_it_does_at_work(spec: str) -> None:
    net = make_curve_net(spec, "random", seed=3)
    for parameter in net.parameters():
        parameter.data *= 30  # far from doing nothing
    picture = torch.rand(2, 3, 19, 26, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(net(picture)[0], net.enhancer(picture), atol=1e-6)
    assert not torch.allclose(net(picture)[0], picture, atol=0.01)


def test_a_run_can_start_from_weights(quick_settings: TrainSettings, tmp_path: Path) -> None:
    barely = changed(quick_settings, start="sgz", epochs=1, learning_rate=1e-9)
    weights = train_enhancer(barely, tmp_path)
    shipped, tuned = create_enhancer("sgz").state_dict(), load_file(weights)
    assert all(torch.allclose(tuned[key], shipped[key], atol=1e-6) for key in shipped)
    with safe_open(weights, "pt") as file:
        made = json.loads(file.metadata()["training"])
    assert made["start_sha256"] == [manifest()["sgz"].sha256]


def test_one_cycle_lets_the_learning_rate_rise_and_fall(quick_settings: TrainSettings, tmp_path: Path) -> None:
    train_enhancer(changed(quick_settings, schedule="one-cycle", epochs=5), tmp_path)
    rates = [row["learning_rate"] for row in read_table(tmp_path)]
    assert max(rates) == rates[0] <= 3e-3
    assert rates[-1] < 0.03 * max(rates)
    assert rates == sorted(rates, reverse=True)


def test_accumulated_gradients_are_those_of_the_whole_batch(quick_settings: TrainSettings, tmp_path: Path) -> None:
    whole = load_file(train_enhancer(changed(quick_settings, batch=3), tmp_path / "whole"))
    parts = load_file(train_enhancer(changed(quick_settings, batch=3, accumulation=2), tmp_path / "parts"))
    assert all(torch.allclose(parts[key], whole[key], atol=1e-6) for key in whole)


def test_half_precision_learns_the_same(quick_settings: TrainSettings, tmp_path: Path) -> None:
    train_enhancer(quick_settings, tmp_path / "full")
    train_enhancer(changed(quick_settings, mixed_precision="bf16"), tmp_path / "half")
    full, half = (read_table(tmp_path / name)[-1]["loss"] for name in ("full", "half"))
    assert half == pytest.approx(full, rel=0.02)
    assert half != full


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_precision_that_the_processor_lacks_is_refused(quick_settings: TrainSettings, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="'fp16' needs a GPU, and there is none: use 'bf16' or 'no'"):
        train_enhancer(changed(quick_settings, mixed_precision="fp16"), tmp_path)


def test_contact_sheets_show_fixed_pictures_and_what_became_of_them(
    quick_settings: TrainSettings, tmp_path: Path
) -> None:
    dark = np.full((60, 90, 3), 20, np.uint8)
    write_image(tmp_path / "watched.png", dark)
    settings = changed(quick_settings, sheet=[tmp_path / "watched.png"], sheet_every=3, epochs=7)
    train_enhancer(settings, tmp_path / "out")
    sheets = sorted((tmp_path / "out" / "sheets").iterdir())
    assert [sheet.name for sheet in sheets] == ["sgz-0003.png", "sgz-0006.png", "sgz-0007.png"]
    sheet = read_image(sheets[-1])
    assert np.array_equal(sheet[:, :270], np.full((180, 270, 3), 20))
    assert sheet[:, 275:].mean() > 25


def test_by_default_the_first_training_pictures_are_watched(quick_settings: TrainSettings, tmp_path: Path) -> None:
    train_enhancer(changed(quick_settings, sheet_every=5, epochs=1), tmp_path)
    assert read_image(tmp_path / "sheets" / "sgz-0001.png").shape[0] == 5 * 184 - 4


def test_a_missing_picture_for_the_sheet_is_named(quick_settings: TrainSettings, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=r"nowhere\.png"):
        train_enhancer(changed(quick_settings, sheet=[tmp_path / "nowhere.png"], sheet_every=1), tmp_path)


def test_the_table_is_also_drawn_and_kept_for_tensorboard(quick_settings: TrainSettings, tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train_enhancer(changed(quick_settings, epochs=2), tmp_path)
    assert read_image(tmp_path / "sgz.png").std() > 5
    log = events.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    logged = {(event.step, round(event.value, 4)) for event in log.Scalars("sgz/brightness")}
    assert logged == {(int(row["epoch"]), round(row["brightness"], 4)) for row in read_table(tmp_path)}


def test_without_tensorboard_it_is_said_once_and_the_table_is_written(
    quick_settings: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    train_enhancer(quick_settings, tmp_path)
    assert capsys.readouterr().err.count('no log for TensorBoard: pip install "scotopic[train]"') == 1
    assert len(read_table(tmp_path)) == 4
    assert not (tmp_path / "tensorboard").exists()


def test_without_accelerate_the_extra_is_named(
    quick_settings: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ScotopicError, match=r"need the package 'accelerate': pip install \"scotopic\[train\]\""):
        train_enhancer(quick_settings, tmp_path)


def test_the_losses_of_the_published_code_can_be_trained_with(quick_settings: TrainSettings, tmp_path: Path) -> None:
    losses = losses_of(quick_settings).model_copy(update={"form": "published-code"}).model_dump()
    train_enhancer(changed(quick_settings, losses=losses, epochs=2), tmp_path)
    assert len(read_table(tmp_path)) == 2


def test_a_loss_without_weight_is_not_in_the_table(quick_settings: TrainSettings, tmp_path: Path) -> None:
    losses = losses_of(quick_settings).model_dump()
    losses["weights"]["rgb"] = 0
    train_enhancer(changed(quick_settings, losses=losses, epochs=1), tmp_path)
    assert list(read_table(tmp_path)[0]) == [
        *("epoch", "learning_rate", "loss", "spatial", "brightness", "total_variation", "mean_factor")
    ]


def test_semantic_guidance_counts_and_is_logged(quick_settings: TrainSettings, tmp_path: Path) -> None:
    pytest.importorskip("segmentation_models_pytorch", reason='pip install "scotopic[seg]"')
    losses = losses_of(quick_settings).model_dump()
    losses["weights"]["semantic"] = 0.5
    train_enhancer(changed(quick_settings, losses=losses, semantic_guide="road", epochs=1), tmp_path)
    assert read_table(tmp_path)[0]["semantic"] > 0
