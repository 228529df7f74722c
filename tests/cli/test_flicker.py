"""`scotopic eval flicker` from the command line to the table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from scotopic.pipeline.image import write_image

from .conftest import Outcome

Command = Callable[..., Outcome]


def clip(folder: Path) -> Path:
    coarse = np.random.default_rng(0).integers(60, 220, (12, 24, 3), np.uint8)
    wall = cv2.resize(coarse, (200, 96), interpolation=cv2.INTER_CUBIC)
    folder.mkdir()
    for number in range(5):
        write_image(folder / f"{number}.png", np.ascontiguousarray(wall[:, 2 * number : 2 * number + 128]))
    return folder


def test_flicker(scotopic: Command, tmp_path: Path) -> None:
    source, out = clip(tmp_path / "clip"), tmp_path / "out"
    outcome = scotopic(
        "eval", "flicker", source, "--enhancers", "sgz,gamma", "--recipe", "gamma[gamma=3]", "--jitter", 0.03,
        "--frames", 8, "--fps", 10, "-o", out,
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    for word in ("8 frames of", "smoothed", "flicker beyond scene", "beyond input", "warped error", " %", "written to"):
        assert word in outcome.out
    assert "gamma: no enhancement factor" in outcome.out
    record = json.loads((out / "results.json").read_text())
    assert [row["enhancer"] for row in record["rows"]] == ["none", "sgz", "sgz", "gamma"]
    assert record["settings"]["fps"] == 10


def test_without_jitter_one_column_is_enough(scotopic: Command, tmp_path: Path) -> None:
    outcome = scotopic("eval", "flicker", clip(tmp_path / "clip"), "--enhancers", "gamma")
    assert outcome.status == 0, outcome.err
    assert "flicker beyond input" in outcome.out
    assert "scene" not in outcome.out


def test_bad_values_are_said_in_one_line(scotopic: Command, tmp_path: Path) -> None:
    cases = (
        (("--jitter", 1.5), "jitter"),
        (("--enhancers", ""), "--enhancers names none"),
        (("--recipe", "gama"), "no recipe 'gama'"),
    )
    for number, (arguments, word) in enumerate(cases):
        outcome = scotopic("eval", "flicker", clip(tmp_path / str(number)), *arguments)
        assert outcome.status == 1
        assert word in outcome.err
        assert outcome.err.count("\n") == 1
