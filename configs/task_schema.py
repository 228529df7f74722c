"""How frozen detectors and segmentation nets guide the training of an enhancer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat


class TaskWeights(BaseModel):
    """How much each term counts; 0 leaves one out. A net has some of them, and those of the others are 0 for it.

    Attributes:
        missed: of a detector: how much less sure it is of the objects that it found in the bright picture.
        misplaced: of a detector: how far its boxes have moved from those in the bright picture.
        false_alarms: of a detector: how much surer it is of something where nothing was.
        features: of any net: how far its features are from those of the bright picture.
        classes: of a segmentation net: how far its class probabilities are from those of the bright picture.
        labels: of any net: its own loss against the labels of the data, with ``supervised``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    missed: FiniteFloat = Field(default=1, ge=0)
    misplaced: FiniteFloat = Field(default=0.5, ge=0)
    false_alarms: FiniteFloat = Field(default=0.1, ge=0)
    features: FiniteFloat = Field(default=0.1, ge=0)
    classes: FiniteFloat = Field(default=0.1, ge=0)
    labels: FiniteFloat = Field(default=0.1, ge=0)


class TaskSettings(BaseModel):
    """Which nets guide, and by what.

    Attributes:
        nets: detectors, by a shipped name such as ``street`` or as an ultralytics ``FILE.pt``, and segmentation nets,
            such as ``road`` (docs/losses.md lists them). The samples are dealt out to them in turn, so several cost no
            more than one.
        weights: of the terms.
        shrink: how many times the pictures are shrunk, by area, before the nets see them, as the letterbox of a
            detector shrinks the picture of a camera: a net then sees the noise that it will see at work.
        supervised: whether ``data`` is a labelled set and the nets' own losses count, too.
        split: of the labelled set.

    >>> TaskSettings(nets=["road"]).shrink
    2
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    nets: list[str] = Field(min_length=1)
    weights: TaskWeights = TaskWeights()
    shrink: int = Field(default=2, ge=1)
    supervised: bool = False
    split: str | None = None
