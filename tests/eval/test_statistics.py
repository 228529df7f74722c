"""The statistics of a comparison: made of its files, the same every time, and never more than they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.adapters.contract import Segmenter
from scotopic.configs.schema import EvaluationSettings, QualitySettings, SegmentationSettings
from scotopic.errors import ScotopicError
from scotopic.eval.compare import compare_detection, compare_segmentation
from scotopic.eval.compare_quality import compare_quality
from scotopic.eval.comparison import recompute
from scotopic.eval.darkness import darkness_bins, measure_darkness
from scotopic.eval.datasets.load import load_detection_dataset
from scotopic.eval.datasets.sample import DetectionDataset
from scotopic.eval.datasets.segmentation import load_segmentation_dataset
from scotopic.eval.report.tables import markdown, notes
from scotopic.eval.segmentation import score_segmentation
from scotopic.eval.statistics_detection import DetectedImages, changed_boxes
from scotopic.eval.verdict import join_verdicts, verdict, verdict_of
from scotopic.pipeline.image import read_image, write_image
from scotopic.pipeline.stage import EnhancementStage

from ..scenes import color_net, write_scenes
from .conftest import BrightSquares
from .rare_squares import write_rare_squares

OFF = EvaluationSettings(gate="off")


def squares(stage: EnhancementStage | None) -> BrightSquares:
    return BrightSquares()


def net(stage: EnhancementStage | None) -> Segmenter:
    return color_net()


@pytest.fixture
def half_lit(dark_squares: DetectionDataset) -> DetectionDataset:
    """The first three pictures lit, with a spot of red that is false: there is something to lose and to gain."""
    for sample in dark_squares.samples[:3]:
        image = np.where(read_image(sample.image) > 4, 200, 20).astype(np.uint8)
        image[2:8, 2:8] = (90, 20, 20)
        write_image(sample.image, image)
    return dark_squares


def test_what_a_detection_record_says(half_lit: DetectionDataset, tmp_path: Path) -> None:
    comparison = compare_detection(squares, half_lit, ["gamma", "clahe"], tmp_path / "out", settings=OFF)
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert record == comparison.record
    found = record["statistics"]
    assert found["settings"] == {"resamples": 2000, "seed": 0, "confidence": 0.95}
    assert (found["metric"], found["judged"], found["metrics"]) == ("mAP", "mAP", ["mAP", "AP50"])
    for row in record["rows"]:
        for metric, given in found["rows"][row["enhancer"]]["intervals"].items():
            assert given["value"] == pytest.approx(row["metrics"][metric], abs=1e-12)
            assert given["percentile"][0] <= given["value"] <= given["percentile"][1]
    gamma, none = found["rows"]["gamma"], found["rows"]["none"]
    assert set(none) == {"intervals"}
    gain = record["rows"][1]["metrics"]["mAP"] - record["rows"][0]["metrics"]["mAP"]
    assert gamma["difference"]["mAP"]["value"] == pytest.approx(gain, abs=1e-12)
    for name, own in gamma["per_class"].items():
        before, after = (row["per_class"][name]["mAP"] for row in record["rows"][:2])
        assert own["difference"]["value"] == pytest.approx(after - before, abs=1e-12)
        assert own["support"] == 6
    assert set(gamma["per_size"]) == {"AP_small", "AP_medium", "AP_large"}
    assert gamma["per_size"]["AP_large"]["difference"] == {"value": None, "percentile": None, "bca": None}
    assert gamma["boxes"] == {
        "red": {"gained": 3, "lost": 0, "new_false": 3},
        "blue": {"gained": 3, "lost": 0, "new_false": 0},
    }
    assert gamma["per_image"] == {"0": -1, "1": -1, "2": -1, "3": 2, "4": 2, "5": 2}
    assert gamma["verdict"]["word"] == "unclear"  # no class is in 20 images
    text = (tmp_path / "out" / "results.md").read_text()
    assert f"{100 * gain:+.2f} [" in text
    assert "There are no intervals" not in text
    assert "| mAP vs none | luma 0-" in text


def test_darkness_is_of_the_input_and_parts_the_set(half_lit: DetectionDataset, tmp_path: Path) -> None:
    comparison = compare_detection(squares, half_lit, ["gamma"], tmp_path / "out", settings=OFF)
    found = comparison.record["statistics"]
    assert "- By darkness: thirds of the input pictures" in markdown(comparison.record)
    on_the_terminal = notes(comparison.record)  # which has no such table
    assert not [note for note in on_the_terminal if note.startswith("By darkness")]
    for sample in half_lit.samples:
        assert found["images"][sample.id] == measure_darkness(read_image(sample.image))
    assert [part["by"] for part in found["bins"]] == ["mean_luma"] * 3 + ["dark_share"] * 3
    assert sum(part["images"] for part in found["bins"][:3]) == 6
    in_bins = found["rows"]["gamma"]["per_bin"]
    assert len(in_bins) == 6
    darkest = in_bins[0]["difference"]
    assert darkest["value"] == pytest.approx(1)  # nothing is found in the dark pictures without gamma, and all with it


def test_what_a_segmentation_record_says(tmp_path: Path) -> None:
    scenes = load_segmentation_dataset(write_scenes(tmp_path / "scenes"))
    settings = SegmentationSettings(gate="off")
    comparison = compare_segmentation(net, scenes, ["gamma"], tmp_path / "out", settings=settings)
    found = comparison.record["statistics"]
    assert (found["metric"], found["metrics"]) == ("mIoU", ["mIoU", "pixel_accuracy"])
    none, gamma = comparison.rows
    own = found["rows"]["gamma"]
    assert own["difference"]["mIoU"]["value"] == pytest.approx(gamma["metrics"]["mIoU"] - none["metrics"]["mIoU"])
    assert own["per_class"]["fog"] == {
        "difference": {"value": None, "percentile": None, "bca": None},
        "support": 0,
    }
    assert own["per_class"]["lamp"]["support"] == none["per_class"]["lamp"]["pixels"]
    assert own["per_image"]["3"] == pytest.approx(1 - none["per_image"]["3"]["mIoU"])
    assert own["verdict"]["text"].endswith("no class is in 20 images")
    assert own["difference"]["mIoU"]["bca"][0] > 0
    assert not {"boxes", "per_size"} & set(own)
    for name in ("none", "gamma"):
        kept = tmp_path / "out" / "confusion" / f"{name}.json"
        text = kept.read_text()
        kept.write_text(text + " ")
        with pytest.raises(ScotopicError, match=rf"{name}\.json is not the file that results\.json was written with"):
            recompute(tmp_path / "out")
        kept.write_text(text)
    assert recompute(tmp_path / "out").record["statistics"] == found


def test_miou_of_resampled_sets_is_that_of_summed_matrices(tmp_path: Path) -> None:
    from scotopic.eval.intervals import image_weights
    from scotopic.eval.statistics_segmentation import SegmentedImages

    random = np.random.default_rng(0)
    matrices = random.integers(0, 50, (9, 4, 4)) * (random.random((9, 4, 1)) < 0.3)
    weights = image_weights(9, resamples=30)
    figures = SegmentedImages(matrices, ["a", "b", "c"]).figures(weights)
    absent = 0
    for column, times in enumerate(weights.T):
        expected = score_segmentation(np.tensordot(times, matrices, 1), ["a", "b", "c"])
        for metric, values in figures.metrics.items():
            np.testing.assert_allclose(values[column], expected.metrics[metric], atol=1e-12)
        for name, values in figures.per_class.items():
            np.testing.assert_allclose(values[column], expected.per_class[name]["IoU"], atol=1e-12)
            absent += np.isnan(values[column])
    assert absent > 0


def test_statistics_are_computed_again_from_the_files(half_lit: DetectionDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = compare_detection(squares, half_lit, ["gamma"], out, settings=OFF).record["statistics"]
    record = json.loads((out / "results.json").read_text())
    del record["statistics"]
    (out / "results.json").write_text(json.dumps(record))
    assert recompute(out).record["statistics"] == first
    fewer = recompute(out, resamples=300, seed=1).record["statistics"]
    assert fewer["settings"] == {"resamples": 300, "seed": 1, "confidence": 0.95}
    assert fewer["rows"]["gamma"]["difference"]["mAP"]["percentile"]
    assert json.loads((out / "results.json").read_text())["statistics"] == fewer


def test_a_record_without_darkness_has_statistics_without_bins(half_lit: DetectionDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compare_detection(squares, half_lit, ["gamma"], out, settings=OFF)
    record = json.loads((out / "results.json").read_text())
    del record["rows"][0]["darkness"]
    (out / "results.json").write_text(json.dumps(record))
    again = recompute(out).record
    assert again["statistics"]["bins"] == again["statistics"]["rows"]["gamma"]["per_bin"] == []
    assert "luma" not in markdown(again)


def test_what_cannot_be_recomputed(half_lit: DetectionDataset, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=r"give the folder of its results\.json"):
        recompute(tmp_path)
    out = tmp_path / "out"
    compare_detection(squares, half_lit, ["gamma"], out, settings=OFF)
    with pytest.raises(ScotopicError, match="take 100 or more"):
        recompute(out, resamples=9)
    (out / "predictions" / "gamma.json").unlink()
    with pytest.raises(ScotopicError, match=r"gamma\.json is missing or broken"):
        recompute(out)


def test_files_that_the_record_was_not_written_with_are_refused(half_lit: DetectionDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = compare_detection(squares, half_lit, ["gamma"], out, settings=OFF).record
    for name in ("truth.json", "predictions/none.json", "predictions/gamma.json"):
        kept = (out / name).read_text()
        (out / name).write_text(kept + " ")
        with pytest.raises(ScotopicError, match=rf"{name} is not the file .* run the comparison into {out} again"):
            recompute(out)
        (out / name).write_text(kept)
    assert recompute(out).record["statistics"] == first["statistics"]


def test_an_interrupted_run_with_other_labels_leaves_nothing_to_recompute(
    half_lit: DetectionDataset, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = compare_detection(squares, half_lit, ["gamma"], out, settings=OFF).record
    old = first["rows"][1]

    def interrupt(name: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    labels = half_lit.samples[0].image.parents[1] / "labels"
    for file in labels.iterdir():
        file.write_text("0 0.5 0.5 0.2 0.2\n")
    corrected = load_detection_dataset(labels.parent)
    with pytest.raises(KeyboardInterrupt):
        compare_detection(squares, corrected, ["gamma"], out, settings=OFF, progress=interrupt)
    assert json.loads((out / "results.json").read_text())["rows"][1] == old
    with pytest.raises(ScotopicError, match=r"truth\.json is not the file that results\.json was written with"):
        recompute(out)


def test_a_record_without_checksums_is_read_as_before(half_lit: DetectionDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = compare_detection(squares, half_lit, ["gamma"], out, settings=OFF).record["statistics"]
    record = json.loads((out / "results.json").read_text())
    del record["data"]["truth_sha256"]
    for row in record["rows"]:
        del row["predictions_sha256"]
    (out / "results.json").write_text(json.dumps(record))
    (out / "truth.json").write_text((out / "truth.json").read_text() + " ")
    assert recompute(out).record["statistics"] == first


def test_a_single_image_has_figures_and_no_intervals(half_lit: DetectionDataset, tmp_path: Path) -> None:
    comparison = compare_detection(squares, half_lit.select(["4"]), ["gamma"], tmp_path / "out", settings=OFF)
    own = comparison.record["statistics"]["rows"]["gamma"]
    assert own["difference"]["mAP"] == {
        **{"value": pytest.approx(1), "percentile": None, "bca": None},
        **{"p": None, "p_holm": None},
    }
    assert own["verdict"] == {"word": "unclear", "text": "unclear: +100.0 mAP, too few images for an interval"}
    assert "| gamma | 100.00 | +100.00 | unclear |" in markdown(comparison.record)


def test_one_row_alone_and_pictures_alone(half_lit: DetectionDataset, tmp_path: Path) -> None:
    alone = compare_detection(squares, half_lit, [], tmp_path / "out", settings=OFF)
    assert set(alone.record["statistics"]["rows"]) == {"none"}
    assert "Holm" not in markdown(alone.record)
    folder = tmp_path / "pairs"
    for side in ("low", "high"):
        write_image(folder / side / "a.png", np.full((32, 32, 3), 50 + len(side), np.uint8))
    pictures = compare_quality(folder, [], tmp_path / "quality", settings=QualitySettings(gate="off"))
    assert "statistics" not in pictures.record
    with pytest.raises(ScotopicError, match="no comparison of a detector"):
        recompute(tmp_path / "quality")


def test_boxes_won_lost_and_newly_false() -> None:
    truth: dict[str, Any] = {
        "images": [{"id": 1, "name": "a", "width": 200, "height": 200}],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "bus"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "bbox": box, "area": 100, "iscrowd": crowd}
            for n, box, crowd in (
                (1, [0, 0, 10, 10], 0),
                (2, [50, 0, 10, 10], 0),
                (3, [100, 0, 10, 10], 0),
                (4, [0, 100, 50, 50], 1),
            )
        ],
    }

    def car(box: list[float], score: float = 0.8, category: int = 1) -> dict[str, Any]:
        return {"image_id": 1, "category_id": category, "bbox": box, "score": score}

    before = [car([0, 0, 10, 10]), car([50, 0, 10, 10]), car([150, 0, 10, 10]), car([100, 0, 10, 10], 0.2)]
    after = [
        car([1, 0, 10, 10]),
        car([100, 0, 10, 10], 0.25),
        car([151, 0, 10, 10]),  # as false as before
        car([150, 100, 10, 10]),  # newly false
        car([170, 100, 10, 10], 0.2),  # not sure enough to count
        car([0, 100, 10, 10]),  # on an ignored region
        car([50, 0, 10, 10], category=2),  # of a class that was not there before
    ]
    assert changed_boxes(DetectedImages(truth, before), DetectedImages(truth, after)) == {
        "car": {"gained": 1, "lost": 1, "new_false": 1},
        "bus": {"gained": 0, "lost": 0, "new_false": 1},
    }


def difference(value: float | None, bca: list[float] | None, p: float | None) -> dict[str, Any]:
    return {"value": value, "percentile": bca, "bca": bca, "p": p, "p_holm": p}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (difference(0.021, [0.006, 0.035], 0.004), "helps: +2.1 mAP [0.6, 3.5]"),
        (difference(-0.089, [-0.104, -0.072], 0.004), "harms: -8.9 mAP [-10.4, -7.2]"),
        (difference(0.004, [-0.008, 0.017], 0.004), "unclear: +0.4 mAP [-0.8, 1.7]"),
        (difference(0.004, [0, 0.017], 0.004), "unclear: +0.4 mAP [0.0, 1.7]"),
        (difference(0.021, [0.0004, 0.035], 0.004), "helps: +2.1 mAP [0.04, 3.50]"),
        (difference(0.021, [0.006, 0.035], 0.05), "unclear: +2.1 mAP [0.6, 3.5], p 0.05 for that many enhancers"),
        (difference(0.021, None, 0.01), "unclear: +2.1 mAP, too few images for an interval"),
        (difference(None, None, None), "unclear: no mAP in this set"),
        (difference(-0.031, [-0.042, -0.02], 0.004), "harms: -3.1 mAP of frequent classes [-4.2, -2.0]"),
    ],
)
def test_a_verdict_never_says_more_than_its_interval(given: dict[str, Any], text: str) -> None:
    metric = "mAP_frequent" if "frequent" in text else "mAP"
    assert verdict(given, metric).text == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (difference(0.021, [0.006, 0.035], 0.004), "unclear: +2.1 mAP [0.6, 3.5], but no class is in 20 images"),
        (difference(0.021, None, 0.01), "unclear: +2.1 mAP, too few images for an interval"),
        (difference(None, None, None), "unclear: no mAP in this set"),
    ],
)
def test_without_a_frequent_class_there_is_no_verdict(given: dict[str, Any], text: str) -> None:
    assert verdict(given, "mAP", frequent=False).text == text


@pytest.mark.parametrize("bca", [[-0.16, -0.09], None])
def test_pictures_that_failed_are_no_harm(bca: list[float] | None) -> None:
    found = verdict(difference(-0.12, bca, 0.004), "mAP", failed="27 of 77 pictures failed")
    assert found.word == "unclear"
    assert found.text.endswith(", but 27 of 77 pictures failed (complete them)")


def test_missing_pictures_are_told_from_harm(tmp_path: Path) -> None:
    """All squares are found without an enhancer; ready-made pictures of a third of them are missing."""
    folder, theirs = write_rare_squares(tmp_path / "set", blue=0), tmp_path / "theirs"
    dataset = load_detection_dataset(folder)
    for sample in dataset.samples[8:]:
        write_image(theirs / f"{sample.id}.png", read_image(sample.image))
    spec = f"folder:{theirs}"
    record = compare_detection(squares, dataset, [spec], tmp_path / "out", settings=OFF).record
    found = record["statistics"]["rows"][spec]
    assert found["difference"]["mAP"]["bca"][1] < 0
    assert found["difference"]["mAP"]["p_holm"] < 0.05
    assert found["verdict"]["word"] == "unclear"
    assert "but 8 of 24 pictures failed (complete them)" in found["verdict"]["text"]
    assert verdict_of(record["statistics"], spec).text == found["verdict"]["text"]
    assert "A row in which pictures failed" in markdown(record)


def test_verdicts_of_several_conditions_in_one_sentence() -> None:
    def statistics(value: float, low: float, high: float) -> dict[str, Any]:
        row = {"difference": {"mAP": difference(value, [low, high], 0.002)}}
        return {"metric": "mAP", "rows": {"none": {}, "sgz": row}}

    night, day = (
        verdict_of(statistics(0.021, 0.006, 0.035), "sgz"),
        verdict_of(statistics(-0.089, -0.104, -0.072), "sgz"),
    )
    dusk = verdict_of(statistics(0.001, -0.004, 0.006), "sgz")
    both = "helps: +2.1 mAP [0.6, 3.5] at night; harms: -8.9 [-10.4, -7.2] by day; gate it."
    assert join_verdicts({"at night": night, "by day": day}) == both
    assert join_verdicts({"at night": night, "at dusk": dusk}) == (
        "helps: +2.1 mAP [0.6, 3.5] at night; unclear: +0.1 [-0.4, 0.6] at dusk."
    )
    frequent = {"difference": {"mAP_frequent": difference(-0.031, [-0.042, -0.02], 0.002)}}
    rainy = {"metric": "mAP", "judged": "mAP_frequent", "frequent_classes": {"car": 60}, "rows": {"sgz": frequent}}
    assert join_verdicts({"at night": night, "in rain": verdict_of(rainy, "sgz")}) == (
        "helps: +2.1 mAP [0.6, 3.5] at night; harms: -3.1 mAP of frequent classes [-4.2, -2.0] in rain; gate it."
    )
    with pytest.raises(ScotopicError, match="choose one of sgz"):
        verdict_of(statistics(0, 0, 0), "none")


def test_equal_pictures_leave_bins_empty() -> None:
    pictures = {str(n): {"mean_luma": 9.0, "dark_share": 1.0} for n in range(4)}
    bins = darkness_bins(pictures)
    assert [len(part.ids) for part in bins] == [0, 0, 4, 0, 0, 4]
    assert darkness_bins({}) == []
