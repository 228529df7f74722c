"""AP of resampled sets is what pycocotools itself says of sets in which the images really stand several times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scotopic.eval import average_precision
from scotopic.eval.average_precision import ClassMatches, class_matches
from scotopic.eval.coco_matches import FALSE, IGNORED, RIGHT
from scotopic.eval.detection import match_detections, score_detections
from scotopic.eval.intervals import image_weights
from scotopic.eval.statistics_detection import DetectedImages

IMAGES = 14


@pytest.fixture(autouse=True, params=["compiled", "without numba"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "compiled":
        pytest.importorskip("numba", reason="the compiled loops need the extra [fast]")
        assert average_precision.compiled() is not None
    else:
        monkeypatch.setattr(average_precision, "compiled", lambda: None)


def scene(seed: int, scores: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Random boxes of three classes, a third of them crowds, and detections near some, doubled, or nowhere.

    Only ``scores`` different scores are given, but no two of one class in one image are equal.
    """
    random = np.random.default_rng(seed)
    annotations, results = [], []
    for image in range(1, IMAGES + 1):
        for category in (1, 2, 3)[: 3 if image < 4 else 2]:  # the third is in the first three images alone
            free = random.permutation(scores) / scores + 0.01
            for _ in range(random.integers(0, 7)):
                x, y = random.uniform(0, 500, 2)
                width, height = random.uniform(8, 130, 2)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image,
                        "category_id": category,
                        "bbox": [x, y, width, height],
                        "area": width * height,
                        "iscrowd": int(random.random() < 0.3),
                    }
                )
                for _ in range(random.integers(0, 3)):
                    shifted = np.array([x, y, width, height]) + random.normal(0, 5, 4)
                    results.append((image, category, shifted.clip(1).tolist()))
            for _ in range(random.integers(0, 5)):
                results.append((image, category, [*random.uniform(0, 500, 2), 40, 40]))
            own = [place for place, r in enumerate(results) if r[:2] == (image, category)]
            for place, score in zip(own, free, strict=False):
                results[place] = (*results[place], score)
    categories = [{"id": number, "name": name} for number, name in ((1, "car"), (2, "person"), (3, "bus"))]
    images = [{"id": n, "name": f"{n:02}", "width": 640, "height": 640} for n in range(1, IMAGES + 1)]
    found = [
        {"image_id": r[0], "category_id": r[1], "bbox": r[2], "score": float(r[3])} for r in results if len(r) == 4
    ]
    return {"info": {}, "images": images, "categories": categories, "annotations": annotations}, found


def repeated(
    truth: dict[str, Any], results: list[dict[str, Any]], times: np.ndarray
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The set in which image k stands ``times[k]`` times, each copy under an id of its own."""
    images, annotations, given = [], [], []
    for image, count in zip(truth["images"], times.tolist(), strict=True):
        for _ in range(count):
            id_ = len(images) + 1
            images.append(image | {"id": id_, "name": str(id_)})
            for own in (a for a in truth["annotations"] if a["image_id"] == image["id"]):
                annotations.append(own | {"image_id": id_, "id": len(annotations) + 1})
            given += [r | {"image_id": id_} for r in results if r["image_id"] == image["id"]]
    return truth | {"images": images, "annotations": annotations}, given


@pytest.mark.parametrize(("seed", "scores"), [(0, 1000), (1, 20)], ids=["hardly any ties", "many ties"])
def test_equal_to_pycocotools_on_sets_that_are_really_resampled(seed: int, scores: int) -> None:
    truth, results = scene(seed, scores)
    drawn = image_weights(IMAGES, resamples=12, seed=seed)[:, IMAGES:]
    without_bus = np.r_[0, 0, 0, 1, 2, np.ones(IMAGES - 5, int)]  # then it is left out of the mean
    weights = np.column_stack([without_bus, drawn]).astype(np.int32)
    figures = DetectedImages(truth, results).figures(weights)
    for column, times in enumerate(weights.T):
        expected = score_detections(*repeated(truth, results, times))
        ours = {name: values[column] for name, values in (figures.metrics | figures.per_size).items()}
        np.testing.assert_allclose(list(ours.values()), [expected.metrics[name] for name in ours], atol=1e-9)
        classes = {name: values[column] for name, values in figures.per_class.items()}
        wanted = [expected.per_class[name]["mAP"] for name in classes]
        np.testing.assert_allclose(list(classes.values()), wanted, atol=1e-9)
    assert np.isnan(figures.per_class["bus"][0])
    assert np.isfinite(figures.metrics["mAP"]).all()


def test_the_mean_over_frequent_classes_is_that_of_a_resampled_set_without_the_others() -> None:
    truth, results = scene(7, 50)
    weights = image_weights(IMAGES, resamples=8)
    figures = DetectedImages(truth, results, ["car", "bus"]).figures(weights).metrics
    assert list(figures) == ["mAP", "mAP_frequent", "AP50"]
    with_others = DetectedImages(truth, results).figures(weights).metrics
    np.testing.assert_array_equal(figures["mAP"], with_others["mAP"])
    for column in (0, *range(1 + IMAGES, weights.shape[1])):
        annotated, found = repeated(truth, results, weights[:, column])
        kept = {
            "categories": [c for c in annotated["categories"] if c["id"] != 2],
            "annotations": [a for a in annotated["annotations"] if a["category_id"] != 2],
        }
        expected = score_detections(annotated | kept, [r for r in found if r["category_id"] != 2])
        assert figures["mAP_frequent"][column] == pytest.approx(expected.metrics["mAP"], abs=1e-9)


def test_equal_scores_within_an_image_count_as_pycocotools_counts_them_in_the_set_itself() -> None:
    truth, results = scene(2, 30)
    results = [r | {"score": round(r["score"], 1)} for r in results]
    figures = DetectedImages(truth, results).figures(np.ones((IMAGES, 1), np.int32))
    expected = score_detections(truth, results)
    for name, values in (figures.metrics | figures.per_size).items():
        assert values[0] == pytest.approx(expected.metrics[name], abs=1e-12)


def test_some_images_alone_are_a_set_of_their_own() -> None:
    truth, results = scene(3, 50)
    evidence = DetectedImages(truth, results)
    some = np.array([1, 4, 5, 11])
    times = np.zeros(IMAGES, int)
    times[some] = [1, 3, 1, 2]
    expected = score_detections(*repeated(truth, results, times)).metrics["mAP"]
    assert evidence.judged_figure(times[some, None].astype(np.int32), some)[0] == pytest.approx(expected, abs=1e-9)


def test_nothing_found_is_zero_and_nothing_to_find_is_nan() -> None:
    truth, results = scene(4, 50)
    weights = np.ones((IMAGES, 2), np.int32)
    nothing = DetectedImages(truth, []).figures(weights)
    assert nothing.metrics["mAP"].tolist() == [0, 0]
    empty = truth | {"annotations": []}
    assert np.isnan(DetectedImages(empty, results).figures(weights).metrics["mAP"]).all()


@pytest.mark.parametrize("limit", ["_CELLS", "_SETS"])
def test_many_sets_are_worked_on_in_parts_that_change_nothing(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    truth, results = scene(5, 50)
    matches = class_matches(match_detections(truth, results))
    weights = image_weights(IMAGES, resamples=240)
    whole = average_precision.average_precision(matches, weights)
    monkeypatch.setattr(average_precision, limit, 100)
    np.testing.assert_array_equal(whole, average_precision.average_precision(matches, weights))


def test_both_ways_are_the_same_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    classes = []
    for size, right, ignored in [(0, 0, 0), (1, 1, 0), (7, 0, 0), (300, 0.5, 0), (2000, 0.1, 0.1), (1000, 0.05, 0.9)]:
        image = random.integers(40, size=size)
        outcome = random.choice(
            [FALSE, RIGHT, IGNORED], (3, size), p=[(1 - right) * (1 - ignored), right * (1 - ignored), ignored]
        )
        found_at_most = np.max([np.bincount(image[row == RIGHT], minlength=40) for row in outcome], axis=0)
        classes.append(ClassMatches(found_at_most + random.integers(0, 4, 40), image, outcome.astype(np.uint8)))
    weights = image_weights(40, resamples=500)
    found = average_precision.average_precision(classes, weights)
    monkeypatch.setattr(average_precision, "compiled", lambda: None)
    expected = average_precision.average_precision(classes, weights)
    assert np.array_equal(found, expected, equal_nan=True)


def test_recall_steps_are_reached_where_pycocotools_reaches_them() -> None:
    """With one more box found in each set than in the one before: 29 of 100 boxes do not reach a recall of 0.29."""
    most = 250
    weights = np.tri(most, dtype=np.int32).T.copy()
    for total in (most, 300, 1000):
        boxes = np.zeros(most, np.int64)
        boxes[0] = total  # the first image, which is in all sets
        found = ClassMatches(boxes, np.arange(most), np.ones((1, most), np.uint8))
        expected = [
            np.searchsorted(average_precision.RECALLS, n / total, side="right") / 101 for n in range(1, most + 1)
        ]
        np.testing.assert_allclose(average_precision.average_precision([found], weights)[0, 0], expected, rtol=1e-12)
