"""`scotopic demo`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..configs.schema import DemoPreset, EvaluationSettings
from ..eval.compare import Comparison, compare_detection
from ..eval.datasets.sample import DetectionDataset
from ..eval.demo import demo_photographs, write_demo_set
from ..eval.report.page_pictures import write_report_pictures
from ..eval.report.pictures import side_by_side
from ..files import output_folder
from ..pipeline.image import read_image, write_image
from ..pipeline.registry import create_enhancer, enhancer_info, expand_specs, list_enhancers, split_specs
from .console import progress_bars, say, show_table
from .listing import weights_here
from .options import preset_option
from .report import write_page_and_plots

DEFAULT_MODEL = "street"
CAUTION = (
    "Two photographs show how things work. They prove nothing: which enhancer helps your model, only your own pictures "
    "can tell, a few hundred of them with labels."
)
PER_LINE = 5  # pictures beside each other on the contact sheet


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for pictures and tables.")] = Path("demo"),
    model: Annotated[str, typer.Option(help="Detector: street (our own), yolo11n.pt, ...")] = DEFAULT_MODEL,
    enhancers: Annotated[str | None, typer.Option(help="Comma-separated; all that are here unless given.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    config: Annotated[str | None, preset_option(DemoPreset)] = None,
) -> None:
    """Darken two photographs, enhance them with everything that is here, and show what a detector finds in them."""
    output_folder(out)
    dataset = write_demo_set(out / "dark", seed)
    names = list(dict.fromkeys(["none", *(expand_specs(split_specs(enhancers or "")) or _all_here())]))
    sheet, rows = _enhance_all(names, dataset)
    write_image(out / "contact_sheet.png", sheet)
    comparison = _detect(model, dataset, names, out)
    for row, result in zip(rows, comparison.rows, strict=True):
        images = result["per_image"].values()
        found, missed = sum(i["found"] for i in images), sum(i["missed"] for i in images)
        false = sum(i["false"] for i in images)
        row += [f"{found} of {found + missed}", str(false), f"{100 * result['metrics']['AP50']:.1f}"]
    columns = ["enhancer", "mean level", "PSNR dB", "ms", "objects found", "false", "AP50"]
    show_table("bus.jpg and zidane.jpg at 1/20 of their light", columns, rows)
    say("mean level 0..255; PSNR against the bright originals; ms of the enhancer alone, on the whole picture")
    if left_out := comparison.record["data"]["left_out"]:
        say(f"left out, for want of a partner among the model's classes: {', '.join(left_out)}")
    say(CAUTION)
    say(f"open {out / 'report.html'} in a browser, and look at {out / 'contact_sheet.png'}")


def _all_here() -> list[str]:
    """The enhancers that need no weights, or whose weights are on this machine."""
    names = [name for name in list_enhancers() if enhancer_info(name).kind != "files"]
    absent = [name for name in names if weights_here(name) not in ("none needed", "yes")]
    if absent:
        say(f"left out, as their weights are not here: {', '.join(absent)} (scotopic list says more)")
    return [name for name in names if name not in absent]


def _enhance_all(names: list[str], dataset: DetectionDataset) -> tuple[np.ndarray, list[list[str]]]:
    """A contact sheet (photograph by photograph), and name, mean level, PSNR and time of each enhancer."""
    bright = {Path(name).stem: image for name, image in demo_photographs()[1].items()}
    enhancers = {name: create_enhancer(name) for name in names}
    dark = {sample.id: read_image(sample.image) for sample in dataset.samples}
    sheet_rows = [[("bright", bright[id_])] for id_ in dark]
    table = []
    for name, enhancer in enhancers.items():
        levels, errors, times = [], [], []
        for row, (id_, image) in zip(sheet_rows, dark.items(), strict=True):
            if enhancer.info.params:
                enhancer.enhance(image)  # the first call of a network is slower than the others
            start = time.perf_counter()
            enhanced = enhancer.enhance(image)
            times.append(1000 * (time.perf_counter() - start))
            levels.append(enhanced.mean())
            errors.append(((enhanced / 255 - bright[id_] / 255) ** 2).mean())
            row.append((name, enhanced))
        psnr = float(np.mean(-10 * np.log10(errors)))
        table.append([name, f"{np.mean(levels):.1f}", f"{psnr:.2f}", f"{np.mean(times):.1f}"])
    lines = [row[start : start + PER_LINE] for row in sheet_rows for start in range(0, len(row), PER_LINE)]
    strips = [side_by_side(line, width=320) for line in lines]
    width = max(strip.shape[1] for strip in strips)
    return np.vstack([np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0))) for s in strips]), table


def _detect(model: str, dataset: DetectionDataset, names: list[str], out: Path) -> Comparison:
    """The comparison, with its page."""
    settings = EvaluationSettings(gate="off")
    with progress_bars() as progress:
        comparison = compare_detection(model, dataset, names, out, settings=settings, progress=progress)
        write_report_pictures(comparison, dataset, unchanged=True, progress=progress)
    write_page_and_plots(comparison, CAUTION)
    return comparison
