"""`scotopic demo`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..adapters.detectors import load_detector
from ..configs.schema import DemoPreset, EvaluationSettings
from ..errors import ScotopicError
from ..eval.compare import Comparison, compare_detection
from ..eval.datasets.sample import DetectionDataset
from ..eval.demo import demo_photographs, write_demo_set
from ..eval.report.pictures import side_by_side, write_changed_pictures
from ..files import output_folder
from ..pipeline.image import read_image, write_image
from ..pipeline.registry import create_enhancer, enhancer_info, list_enhancers
from .console import progress_bars, say, show_table
from .listing import weights_here
from .options import preset_option

DEFAULT_MODEL = "yolo11n.pt"
PER_LINE = 5  # pictures beside each other on the contact sheet


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for pictures and tables.")] = Path("demo"),
    model: Annotated[str, typer.Option(help="A YOLO; downloaded by ultralytics if it is not here.")] = DEFAULT_MODEL,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    config: Annotated[str | None, preset_option(DemoPreset)] = None,
) -> None:
    """Darken two photographs, enhance them with everything that is here, and count what a YOLO finds in them."""
    output_folder(out)
    dataset = write_demo_set(out / "dark", seed)
    names = [name for name in list_enhancers() if enhancer_info(name).kind != "files"]
    absent = [name for name in names if weights_here(name) not in ("none needed", "yes")]
    if absent:
        say(f"left out, as their weights are not here: {', '.join(absent)} (scotopic list says more)")
    names = sorted(set(names) - set(absent), key=lambda name: (name != "none", name))
    sheet, rows = _enhance_all(names, dataset)
    write_image(out / "contact_sheet.png", sheet)
    comparison = _detect(model, dataset, names, out)
    columns = ["enhancer", "mean level", "PSNR dB", "ms"]
    if comparison:
        columns += ["objects found", "false", "AP50"]
        for row, result in zip(rows, comparison.rows, strict=True):
            images = result["per_image"].values()
            found, missed = sum(i["found"] for i in images), sum(i["missed"] for i in images)
            false = sum(i["false"] for i in images)
            row += [f"{found} of {found + missed}", str(false), f"{100 * result['metrics']['AP50']:.1f}"]
    show_table("bus.jpg and zidane.jpg at 1/20 of their light", columns, rows)
    say(
        "mean level 0..255; PSNR against the bright originals; two photographs show how things work, they prove nothing"
    )
    say(f"look at {out / 'contact_sheet.png'}" + (f", and at the boxes in {out / 'pictures'}" if comparison else ""))


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


def _detect(model: str, dataset: DetectionDataset, names: list[str], out: Path) -> Comparison | None:
    """The comparison, or None where the default detector cannot be had; a model that was asked for must work."""
    settings = EvaluationSettings(gate="off")
    try:
        load_detector(model, download=True)
    except ScotopicError as error:
        if model != DEFAULT_MODEL:
            raise
        say(f"no detection this time: {error}")
        return None
    with progress_bars() as progress:
        comparison = compare_detection(model, dataset, names, out, settings=settings, progress=progress)
    write_changed_pictures(comparison, dataset)
    return comparison
