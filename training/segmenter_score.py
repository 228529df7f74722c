"""How well a net does on the whole pictures of a labelled set."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ..adapters.input_spec import InputSpec
from ..eval.datasets.segmentation_sample import SegmentationDataset
from ..eval.segmentation import SegmentationScores, confusion, score_segmentation
from ..pipeline.image import read_image


def score_net(net: nn.Module, spec: InputSpec, dataset: SegmentationDataset) -> SegmentationScores:
    """The scores over all pictures at their own size; the set's classes are the net's.

    Args:
        net: normalised pictures (1, 3, H, W) to logits (1, classes, H, W); left in the mode that it was in.
        spec: what it expects of its input.
        dataset: with labels.

    Raises:
        ScotopicError: a picture or mask cannot be read.
    """
    classes = len(dataset.classes)
    matrix = np.zeros((classes + 1, classes + 1), np.int64)
    training, device = net.training, next(net.parameters()).device
    net.eval()
    with torch.inference_mode():
        for sample in dataset.samples:
            array, geometry = spec.prepare(read_image(sample.image))
            batch = torch.from_numpy(array).to(device, memory_format=torch.channels_last)
            matrix += confusion(dataset.read_mask(sample), geometry.labels_of(net(batch)[0]), classes)
    net.train(training)
    return score_segmentation(matrix, dataset.classes)
