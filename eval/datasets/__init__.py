"""Labelled sets for detection and for segmentation, each in one form, and the builders of dark sets."""

from __future__ import annotations

from .classes import ClassMap, map_classes
from .darkbdd import build_darkbdd, mean_luma
from .load import load_detection_dataset
from .sample import DataIssues, DetectionDataset, DetectionSample
from .segmentation import load_segmentation_dataset
from .segmentation_classes import SegmentationClassMap, map_segmentation_classes
from .segmentation_sample import IGNORED, MaskIssues, SegmentationDataset, SegmentationSample
from .yolo_write import write_yolo

__all__ = [
    "IGNORED",
    "ClassMap",
    "DataIssues",
    "DetectionDataset",
    "DetectionSample",
    "MaskIssues",
    "SegmentationClassMap",
    "SegmentationDataset",
    "SegmentationSample",
    "build_darkbdd",
    "load_detection_dataset",
    "load_segmentation_dataset",
    "map_classes",
    "map_segmentation_classes",
    "mean_luma",
    "write_yolo",
]
