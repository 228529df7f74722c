"""The run: rows, skips, pipeline and budget, with real enhancers and a real small detector."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from scotopic.configs.bench_schema import BenchSettings
from scotopic.errors import ScotopicError
from scotopic.eval import bench_enhancer, bench_model
from scotopic.eval.bench import BenchResult, bench, usable_device
from scotopic.eval.bench_enhancer import MissingWeightsError, Probe, build, calls, expand
from scotopic.eval.bench_pictures import find_pictures, night, pictures_at
from scotopic.eval.report.bench_tables import bench_markdown, bench_notes
from scotopic.pipeline.image import write_image

from ..conftest import torch_threads
from .conftest import BrightSquares

CPU = torch.device("cpu")
SMALL = BenchSettings(sizes=((64, 48),), rounds=3)


@pytest.fixture
def squares(monkeypatch: pytest.MonkeyPatch) -> BrightSquares:
    """A small real detector in the place of a file."""
    detector = BrightSquares()
    monkeypatch.setattr(bench_model, "load_detector", lambda model, **settings: detector)
    return detector


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process is enough where memory is not what is tested: starting many takes long."""
    monkeypatch.setattr(Probe, "run", Probe.measure)


@pytest.mark.usefixtures("in_this_process")
class TestRun:
    def test_rows_for_sizes_and_batches(self, tmp_path: Path) -> None:
        seen: list[tuple[str, int, int]] = []
        settings = BenchSettings(sizes=((64, 48), (40, 30)), batch_sizes=(1, 3), rounds=3, threads=1)
        result = bench(
            ["gamma", "sgz[weights=random]"], tmp_path, settings=settings, progress=lambda *step: seen.append(step)
        )
        rows = result.rows
        assert [row["enhancer"] for row in rows] == ["none", "gamma", "sgz[weights=random]"] * 4
        assert [(row["width"], row["batch"], row["call"]) for row in rows[::3]] == [
            (64, 1, "enhance"), (64, 3, "forward"), (40, 1, "enhance"), (40, 3, "forward"),
        ]  # fmt: skip
        for row in rows:
            assert 0 < row["ms"]["lower_quartile"] <= row["ms"]["median"] <= row["ms"]["upper_quartile"]
            assert row["pictures_per_second"] == pytest.approx(1000 * row["batch"] / row["ms"]["median"])
            assert (row["pipeline"], row["within_budget"]) == (None, None)
        assert rows[2]["parameters"] == 10_561
        assert rows[2]["flops"] == rows[5]["flops"] > 0  # for one picture, whatever the batch
        assert rows[1]["flops"] is None
        assert "no convolution" in rows[1]["flops_note"]
        assert result.skipped == []
        assert ("64x48, batches of 3: time", 3, 3) in seen
        assert result.record["settings"]["threads"] == 1
        assert result.record["task"] == "bench"

    def test_files_hold_the_same_rows(self, tmp_path: Path) -> None:
        result = bench(["clahe"], tmp_path, settings=SMALL)
        assert json.loads((tmp_path / "results.json").read_text()) == result.record
        lines = list(csv.DictReader((tmp_path / "results.csv").open()))
        assert [line["enhancer"] for line in lines] == ["none", "clahe"]
        assert float(lines[1]["ms_median"]) == result.rows[1]["ms"]["median"]
        text = (tmp_path / "results.md").read_text()
        assert "| clahe | 64x48 | 1 |" in text
        assert "No GFLOPs for clahe: works outside PyTorch" in text

    def test_threads_are_put_back(self, tmp_path: Path) -> None:
        before = torch.get_num_threads(), cv2.getNumThreads()
        bench(["gamma"], tmp_path, settings=SMALL.model_copy(update={"threads": before[0] + 1}))
        assert (torch.get_num_threads(), cv2.getNumThreads()) == before

    def test_threads_are_those_that_were_asked_for_whatever_a_model_sets(
        self, tmp_path: Path, squares: BrightSquares, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load = bench_model.load_detector

        def load_and_take_threads(*arguments: Any, **options: Any) -> Any:
            torch.set_num_threads(1)
            return load(*arguments, **options)

        monkeypatch.setattr(bench_model, "load_detector", load_and_take_threads)
        with torch_threads(1):
            result = bench(["gamma"], tmp_path, model="m.pt", settings=SMALL.model_copy(update={"threads": 3}))
        assert result.record["settings"]["threads"] == 3

    def test_the_pipeline_has_shares_and_a_budget(self, tmp_path: Path, squares: BrightSquares) -> None:
        settings = SMALL.model_copy(update={"budget": "10s"})
        result = bench(["gamma", "clahe"], tmp_path, model="squares.pt", settings=settings)
        assert squares.calls == 3 * (1 + 3)  # one unmeasured round
        for row in result.rows:
            assert sum(row["pipeline"]["share"].values()) == pytest.approx(1)
            assert set(row["pipeline"]["ms"]) == {
                "enhance", "preprocess", "inference", "postprocess", "rest", "total",
            }  # fmt: skip
            assert row["pipeline"]["ms"]["inference"]["median"] == 1
            assert row["within_budget"] is True
        assert result.over_budget == []
        text = bench_markdown(result.record)
        assert "letterbox ms (share)" in text
        assert "| pass |" in text

    def test_over_budget(self, tmp_path: Path) -> None:
        result = bench(["clahe"], tmp_path, settings=SMALL.model_copy(update={"budget": "0.0001ms"}))
        assert result.over_budget == ["none", "clahe"]
        assert "| FAIL |" in bench_markdown(result.record)

    def test_missing_weights_are_skipped_with_their_reason(self, tmp_path: Path) -> None:
        result = bench(["kind", "gamma"], tmp_path, settings=SMALL)
        assert [row["enhancer"] for row in result.rows] == ["none", "gamma"]
        assert [skip["enhancer"] for skip in result.skipped] == ["kind"]
        assert "weights" in result.skipped[0]["reason"]
        assert any(line.startswith("kind is skipped: ") for line in bench_notes(result.record))

    def test_own_pictures(self, tmp_path: Path) -> None:
        for number in range(5):
            write_image(tmp_path / "own" / f"{number}.png", np.full((20, 30, 3), number, np.uint8))
        result = bench(["gamma"], tmp_path / "out", data=tmp_path / "own", settings=SMALL)
        assert result.record["data"] == {"name": "own", "images": 3}  # no more than there are rounds

    def test_what_fails_at_one_size_is_skipped_there(self, tmp_path: Path) -> None:
        source = tmp_path / "mine.py"
        source.write_text(
            "from scotopic import Enhancer, EnhancerInfo\n"
            "from scotopic.errors import ScotopicError\n"
            "class Net(Enhancer):\n"
            "    info = EnhancerInfo(name='picky', summary='Refuses what is wide.')\n"
            "    def transform(self, x):\n"
            "        if x.shape[-1] == 80:\n"
            "            raise ScotopicError('too wide')\n"
            "        return x\n"
        )
        settings = BenchSettings(sizes=((64, 48), (80, 48)), rounds=3)
        with pytest.raises(ScotopicError, match="too wide"):
            Probe(f"{source}:Net", 80, 48, 1, "cpu", 1).measure()
        result = bench([f"{source}:Net"], tmp_path / "out", settings=settings)
        assert [(row["enhancer"][-3:], row["width"]) for row in result.rows] == [("one", 64), ("Net", 64), ("one", 80)]
        assert [(skip["width"], skip["reason"]) for skip in result.skipped] == [(80, "too wide")]
        assert "skipped at 80x48, batch 1: too wide." in bench_notes(result.record)[-1]


@pytest.fixture(scope="module")
def footprint() -> bench_enhancer.Footprint:
    return Probe("sgz[weights=random]", 640, 480, 2, "cpu", 1).run()


def test_a_process_of_its_own(footprint: bench_enhancer.Footprint) -> None:
    """Two pictures of 640x480 in float32 are 7.4 MB: the output, and the factor as large."""
    assert footprint.parameters == 10_561
    assert footprint.flops
    assert footprint.memory_mb is None or 7 < footprint.memory_mb < 150


def test_what_fails_there_is_told_here() -> None:
    with pytest.raises(ScotopicError, match="no enhancer 'nothing'"):
        Probe("nothing", 64, 48, 1, "cpu", 1).run()


def test_a_killed_process_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text(
        "import os, signal\n"
        "from scotopic import Enhancer, EnhancerInfo\n"
        "class Net(Enhancer):\n"
        "    info = EnhancerInfo(name='hungry', summary='Is killed, as where memory runs out.')\n"
        "    def transform(self, x):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with pytest.raises(ScotopicError, match=r"signal 9 \(out of memory, most likely"):
        Probe(f"{source}:Net", 64, 48, 1, "cpu", 1).run()


def test_patterns_become_names() -> None:
    assert expand(["none", "*gamma", "clahe", "gamma"]) == ["none", "auto_gamma", "gamma", "clahe"]
    assert "folder" not in expand(["*"])
    with pytest.raises(ScotopicError, match=r"no enhancer fits '\*qqq'"):
        expand(["*qqq"])


@pytest.mark.parametrize("spec", ["gama", "kind[tyle=3]", "gamma[gamma=-1]", "sgz[weights=random,strength=7]"])
def test_a_mistake_is_no_missing_weight(spec: str) -> None:
    with pytest.raises(ScotopicError) as caught:
        build(spec)
    assert not isinstance(caught.value, MissingWeightsError)


def test_weights_that_are_missing() -> None:
    for spec in ("kind", "sgz[weights=nowhere.pth]"):
        with pytest.raises(MissingWeightsError):
            build(spec)


def test_the_gate_is_off_unless_asked_for() -> None:
    assert build("gamma").gate is None
    assert build("gamma[gate=auto]").gate is not None


def test_a_batch_begins_with_each_picture_in_turn() -> None:
    seen: list[list[float]] = []

    class Look(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append([round(float(frame.mean()) * 255) for frame in x])
            return x

    pictures = [np.full((2, 2, 3), level, np.uint8) for level in (10, 20, 30)]
    for call in calls(Look(), pictures, 4, CPU):  # type: ignore[arg-type]
        call()
    assert seen == [[10, 20, 30, 10], [20, 30, 10, 20], [30, 10, 20, 30]]


def test_pictures_come_at_each_size(tmp_path: Path) -> None:
    assert pictures_at([], 64, 48)[0].shape == (48, 64, 3)
    assert np.array_equal(night(48, 64), night(48, 64))
    write_image(tmp_path / "a.png", np.full((20, 30, 3), 7, np.uint8))
    scaled = pictures_at(find_pictures(tmp_path, 5), 64, 48)
    assert [image.shape for image in scaled] == [(48, 64, 3)]
    assert int(scaled[0].max()) == 7


def test_a_folder_with_a_comparison_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"task": "detect", "rows": []}')
    with pytest.raises(ScotopicError, match=r"holds a comparison of detectors, .* choose another output folder"):
        bench(["gamma"], tmp_path, settings=SMALL)


def test_a_model_and_a_budget_need_single_pictures(tmp_path: Path) -> None:
    settings = BenchSettings(batch_sizes=(4,), budget="33ms")
    with pytest.raises(ScotopicError, match="single pictures"):
        bench(["gamma"], tmp_path, settings=settings)


def test_a_device_that_is_not_there() -> None:
    missing = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(ScotopicError, match=f"device '{missing}' cannot be used"):
        usable_device(missing)


def test_a_budget_in_the_middle_half_is_called_close() -> None:
    row = {
        "enhancer": "x", "width": 4, "height": 3, "batch": 1, "within_budget": True, "pipeline": None,
        "ms": {"median": 30.0, "lower_quartile": 20.0, "upper_quartile": 40.0}, "flops_note": None, "memory_note": None,
    }  # fmt: skip
    record = {"rows": [row], "settings": {"budget": "33ms", "budget_ms": 33.0}, "model": {}, "skipped": []}
    assert any("Too close to call" in line and "x at 4x3" in line for line in bench_notes(record))
    record["settings"]["budget_ms"] = 50.0
    assert not any("Too close" in line for line in bench_notes(record))


def test_a_result_names_each_offender_once(tmp_path: Path) -> None:
    rows = [{"enhancer": "a", "within_budget": False}, {"enhancer": "a", "within_budget": False}]
    assert BenchResult({"rows": rows, "skipped": []}, tmp_path).over_budget == ["a"]
