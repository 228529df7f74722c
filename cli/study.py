"""`scotopic study`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..configs.study_schema import Mode, StudyPreset, StudySettings
from ..eval.datasets.pictures import load_pictures
from ..eval.study.make import make_study
from ..eval.study.score import score_study
from ..eval.study.tables import columns, heading, table, write_scores
from .console import progress_bars, say, show_table
from .options import ENHANCERS_HELP, OutOption, checked_settings, enhancer_specs, preset_option, required

app = typer.Typer(help="Ask people which enhancer looks best, blindly, and score their answers.", no_args_is_help=True)
DEFAULTS = StudySettings()


def _help(name: str) -> str:
    return StudySettings.model_fields[name].description or ""


@app.command("make")
def make(
    context: typer.Context,
    pictures: Annotated[str, typer.Argument(help="Folder of pictures, or a preset's name.")],
    enhancers: Annotated[str | None, typer.Option(help=f"{ENHANCERS_HELP} none shows the picture as it is.")] = None,
    out: OutOption = None,
    mode: Annotated[Mode, typer.Option(help=_help("mode"))] = DEFAULTS.mode,
    questions: Annotated[int, typer.Option(help=_help("questions"))] = DEFAULTS.questions,
    seed: Annotated[int, typer.Option(help=_help("seed"))] = DEFAULTS.seed,
    config: Annotated[str | None, preset_option(StudyPreset)] = None,
) -> None:
    """Write study.html, a page that participants open and answer, and key.json, which the organiser keeps."""
    specs = enhancer_specs(required(enhancers, "--enhancers", "none,clahe,sgz"))
    folder = Path(required(out, "--out", "FOLDER"))
    settings = checked_settings(context, StudySettings)
    with progress_bars() as progress:
        key = make_study(load_pictures(pictures), specs, folder, settings, progress)
    asked = len(key.sheets[0])
    whole = "all there are" if len(key.sheets) == 1 else f"one of {len(key.sheets)} sheets, drawn at random"
    size = (folder / "study.html").stat().st_size / 1e6
    say(f"study {key.study}: {len(key.pictures)} pictures, {len(key.enhancers)} enhancers, page of {size:.1f} MB")
    say(f"each participant answers {asked} questions ({whole})")
    say(f"hand out {folder / 'study.html'}; keep {folder / 'key.json'}, without which the answers mean nothing")


@app.command("score")
def score(
    study: Annotated[Path, typer.Argument(help="The folder where the study was made.")],
    answers: Annotated[list[Path], typer.Argument(metavar="ANSWERS...", help="Files that the participants saved.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder for the scores; the study's own else.")
    ] = None,
) -> None:
    """Score the answers: Bradley-Terry for A/B, mean opinion for stars, with intervals."""
    with progress_bars() as progress:
        scores = score_study(study, answers, progress)
    folder = out or study
    write_scores(scores, folder)
    show_table(heading(scores), columns(scores), table(scores))
    for note in scores["notes"]:
        say(note)
    say(f"written to {folder}: scores.json, scores.csv, scores.md")
