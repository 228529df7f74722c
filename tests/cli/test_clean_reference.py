"""`--reference clean` from end to end: no labels anywhere, and the same with labels beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from scotopic.pipeline.image import read_image, write_image

from ..scenes import NAMES, color_net, write_scenes
from .conftest import Outcome

Command = Callable[..., Outcome]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small net as an ONNX file, with the file beside it that says what it wants."""
    pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")
    path = tmp_path_factory.mktemp("net") / "net.onnx"
    size = torch.export.Dim("height", min=2), torch.export.Dim("width", min=2)
    shapes = ({2: size[0], 3: size[1]},)
    torch.onnx.export(
        color_net().net, (torch.zeros(1, 3, 8, 8),), path, dynamo=True, dynamic_shapes=shapes, external_data=False,
        verbose=False,
    )  # fmt: skip
    names = list(NAMES.values())
    path.with_suffix(".yaml").write_text(f"outputs: segmentation\ninput: {{color: rgb, range: 1}}\nnames: {names}\n")
    return path


def bright_pictures(folder: Path) -> Path:
    """Scenes that the net sees well, without labels."""
    for path in sorted((write_scenes(folder.parent / "scenes") / "images").glob("*.png")):
        write_image(folder / path.name, (read_image(path).astype(int) * 4).clip(0, 255).astype("uint8"))
    return folder


def test_segment(scotopic: Command, net: Path, tmp_path: Path) -> None:
    photos, night, out = bright_pictures(tmp_path / "photos"), tmp_path / "night", tmp_path / "out"
    assert scotopic("data", "darken", photos, "--recipe", "gamma[gamma=4]", "-o", night).status == 0
    arguments = ("compare", "segment", "--model", net, "--data", night, "--enhancers", "gamma[gamma=4.0]", "-o", out)
    outcome = scotopic(*arguments, "--reference", "clean", "--pictures", 0)
    assert outcome.status == 0, outcome.err
    assert "night [truth: what net.onnx (sha256 " in outcome.out
    assert "itself sees in the originals], 6 images" in outcome.out
    record = json.loads((out / "results.json").read_text())
    none, undone = (row["metrics"]["mIoU"] for row in record["rows"])
    assert none < undone
    assert undone > 0.9
    assert sorted(path.name for path in (out / "truth").iterdir()) == [f"{number}.png" for number in range(6)]
    photos.rename(tmp_path / "elsewhere")
    outcome = scotopic(*arguments, "--reference", "clean")
    assert outcome.status == 1
    assert "the original of 0" in outcome.err
    outcome = scotopic(*arguments, "--reference", tmp_path / "elsewhere", "--pictures", 0)
    assert outcome.status == 0, outcome.err
    assert json.loads((out / "results.json").read_text())["rows"] == record["rows"]


def test_detect(scotopic: Command, data_dir: Path, tmp_path: Path) -> None:
    """LOL's pairs, which nobody labelled."""
    pytest.importorskip("ultralytics", reason="needs the extra [yolo]")
    for side in ("low", "high"):
        for name in ("22.png", "55.png"):
            write_image(tmp_path / "pairs" / side / name, read_image(data_dir / "lol_eval15" / side / name))
    arguments = ("--model", data_dir / "weights" / "yolo11n_dequant.pt", "--data", tmp_path / "pairs", "--imgsz", 320)
    outcome = scotopic(
        "eval", "detect", *arguments, "--reference", "clean", "--reference-score", 0.1, "--enhancer", "clahe",
        "--pictures", 0, "-o", tmp_path / "out",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert "itself finds in the originals at score >= 0.1], 2 images" in outcome.out
    truth = json.loads((tmp_path / "out" / "truth.json").read_text())
    assert truth["annotations"]
    outcome = scotopic(
        "eval", "detect", *arguments, "--reference", "clean", "--reference-score", 1, "-o", tmp_path / "none"
    )
    assert outcome.status == 1
    assert "lower --reference-score" in outcome.err


@pytest.mark.parametrize("command", [("eval", "detect"), ("compare", "detect")])
def test_a_score_without_a_reference_is_refused(scotopic: Command, tmp_path: Path, command: tuple[str, str]) -> None:
    outcome = scotopic(*command, "--model", "a.pt", "--data", "set", "-o", tmp_path / "out", "--reference-score", 0.5)
    assert outcome.status == 1
    assert outcome.err == (
        "scotopic: --reference-score says nothing where labels are the truth: add --reference clean\n"
    )


def test_a_folder_of_something_else_is_refused_before_anything_is_written(
    scotopic: Command, net: Path, tmp_path: Path
) -> None:
    photos, out = bright_pictures(tmp_path / "photos"), tmp_path / "out"
    out.mkdir()
    (out / "results.json").write_text('{"task": "quality"}')
    outcome = scotopic(
        "compare", "segment", "--model", net, "--data", photos, "--reference", photos, "--enhancers", "gamma", "-o", out
    )
    assert outcome.status == 1
    assert outcome.err.endswith("would mix: choose another output folder\n")
    assert [path.name for path in out.iterdir()] == ["results.json"]


def test_bad_input_is_one_sentence(scotopic: Command, net: Path, tmp_path: Path) -> None:
    photos = bright_pictures(tmp_path / "photos")
    arguments = ("eval", "segment", "--model", net, "--data", photos, "-o", tmp_path / "out", "--reference")
    for reference, sentence in (("clean", "is not known: give a set made by"), ("nowhere", "no folder of reference")):
        outcome = scotopic(*arguments, reference)
        assert outcome.status == 1
        assert sentence in outcome.err
