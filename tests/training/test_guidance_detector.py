"""Frozen nets that guide a training by their features and scores."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scotopic.errors import ScotopicError
from scotopic.training.detector_guidance import (
    DetectorFeatures,
    detector_features,
    encoder_features,
    feature_distance,
    prediction_distance,
)

Features = Callable[[Tensor], list[Tensor]]


def batch(count: int = 2, height: int = 64, width: int = 96, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def detector_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A YOLO11n with random weights, saved in half precision, as ultralytics does."""
    return saved("yolo11n", tmp_path_factory.mktemp("detector"))


def saved(name: str, folder: Path) -> Path:
    from ultralytics import YOLO

    torch.manual_seed(0)
    model: Any = YOLO(f"{name}.yaml")
    model.save(folder / f"{name}.pt")
    return folder / f"{name}.pt"


@pytest.fixture(scope="module")
def detector(detector_file: Path) -> DetectorFeatures:
    return detector_features(str(detector_file))


@pytest.fixture(scope="module")
def guides(detector: DetectorFeatures) -> dict[str, Any]:
    made: dict[str, Any] = {name: encoder_features(name) for name in ("road", "efficientnet-lite0")}
    return {"detector": detector, **made}


@pytest.mark.parametrize("kind", ["detector", "road", "efficientnet-lite0"])
class TestEveryGuide:
    def test_a_gradient_reaches_the_picture(self, guides: dict[str, Any], kind: str) -> None:
        x = (batch() / 4).requires_grad_()
        feature_distance(guides[kind](x), guides[kind](batch())).backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()
        assert x.grad.abs().sum() > 0

    def test_nothing_in_it_ever_changes(self, guides: dict[str, Any], kind: str) -> None:
        guide = guides[kind]
        before = {key: value.clone() for key, value in guide.state_dict().items()}
        outer = nn.ModuleList([guide]).train()
        x = batch().requires_grad_()
        torch.stack([layer.sum() for layer in guide(x)]).sum().backward()
        assert outer.training
        assert not any(part.training for part in guide.modules())
        assert not any(parameter.requires_grad for parameter in guide.parameters())
        for key, value in guide.state_dict().items():
            assert torch.equal(value, before[key]), key

    def test_any_size_goes_in(self, guides: dict[str, Any], kind: str) -> None:
        padded, whole = guides[kind](batch(1, 50, 70)), guides[kind](batch(1, 64, 96))
        assert [layer.shape for layer in padded] == [layer.shape for layer in whole]


def test_the_layers_of_yolo11_are_those_between_backbone_neck_and_head(detector: DetectorFeatures) -> None:
    assert detector.layers == [4, 6, 10, 16, 19, 22]
    assert [tuple(layer.shape[-2:]) for layer in detector(batch())] == [
        (8, 12),
        (4, 6),
        (2, 3),
        (8, 12),
        (4, 6),
        (2, 3),
    ]


def test_other_generations_have_their_own_layers(tmp_path: Path) -> None:
    assert detector_features(str(saved("yolov8n", tmp_path))).layers == [4, 6, 9, 15, 18, 21]


def test_features_are_the_outputs_of_the_layers(detector_file: Path) -> None:
    from ultralytics import YOLO

    model: Any = YOLO(detector_file)
    network = model.model.float().eval()
    x = batch()
    with torch.no_grad():
        first = network.model[0](x)
        second = network.model[1](first)
        found = detector_features(f"ultralytics:{detector_file}", layers=[1, 0])(x)
    assert torch.equal(found[0], first)
    assert torch.equal(found[1], second)


def test_scores_are_the_detectors_own(detector_file: Path, detector: DetectorFeatures) -> None:
    from ultralytics import YOLO

    model: Any = YOLO(detector_file)
    network = model.model.float().eval()
    with torch.no_grad():
        decoded = network(batch())[0]
        seen = detector.see(batch())
    torch.testing.assert_close(seen.class_logits.sigmoid(), decoded[:, 4:])
    assert all(torch.equal(one, other) for one, other in zip(seen.features, detector(batch()), strict=True))


def test_the_real_detector_is_drawn_towards_light(data_dir: Path) -> None:
    """On photographs the distances grow with darkness."""
    from scotopic.pipeline.image import read_image

    guide = detector_features(str(data_dir / "weights" / "yolo11n_dequant.pt"))
    image = read_image(sorted((data_dir / "coco128" / "images").rglob("*.jpg"))[0])[:320, :320]
    bright = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        reference, darker = guide.see(bright), [guide.see(bright**gamma) for gamma in (1.0, 2.0, 4.0)]
    features = [feature_distance(seen.features, reference.features).item() for seen in darker]
    scores = [prediction_distance(seen.class_logits, reference.class_logits).item() for seen in darker]
    assert features[0] == pytest.approx(0, abs=1e-6)
    assert scores[0] == pytest.approx(0, abs=1e-6)
    assert features == sorted(features)
    assert scores == sorted(scores)


def test_feature_distance_is_the_mean_of_relative_squared_errors() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 3, 4, 5), (2, 6, 2, 2)]
    found = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    wanted = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    total = 0.0
    for one, other in zip(found, wanted, strict=True):
        a, b = one.flatten().tolist(), other.flatten().tolist()
        mean = sum(b) / len(b)
        variance = sum((value - mean) ** 2 for value in b) / len(b)
        total += sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a) / variance
    assert feature_distance(found, wanted).item() == pytest.approx(total / 2, rel=1e-12)
    scaled = [7 * layer for layer in found], [7 * layer for layer in wanted]
    assert feature_distance(*scaled).item() == pytest.approx(total / 2, rel=1e-12)


def test_prediction_distance_is_a_weighted_divergence() -> None:
    generator = torch.Generator().manual_seed(0)
    found, wanted = torch.randn(2, 2, 3, 5, generator=generator, dtype=torch.float64)
    total = weights = 0.0
    for n in range(2):
        for anchor in range(5):
            weight = max(1 / (1 + math.exp(-wanted[n, c, anchor].item())) for c in range(3))
            divergence = 0.0
            for c in range(3):
                p, q = (1 / (1 + math.exp(-side[n, c, anchor].item())) for side in (found, wanted))
                divergence += q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))
            total += weight * divergence
            weights += weight
    assert prediction_distance(found, wanted).item() == pytest.approx(total / weights, rel=1e-9)


def test_the_gradients_of_the_distances_are_right_and_stay_off_the_reference() -> None:
    torch.manual_seed(0)
    wanted = torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True)
    found = torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: feature_distance([x], [wanted.detach()]), found)
    assert torch.autograd.gradcheck(lambda x: prediction_distance(x, wanted.detach()), found)
    (feature_distance([found], [wanted]) + prediction_distance(found, wanted)).backward()
    assert wanted.grad is None


def test_constant_reference_features_give_a_finite_distance() -> None:
    assert feature_distance([torch.ones(1, 1, 2, 2)], [torch.ones(1, 1, 2, 2)]).item() == 0
    assert math.isfinite(feature_distance([torch.ones(1, 1, 2, 2)], [torch.zeros(1, 1, 2, 2)]).item())


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ScotopicError, match="use one net and size"):
        feature_distance([torch.ones(1, 1, 2, 2)], [torch.ones(1, 1, 2, 3)])
    with pytest.raises(ScotopicError, match="use one net and size"):
        prediction_distance(torch.ones(1, 1, 2), torch.ones(1, 1, 3))


@pytest.mark.parametrize("layers", [[23], [], [-1]])
def test_a_layer_that_is_not_there_is_refused(detector_file: Path, layers: list[int]) -> None:
    with pytest.raises(ScotopicError, match="has layers 0 to 22 with features"):
        detector_features(str(detector_file), layers)


def test_wrong_names_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="no net at nothing"):
        detector_features("nothing.pt")
    with pytest.raises(ScotopicError, match="no semantic guide 'rood'"):
        encoder_features("rood")
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    with pytest.raises(ScotopicError, match="cannot load the net"):
        detector_features(str(tmp_path / "broken.pt"))


def test_a_net_without_boxes_has_features_only(tmp_path: Path) -> None:
    guide = detector_features(str(saved("yolo26n-sem", tmp_path)))
    assert len(guide(batch())) == len(guide.layers)
    with pytest.raises(ScotopicError, match="finds no boxes"):
        guide.see(batch())
