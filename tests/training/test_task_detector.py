"""A frozen detector as a guide: what it sees is the detector's own, and it never changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scotopic.adapters.shipped_detectors import load_yolo
from scotopic.configs.task_schema import TaskSettings
from scotopic.errors import ScotopicError
from scotopic.eval.datasets.classes import map_classes
from scotopic.training.guidance_ultralytics import deep_layers, load_network
from scotopic.training.task_detector import DetectorGuide
from scotopic.training.task_detector_loss import DetectorLoss
from scotopic.training.task_features import feature_distance
from scotopic.training.task_nets import load_guides

from .task_nets import random_yolo, saved, small_detector

KINDS = ("yolo11n", "yolo26n", "small")


def batch(count: int = 2, height: int = 64, width: int = 96, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def network_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """A new network of each kind: of many anchors to an object, with a second head of one, and of our own."""
    small = small_detector(tmp_path_factory.mktemp("small") / "small.yaml")

    def build(kind: str) -> Any:
        return load_yolo(small).model if kind == "small" else random_yolo(kind).model

    return build


@pytest.mark.parametrize("kind", KINDS)
class TestEveryDetector:
    def test_a_gradient_reaches_the_enhanced_picture_alone(self, network_of: Callable[[str], Any], kind: str) -> None:
        guide = DetectorGuide(network_of(kind), kind, "cpu")
        before = {key: value.clone() for key, value in guide.state_dict().items()}
        outer = nn.ModuleList([guide]).train()
        bright = batch().requires_grad_()
        for name in guide.terms:
            enhanced = (batch() / 4).requires_grad_()
            guide(enhanced, bright, {})[name].sum().backward()
            assert enhanced.grad is not None, name
            assert enhanced.grad.isfinite().all(), name
            assert name == "false_alarms" or enhanced.grad.abs().sum() > 0, name
        assert bright.grad is None
        assert outer.training
        assert not any(part.training for part in guide.modules())
        assert not any(parameter.requires_grad for parameter in guide.parameters())
        for key, value in guide.state_dict().items():
            assert torch.equal(value, before[key]), key

    def test_each_picture_is_judged_by_itself(self, network_of: Callable[[str], Any], kind: str) -> None:
        guide = DetectorGuide(network_of(kind), kind, "cpu", shrink=2)
        bright, enhanced = batch(3, 100, 128), batch(3, 100, 128, seed=1) / 3
        with torch.no_grad():
            together = guide(enhanced, bright, {})
            alone = [guide(enhanced[i : i + 1], bright[i : i + 1], {}) for i in range(3)]
        assert set(together) == set(guide.terms)
        for name, values in together.items():
            expected = torch.cat([one[name] for one in alone])
            torch.testing.assert_close(values, expected, atol=1e-4, rtol=1e-3)

    def test_its_own_loss_is_that_of_ultralytics(self, network_of: Callable[[str], Any], kind: str) -> None:
        """Picture by picture, for there a criterion divides by what it assigns in the batch."""
        network = network_of(kind).eval()
        names = dict(network.names)
        class_map = map_classes(list(names.values()), names)
        own = DetectorLoss(network, class_map, kind)
        boxes = torch.tensor(
            [[[0, 4, 4, 40, 44], [1, 30, 10, 90, 60]], [[1, 8, 8, 50, 50], [-1] * 5], [[-1] * 5, [-1] * 5]]
        ).float()
        x = batch(3)
        found = own(network(x)[1], boxes, (64, 96))
        network.criterion = None
        for number in range(3):
            kept = boxes[number][boxes[number, :, 0] >= 0]
            labels = {"img": x[number : number + 1], "cls": kept[:, :1], "batch_idx": torch.zeros(len(kept))}
            middle, side = (kept[:, 1:3] + kept[:, 3:]) / 2, kept[:, 3:] - kept[:, 1:3]
            labels["bboxes"] = torch.cat([middle, side], dim=1) / torch.tensor([96.0, 64, 96, 64])
            expected = network.loss(labels, network(x[number : number + 1]))[0].sum()
            torch.testing.assert_close(found[number], expected, atol=1e-3, rtol=1e-4)


def test_detections_are_the_detectors_own(network_of: Callable[[str], Any]) -> None:
    network = network_of("yolo11n").eval()
    guide = DetectorGuide(network, "yolo11n", "cpu")
    with torch.no_grad():
        seen, decoded = guide.see(batch()), network(batch())[0]
    torch.testing.assert_close(seen.scores, decoded[:, 4:].transpose(1, 2))
    middle, side = decoded[:, :4].transpose(1, 2).split(2, dim=2)
    torch.testing.assert_close(
        seen.boxes, torch.cat([middle - side / 2, middle + side / 2], dim=2), atol=1e-3, rtol=1e-4
    )


def test_of_two_heads_the_one_at_work_is_seen(network_of: Callable[[str], Any]) -> None:
    network = network_of("yolo26n").eval()
    network.model[-1].end2end = True
    guide = DetectorGuide(network, "yolo26n", "cpu")
    with torch.no_grad():
        seen, found = guide.see(batch(1)), network(batch(1))[0][0]
    for box, score, label in zip(found[:5, :4], found[:5, 4], found[:5, 5].long(), strict=True):
        same_box = (seen.boxes[0] - box).abs().amax(1) < 1e-2
        assert ((seen.scores[0, :, label] - score).abs()[same_box] < 1e-4).any()


def test_features_are_the_outputs_of_the_deep_layers(network_of: Callable[[str], Any]) -> None:
    network = network_of("yolo11n").eval()
    guide = DetectorGuide(network, "yolo11n", "cpu")
    assert guide.layers == [10, 16, 19, 22]
    outputs: dict[int, Tensor] = {}
    for layer in guide.layers:
        network.model[layer].register_forward_hook(lambda _m, _x, y, layer=layer: outputs.__setitem__(layer, y))
    with torch.no_grad():
        found = guide.see(batch()).features
    assert all(torch.equal(feature, outputs[layer]) for feature, layer in zip(found, guide.layers, strict=True))


@pytest.mark.parametrize(("name", "layers"), [("yolov8n", [9, 15, 18, 21]), ("yolo26n", [10, 16, 19, 22])])
def test_other_generations_have_their_own_layers(name: str, layers: list[int]) -> None:
    from ultralytics import YOLO

    model: Any = YOLO(f"{name}.yaml")
    assert deep_layers(model.model) == layers


def test_classes_that_the_labels_leave_out_cost_nothing(network_of: Callable[[str], Any]) -> None:
    """Where the net is sure of an unlabelled class, its score may be what it likes."""
    network = network_of("small").eval()
    own = DetectorLoss(network, map_classes(["sign", "red"], {0: "red", 1: "blue"}), "small")
    raw = network(batch(1))[1]
    boxes = torch.tensor([[[1.0, 4, 4, 40, 44], [0, 1, 1, 20, 20]]])
    raw["scores"].retain_grad()
    own(raw, boxes, (64, 96)).sum().backward()
    gradient = raw["scores"].grad
    assert gradient[:, 0].abs().sum() > 0
    assert gradient[:, 1].abs().sum() == 0
    without_sign = own(raw, boxes[:, :1], (64, 96))
    assert torch.equal(own(raw, boxes, (64, 96)), without_sign)


def test_labels_are_shrunk_with_the_picture(network_of: Callable[[str], Any]) -> None:
    class_map = map_classes(["red", "blue"], {0: "red", 1: "blue"})
    boxes = torch.tensor([[[0.0, 8, 8, 80, 88]]])
    pictures = batch(1, 128, 192)
    halved = DetectorGuide(network_of("small"), "small", "cpu", 2, class_map)
    whole = DetectorGuide(network_of("small"), "small", "cpu", 1, class_map)
    smaller = nn.functional.avg_pool2d(pictures, 2)
    with torch.no_grad():
        found = halved(pictures, pictures, {"boxes": boxes})["labels"]
        expected = whole(smaller, smaller, {"boxes": boxes * torch.tensor([1, 0.5, 0.5, 0.5, 0.5])})["labels"]
    torch.testing.assert_close(found, expected)


def test_the_real_detector_loses_more_the_darker_it_is(data_dir: Path) -> None:
    from scotopic.pipeline.image import read_image

    network = load_network(data_dir / "weights" / "yolo11n_dequant.pt")
    guide = DetectorGuide(network, "yolo11n", "cpu")
    image = read_image(sorted((data_dir / "coco128" / "images").rglob("*.jpg"))[0])[:320, :320]
    bright = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        found = [guide(bright**gamma, bright, {}) for gamma in (1.0, 3.0, 6.0)]
    for name in ("missed", "features"):
        values = [terms[name].item() for terms in found]
        assert values[0] == pytest.approx(0, abs=1e-6)
        assert values == sorted(values)
        assert values[-1] > values[0]


def test_constant_reference_features_give_a_finite_distance() -> None:
    ones, zeros = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    assert feature_distance([ones], [ones]).item() == 0
    assert feature_distance([ones], [zeros]).isfinite().all()
    with pytest.raises(ScotopicError, match="use one net and size"):
        feature_distance([ones], [torch.ones(1, 1, 2, 3)])


def test_a_checkpoint_guides_as_the_model_in_it(tmp_path: Path) -> None:
    (guide,) = load_guides(TaskSettings(nets=[str(saved("yolo11n", tmp_path))], shrink=1), None, "cpu")
    assert isinstance(guide, DetectorGuide)
    assert guide.description["sha256"] == DetectorGuide(random_yolo().model.half(), "", "cpu").description["sha256"]


def test_what_cannot_guide_is_one_sentence(tmp_path: Path) -> None:
    from ultralytics import YOLO

    for name, sentence in (("yolo11n-cls", "has no classes at places"), ("yolo11n-obb", "finds no upright boxes")):
        model: Any = YOLO(f"{name}.yaml")
        model.save(tmp_path / f"{name}.pt")
        with pytest.raises(ScotopicError, match=sentence):
            load_guides(TaskSettings(nets=[str(tmp_path / f"{name}.pt")]), None, "cpu")
    model = YOLO("yolo11n-seg.yaml")
    with pytest.raises(ScotopicError, match="learns more than boxes"):
        DetectorLoss(model.model, map_classes(["person"], {0: "person"}), "yolo11n-seg.pt")
    with pytest.raises(ScotopicError, match=r"no net at .*nothing.pt: check the path"):
        load_guides(TaskSettings(nets=["nothing.pt"]), None, "cpu")
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    with pytest.raises(ScotopicError, match="cannot load the net"):
        load_guides(TaskSettings(nets=[str(tmp_path / "broken.pt")]), None, "cpu")


def test_the_callers_random_numbers_are_left_alone(tmp_path: Path) -> None:
    file = small_detector(tmp_path / "small.yaml")
    before = torch.get_rng_state()
    load_guides(TaskSettings(nets=[str(file), "road"]), None, "cpu")
    assert torch.equal(torch.get_rng_state(), before)
