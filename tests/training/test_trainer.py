"""A training run: it learns, it goes on where it stopped, and it stops with a sentence."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from scotopic import create_enhancer
from scotopic.configs.train_schema import TrainSettings
from scotopic.errors import ScotopicError
from scotopic.training import trainer
from scotopic.training.trainer import train_enhancer


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """With more, the order of additions is not fixed, and two runs agree to rounding only."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def changed(settings: TrainSettings, **changes: object) -> TrainSettings:
    return settings.model_validate(settings.model_dump() | changes)


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
    weighted = sum(weight * row[name] for name, weight in quick_settings.weights.model_dump().items())
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


def test_an_interrupted_run_goes_on_exactly(
    quick_settings: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = train_enhancer(quick_settings, tmp_path / "straight")
    losses, steps = trainer.enhancement_losses, 0

    def interrupt_in_the_third_epoch(*arguments):
        nonlocal steps
        steps += 1
        if steps == 8:  # three steps an epoch
            raise KeyboardInterrupt
        return losses(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(trainer, "enhancement_losses", interrupt_in_the_third_epoch)
        with pytest.raises(KeyboardInterrupt):
            train_enhancer(quick_settings, tmp_path / "resumed")
    assert not (tmp_path / "resumed" / "sgz.safetensors").exists()
    assert len(read_table(tmp_path / "resumed")) == 2
    resumed = train_enhancer(quick_settings, tmp_path / "resumed")
    assert same_weights(resumed, straight)
    assert read_table(tmp_path / "resumed") == read_table(tmp_path / "straight")
    assert sorted(p.name for p in (tmp_path / "resumed").iterdir()) == [
        "sgz.checkpoint.pt",
        "sgz.csv",
        "sgz.safetensors",
    ]


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
    weights = {"spatial": 1e38, "rgb": 3e38, "brightness": 3e38, "total_variation": 1.0}
    with pytest.raises(ScotopicError, match=r"no longer finite in epoch 1 .* use a learning_rate below 0\.003"):
        train_enhancer(changed(quick_settings, weights=weights, batch=1), tmp_path)
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


def test_only_sgz_can_be_trained(quick_settings: TrainSettings, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="cannot train 'gamma'"):
        train_enhancer(changed(quick_settings, enhancer="gamma"), tmp_path)


def test_the_folder_of_pictures_must_be_given(quick_settings: TrainSettings, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="no training pictures"):
        train_enhancer(changed(quick_settings, data=None), tmp_path)


def test_traditional_convolutions_can_be_trained(quick_settings: TrainSettings, tmp_path: Path) -> None:
    spec = "sgz[convolution=tc,scale_factor=2]"
    weights = train_enhancer(changed(quick_settings, enhancer=spec, epochs=1), tmp_path)
    create_enhancer("sgz", weights=weights, convolution="tc")
