"""The compiled judge against pycocotools' own: what it notes of each detection, and its figures, to the last bit."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import numpy as np
import pytest
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from scotopic.eval import coco_judge
from scotopic.eval.coco_judge import Judge
from scotopic.eval.coco_matches import FALSE, IGNORED, RIGHT, Matches
from scotopic.eval.compiled import compiled

Scene = tuple[dict[str, Any], list[dict[str, Any]]]
"""Truth and results."""


@pytest.fixture(params=["compiled", "without numba"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "compiled":
        pytest.importorskip("numba", reason="the fast judge needs the extra [fast]")
        assert compiled() is not None
    else:
        monkeypatch.setattr(coco_judge, "compiled", lambda: None)
    return request.param


def scene(seed: int, *, spread: float) -> Scene:
    """Boxes of all sizes, crowds among them, several guesses for each, some with equal scores.

    The last image is empty, the fourth category has no box, and the images stand in the results in no order.
    """
    rng = np.random.default_rng(seed)
    annotations, guesses = [], []
    for image in range(1, 13):
        for _ in range(rng.integers(0, 9)):
            x, y = rng.uniform(0, 400, 2)
            width, height = rng.choice([12, 50, 150]) * rng.uniform(0.7, 1.4, 2)
            box = {"image_id": image, "category_id": int(rng.integers(1, 4)), "bbox": [x, y, width, height]}
            more = {"area": width * height, "iscrowd": int(rng.random() < 0.15), "ignore": int(rng.random() < 0.1)}
            annotations.append(box | more | {"id": len(annotations) + 1})
            for _ in range(rng.integers(0, 6)):
                moved = (np.array(box["bbox"]) + rng.normal(0, spread, 4)).clip(1).tolist()
                guesses.append(box | {"bbox": moved, "score": round(float(rng.random()), 1)})
        for _ in range(rng.integers(0, 120)):  # more than the hundred that count
            x, y, side = rng.uniform(1, 300, 3).tolist()
            more = {"category_id": int(rng.choice([1, 4], p=[0.95, 0.05])), "score": float(rng.random())}
            guesses.append({"image_id": image, "bbox": [x, y, side, side]} | more)
    rng.shuffle(guesses)
    return truth_of(annotations, images=13, categories=4), guesses


def truth_of(annotations: list[dict[str, Any]], images: int = 2, categories: int = 2) -> dict[str, Any]:
    return {
        "images": [{"id": image, "width": 500, "height": 500} for image in range(images, 0, -1)],
        "categories": [{"id": category, "name": str(category)} for category in range(categories, 0, -1)],
        "annotations": annotations,
    }


def pycocotools(truth: dict[str, Any], results: list[dict[str, Any]]) -> Any:
    """Its judge, after all that a judge does; loadRes takes no empty list and no detections elsewhere."""
    coco: Any = COCO()
    coco.dataset = copy.deepcopy(truth)
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        found: Any = coco.loadRes(copy.deepcopy(results)) if results else COCO()
        judge = COCOeval(coco, found, "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge


def judged(truth: dict[str, Any], results: list[dict[str, Any]]) -> Judge:
    judge = Judge(truth, results)
    with contextlib.redirect_stdout(io.StringIO()):
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge


def assert_noted_as_in(expected: COCOeval, matches: Matches) -> None:
    """Entry by entry of pycocotools' ``evalImgs``; in a class the order is that in which it accumulates."""
    entries = iter(expected.evalImgs)
    places = np.arange(len(matches.rank))
    for number in range(len(matches.classes)):
        own = places[matches.of_class(number)]
        order = np.lexsort((matches.rank[own], matches.image[own], -matches.score[own]))
        np.testing.assert_array_equal(order, np.arange(len(own)))
        for area in range(len(matches.wanted)):
            for image in range(len(matches.images)):
                entry: Any = next(entries)
                mine = own[matches.image[own] == image]
                np.testing.assert_array_equal(matches.rank[mine], np.arange(len(mine)))
                wanted = matches.wanted[area, number, image]
                if entry is None:
                    assert (len(mine), wanted) == (0, 0)
                    continue
                assert (entry["category_id"], entry["image_id"]) == (matches.classes[number], matches.images[image])
                assert wanted == np.count_nonzero(np.asarray(entry["gtIgnore"]) == 0)
                np.testing.assert_array_equal(matches.result[mine] + 1, entry["dtIds"])
                np.testing.assert_array_equal(matches.score[mine], entry["dtScores"])
                outcome = np.where(entry["dtMatches"] > 0, RIGHT, FALSE)
                outcome[entry["dtIgnore"].astype(bool)] = IGNORED
                np.testing.assert_array_equal(matches.outcome[area][:, mine], outcome)
                if area == 0:
                    right = outcome[0] == RIGHT
                    np.testing.assert_array_equal(matches.box[mine][right], entry["dtMatches"][0][right])
    assert next(entries, "none left") == "none left"


def assert_as_in_pycocotools(truth: dict[str, Any], results: list[dict[str, Any]]) -> Judge:
    expected, found = pycocotools(truth, results), judged(truth, results)
    assert_noted_as_in(expected, found.matches)
    assert found.eval["counts"] == expected.eval["counts"]
    for key in ("precision", "recall", "scores"):
        np.testing.assert_array_equal(found.eval[key], expected.eval[key])
    np.testing.assert_array_equal(found.stats, expected.stats)
    return found


@pytest.mark.parametrize("spread", [0.5, 5, 20])
@pytest.mark.parametrize("seed", range(4))
def test_everything_is_as_in_pycocotools(way: str, seed: int, spread: float) -> None:
    found = assert_as_in_pycocotools(*scene(seed, spread=spread))
    assert 0.005 < found.stats[0] < 0.99
    assert {FALSE, RIGHT, IGNORED} == set(np.unique(found.matches.outcome))


def box(image: int, category: int, x: float, side: float, **more: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": [x, 10.0, side, side], **more}


def labelled(*boxes: dict[str, Any]) -> list[dict[str, Any]]:
    """Annotations, none of them a crowd unless it says so."""
    return [
        {"iscrowd": 0, "area": own["bbox"][2] ** 2} | own | {"id": number} for number, own in enumerate(boxes, start=1)
    ]


SMALL_SCENES: dict[str, Scene] = {
    "nothing at all": (truth_of([]), []),
    "no detections": (truth_of(labelled(box(1, 1, 10, 50), box(2, 2, 10, 20))), []),
    "no truth": (truth_of([]), [box(1, 1, 10, 50, score=0.5), box(2, 1, 10, 20, score=0.5)]),
    "a class in one image, its detections in the other": (
        truth_of(labelled(box(1, 1, 10, 50))),
        [box(2, 1, 10, 50, score=0.5)],
    ),
    "crowds alone": (
        truth_of(labelled(box(1, 1, 10, 50, iscrowd=1))),
        [box(1, 1, 10, 20, score=0.5), box(1, 1, 20, 20, score=0.5), box(1, 1, 300, 20, score=0.9)],
    ),
    "a crowd that overlaps more than a box": (
        truth_of(labelled(box(1, 1, 10, 80, iscrowd=1), box(1, 1, 10, 50))),
        [box(1, 1, 12, 50, score=0.5), box(1, 1, 13, 50, score=0.4), box(1, 1, 14, 50, score=0.4)],
    ),
    "equal scores and equal overlaps": (
        truth_of(labelled(box(1, 1, 10, 50), box(1, 1, 10, 50), box(2, 1, 10, 50))),
        [box(image, 1, 10, 50, score=0.5) for image in (2, 1, 2, 1, 1)],
    ),
    "overlaps of exactly a threshold": (
        truth_of(labelled(box(1, 1, 0, 64), box(2, 1, 0, 100))),
        [
            box(1, 1, 0, 64, score=0.9) | {"bbox": [0.0, 10.0, 32.0, 64.0]},
            *(box(2, 1, 0, 100, score=s) | {"bbox": [0.0, 10.0, 100.0 * s, 100.0]} for s in (0.95, 0.75, 0.55, 0.5)),
        ],
    ),
    "sizes of exactly an end of a range": (
        truth_of(labelled(box(1, 1, 10, 32), box(1, 1, 110, 96), box(2, 1, 10, 32), box(2, 1, 110, 96))),
        [box(1, 1, 10, 32, score=0.5), box(1, 1, 110, 96, score=0.4), box(1, 1, 250, 32, score=0.9)],
    ),
    "more detections than count": (
        truth_of(labelled(box(1, 1, 10, 50), box(2, 1, 10, 50))),
        [box(1, 1, 60 + 4 * n, 50, score=0.9) for n in range(101)] + [box(1, 1, 10, 50, score=0.1)],
    ),
    "whole numbers and no area": (
        truth_of(labelled(box(1, 1, 10, 50))),
        [box(1, 1, 10, 50, score=1) | {"bbox": [10, 10, 50, 50]}, box(1, 1, 10, 0, score=0.9)],
    ),
}


@pytest.mark.parametrize("name", SMALL_SCENES)
def test_rare_scenes_are_as_in_pycocotools(way: str, name: str) -> None:
    assert_as_in_pycocotools(*SMALL_SCENES[name])


def test_what_is_of_another_image_or_class_is_left_out(way: str) -> None:
    truth, results = scene(5, spread=2)
    fewer = truth | {"images": truth["images"][3:], "categories": truth["categories"][1:]}
    kept, rest = ({i["id"] for i in fewer["images"]}, {c["id"] for c in fewer["categories"]})
    alone = [
        [e for e in entries if e["image_id"] in kept and e["category_id"] in rest]
        for entries in (truth["annotations"], results)
    ]
    expected, found = judged(fewer | {"annotations": alone[0]}, alone[1]), judged(fewer, results)
    np.testing.assert_array_equal(found.eval["precision"], expected.eval["precision"])
    np.testing.assert_array_equal(found.stats, expected.stats)
    assert [results[place] for place in found.matches.result] == [alone[1][place] for place in expected.matches.result]


def test_the_truth_is_not_written_to() -> None:
    pytest.importorskip("numba", reason="pycocotools itself writes to it")
    truth, results = scene(6, spread=2)
    before = copy.deepcopy((truth, results))
    judged(truth, results)
    assert (truth, results) == before


def test_overlaps_are_pycocotools_to_the_last_bit() -> None:
    pytest.importorskip("numba", reason="the fast judge needs the extra [fast]")
    from scotopic.eval.numba_matching import overlap

    rng = np.random.default_rng(0)
    found, boxes = (np.hstack([rng.uniform(0, 60, (80, 2)), rng.uniform(5, 90, (80, 2))]).round(3) for _ in range(2))
    crowd = rng.random(80) < 0.3
    expected: Any = mask.iou(found.tolist(), boxes.tolist(), crowd.astype(int).tolist())  # type: ignore[reportArgumentType]
    ours = [[overlap(one, two, ignored) for two, ignored in zip(boxes, crowd, strict=True)] for one in found]
    np.testing.assert_array_equal(ours, expected)
    assert 0.5 < np.mean(expected > 0) < 1
