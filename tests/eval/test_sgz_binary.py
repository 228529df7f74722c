"""The replication of the DarkCityScape script, against figures worked out by hand from its definition."""

from __future__ import annotations

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.sgz_binary import sgz_binary, sgz_binary_image


def grey(*levels: int, size: tuple[int, int] = (4, 4)) -> np.ndarray:
    """A picture of vertical bands, each of one grey level."""
    band = np.repeat(np.array(levels, np.uint8), size[1])
    return np.repeat(np.repeat(band[None, :, None], size[0], axis=0), 3, axis=2)


def test_by_hand() -> None:
    # Truth 1 1 0 0, prediction 1 0 1 1: class 1 has 1 right of 2 true and 3 predicted, class 0 has 0 of 2 and 1.
    scores = sgz_binary_image(grey(200, 0, 200, 200), grey(200, 200, 0, 0))
    assert scores == {"mIoU": round((1 / 4 + 0 / 3) / 2, 4), "mPA": round((1 / 3 + 0 / 1) / 2, 4)}


def test_the_accuracy_is_a_precision() -> None:
    # Truth 1 0 0 0, all predicted 0. Over the true class the accuracies would be 0 and 1, a mean of 0.5; over the
    # predicted one class 0 has 3 of 4, and class 1, which is never predicted, is left out.
    scores = sgz_binary_image(grey(0, 0, 0, 0), grey(200, 0, 0, 0))
    assert scores == {"mIoU": round((3 / 4 + 0) / 2, 4), "mPA": 0.75}


def test_the_threshold_is_above_125_of_grey() -> None:
    assert sgz_binary_image(grey(125, 126), grey(0, 255)) == {"mIoU": 1.0, "mPA": 1.0}
    green = np.zeros((2, 2, 3), np.uint8)
    green[..., 1] = 250  # 0.587 x 250 = 147: class 1
    red = green[..., [1, 0, 2]]  # 0.299 x 250 = 75: class 0
    assert sgz_binary_image(green, grey(255, size=(2, 2)))["mIoU"] == 1
    assert sgz_binary_image(red, grey(255, size=(2, 2)))["mIoU"] == 0


def test_different_classes_of_one_brightness_are_one() -> None:
    road, car = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)
    road[:], car[:] = (128, 64, 128), (0, 0, 142)  # Cityscapes' colours, both darker than 126
    assert sgz_binary_image(road, car) == {"mIoU": 1.0, "mPA": 1.0}


def test_only_the_upper_left_1020_x_2040_count() -> None:
    truth = np.zeros((1024, 2048, 3), np.uint8)
    predicted = truth.copy()
    predicted[1020:] = predicted[:, 2040:] = 255
    assert sgz_binary_image(predicted, truth) == {"mIoU": 1.0, "mPA": 1.0}
    predicted[1019, 2039] = 255
    assert sgz_binary_image(predicted, truth)["mIoU"] == 0.5  # class 1 is claimed once, and its IoU of 0 is counted


def test_images_are_scored_one_by_one_and_rounded() -> None:
    third = (grey(200, 200, 200), grey(200, 0, 0))
    right = (grey(200, 0), grey(200, 0))
    assert sgz_binary_image(*third) == {"mIoU": 0.1667, "mPA": 0.3333}
    assert sgz_binary([third, right]) == pytest.approx({"mIoU": (0.1667 + 1) / 2, "mPA": (0.3333 + 1) / 2}, abs=1e-12)


@pytest.mark.parametrize(
    ("predicted", "truth", "sentence"),
    [
        (grey(0, 1), grey(0), "give the same size"),
        (grey(0)[..., 0], grey(0), "colour pictures"),
        (grey(0).astype(float), grey(0), "colour pictures"),
    ],
)
def test_bad_input_is_one_sentence(predicted: np.ndarray, truth: np.ndarray, sentence: str) -> None:
    with pytest.raises(ScotopicError, match=sentence):
        sgz_binary_image(predicted, truth)


def test_no_pair() -> None:
    with pytest.raises(ScotopicError, match="no pair"):
        sgz_binary([])
