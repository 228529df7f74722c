"""Detectors of our own: from two files to an object of ultralytics, and in every place that takes a detector."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from scotopic import attach, detach, load_yolo
from scotopic.adapters.contract import box_iou
from scotopic.adapters.detectors import load_detector
from scotopic.adapters.shipped_detectors import (
    DetectorDescription,
    find_shipped_detector,
    input_size,
    list_shipped_detectors,
)
from scotopic.adapters.shipped_weights import WEIGHTS
from scotopic.adapters.ultralytics.lite_network import build_network
from scotopic.adapters.ultralytics.tracker import load_tracker
from scotopic.configs.detector_schema import load_detector_settings
from scotopic.errors import ScotopicError
from scotopic.eval.demo import demo_photographs
from scotopic.files import sha256_of
from scotopic.training.checkpoint import read_made
from scotopic.training.detector_data import read_sets
from scotopic.training.detector_files import write_detector
from scotopic.training.detector_score import score_yolo

DESCRIPTION = DetectorDescription(neck=(16, 24, 32), size=96, classes=2)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small net with random weights, made to find something: its head says "red" nearly everywhere."""
    torch.manual_seed(0)
    network: Any = build_network(DESCRIPTION)
    for layer in network.model[-1].cv3:
        torch.nn.init.constant_(layer[-1].bias, 1.0)
    path = tmp_path_factory.mktemp("small") / "small.yaml"
    return write_detector(path, network, DESCRIPTION, ["red", "blue"], {})


def boxes(result: Any) -> np.ndarray:
    return result.boxes.data.cpu().numpy()


def test_two_files_give_a_yolo(small: Path, day: np.ndarray) -> None:
    yolo: Any = load_yolo(small)
    assert yolo.names == {0: "red", 1: "blue"}
    assert yolo.task == "detect"
    assert {parameter.dtype for parameter in yolo.model.parameters()} == {torch.float32}
    result = yolo.predict(day, verbose=False)[0]
    assert len(result.boxes), "the net was made to find something"
    assert max(yolo.predictor.imgsz) == 96, "the size that its file states"
    again: Any = load_yolo(small)
    assert (boxes(again.predict(day, verbose=False)[0]) == boxes(result)).all()


def test_the_normalisation_is_inside(small: Path) -> None:
    """Batches are RGB in [0, 1], as every YOLO takes them; ImageNet's statistics are the net's own affair."""
    encoder: Any = load_yolo(small).model.model[0]  # type: ignore[union-attr]
    seen: list[torch.Tensor] = []
    encoder.encoder.conv_stem.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    encoder.eval()(torch.tensor([0.0, 127 / 255, 1.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32))
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx([-127 / 128, 0.0, 1.0], abs=1e-6)


@pytest.mark.parametrize("where", ["graph", "source"])
def test_an_enhancer_goes_ahead_of_it(small: Path, night: np.ndarray, where: Any) -> None:
    yolo: Any = load_yolo(small)
    bare = boxes(yolo.predict(night, verbose=False)[0])
    enhanced = attach(yolo, "gamma", where=where).predict(night, verbose=False)[0]
    assert not enhanced.gate_passed
    assert boxes(enhanced).shape != bare.shape or (boxes(enhanced) != bare).any()
    assert (boxes(detach(yolo).predict(night, verbose=False)[0]) == bare).all()


def test_the_evaluation_takes_it(small: Path, day: np.ndarray) -> None:
    detector = load_detector(small, device="cpu")
    assert detector.names == {0: "red", 1: "blue"}
    assert detector.description["file"] == "small.safetensors"
    assert detector.description["sha256"] == sha256_of(small.with_suffix(".safetensors"))
    assert detector.description["settings"]["imgsz"] == [96, 96]
    found, timing = detector.detect(day)
    assert len(found)
    assert timing["inference"] > 0
    assert load_detector(small, imgsz=64, device="cpu").description["settings"]["imgsz"] == [64, 64]
    tracker = load_tracker(
        small, conf=0.25, iou=0.7, max_det=300, device="cpu", stage=None, where="source", download=False
    )
    assert tracker.names == detector.names
    assert (input_size(small), input_size("yolo11n.pt")) == (96, 640)


def test_it_is_saved_and_loaded_as_any_yolo(
    small: Path, day: np.ndarray, tmp_path: Path, load: Callable[..., Any]
) -> None:
    yolo: Any = load_yolo(small)
    yolo.save(tmp_path / "saved.pt")
    saved = load(tmp_path / "saved.pt").predict(day, imgsz=96, verbose=False)[0]
    assert boxes(saved) == pytest.approx(boxes(yolo.predict(day, verbose=False)[0]), abs=1e-3)


def test_its_training_starts_from_what_it_knows(small: Path, run_options: dict[str, Any]) -> None:
    yolo: Any = load_yolo(small)
    yolo.train(**run_options, epochs=1, lr0=0.0, lrf=0.0, warmup_epochs=0, optimizer="SGD", weight_decay=0.0)
    before, after = load_yolo(small).model, yolo.model
    stem = [net.model[0].encoder.conv_stem.weight for net in (before, after)]  # type: ignore[union-attr]
    assert torch.equal(*(weight.half() for weight in stem))


def test_what_is_wrong_with_the_files_is_one_sentence(small: Path, tmp_path: Path) -> None:
    def copy(name: str) -> Path:
        for suffix in (".yaml", ".safetensors"):
            shutil.copy(small.with_suffix(suffix), tmp_path / f"{name}{suffix}")
        return tmp_path / f"{name}.yaml"

    def refuses(path: str | Path, message: str) -> None:
        for load in (load_yolo, load_detector):
            with pytest.raises(ScotopicError, match=message) as refusal:
                load(path)
            assert "\n" not in str(refusal.value)

    alone = copy("alone")
    alone.with_suffix(".safetensors").unlink()
    refuses(alone, r"cannot read the weights .*alone\.safetensors")
    damaged = copy("damaged")
    damaged.with_suffix(".safetensors").write_bytes(b"no tensors")
    refuses(damaged, r"cannot read the weights .*damaged\.safetensors")
    other = copy("other")
    other.write_text(small.read_text().replace("[16, 24, 32]", "[16, 24, 48]"))
    refuses(other, "they are no pair")
    odd = copy("odd")
    odd.write_text("detector: {neck: [16, 24, 32], size: 100, wings: 2}\nnames: [red, blue]\n")
    refuses(odd, r"unknown key 'wings'.*")
    odd.write_text("detector: {neck: [16, 24, 32], size: 96}\n")
    refuses(odd, "classes")
    odd.write_text("detector: 3\nnames: [red]\n")
    refuses(odd, "must hold keys and values, not int")
    with pytest.raises(ScotopicError, match="no shipped detector 'stret'"):
        load_yolo("stret")
    with pytest.raises(ScotopicError, match="no detector 'stret', nor a file of that name"):
        load_detector("stret")
    with pytest.raises(ScotopicError, match="is no YAML file of a detector"):
        load_yolo(tmp_path / "nothing.yaml")


def test_other_yaml_files_are_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("outputs: yolox\ninput: {color: bgr}\nnames: [car]\n")
    assert find_shipped_detector(tmp_path / "net.yaml") is None
    assert find_shipped_detector("road") is None


def test_every_shipped_detector_is_whole_and_small() -> None:
    for name in list_shipped_detectors():
        weights = WEIGHTS / f"{name}.safetensors"
        assert weights.stat().st_size < 8e6
        assert sha256_of(weights) in (WEIGHTS / f"{name}.md").read_text(encoding="utf-8")
        assert weights.name in (WEIGHTS / "LICENSE").read_text(encoding="utf-8")


def test_the_file_was_made_by_the_shipped_preset() -> None:
    made = read_made(WEIGHTS / "street.safetensors")
    preset = load_detector_settings("street")
    assert made["settings"] == preset.model_dump(mode="json", exclude=set(preset.may_change))
    assert made["last_epoch"][0] == preset.epochs
    assert made["pictures"] == 1035, "nine tenths of the set"


def test_street_finds_the_people_and_the_bus() -> None:
    """In the photographs that ultralytics brings: of the bus's four people one is cut off at the picture's edge."""
    annotations, photographs = demo_photographs()
    detector = load_detector("street", conf=0.25, device="cpu")
    assert tuple(detector.names.values()) == ("person", "bicycle", "car", "motorbike", "bus", "train")
    least = {("bus.jpg", "bus"): 1, ("bus.jpg", "person"): 3, ("zidane.jpg", "person"): 1}
    for (name, label), count in least.items():
        found, _ = detector.detect(photographs[name])
        wanted = [box for own, *box in annotations.photographs[name].boxes if own == label]
        given = [found.boxes[i] for i, of in enumerate(found.labels.tolist()) if detector.names[of] == label]
        overlap = box_iou(np.array(wanted, float), np.array(given).reshape(-1, 4))
        assert (overlap.max(1) > 0.5).sum() >= count, f"{label} in {name}"


def test_street_sees_the_street(data_dir: Path) -> None:
    """A quarter of the pictures that were held back; all of them give the card's figures."""
    settings = load_detector_settings("street", data=str(data_dir / "voc_street"))
    held_back = read_sets(settings, Console()).held_back
    some = held_back.select(sample.id for sample in held_back.samples[::4])
    assert score_yolo(load_yolo("street"), some, settings.input_size, "cpu").metrics["AP50"] > 0.6
