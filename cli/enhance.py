"""`scotopic enhance`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..configs.schema import EnhancePreset
from ..errors import ScotopicError
from ..files import output_folder
from ..pipeline.image import read_image, write_image
from ..pipeline.stage import EnhancementStage
from .console import err, progress_bars, say
from .options import DEFAULTS, EnhancerOption, GateOption, OutOption, StrengthOption, preset_option, required
from .pictures import plan_pictures


def enhance(
    sources: Annotated[list[Path], typer.Argument(metavar="SRC...", help="Images and folders of images.")],
    out: OutOption = None,
    enhancer: EnhancerOption = "sgz",
    gate: GateOption = DEFAULTS.gate,
    strength: StrengthOption = DEFAULTS.strength,
    config: Annotated[str | None, preset_option(EnhancePreset, "enhancer")] = None,
) -> None:
    """Enhance images and folders, keeping structure and names; what is bright enough already stays untouched."""
    folder = output_folder(required(out, "--out", "FOLDER"))
    stage = EnhancementStage(enhancer, gate=gate, strength=strength)
    plan = plan_pictures(sources, folder)
    failures: list[str] = []
    passed = 0
    with progress_bars() as progress:
        for number, (image, target) in enumerate(plan, start=1):
            try:
                result = stage.process(read_image(image), image.name)
                write_image(target, result.image)
                passed += not result.enhanced
            except ScotopicError as error:
                failures.append(str(error))
            progress(enhancer, number, len(plan))
    done = len(plan) - len(failures)
    say(
        f"{done} of {len(plan)} pictures written to {folder}"
        + (f", {passed} of them untouched by the gate" if passed else "")
    )
    for failure in failures:
        err.print(f"scotopic: {failure}", style="red", highlight=False, markup=False)
    if failures:
        raise typer.Exit(1)
