"""Generated night scenes with masks, and a small real net that can label them, for the tests of segmentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.module import EnhancedModule
from scotopic.pipeline.image import write_image

CLASSES = ("ground", "lamp", "pool", "fog")
"""Of the set; nobody labels fog, so it is absent."""
NAMES = {0: "ground", 1: "lamp", 2: "pool", 3: "fog"}
WIDTH, HEIGHT = 64, 48


def write_scenes(folder: Path, count: int = 6) -> Path:
    """Pictures with a red lamp and a blue pool on black ground, too dark for the net unless brightened; the right
    border is not labelled."""
    for number in range(count):
        image = np.full((HEIGHT, WIDTH, 3), 4, np.uint8)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        x = 5 + 4 * number
        image[10:25, x : x + 15], mask[10:25, x : x + 15] = (40, 4, 4), 1
        image[30:40, 35:50], mask[30:40, 35:50] = (4, 4, 40), 2
        mask[:, -4:] = 4
        write_image(folder / "images" / f"{number}.png", image)
        (folder / "labels").mkdir(exist_ok=True)
        Image.fromarray(mask).save(folder / "labels" / f"{number}.png")
    (folder / "classes.txt").write_text("\n".join([*CLASSES, "Unlabelled"]) + "\n")
    return folder


def color_net(level: int = 100) -> EnhancedModule:
    """A 1 x 1 convolution that calls a pixel lamp or pool if its red or blue is above a grey level."""
    net = nn.Conv2d(3, 4, 1)
    threshold = level / 255
    weight = torch.zeros(4, 3, 1, 1)
    weight[1, 0] = weight[2, 2] = 1
    net.load_state_dict({"weight": weight, "bias": torch.tensor([0, -threshold, -threshold, -9])})
    return EnhancedModule(net.eval(), InputSpec(), NAMES)
