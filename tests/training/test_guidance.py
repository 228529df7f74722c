"""Frozen nets that guide a training by their classes: the same as the net itself, and never changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scotopic import attach
from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.segmenters import load_segmenter
from scotopic.adapters.shipped import WEIGHTS
from scotopic.adapters.torchvision import pretrained_segmentation
from scotopic.errors import ScotopicError
from scotopic.pipeline.image import read_image
from scotopic.training.guidance import SemanticGuide, semantic_guide
from scotopic.training.losses import semantic_loss

SIZE = (96, 160)


def picture(height: int = SIZE[0], width: int = SIZE[1]) -> np.ndarray:
    """Smooth coloured blobs, uint8 RGB."""
    coarse = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def batch_of(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def agreement(guide: SemanticGuide, image: np.ndarray, labels: np.ndarray) -> float:
    """Share of pixels to which the guide gives most probability for the class that the net's labels name."""
    with torch.no_grad():
        found = guide(batch_of(image))
    assert found.shape[-2:] == image.shape[:2]
    assert torch.allclose(found.sum(dim=1), torch.ones(1, *image.shape[:2]), atol=1e-5)
    return float((found.argmax(dim=1)[0].numpy() == labels).mean())


@pytest.fixture(scope="module")
def unet_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net with random weights, an enhancer and its preprocessing, saved together."""
    import segmentation_models_pytorch as smp

    torch.manual_seed(0)
    net = smp.Unet("resnet18", encoder_weights=None, classes=5)
    spread_out(net.segmentation_head[0])
    spec = InputSpec(color="bgr", range=255.0, mean=(100.0, 110.0, 120.0), std=(60.0, 50.0, 70.0))
    folder = tmp_path_factory.mktemp("smp")
    held: Any = attach(net.eval(), "gamma[gamma=3.0]", spec=spec)
    held.save_pretrained(folder)
    return folder


def spread_out(last: Any) -> None:
    """Give each class of an untrained net its places: without this one of them wins everywhere."""
    nn.init.normal_(last.weight)
    with torch.no_grad():
        last.weight -= last.weight.mean(0, keepdim=True)
        last.bias.zero_()


@pytest.fixture(scope="module")
def semantic_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A net of ultralytics for the task ``semantic`` with random weights."""
    return saved("yolo26n-sem", tmp_path_factory.mktemp("sem"))


@pytest.fixture(scope="module")
def detector_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved("yolo11n", tmp_path_factory.mktemp("detect"))


def saved(name: str, folder: Path) -> Path:
    from ultralytics import YOLO

    torch.manual_seed(0)
    model: Any = YOLO(f"{name}.yaml")
    head = model.model.model[-1]
    if name.endswith("-sem"):
        spread_out(head.classifier[-1])
    model.save(folder / f"{name}.pt")
    return folder / f"{name}.pt"


GuideOf = Callable[[str], SemanticGuide]


@pytest.fixture(scope="module")
def guide_of(unet_folder: Path, semantic_file: Path, detector_file: Path) -> GuideOf:
    """Each kind of guide once."""
    made: dict[str, SemanticGuide] = {}
    places = {"smp": f"smp:{unet_folder}", "semantic": f"ultralytics:{semantic_file}"}
    places["detector"] = f"ultralytics:{detector_file}"

    def build(kind: str) -> SemanticGuide:
        if kind not in made:
            made[kind] = semantic_guide(places.get(kind, kind))
        return made[kind]

    return build


@pytest.mark.parametrize("kind", ["road", "random-fpn", "smp", "semantic", "detector"])
class TestEveryGuide:
    def test_it_gives_probabilities_at_every_pixel(self, guide_of: GuideOf, kind: str) -> None:
        found = guide_of(kind)(batch_of(picture(70, 100)))
        assert found.shape[:1] + found.shape[2:] == (1, 70, 100)
        assert found.shape[1] >= 2
        assert found.min() >= 0
        assert torch.allclose(found.sum(dim=1), torch.ones(1, 70, 100), atol=1e-5)

    def test_a_gradient_reaches_the_picture(self, guide_of: GuideOf, kind: str) -> None:
        x = batch_of(picture()).requires_grad_()
        semantic_loss(guide_of(kind)(x)).backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()
        assert x.grad.abs().sum() > 0

    def test_nothing_in_it_ever_changes(self, guide_of: GuideOf, kind: str) -> None:
        guide = guide_of(kind)
        before = {key: value.clone() for key, value in guide.state_dict().items()}
        outer = nn.Sequential(guide).train()
        x = batch_of(picture(64, 64)).requires_grad_()
        semantic_loss(outer(x)).backward()
        assert not any(part.training for part in guide.modules())
        assert not any(parameter.requires_grad for parameter in guide.parameters())
        assert all(parameter.grad is None for parameter in guide.parameters())
        for key, value in guide.state_dict().items():
            assert torch.equal(value, before[key]), key

    def test_a_picture_does_not_hang_on_its_batch(self, guide_of: GuideOf, kind: str) -> None:
        one, other = batch_of(picture(64, 64)), batch_of(255 - picture(64, 64))
        with torch.no_grad():
            together = guide_of(kind)(torch.cat([one, other]))
            torch.testing.assert_close(together[:1], guide_of(kind)(one), atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(together[1:], guide_of(kind)(other), atol=1e-5, rtol=1e-4)

    def test_it_says_which_net_it_is(self, guide_of: GuideOf, kind: str) -> None:
        described = guide_of(kind).description
        assert len(described["sha256"]) == 64
        assert json.dumps(described)


def test_road_sees_a_real_street_as_the_segmenter_does(data_dir: Path, guide_of: GuideOf) -> None:
    image = read_image(sorted((data_dir / "camvid" / "images" / "val").glob("*.jpg"))[0])
    labels = load_segmenter("road", device="cpu").segment(image)[0].labels
    assert len(np.unique(labels)) > 4
    assert agreement(guide_of("road"), image, labels) > 0.999
    cut = np.ascontiguousarray(image[:210, :310])  # both have to pad
    assert agreement(guide_of("road"), cut, load_segmenter("road", device="cpu").segment(cut)[0].labels) > 0.999


def test_road_is_surer_of_a_bright_street_than_of_a_dark_one(data_dir: Path, guide_of: GuideOf) -> None:
    image = read_image(sorted((data_dir / "camvid" / "images" / "val").glob("*.jpg"))[0])
    bright = batch_of(image)
    with torch.no_grad():
        loss = [semantic_loss(guide_of("road")(x)).item() for x in (bright, bright**4)]
    assert loss[0] < loss[1]


def test_a_net_of_ones_own_training_by_its_yaml_file(guide_of: GuideOf) -> None:
    named = semantic_guide(str(WEIGHTS / "road.yaml"))
    assert named.description["sha256"] == guide_of("road").description["sha256"]


def test_a_saved_smp_net_sees_as_the_segmenter_does_without_the_enhancer(unet_folder: Path, guide_of: GuideOf) -> None:
    bare: Any = load_segmenter(unet_folder, device="cpu")
    bare.put(None)
    image = picture(90, 150)
    labels = bare.segment(image)[0].labels
    assert len(np.unique(labels)) > 1
    assert agreement(guide_of("smp"), image, labels) > 0.999


def test_a_net_saved_by_smp_itself(tmp_path: Path) -> None:
    import segmentation_models_pytorch as smp

    net: Any = smp.Unet("resnet18", encoder_weights=None, classes=3)
    net.save_pretrained(str(tmp_path))
    with pytest.raises(ScotopicError, match="does not say how its net was fed"):
        semantic_guide(f"smp:{tmp_path}")


def test_an_ultralytics_net_sees_as_the_segmenter_does(semantic_file: Path, guide_of: GuideOf) -> None:
    image = picture()
    labels = load_segmenter(semantic_file, device="cpu", input_size=SIZE).segment(image)[0].labels
    assert len(np.unique(labels)) > 1
    assert agreement(guide_of("semantic"), image, labels) > 0.995


def test_a_detectors_classes_are_those_of_its_best_cells(detector_file: Path, guide_of: GuideOf) -> None:
    from ultralytics import YOLO

    model: Any = YOLO(detector_file)
    network = model.model.float().eval()
    x = batch_of(picture(64, 64))
    guide = guide_of("detector")
    with torch.no_grad():
        scores = network(x)[1]["scores"]
        maps = guide.net(x)
    assert tuple(maps.shape) == (1, 81, 8, 8)
    assert torch.equal(maps[:, 0], torch.zeros(1, 8, 8))
    corner = torch.stack([scores[0, :, 0], scores[0, :, 64], scores[0, :, 64 + 16]])  # strides 8, 16 and 32
    torch.testing.assert_close(maps[0, 1:, 0, 0], corner.amax(dim=0))


def test_torchvisions_nets_see_as_the_segmenter_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import get_model, get_model_weights

    name = "lraspp_mobilenet_v3_large"
    weights: Any = get_model_weights(name)
    torch.manual_seed(0)
    made = get_model(name, weights=None, weights_backbone=None, num_classes=21).state_dict()
    monkeypatch.setattr(weights.DEFAULT.__class__, "get_state_dict", lambda *_, **__: made)
    guide, adapter = semantic_guide(f"torchvision:{name}"), pretrained_segmentation(name)
    assert adapter.shorter_side == 520
    image = picture(130, 180)
    labels = adapter.segment(image)[0].labels
    assert agreement(guide, image, labels) > 0.99  # the preset resizes bytes, the guide what has a gradient
    x = batch_of(image).requires_grad_()
    semantic_loss(guide(x)).backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_the_random_net_is_the_same_each_time_and_says_that_it_is_random(
    guide_of: GuideOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    state = torch.get_rng_state()
    again = semantic_guide("random-fpn")
    assert torch.equal(torch.get_rng_state(), state)
    assert again.description["encoder_weights"] == "random"
    x = batch_of(picture(64, 96))
    with torch.no_grad():
        assert torch.equal(again(x), semantic_guide("random-fpn")(x))
        assert again.net(x).shape == (1, 21, 16, 24)
        assert again.net(x).abs().max() < 100  # the values do not grow from layer to layer


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("rood", "no semantic guide 'rood': did you mean 'road'"),
        ("smp:nowhere/at-all", "no net of segmentation_models_pytorch at nowhere/at-all"),
        ("torchvision:lrasp", "torchvision has no segmentation model 'lrasp'"),
        ("ultralytics:nothing.pt", "no net at nothing.pt: check the path"),
        ("ultralytics:net.onnx", "only a checkpoint .* passes a gradient"),
        ("nothing.yaml", "nothing.yaml"),
    ],
)
def test_a_wrong_name_is_one_sentence(name: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The client of the hub would wait and try again where there is no network, and there is none in a test.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ScotopicError, match=sentence) as caught:
        semantic_guide(name)
    assert "\n" not in str(caught.value)


def test_a_classifier_of_ultralytics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="has no classes at places"):
        semantic_guide(f"ultralytics:{saved('yolo11n-cls', tmp_path)}")


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ScotopicError, match="device 'cuda:99' cannot be used"):
        semantic_guide("road", "cuda:99")
