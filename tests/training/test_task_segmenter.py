"""A frozen segmentation net as a guide."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scotopic import attach
from scotopic.adapters.input_spec import InputSpec
from scotopic.configs.task_schema import TaskSettings
from scotopic.errors import ScotopicError
from scotopic.eval.datasets.segmentation_classes import map_segmentation_classes
from scotopic.training.guidance import semantic_guide
from scotopic.training.task_labels import Boxes, Masks
from scotopic.training.task_nets import load_guides
from scotopic.training.task_segmenter import SegmenterGuide, cross_entropy, divergence

from .task_nets import small_detector

pytest.importorskip("segmentation_models_pytorch", reason='pip install "scotopic[seg]"')


def batch(count: int = 2, height: int = 64, width: int = 96, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


def probabilities(seed: int, classes: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, classes, 2, 3, generator=generator, dtype=torch.float64).softmax(dim=1)


@pytest.fixture(scope="module")
def guide_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SegmenterGuide]:
    """A net that the package carries, one of segmentation_models_pytorch, one of ultralytics."""
    import segmentation_models_pytorch as smp
    from ultralytics import YOLO

    folder = tmp_path_factory.mktemp("nets")
    torch.manual_seed(0)
    net: Any = smp.Unet("resnet18", encoder_weights=None, classes=4)
    held: Any = attach(net.eval(), "none", spec=InputSpec(multiple=32))
    held.save_pretrained(folder / "unet")
    model: Any = YOLO("yolo26n-sem.yaml")
    model.save(folder / "sem.pt")
    places = {"smp": f"smp:{folder / 'unet'}", "semantic": str(folder / "sem.pt"), "road": "road"}

    def load(kind: str) -> SegmenterGuide:
        (guide,) = load_guides(TaskSettings(nets=[places[kind]]), None, "cpu")
        assert isinstance(guide, SegmenterGuide)
        return guide

    return load


@pytest.mark.parametrize("kind", ["road", "smp", "semantic"])
class TestEverySegmenter:
    def test_a_gradient_reaches_the_enhanced_picture_alone(
        self, guide_of: Callable[[str], SegmenterGuide], kind: str
    ) -> None:
        guide = guide_of(kind)
        before = {key: value.clone() for key, value in guide.state_dict().items()}
        nn.ModuleList([guide]).train()
        bright = batch().requires_grad_()
        assert guide.terms == ("classes", "features")
        for name in guide.terms:
            enhanced = (batch() / 4).requires_grad_()
            guide(enhanced, bright, {})[name].sum().backward()
            assert enhanced.grad is not None
            assert enhanced.grad.isfinite().all()
            assert enhanced.grad.abs().sum() > 0
        assert bright.grad is None
        assert not any(part.training for part in guide.net.modules())
        assert not any(parameter.requires_grad for parameter in guide.parameters())
        for key, value in guide.state_dict().items():
            assert torch.equal(value, before[key]), key

    def test_each_picture_is_judged_by_itself(self, guide_of: Callable[[str], SegmenterGuide], kind: str) -> None:
        guide = guide_of(kind)
        bright, enhanced = batch(3), batch(3, seed=1) / 3
        with torch.no_grad():
            together = guide(enhanced, bright, {})
            alone = [guide(enhanced[i : i + 1], bright[i : i + 1], {}) for i in range(3)]
        for name, values in together.items():
            torch.testing.assert_close(values, torch.cat([one[name] for one in alone]), atol=1e-4, rtol=1e-3)


def test_divergence_is_that_of_a_plain_loop() -> None:
    found, wanted = probabilities(0), probabilities(1)
    by_hand = []
    for n in range(2):
        total = 0.0
        for y in range(2):
            for x in range(3):
                p, q = found[n, :, y, x].tolist(), wanted[n, :, y, x].tolist()
                total += sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
        by_hand.append(total / 6)
    assert divergence(found, wanted).tolist() == pytest.approx(by_hand, rel=1e-9)


def test_cross_entropy_is_that_of_torch_where_the_classes_are_the_same() -> None:
    class_map = map_segmentation_classes(["a", "b", "c"], {0: "a", 1: "b", 2: "c"})
    found = probabilities(0)
    masks = torch.tensor([[[0, 1, 255], [2, 2, 255]], [[1, 1, 1], [0, 255, 255]]])
    expected = [nn.functional.nll_loss(found[[n]].log(), masks[[n]], ignore_index=255).item() for n in range(2)]
    assert cross_entropy(found, masks, class_map).tolist() == pytest.approx(expected, rel=1e-9)
    nothing = torch.full((2, 2, 3), 255)
    assert cross_entropy(found, nothing, class_map).tolist() == [0, 0]


def test_cross_entropy_adds_up_classes_that_mean_the_same() -> None:
    class_map = map_segmentation_classes(["Zebra", "Car", "Sky"], {0: "sky", 1: "car", 2: "truck"})
    found = probabilities(0)
    masks = torch.tensor([[[0, 1, 255], [2, 2, 255]]] * 2)
    by_hand = []
    for n in range(2):
        places = [(0, 1, (1, 2)), (1, 0, (0,)), (1, 1, (0,))]
        by_hand.append(-sum(math.log(sum(found[n, c, y, x].item() for c in own)) for y, x, own in places) / 3)
    assert cross_entropy(found, masks, class_map).tolist() == pytest.approx(by_hand, rel=1e-9)


def test_masks_are_shrunk_with_the_picture() -> None:
    names = {int(k): v for k, v in semantic_guide("road").net.wrapper.names.items()}  # pyright: ignore
    class_map = map_segmentation_classes(list(names.values()), names)
    guide = SegmenterGuide(semantic_guide("road"), shrink=2, class_map=class_map)
    pictures = batch(1, 70, 96)
    masks = torch.from_numpy(np.random.default_rng(0).integers(0, 11, (1, 35, 48))).long()
    with torch.no_grad():
        found = guide(pictures, pictures, {"masks": masks.repeat_interleave(2, 1).repeat_interleave(2, 2)})["labels"]
        seen = semantic_guide("road")(nn.functional.avg_pool2d(pictures, 2))
    assert found.item() == pytest.approx(nn.functional.nll_loss(seen.clamp(min=1e-6).log(), masks).item(), rel=1e-5)


def test_what_cannot_guide_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="no net 'rood' to learn from: did you mean 'road'"):
        load_guides(TaskSettings(nets=["rood"]), None, "cpu")
    with pytest.raises(ScotopicError, match=r"random-fpn has no encoder .* set task.weights.features to 0"):
        load_guides(TaskSettings(nets=["random-fpn"]), None, "cpu")
    boxes, masks = Boxes(("red",), {}, [], []), Masks(("Road",), {}, [])
    with pytest.raises(ScotopicError, match=r"the labels are boxes, and none of the nets .road. learns from those"):
        load_guides(TaskSettings(nets=["road"]), boxes, "cpu")
    detector = str(small_detector(tmp_path / "small.yaml"))
    with pytest.raises(ScotopicError, match="the labels are masks, and none of the nets"):
        load_guides(TaskSettings(nets=[detector]), masks, "cpu")
    with pytest.raises(ScotopicError, match="no class of the set"):
        load_guides(TaskSettings(nets=[detector]), Boxes(("zebra",), {}, [], []), "cpu")
    guides = load_guides(TaskSettings(nets=[detector, "road"]), boxes, "cpu")
    assert [("labels" in guide.terms) for guide in guides] == [True, False]


def test_without_features_any_net_will_do() -> None:
    settings = TaskSettings.model_validate({"nets": ["random-fpn"], "weights": {"features": 0}})
    (guide,) = load_guides(settings, None, "cpu")
    assert guide.terms == ("classes",)
