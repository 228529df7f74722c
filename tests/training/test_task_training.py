"""Guidance by the task in the trainer: what is minimised, runs from end to end, and what they leave behind."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from scotopic.configs.loss_schema import LossSettings
from scotopic.configs.restore_schema import RestoreSettings
from scotopic.configs.task_schema import TaskSettings, TaskWeights
from scotopic.configs.train_schema import TrainSettings
from scotopic.errors import ScotopicError
from scotopic.eval.datasets.load import load_detection_dataset
from scotopic.pipeline.image import write_image
from scotopic.training.curve_net import make_curve_net
from scotopic.training.data import TrainingPictures
from scotopic.training.objectives.restore import Restore
from scotopic.training.objectives.restore_for_task import RestoreForTask
from scotopic.training.objectives.zero_shot import ZeroShot
from scotopic.training.pairs import DarkenedPairs
from scotopic.training.task_labels import Boxes, Masks, read_labelled
from scotopic.training.task_nets import load_guides
from scotopic.training.task_samples import TaskSamples
from scotopic.training.trainer import train_enhancer

from .detection_pictures import write_boxes
from .segmentation_pictures import write_shapes
from .settings import changed
from .task_nets import small_detector

pytestmark = pytest.mark.usefixtures("one_thread")

LOSSES = {"brightness_patch": 8, "weights": {"spatial": 1, "rgb": 0.5, "brightness": 2, "total_variation": 10}}


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(small_detector(tmp_path_factory.mktemp("net") / "small.yaml"))


@pytest.fixture
def settings(tmp_path: Path, detector: str) -> TrainSettings:
    """Five pictures in batches of two, a detector and a segmentation net."""
    write_boxes(tmp_path / "boxes", count=5, seed=0)
    return TrainSettings.model_validate(
        {
            "enhancer": "sgz_task[restraint=1]",
            "name": "sgz",
            "data": tmp_path / "boxes" / "images",
            "size": 64,
            "batch": 2,
            "epochs": 2,
            "learning_rate": 3e-3,
            "gradient_clip": 0.5,
            "restore": {"weight": 0.1, "mosaic": 0.5},
            "task": {"nets": [detector, "road"], "shrink": 2},
            "device": "cpu",
            "sheet_every": 0,
        }
    )


def table_of(out: Path) -> list[dict[str, float]]:
    with (out / "sgz.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def made_of(weights: Path) -> dict[str, Any]:
    with safe_open(weights, "pt") as file:
        return json.loads(file.metadata()["training"])


def samples_of(count: int = 6, dark: int = 2, **settings: Any) -> TaskSamples:
    rng = np.random.default_rng(0)
    images = [rng.integers(90, 250, (70, 80, 3), np.uint8) for _ in range(count)]
    images += [rng.integers(0, 60, (70, 80, 3), np.uint8) for _ in range(dark)]
    pictures = TrainingPictures(images, [str(i) for i in range(len(images))], [])
    pairs = DarkenedPairs(pictures, RestoreSettings(**settings), size=64)
    return TaskSamples(pairs, least_crop=0.5 if dark else None)


class Says:
    """A guide that says for each picture how much darker it is, times a number."""

    terms: tuple[str, ...] = ("missed",)

    def __init__(self, times: float) -> None:
        self.times = times
        self.description = {"name": f"nets/{times:g}.pt", "sha256": f"{times:g}"}

    def __call__(self, enhanced: Tensor, bright: Tensor, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"missed": self.times * (bright - enhanced).mean((1, 2, 3))}


class Same(nn.Module):
    """Leaves the pictures alone, with a factor of zeros."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, torch.zeros_like(x)


def test_the_samples_fall_to_the_nets_in_turn() -> None:
    samples = samples_of(dark=0)
    batch = samples.make(samples.plan(1)[1:6])
    objective = RestoreForTask(RestoreSettings(weight=0), [Says(1), Says(10)], TaskWeights(missed=3))
    outcome = objective(Same(), batch)
    darker = (batch["bright"] - batch["dark"]).mean((1, 2, 3))
    expected = (darker * torch.tensor([10.0, 1, 10, 1, 10])).sum() / 5
    assert outcome.figures[objective.figures.index("missed")].item() == pytest.approx(expected.item(), rel=1e-5)
    assert outcome.total.item() == pytest.approx(3 * expected.item(), rel=1e-5)
    assert objective.describe() == {"guides": [{"name": "1.pt", "sha256": "1"}, {"name": "10.pt", "sha256": "10"}]}


def test_the_parts_are_those_that_stand_alone() -> None:
    """Restore on the pairs, and the losses on the real dark pictures."""
    net = make_curve_net("sgz_task[restraint=1]", "random", seed=0)
    samples, restore = samples_of(), RestoreSettings(weight=0.3)
    losses = LossSettings.model_validate(LOSSES)
    batch = samples.make(samples.plan(1)[:3])
    assert batch["real_dark"].max() < 80 / 255
    outcome = RestoreForTask(restore, losses=losses)(net, batch)
    pairs, real = Restore(restore)(net, (batch["dark"], batch["bright"])), ZeroShot(losses)(net, batch["real_dark"])
    assert outcome.total.item() == pytest.approx((pairs.total + real.total).item(), rel=1e-5)
    expected = [*pairs.figures[:-1], *real.figures[:-1], pairs.figures[-1]]
    assert [f.item() for f in outcome.figures] == pytest.approx([f.item() for f in expected], rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("supervised", [False, True])
def test_every_number_is_a_mean_over_the_samples(tmp_path: Path, detector: str, supervised: bool) -> None:
    """What parts of a batch say, each by its share, is what the whole says; gradients, too."""
    write_boxes(tmp_path, count=6, seed=0)
    found = read_labelled(tmp_path, None, 64, 0.5, boxes=True, masks=False)
    pairs = DarkenedPairs(found.pictures, RestoreSettings(mosaic=0.5), size=64)
    samples = TaskSamples(pairs, found.labels if supervised else None)
    guides = load_guides(TaskSettings(nets=[detector, "road"]), samples.labels, "cpu")
    objective = RestoreForTask(RestoreSettings(weight=0.1), guides, TaskWeights())
    assert ("labels" in objective.figures) == supervised
    net = make_curve_net("sgz_task[restraint=1]", "random", seed=0)
    entries = samples.plan(1)[:5]

    def told(parts: list[Any]) -> tuple[Tensor, Tensor]:
        net.zero_grad()
        numbers = torch.zeros(len(objective.figures) + 1)
        for part in parts:
            outcome = objective(net, samples.make(part))
            (outcome.total * len(part) / 5).backward()
            numbers += torch.stack([outcome.total, *outcome.figures]).detach() * len(part) / 5
        return numbers, torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])

    whole, parted = told([entries]), told([entries[0::2], entries[1::2]])
    torch.testing.assert_close(parted[0], whole[0], atol=1e-5, rtol=1e-3)
    assert whole[1].abs().sum() > 0
    assert (parted[1] - whole[1]).norm() < 1e-3 * whole[1].norm()


def test_a_run_names_the_nets_that_guided_it(settings: TrainSettings, detector: str, tmp_path: Path) -> None:
    weights = train_enhancer(settings, tmp_path / "out")
    made = made_of(weights)
    guides = load_guides(TaskSettings(nets=[detector, "road"]), None, "cpu")
    assert [guide["name"] for guide in made["guides"]] == ["small.yaml", "road"]
    assert [guide["sha256"] for guide in made["guides"]] == [guide.description["sha256"] for guide in guides]
    assert str(tmp_path.parent) not in json.dumps(made)
    assert made["settings"]["task"]["shrink"] == 2
    row = table_of(tmp_path / "out")[-1]
    weighted = {"missed": 1, "misplaced": 0.5, "false_alarms": 0.1, "features": 0.1, "classes": 0.1}
    errors = row["light"] + 0.5 * row["detail"] + row["noise"] + 20 * row["smoothness"]
    expected = 0.1 * errors + sum(weight * row[name] for name, weight in weighted.items())
    assert row["loss"] == pytest.approx(expected, rel=1e-4)
    assert row["features"] > 0
    assert row["classes"] > 0


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(settings: TrainSettings, tmp_path: Path) -> None:
    settings = changed(settings, losses=LOSSES)
    data = settings.data
    assert data is not None
    write_image(data / "night.png", np.random.default_rng(0).integers(0, 50, (60, 80, 3), np.uint8))
    straight = train_enhancer(settings, tmp_path / "straight")
    train_enhancer(changed(settings, epochs=1), tmp_path / "parted")
    parted = train_enhancer(settings, tmp_path / "parted")
    assert parted.read_bytes() == straight.read_bytes()
    assert made_of(straight)["real_dark"] == 1
    assert {"spatial", "brightness"} <= set(table_of(tmp_path / "straight")[0])


def test_another_net_of_the_same_name_is_not_mixed_into_a_run(settings: TrainSettings, tmp_path: Path) -> None:
    file = small_detector(tmp_path / "net.yaml")
    settings = changed(settings, task={"nets": [str(file)]})
    train_enhancer(changed(settings, epochs=1), tmp_path / "out")
    small_detector(tmp_path / "net.yaml", ("red", "blue", "green"))
    with pytest.raises(ScotopicError, match="a run with other nets that guide: choose another output folder"):
        train_enhancer(settings, tmp_path / "out")


def test_two_processes_do_what_one_does(settings: TrainSettings, tmp_path: Path) -> None:
    task = {**settings.model_dump()["task"], "supervised": True}
    settings = changed(settings, batch=4, epochs=1, data=tmp_path / "boxes", task=task)
    alone = load_file(train_enhancer(settings, tmp_path / "one"))
    preset = tmp_path / "quick.yaml"
    preset.write_text(settings.model_dump_json())  # JSON is YAML
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launcher, "-m", "scotopic.cli", "train", "enhancer", "--config", preset, "-o", tmp_path / "two"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    together = load_file(tmp_path / "two" / "sgz.safetensors")
    assert max(float((together[key] - alone[key]).abs().max()) for key in alone) < 1e-4
    one, two = (table_of(tmp_path / name)[0] for name in ("one", "two"))
    assert two == pytest.approx(one, rel=1e-3, abs=1e-7)


def test_labelled_boxes_teach_a_detector(settings: TrainSettings, detector: str, tmp_path: Path) -> None:
    task = {"nets": [detector], "supervised": True}
    weights = train_enhancer(changed(settings, data=tmp_path / "boxes", task=task, sheet_every=2), tmp_path / "out")
    assert made_of(weights)["labels"] == "boxes"
    assert table_of(tmp_path / "out")[0]["labels"] > 0
    assert (tmp_path / "out" / "sheets" / "sgz-0002.png").exists()


def test_labelled_masks_teach_a_segmentation_net(settings: TrainSettings, tmp_path: Path) -> None:
    write_shapes(tmp_path / "shapes", "train", count=3, seed=0)
    classes = tmp_path / "shapes" / "classes.txt"
    classes.write_text("road\ncar\nsky\nvoid\n", encoding="utf-8")
    task = {"nets": ["road"], "supervised": True, "split": "train", "shrink": 1}
    restore = {"least_luma": 0}
    weights = train_enhancer(changed(settings, data=tmp_path / "shapes", task=task, restore=restore), tmp_path / "out")
    assert made_of(weights)["labels"] == "masks"
    assert table_of(tmp_path / "out")[0]["labels"] > 0


def test_labels_are_read_and_shrunk_with_their_pictures(tmp_path: Path) -> None:
    write_boxes(tmp_path / "boxes", count=2, seed=0, size=(60, 80))
    dataset = load_detection_dataset(tmp_path / "boxes")
    found = read_labelled(tmp_path / "boxes", None, 15, 0.5, boxes=True, masks=True)
    assert isinstance(found.labels, Boxes)
    assert [image.shape for image in found.pictures.images] == [(30, 40, 3)] * 2
    for boxes, labels, sample in zip(found.labels.boxes, found.labels.labels, dataset.samples, strict=True):
        np.testing.assert_allclose(boxes, sample.boxes / 2)
        np.testing.assert_array_equal(labels, sample.labels)
    write_shapes(tmp_path / "shapes", "train", count=2, seed=0)
    found = read_labelled(tmp_path / "shapes", None, 15, 0.5, boxes=False, masks=True)
    assert isinstance(found.labels, Masks)
    mask = cv2.imread(str(tmp_path / "shapes" / "labels" / "train" / "train_0.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    smaller = found.labels.masks[0]
    assert smaller.shape == (30, 40)
    agree = smaller == np.where(mask == 3, 255, mask)[::2, ::2]
    assert agree.mean() > 0.9
    assert set(np.unique(smaller)) == {0, 1, 2, 255}


def test_missing_labels_and_pictures_are_one_sentence(settings: TrainSettings, detector: str, tmp_path: Path) -> None:
    task = {"nets": [detector], "supervised": True}
    with pytest.raises(ScotopicError, match=r"supervised learns from labels: .*no labelled detection set"):
        train_enhancer(changed(settings, data=tmp_path / "boxes" / "images", task=task), tmp_path / "out")
    with pytest.raises(ScotopicError, match=r"supervised learns from labels: .*no labelled segmentation set"):
        train_enhancer(changed(settings, data=tmp_path / "boxes", task={**task, "nets": ["road"]}), tmp_path / "out")
    with pytest.raises(ScotopicError, match="all 5 pictures have a mean level of 80 or more: add real dark pictures"):
        train_enhancer(changed(settings, losses=LOSSES), tmp_path / "out")
