"""The segmentation nets that ship with the package."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors import safe_open

from scotopic.adapters.shipped import list_shipped, load_shipped
from scotopic.adapters.shipped_detectors import list_shipped_detectors
from scotopic.adapters.shipped_weights import WEIGHTS
from scotopic.configs.segmenter_schema import load_segmenter_settings
from scotopic.errors import ScotopicError
from scotopic.eval.datasets.segmentation import load_segmentation_dataset
from scotopic.pipeline.image import read_image
from scotopic.training.segmenter_score import score_net

pytest.importorskip("segmentation_models_pytorch", reason='pip install "scotopic[seg]"')

CAMVID = (
    "Sky",
    "Building",
    "Pole",
    "Road",
    "Pavement",
    "Tree",
    "SignSymbol",
    "Fence",
    "Car",
    "Pedestrian",
    "Bicyclist",
)


def test_the_net_loads_without_a_download() -> None:
    net = load_shipped("road")  # conftest refuses every connection
    assert tuple(net.names.values()) == CAMVID
    assert not net.module.training
    assert {parameter.dtype for parameter in net.module.parameters()} == {torch.float32}
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    array, geometry = net.input.prepare(image)
    assert array.shape == (1, 3, 64, 96)
    with torch.inference_mode():
        logits = net.module(torch.from_numpy(array))
    assert logits.shape == (1, 11, 64, 96)
    assert geometry.labels_of(logits[0]).shape == (50, 70)


def test_every_shipped_net_is_whole_and_small() -> None:
    for name in list_shipped():
        assert load_shipped(name).file.stat().st_size < 12e6
        assert (WEIGHTS / f"{name}.md").is_file()
        assert f"{name}.safetensors" in (WEIGHTS / "LICENSE").read_text(encoding="utf-8")
    assert {path.stem for path in WEIGHTS.glob("*.safetensors")} == {*list_shipped(), *list_shipped_detectors()}


def test_the_file_was_made_by_the_shipped_preset() -> None:
    with safe_open(load_shipped("road").file, "pt") as file:
        made = json.loads(file.metadata()["training"])
    preset = load_segmenter_settings("road").model_dump(mode="json", exclude={"data", "name", "device"})
    assert made["settings"] == preset
    assert made["last_epoch"][0] == preset["epochs"]
    assert made["pictures"] == 305, "the day sequences of CamVid's training split alone"


def test_it_sees_the_street(data_dir: Path) -> None:
    """Every eighth test frame, of a sequence that was not trained on; the whole split gives the card's figures."""
    net = load_shipped("road")
    frames = load_segmentation_dataset(data_dir / "camvid", "test")
    some = frames.select(sample.id for sample in frames.samples[::8])
    scores = score_net(net.module, net.input, some)
    assert scores.metrics["mIoU"] > 0.5
    assert scores.per_class["Road"]["IoU"] > 0.85
    assert scores.per_class["Sky"]["IoU"] > 0.8


def test_normal_light_is_what_it_knows(data_dir: Path) -> None:
    """It was trained on no darkened picture, so it can tell a dark one from an enhanced one."""
    net = load_shipped("road")
    frames = load_segmentation_dataset(data_dir / "camvid", "test")
    image, truth = read_image(frames.samples[0].image), frames.read_mask(frames.samples[0])
    dark = (255 * (image / 255) ** 4).astype(np.uint8)
    right = []
    with torch.inference_mode():
        for picture in (image, dark):
            array, geometry = net.input.prepare(picture)
            labels = geometry.labels_of(net.module(torch.from_numpy(array))[0])
            right.append((labels == truth)[truth < 255].mean())
    assert right[0] > 0.8
    assert right[1] < right[0] - 0.1


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=r"no shipped segmentation net 'raod': did you mean 'road'\?"):
        load_shipped("raod")
    own = tmp_path / "own.yaml"
    shutil.copy(WEIGHTS / "road.yaml", own)
    with pytest.raises(ScotopicError, match=r"cannot read the weights .*own\.safetensors"):
        load_shipped(own)
    shutil.copy(WEIGHTS / "road.safetensors", tmp_path / "own.safetensors")
    assert load_shipped(own).names[0] == "Sky"
    described = yaml.safe_load(own.read_text())

    def refuses(message: str, **changes: object) -> None:
        content = {key: value for key, value in (described | changes).items() if value is not None}
        own.write_text(yaml.safe_dump(content))
        with pytest.raises(ScotopicError, match=message):
            load_shipped(own)

    refuses("the key 'net' is missing", net=None)
    refuses("the key 'input' is missing", input=None)
    refuses("net: unknown key 'width'", net=described["net"] | {"width": 3})
    refuses("does not fit the net in own.yaml: they are no pair", net=described["net"] | {"decoder_width": 64})
    refuses("does not fit the net in own.yaml: they are no pair", names=["road", "rest"])
    own.write_text(yaml.safe_dump(described))
    (tmp_path / "own.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ScotopicError, match=r"cannot read the weights .*own\.safetensors"):
        load_shipped(own)
