"""Squares laid into samples: pictures, masks and boxes stay together."""

from __future__ import annotations

import numpy as np
import pytest

from scotopic.configs.restore_schema import RestoreSettings
from scotopic.training.data import TrainingPictures
from scotopic.training.pairs import DarkenedPairs, PairPlan
from scotopic.training.tiles import Tile, lay, lay_boxes, lay_mask

SIZE = 96


def painted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A black picture with one white box, and that box."""
    random = np.random.default_rng(seed)
    height, width = random.integers(90, 200, 2)
    left, top = random.integers(0, width - 40), random.integers(0, height - 40)
    box = np.array([left, top, left + random.integers(10, 40), top + random.integers(10, 40)])
    picture = np.zeros((height, width, 3), np.uint8)
    picture[box[1] : box[3], box[0] : box[2]] = 255
    return picture, box.astype(float)


def seen_box(sample: np.ndarray) -> np.ndarray:
    """Around what is white, found in the pixels."""
    rows, columns = (np.flatnonzero((sample[..., 0] > 127).any(axis)) for axis in (1, 0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def planned(settings: RestoreSettings) -> tuple[DarkenedPairs, list[np.ndarray]]:
    made = [painted(seed) for seed in range(8)]
    pairs = DarkenedPairs(TrainingPictures([p for p, _ in made], list("abcdefgh"), []), settings, SIZE)
    return pairs, [box for _, box in made]


def test_boxes_follow_crops_flips_and_scales() -> None:
    pairs, boxes = planned(RestoreSettings(least_luma=0))
    found = lost = mirrored = 0
    for seed in range(120):
        entry = PairPlan(seed % 8, seed)
        (tile,) = pairs.tiles(entry)
        sample = lay([tile], pairs.pictures.images, SIZE)
        own = lay_boxes([tile], [box[None] for box in boxes], [np.array([3])] * 8, SIZE)
        if len(own):
            assert own[0, 0] == 3
            np.testing.assert_allclose(own[0, 1:], seen_box(sample), atol=1.01)
            found, mirrored = found + 1, mirrored + tile.mirrored
        else:
            lost += 1
            seen = (sample[..., 0] > 127).sum() * (tile.side / tile.extent) ** 2
            x1, y1, x2, y2 = boxes[entry.picture]
            assert seen < 1.2 / 3 * (x2 - x1) * (y2 - y1)
    assert found > 35
    assert lost > 5
    assert 10 < mirrored < found - 10


def test_boxes_follow_into_mosaics() -> None:
    pairs, boxes = planned(RestoreSettings(least_luma=0, mosaic=1))
    counts = set()
    for seed in range(30):
        tiles = pairs.tiles(PairPlan(seed % 8, seed))
        counts.add(len(tiles))
        assert tiles[0].picture == seed % 8
        sample = lay(tiles, pairs.pictures.images, SIZE)
        for number, tile in enumerate(tiles):
            alone = np.zeros_like(sample)
            window = (slice(tile.down, tile.down + tile.extent), slice(tile.across, tile.across + tile.extent))
            alone[window] = sample[window]
            own = lay_boxes([tile], [box[None] for box in boxes], [np.array([number])] * 8, SIZE)
            if len(own):
                np.testing.assert_allclose(own[0, 1:], seen_box(alone), atol=1.01)
        together = lay_boxes(tiles, [box[None] for box in boxes], [np.arange(1)] * 8, SIZE)
        parts = [lay_boxes([tile], [box[None] for box in boxes], [np.arange(1)] * 8, SIZE) for tile in tiles]
        np.testing.assert_array_equal(together, np.concatenate(parts))
    assert counts == {4, 9}


def test_masks_follow_their_pictures() -> None:
    for settings in (RestoreSettings(least_luma=0), RestoreSettings(least_luma=0, mosaic=1)):
        pairs, _ = planned(settings)
        masks = [(picture[..., 0] > 0).astype(np.uint8) for picture in pairs.pictures.images]
        for seed in range(20):
            tiles = pairs.tiles(PairPlan(seed % 8, seed))
            sample = lay(tiles, pairs.pictures.images, SIZE)[..., 0]
            mask = lay_mask(tiles, masks, SIZE)
            clear = (sample == 0) | (sample == 255)
            assert clear.mean() > 0.9
            disagree = (mask[clear] != sample[clear] // 255).mean()
            assert disagree < 0.01


@pytest.mark.parametrize(("right", "kept"), [(25, 0), (31, 1)])
def test_a_box_of_which_less_than_a_third_is_left_falls_out(right: int, kept: int) -> None:
    tile = Tile(0, left=20, top=0, side=40, mirrored=False, extent=40)
    boxes = lay_boxes([tile], [np.array([[0.0, 0, right, 10]])], [np.array([1])], size=40)
    assert len(boxes) == kept


def test_a_mosaic_whose_side_is_no_multiple_fills_the_sample() -> None:
    pictures = [np.full((30, 30, 3), 200, np.uint8)]
    pairs = DarkenedPairs(TrainingPictures(pictures, ["a"], []), RestoreSettings(mosaic=1), size=31)
    for seed in range(20):
        assert (lay(pairs.tiles(PairPlan(0, seed)), pictures, 31) == 200).all()
