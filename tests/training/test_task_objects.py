"""What was lost of the objects of a bright picture, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from scotopic.adapters.contract import box_iou
from scotopic.training.task_features import feature_distance
from scotopic.training.task_objects import find_objects, object_terms, overlap


def picture(seed: int, anchors: int = 60, classes: int = 4) -> tuple[Tensor, Tensor]:
    """Boxes in clusters, and confidences, some of them high; float64."""
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 60, (8, 2)).repeat(8, axis=0)[:anchors] + random.normal(0, 1.5, (anchors, 2))
    boxes = np.concatenate([corners, corners + random.uniform(14, 20, (anchors, 2))], axis=1)
    return torch.from_numpy(boxes), torch.from_numpy(random.beta(0.4, 2.5, (anchors, classes)))


def objects_by_hand(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    best, classes = scores.max(1), scores.argmax(1)
    kept: list[int] = []
    for anchor in sorted(range(len(boxes)), key=lambda i: -best[i]):
        if best[anchor] > 0.1 and not any(
            classes[anchor] == classes[other] and box_iou(boxes[[anchor]], boxes[[other]])[0, 0] > 0.6 for other in kept
        ):
            kept.append(anchor)
    return kept


def terms_by_hand(
    boxes: np.ndarray, scores: np.ndarray, bright_boxes: np.ndarray, bright_scores: np.ndarray
) -> list[float]:
    missed = misplaced = false_alarms = 0.0
    objects = objects_by_hand(bright_boxes, bright_scores)
    for own in objects:
        confidence, label = bright_scores[own].max(), bright_scores[own].argmax()
        near = [i for i in range(len(boxes)) if box_iou(bright_boxes[[i]], bright_boxes[[own]])[0, 0] > 0.65]
        surest = max(near, key=lambda i: scores[i, label])
        missed += max(0.0, confidence - scores[surest, label])
        misplaced += confidence * (1 - box_iou(boxes[[surest]], bright_boxes[[own]])[0, 0])
    for i in range(len(boxes)):
        if all(box_iou(bright_boxes[[i]], bright_boxes[[own]])[0, 0] < 0.4 for own in objects):
            false_alarms += max(0.0, scores[i].max() - bright_scores[i].max() - 0.02)
    return [term / (len(objects) + 1) for term in (missed, misplaced, false_alarms)]


@pytest.mark.parametrize("seed", range(6))
def test_the_terms_are_those_of_plain_loops(seed: int) -> None:
    bright_boxes, bright_scores = picture(seed)
    bright_scores[8:24] *= 0.1  # two places with nothing at all
    boxes = bright_boxes + torch.from_numpy(np.random.default_rng(seed).normal(0, 1, bright_boxes.shape))
    scores = picture(seed + 100)[1]
    given = (boxes, scores, bright_boxes, bright_scores)
    by_hand = terms_by_hand(*(part.numpy() for part in given))
    assert min(by_hand) > 0
    assert object_terms(*given).tolist() == pytest.approx(by_hand, rel=1e-9)
    found = find_objects(bright_boxes, bright_scores)
    chosen = objects_by_hand(bright_boxes.numpy(), bright_scores.numpy())
    torch.testing.assert_close(found.boxes, bright_boxes[chosen])


def test_nothing_is_lost_of_the_bright_picture_itself() -> None:
    boxes, scores = picture(0)
    missed, misplaced, false_alarms = object_terms(boxes, scores, boxes, scores).tolist()
    assert missed == false_alarms == 0
    assert misplaced < 0.01  # an anchor beside it that is surer of the class, and of another one even more so


def test_without_objects_only_false_alarms_cost() -> None:
    boxes, scores = picture(0)
    terms = object_terms(boxes, scores, boxes, scores * 0.05)
    assert terms[:2].tolist() == [0, 0]
    assert terms[2] == pytest.approx(float((scores.amax(1) * 0.95 - 0.02).clamp(min=0).sum()))


def test_gradients_are_right_and_stay_off_the_bright_picture() -> None:
    bright_boxes, bright_scores = (part.requires_grad_() for part in picture(1, anchors=20))
    boxes = (bright_boxes.detach() + 0.37).requires_grad_()
    scores = (picture(7, anchors=20)[1] * 0.9).requires_grad_()
    bright = bright_boxes.detach(), bright_scores.detach()
    assert torch.autograd.gradcheck(lambda b, s: object_terms(b, s, *bright), (boxes, scores))
    object_terms(boxes, scores, bright_boxes, bright_scores).sum().backward()
    assert boxes.grad is not None
    assert scores.grad is not None
    assert boxes.grad.abs().sum() > 0
    assert scores.grad.abs().sum() > 0
    assert bright_boxes.grad is None
    assert bright_scores.grad is None


def test_overlap_is_that_of_the_evaluation() -> None:
    boxes = picture(3)[0]
    ours = overlap(boxes[:, None], boxes[None]).numpy()
    np.testing.assert_allclose(ours, box_iou(boxes.numpy(), boxes.numpy()), rtol=1e-9)
    assert overlap(torch.zeros(4), torch.zeros(4)).item() == 0


def test_feature_distance_is_the_mean_of_relative_squared_errors_of_each_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 3, 4, 5), (2, 6, 2, 2)]
    found = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    wanted = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    by_hand = []
    for n in range(2):
        total = 0.0
        for one, other in zip(found, wanted, strict=True):
            a, b = one[n].flatten().tolist(), other[n].flatten().tolist()
            mean = sum(b) / len(b)
            variance = sum((value - mean) ** 2 for value in b) / len(b)
            total += sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a) / variance
        by_hand.append(total / 2)
    assert feature_distance(found, wanted).tolist() == pytest.approx(by_hand, rel=1e-12)
    scaled = [7 * layer for layer in found], [7 * layer for layer in wanted]
    assert feature_distance(*scaled).tolist() == pytest.approx(by_hand, rel=1e-12)
