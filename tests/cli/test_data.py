"""`scotopic data darken` and `scotopic data darkcityscape`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scotopic.pipeline.image import read_image, write_image

Command = Callable[..., Any]


@pytest.fixture
def street(tmp_path: Path, rng: np.random.Generator) -> Path:
    root = tmp_path / "street"
    for name in ("a", "b"):
        write_image(root / "images" / f"{name}.jpg", rng.integers(60, 250, (30, 40, 3)).astype(np.uint8))
        (root / "labels").mkdir(exist_ok=True)
        (root / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (root / "classes.txt").write_text("car\n")
    return root


def test_darken_a_set_and_make_it_again(scotopic: Command, street: Path, tmp_path: Path) -> None:
    done = scotopic("data", "darken", street, "-o", tmp_path / "dark", "--recipe", "lowlight[severity=severe]")
    assert done.status == 0
    assert "2 pictures in" in done.out
    assert "mean luma" in done.out
    assert "severity=severe" in done.out
    manifest = tmp_path / "dark" / "manifest.json"
    again = scotopic("data", "darken", street, "-o", tmp_path / "again", "--manifest", manifest)
    assert again.status == 0
    assert "bit for bit" in again.out
    for name in ("images/a.jpg", "labels/a.txt", "manifest.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "dark" / name).read_bytes()
    checked = scotopic("data", "darken", street, "-o", tmp_path / "dark", "--manifest", manifest)
    assert "2 of them there already" in checked.out


def test_a_preset_gives_recipe_and_folder(scotopic: Command, street: Path, tmp_path: Path) -> None:
    preset = tmp_path / "night.yaml"
    preset.write_text(f"recipe: gamma[gamma=2]\nseed: 5\nout: {tmp_path / 'dark'}\n")
    assert scotopic("data", "darken", street, "--config", preset).status == 0
    bright, dark = read_image(street / "images" / "a.jpg"), read_image(tmp_path / "dark" / "images" / "a.png")
    assert np.array_equal(dark, np.floor(bright.astype(float) ** 2 / 255 + 1e-9))


def test_pictures_without_labels_are_said_to_be_such(scotopic: Command, street: Path, tmp_path: Path) -> None:
    done = scotopic("data", "darken", street / "images", "-o", tmp_path / "dark", "--recipe", "gamma")
    assert "has no labels that are known here" in done.out
    assert (tmp_path / "dark" / "a.png").is_file()


def test_darkcityscape(scotopic: Command, tmp_path: Path) -> None:
    for number in range(2):
        frame = f"val/ulm/ulm_000000_{number:06}"
        write_image(tmp_path / "city" / "leftImg8bit" / f"{frame}_leftImg8bit.png", np.full((8, 16, 3), 90, np.uint8))
        mask = tmp_path / "city" / "gtFine" / f"{frame}_gtFine_labelIds.png"
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 16), 7, np.uint8)).save(mask)
    done = scotopic("data", "darkcityscape", "--cityscapes", tmp_path / "city", "-o", tmp_path / "dark", "--count", 2)
    assert done.status == 0, done.err
    assert "2 pictures" in done.out
    assert "mean luma 9.0: lightness[lightness=0.1]" in done.out


def test_bad_input_is_one_sentence(scotopic: Command, street: Path, tmp_path: Path) -> None:
    out = tmp_path / "dark"
    for words, message in (
        ((street, "-o", out), "--recipe is missing"),
        ((street, "--recipe", "gamma"), "--out is missing"),
        ((street, "-o", out, "--recipe", "gama"), "did you mean 'gamma'"),
        ((street, "-o", out, "--recipe", "gamma[gamma=99]"), "less than or equal to 10, not 99"),
        ((street, "-o", street, "--recipe", "gamma"), "is the source itself"),
        ((street, "-o", street / "dark", "--recipe", "gamma"), "lie one in the other"),
        ((street, "-o", out, "--recipe", "gamma", "--split", "nihgt"), "no split 'nihgt'"),
        ((tmp_path / "nowhere", "-o", out, "--recipe", "gamma"), "no data set at"),
        ((street, "-o", out, "--manifest", tmp_path / "none.json"), "cannot read"),
        ((street / "labels", "-o", out, "--recipe", "gamma"), "no pictures in"),
    ):
        done = scotopic("data", "darken", *words)
        assert done.status == 1, words
        assert message in done.err
        assert "Traceback" not in done.err
        assert done.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which not even root can write")
def test_a_folder_that_cannot_be_written(scotopic: Command, street: Path) -> None:
    done = scotopic("data", "darken", street, "-o", "/proc/dark", "--recipe", "gamma")
    assert done.status == 1
    assert "cannot make the output folder /proc/dark" in done.err


def test_help_reads_well(scotopic: Command) -> None:
    for command in ("darken", "darkcityscape", "darkbdd"):
        done = scotopic("data", command, "--help")
        assert done.status == 0
        assert "Usage" in done.out
