"""Small detectors with random parameters that still find something."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from scotopic.adapters.shipped_detectors import DetectorDescription
from scotopic.adapters.ultralytics.lite_network import build_network
from scotopic.training.detector_files import write_detector


def random_yolo(name: str = "yolo11n") -> Any:
    """An ultralytics model, such as ``yolo11n``, whose confidences spread over 0..1 and whose boxes have a size."""
    from ultralytics import YOLO

    torch.manual_seed(0)
    model: Any = YOLO(f"{name}.yaml")
    make_sure(model.model)
    return model


def saved(name: str, folder: Path) -> Path:
    """The same as a checkpoint, in half precision, as ultralytics does."""
    random_yolo(name).save(folder / f"{name}.pt")
    return folder / f"{name}.pt"


def small_detector(path: Path, classes: tuple[str, ...] = ("red", "blue")) -> Path:
    """A detector of ours as its YAML file, with the weights beside it."""
    description = DetectorDescription(neck=(16, 16, 16), size=64, classes=len(classes))
    torch.manual_seed(0)
    network = build_network(description)
    make_sure(network)
    return write_detector(path, cast(nn.Module, network), description, classes, {})


def make_sure(network: Any) -> None:
    """Let each class have its places, of which an untrained head has none."""
    head = network.model[-1]
    for branch in ("cv3", "one2one_cv3"):
        for level in getattr(head, branch, None) or ():
            nn.init.normal_(level[-1].weight, std=0.2)
            with torch.no_grad():
                level[-1].weight -= level[-1].weight.mean(1, keepdim=True)
                level[-1].bias.fill_(-1.0)
    # Random features hardly differ; statistics of seeded noise spread them.
    was_training = network.training
    network.train()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None
        network(torch.rand(4, 3, 96, 96))
    network.train(was_training)
