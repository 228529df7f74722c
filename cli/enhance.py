"""`scotopic enhance`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..configs.video_schema import EnhanceSourcesPreset
from ..errors import ScotopicError
from ..files import copy_file
from ..pipeline.image import read_image, write_image
from ..pipeline.registry import DEFAULT
from ..pipeline.stage import EnhancementStage
from ..pipeline.video_process import EnhanceFrames
from .console import err, progress_bars, say
from .options import DEFAULTS, EnhancerOption, GateOption, OutOption, StrengthOption, preset_option, required
from .pictures import picture_folder, plan_pictures
from .video import (
    LIVE,
    LiveOption,
    SourcesArgument,
    plan_videos,
    process_videos,
    refuse_idle,
    split_sources,
    stage_settings,
)


def enhance(
    context: typer.Context,
    sources: SourcesArgument,
    out: OutOption = None,
    enhancer: EnhancerOption = DEFAULT,
    gate: GateOption = DEFAULTS.gate,
    strength: StrengthOption = DEFAULTS.strength,
    live: LiveOption = LIVE,
    config: Annotated[str | None, preset_option(EnhanceSourcesPreset, "enhancer")] = None,
) -> None:
    """Enhance images, videos and folders, keeping structure and names; what is bright enough stays untouched.

    A single video, stream or camera may be written to a file: -o out.mp4.
    """
    target = Path(required(out, "--out", "FOLDER"))
    pictures, videos = split_sources(sources)
    refuse_idle(context, videos)
    plan = plan_videos(videos, target, alone=not pictures) if videos else []
    folder = picture_folder(target) if pictures else target
    stage = EnhancementStage(enhancer, gate=gate, strength=strength)
    failed = _enhance_pictures(pictures, folder, stage, enhancer) if pictures else 0
    if plan:
        settings = {"command": "enhance", **stage_settings(stage, enhancer)}
        failed += process_videos(plan, lambda: EnhanceFrames(stage), live=live, settings=settings)
    if failed:
        raise typer.Exit(1)


def _enhance_pictures(sources: list[Path], folder: Path, stage: EnhancementStage, enhancer: str) -> int:
    """How many failed."""
    plan = plan_pictures(sources, folder)
    failures: list[str] = []
    passed = 0
    with progress_bars() as progress:
        for number, (image, target) in enumerate(plan, start=1):
            try:
                result = stage.process(read_image(image), image.name)
                if result.enhanced:
                    write_image(target, result.image)
                else:
                    copy_file(image, target)  # encoded anew it would lose detail, bits, alpha and EXIF
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
    return len(failures)
