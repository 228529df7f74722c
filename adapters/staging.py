"""What every adapter needs of the stage, whatever the framework."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ScotopicError, nearest
from ..pipeline.contract import Enhancer
from ..pipeline.image import contiguous
from ..pipeline.registry import STAGE_OPTIONS
from ..pipeline.stage import ColorOrder, EnhancementStage, StageResult


def as_stage(enhancer: Enhancer | EnhancementStage | str, options: dict[str, Any]) -> EnhancementStage:
    """The stage itself, or one built around an enhancer or the name of one.

    Raises:
        ScotopicError: options for a stage that has them already, an unknown option, or an enhancer that is none.

    >>> as_stage("gamma[gamma=2.0]", {"gate": "off"}).gate is None
    True
    >>> as_stage("gamma", {"gamma": 2.0})
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: a stage has no option 'gamma': Known: color, gate, strength; \
parameters of the enhancer go into its name: name[gamma=2.0]
    """
    if isinstance(enhancer, EnhancementStage):
        if options:
            raise ScotopicError(f"the stage has its options already: build it with {', '.join(sorted(options))}")
        return enhancer
    for key, value in options.items():
        if key not in STAGE_OPTIONS:
            raise ScotopicError(
                f"a stage has no option {key!r}: {nearest(key, STAGE_OPTIONS)}; "
                f"parameters of the enhancer go into its name: name[{key}={value}]"
            )
    return EnhancementStage(enhancer, **options)


def process_as(stage: EnhancementStage, image: np.ndarray, color: ColorOrder, name: str | None = None) -> StageResult:
    """:meth:`EnhancementStage.process` for a uint8 picture (H, W, 3) in colour order ``color``, whatever the stage's.

    The result's picture is in ``color`` too; it is ``image`` itself if the gate let the frame pass.

    >>> red = np.zeros((1, 1, 3), np.uint8)
    >>> red[..., 0] = 64
    >>> process_as(EnhancementStage("gamma[gamma=2.0]", color="bgr"), red, "rgb").image.tolist()
    [[[128, 0, 0]]]
    """
    if stage.color == color:
        return stage.process(image, name)
    result = stage.process(image[..., ::-1], name)  # a view: only a frame that the gate lets in is worth a copy
    turned = contiguous(result.image[..., ::-1]) if result.enhanced else image
    return replace(result, image=turned)
