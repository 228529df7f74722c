"""Labelled detection sets in one form: YOLO, COCO, BDD100K, ExDark and Pascal VOC, and the builder of DarkBDD."""

from __future__ import annotations

from .classes import ClassMap, map_classes
from .darkbdd import build_darkbdd, mean_luma
from .load import load_detection_dataset
from .sample import DataIssues, DetectionDataset, DetectionSample
from .yolo_write import write_yolo

__all__ = [
    "ClassMap",
    "DataIssues",
    "DetectionDataset",
    "DetectionSample",
    "build_darkbdd",
    "load_detection_dataset",
    "map_classes",
    "mean_luma",
    "write_yolo",
]
