"""segmentation_models_pytorch behind an enhancer: preprocessing, saving, loading, export."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scotopic import Enhancer, EnhancerInfo, ScotopicError, attach, create_enhancer, detach
from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.onnx_export import export_onnx
from scotopic.adapters.parity import check_segmentation_export
from scotopic.adapters.segmenters import load_segmenter

smp: Any = pytest.importorskip("segmentation_models_pytorch", reason='pip install "scotopic[seg]"')

from scotopic.adapters.smp import EnhancedSegmentationModel  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.timm-. encoders are deprecated:DeprecationWarning")

ENCODER = "timm-tf_efficientnet_lite0"
SPEC = InputSpec(mean=(0.498, 0.498, 0.498), std=(0.502, 0.502, 0.502))
NAMES = ["sky", "road", "car"]


def build(architecture: str = "Unet", **options: Any) -> Any:
    torch.manual_seed(0)
    arguments = {"encoder_name": ENCODER, "encoder_weights": None, "classes": 3, **options}
    return getattr(smp, architecture)(**arguments)


@pytest.fixture(scope="module")
def unet() -> Any:
    return build(decoder_channels=(64, 32, 16, 8, 8))


@pytest.fixture
def net(unet: Any) -> Any:
    return copy.deepcopy(unet)


@pytest.fixture
def dark() -> Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 0.2


@pytest.mark.parametrize("architecture", ["FPN", "PSPNet", "DeepLabV3Plus", "Segformer"])
def test_every_architecture_takes_any_picture_and_can_be_saved(
    architecture: str, night: np.ndarray, tmp_path: Path
) -> None:
    wrapped = attach(build(architecture), "gamma[gamma=2.0]", spec=SPEC, names=NAMES)
    found, _ = wrapped.segment(night)
    assert found.labels.shape == night.shape[:2]
    wrapped.save_pretrained(tmp_path / "net")
    again = EnhancedSegmentationModel.from_pretrained(tmp_path / "net")
    np.testing.assert_array_equal(again.segment(night)[0].labels, found.labels)


def test_enhanced_then_normalised_as_the_encoder_wants(net: Any, dark: Tensor) -> None:
    wrapped = attach(net.eval(), "gamma[gamma=2.0]", spec=SPEC)
    with torch.no_grad():
        torch.testing.assert_close(wrapped(dark), net((dark.sqrt() - 0.498) / 0.502))


def test_a_frame_of_ones_is_scaled_like_any_other(net: Any) -> None:
    """smp's own preprocessing divides by 255 only if a value exceeds 1."""
    seen: list[Tensor] = []
    net.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    attach(net, "none", spec=SPEC).segment(np.ones((32, 32, 3), np.uint8))
    torch.testing.assert_close(seen[0], torch.full((1, 3, 32, 32), (1 / 255 - 0.498) / 0.502))


def test_training_through_the_wrapper(net: Any, dark: Tensor) -> None:
    wrapped = attach(net, "sgz", spec=SPEC, train_enhancer=True).train()
    optimizer = torch.optim.Adam(wrapped.parameters(), 1e-2)
    target = torch.zeros(2, 64, 96, dtype=torch.long)
    losses = []
    for _ in range(4):
        loss = torch.nn.functional.cross_entropy(wrapped(dark), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert all(p.grad is not None for p in wrapped.stage.parameters())


def test_a_frozen_encoder_stays_frozen(net: Any) -> None:
    net.freeze_encoder()
    wrapped = attach(net, "sgz", spec=SPEC).train()
    assert not any(part.training for part in net.encoder.modules() if isinstance(part, torch.nn.BatchNorm2d))
    assert wrapped.net.decoder.training


def test_saved_and_loaded_it_is_the_same(net: Any, dark: Tensor, night: np.ndarray, tmp_path: Path) -> None:
    """Net, enhancer with trained weights, gate, strength, preprocessing, names."""
    wrapped = attach(
        net, "sgz[scale_factor=4,weights=random]", spec=SPEC, names=NAMES, gate="off", strength=0.7, train_enhancer=True
    ).eval()
    wrapped.save_pretrained(tmp_path / "night")
    assert sorted(file.name for file in (tmp_path / "night").iterdir()) == ["config.json", "model.safetensors"]
    again = EnhancedSegmentationModel.from_pretrained(tmp_path / "night")
    with torch.no_grad():
        assert torch.equal(again(dark), wrapped(dark))
    assert again.spec == wrapped.spec
    assert again.names == wrapped.names
    assert again.enhancement is not None
    assert again.enhancement.trainable
    assert not again.training
    np.testing.assert_array_equal(again.segment(night)[0].labels, wrapped.segment(night)[0].labels)
    assert again.description["sha256"] == wrapped.description["sha256"]


def test_a_classical_enhancer_and_none_at_all_can_be_saved(net: Any, night: np.ndarray, tmp_path: Path) -> None:
    wrapped = attach(net, create_enhancer("clahe", clip_limit=3.0), where="source", spec=SPEC, names=NAMES)
    wrapped.save_pretrained(tmp_path / "clahe")
    again = EnhancedSegmentationModel.from_pretrained(tmp_path / "clahe")
    assert again.where == "source"
    np.testing.assert_array_equal(again.segment(night)[0].labels, wrapped.segment(night)[0].labels)
    detach(wrapped)
    wrapped.save_pretrained(tmp_path / "bare")
    bare = EnhancedSegmentationModel.from_pretrained(tmp_path / "bare")
    assert bare.stage is None
    assert "enhancer" not in bare.description


def test_the_evaluation_loads_the_folder(net: Any, night: np.ndarray, tmp_path: Path) -> None:
    wrapped = attach(net, "sgz", spec=SPEC, names=NAMES)
    wrapped.save_pretrained(tmp_path / "night")
    loaded = load_segmenter(tmp_path / "night", device="cpu")
    np.testing.assert_array_equal(loaded.segment(night)[0].labels, wrapped.segment(night)[0].labels)
    assert loaded.names == dict(enumerate(NAMES))
    assert loaded.description["file"] == "model.safetensors"
    assert loaded.description["enhancer"] == "sgz"
    small = load_segmenter(tmp_path / "night", device="cpu", input_size=(32, 64))
    assert small.description["settings"]["input"]["size"] == [32, 64]
    assert small.segment(night)[0].labels.shape == night.shape[:2]
    with pytest.raises(ScotopicError, match="divisible by 32, not 30x64"):
        load_segmenter(tmp_path / "night", input_size=(30, 64))
    with pytest.raises(ScotopicError, match="device 'gpu' cannot be used"):
        load_segmenter(tmp_path / "night", device="gpu")


class Lifted(Enhancer):
    """An enhancer that is registered nowhere."""

    info = EnhancerInfo(name="lifted", summary="Adds a little.")

    def transform(self, x: Tensor) -> Tensor:
        return x + 0.1


def test_an_enhancer_without_a_registered_name_is_not_saved(net: Any, tmp_path: Path) -> None:
    wrapped = attach(net, Lifted(), spec=SPEC)
    with pytest.raises(ScotopicError, match="the enhancer Lifted cannot be saved: no registered name builds it again"):
        wrapped.save_pretrained(tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_a_damaged_folder_is_named(net: Any, tmp_path: Path) -> None:
    folder = tmp_path / "net"
    load = EnhancedSegmentationModel.from_pretrained
    with pytest.raises(ScotopicError, match=r"no net at .*net: a folder written by save_pretrained has config\.json"):
        load(folder)
    attach(net, "sgz", spec=SPEC).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    damaged: list[tuple[dict[str, Any], str]] = [
        ({**config, "architecture": "Vnet"}, "has no architecture 'Vnet'"),
        ({**config, "architecture": "from_pretrained"}, "has no architecture"),
        ({**config, "arguments": {"classes": "many"}}, "cannot build Unet with these arguments"),
        ({**config, "input": {"colour": "rgb"}}, "did you mean 'color'"),
        ({**config, "enhancer": {**config["enhancer"], "name": "./mine.py:Net"}}, "no enhancer './mine.py:Net'"),
        ({**config, "enhancer": {}}, "not described as save_pretrained does it"),
        ({key: value for key, value in config.items() if key != "names"}, "the key 'names' is missing"),
        ({**config, "arguments": {**config["arguments"], "classes": 4}}, "they are no pair"),
    ]
    for content, message in damaged:
        (folder / "config.json").write_text(json.dumps(content))
        with pytest.raises(ScotopicError, match=message):
            load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ScotopicError, match="copy the folder again"):
        load(folder)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ScotopicError, match=r"cannot read the weights .*model\.safetensors"):
        load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ScotopicError, match=r"no weights at .*model\.safetensors"):
        load(folder)


def test_preprocessing_is_not_guessed(net: Any) -> None:
    with pytest.raises(ScotopicError, match=f"{ENCODER} was built without pretrained weights: give spec=InputSpec"):
        attach(net, "sgz")
    net.config["encoder_weights"] = "imagenet"
    with pytest.raises(ScotopicError, match=r"preprocessing of .* \(imagenet\) is not on this machine: give spec="):
        attach(net, "sgz")


def test_preprocessing_that_came_with_the_weights_is_found(
    net: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the cache of the hub, where smp's own download leaves it."""
    from huggingface_hub import constants
    from segmentation_models_pytorch.encoders import encoders

    stored = encoders[ENCODER]["pretrained_settings"]["imagenet"]
    folder = tmp_path / f"models--{stored['repo_id'].replace('/', '--')}" / "snapshots" / stored["revision"]
    folder.mkdir(parents=True)
    settings = {"mean": [0.4, 0.5, 0.6], "std": [0.1, 0.2, 0.3], "input_range": [0, 255], "input_space": "BGR"}
    (folder / "config.json").write_text(json.dumps(settings))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    net.config["encoder_weights"] = "imagenet"
    expected = InputSpec(color="bgr", range=255.0, mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3), multiple=32)
    assert attach(net, "sgz").spec == expected


def test_timm_knows_the_preprocessing_of_its_own_encoders() -> None:
    net = build(encoder_name="tu-mobilenetv3_small_050", decoder_channels=(16, 8, 8, 8, 8))
    net.config["encoder_weights"] = True
    spec = attach(net, "none").spec
    assert spec.mean == (0.485, 0.456, 0.406)
    assert spec.multiple == 32


def test_what_does_not_fit_is_said(net: Any, night: np.ndarray) -> None:
    with pytest.raises(ScotopicError, match="this model takes 4 channels"):
        attach(build(in_channels=4), "sgz", spec=SPEC)
    with pytest.raises(ScotopicError, match=r"give a whole model, such as smp.Unet"):
        attach(net.encoder, "sgz", spec=SPEC)
    with pytest.raises(ScotopicError, match="ends in 'sigmoid', not in logits"):
        attach(build(classes=1, activation="sigmoid"), "none", spec=SPEC).segment(night)


def test_one_class_is_there_or_not(night: np.ndarray) -> None:
    found, _ = attach(build(classes=1), "none", spec=SPEC).segment(night)
    assert set(np.unique(found.labels)) <= {0, 1}


@pytest.mark.parametrize("architecture", ["Unet", "Linknet"])
def test_the_exported_file_gives_the_same_logits_at_other_sizes(
    architecture: str, night: np.ndarray, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason='pip install "scotopic[onnx]"')
    wrapped = attach(build(architecture), "sgz", spec=SPEC, names=NAMES).train()
    path = export_onnx(wrapped, tmp_path / "night.onnx")
    assert wrapped.training
    report = check_segmentation_export(wrapped, path)
    assert len(report.logit_difference) == 2
    assert (128, 160) not in report.logit_difference, "the size at which it was exported"
    assert report.agrees(1e-3), report
    assert min(report.label_agreement.values()) > 0.999
    loaded = load_segmenter(path, device="cpu")
    assert (loaded.segment(night)[0].labels == wrapped.segment(night)[0].labels).mean() > 0.999
    bare = EnhancedSegmentationModel(wrapped.net, wrapped.spec)
    assert not check_segmentation_export(bare, path).agrees(), "the enhancer really is in the file"


def test_the_exported_file_names_its_enhancer(net: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason='pip install "scotopic[onnx]"')
    night = export_onnx(attach(net, "sgz", spec=SPEC, names=NAMES), tmp_path / "night.onnx")
    loaded: Any = load_segmenter(night, device="cpu")
    assert loaded.description["enhancer"] == "sgz"
    with pytest.raises(ScotopicError, match=r"night\.onnx was exported with the enhancer 'sgz' in its graph"):
        attach(loaded, "gamma", where="source")
    bare = export_onnx(EnhancedSegmentationModel(build(), SPEC, dict(enumerate(NAMES))), tmp_path / "bare.onnx")
    assert "enhancer" not in load_segmenter(bare, device="cpu").description


def test_what_cannot_be_exported_is_said(net: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason='pip install "scotopic[onnx]"')
    wrapped = attach(net, "sgz", spec=SPEC)
    refused: list[tuple[Any, str, str]] = [
        (net, "a.onnx", "cannot export Unet: give the segmentation net that attach"),
        (wrapped, "a.pt", "ends in .onnx"),
        (attach(build(), "clahe", where="source", spec=SPEC), "a.onnx", "'clahe' works on whole pictures"),
        (attach(build("PSPNet"), "sgz", spec=SPEC), "a.onnx", "PSPNet pools to a grid of fixed size"),
        (attach(torch.nn.Conv2d(3, 2, 1), "sgz", spec=SPEC), "a.onnx", "give attach"),
    ]
    for model, name, message in refused:
        with pytest.raises(ScotopicError, match=message):
            export_onnx(model, tmp_path / name)
    with pytest.raises(ScotopicError, match="no exported model at"):
        check_segmentation_export(wrapped, tmp_path / "nothing.onnx")
    assert list(tmp_path.iterdir()) == []
