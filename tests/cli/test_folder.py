"""`folder:DIR` from end to end: ready-made pictures are scored as if they were the set itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from scotopic.pipeline.image import read_image, write_image

from ..photographs import write_pairs
from ..scenes import write_scenes
from .conftest import Outcome

Command = Callable[..., Outcome]


def brightened(folder: Path, into: Path, suffix: str = ".bmp") -> Path:
    """What another program may have made of the pictures in a folder: the same names, another format."""
    for path in folder.iterdir():
        write_image(into / f"{path.stem}{suffix}", cv2.convertScaleAbs(read_image(path), alpha=3.0, beta=8))
    return into


def rows(out: Path) -> list[dict[str, Any]]:
    return json.loads((out / "results.json").read_text())["rows"]


def test_quality_of_ready_made_pictures(scotopic: Command, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs")
    theirs = brightened(pairs / "low", tmp_path / "theirs")
    arguments = ("--data", pairs, "--enhancers", f"none,folder:{theirs}", "-o", tmp_path / "out")
    outcome = scotopic("compare", "quality", *arguments)
    assert outcome.status == 0, outcome.err
    scores = []
    for path in theirs.iterdir():
        apart = read_image(path).astype(float) - read_image(pairs / "high" / f"{path.stem}.png")
        scores.append(10 * np.log10(255**2 / (apart**2).mean()))
    row = rows(tmp_path / "out")[1]
    assert row["enhancer"] == f"folder:{theirs}"
    assert row["metrics"]["PSNR"] == pytest.approx(np.mean(scores), abs=1e-6)
    assert (tmp_path / "out" / "pictures" / "contact_sheet.jpg").is_file()

    alone = ("--data", theirs, "--reference", pairs / "high", "--enhancers", "none", "-o", tmp_path / "alone")
    assert scotopic("compare", "quality", *alone).status == 0
    assert rows(tmp_path / "alone")[0]["metrics"] == row["metrics"]


def test_labels_found_on_ready_made_pictures(scotopic: Command, model: Path, tmp_path: Path) -> None:
    scenes = write_scenes(tmp_path / "scenes")
    theirs = brightened(scenes / "images", tmp_path / "theirs")
    arguments = ("--model", model, "-o", tmp_path / "out", "--pictures", 0)
    outcome = scotopic("compare", "segment", *arguments, "--data", scenes, "--enhancers", f"none,folder:{theirs}")
    assert outcome.status == 0, outcome.err
    dark, ready = rows(tmp_path / "out")
    assert ready["metrics"]["mIoU"] > dark["metrics"]["mIoU"] + 0.2

    copy = tmp_path / "copy"
    shutil.copytree(scenes, copy, ignore=shutil.ignore_patterns("*.bmp"))
    shutil.rmtree(copy / "images")
    shutil.copytree(theirs, copy / "images")
    arguments = ("--model", model, "-o", tmp_path / "alone", "--pictures", 0)
    assert scotopic("compare", "segment", *arguments, "--data", copy, "--enhancers", "none").status == 0
    assert rows(tmp_path / "alone")[0]["metrics"] == ready["metrics"]


def test_objects_found_on_a_published_picture(scotopic: Command, data_dir: Path, tmp_path: Path) -> None:
    """One photograph, and what MBLLEN's authors' program made of it, which was published at this size."""
    pytest.importorskip("ultralytics", reason="needs the extra [yolo]")
    published = data_dir / "sgz_samples"
    if not (published / "mbllen7.jpg").is_file():
        pytest.skip(f"no {published / 'mbllen7.jpg'}: the published picture is needed")
    dark = cv2.resize(read_image(published / "Dark7.jpg"), (512, 384), interpolation=cv2.INTER_AREA)
    for name, picture in (("set", dark), ("copy", read_image(published / "mbllen7.jpg"))):
        write_image(tmp_path / name / "images" / "party.png", picture)
        (tmp_path / name / "labels").mkdir()
        (tmp_path / name / "labels" / "party.txt").write_text("0 0.39 0.51 0.28 0.88\n0 0.72 0.50 0.47 0.88\n")
        (tmp_path / name / "classes.txt").write_text("person\n")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    shutil.copy(published / "mbllen7.jpg", theirs / "party.jpg")
    shared = ("--model", data_dir / "weights" / "yolo11n_dequant.pt", "--imgsz", 320, "--pictures", 0)
    arguments = ("--data", tmp_path / "set", "--enhancers", f"folder:{theirs}", "-o", tmp_path / "out")
    outcome = scotopic("compare", "detect", *shared, *arguments)
    assert outcome.status == 0, outcome.err
    found = rows(tmp_path / "out")[1]
    assert found["metrics"]["AP50"] > 0.5
    arguments = ("--data", tmp_path / "copy", "--enhancers", "none", "-o", tmp_path / "alone")
    assert scotopic("compare", "detect", *shared, *arguments).status == 0
    assert rows(tmp_path / "alone")[0]["metrics"] == found["metrics"]


@pytest.mark.parametrize("command", ["compare", "eval"])
def test_a_set_with_one_name_in_two_folders_is_refused(command: str, scotopic: Command, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs")
    theirs = brightened(pairs / "low", tmp_path / "theirs")
    for side in ("low", "high"):
        write_image(pairs / side / "south" / "1.png", read_image(pairs / side / "2.png"))
    enhancer = "--enhancers" if command == "compare" else "--enhancer"
    arguments = ("--data", pairs, enhancer, f"folder:{theirs}", "-o", tmp_path / "out")
    outcome = scotopic(command, "quality", *arguments)
    assert outcome.status != 0
    error = "".join(outcome.err.split())
    assert f"{pairs}/low/1.pngand{pairs}/low/south/1.pnghavethesame:renameone" in error
    assert not (tmp_path / "out" / "results.json").exists()


def test_missing_and_wrongly_sized_pictures_are_named(scotopic: Command, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs")
    theirs = brightened(pairs / "low", tmp_path / "theirs")
    (theirs / "1.bmp").unlink()
    write_image(theirs / "2.bmp", read_image(theirs / "2.bmp")[1:])
    outcome = scotopic("compare", "quality", "--data", pairs, "--enhancers", f"folder:{theirs}", "-o", tmp_path / "out")
    assert outcome.status == 1
    assert "2 failed images are left out of its means: 1, 2" in outcome.out.replace("\n", " ")
    failed = rows(tmp_path / "out")[1]["failed"]
    assert "has no enhanced picture for 1.png" in failed["1"]
    assert "is 64x47 but 2.png is 64x48" in failed["2"]
