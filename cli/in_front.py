"""The enhancer in front of a detector: where it stands, and that there is no second one."""

from __future__ import annotations

from ..adapters.contract import Detector
from ..adapters.detectors import DetectorWhere
from ..errors import ScotopicError
from ..pipeline.stage import EnhancementStage


def place_of(stage: EnhancementStage, where: DetectorWhere) -> DetectorWhere:
    """``where``, but for ``none``: inside a model it would take the place of the enhancer that was saved with it."""
    return "source" if _is_none(stage) else where


def refuse_second(detector: Detector, stage: EnhancementStage) -> None:
    """Raise a ScotopicError if ``stage`` enhances, and the detector comes with an enhancer of its own."""
    if not _is_none(stage) and (held := detector.description.get("enhancer")):
        raise ScotopicError(
            f"{detector.description['file']} holds the enhancer {held!r} already, and another would come on top of it: "
            "give a model without one, or look at this one as it is with --enhancer none"
        )


def _is_none(stage: EnhancementStage) -> bool:
    return stage.enhancer.info.name == "none"
