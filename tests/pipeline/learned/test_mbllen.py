"""MBLLEN against the published computation, written down once more, and the picture of the SGZ authors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from scotopic.pipeline.enhancers.learned.mbllen import MBLLEN, percentile, saturate, stretch_contrast
from scotopic.pipeline.image import read_image
from scotopic.pipeline.registry import create_enhancer
from scotopic.pipeline.weights.keras import read_keras

from .conftest import State, assert_sensible, window

Published = Callable[[str], Path]
FILE = "mbllen_Syn_img_lowlight_withnoise.h5"
BORDER = 24
"""Beyond this the way in which the border is extended does not reach."""


def straight_line(state: State, x: Tensor) -> Tensor:
    """By the layers' numbers in the file, with the program's own borders."""

    def conv(number: int, y: Tensor, padding: int = 0) -> Tensor:
        return F.conv2d(y, state[f"conv2d_{number}.weight"], state[f"conv2d_{number}.bias"], padding=padding).relu()

    pictures = []
    for i in range(10):
        x = conv(1 + 5 * i, x, padding=1)
        y = conv(2 + 5 * i, x, padding=1)
        for number in (3, 4, 5):
            y = conv(number + 5 * i, y)
        for number in (1, 2, 3):
            name = f"conv2d_transpose_{number + 3 * i}"
            y = F.conv_transpose2d(y, state[f"{name}.weight"], state[f"{name}.bias"]).relu()
        pictures.append(y)
    return conv(51, torch.cat(pictures, 1))


def programs_finish(picture: np.ndarray) -> np.ndarray:
    """What the authors' program does to the net's result, float RGB (H, W, 3)."""

    def grey(p: np.ndarray) -> np.ndarray:
        return p[..., 0] * 0.299 + p[..., 1] * 0.587 + p[..., 1] * 0.114

    if (grey(picture) >= 0.8).mean() < 0.05:
        picture = np.minimum(picture * (0.8 / np.percentile(grey(picture), 95)), 1)
    black = np.percentile(grey(picture), 5)
    picture = (picture - black) / (1 - black)
    hue, saturation, value = cv2.split(cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2HSV))
    raised = np.power(saturation, 0.8)
    return cv2.cvtColor(cv2.merge([hue, raised, value]), cv2.COLOR_HSV2RGB).clip(0, 1)


def test_is_the_published_net(published: Published, dark_pictures: dict[str, np.ndarray]) -> None:
    state = read_keras(published(FILE))
    net = create_enhancer("mbllen", weights=published(FILE), stretch=False)
    x = window(dark_pictures["7"], 96, 120)
    inside = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    with torch.inference_mode():
        assert float((net(x) - straight_line(state, x).clamp(0, 1))[inside].abs().max()) < 1e-5


@pytest.mark.parametrize("gain", [0.3, 1.0, 6.0], ids=["dark", "as it is", "bright"])
def test_stretches_as_the_program_does(gain: float) -> None:
    rng = np.random.default_rng(5)
    picture = (rng.random((40, 50, 3)) ** 2 * 0.5 * gain + 0.05).clip(0, 1).astype(np.float32)
    tensor = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0)
    ours = saturate(stretch_contrast(tensor))[0].permute(1, 2, 0).numpy()
    # Below black the program keeps negative values until the very end, which sets their hue a little otherwise.
    lit = programs_finish(picture).min(2) > 0.02
    assert lit.mean() > 0.4
    assert np.abs(ours - programs_finish(picture))[lit].max() < 1e-3


@pytest.mark.parametrize("percent", [5, 50, 95])
@pytest.mark.parametrize("size", [(1, 1), (3, 7), (20, 31)])
def test_percentile_is_numpys(percent: int, size: tuple[int, int]) -> None:
    x = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(1))
    expected = np.percentile(x.numpy().reshape(2, -1), percent, axis=1)
    np.testing.assert_allclose(percentile(x, percent).flatten().numpy(), expected, atol=1e-6)


def test_is_the_picture_of_the_sgz_authors(data_dir: Path, published: Published) -> None:
    """mbllen7.jpg is 512x384, so the photograph must have been shrunk first; half of that is enough here."""
    dark, theirs = (read_image(data_dir / "sgz_samples" / name) for name in ("Dark7.jpg", "mbllen7.jpg"))
    small = cv2.resize(dark, (256, 192), interpolation=cv2.INTER_AREA)
    ours = create_enhancer("mbllen", weights=published(FILE)).enhance(small)
    theirs = cv2.resize(theirs, (256, 192), interpolation=cv2.INTER_AREA)
    assert abs(ours.mean() - theirs.mean()) < 2
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99


def test_brightens_a_real_picture(published: Published, dark_pictures: dict[str, np.ndarray]) -> None:
    dark = dark_pictures["2"][::3, ::3]
    assert_sensible(dark, create_enhancer("mbllen", weights=published(FILE)).enhance(dark))


def test_parameters_of_table_2() -> None:
    count = sum(p.numel() for p in MBLLEN(weights="random").parameters())
    assert count == 450_171
    assert abs(count / 0.450e6 - 1) < 0.02
