"""The mean over the frequent classes: pycocotools' own on these alone, and what the verdict rests on."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.eval.comparison import Comparison, recompute
from scotopic.eval.correlation import correlate
from scotopic.eval.detection import score_detections
from scotopic.eval.frequent import RARE, class_frequency
from scotopic.eval.report.tables import columns, markdown, table
from scotopic.eval.segmentation import score_segmentation
from scotopic.eval.statistics_segmentation import SegmentedImages
from scotopic.eval.verdict import verdict_of
from scotopic.training.ablation_tables import figures_of_row, table_of

from .rare_squares import IMAGES, compare_rare_squares


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Red squares in all 24 pictures, blue ones in three; to be read only."""
    root = tmp_path_factory.mktemp("rare")
    return compare_rare_squares(root / "squares", root / "out")


def copied(comparison: Comparison, folder: Path, **changed: Any) -> Path:
    """The files of a comparison, with other keys in its statistics; None removes one."""
    for file in [*comparison.out.glob("*.json"), *comparison.out.glob("predictions/*.json")]:
        copy = folder / file.relative_to(comparison.out)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    record = json.loads((folder / "results.json").read_text())
    statistics = record["statistics"] | changed
    record["statistics"] = {key: value for key, value in statistics.items() if value is not None}
    (folder / "results.json").write_text(json.dumps(record))
    return folder


def restricted(
    truth: dict[str, Any], results: list[dict[str, Any]], names: set[str], images: set[str] | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A set in which there are no other classes, and, if given, no other images."""
    categories = [c for c in truth["categories"] if c["name"] in names]
    kept = [i for i in truth["images"] if images is None or i["name"] in images]
    ids, places = {c["id"] for c in categories}, {i["id"] for i in kept}

    def stays(given: dict[str, Any]) -> bool:
        return given["category_id"] in ids and given["image_id"] in places

    annotations = [a for a in truth["annotations"] if stays(a)]
    return truth | {"categories": categories, "annotations": annotations, "images": kept}, [
        r for r in results if stays(r)
    ]


def kept_files(comparison: Comparison, row: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    truth = json.loads((comparison.out / "truth.json").read_text())
    return truth, json.loads((comparison.out / row["predictions"]).read_text())


def test_it_is_pycocotools_map_of_a_set_with_these_classes_alone(comparison: Comparison) -> None:
    statistics = comparison.record["statistics"]
    assert (statistics["frequent_classes"], statistics["rare_classes"]) == ({"red": IMAGES}, {"blue": 3})
    assert statistics["metrics"] == ["mAP", "mAP_frequent", "AP50"]
    for row in comparison.rows:
        expected = score_detections(*restricted(*kept_files(comparison, row), {"red"})).metrics["mAP"]
        assert statistics["rows"][row["enhancer"]]["intervals"]["mAP_frequent"]["value"] == pytest.approx(expected)
        assert row["metrics"]["mAP_frequent"] == pytest.approx(expected)
        assert list(row["metrics"])[:3] == ["mAP", "mAP_frequent", "AP50"]


def test_the_verdict_rests_on_it_and_not_on_the_one_class_in_three_images(comparison: Comparison) -> None:
    statistics = comparison.record["statistics"]
    gamma = statistics["rows"]["gamma"]
    assert gamma["difference"]["mAP"]["value"] > 0.1
    assert gamma["difference"]["mAP_frequent"]["value"] < -0.2
    assert (statistics["metric"], statistics["judged"]) == ("mAP", "mAP_frequent")
    assert gamma["difference"]["mAP_frequent"]["p_holm"] < 0.05
    low, high = (100 * end for end in gamma["difference"]["mAP_frequent"]["bca"])
    value = 100 * gamma["difference"]["mAP_frequent"]["value"]
    text = f"harms: {value:+.1f} mAP of frequent classes [{low:.1f}, {high:.1f}]"
    assert gamma["verdict"] == {"word": "harms", "text": text}
    assert verdict_of(statistics, "gamma").text == text


def test_darkness_bins_are_of_the_same_figure(comparison: Comparison) -> None:
    statistics = comparison.record["statistics"]
    darkness = statistics["images"]
    none, gamma = (kept_files(comparison, row) for row in comparison.rows[:2])
    checked = 0
    for part, found in zip(statistics["bins"], statistics["rows"]["gamma"]["per_bin"], strict=True):
        values = {id_: of[part["by"]] for id_, of in darkness.items()}
        inside = {id_ for id_, value in values.items() if part["low"] <= value < part["high"]}
        if len(inside) != part["images"] or found["difference"] is None:
            continue
        before, after = (
            score_detections(*restricted(*files, {"red"}, inside)).metrics["mAP"] for files in (none, gamma)
        )
        assert found["difference"]["value"] == pytest.approx(after - before, abs=1e-9)
        checked += 1
    assert checked >= 2


def test_tables_show_both_and_the_verdict_beside_the_one_it_rests_on(comparison: Comparison) -> None:
    record = comparison.record
    assert columns(record)[:7] == [
        "enhancer",
        *("mAP", "vs none"),
        *("mAP, frequent classes", "vs none [95 % interval]", "verdict"),
        "AP50",
    ]
    none, gamma = table(record)[:2]
    assert none[2] == none[4] == none[5] == ""
    difference = record["statistics"]["rows"]["gamma"]["difference"]
    assert gamma[2] == f"{100 * difference['mAP']['value']:+.2f}"
    assert gamma[4].startswith(f"{100 * difference['mAP_frequent']['value']:+.2f} [")
    assert gamma[5] == "harms"
    text = markdown(record)
    assert "mAP, frequent classes: the mean over those in 20 images or more: red (24)." in text
    assert "any of these: blue (3)." in text
    assert "| mAP of frequent classes vs none |" in text
    lines = list(csv.DictReader((comparison.out / "results.csv").open()))
    assert float(lines[1]["mAP_frequent"]) == comparison.rows[1]["metrics"]["mAP_frequent"]
    assert float(lines[1]["mAP_frequent_vs_none"]) == difference["mAP_frequent"]["value"]
    assert float(lines[1]["mAP_vs_none_high"]) == difference["mAP"]["bca"][1]
    assert (lines[0]["verdict"], lines[1]["verdict"], lines[1]["verdict_on"]) == ("", "harms", "mAP_frequent")


def test_where_all_classes_are_frequent_there_is_no_second_figure(tmp_path: Path) -> None:
    found = compare_rare_squares(tmp_path / "squares", tmp_path / "out", blue=RARE).record
    statistics = found["statistics"]
    assert (statistics["metrics"], statistics["judged"]) == (["mAP", "AP50"], "mAP")
    assert statistics["frequent_classes"] == {"red": IMAGES, "blue": RARE}
    assert not statistics["rare_classes"]
    assert "mAP_frequent" not in found["rows"][1]["metrics"]
    assert "frequent" not in markdown(found)
    assert columns(found)[1:4] == ["mAP", "vs none [95 % interval]", "verdict"]


def test_a_class_in_one_image_less_is_rare(tmp_path: Path) -> None:
    found = compare_rare_squares(tmp_path / "squares", tmp_path / "out", blue=RARE - 1).record["statistics"]
    assert found["rare_classes"] == {"blue": RARE - 1}
    assert class_frequency({"car": RARE, "bus": RARE - 1, "train": 0}).apart == ("car",)


def test_where_no_class_is_frequent_nothing_is_judged(comparison: Comparison, tmp_path: Path) -> None:
    folder = copied(comparison, tmp_path / "out")
    few = {f"{number:02}" for number in range(12)}
    record = json.loads((folder / "results.json").read_text())
    for file in [folder / "truth.json", *(folder / row["predictions"] for row in record["rows"])]:
        content = json.loads(file.read_text())
        if isinstance(content, dict):
            content["images"] = [image for image in content["images"] if Path(image["name"]).stem in few]
            left = {image["id"] for image in content["images"]}
            content["annotations"] = [a for a in content["annotations"] if a["image_id"] in left]
        else:
            content = [result for result in content if result["image_id"] <= len(few)]
        file.write_text(json.dumps(content))
    del record["rows"][0]["darkness"], record["data"]["truth_sha256"]
    for row in record["rows"]:
        del row["predictions_sha256"]
    (folder / "results.json").write_text(json.dumps(record))
    again = recompute(folder).record
    found = again["statistics"]
    assert (found["judged"], found["metrics"]) == ("mAP", ["mAP", "AP50"])
    assert (found["frequent_classes"], found["rare_classes"]) == ({}, {"red": 12, "blue": 3})
    assert "mAP_frequent" not in again["rows"][1]["metrics"]
    gamma = found["rows"]["gamma"]
    assert gamma["verdict"]["word"] == "unclear"
    assert gamma["verdict"]["text"].endswith("], but no class is in 20 images")
    assert verdict_of(found, "gamma").text == gamma["verdict"]["text"]
    assert "No class is in 20 images, so all verdicts are unclear" in markdown(again)


def test_an_older_record_is_read_as_before_and_can_be_made_anew(comparison: Comparison, tmp_path: Path) -> None:
    older = copied(comparison, tmp_path / "out", judged=None, frequent_classes=None)
    record = json.loads((older / "results.json").read_text())
    for row in record["rows"]:
        del row["metrics"]["mAP_frequent"]
    (older / "results.json").write_text(json.dumps(record))
    assert verdict_of(record["statistics"], "gamma").metric == "mAP"
    assert columns(record)[1:5] == ["mAP", "vs none [95 % interval]", "verdict", "AP50"]
    assert "Intervals of a mean over classes are too narrow" in markdown(record)
    again = recompute(older).record
    assert again["statistics"] == comparison.record["statistics"]
    assert again["rows"] == comparison.rows


def test_a_table_of_rows_of_which_some_are_older_shows_what_all_have(comparison: Comparison) -> None:
    rows = [dict(row) for row in comparison.rows]
    rows[1]["metrics"] = {name: value for name, value in rows[1]["metrics"].items() if name != "mAP_frequent"}
    unfinished = {key: value for key, value in comparison.record.items() if key != "statistics"} | {"rows": rows}
    assert columns(unfinished)[1:4] == ["mAP", "vs none", "AP50"]
    assert len(table(unfinished)) == 3


def test_what_is_made_of_a_record_takes_the_judged_figure(comparison: Comparison) -> None:
    record = comparison.record
    quality_rows = [
        {"enhancer": row["enhancer"], "enhancer_sha256": row["enhancer_sha256"], "per_image": {"a": {"PSNR": value}}}
        for row, value in zip(record["rows"], (1.0, 2.0, 3.0), strict=True)
    ]
    quality = {
        "task": "quality",
        "data": {"name": "looks", "images": 1, "higher_is_better": {"PSNR": True}},
        "settings": record["settings"],
        "rows": quality_rows,
    }
    found = correlate(quality, record)
    assert found.score == "mAP_frequent"
    assert "Spearman with mAP of frequent classes" in found.columns()
    scores = [row["metrics"]["mAP_frequent"] for row in record["rows"]]
    assert found.found[0].pearson == pytest.approx(np.corrcoef([1, 2, 3], scores)[0, 1])

    figures = figures_of_row(record, "gamma")
    assert (figures["main"], figures["verdict"]) == ("mAP_frequent", "harms")
    assert figures["vs_none"] == record["statistics"]["rows"]["gamma"]["difference"]["mAP_frequent"]
    rows = [{"variant": "a", "enhancer": "gamma", "changes": ""}]
    drawn = table_of(rows, {"detect": comparison})["table"]
    assert drawn["columns"][3:] == [
        *("mAP", "mAP, frequent classes"),
        *("mAP, frequent classes vs none [95 % interval]", "mAP, frequent classes verdict"),
        "AP50",
    ]
    assert drawn["rows"][0][6] == "harms"


def test_miou_of_frequent_classes_is_the_mean_of_theirs() -> None:
    random = np.random.default_rng(0)
    matrices = random.integers(0, 50, (7, 4, 4)) * (random.random((7, 4, 1)) < 0.6)
    evidence = SegmentedImages(matrices, ["a", "b", "c"], ["c", "a"])
    weights = random.integers(0, 3, (7, 9)).astype(np.int32)
    found = evidence.figures(weights).metrics["mIoU_frequent"]
    judged = evidence.judged_figure(weights, np.arange(7))
    for column, times in enumerate(weights.T):
        own = score_segmentation(np.tensordot(times, matrices, 1), ["a", "b", "c"]).per_class
        expected = np.nanmean([own["a"]["IoU"], own["c"]["IoU"]])
        assert found[column] == pytest.approx(expected, abs=1e-12)
        assert judged[column] == pytest.approx(expected, abs=1e-12)
