"""`scotopic watch`."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from ...adapters.detectors import load_detector
from ...configs.schema import DetectorSettings, EvaluationSettings
from ...configs.watch_schema import WatchPreset
from ...eval.detection import CONFIDENCE
from ...pipeline.registry import DEFAULT
from ...pipeline.stage import EnhancementStage
from ..console import say
from ..entry import Interrupted
from ..in_front import place_of, refuse_second
from ..options import (
    DEFAULTS,
    ConfOption,
    DeviceOption,
    EnhancerOption,
    GateOption,
    ImgszOption,
    IouOption,
    MaxDetOption,
    ModelOption,
    StrengthOption,
    WhereOption,
    checked_settings,
    preset_option,
)
from .loop import Watch
from .server import DEFAULT_ADDRESS, WatchServer, parse_address
from .source import source_of
from .window import require_display, show_window


class ServeCommand(TyperCommand):
    """A command whose `--serve` may stand without an address."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give a bare `--serve` its default: what follows is an address only if it reads HOST:PORT, or a port.

        A port has four or five digits here, since fewer may be the number of a camera.
        """
        full: list[str] = []
        for word, following in zip(args, [*args[1:], ""], strict=True):
            full.append(word)
            if word == "--serve" and not re.fullmatch(r"[^/\\]*:[0-9]+|[0-9]{4,5}", following):
                full.append(DEFAULT_ADDRESS)
        return super().parse_args(ctx, full)


def watch(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(metavar="SRC", help="Video file, folder of pictures, number of a camera, or rtsp://..."),
    ],
    model: ModelOption = None,
    serve: Annotated[
        str | None,
        typer.Option(
            "--serve",
            metavar="[[HOST:]PORT]",
            help=f"Show a page in the browser instead of a window; {DEFAULT_ADDRESS} unless given.",
        ),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin a file or folder anew at its end.")] = False,
    enhancer: EnhancerOption = DEFAULT,
    gate: GateOption = DEFAULTS.gate,
    strength: StrengthOption = DEFAULTS.strength,
    where: WhereOption = DEFAULTS.where,
    imgsz: ImgszOption = DEFAULTS.imgsz,
    conf: ConfOption = CONFIDENCE,
    iou: IouOption = DEFAULTS.iou,
    max_det: MaxDetOption = DEFAULTS.max_det,
    device: DeviceOption = DEFAULTS.device,
    config: Annotated[str | None, preset_option(WatchPreset)] = None,
) -> None:
    """Watch live what the enhancer makes of a source, and what a detector finds in it."""
    settings = checked_settings(context, EvaluationSettings)
    address = parse_address(serve) if serve is not None else None
    if address is None:
        require_display()
    frames = source_of(source, loop)
    stage = EnhancementStage(enhancer, gate=settings.gate, strength=settings.strength)
    settings = settings.model_copy(update={"where": place_of(stage, settings.where)})
    load = partial(load_detector, download=True, **settings.model_dump(include=set(DetectorSettings.model_fields)))
    inside = stage if settings.where != "source" else None
    detector = load(model, stage=inside) if model else None
    if detector is not None:
        refuse_second(detector, stage)
    name = Path(model).name if model else None
    run = Watch(frames, stage, detector, settings.where, enhancer=enhancer, model=name)
    if address is None:
        _in_window(run)
    else:
        _in_browser(run, *address)
    if run.feed.status.phase == "failed":
        raise typer.Exit(1)


def _in_window(run: Watch) -> None:
    run.start()
    try:
        with suppress(Interrupted):  # the usual way to end it
            show_window(run)
    finally:
        run.stop()


def _in_browser(run: Watch, host: str, port: int) -> None:
    with WatchServer(host, port, run.feed) as server:
        say(f"{run.feed.status.source} at {server.url} (Ctrl-C ends)")
        if server.open_to_others:
            say("whoever can reach this machine can watch: no password is asked")
        run.start()
        try:
            server.serve_forever()
        except Interrupted:
            say("ended")
        finally:
            run.stop()
