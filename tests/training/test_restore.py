"""Learning to undo darkness: the darkness, the pairs, what is minimised, and a run of the real command."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from scotopic import create_enhancer
from scotopic.configs.restore_schema import RestoreSettings
from scotopic.configs.train_schema import TrainSettings
from scotopic.errors import ScotopicError
from scotopic.pipeline.image import write_image
from scotopic.training.darkening import darken_at_random
from scotopic.training.data import TrainingPictures
from scotopic.training.objectives.restore import Restore
from scotopic.training.pairs import DarkenedPairs
from scotopic.training.trainer import train_enhancer

DAY = np.random.default_rng(0).integers(90, 240, (48, 64, 3), np.uint8)


def pictures(*levels: int) -> TrainingPictures:
    images = [np.full((40, 60, 3), level, np.uint8) for level in levels]
    return TrainingPictures(images, [str(level) for level in levels], [])


def bright_noise() -> TrainingPictures:
    rng = np.random.default_rng(1)
    return TrainingPictures([rng.integers(90, 255, (40, 52, 3), np.uint8) for _ in range(5)], list("abcde"), [])


def test_the_same_seed_gives_the_same_night() -> None:
    night, again = (darken_at_random(DAY, RestoreSettings(), np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(night, again)
    assert night.dtype == np.uint8
    assert night.shape == DAY.shape


@pytest.mark.parametrize(
    ("settings", "brightest"),
    [
        (RestoreSettings(bright=1), None),
        (RestoreSettings(bright=0, gamma=1), DAY.mean()),
        (RestoreSettings(bright=0, gamma=0), DAY.mean()),
    ],
)
def test_shares_are_kept(settings: RestoreSettings, brightest: float | None) -> None:
    levels = [darken_at_random(DAY, settings, np.random.default_rng(seed)).mean() for seed in range(40)]
    if brightest is None:
        np.testing.assert_allclose(levels, DAY.mean(), atol=2)
    else:
        assert max(levels) < brightest
        assert min(levels) < 0.5 * brightest


def test_more_noise_where_more_is_asked_for() -> None:
    grey = np.full((64, 64, 3), 180, np.uint8)

    def spread(noisy: float) -> float:
        settings = RestoreSettings(bright=0, gamma=0, noisy=noisy)
        nights = [darken_at_random(grey, settings, np.random.default_rng(seed)) for seed in range(30)]
        return float(np.mean([np.abs(np.diff(night.astype(int), axis=1)).mean() / night.mean() for night in nights]))

    assert spread(1) > 1.5 * spread(0)


def test_a_plan_hangs_on_seed_and_epoch_alone() -> None:
    pairs = DarkenedPairs(pictures(100, 150, 200, 30), RestoreSettings(), size=24, seed=5)
    assert len(pairs) == 3
    assert pairs.describe()["too_dark"] == 1
    assert pairs.plan(2) == DarkenedPairs(pictures(100, 150, 200, 30), RestoreSettings(), size=24, seed=5).plan(2)
    assert pairs.plan(1) != pairs.plan(2)
    assert sorted(entry.picture for entry in pairs.plan(3)) == [0, 1, 2]
    entries = pairs.plan(1)
    whole, parts = pairs.make(entries), [pairs.make([entry]) for entry in entries]
    for side in (0, 1):
        torch.testing.assert_close(whole[side], torch.cat([part[side] for part in parts]), atol=0, rtol=0)


def test_pictures_that_are_all_too_dark() -> None:
    with pytest.raises(ScotopicError, match="none of the 2 pictures has a mean level of 80 or more: give pictures"):
        DarkenedPairs(pictures(10, 79), RestoreSettings(), size=16)


class Fixed(nn.Module):
    """Gives the same picture and factor, whatever it sees."""

    def __init__(self, image: torch.Tensor, factor: torch.Tensor) -> None:
        super().__init__()
        self.image, self.factor = image, factor

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.image, self.factor


def test_the_errors_are_those_of_a_plain_computation() -> None:
    generator = torch.Generator().manual_seed(0)
    bright, image = torch.rand((2, 3, 8, 12), generator=generator), torch.rand((2, 3, 8, 12), generator=generator)
    factor = torch.rand((2, 4, 8, 12), generator=generator)
    settings = RestoreSettings(detail=0.3, smoothness=7)
    outcome = Restore(settings)(Fixed(image, factor), (bright / 2, bright))
    light = detail = noise = 0.0
    for mine, wanted in zip(image.double().numpy(), bright.double().numpy(), strict=True):
        error, weight = mine - wanted, 1 / (wanted.mean() + 0.1)
        blocks = error.reshape(3, 2, 4, 3, 4).mean((2, 4))
        light += np.abs(blocks).mean() * weight / 2
        detail += np.abs(error).mean() * weight / 2
        noise += (error**2).mean() * weight / 2
    steps = [np.diff(factor.double().numpy(), axis=axis) ** 2 for axis in (2, 3)]
    smoothness = sum(step.sum() for step in steps) / factor.numel()
    expected = [light, detail, noise, smoothness, factor.mean().item()]
    np.testing.assert_allclose([figure.item() for figure in outcome.figures], expected, rtol=1e-5)
    assert outcome.total.item() == pytest.approx(light + 0.3 * detail + noise + 7 * smoothness, rel=1e-5)


def test_at_least_one_way_to_learn() -> None:
    with pytest.raises(ValidationError, match="give losses"):
        TrainSettings.model_validate({})
    weights = {"spatial": 1, "rgb": 1, "brightness": 1, "total_variation": 1}
    with pytest.raises(ValidationError, match="give restore, too"):
        TrainSettings.model_validate({"losses": {"weights": weights}, "task": {"nets": ["road"]}})
    with pytest.raises(ValidationError, match=r"task.shrink 64 leaves nothing of the pictures \(size 32\)"):
        TrainSettings.model_validate({"restore": {}, "size": 32, "task": {"nets": ["road"], "shrink": 64}})


@pytest.mark.parametrize(
    ("name", "pair"), [("exposure", (0.5, 0.1)), ("exposure", (0.1, 2)), ("gamma_range", (0.5, 2))]
)
def test_ranges_out_of_order_are_named(name: str, pair: tuple[float, float]) -> None:
    with pytest.raises(ValidationError, match=f"{name} .* must be two numbers in order"):
        RestoreSettings.model_validate({name: pair})


def test_by_default_the_samples_are_those_that_the_shipped_weights_were_made_of() -> None:
    """The hash is of the code of version 0.1.0 before mosaics and ranges could be chosen."""
    rng = np.random.default_rng(3)
    sizes = ((60, 70, 90), (100, 48, 64), (0, 50, 50), (120, 33, 200), (0, 20, 20))
    images = [rng.integers(low, 255, (height, width, 3), np.uint8) for low, height, width in sizes]
    images[4] //= 4
    pairs = DarkenedPairs(TrainingPictures(images, list("abcde"), []), RestoreSettings(), size=32, seed=9)
    digest = hashlib.sha256()
    for epoch in range(1, 7):
        for side in pairs.make(pairs.plan(epoch)):
            digest.update(side.numpy().tobytes())
    assert digest.hexdigest() == "b3812da69225f0e5df0214517edfd979deb36766b8f2cbb21fc145f0fe070a73"


def test_mosaics_leave_the_other_samples_as_they_are() -> None:
    plain, mixed = (DarkenedPairs(bright_noise(), RestoreSettings(mosaic=share), size=24) for share in (0, 0.5))
    entries = [entry for epoch in range(1, 9) for entry in plain.plan(epoch)]
    counts = [len(mixed.tiles(entry)) for entry in entries]
    assert 0.25 < np.mean(np.array(counts) > 1) < 0.75
    for entry, count in zip(entries, counts, strict=True):
        same = torch.equal(plain.make([entry])[0], mixed.make([entry])[0])
        assert same == (count == 1)


def test_the_ranges_of_the_darkness_are_kept() -> None:
    flat = np.full((16, 16, 3), 128, np.uint8)
    settings = RestoreSettings(bright=0, gamma=1, gamma_range=(3, 3))
    night = darken_at_random(flat, settings, np.random.default_rng(0))
    assert abs(int(night[0, 0, 0]) - 255 * (128 / 255) ** 3) <= 1

    def mean(low: float, high: float) -> float:
        settings = RestoreSettings(bright=0, gamma=0, exposure=(low, high))
        return float(np.mean([darken_at_random(flat, settings, np.random.default_rng(i)).mean() for i in range(30)]))

    assert mean(0.5, 1) > 2 * mean(0.02, 0.04)


def test_the_weight_is_of_all_of_it() -> None:
    image, bright = torch.full((1, 3, 8, 8), 0.3), torch.full((1, 3, 8, 8), 0.6)
    factor = torch.rand(1, 3, 8, 8)
    whole, tenth = (
        Restore(RestoreSettings(weight=weight))(Fixed(image, factor), (bright / 2, bright)) for weight in (1, 0.1)
    )
    assert tenth.total.item() == pytest.approx(0.1 * whole.total.item())
    assert torch.equal(torch.stack(tenth.figures), torch.stack(whole.figures))


def test_a_run_from_end_to_end(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "day").mkdir()
    for number in range(4):
        smooth = np.linspace(80, 220, 64)[None, :, None] + rng.normal(0, 3, (48, 64, 3))
        write_image(tmp_path / "day" / f"{number}.png", smooth.clip(0, 255).astype(np.uint8))
    settings = TrainSettings(
        enhancer="sgz_task[restraint=1]", data=tmp_path / "day", size=48, batch=2, epochs=8, learning_rate=3e-3,
        gradient_clip=0.5, restore=RestoreSettings(), device="cpu",
    )  # fmt: skip
    weights = train_enhancer(settings, tmp_path / "out")
    table = np.genfromtxt(tmp_path / "out" / "sgz_task.csv", delimiter=",", names=True)
    assert {"light", "detail", "noise", "smoothness"} <= set(table.dtype.names or ())
    assert table["light"][-1] < table["light"][0]
    net = create_enhancer("sgz_task", weights=weights)
    assert net.restraint == 0.75
    dark = np.full((30, 40, 3), 20, np.uint8)
    assert net.enhance(dark).mean() > dark.mean()
