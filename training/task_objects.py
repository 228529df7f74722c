"""What a detector found in a bright picture, and how much of it is left in the enhanced one; no labels are needed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LEAST_CONFIDENCE = 0.1
"""Of what counts as an object in the bright picture."""
SAME_DETECTION = 0.6
"""IoU above which two detections of a class are one object (non-maximum suppression)."""
ON_OBJECT = 0.65
"""IoU above which an anchor's bright box speaks for an object."""
OFF_OBJECT = 0.4
"""IoU below which an anchor's bright box has nothing to do with an object."""
UNNOTICED = 0.02
"""Rise of a confidence on the background that costs nothing."""


class Objects(NamedTuple):
    """The objects of one bright picture.

    Attributes:
        classes: int64 (K,).
        confidences: (K,), 0..1.
        overlaps: (K, anchors), IoU of each with the bright box of each anchor.
        boxes: (K, 4), x1, y1, x2, y2.
    """

    classes: Tensor
    confidences: Tensor
    overlaps: Tensor
    boxes: Tensor


def find_objects(boxes: Tensor, scores: Tensor) -> Objects:
    """The detections above :data:`LEAST_CONFIDENCE`, after non-maximum suppression within each class, surest first.

    Args:
        boxes: (anchors, 4), x1, y1, x2, y2, of a bright picture.
        scores: confidences (anchors, C), 0..1.

    >>> boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
    >>> found = find_objects(boxes, torch.tensor([[0.8, 0.1], [0.9, 0.0], [0.0, 0.05]]))
    >>> found.classes.tolist(), found.boxes.tolist()
    ([0], [[0.0, 0.0, 10.0, 9.0]])
    """
    from torchvision.ops import batched_nms

    best, classes = scores.max(1)
    sure = (best > LEAST_CONFIDENCE).nonzero()[:, 0]
    chosen = sure[batched_nms(boxes[sure].float(), best[sure].float(), classes[sure], SAME_DETECTION)]
    return Objects(classes[chosen], best[chosen], overlap(boxes[chosen, None], boxes[None]), boxes[chosen])


def object_terms(boxes: Tensor, scores: Tensor, bright_boxes: Tensor, bright_scores: Tensor) -> Tensor:
    """What was lost of the objects of one picture, and what came to them.

    - *missed*: for each object the drop of its class's confidence from the bright picture to the enhanced one, where
      the surest of the anchors whose bright boxes overlap it speaks for it; not below 0;
    - *misplaced*: for each object its confidence times 1 - IoU of that anchor's box and its own;
    - *false alarms*: over the anchors away from all objects, the rise of the highest confidence above the bright one's
      by more than :data:`UNNOTICED`.

    Each is a sum, over the number of objects + 1.

    Args:
        boxes: (anchors, 4), x1, y1, x2, y2, of the enhanced picture.
        scores: confidences (anchors, C), 0..1.
        bright_boxes: of the same picture, bright; no gradient goes there.
        bright_scores: likewise.

    Returns:
        (3,): missed, misplaced, false alarms.

    >>> box, sure = torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[0.9]])
    >>> [round(term, 3) for term in object_terms(box + torch.tensor([0, 0, 0, 10]), sure - 0.4, box, sure).tolist()]
    [0.2, 0.225, 0.0]
    """
    with torch.no_grad():
        objects = find_objects(bright_boxes, bright_scores)
    away = (objects.overlaps < OFF_OBJECT).all(0)
    rise = scores[away].amax(1) - bright_scores[away].amax(1).detach()
    false_alarms = (rise - UNNOTICED).clamp(min=0).sum()
    count = len(objects.classes)
    if not count:
        nothing = torch.zeros_like(false_alarms)
        return torch.stack([nothing, nothing, false_alarms])
    of_class = scores[:, objects.classes].T.masked_fill(objects.overlaps <= ON_OBJECT, -1)
    confidence, anchor = of_class.max(1)
    missed = (objects.confidences - confidence).clamp(min=0).sum()
    misplaced = (objects.confidences * (1 - overlap(boxes[anchor], objects.boxes))).sum()
    return torch.stack([missed, misplaced, false_alarms]) / (count + 1)


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """IoU of boxes (..., 4), x1, y1, x2, y2, with a gradient; 0 for boxes without area.

    >>> overlap(torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 0, 3, 2])).item()
    0.3333333432674408
    """
    corner = torch.minimum(first[..., 2:], second[..., 2:])
    common = (corner - torch.maximum(first[..., :2], second[..., :2])).clamp(min=0).prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1) for boxes in (first, second)]
    return common / (areas[0] + areas[1] - common).clamp(min=1e-9)
