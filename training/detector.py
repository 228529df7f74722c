"""From settings and a labelled set to a detector."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ..adapters.ultralytics.setup import import_ultralytics
from ..configs.detector_schema import DetectorTrainSettings
from ..files import output_folder, write_text
from .checkpoint import write_checkpoint
from .detector_data import read_sets
from .detector_files import COLUMNS, draw_curve, write_detector, write_list
from .net_files import epoch_table
from .progress import epoch_progress


def train_detector(settings: DetectorTrainSettings, out: Path) -> Path:
    """Train a YOLO on a labelled set, its EfficientNet-Lite0 encoder starting from ImageNet.

    Writes into ``out``: ``<name>.yaml`` and ``<name>.safetensors``, the net; ``<name>.csv`` and ``<name>.png``, the
    losses and the score of each epoch; ``<name>.held_back.txt``, the pictures that it was scored on, as a list for
    ``--split``; ``<name>.checkpoint.pt``, rewritten after each epoch. Called again with the same settings it goes on
    after the last whole epoch, exactly as if it had never stopped.

    Args:
        settings: see :class:`~scotopic.configs.detector_schema.DetectorTrainSettings`; ``data`` must be set.
        out: folder for the results.

    Returns:
        The YAML file, which :func:`~scotopic.adapters.shipped_detectors.load_yolo` takes.

    Raises:
        ScotopicError: no data, or too few; other settings or pictures than the checkpoint's; a loss that is no longer
            finite; a package that is not installed.

    Example::

        settings = load_detector_settings("street", data="voc_street")
        yolo = load_yolo(train_detector(settings, Path("runs/street")))
    """
    import_ultralytics()
    from .ultralytics_run import NOT_SCORED, Run

    out = output_folder(out)
    sets = read_sets(settings, Console(stderr=True))
    run = Run.start(settings, sets)
    checkpoint_path = out / f"{settings.name}.checkpoint.pt"
    run.resume(checkpoint_path)
    write_list(out / f"{settings.name}.held_back.txt", sets.held_back)

    with epoch_progress(settings.epochs, len(run.history)) as advance:
        for epoch in range(len(run.history) + 1, settings.epochs + 1):
            row = run.train_epoch(epoch)
            scored = epoch % settings.score_every == 0 or epoch == settings.epochs
            run.history.append([*row, *(run.score() if scored else NOT_SCORED)])
            write_checkpoint(checkpoint_path, run.checkpoint())
            write_text(out / f"{settings.name}.csv", epoch_table(COLUMNS, run.history))
            advance(f"training, loss {sum(row[2:]):.4f}")
    draw_curve(out / f"{settings.name}.png", run.history)
    made = {
        "settings": settings.model_dump(mode="json", exclude=set(settings.may_change)),
        "pictures": len(sets.training),
        "pictures_fingerprint": run.fingerprint,
        "last_epoch": run.history[-1],
    }
    classes = sets.training.classes
    return write_detector(out / f"{settings.name}.yaml", run.average.ema, run.description, classes, made)
