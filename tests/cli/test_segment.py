"""eval segment and compare segment from end to end: generated scenes with a small net, and real street frames."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scotopic.pipeline.image import read_image

from .conftest import Outcome

Command = Callable[..., Outcome]


def by_plain_script(out: Path, row: dict, data: Path) -> float:
    """The mIoU from the label maps and the masks as they lie on the disk; 4 in a mask is unlabelled."""
    predicted, truth = (
        np.concatenate([np.array(Image.open(path)).ravel() for path in sorted(folder.glob("*.png"))])
        for folder in (out / row["predictions"], data / "labels")
    )
    predicted, truth = predicted[truth != 4], truth[truth != 4]
    ious = [((predicted == k) & (truth == k)).sum() / ((predicted == k) | (truth == k)).sum() for k in np.unique(truth)]
    return float(np.mean(ious))


def test_compare_agrees_with_a_plain_script(scotopic: Command, scenes: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--model", model, "--data", scenes, "--enhancers", "gamma,clahe", "-o", out)
    outcome = scotopic("compare", "segment", *arguments)
    assert outcome.status == 0, outcome.err
    for word in ("gate off", "6 images", "net.onnx", "mPA", "3 of 4 classes are present", "IoU of", "lamp", "clahe"):
        assert word in outcome.out
    record = json.loads((out / "results.json").read_text())
    assert [row["enhancer"] for row in record["rows"]] == ["none", "gamma", "clahe"]
    for row in record["rows"]:
        assert row["metrics"]["mIoU"] == pytest.approx(by_plain_script(out, row, scenes), abs=1e-9)
        assert row["timing_ms"]["inference"] > 0
    assert record["rows"][1]["metrics"]["mIoU"] > record["rows"][0]["metrics"]["mIoU"] + 0.3
    assert any((out / "pictures").rglob("gain_1_*.png"))
    assert (out / "results.md").is_file()
    assert (out / "results.csv").is_file()
    again = scotopic("compare", "segment", *arguments)
    assert again.status == 0
    assert json.loads((out / "results.json").read_text())["rows"] == record["rows"]


def test_eval_uses_the_gate_and_says_so(scotopic: Command, scenes: Path, model: Path, tmp_path: Path) -> None:
    for name in ("0", "1"):
        image = scenes / "images" / f"{name}.png"
        Image.fromarray(read_image(image) + np.uint8(120)).save(image)
    outcome = scotopic(
        "eval", "segment", "--model", model, "--data", scenes, "--enhancer", "gamma", "-o", tmp_path / "out",
        "--pictures", 0,
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert "gate auto" in outcome.out
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert record["rows"][1]["passed_by_gate"] == ["0", "1"]
    assert not (tmp_path / "out" / "pictures").exists()


def test_a_preset_for_a_comparison(scotopic: Command, scenes: Path, model: Path, tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text(
        f"model: {model}\ndata: {scenes}\nenhancers: [none, 'gamma[gamma=1.5]']\ninput_size: [96, 128]\n"
        "pictures: 0\nclass_map: {pool: null, ground: [ground, fog], fog: null}\n"
    )
    outcome = scotopic("compare", "segment", "--config", preset, "-o", tmp_path / "out")
    assert outcome.status == 0, outcome.err
    assert "input size 96x128" in outcome.out
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [row["enhancer"] for row in record["rows"]] == ["none", "gamma[gamma=1.5]"]
    assert record["settings"]["input_size"] == [96, 128]
    assert record["data"]["left_out"] == ["pool", "fog"]
    assert record["data"]["model_class_map"] == {"0": "ground", "1": "lamp", "2": None, "3": "ground"}


def test_a_class_map_on_the_command_line(scotopic: Command, scenes: Path, model: Path, tmp_path: Path) -> None:
    options = ("--model", model, "--data", scenes, "--enhancers", "none", "-o", tmp_path / "out", "--pictures", 0)
    outcome = scotopic("compare", "segment", *options, "--class-map", "ground=ground+pool,pool=")
    assert outcome.status == 0, outcome.err
    assert "ground <- ground + pool" in outcome.out
    assert json.loads((tmp_path / "out" / "results.json").read_text())["data"]["left_out"] == ["pool"]


def test_an_image_that_fails_is_named_and_gives_status_1(
    scotopic: Command, scenes: Path, model: Path, tmp_path: Path
) -> None:
    cut = scenes / "images" / "3.png"
    cut.write_bytes(cut.read_bytes()[:-30])
    outcome = scotopic("compare", "segment", "--model", model, "--data", scenes, "--enhancers", "gamma",
                       "-o", tmp_path / "out")  # fmt: skip
    assert outcome.status == 1
    assert "1 failed images count as wrong in every pixel: 3. Why 3 failed: " in outcome.out
    assert outcome.out.count("3.png is truncated") == 2  # behind none and behind gamma


def test_real_frames_behind_an_untrained_net(scotopic: Command, data_dir: Path, tmp_path: Path) -> None:
    """The saved wrapper of a real architecture on CamVid's dusk frames; what it says is chance, and counted right."""
    smp = pytest.importorskip("segmentation_models_pytorch", reason="needs the extra [seg]")
    from scotopic.adapters.input_spec import InputSpec
    from scotopic.adapters.smp import EnhancedSegmentationModel
    from scotopic.eval.datasets.segmentation import load_segmentation_dataset

    dusk = load_segmentation_dataset(data_dir / "camvid", "sequence=0001TP")
    few = tmp_path / "few.txt"
    few.write_text("".join(f"{sample.id}\n" for sample in dusk.samples[:2]))
    torch.manual_seed(0)
    net = smp.Unet("resnet18", encoder_weights=None, encoder_depth=3, decoder_channels=(32, 16, 8), classes=11)
    spec = InputSpec(mean=(0.4, 0.4, 0.4), std=(0.2, 0.2, 0.2))
    EnhancedSegmentationModel(net, spec, dict(enumerate(dusk.classes))).save_pretrained(tmp_path / "unet")
    outcome = scotopic(
        "compare", "segment", "--model", tmp_path / "unet", "--data", data_dir / "camvid", "--split", few,
        "--enhancers", "clahe", "-o", tmp_path / "out", "--pictures", 1,
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert record["data"]["categories"] == list(dusk.classes)
    for row in record["rows"]:
        assert row["passed_by_gate"] == []
        right = counted = 0
        for sample in dusk.samples[:2]:
            mask = np.array(Image.open(sample.mask))
            labels = np.array(Image.open(tmp_path / "out" / row["predictions"] / f"{sample.id}.png"))
            right += int((labels == mask)[mask < 11].sum())
            counted += int((mask < 11).sum())
        assert row["metrics"]["pixel_accuracy"] == pytest.approx(right / counted, abs=1e-12)
    assert len(list((tmp_path / "out" / "pictures").rglob("*.png"))) in (1, 2)


@pytest.mark.parametrize("command", ["eval", "compare"])
def test_shipped_presets_serve_both_commands(scotopic: Command, command: str) -> None:
    outcome = scotopic(command, "segment", "--config", "night-segment")
    assert outcome.err == "scotopic: --out is missing: give --out FOLDER\n"


@pytest.mark.parametrize("command", ["eval", "compare"])
def test_help_reads_well(scotopic: Command, command: str) -> None:
    outcome = scotopic(command, "segment", "--help")
    assert outcome.status == 0
    for word in ("HEIGHTxWIDTH", "--class-map", "road"):
        assert word in outcome.out


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"--model": "missing.onnx"}, "missing.onnx"),
        ({"--model": "raod"}, "raod"),
        ({"--data": None}, "--data is missing"),
        ({"--data": "camvdi"}, "did you mean 'camvid'"),
        ({"--data": "darkbdd"}, "darkbdd"),
        ({"--split": "dusk"}, "dusk"),
        ({"--enhancers": "none,clah"}, "did you mean 'clahe'"),
        ({"--class-map": "lmp=lamp"}, "did you mean 'lamp'"),
        ({"--class-map": "lamp=lmp+pool"}, "did you mean 'lamp'"),
        ({"--class-map": "lamp"}, "SET_CLASS=MODEL_CLASS"),
        ({"--input-size": "96"}, "write HEIGHTxWIDTH such as 512x1024"),
        ({"--input-size": "8x8"}, "at least 32 pixels each way"),
        ({"--strength": 2}, "strength"),
        ({"--out": "text.txt"}, "a file is in the way"),
        ({"--config": "night-detec"}, "did you mean 'night-detect'"),
    ],
)
def test_bad_input_is_one_sentence(
    scotopic: Command,
    scenes: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, object],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("not a folder")
    options = {"--model": model, "--data": scenes, "--out": "out", "--enhancers": "none", **changed}
    arguments = [part for option, value in options.items() if value is not None for part in (option, value)]
    outcome = scotopic("compare", "segment", *arguments)
    assert outcome.status == 1
    assert sentence in outcome.err
    assert outcome.err.startswith("scotopic: ")
    assert outcome.err.count("\n") == 1
