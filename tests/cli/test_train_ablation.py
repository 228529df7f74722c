"""train ablation, from the command line to a sheet and a table with the figures of ordinary comparisons."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scotopic.pipeline.image import read_image, write_image

from .conftest import Outcome

Command = Callable[..., Outcome]
PRESET = """
base: sgz-quick
changes:
  enhancer: "sgz[scale_factor=2]"
  size: 32
  batch: 2
  epochs: 2
  learning_rate: 0.003
  sheet_every: 0
  losses: {{brightness_patch: 8, weights: {{total_variation: 50}}}}
variants:
  complete:
  without spatial: {{losses: {{weights: {{spatial: 0}}}}}}
{figures}
"""


def preset_in(folder: Path, figures: str) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(PRESET.format(figures=figures))
    return path


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    for number in range(4):
        picture = np.random.default_rng(number).integers(0, 60, (40, 48, 3)).astype(np.uint8)
        write_image(tmp_path / "dark" / f"{number}.png", picture)
    return tmp_path / "dark"


def test_an_ablation_is_trained_measured_and_goes_on(
    scotopic: Command, dark: Path, scenes: Path, model: Path, tmp_path: Path
) -> None:
    segment = f"segment: {{model: {model}, data: {scenes}, darken: 'gamma[gamma=1.5]'}}"
    preset, out = preset_in(tmp_path, f"pictures: [{dark / '0.png'}, {dark / '1.png'}]\n{segment}"), tmp_path / "out"
    arguments = ("train", "ablation", "--config", preset, "--data", dark, "-o", out)
    outcome = scotopic(*arguments)
    assert outcome.status == 0, outcome.err
    for words in ("1 of 2: complete", "2 of 2: without spatial", "losses.weights.spatial 0", "mIoU", "written to"):
        assert words in outcome.out

    compared = json.loads((out / "segment" / "results.json").read_text())
    spec = f"sgz[weights={out}/without_spatial/sgz.safetensors]"
    assert [row["enhancer"] for row in compared["rows"]][2] == spec
    assert compared["data"]["name"].startswith("segment")  # the darkened set
    lines = {line["variant"]: line for line in csv.DictReader((out / "ablation.csv").open())}
    assert float(lines["without spatial"]["segment_mIoU"]) == pytest.approx(compared["rows"][2]["metrics"]["mIoU"])
    record = json.loads((out / "ablation.json").read_text())
    columns = record["table"]["columns"]
    assert columns[3:] == ["mIoU", "mIoU vs none [95 % interval]", "mIoU verdict", "mPA"]
    assert "[" in record["table"]["rows"][1][4]
    assert record["variants"][1]["figures"]["segment"]["verdict"] in ("helps", "harms", "unclear")
    assert read_image(out / "sheet.png").shape == (3 * (180 + 24 + 4) - 4, 2 * (216 + 4) - 4, 3)

    rows = compared["rows"]
    assert scotopic(*arguments).status == 0
    assert json.loads((out / "segment" / "results.json").read_text())["rows"] == rows


def test_a_detector_is_measured_with_intervals(scotopic: Command, dark: Path, data_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", reason="needs the extra [yolo]")
    images = sorted(path.stem for path in (data_dir / "darkbdd" / "images").glob("*.jpg"))[:3]
    (tmp_path / "few.txt").write_text("\n".join(images) + "\n")
    detector = data_dir / "weights" / "yolo11n_dequant.pt"
    detect = f"{{model: {detector}, data: {data_dir / 'darkbdd'}, split: {tmp_path / 'few.txt'}, imgsz: 320}}"
    preset = preset_in(tmp_path, f"detect: {detect}")
    outcome = scotopic("train", "ablation", "--config", preset, "--data", dark, "-o", tmp_path / "out")
    assert outcome.status == 0, outcome.err
    compared = json.loads((tmp_path / "out" / "detect" / "results.json").read_text())
    record = json.loads((tmp_path / "out" / "ablation.json").read_text())
    for ours, theirs in zip(record["variants"], compared["rows"], strict=True):
        assert ours["figures"]["detect"]["metrics"] == theirs["metrics"]
    assert record["table"]["columns"][3:] == ["mAP", "mAP vs none [95 % interval]", "mAP verdict", "AP50"]
    assert "3 images, frozen yolo11n_dequant.pt, gate off" in record["compared"]["detect"]


def test_what_went_wrong_is_named_and_the_status_says_so(scotopic: Command, dark: Path, tmp_path: Path) -> None:
    preset = tmp_path / "wild.yaml"
    wild = "\n  wild: {learning_rate: 1.0e+30, epochs: 3}"
    preset.write_text(PRESET.format(figures="").rstrip() + wild)
    outcome = scotopic("train", "ablation", "--config", preset, "--data", dark, "-o", tmp_path / "out")
    assert outcome.status == 1
    assert "wild failed: the loss is no longer finite" in outcome.out
    assert "without spatial" in (tmp_path / "out" / "ablation.md").read_text()


def test_bad_input_is_one_sentence(scotopic: Command, dark: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "did you mean 'quick'" in scotopic("train", "ablation", "--config", "quik", "-o", out).err
    assert "--out is missing" in scotopic("train", "ablation", "--data", dark).err
    preset = preset_in(tmp_path, "")
    assert "no training pictures for complete" in scotopic("train", "ablation", "--config", preset, "-o", out).err
    missing = scotopic("train", "ablation", "--config", preset, "--data", tmp_path / "nowhere", "-o", out)
    assert missing.status == 1
    assert "no folder of training pictures at" in missing.err
    misspelt = preset_in(tmp_path, "variant: {}")
    found = scotopic("train", "ablation", "--config", misspelt, "--data", dark, "-o", out)
    assert "unknown key 'variant' (did you mean 'variants'" in found.err
