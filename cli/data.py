"""`scotopic data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..configs.dark_schema import DarkCityscapePreset, DarkenPreset
from ..configs.schema import DarkBDDPreset
from ..errors import ScotopicError
from ..eval.datasets.dark_manifest import DarkManifest, read_dark_manifest
from ..eval.datasets.dark_set import DarkSet, build_dark_set
from ..eval.datasets.dark_source import find_dark_source
from ..eval.datasets.darkbdd import build_darkbdd
from ..eval.datasets.darkcityscape import COUNT, build_darkcityscape
from ..eval.datasets.recipes import parse_recipe
from .console import progress_bars, say
from .options import OutOption, SplitOption, preset_option, required

app = typer.Typer(help="Build data sets.", no_args_is_help=True)

RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe", help="gamma, lightness, exposure or lowlight[severity=mild|medium|severe]; name[key=value,...]."
    ),
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", help="Of the noise and all else that is drawn; 0 unless given.")
]
ManifestOption = Annotated[
    Path | None, typer.Option("--manifest", help="Make exactly the set of this manifest.json again, or check it.")
]


@app.command("darkbdd")
def darkbdd(
    bdd: Annotated[Path | None, typer.Option(help="BDD100K folder with images and labels.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for the new set.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many of the darkest night images.")] = 100,
    manifest: Annotated[Path | None, typer.Option(help="Rebuild exactly the images of a manifest.json.")] = None,
    config: Annotated[str | None, preset_option(DarkBDDPreset)] = None,
) -> None:
    """Make a DarkBDD of the darkest night images of BDD100K, with a manifest so that others can rebuild it."""
    with progress_bars() as progress:
        dataset = build_darkbdd(
            required(bdd, "--bdd", "FOLDER"),
            required(out, "--out", "FOLDER"),
            count,
            manifest=manifest,
            progress=lambda done, total: progress("measuring luma", done, total),
        )
    for line in dataset.issues.lines():
        say(line)
    say(f"{len(dataset.samples)} images written to {out}; manifest.json names them, luma.csv says how dark they are")


@app.command("darken")
def darken(
    source: Annotated[str, typer.Argument(metavar="SRC", help="Data set as --data takes it, or a folder of pictures.")],
    out: OutOption = None,
    recipe: RecipeOption = None,
    split: SplitOption = None,
    seed: SeedOption = None,
    manifest: ManifestOption = None,
    config: Annotated[str | None, preset_option(DarkenPreset)] = None,
) -> None:
    """Darken a data set or a folder of pictures, labels linked: the result is used just as the source."""
    folder = required(out, "--out", "FOLDER")
    wanted = _wanted(manifest, seed)
    if wanted is None:
        required(recipe, "--recipe", "gamma, lightness, exposure or lowlight")
    chosen = parse_recipe(recipe) if recipe else None
    found = find_dark_source(source, split or (wanted.split if wanted else None))
    with progress_bars() as progress:
        built = build_dark_set(
            found,
            folder,
            chosen,
            seed=seed or 0,
            manifest=wanted,
            progress=lambda done, total: progress("darkening", done, total),
        )
    if found.contents is None:
        say(f"{source} has no labels that are known here: its pictures alone are darkened")
    _report(built, wanted is not None)


@app.command("darkcityscape")
def darkcityscape(
    cityscapes: Annotated[
        Path | None, typer.Option(help="Cityscapes folder with leftImg8bit/val and gtFine/val.")
    ] = None,
    out: OutOption = None,
    recipe: RecipeOption = None,
    count: Annotated[int, typer.Option(min=1, help="How many validation frames, the first by name.")] = COUNT,
    seed: SeedOption = None,
    manifest: ManifestOption = None,
    config: Annotated[str | None, preset_option(DarkCityscapePreset)] = None,
) -> None:
    """Make a DarkCityScape of Cityscapes' validation frames, by the recipe of the published ones (lightness)."""
    wanted = _wanted(manifest, seed)
    with progress_bars() as progress:
        built = build_darkcityscape(
            required(cityscapes, "--cityscapes", "FOLDER"),
            required(out, "--out", "FOLDER"),
            parse_recipe(recipe) if recipe else None,
            count=count,
            seed=seed or 0,
            manifest=wanted,
            progress=lambda done, total: progress("darkening", done, total),
        )
    _report(built, wanted is not None)


def _wanted(manifest: Path | None, seed: int | None) -> DarkManifest | None:
    if manifest is None:
        return None
    wanted = read_dark_manifest(manifest)
    if seed not in (None, wanted.seed):
        raise ScotopicError(f"{manifest} says seed {wanted.seed}, not {seed}: leave --seed out")
    return wanted


def _report(built: DarkSet, again: bool) -> None:
    made = built.manifest
    if made.unreadable:
        say(f"Pictures that cannot be read are left out: {len(made.unreadable):,} ({', '.join(made.unreadable[:5])}).")
    for name in made.rewritten:
        say(f"{name} is the source's without 'path', which would lead back to the bright pictures.")
    kept = f", {built.kept:,} of them there already" if built.kept else ""
    say(f"{len(made.images):,} pictures in {built.root}{kept}, mean luma {built.mean_luma:.1f}: {made.spec()}")
    say(
        "manifest.json says how each was made"
        + ("; all are the same, bit for bit, as in the manifest given" if again else "")
    )
