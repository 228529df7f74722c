"""The figures are pycocotools', and pycocotools' are those of a loop written from the definition."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from scotopic.adapters.contract import Detections
from scotopic.eval.coco_results import coco_results
from scotopic.eval.datasets.classes import map_classes
from scotopic.eval.datasets.sample import DataIssues, DetectionDataset, DetectionSample
from scotopic.eval.detection import METRICS, coco_truth, score_detections

MODEL_NAMES = {0: "person", 1: "bicycle", 2: "car", 9: "traffic light"}
CLASSES = ("car", "rider", "person", "sign")


@pytest.fixture(scope="module")
def scene() -> tuple[DetectionDataset, list[Detections]]:
    """Twelve images of random boxes, and detections that are shifted, doubled, mislabelled or missing."""
    rng = np.random.default_rng(4)
    samples, found = [], []
    for number in range(12):
        count = int(rng.integers(0, 9))
        corners = rng.uniform(0, 500, (count, 2))
        boxes = np.hstack([corners, corners + rng.uniform(8, 130, (count, 2))])
        labels = rng.integers(0, 4, count)
        crowd = rng.random(count) < 0.15
        name = f"{number:03}"
        samples.append(DetectionSample(name, Path(f"{name}.jpg"), 640, 640, boxes, labels, crowd, {}))
        model_labels = np.array([2, 0, 0, 9])[labels]
        keep = rng.random(count) < 0.8
        wrong = rng.uniform(0, 600, (5, 2))
        guesses = np.vstack([boxes[keep] + rng.normal(0, 4, (keep.sum(), 4)), np.hstack([wrong, wrong + 40])])
        guessed = np.concatenate([model_labels[keep], rng.choice([0, 1, 2, 9], 5)])
        found.append(Detections(guesses, rng.uniform(0.05, 1, len(guesses)), guessed))
    return DetectionDataset("scene", Path(), CLASSES, tuple(samples), DataIssues()), found


def test_equal_to_a_plain_pycocotools_script(scene: tuple[DetectionDataset, list[Detections]], tmp_path: Path) -> None:
    dataset, found = scene
    classes = map_classes(dataset.classes, MODEL_NAMES)
    truth = coco_truth(dataset, classes)
    results = [r for n, d in enumerate(found, 1) for r in coco_results(n, d, classes.categories)]
    ours = score_detections(truth, results).metrics

    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text(json.dumps(results))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "truth.json"))
        judge = COCOeval(coco, coco.loadRes(str(tmp_path / "results.json")), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    np.testing.assert_allclose([ours[name] for name in METRICS], judge.stats, atol=1e-6)


def test_equal_to_a_loop_written_from_the_definition(scene: tuple[DetectionDataset, list[Detections]]) -> None:
    dataset, found = scene
    classes = map_classes(dataset.classes, MODEL_NAMES)
    results = [r for n, d in enumerate(found, 1) for r in coco_results(n, d, classes.categories)]
    scores = score_detections(coco_truth(dataset, classes), results)
    assert set(scores.per_class) == {"person", "car"}
    for model_class, set_classes in {"person": {1, 2}, "car": {0}}.items():
        category = next(id_ for id_, name in MODEL_NAMES.items() if name == model_class)
        expected = [_average_precision(dataset, found, set_classes, category, t) for t in np.arange(0.5, 1, 0.05)]
        assert scores.per_class[model_class]["mAP"] == pytest.approx(np.mean(expected), abs=1e-3)
        assert scores.per_class[model_class]["AP50"] == pytest.approx(expected[0], abs=1e-3)
    mean = np.mean([c["mAP"] for c in scores.per_class.values()])
    assert scores.metrics["mAP"] == pytest.approx(mean, abs=1e-9)


def _average_precision(
    dataset: DetectionDataset, found: list[Detections], set_classes: set[int], category: int, threshold: float
) -> float:
    """COCO's AP at one IoU threshold: greedy matching by score, 101 recall steps, crowd regions ignored."""
    ranked: list[tuple[float, bool]] = []
    total = 0
    for sample, detections in zip(dataset.samples, found, strict=True):
        mine = np.isin(sample.labels, list(set_classes))
        boxes, crowd = sample.boxes[mine], sample.crowd[mine]
        total += int((~crowd).sum())
        taken = np.zeros(len(boxes), bool)
        order = [i for i in np.argsort(-detections.scores, kind="stable") if detections.labels[i] == category]
        for i in order:
            overlaps = np.array([_iou(detections.boxes[i], box, bool(c)) for box, c in zip(boxes, crowd, strict=True)])
            free = [j for j in range(len(boxes)) if overlaps[j] >= threshold and not taken[j] and not crowd[j]]
            if free:
                taken[max(free, key=lambda j: overlaps[j])] = True
                ranked.append((float(detections.scores[i]), True))
            elif not any(overlaps[j] >= threshold and crowd[j] for j in range(len(boxes))):
                ranked.append((float(detections.scores[i]), False))
    ranked.sort(key=lambda pair: -pair[0])
    right = np.array([flag for _, flag in ranked])
    recall, precision = right.cumsum() / total, right.cumsum() / np.arange(1, len(right) + 1)
    best = [precision[recall >= step - 1e-12].max(initial=0) for step in np.linspace(0, 1, 101)]
    return float(np.mean(best))


def _iou(a: np.ndarray, b: np.ndarray, crowd: bool) -> float:
    """Against a crowd region COCO divides by the detection's own area."""
    size = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    overlap, area = size.prod(), (a[2:] - a[:2]).prod()
    return overlap / (area if crowd else area + (b[2:] - b[:2]).prod() - overlap)


def test_per_image_counts(scene: tuple[DetectionDataset, list[Detections]]) -> None:
    dataset, found = scene
    classes = map_classes(dataset.classes, MODEL_NAMES)
    results = [r for n, d in enumerate(found, 1) for r in coco_results(n, d, classes.categories)]
    counts = score_detections(coco_truth(dataset, classes), results).per_image
    for sample in dataset.samples:
        _, _, crowd = classes.apply(sample)
        assert counts[sample.id]["found"] + counts[sample.id]["missed"] == int((~crowd).sum())
        assert min(counts[sample.id].values()) >= 0
    assert sum(c["found"] for c in counts.values()) > 10


def test_nothing_found_is_zero_and_nothing_to_find_is_nan() -> None:
    none = np.zeros((0, 4))
    one = np.array([[10.0, 10.0, 30.0, 30.0]])
    sample = DetectionSample("a", Path("a.jpg"), 64, 64, one, np.array([0]), np.array([False]), {})
    dataset = DetectionDataset("d", Path(), ("car", "person"), (sample,), DataIssues())
    scores = score_detections(coco_truth(dataset, map_classes(dataset.classes, MODEL_NAMES)), [])
    assert scores.metrics["mAP"] == 0
    assert np.isnan(scores.metrics["AP_large"])
    assert np.isnan(scores.per_class["person"]["mAP"])
    empty = DetectionSample("b", Path("b.jpg"), 64, 64, none, np.zeros(0, int), np.zeros(0, bool), {})
    dataset = DetectionDataset("d", Path(), ("car",), (empty,), DataIssues())
    scores = score_detections(coco_truth(dataset, map_classes(dataset.classes, MODEL_NAMES)), [])
    assert np.isnan(scores.metrics["mAP"])


def test_class_zero_is_a_class() -> None:
    """pycocotools takes id 0 for no match; person is class 0 of COCO models."""
    box = np.array([[10.0, 10.0, 30.0, 30.0]])
    sample = DetectionSample("a", Path("a.jpg"), 64, 64, box, np.array([0]), np.array([False]), {})
    dataset = DetectionDataset("d", Path(), ("person",), (sample,), DataIssues())
    classes = map_classes(dataset.classes, MODEL_NAMES)
    results = coco_results(1, Detections(box, np.array([0.9]), np.array([0])), classes.categories)
    scores = score_detections(coco_truth(dataset, classes), results)
    assert scores.metrics["mAP"] == pytest.approx(1.0)
    assert scores.per_image == {"a": {"found": 1, "missed": 0, "false": 0}}
