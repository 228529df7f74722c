"""`sgz_task`: the guided filter against loops over pixels, what the net sees, and what the shipped weights do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scotopic import create_enhancer
from scotopic.errors import ScotopicError
from scotopic.pipeline.enhancers.learned.guided_filter import BT601, guided_filter
from scotopic.pipeline.enhancers.learned.sgz_task import MOST_NOISE, SGZTask, noise_level


def windows(plane: np.ndarray, radius: int) -> np.ndarray:
    """Means over square windows, cut off at the borders, one pixel after the other."""
    height, width = plane.shape
    out = np.empty_like(plane)
    for y in range(height):
        for x in range(width):
            out[y, x] = plane[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1].mean()
    return out


def by_loops(picture: np.ndarray, sigma: np.ndarray, radius: int) -> np.ndarray:
    """The guided filter by the book: (3, H, W) and (H, W), float64."""
    luma = np.tensordot(BT601, picture, 1)
    variance = windows(luma**2, radius) - windows(luma, radius) ** 2 + 1e-7
    share = windows(variance / (variance + sigma**2), radius)
    means = np.stack([windows(windows(plane, radius), radius) for plane in picture])
    return means + share * (picture - means)


@pytest.mark.parametrize(("height", "width", "radius"), [(13, 17, 4), (3, 5, 4), (1, 1, 4), (9, 8, 1)])
def test_the_guided_filter_is_that_of_the_equations(height: int, width: int, radius: int) -> None:
    rng = np.random.default_rng(0)
    picture, sigma = rng.random((3, height, width)), 0.3 * rng.random((height, width))
    out = guided_filter(torch.from_numpy(picture)[None], torch.from_numpy(sigma)[None, None], radius)
    np.testing.assert_allclose(out[0].numpy(), by_loops(picture, sigma, radius), atol=1e-9)


def test_edges_stay_and_noise_goes() -> None:
    clean = torch.full((1, 3, 40, 40), 0.2)
    clean[..., 20:] = 0.7
    noisy = clean + 0.02 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    out = guided_filter(noisy, torch.full((1, 1, 40, 40), 0.05))
    assert (out - clean)[..., :12].std() < 0.25 * 0.02
    assert out[..., 30:].mean() - out[..., :10].mean() == pytest.approx(0.5, abs=0.01)
    assert (out[..., 20] - out[..., 19]).mean() > 0.35  # a box of the same width would leave 0.06


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (24, 25), (37, 50)])
def test_noise_is_measured_at_any_size(size: tuple[int, int]) -> None:
    height, width = size
    level = noise_level(torch.full((2, 3, height, width), 0.4))
    assert level.shape == (2, 1, -(-height // 12), -(-width // 12))
    assert level.abs().max() < 1e-6


def test_white_noise_gives_four_fifths_of_its_deviation() -> None:
    noise = 0.03 * torch.randn((1, 1, 240, 240), generator=torch.Generator().manual_seed(1))
    assert noise_level(noise.expand(1, 3, 240, 240)).mean().item() == pytest.approx(0.8 * 0.03, rel=0.05)


def steered(curve: float, noise: float, restraint: float = 1.0) -> SGZTask:
    """A net that gives the same curve and the same noise, whatever it sees."""
    net = SGZTask(weights="random", restraint=restraint)
    with torch.no_grad():
        for parameter in net.e_conv7.parameters():
            parameter.zero_()
        net.e_conv7.get_parameter("point_conv.bias").copy_(torch.atanh(torch.tensor([curve] * 3 + [noise])))
    return net


def test_the_factor_and_the_noise_do_what_they_say() -> None:
    picture = torch.rand((1, 3, 30, 31), generator=torch.Generator().manual_seed(2)) * 0.4
    net = steered(curve=-0.4, noise=0.5, restraint=0.5)
    expected = guided_filter(picture, torch.full((1, 1, 30, 31), MOST_NOISE * 0.75))
    for _ in range(8):
        expected = expected - 0.2 * (expected * expected - expected)
    with torch.no_grad():
        torch.testing.assert_close(net(picture), expected, atol=1e-5, rtol=0)
        unchanged = steered(curve=0.0, noise=-0.999999)(picture)
    assert (unchanged - picture).abs().max() < 1 / 255


def test_parameters_out_of_range() -> None:
    with pytest.raises(ScotopicError, match=r"restraint=2 is not a number from 0 to 1"):
        create_enhancer("sgz_task", restraint=2)


def test_shipped_weights_brighten_the_night_and_leave_the_day() -> None:
    rng = np.random.default_rng(3)
    rows = np.linspace(0.25, 0.9, 180)[:, None, None] * np.ones((180, 240, 3))
    day = np.clip(rows + 0.05 * np.sin(np.arange(240) / 5)[None, :, None], 0, 1)
    night = np.clip(day * 0.12 + rng.normal(0, 0.01, day.shape), 0, 1)
    net = create_enhancer("sgz_task")
    bright, dark = (np.rint(255 * picture).astype(np.uint8) for picture in (day, night))
    assert np.abs(net.enhance(bright).astype(int) - bright).mean() < 12
    out = net.enhance(dark)
    assert out.mean() > 2.5 * dark.mean()
    gain = out.mean() / dark.mean()
    flat = slice(90, 110), slice(100, 104)
    assert out[flat].std() < 0.8 * gain * dark[flat].std()
