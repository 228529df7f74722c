"""The judge that nobody here trained is what its paper describes, and sees what its authors' net sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic import attach, detach
from scotopic.adapters.module import EnhancedModule
from scotopic.eval.datasets.segmentation import load_segmentation_dataset
from scotopic.eval.segmentation import confusion, score_segmentation
from scotopic.files import sha256_of
from scotopic.pipeline.image import read_image

from .espnet import CAMVID_INPUT, CAMVID_NAMES, ESPModule, ESPNet, load_espnet


@pytest.fixture(scope="module")
def weights(data_dir: Path) -> Path:
    path = data_dir / "weights" / "dec_espnet_p_2_q_8_camvid.pth"
    if not path.is_file():
        pytest.skip(f"no {path}: the ESPNet authors' checkpoint is needed")
    return path


@pytest.fixture(scope="module")
def judge(weights: Path) -> EnhancedModule:
    return load_espnet(weights)


def test_it_has_the_size_that_the_paper_gives() -> None:
    """Table 3: 0.364 million parameters on Cityscapes, whose twentieth output is the background."""
    assert sum(p.numel() for p in ESPNet(20).parameters()) / 1e6 == pytest.approx(0.364, abs=0.002)


def test_a_module_sees_33_pixels_across() -> None:
    """Dilation 16 reaches 16 pixels to either side."""
    torch.manual_seed(0)
    x = torch.zeros(1, 64, 65, 65, requires_grad=True)
    ESPModule(64, 64).eval()(x)[0, :, 32, 32].sum().backward()
    assert x.grad is not None
    touched = x.grad[0].abs().sum(0).nonzero()
    assert touched.min(0).values.tolist() == [16, 16]
    assert touched.max(0).values.tolist() == [48, 48]


def test_every_entry_of_the_checkpoint_is_used(weights: Path) -> None:
    stored = torch.load(weights, map_location="cpu", weights_only=True)
    own = {key: value.shape for key, value in ESPNet().state_dict().items() if "num_batches" not in key}
    assert len(stored) == 189
    assert load_espnet(weights).description["sha256"] == sha256_of(weights)
    assert {key: value.shape for key, value in stored.items()} == own


@pytest.mark.parametrize("size", [(360, 480), (37, 53)])
def test_any_picture_is_labelled_at_its_own_size(
    size: tuple[int, int], judge: EnhancedModule, rng: np.random.Generator
) -> None:
    seen, timing = judge.segment(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    assert seen.labels.shape == size
    assert set(np.unique(seen.labels)) <= CAMVID_NAMES.keys()
    assert set(timing) == {"preprocess", "inference", "postprocess"}


def test_it_tells_the_classes_of_frames_that_it_was_not_trained_on(judge: EnhancedModule, data_dir: Path) -> None:
    """The whole test sequence gives an mIoU of 0.54; the paper's, on a third more frames, is 0.556."""
    dataset = load_segmentation_dataset(data_dir / "camvid", "test")
    assert list(dataset.classes) == list(CAMVID_NAMES.values())[:11]
    total = np.zeros((12, 12), np.int64)
    for sample in dataset.samples[::17][:10]:
        seen, _ = judge.segment(read_image(sample.image))
        total += confusion(dataset.read_mask(sample), seen.labels, 11)
    scores = score_segmentation(total, dataset.classes)
    assert scores.metrics["mIoU"] > 0.45
    assert scores.metrics["pixel_accuracy"] > 0.82
    assert scores.per_class["Road"]["IoU"] > 0.88


def test_the_statistics_of_the_input_matter(weights: Path, judge: EnhancedModule, data_dir: Path) -> None:
    """Red and blue exchanged, or another range, would pass every test of shapes."""
    dataset = load_segmentation_dataset(data_dir / "camvid", "val")
    sample = dataset.samples[0]
    truth, picture = dataset.read_mask(sample), read_image(sample.image)
    right = (judge.segment(picture)[0].labels == truth).mean()
    exchanged = (judge.segment(picture[..., ::-1])[0].labels == truth).mean()
    assert right > 0.85 > exchanged


def test_an_enhancer_stands_before_it_and_gets_a_gradient(weights: Path) -> None:
    judge = load_espnet(weights)
    x = torch.full((1, 3, 16, 24), 0.1, requires_grad=True)
    plain = judge(x.detach())
    night = attach(judge, "gamma[gamma=2.0]", gate="off")
    enhanced = night(x)
    enhanced.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert not torch.allclose(enhanced, plain)
    by_hand = (x.detach().sqrt().flip(1) * 255 - torch.tensor(CAMVID_INPUT.mean).view(1, 3, 1, 1)) / torch.tensor(
        CAMVID_INPUT.std
    ).view(1, 3, 1, 1)
    assert torch.allclose(enhanced, judge.net(by_hand), atol=1e-4)
    assert isinstance(detach(night), ESPNet)
