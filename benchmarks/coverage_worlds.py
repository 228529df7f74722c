"""Worlds from which sets of images can be drawn, and in which the difference that an enhancer makes is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from scotopic.eval.average_precision import ClassMatches, average_precision
from scotopic.eval.frequent import RARE
from scotopic.eval.statistics_figures import mean_over
from scotopic.eval.statistics_segmentation import SegmentedImages


class World(ABC):
    """Attributes:
    name: what is measured in it.
    images: in a set.
    bar: whether the coverage must lie between 93 and 97 %.
    """

    name: ClassVar[str]
    images: ClassVar[int]
    bar: ClassVar[bool] = True

    @abstractmethod
    def difference(self) -> float:
        """The true one."""

    @abstractmethod
    def draw(self, random: np.random.Generator, weights: np.ndarray) -> np.ndarray:
        """Draw a set; float64 (sets,), the difference in it with each column of the weights."""


class SkewedMean(World):
    """A mean of gains, most of them small and a few large."""

    name = "mean of skewed gains"
    images = 100

    def difference(self) -> float:
        return 0.3

    def draw(self, random: np.random.Generator, weights: np.ndarray) -> np.ndarray:
        gains = random.gamma(2, 0.5, self.images) - 1 + self.difference()
        return gains @ weights / weights.sum(0)


class Segmented(World):
    """mIoU of four classes, of which the last is in one image of three; frames differ in how hard they are."""

    name = "mIoU"
    images = 100
    pixels = np.array([4000.0, 2000.0, 600.0, 80.0])
    present = np.array([1.0, 1.0, 0.8, 0.35])
    accuracy = np.array([0.85, 0.7, 0.6, 0.4])
    kept = 0.7
    """An enhancer takes an accuracy a to ``kept`` a + ``added``, give or take."""
    added = np.array([0.28, 0.22, 0.24, 0.1])

    def difference(self) -> float:
        return self._iou(self.kept * self.accuracy + self.added) - self._iou(self.accuracy)

    def _iou(self, accuracy: np.ndarray) -> float:
        """Of the whole world."""
        matrix = self._matrices((self.pixels * self.present)[None], accuracy[None])
        return float(SegmentedImages(matrix, list("abcd")).figures(np.ones((1, 1))).metrics["mIoU"][0])

    @staticmethod
    def _matrices(true: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
        """(n, 5, 5) from (n, 4) true pixels and accuracies; what is wrong goes to the other three alike."""
        wrong = true * (1 - accuracy) / 3
        matrices = np.zeros((len(true), 5, 5))
        matrices[:, :4, :4] = wrong[:, :, None]
        matrices[:, range(4), range(4)] = true * accuracy
        return matrices

    def draw(self, random: np.random.Generator, weights: np.ndarray) -> np.ndarray:
        shape = (self.images, 4)
        true = self.pixels * random.gamma(2, 0.5, shape) * (random.random(shape) < self.present)
        before = random.beta(6 * self.accuracy, 6 * (1 - self.accuracy), shape)
        after = self.kept * before + self.added * random.uniform(0.5, 1.5, shape)
        after = np.clip(after, 0, None)
        figures = [
            SegmentedImages(self._matrices(true, accuracy), list("abcd")).judged_figure(weights, np.arange(self.images))
            for accuracy in (before, after)
        ]
        return figures[1] - figures[0]


class Detected(World):
    """AP over three IoU thresholds of one class, in frames that differ in how visible and how crowded they are."""

    name = "AP of one class"
    images = 80
    boxes: ClassVar[tuple[float, ...]] = (4.0,)
    """For each class, the mean number in an image."""
    thresholds = (0.5, 0.65, 0.8)

    def difference(self) -> float:
        return float(np.mean(self.class_differences))

    @cached_property
    def class_differences(self) -> list[float]:
        """Of each class, in a set so large that nothing is left to chance."""
        random = np.random.default_rng(99)
        many = 100_000
        values = []
        for boxes in self.boxes:
            whole = [self._of_one_image(matches) for matches in self._class(random, many, boxes)]
            before, after = (float(average_precision([matches], np.ones((1, 1), np.int32)).mean()) for matches in whole)
            values.append(after - before)
        return values

    @staticmethod
    def _of_one_image(matches: ClassMatches) -> ClassMatches:
        """All images as if they were one, since nothing is to be resampled."""
        return ClassMatches(matches.boxes.sum(keepdims=True), np.zeros_like(matches.image), matches.outcome)

    def draw(self, random: np.random.Generator, weights: np.ndarray) -> np.ndarray:
        return self.gain([self._class(random, self.images, boxes) for boxes in self.boxes], weights)

    def gain(self, pairs: Sequence[tuple[ClassMatches, ClassMatches]], weights: np.ndarray) -> np.ndarray:
        """The difference of the mean over classes; of each class what was matched without and with the enhancer."""
        before, after = (mean_over(average_precision(row, weights).mean(1)) for row in zip(*pairs, strict=True))
        return after - before

    def _class(self, random: np.random.Generator, images: int, boxes: float) -> tuple[ClassMatches, ClassMatches]:
        """Detections without and with an enhancer that makes boxes more visible, and false ones more frequent."""
        visible = random.normal(0, 0.7, images)
        count = random.poisson(boxes * random.gamma(2, 0.5, images))
        image = np.repeat(np.arange(images), count)
        sight = visible[image] + random.normal(0, 1, image.size)
        fit = random.uniform(0.4, 1, image.size)
        rows = []
        for help_, false_rate in ((0.0, 1.0), (0.35, 1.2)):
            seen = sight + help_ + random.normal(0, 0.3, image.size)
            found = seen > -0.5
            false = np.repeat(np.arange(images), random.poisson(false_rate * boxes / 2, images))
            scores = np.concatenate([seen[found], random.normal(-0.2, 0.7, false.size)])
            order = np.argsort(-scores, kind="stable")
            of = np.concatenate([image[found], false])[order]
            fits = np.concatenate([fit[found], np.zeros(false.size)])[order]
            right = fits > np.array(self.thresholds)[:, None]  # RIGHT, or FALSE
            rows.append(ClassMatches(count, of, right.astype(np.uint8)))
        return rows[0], rows[1]


class RareClasses(Detected):
    """The same over three classes, of which two have a handful of boxes in the whole set."""

    name = "mAP with rare classes"
    boxes: ClassVar[tuple[float, ...]] = (4.0, 0.1, 0.04)
    bar = False


class FrequentClasses(RareClasses):
    """The same world by the figure that a verdict rests on: the mean over the classes in ``RARE`` images or more.

    Which classes these are is left to each set that is drawn, and its truth is the mean over them.
    """

    name = "its frequent classes"
    bar = True

    def difference(self) -> float:
        """Of the first class, the only one in nearly all sets."""
        return self.class_differences[0]

    def draw(self, random: np.random.Generator, weights: np.ndarray) -> np.ndarray:
        """Shifted where a set has other frequent classes, so that the truth is the same in all sets."""
        pairs = [self._class(random, self.images, boxes) for boxes in self.boxes]
        frequent = [place for place, (matches, _) in enumerate(pairs) if np.count_nonzero(matches.boxes) >= RARE]
        truth = np.mean([self.class_differences[place] for place in frequent])
        return self.gain([pairs[place] for place in frequent], weights) + (self.difference() - truth)


class HardlyFrequent(FrequentClasses):
    """The same where the second of two classes is in about 25 of the images: just frequent enough, or just not."""

    name = "two classes, one hardly frequent"
    boxes: ClassVar[tuple[float, ...]] = (4.0, 0.42)
    bar = False
