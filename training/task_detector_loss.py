"""A detector's own loss of labelled boxes, picture by picture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import ScotopicError
from ..eval.datasets.classes import ClassMap


class DetectorLoss:
    """The criterion that ultralytics trains a detector with, blind to the classes that the labels leave out.

    A criterion of ultralytics divides by what it assigns in the whole batch. Here each picture is a batch of its own,
    so that the loss of a picture does not hang on those beside it.

    Args:
        network: a detection network of ultralytics; its device must not change any more.
        class_map: which class of the labels is which of the net. The scores of net classes that no class of the labels
            goes to cost nothing, for such objects may be there without a label.
        name: of the net, for errors.

    Raises:
        ScotopicError: the net learns masks, poses or angles besides boxes.
    """

    def __init__(self, network: Any, class_map: ClassMap, name: str) -> None:
        from ultralytics.utils import DEFAULT_CFG_DICT, IterableSimpleNamespace
        from ultralytics.utils.loss import v8DetectionLoss

        if isinstance(network.args, dict):  # as a checkpoint has it; the criterion reads the gains as attributes
            network.args = IterableSimpleNamespace(**{**DEFAULT_CFG_DICT, **network.args})
        self._criterion: Any = network.init_criterion()
        parts = [getattr(self._criterion, branch, None) for branch in ("one2many", "one2one")]
        parts = [part for part in parts if part is not None] or [self._criterion]
        if any(type(part) is not v8DetectionLoss for part in parts):
            raise ScotopicError(
                f"{name} learns more than boxes, so boxes alone cannot teach it: give a net for 'detect'"
            )
        device = next(network.parameters()).device
        labelled = torch.zeros(network.model[-1].nc, device=device)
        labelled[list(class_map.categories)] = 1
        for part in parts:
            own = part.class_weights
            part.class_weights = labelled.view(1, 1, -1) * (1 if own is None else own)
        of_net = [class_map.partner.get(index, -1) for index in range(len(class_map.set_classes))]
        self._of_net = torch.tensor([*of_net, -1], device=device)  # the last is for -1, no box

    def __call__(self, raw: Any, boxes: Tensor, frame: tuple[int, int]) -> Tensor:
        """The loss of each picture, with ultralytics' gains.

        Args:
            raw: what the head returns beside its decoded boxes, of N pictures.
            boxes: (N, most, 5): class of the labels (-1: none), x1, y1, x2, y2 in pixels of the frame.
            frame: (height, width) of what the net saw.

        Returns:
            (N,).
        """
        scale = boxes.new_tensor([frame[1], frame[0]] * 2)
        losses: list[Tensor] = []
        for number, own in enumerate(boxes):
            classes = self._of_net[own[:, 0].long()]
            corners = own[classes >= 0, 1:] / scale
            middle, extent = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
            batch = {"cls": classes[classes >= 0].to(boxes.dtype), "bboxes": torch.cat([middle, extent], dim=1)}
            batch["batch_idx"] = torch.zeros_like(batch["cls"])
            losses.append(self._criterion(_picture(raw, number), batch)[0].sum())
        return torch.stack(losses)


def _picture(raw: Any, number: int) -> Any:
    """The predictions for one picture of a batch."""
    if isinstance(raw, dict):
        return {key: _picture(value, number) for key, value in raw.items()}
    if isinstance(raw, (list, tuple)):
        return [_picture(value, number) for value in raw]
    return raw[number : number + 1]
