"""One confusion matrix and what follows from it, against a loop over pixels and against torchmetrics."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scotopic.errors import ScotopicError
from scotopic.eval.segmentation import METRICS, confusion, score_segmentation

K = 4
NAMES = ["road", "car", "sky", "train"]


def by_pixels(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """The metrics from their definitions, with sets of pixels and no matrix."""
    pixels = [(t, p) for t, p in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True) if t != 255]
    ious, accuracies, weights = [], [], []
    for k in range(K):
        true = {i for i, (t, _) in enumerate(pixels) if t == k}
        claimed = {i for i, (_, p) in enumerate(pixels) if p == k}
        if true:
            ious.append(len(true & claimed) / len(true | claimed))
            accuracies.append(len(true & claimed) / len(true))
            weights.append(len(true))
    asked = [(t, p) for t, p in pixels if t < K]
    if not asked:
        return {**dict.fromkeys(METRICS, math.nan), "classes_present": 0}
    return {
        "mIoU": sum(ious) / len(ious),
        "mPA": sum(accuracies) / len(accuracies),
        "pixel_accuracy": sum(t == p for t, p in asked) / len(asked),
        "frequency_weighted_IoU": sum(w * i for w, i in zip(weights, ious, strict=True)) / sum(weights),
        "classes_present": len(ious),
    }


LABELS = st.integers(0, K)
SIZES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=8)


@given(SIZES.flatmap(lambda size: st.tuples(
    hnp.arrays(np.int64, size, elements=st.one_of(LABELS, st.just(255))), hnp.arrays(np.uint8, size, elements=LABELS)
)))  # fmt: skip
def test_all_metrics_agree_with_a_loop_over_pixels(maps: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = maps
    matrix = confusion(truth, predicted, K)
    assert matrix.sum() == (truth != 255).sum()
    assert score_segmentation(matrix, NAMES).metrics == pytest.approx(by_pixels(truth, predicted), nan_ok=True)


def test_torchmetrics_agrees_where_every_class_is_present(rng: np.random.Generator) -> None:
    classification = pytest.importorskip("torchmetrics.functional.classification", reason="needs torchmetrics")
    truth = rng.integers(0, K, (60, 80))
    predicted = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, K, truth.shape))
    truth[rng.random(truth.shape) < 0.1] = 255
    scores = score_segmentation(confusion(truth, predicted, K), NAMES)
    guess, target = torch.from_numpy(predicted), torch.from_numpy(truth)
    options = {"num_classes": K, "ignore_index": 255}
    jaccard = classification.multiclass_jaccard_index
    ious = [scores.per_class[name]["IoU"] for name in NAMES]
    assert ious == pytest.approx(jaccard(guess, target, average="none", **options).tolist(), abs=1e-6)
    assert scores.metrics["mIoU"] == pytest.approx(jaccard(guess, target, average="macro", **options).item(), abs=1e-6)
    weighted = jaccard(guess, target, average="weighted", **options).item()
    assert scores.metrics["frequency_weighted_IoU"] == pytest.approx(weighted, abs=1e-6)
    recall = classification.multiclass_accuracy
    assert scores.metrics["mPA"] == pytest.approx(recall(guess, target, average="macro", **options).item(), abs=1e-6)
    micro = recall(guess, target, average="micro", **options).item()
    assert scores.metrics["pixel_accuracy"] == pytest.approx(micro, abs=1e-6)


def test_matrices_of_images_add_up_to_that_of_the_set(rng: np.random.Generator) -> None:
    truth, predicted = rng.integers(0, K + 1, (2, 3, 20, 20))
    parts = sum(confusion(t, p, K) for t, p in zip(truth, predicted, strict=True))
    assert np.array_equal(parts, confusion(truth.reshape(60, 20), predicted.reshape(60, 20), K))


def test_an_absent_class_has_no_score_and_counts_in_no_mean() -> None:
    truth = np.zeros((10, 10), int)
    predicted = truth.copy()
    predicted[0] = 3  # a train where there is none: wrong for the road, no score for the train
    scores = score_segmentation(confusion(truth, predicted, K), NAMES)
    assert math.isnan(scores.per_class["train"]["IoU"])
    assert math.isnan(scores.per_class["train"]["accuracy"])
    assert scores.metrics["mIoU"] == scores.metrics["mPA"] == 0.9
    assert scores.metrics["classes_present"] == 1


def test_every_pixel_wrong_is_zero_and_nothing_flatters() -> None:
    truth = np.array([[0, 1]])
    scores = score_segmentation(confusion(truth, 1 - truth, 2), NAMES[:2])
    assert scores.metrics["mIoU"] == scores.metrics["mPA"] == scores.metrics["pixel_accuracy"] == 0


def test_other_has_no_score_but_claims_on_it_are_false() -> None:
    truth = np.array([[0, 0, K, K]])
    scores = score_segmentation(confusion(truth, np.array([[0, 0, 0, K]]), K), NAMES)
    assert scores.per_class["road"]["IoU"] == pytest.approx(2 / 3)
    assert scores.metrics["mPA"] == scores.metrics["pixel_accuracy"] == 1
    assert list(scores.per_class) == NAMES


def test_ignored_pixels_count_nowhere() -> None:
    truth, predicted = np.array([[0, 255, 255]]), np.array([[0, 1, 0]])
    assert confusion(truth, predicted, 2).sum() == 1
    nothing = score_segmentation(confusion(np.full((2, 2), 255), np.zeros((2, 2), int), 2), NAMES[:2])
    assert all(math.isnan(nothing.metrics[name]) for name in METRICS[:-1])
    assert nothing.metrics["classes_present"] == 0


def test_254_classes_are_counted() -> None:
    labels = np.arange(255).reshape(15, 17)  # 254 is other
    assert np.array_equal(confusion(labels, labels, 254), np.eye(255, dtype=np.int64))


@pytest.mark.parametrize(
    ("truth", "predicted", "classes", "sentence"),
    [
        ([[0, 1]], [[0], [1]], 2, "a truth of 2 x 1 pixels and a prediction of 1 x 2"),
        ([[0, 3]], [[0, 1]], 2, "the truth holds 3"),
        ([[0, -1]], [[0, 1]], 2, "the truth holds -1"),
        ([[0, 1]], [[0, 3]], 2, "the prediction holds 3"),
        ([[0, 1]], [[0, 255]], 2, "the prediction holds 255"),
        ([[0, 1]], [[0, 1]], 255, "255 classes cannot be counted"),
        ([[0, 1]], [[0, 1]], 0, "0 classes cannot be counted"),
    ],
)
def test_bad_input_is_one_sentence(truth: list, predicted: list, classes: int, sentence: str) -> None:
    with pytest.raises(ScotopicError, match=sentence):
        confusion(np.array(truth), np.array(predicted), classes)


def test_a_matrix_of_another_size_is_refused() -> None:
    with pytest.raises(ScotopicError, match="a matrix of 3 x 3 does not fit 4 classes"):
        score_segmentation(np.zeros((3, 3), int), NAMES)
