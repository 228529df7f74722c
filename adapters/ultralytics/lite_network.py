"""A YOLO on EfficientNet-Lite0: built from a few numbers, and given to ultralytics as one of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from ultralytics import YOLO
from ultralytics.cfg import get_cfg
from ultralytics.nn.tasks import DetectionModel

from ..shipped_detectors import DetectorDescription
from .lite_backbone import CHANNELS


def network_yaml(description: DetectorDescription) -> dict[str, Any]:
    """What ultralytics builds the network from: backbone, a path aggregation network as YOLO11's, and its head."""
    p3, p4, p5 = description.neck
    backbone = [[-1, 1, "LiteBackbone", []], *([0, 1, "Index", [width, i]] for i, width in enumerate(CHANNELS))]
    up, join = [-1, 1, "nn.Upsample", [None, 2, "nearest"]], "Concat"
    return {
        "nc": description.classes,
        "backbone": [*backbone, [-1, 1, "SPPF", [p5, 5]]],
        "head": [
            up,
            [[-1, 2], 1, join, [1]],
            [-1, 1, "C3k2", [p4, False]],  # 7
            up,
            [[-1, 1], 1, join, [1]],
            [-1, 1, "C3k2", [p3, False]],  # 10, at 1/8
            [-1, 1, "Conv", [p3, 3, 2]],
            [[-1, 7], 1, join, [1]],
            [-1, 1, "C3k2", [p4, False]],  # 13, at 1/16
            [-1, 1, "Conv", [p4, 3, 2]],
            [[-1, 4], 1, join, [1]],
            [-1, 1, "C3k2", [p5, False]],  # 16, at 1/32
            [[10, 13, 16], 1, "Detect", ["nc"]],
        ],
    }


def build_network(description: DetectorDescription) -> DetectionModel:
    """The network with random parameters; nothing is downloaded.

    >>> network = build_network(DetectorDescription(neck=(32, 32, 32), size=64, classes=6))
    >>> network.stride.tolist()
    [8.0, 16.0, 32.0]
    """
    network = DetectionModel(cast(Any, network_yaml(description)), ch=3, nc=description.classes, verbose=False)
    cast(Any, network).args = get_cfg()  # where its loss finds the weights of its parts
    return network


def build_yolo(description: DetectorDescription, names: Mapping[int, str], name: str) -> YOLO:
    """ultralytics' own object around such a network: it predicts, tracks, validates, trains and exports.

    Args:
        description: of the network; its parameters are random.
        names: class id -> name.
        name: what ultralytics calls the model in what it prints and writes.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(yaml.safe_dump(network_yaml(description)), encoding="utf-8")
        yolo = YOLO(path, task="detect")
    yolo.cfg = yolo.model_name = yolo.overrides["model"] = path.name
    yolo.overrides["imgsz"] = description.size
    network = cast(Any, yolo.model)
    network.names = dict(names)
    # As after a checkpoint: training starts from the parameters that the object holds.
    yolo.ckpt = {"model": network}
    return yolo
