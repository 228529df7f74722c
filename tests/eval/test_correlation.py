"""Quality against mAP or mIoU: as scipy computes it, over the enhancers that really are the same."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scotopic.errors import ScotopicError
from scotopic.eval.correlation import correlate, read_record

NAMES = ("none", "gamma", "clahe", "sgz", "zero_dce")


def row(name: str, metrics: dict[str, float | None]) -> dict[str, Any]:
    scores = {"images/1": metrics}
    return {"enhancer": name, "metrics": metrics, "enhancer_sha256": f"of {name}", "per_image": scores}


def records(
    psnr: list[float | None], niqe: list[float | None], score: list[float | None], task: str = "detect"
) -> tuple[dict[str, Any], dict[str, Any]]:
    settings = {"gate": "off", "strength": 1.0}
    quality = {
        "task": "quality",
        "model": {},
        "data": {"name": "lime", "images": 1, "higher_is_better": {"PSNR": True, "NIQE": False}},
        "settings": settings,
        "rows": [row(n, {"PSNR": p, "NIQE": q}) for n, p, q in zip(NAMES, psnr, niqe, strict=False)],
    }
    name = "mAP" if task == "detect" else "mIoU"
    model = {
        "task": task,
        "model": {"file": "net.pt"},
        "data": {"name": "night"},
        "settings": settings,
        "rows": [row(n, {name: s}) for n, s in zip(NAMES, score, strict=False)],
    }
    return quality, model


def by_scipy(x: Any, y: Any) -> tuple[float, float]:
    """Spearman's and Pearson's."""
    ranks: Any = stats.spearmanr(x, y)
    values: Any = stats.pearsonr(x, y)
    return ranks.statistic, values.statistic


FIVE = st.lists(st.integers(-5, 5).map(float), min_size=5, max_size=5)


@given(FIVE, FIVE, FIVE)
def test_as_scipy_computes_it(psnr: list[Any], niqe: list[Any], score: list[Any]) -> None:
    found = correlate(*records(psnr, niqe, score)).found
    for correlation, looks, sign in ((found[0], psnr, 1), (found[1], niqe, -1)):
        assert correlation.n == 5
        if len(set(looks)) == 1 or len(set(score)) == 1:
            assert correlation.spearman is correlation.pearson is None
        else:
            ranks, values = by_scipy(looks, score)
            assert correlation.spearman == pytest.approx(sign * ranks, abs=1e-9)
            assert correlation.pearson == pytest.approx(sign * values, abs=1e-9)


def test_better_quality_is_positive_whatever_the_metrics_sign() -> None:
    found = correlate(*records([1, 2, 3, 4, 5], [9, 8, 7, 6, 5], [0.1, 0.2, 0.3, 0.4, 0.9], "segment"))
    assert [round(c.spearman or 0, 6) for c in found.found] == [1, 1]
    assert found.table()[1] == ["NIQE", "+1.00", f"{found.found[1].pearson:+.2f}", "5"]
    assert "Spearman with mIoU" in found.columns()
    assert found.heading() == (
        "looks better, sees better? quality on lime against mIoU of net.pt on night, 5 enhancers"
    )
    assert found.same_pictures


def test_other_pictures_are_told() -> None:
    quality, model = records([1, 2, 3], [1, 2, 3], [1, 2, 3])
    model["rows"][0]["per_image"] = {"1": {}}
    assert "not measured on the same pictures" not in " ".join(correlate(quality, model).notes())
    model["rows"][0]["per_image"] = {"1": {}, "2": {}}
    assert "not measured on the same pictures" in " ".join(correlate(quality, model).notes())


def test_a_darkened_set_is_not_its_originals() -> None:
    quality, model = records([1, 2, 3], [1, 2, 3], [1, 2, 3])
    for record in (quality, model):
        record["rows"][0]["per_image"] = {"1": {}}
        record["rows"][0]["darkness"] = {"1": {"mean_luma": 95.5, "dark_share": 0.2}}
    assert correlate(quality, model).same_pictures
    quality["rows"][0]["darkness"]["1"] = {"mean_luma": 35.9, "dark_share": 0.8}
    assert not correlate(quality, model).same_pictures


def test_quality_is_over_the_pictures_that_every_enhancer_has() -> None:
    """Behind clahe the dark picture failed: by the means over what each has, clahe would look best of all."""
    quality, model = records([1, 2, 3], [1, 1, 1], [0.1, 0.3, 0.2])
    quality["data"]["images"] = 2
    psnr = {"none": (8.0, 20.0), "gamma": (12.0, 26.0), "clahe": (None, 23.0)}
    for of_quality in quality["rows"]:
        dark, dim = psnr[of_quality["enhancer"]]
        of_quality["per_image"] = {"dark": {"PSNR": dark, "NIQE": 5.0}, "dim": {"PSNR": dim, "NIQE": 5.0}}
    found = correlate(quality, model)
    assert (found.pictures, found.found[0].pictures, found.found[1].pictures) == (2, 1, 2)
    assert found.found[0].spearman == pytest.approx(1)
    assert found.found[0].pearson == pytest.approx(1)
    assert "PSNR is over the 1 of 2 pictures that have one behind each enhancer." in found.notes()
    assert not any("NIQE is over" in note for note in found.notes())
    quality["rows"][1]["per_image"]["dim"]["PSNR"] = None
    nothing = correlate(quality, model).found[0]
    assert (nothing.n, nothing.spearman, nothing.pictures) == (0, None, 0)


def test_only_what_both_have_and_what_is_the_same(tmp_path: Path) -> None:
    quality, model = records([1, 2, None, 4, 5], [1, 1, 1, 1, 1], [0.1, 0.3, 0.2, 0.4, 0.5])
    model["rows"] = model["rows"][:4]
    found = correlate(quality, model)
    assert found.enhancers == NAMES[:4]
    assert [(c.n, c.spearman) for c in found.found] == [(3, pytest.approx(1)), (4, None)]
    assert found.table()[1][1] == "-"
    changed = deepcopy(model)
    changed["rows"][3]["enhancer_sha256"] = "of other weights"
    found = correlate(quality, changed)
    assert (found.other_weights, found.found[0].n, found.found[0].spearman) == (("sgz",), 2, None)
    assert "not the same in both: sgz" in " ".join(found.notes())
    written = json.loads(found.write(tmp_path).read_text())
    assert written["found"][0] == {"metric": "PSNR", "n": 2, "spearman": None, "pearson": None, "pictures": 1}


def test_what_cannot_be_compared_is_one_sentence() -> None:
    quality, model = records([1, 2, 3], [1, 2, 3], [1, 2, 3])
    with pytest.raises(ScotopicError, match="not quality against quality"):
        correlate(quality, quality)
    with pytest.raises(ScotopicError, match="with --gate off, the other comparison with --gate auto"):
        correlate(quality, {**model, "settings": {"gate": "auto", "strength": 1.0}})
    model["rows"][0]["enhancer_sha256"] = "another"
    with pytest.raises(ScotopicError, match=r"share 2 enhancers \(gamma, clahe; of other weights or code are none\)"):
        correlate(quality, model)


def test_records_from_files(tmp_path: Path) -> None:
    quality, _ = records([1.0], [1.0], [1.0])
    (tmp_path / "results.json").write_text(json.dumps(quality))
    assert read_record(tmp_path) == read_record(tmp_path / "results.json") == quality
    for name, content, sentence in (
        ("no.json", None, "no results at"),
        ("text.json", "hello", "is not JSON"),
        ("other.json", '{"a": 1}', "is not the record of a comparison"),
        ("list.json", "[]", "is not the record of a comparison"),
    ):
        if content is not None:
            (tmp_path / name).write_text(content)
        with pytest.raises(ScotopicError, match=sentence):
            read_record(tmp_path / name)


def test_pearson_of_large_numbers() -> None:
    x = np.array([1.0, 2.0, 4.0, 3.0, 9.0])
    quality, model = records((x * 1e6).tolist(), x.tolist(), (x**2).tolist())
    assert correlate(quality, model).found[0].pearson == pytest.approx(by_scipy(x, x**2)[1])
