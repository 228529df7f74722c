"""`scotopic data gate-fit`, and `--gate` with what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.pipeline.gate import DarknessGate
from scotopic.pipeline.image import read_image, write_image

Command = Callable[..., Any]


@pytest.fixture
def streets(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A camera whose nights are brighter than most days of others: about 120, against 200."""
    root = tmp_path / "streets"
    lines = ["id,light"]
    for number in range(24):
        night = number % 3 == 0
        level = (110 if night else 190) + rng.integers(0, 20)
        picture = np.clip(rng.normal(level, 6, (24, 32, 3)), 0, 255).astype(np.uint8)
        write_image(root / "images" / f"{number:02}.png", picture)
        lines.append(f"{number:02},{'night' if night else 'day'}")
    write_image(root / "images" / "unlabelled.png", np.zeros((24, 32, 3), np.uint8))
    (root / "light.csv").write_text("\n".join(lines) + "\n")
    return root


def test_fit_and_use(scotopic: Command, streets: Path, tmp_path: Path) -> None:
    images, file = streets / "images", tmp_path / "mine.yaml"
    done = scotopic("data", "gate-fit", "--data", images, "--labels", streets / "light.csv", "-o", file)
    assert done.status == 0, done.err
    assert "fitted on 12 of the 24 labelled pictures of images" in done.out
    assert "Pictures of images without a label in light.csv are left out: 1." in done.out
    assert "100.0% of the night enhanced, 100.0% of the day untouched" in done.out
    assert DarknessGate.from_file(file) != DarknessGate()
    enhanced = scotopic("enhance", images, "-o", tmp_path / "out", "--enhancer", "gamma", "--gate", file)
    assert enhanced.status == 0, enhanced.err
    assert "16 of them untouched by the gate" in enhanced.out
    for number in range(24):
        before, after = (read_image(folder / f"{number:02}.png") for folder in (images, tmp_path / "out"))
        assert np.array_equal(before, after) == bool(number % 3)


def test_a_preset_gives_the_arguments(scotopic: Command, streets: Path, tmp_path: Path) -> None:
    preset = tmp_path / "fit.yaml"
    preset.write_text(f"data: {streets / 'images'}\nlabels: {streets / 'light.csv'}\n")
    done = scotopic("data", "gate-fit", "--config", preset)
    assert done.status == 0, done.err
    assert "judged" in done.out
    assert "written" not in done.out


def test_the_shipped_labels_have_a_name(scotopic: Command, data_dir: Path) -> None:
    done = scotopic("data", "gate-fit", "--data", data_dir / "darkbdd", "--labels", "darkbdd_light")
    assert done.status == 0, done.err
    assert "100.0% of the night enhanced, 98.2% of the day untouched" in done.out
    assert "judged wrong: b202cae2-f46c74a6 (day, night has log-odds +0." in done.out


def test_mistakes_are_one_sentence(scotopic: Command, streets: Path, tmp_path: Path) -> None:
    for arguments, sentence in (
        (["--labels", "x.csv"], "--data is missing: give --data FOLDER"),
        (["--data", streets], "--labels is missing: give --labels CSV"),
        (["--data", streets / "images", "--labels", "darkbdd_lihgt"], "did you mean 'darkbdd_light'"),
        (["--data", streets / "images", "--labels", streets / "light.csv", "-o", "gate"], "must end in .yaml"),
    ):
        done = scotopic("data", "gate-fit", *arguments)
        assert done.status == 1
        assert sentence in done.err
        assert done.err.startswith("scotopic: ")


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["enhance", "{images}", "-o", "{out}"], "gate 'maybe' is unknown: use 'auto' or 'off', or the YAML file"),
        (["eval", "detect", "--model", "yolo11n.pt", "--data", "{images}", "-o", "{out}"], "write auto or off, or the"),
    ],
    ids=["enhance", "eval"],
)
def test_an_unknown_gate_is_one_sentence(
    scotopic: Command, streets: Path, tmp_path: Path, command: list[str], sentence: str
) -> None:
    filled = [part.format(images=streets / "images", out=tmp_path / "out") for part in command]
    done = scotopic(*filled, "--enhancer", "gamma", "--gate", "maybe")
    assert done.status == 1
    assert sentence in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_a_gate_file_may_stand_in_a_preset(scotopic: Command, streets: Path, tmp_path: Path) -> None:
    gate = tmp_path / "open.yaml"
    gate.write_text(
        "mean_luma_weight: 0\ndark_share_weight: 0\nhighlight_share_weight: 0\n"
        "intercept: 5\nuntouched_below: 0\nfull_above: 1\n"
    )
    (tmp_path / "preset.yaml").write_text(f"gate: {gate}\nenhancer: gamma\n")
    done = scotopic("enhance", streets / "images", "-o", tmp_path / "out", "--config", tmp_path / "preset.yaml")
    assert done.status == 0, done.err
    assert "untouched" not in done.out
    done = scotopic("enhance", streets / "images", "-o", tmp_path / "out", "--gate", tmp_path / "none.yaml")
    assert done.status == 1
    assert "none.yaml: No such file" in done.err
