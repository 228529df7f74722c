"""The fast judge against pycocotools' own: everything that it notes of an image, to the last bit."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from scotopic.eval import coco_judge
from scotopic.eval.coco_judge import Judge, compiled_match


@pytest.fixture(params=["compiled", "without numba"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "compiled":
        pytest.importorskip("numba", reason="the fast judge needs the extra [fast]")
        assert compiled_match() is not None
    else:
        monkeypatch.setattr(coco_judge, "compiled_match", lambda: None)
    return request.param


def scene(seed: int, *, spread: float) -> tuple[COCO, COCO]:
    """Boxes of all sizes, crowds and ignored ones among them, several guesses for each, some with equal scores."""
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
            x, y, side = rng.uniform(1, 300, 3)
            guesses.append({"image_id": image, "category_id": 1, "bbox": [x, y, side, side], "score": rng.random()})
    truth: Any = COCO()
    truth.dataset = {
        "images": [{"id": image, "width": 500, "height": 500} for image in range(1, 14)],
        "categories": [{"id": category, "name": str(category)} for category in range(1, 5)],
        "annotations": annotations,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        return truth, truth.loadRes(guesses)


@pytest.mark.parametrize("spread", [0.5, 5, 20])
@pytest.mark.parametrize("seed", range(4))
def test_everything_is_as_in_pycocotools(way: str, seed: int, spread: float) -> None:
    judges: list[Any] = []
    for kind in (COCOeval, Judge):
        judge: Any = kind(*scene(seed, spread=spread), "bbox")
        with contextlib.redirect_stdout(io.StringIO()):
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        judges.append(judge)
    expected, found = judges
    assert len(found.evalImgs) == len(expected.evalImgs)
    assert {entry is None for entry in expected.evalImgs} == {True, False}
    for one, two in zip(expected.evalImgs, found.evalImgs, strict=True):
        if one is None:
            assert two is None
            continue
        assert one.keys() == two.keys()
        for key, value in one.items():
            np.testing.assert_array_equal(two[key], value, err_msg=key)
            assert np.asarray(two[key]).shape == np.asarray(value).shape
    for key in ("precision", "recall", "scores"):
        np.testing.assert_array_equal(found.eval[key], expected.eval[key])
    np.testing.assert_array_equal(found.stats, expected.stats)
    assert 0.005 < found.stats[0] < 0.99
