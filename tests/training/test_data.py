"""What the trainer is fed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic.errors import ScotopicError
from scotopic.pipeline.image import read_image, write_image
from scotopic.training.data import Crop, RandomCrops, TrainingPictures, cut, read_pictures


def test_pictures_are_found_in_subfolders_and_named(dark_folder: Path) -> None:
    pictures = read_pictures(dark_folder, size=24, least_crop=0.5)
    assert pictures.names == ["0.png", "1.png", "2.png", "3.png", "inner/4.png"]
    assert pictures.unreadable == []


def test_pictures_are_kept_no_larger_than_the_smallest_crop_needs(dark_folder: Path) -> None:
    pictures = read_pictures(dark_folder, size=10, least_crop=0.5)
    assert [min(image.shape[:2]) for image in pictures.images] == [20] * 5
    assert pictures.images[4].shape == (20, 32, 3)  # 80x50, in proportion


def test_small_pictures_are_not_enlarged_on_reading(dark_folder: Path) -> None:
    pictures = read_pictures(dark_folder, size=512, least_crop=1)
    assert np.array_equal(pictures.images[0], read_image(dark_folder / "0.png"))


def test_samples_are_whole_and_in_range(dark_folder: Path) -> None:
    crops = RandomCrops(read_pictures(dark_folder, 24, 0.5), 24, 0.5)
    batch = crops.make(crops.plan(1))
    assert batch.shape == (5, 3, 24, 24)
    assert batch.dtype == torch.float32
    assert batch.min() >= 0
    assert batch.max() <= 1


def test_every_picture_comes_once_an_epoch(dark_folder: Path) -> None:
    crops = RandomCrops(read_pictures(dark_folder, 24, 0.5), 24, 0.5)
    assert len(crops) == 5
    assert all(sorted(crop.picture for crop in crops.plan(epoch)) == list(range(5)) for epoch in (1, 2))


def test_seed_and_epoch_decide_order_and_squares(dark_folder: Path) -> None:
    pictures = read_pictures(dark_folder, 24, 0.5)
    plans = [RandomCrops(pictures, 24, 0.5, seed).plan(epoch) for seed, epoch in ((1, 1), (1, 1), (2, 1), (1, 2))]
    assert plans[0] == plans[1]
    assert plans[2] != plans[0] != plans[3]


def test_a_sample_hangs_on_its_entry_alone(dark_folder: Path) -> None:
    crops = RandomCrops(read_pictures(dark_folder, 24, 0.5), 24, 0.5)
    plan = crops.plan(1)
    assert torch.equal(crops.make(plan)[3:4], crops.make(plan[3:4]))


def test_squares_reach_every_corner_and_no_further() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    end = np.nextafter(1.0, 0.0)
    corner = cut(image, Crop(0, 0.0, end, end), 10, 0.5)
    assert np.array_equal((corner[0] * 255).round().byte().permute(1, 2, 0).numpy(), image[10:, 20:])
    whole = cut(image, Crop(0, 1.0, end, 0.0), 20, 0.5)
    assert np.array_equal((whole[0] * 255).round().byte().permute(1, 2, 0).numpy(), image[:, :20])


def test_the_whole_picture_is_taken_unaltered_where_that_is_asked_for() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    crops = RandomCrops(TrainingPictures([image], ["a"], []), 16, 1.0)
    batch = crops.make(crops.plan(1))
    assert np.array_equal((batch[0] * 255).round().byte().permute(1, 2, 0).numpy(), image)


def test_bright_pictures_stay_in(dark_folder: Path) -> None:
    write_image(dark_folder / "bright.png", np.full((64, 64, 3), 250, np.uint8))
    assert "bright.png" in read_pictures(dark_folder, 24, 0.5).names


def test_unreadable_pictures_are_named(dark_folder: Path) -> None:
    whole = (dark_folder / "0.png").read_bytes()
    (dark_folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (dark_folder / "empty.jpg").touch()
    pictures = read_pictures(dark_folder, 24, 0.5)
    assert len(pictures.images) == 5
    assert len(pictures.unreadable) == 2
    assert "cut.png" in pictures.unreadable[0]
    assert "empty.jpg" in pictures.unreadable[1]


def test_a_folder_with_nothing_readable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ScotopicError, match=r"none of the 1 pictures .* can be read .*empty\.jpg"):
        read_pictures(tmp_path, 24, 0.5)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="no images in"):
        read_pictures(tmp_path, 24, 0.5)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="no folder of training pictures"):
        read_pictures(tmp_path / "nowhere", 24, 0.5)
