"""What the trainer is fed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic.errors import ScotopicError
from scotopic.pipeline.image import read_image, write_image
from scotopic.training.data import TrainingPictures, read_pictures


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


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


def test_batches_are_whole_and_in_range(dark_folder: Path) -> None:
    batches = list(read_pictures(dark_folder, 24, 0.5).batches(2, 24, 0.5, generator()))
    assert [tuple(batch.shape) for batch in batches] == [(2, 3, 24, 24), (2, 3, 24, 24), (1, 3, 24, 24)]
    assert all(batch.dtype == torch.float32 and batch.min() >= 0 and batch.max() <= 1 for batch in batches)


def test_the_seed_decides_order_and_crops(dark_folder: Path) -> None:
    pictures = read_pictures(dark_folder, 24, 0.5)
    first, again, other = (torch.cat(list(pictures.batches(2, 24, 0.5, generator(seed)))) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_whole_picture_is_taken_unaltered_where_that_is_asked_for(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    batch = next(TrainingPictures([image], ["a"], []).batches(1, 16, 1.0, generator()))
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
