"""Which losses an enhancer is trained with, in which form, and how much each counts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat


class LossWeights(BaseModel):
    """How much each loss counts in the sum that is minimised; 0 leaves one out, and it is not computed.

    The weights belong to the form of the losses and to the size of the training pictures (docs/losses.md).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    spatial: FiniteFloat = Field(ge=0)
    rgb: FiniteFloat = Field(ge=0)
    brightness: FiniteFloat = Field(ge=0)
    total_variation: FiniteFloat = Field(ge=0)
    semantic: FiniteFloat = Field(default=0.0, ge=0)


class LossSettings(BaseModel):
    """The losses of SGZ (eq. 2 to 6) and their numbers.

    Attributes:
        form: ``"slide"``: as the paper writes them; ``"published-code"``: as its code computes them.
        weights: of the losses.
        exposure: level E of the brightness loss, 0..1.
        spatial_patch: side of a patch of the spatial consistency loss in pixels.
        alpha: weight of the diagonal neighbours in it.
        brightness_patch: side of a patch of the brightness loss in pixels.
        total_variation_on: ``"factor"``: of the enhancement factor, as in the code; ``"image"``: of the enhanced
            picture, as in the equation.
        beta: of the semantic loss: a factor.
        gamma: of the semantic loss: how little the pixels count whose class is clear.

    >>> LossSettings(weights=LossWeights(spatial=1, rgb=5, brightness=10, total_variation=1600)).form
    'slide'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["slide", "published-code"] = "slide"
    weights: LossWeights
    exposure: FiniteFloat = Field(default=0.6, gt=0, lt=1)
    spatial_patch: int = Field(default=4, ge=1)
    alpha: FiniteFloat = Field(default=0.5, ge=0)
    brightness_patch: int = Field(default=16, ge=1)
    total_variation_on: Literal["factor", "image"] = "factor"
    beta: FiniteFloat = Field(default=1.0, gt=0)
    gamma: FiniteFloat = Field(default=2.0, ge=0)
