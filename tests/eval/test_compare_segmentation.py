"""The comparison of segmentation nets: one matrix, nothing lost, nothing reused that should not be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scotopic.adapters.contract import Segmentation
from scotopic.configs.schema import SegmentationSettings
from scotopic.errors import ScotopicError
from scotopic.eval.compare import compare_segmentation
from scotopic.eval.datasets.segmentation import load_segmentation_dataset
from scotopic.eval.datasets.segmentation_sample import SegmentationDataset
from scotopic.eval.report.segmentation_pictures import WIDTH, write_changed_segmentations
from scotopic.eval.report.tables import markdown
from scotopic.eval.segmentation import score_segmentation
from scotopic.pipeline.image import read_image, write_image
from scotopic.pipeline.stage import EnhancementStage

from ..scenes import NAMES, color_net, write_scenes

OFF = SegmentationSettings(gate="off")


class Counting:
    """The small net, with a count of its calls, and Ctrl-C at one of them if asked."""

    def __init__(self, level: int = 100, interrupt_at: int | None = None) -> None:
        self.net = color_net(level)
        self.names = self.net.names
        self.description = self.net.description
        self.interrupt_at = interrupt_at
        self.calls = 0

    def segment(self, image: np.ndarray, name: str | None = None) -> tuple[Segmentation, dict[str, float]]:
        if self.calls + 1 == self.interrupt_at:
            raise KeyboardInterrupt
        self.calls += 1
        return self.net.segment(image, name)


def net(stage: EnhancementStage | None) -> Counting:
    return Counting()


@pytest.fixture
def scenes(tmp_path: Path) -> SegmentationDataset:
    return load_segmentation_dataset(write_scenes(tmp_path / "scenes"))


def test_enhancement_that_helps_is_seen_to_help(scenes: SegmentationDataset, tmp_path: Path) -> None:
    comparison = compare_segmentation(net, scenes, ["gamma"], tmp_path / "out", settings=OFF)
    none, gamma = comparison.rows
    assert none["enhancer"] == "none"
    assert none["per_class"]["lamp"] == {"IoU": 0, "accuracy": 0, "pixels": 6 * 15 * 15}
    assert none["metrics"]["mPA"] == pytest.approx(1 / 3)
    assert gamma["metrics"]["mIoU"] == gamma["metrics"]["pixel_accuracy"] == 1
    assert gamma["metrics"]["classes_present"] == 3
    assert gamma["per_class"]["fog"] == {"IoU": None, "accuracy": None, "pixels": 0}
    assert gamma["per_image"]["3"] == {"mIoU": 1, "pixel_accuracy": 1}
    assert gamma["images"] == 6
    assert gamma["timing_ms"]["enhance"] > 0


def test_the_record_can_be_recomputed_from_its_files(scenes: SegmentationDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compare_segmentation(net, scenes, ["gamma", "clahe"], out, settings=OFF)
    record = json.loads((out / "results.json").read_text())
    assert record["task"] == "segment"
    assert [row["enhancer"] for row in record["rows"]] == ["none", "gamma", "clahe"]
    categories = record["data"]["categories"]
    for row in record["rows"]:
        kept = json.loads((out / row["confusion"]).read_text())
        assert kept["classes"] == [*categories, "other"]
        total = np.sum(list(kept["images"].values()), axis=0)
        assert score_segmentation(total, categories).metrics == row["metrics"]
        for sample in scenes.samples:  # and the matrix itself, from the label maps and the masks
            predicted = np.array(Image.open(out / row["predictions"] / f"{sample.id}.png"))
            mask = np.array(Image.open(sample.mask))
            again = [[int(((mask == t) & (predicted == p)).sum()) for p in range(4)] for t in range(4)]
            assert np.array_equal(np.array(kept["images"][sample.id])[:4, :4], again)


def test_the_gate_passes_bright_frames_untouched(scenes: SegmentationDataset, tmp_path: Path) -> None:
    for sample in scenes.samples[:2]:
        write_image(sample.image, np.where(read_image(sample.image) > 4, 200, 90).astype(np.uint8))
    settings = SegmentationSettings(gate="auto")
    comparison = compare_segmentation(net, scenes, ["gamma"], tmp_path / "auto", settings=settings)
    assert comparison.rows[1]["passed_by_gate"] == ["0", "1"]
    comparison = compare_segmentation(net, scenes, ["gamma"], tmp_path / "out")
    assert comparison.rows[1]["passed_by_gate"] == []


def test_inside_the_net_the_figures_are_the_same(scenes: SegmentationDataset, tmp_path: Path) -> None:
    def load(stage: EnhancementStage | None) -> Any:
        segmenter = color_net()
        if stage is not None:
            segmenter.put(stage, "graph")
        return segmenter

    settings = SegmentationSettings(gate="off", where="graph")
    comparison = compare_segmentation(load, scenes, ["gamma"], tmp_path / "out", settings=settings)
    assert comparison.rows[1]["metrics"]["mIoU"] == 1
    assert "in the graph" in markdown(comparison.record)


def test_finished_rows_are_reused_only_if_nothing_changed(scenes: SegmentationDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def calls(settings: SegmentationSettings = OFF, level: int = 100, dataset: SegmentationDataset = scenes) -> int:
        segmenter = Counting(level)
        compare_segmentation(lambda stage: segmenter, dataset, ["gamma"], out, settings=settings)
        return segmenter.calls

    first = calls()
    assert first == 2 * (6 + 1)
    assert calls() == 0
    assert calls(SegmentationSettings(gate="off", strength=0.5)) == first
    assert calls(level=90) == first
    (out / "predictions" / "none" / "2.png").unlink()
    assert calls(level=90) == first // 2
    (out / "confusion" / "gamma.json").write_text("{}")
    assert calls(level=90) == first // 2
    sample = scenes.samples[0]
    mask = np.array(Image.open(sample.mask))
    Image.fromarray(np.where(mask == 1, 2, mask)).save(sample.mask)
    assert calls(level=90) == first
    assert calls(level=90, dataset=scenes.select(["0", "1"])) == 2 * 3
    assert sorted(path.name for path in (out / "predictions" / "gamma").iterdir()) == ["0.png", "1.png"]


def test_an_interrupted_run_goes_on_where_it_stopped(scenes: SegmentationDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    interrupted = Counting(interrupt_at=12)
    with pytest.raises(KeyboardInterrupt):
        compare_segmentation(lambda stage: interrupted, scenes, ["gamma"], out, settings=OFF)
    left = json.loads((out / "results.json").read_text())
    assert [row["enhancer"] for row in left["rows"]] == ["none"]
    assert "| none |" in (out / "results.md").read_text()
    finished = sorted((out / "predictions" / "gamma").glob("*.png"))
    assert [path.name for path in finished] == ["0.png", "1.png", "2.png"]
    finished[1].unlink()  # a label map that is lost is made again
    segmenter = Counting()
    resumed = compare_segmentation(lambda stage: segmenter, scenes, ["gamma"], out, settings=OFF)
    assert segmenter.calls == 1 + 4
    whole = compare_segmentation(net, scenes, ["gamma"], tmp_path / "whole", settings=OFF)
    for name in ("confusion/none.json", "confusion/gamma.json", "predictions/gamma/4.png", "predictions/gamma/1.png"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert resumed.rows[1]["metrics"] == whole.rows[1]["metrics"]
    assert resumed.rows[1]["predictions_sha256"] == whole.rows[1]["predictions_sha256"]
    assert not list((out / "predictions").glob(".*.jsonl"))


def test_an_image_that_fails_is_wrong_in_every_pixel(scenes: SegmentationDataset, tmp_path: Path) -> None:
    broken = scenes.samples[2].image
    broken.write_bytes(broken.read_bytes()[:-40])
    scenes.samples[4].image.write_text("no picture at all")
    comparison = compare_segmentation(net, scenes, ["gamma"], tmp_path / "out", settings=OFF)
    gamma = comparison.rows[1]
    assert gamma["images"] == 6
    assert list(gamma["failed"]) == ["2", "4"]
    assert "truncated" in gamma["failed"]["2"]
    assert gamma["per_image"]["2"] == {"mIoU": 0, "pixel_accuracy": 0}
    assert gamma["metrics"]["mIoU"] == gamma["metrics"]["mPA"] == pytest.approx(4 / 6)
    assert "2 failed images count as wrong in every pixel: 2, 4." in markdown(comparison.record)
    assert write_changed_segmentations(comparison, scenes, 9)[0].name == "gain_1_0.png"


def test_no_image_can_be_used(scenes: SegmentationDataset, tmp_path: Path) -> None:
    for sample in scenes.samples:
        sample.image.write_bytes(sample.image.read_bytes()[:-40])
    with pytest.raises(ScotopicError, match=r"no image of scenes could be used: .* truncated"):
        compare_segmentation(net, scenes, [], tmp_path / "out", settings=OFF)


def test_classes_without_a_partner_and_several_to_one(scenes: SegmentationDataset, tmp_path: Path) -> None:
    override = {"ground": ["ground", "pool"], "pool": None}
    comparison = compare_segmentation(net, scenes, ["gamma"], tmp_path / "out", settings=OFF, class_map=override)
    data, gamma = comparison.record["data"], comparison.rows[1]
    assert data["categories"] == ["ground", "lamp", "fog"]
    assert data["left_out"] == ["pool"]
    area = 6 * 48 * 60
    lamp, pool = 6 * 15 * 15, 6 * 10 * 15
    assert gamma["per_class"]["ground"]["accuracy"] == 1
    assert gamma["per_class"]["ground"]["IoU"] == pytest.approx((area - lamp - pool) / (area - lamp))
    assert gamma["metrics"]["pixel_accuracy"] == 1
    assert "Without a partner in the net: pool" in (comparison.out / "results.md").read_text()
    with pytest.raises(ScotopicError, match="did you mean 'lamp'"):
        compare_segmentation(net, scenes, [], tmp_path / "out", class_map={"lampp": None})


def test_tables_and_pictures(scenes: SegmentationDataset, tmp_path: Path) -> None:
    comparison = compare_segmentation(net, scenes, ["gamma"], tmp_path / "out", settings=OFF)
    text = (comparison.out / "results.md").read_text()
    gain = 100 * (1 - comparison.rows[0]["metrics"]["mIoU"])
    assert f"| gamma | 100.00 | +{gain:.2f} [{gain:.2f}, {gain:.2f}] | unclear | 100.00 |" in text
    assert "| fog | - | - |" in text
    assert "3 of 4 classes are present" in text
    header, none, _ = (comparison.out / "results.csv").read_text().splitlines()
    assert header.startswith("enhancer,mIoU,mPA,pixel_accuracy,frequency_weighted_IoU,classes_present,")
    assert none.startswith("none,0.")
    pictures = write_changed_segmentations(comparison, scenes, count=2)
    assert [path.name for path in pictures] == ["gain_1_0.png", "gain_2_1.png"]
    sheet = read_image(pictures[0])
    assert sheet.shape[1] == 4 * WIDTH
    assert ((sheet == (0, 114, 178)).all(-1)).sum() > 1000  # what gamma won, in blue
    again = write_changed_segmentations(comparison, scenes, count=1)
    assert list(pictures[0].parent.iterdir()) == again


def _strange(labels: Callable[[np.ndarray], np.ndarray], names: dict[int, str] | None = None) -> Any:
    segmenter = Counting()
    segmenter.names = NAMES if names is None else names
    whole = segmenter.segment

    def segment(image: np.ndarray, name: str | None = None) -> tuple[Segmentation, dict[str, float]]:
        found, timing = whole(image, name)
        return replace(found, labels=labels(found.labels)), timing

    segmenter.segment = segment  # type: ignore[method-assign]
    return lambda stage: segmenter


@pytest.mark.parametrize(
    ("load", "sentence"),
    [
        (_strange(lambda labels: labels[:-1]), r"labels of shape \(47, 64\) for 0, whose mask has \(48, 64\)"),
        (_strange(lambda labels: labels.astype(float)), "a segmenter gives integers"),
        (_strange(lambda labels: labels + 7), "the class 7, for which it has no name"),
        (_strange(lambda labels: labels - 1), "the class -1, for which it has no name"),
        (_strange(lambda labels: labels, {}), "does not name its classes"),
        (_strange(lambda labels: labels, {0: "ground", 256: "lamp"}), "class ids outside 0..255"),
        (_strange(lambda labels: labels, {0: "sofa"}), "no class of the set"),
    ],
)
def test_a_net_that_answers_nonsense(scenes: SegmentationDataset, tmp_path: Path, load: Any, sentence: str) -> None:
    with pytest.raises(ScotopicError, match=sentence):
        compare_segmentation(load, scenes, [], tmp_path / "out", settings=OFF)


def test_bad_masks_end_the_run_with_a_sentence(scenes: SegmentationDataset, tmp_path: Path) -> None:
    mask = scenes.samples[3].mask
    Image.fromarray(np.zeros((48, 60), np.uint8)).save(mask)
    with pytest.raises(ScotopicError, match=r"has 60x48 pixels, but its image .* has 64x48"):
        compare_segmentation(net, scenes, [], tmp_path / "out", settings=OFF)


def test_a_net_with_an_enhancer_of_its_own_is_measured_as_it_is(scenes: SegmentationDataset, tmp_path: Path) -> None:
    def load(stage: EnhancementStage | None) -> Any:
        segmenter = color_net()
        segmenter.put(EnhancementStage("gamma", gate="off"))
        return segmenter

    comparison = compare_segmentation(load, scenes, ["none"], tmp_path / "out")
    assert comparison.rows[0]["metrics"]["mIoU"] == 1
    assert "with its own gamma" in (comparison.out / "results.md").read_text()
    with pytest.raises(ScotopicError, match="holds the enhancer 'gamma' already"):
        compare_segmentation(load, scenes, ["clahe"], tmp_path / "out")


def test_unknown_enhancer_and_unwritable_output(scenes: SegmentationDataset, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="did you mean 'gamma'"):
        compare_segmentation(net, scenes, ["gama"], tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(ScotopicError, match="a file is in the way"):
        compare_segmentation(net, scenes, [], tmp_path / "file")
