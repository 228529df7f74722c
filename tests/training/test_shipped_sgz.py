"""The weights named `sgz`, which ship with the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from scotopic import create_enhancer
from scotopic.configs.train_schema import load_train_settings
from scotopic.pipeline.image import read_image
from scotopic.pipeline.weights.load import resolve_weights
from scotopic.pipeline.weights.manifest import manifest


def dark_street(level: float = 0.12) -> torch.Tensor:
    """A grey scene of soft light and dark shapes, (1, 3, 120, 160)."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 120), torch.linspace(0, 1, 160), indexing="ij")
    light = 0.5 + 0.5 * torch.sin(7 * x) * torch.cos(5 * y)
    return (level * light).expand(1, 3, -1, -1).contiguous()


def test_the_file_is_the_one_in_the_manifest() -> None:
    entry = manifest()["sgz"]
    assert entry.commercial is False
    assert resolve_weights("sgz") == entry.shipped_path()  # checks the SHA-256
    licence = resolve_weights("sgz").with_name("LICENSE").read_text(encoding="utf-8")
    assert entry.licence in " ".join(licence.split())


def test_the_file_was_made_by_the_shipped_preset() -> None:
    with safe_open(resolve_weights("sgz"), "pt") as file:
        made = json.loads(file.metadata()["training"])
    preset = load_train_settings("sgz-quick").recipe
    losses = preset["losses"]
    # It is older than the settings that it has no word of, whose defaults say what was done before there were any.
    flat = preset | {key: losses[key] for key in ("exposure", "spatial_patch", "brightness_patch")}
    flat["weights"] = {key: weight for key, weight in losses["weights"].items() if weight}
    assert made["settings"] == {key: flat[key] for key in made["settings"]}
    assert made["last_epoch"][0] == preset["epochs"]


def test_dark_becomes_bright() -> None:
    dark = dark_street()
    bright = create_enhancer("sgz")(dark)
    assert bright.mean() > 2.5 * dark.mean()
    assert bright.max() < 0.95


def test_grey_stays_nearly_grey() -> None:
    """A little bluer, as with the authors' weights (0.05), because the training photographs are warm."""
    levels = create_enhancer("sgz")(dark_street()).mean(dim=(0, 2, 3))
    assert levels.max() - levels.min() < 0.06


def test_the_order_of_brightness_is_kept() -> None:
    dark = torch.linspace(0, 0.3, 160).expand(1, 3, 120, -1).contiguous()
    steps = create_enhancer("sgz")(dark).mean(dim=(0, 1, 2)).diff()
    assert (steps >= -0.002).all()


def test_a_bright_picture_is_not_blown_out() -> None:
    assert create_enhancer("sgz")(torch.full((1, 3, 120, 160), 0.75)).mean() < 0.9


@pytest.mark.parametrize("name", ["1.bmp", "3.bmp", "7.bmp", "8.bmp", "9.bmp"])
def test_real_pictures_come_near_the_authors_level(data_dir: Path, name: str) -> None:
    dark = read_image(data_dir / "lime" / name)
    ours = create_enhancer("sgz").enhance(dark)
    official = create_enhancer("sgz", weights=data_dir / "weights" / "sgz_epoch99.pth").enhance(dark)
    assert abs(float(np.mean(ours)) - float(np.mean(official))) < 12
