"""`scotopic data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import configs
from ..configs.dark_schema import DarkCityscapePreset, DarkenPreset
from ..configs.gate_schema import GateFitPreset
from ..configs.schema import DarkBDDPreset
from ..errors import ScotopicError, nearest
from ..eval.datasets.dark_manifest import DarkManifest, read_dark_manifest
from ..eval.datasets.dark_set import DarkSet, build_dark_set
from ..eval.datasets.dark_source import find_dark_source
from ..eval.datasets.darkbdd import build_darkbdd
from ..eval.datasets.darkcityscape import COUNT, build_darkcityscape
from ..eval.datasets.recipes import parse_recipe
from ..eval.gate_fit import LitPicture, fit_gate, halves, measure_pictures, mistaken, read_lights, tally, write_gate
from ..pipeline.gate import DarknessGate
from .console import progress_bars, say, show_table
from .options import DataOption, OutOption, SplitOption, preset_option, required

app = typer.Typer(help="Build data sets, and fit the gate to pictures.", no_args_is_help=True)

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


@app.command("gate-fit")
def gate_fit(
    data: DataOption = None,
    labels: Annotated[
        str | None,
        typer.Option("--labels", metavar="CSV", help="Columns id,light: night, dusk or day; or our darkbdd_light."),
    ] = None,
    split: SplitOption = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE.yaml", help="Where to write the thresholds for --gate."),
    ] = None,
    config: Annotated[str | None, preset_option(GateFitPreset)] = None,
) -> None:
    """Fit the gate to pictures labelled by looking at them: one half of them is fitted on, the other judges."""
    source = find_dark_source(required(data, "--data", "FOLDER"), split)
    file = _labels(required(labels, "--labels", "CSV"))
    if out and out.suffix not in (".yaml", ".yml"):
        raise ScotopicError(f"--out {out} must end in .yaml, so that --gate takes it for a file")
    with progress_bars() as progress:
        pictures = measure_pictures(
            source, read_lights(file), lambda done, total: progress("measuring pictures", done, total)
        )
    fitted, others = halves(pictures)
    gate = fit_gate(fitted)
    if left := len(source.images) - len(pictures):
        say(f"Pictures of {source.name} without a label in {file.name} are left out: {left:,}.")
    about = f"Darkness gate, fitted on {len(fitted)} of the {len(pictures)} labelled pictures of {source.name}."
    _show_tally(about, gate, fitted, others)
    if out:
        write_gate(out, gate, f'{about}\nUse: --gate {out.name}, or EnhancementStage(..., gate="{out.name}")')
        say(f"thresholds written to {out}: use them with --gate {out}")


def _labels(name: str) -> Path:
    """A file of the user's, or the shipped one of that name."""
    if Path(name).is_file():
        return Path(name)
    shipped = {path.stem: path for path in (Path(configs.__file__).parent / "gate").glob("*.csv")}
    if name not in shipped:
        raise ScotopicError(f"no labels '{name}', neither a file nor a name: {nearest(name, shipped)}")
    return shipped[name]


def _show_tally(title: str, gate: DarknessGate, fitted: list[LitPicture], others: list[LitPicture]) -> None:
    rows = [
        [half, light, f"{one.total}", f"{one.enhanced}", f"{one.total - one.enhanced}", f"{one.full}"]
        for half, pictures in (("fitted on", fitted), ("judged", others))
        for light, one in tally(gate, pictures).items()
    ]
    show_table(title, ["half", "light", "pictures", "enhanced", "untouched", "at full strength"], rows)
    judged = tally(gate, others)
    night, day = judged["night"], judged["day"]
    if night.total and day.total:
        share = night.enhanced / night.total, (day.total - day.enhanced) / day.total
        say(f"of the pictures not fitted on: {share[0]:.1%} of the night enhanced, {share[1]:.1%} of the day untouched")
    for picture in mistaken(gate, others):
        say(f"judged wrong: {picture.id} ({picture.light}, night has log-odds {gate.score(picture.darkness):+.2f})")


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
