"""The comparison: same images for all, nothing lost, nothing reused that should not be."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import numpy as np
import pytest

from scotopic.adapters.contract import Detections
from scotopic.configs.schema import EvaluationSettings
from scotopic.errors import ScotopicError
from scotopic.eval.compare import compare_detection
from scotopic.eval.comparison import file_name, recompute
from scotopic.eval.datasets.load import load_detection_dataset
from scotopic.eval.datasets.sample import DetectionDataset
from scotopic.eval.detection import score_detections
from scotopic.eval.report.page.repeat import recipe
from scotopic.eval.report.page.results import Results
from scotopic.eval.report.pictures import write_changed_pictures
from scotopic.eval.report.tables import markdown
from scotopic.pipeline.image import read_image, write_image
from scotopic.pipeline.stage import EnhancementStage

from .conftest import BrightSquares

OFF = EvaluationSettings(gate="off")


def squares(stage: EnhancementStage | None) -> BrightSquares:
    return BrightSquares()


def test_enhancement_that_helps_is_seen_to_help(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    comparison = compare_detection(squares, dark_squares, ["gamma"], tmp_path / "out", settings=OFF)
    none, gamma = comparison.rows
    assert none["enhancer"] == "none"
    assert none["metrics"]["mAP"] == 0
    assert gamma["metrics"]["mAP"] == pytest.approx(1)
    assert gamma["images"] == 6
    assert gamma["timing_ms"]["enhance"] > 0
    assert gamma["per_image"]["3"] == {"found": 2, "missed": 0, "false": 0}


def test_the_record_can_be_recomputed_from_its_files(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compare_detection(squares, dark_squares, ["gamma", "clahe"], out, settings=OFF)
    record = json.loads((out / "results.json").read_text())
    truth = json.loads((out / "truth.json").read_text())
    assert [row["enhancer"] for row in record["rows"]] == ["none", "gamma", "clahe"]
    assert {"task", "model", "data", "settings", "environment", "rows"} <= record.keys()
    for row in record["rows"]:
        again = score_detections(truth, json.loads((out / row["predictions"]).read_text()))
        assert again.metrics["mAP"] == pytest.approx(row["metrics"]["mAP"], abs=1e-12)


@pytest.mark.parametrize("before", [0, 1], ids=["nobody's", "somebody's"])
def test_pythons_collector_is_left_as_it_was(before: int, dark_squares: DetectionDataset, tmp_path: Path) -> None:
    seen: list[tuple[int, bool]] = []

    def progress(name: str, done: int, total: int) -> None:
        seen.append((gc.get_freeze_count(), gc.isenabled()))

    try:
        if before:
            gc.freeze()
        kept = gc.get_freeze_count()
        compare_detection(squares, dark_squares, ["gamma"], tmp_path / "out", settings=OFF, progress=progress)
        assert kept / 2 <= gc.get_freeze_count() <= kept  # some were freed, as they are by counting
    finally:
        gc.unfreeze()
    assert gc.isenabled()
    assert all(frozen for frozen, _ in seen)
    assert {enabled for _, enabled in seen} == {True, False}  # at rest while intervals are computed


def test_the_gate_passes_bright_frames_untouched(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    for sample in dark_squares.samples[:2]:
        image = read_image(sample.image)
        write_image(sample.image, np.where(image > 4, 200, 90).astype(np.uint8))
    settings = EvaluationSettings(gate="auto")
    comparison = compare_detection(squares, dark_squares, ["gamma"], tmp_path / "out", settings=settings)
    assert comparison.rows[1]["passed_by_gate"] == ["0", "1"]


def test_without_settings_the_gate_is_off(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    for sample in dark_squares.samples[:2]:
        image = read_image(sample.image)
        write_image(sample.image, np.where(image > 4, 200, 90).astype(np.uint8))
    comparison = compare_detection(squares, dark_squares, ["gamma"], tmp_path / "out")
    assert comparison.record["settings"]["gate"] == "off"
    assert comparison.rows[1]["passed_by_gate"] == []


def test_finished_rows_are_reused_only_if_nothing_changed(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    def calls(settings: EvaluationSettings = OFF, level: int = 100, enhancer: str = "gamma") -> int:
        detector = BrightSquares(level)
        compare_detection(lambda stage: detector, dark_squares, [enhancer], tmp_path / "out", settings=settings)
        return detector.calls

    first = calls()
    assert first > 2 * 6 - 1
    assert calls() == 0
    assert calls(EvaluationSettings(gate="off", strength=0.5)) == first
    assert calls(level=90) == first
    assert calls(level=90, enhancer="gamma[gamma=3.0]") == first // 2
    sample = dark_squares.samples[0]
    write_image(sample.image, read_image(sample.image) + 1)
    assert calls(level=90) == first
    (tmp_path / "out" / "predictions" / "none.json").write_text("[]")
    assert calls(level=90) == first // 2


def test_what_was_finished_waits_until_it_is_asked_for_again(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def calls(*enhancers: str, settings: EvaluationSettings = OFF) -> int:
        detector = BrightSquares()
        rows = compare_detection(lambda stage: detector, dark_squares, enhancers, out, settings=settings).rows
        assert [row["enhancer"] for row in rows] == ["none", *enhancers]
        return detector.calls

    one = calls("clahe") // 2
    first = json.loads((out / "results.json").read_text())["rows"][1]
    assert calls("gamma") == one
    assert not calls("clahe", "gamma")
    assert json.loads((out / "results.json").read_text())["rows"][1] == first
    assert not calls("gamma")
    assert not calls("clahe")
    assert calls("gamma", settings=EvaluationSettings(gate="off", strength=0.5)) == 2 * one
    assert calls("clahe") == one  # the row of none was made with other settings since
    assert calls("gamma") == one
    (out / "predictions" / "clahe.json").write_text("[]")
    assert calls("clahe") == one
    (out / ".finished.json").write_text("no JSON")
    assert calls("gamma") == one


def test_an_interruption_loses_nothing_that_was_finished(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compare_detection(squares, dark_squares, ["clahe"], out, settings=OFF)
    compare_detection(squares, dark_squares, ["gamma"], out, settings=OFF)
    with pytest.raises(KeyboardInterrupt):
        compare_detection(lambda stage: _Interrupted(at=3), dark_squares, ["he", "clahe"], out, settings=OFF)
    detector = BrightSquares()
    compare_detection(lambda stage: detector, dark_squares, ["clahe", "gamma"], out, settings=OFF)
    assert detector.calls == 0


@pytest.mark.parametrize(
    ("task", "held"), [("segment", "segmentation nets"), ("quality", "pictures"), ("bench", "a measurement of cost")]
)
def test_a_folder_with_results_of_another_kind_is_refused(
    dark_squares: DetectionDataset, tmp_path: Path, task: str, held: str
) -> None:
    (tmp_path / "results.json").write_text(json.dumps({"task": task, "rows": []}))
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(ScotopicError, match=f"holds .*{held}, with whose files .* choose another output folder"):
        compare_detection(squares, dark_squares, ["gamma"], tmp_path, settings=OFF)
    after = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file() and path.name != ".lock"}
    assert after == before


class _Interrupted(BrightSquares):
    """Ctrl-C at the given call."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        if self.calls + 1 == self.at:
            raise KeyboardInterrupt
        return super().detect(image, name)


def test_an_interrupted_run_goes_on_where_it_stopped(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        compare_detection(lambda stage: _Interrupted(at=12), dark_squares, ["gamma"], out, settings=OFF)
    left = json.loads((out / "results.json").read_text())
    assert [row["enhancer"] for row in left["rows"]] == ["none"]
    detector = BrightSquares()
    resumed = compare_detection(lambda stage: detector, dark_squares, ["gamma"], out, settings=OFF)
    assert 0 < detector.calls < 6
    whole = compare_detection(squares, dark_squares, ["gamma"], tmp_path / "whole", settings=OFF)
    for name in ("none", "gamma"):
        assert (out / "predictions" / f"{name}.json").read_bytes() == (
            tmp_path / "whole" / "predictions" / f"{name}.json"
        ).read_bytes()
    assert resumed.rows[1]["metrics"] == whole.rows[1]["metrics"]
    assert not list((out / "predictions").glob(".*.jsonl"))


def test_an_image_that_fails_is_named_and_stays_in_the_set(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    broken = dark_squares.samples[2].image
    broken.write_bytes(broken.read_bytes()[:-40])
    comparison = compare_detection(squares, dark_squares, ["gamma"], tmp_path / "out", settings=OFF)
    gamma = comparison.rows[1]
    assert gamma["images"] == 6
    assert list(gamma["failed"]) == ["2"]
    assert "truncated" in gamma["failed"]["2"]
    assert gamma["per_image"]["2"] == {"found": 0, "missed": 2, "false": 0}
    assert gamma["metrics"]["mAP"] == pytest.approx(5 / 6, abs=0.02)
    why = f"2. Why 2 failed: {gamma['failed']['2']}."
    assert f"- gamma: 1 failed images count as empty: {why}\n" in markdown(comparison.record)
    assert f"gamma: 1 images failed: {why}" in recipe(Results("dark", comparison.out, comparison.record)).notes


def test_what_an_unreadable_image_shows_is_missed(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    """In a YOLO set, whose boxes are shares of an unknown size, as in the same set as COCO has it in pixels."""
    coco = compare_detection(squares, dark_squares, [], tmp_path / "whole", settings=OFF).out / "truth.json"
    (coco.parent / "images").symlink_to(dark_squares.root / "images")
    dark_squares.samples[2].image.write_bytes(b"")
    found = [
        compare_detection(squares, load_detection_dataset(data), ["gamma"], tmp_path / f"out{n}", settings=OFF).rows[1]
        for n, data in enumerate((dark_squares.root, coco))
    ]
    assert found[0]["per_image"]["2"] == {"found": 0, "missed": 2, "false": 0}
    assert found[0]["metrics"]["mAP"] == pytest.approx(found[1]["metrics"]["mAP"], abs=1e-12)
    assert found[0]["metrics"]["mAP"] == pytest.approx(5 / 6, abs=0.02)


def test_a_set_without_a_box_to_find_is_no_set_to_measure_on(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    for label in (dark_squares.root / "labels").iterdir():
        label.write_text("")
    empty = load_detection_dataset(dark_squares.root)
    with pytest.raises(ScotopicError, match=r"squares has no labelled box of .* \(red, blue\).*: check the labels"):
        compare_detection(squares, empty, ["gamma"], tmp_path / "out", settings=OFF)
    assert not (tmp_path / "out" / "truth.json").exists()


def test_ready_made_pictures_of_another_method(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    folder = tmp_path / "others"
    for sample in dark_squares.samples[:-1]:
        write_image(
            folder / f"{sample.id}.png", np.clip(read_image(sample.image).astype(int) * 5, 0, 255).astype(np.uint8)
        )
    spec = f"folder:{folder}"
    comparison = compare_detection(squares, dark_squares, [spec], tmp_path / "out", settings=OFF)
    assert comparison.rows[1]["enhancer"] == spec
    assert comparison.rows[1]["per_image"]["0"]["found"] == 2
    assert "no enhanced picture" in comparison.rows[1]["failed"]["5"]


def test_tables_and_pictures(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    comparison = compare_detection(squares, dark_squares, ["gamma"], tmp_path / "out", settings=OFF)
    text = (comparison.out / "results.md").read_text()
    assert "| gamma | 100.00 | +100.00 [100.00, 100.00] | unclear |" in text
    assert "gate off" in text
    assert (comparison.out / "results.csv").read_text().splitlines()[1].startswith("none,0.0,")
    pictures = write_changed_pictures(comparison, dark_squares, count=2)
    assert [p.name for p in pictures] == ["gain_1_0.jpg", "gain_2_1.jpg"]
    assert read_image(pictures[0]).shape[1] == 256
    again = write_changed_pictures(comparison, dark_squares, count=1)
    assert list(pictures[0].parent.iterdir()) == again


def test_by_names_alone(data_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", reason="needs the extra [yolo]")
    few = tmp_path / "few.txt"
    few.write_text("b1c81faa-3df17267\n")
    model = data_dir / "weights" / "yolo11n_dequant.pt"
    settings = EvaluationSettings(imgsz=160)
    comparison = compare_detection(
        model, data_dir / "darkbdd", ["gamma"], tmp_path / "out", split=str(few), settings=settings
    )
    assert [row["enhancer"] for row in comparison.rows] == ["none", "gamma"]
    assert comparison.record["data"]["name"] == "darkbdd:few"
    assert comparison.record["model"]["file"] == model.name


def test_unknown_enhancer_and_unwritable_output(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="did you mean 'gamma'"):
        compare_detection(squares, dark_squares, ["gama"], tmp_path / "out", settings=OFF)
    (tmp_path / "file").write_text("")
    with pytest.raises(ScotopicError, match="a file is in the way"):
        compare_detection(squares, dark_squares, ["gamma"], tmp_path / "file", settings=OFF)


def test_different_specs_have_different_files() -> None:
    specs = ["gamma", "gamma[gamma=2.2]", "gamma[gamma=2,2]", "folder:/a/b", "folder:/a_b", "./m.py:N", "./m.py.N"]
    specs += ["gamma[gamma=.5]", "gamma[gamma=5]"]
    assert len({file_name(spec) for spec in specs}) == len(specs)


def test_a_second_run_into_the_same_folder_is_refused(dark_squares: DetectionDataset, tmp_path: Path) -> None:
    refused: list[str] = []

    def meanwhile(name: str, done: int, total: int) -> None:
        for again in (
            lambda: compare_detection(squares, dark_squares, ["gamma"], tmp_path / "out", settings=OFF),
            lambda: recompute(tmp_path / "out"),
        ):
            if (name, done) == ("gamma", 1):
                with pytest.raises(
                    ScotopicError, match=r"another run writes into .*out: wait until it has ended"
                ) as error:
                    again()
                refused.append(str(error.value))

    compare_detection(squares, dark_squares, ["gamma"], tmp_path / "out", settings=OFF, progress=meanwhile)
    assert len(refused) == 2
    recompute(tmp_path / "out")
