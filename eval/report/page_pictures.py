"""Pictures for the report page: the images that changed most, small, with boxes or label maps as data beside them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ...errors import ScotopicError
from ...files import output_folder, whole_file, write_json
from ...pipeline.image import read_image
from ...pipeline.stage import EnhancementStage
from ..comparison import Comparison, Progress, file_name
from ..datasets.label_files import read_label_values
from ..datasets.sample import DetectionDataset
from ..datasets.segmentation_sample import IGNORED, SegmentationDataset
from ..detection import CONFIDENCE
from ..segmentation_task import label_map_path
from .class_colors import LOST, WON, WRONG, class_colors
from .matching import judge_boxes
from .pictures import changed_most

FOLDER = "report_pictures"
WIDTH = 960
"""Pixels across at most; the page makes them smaller if it has to."""
QUALITY = 80
Change = tuple[str, str]
"""(``gain_1`` or ``loss_1``..., image id)."""


def write_report_pictures(
    comparison: Comparison,
    dataset: DetectionDataset | SegmentationDataset,
    count: int = 4,
    progress: Progress = lambda name, done, total: None,
    *,
    unchanged: bool = False,
) -> Path:
    """Write, for each enhancer, the ``count`` images that it helped most and those that it harmed most.

    The page can then be made again without the data set. They are the images of
    :func:`~scotopic.eval.report.pictures.write_changed_pictures`: by found minus false boxes at IoU 0.5 and score
    0.25, or by an image's own mIoU.

    Args:
        comparison: a finished one, of detection or segmentation.
        dataset: the one that it was made on.
        count: gains and losses each; 0 leaves an index without pictures.
        progress: called with (what, pictures done, pictures in all).
        unchanged: whether ``count`` of the images stand there, too, for which an enhancer changed nothing.

    Returns:
        ``report_pictures/index.json``; WebP pictures and transparent PNG label maps lie beside it.
    """
    final = comparison.out / FOLDER
    shutil.rmtree(final, ignore_errors=True)  # of an earlier run into the same folder
    folder = output_folder(final)
    overlays = _Boxes(comparison) if isinstance(dataset, DetectionDataset) else _Maps(comparison, dataset, folder)
    settings = comparison.record["settings"]
    samples = {sample.id: sample for sample in dataset.samples}
    entries: list[dict[str, Any]] = []
    for row in comparison.rows[1:]:
        stage = EnhancementStage(row["enhancer"], gate=settings["gate"], strength=settings["strength"])
        changed = _changed(comparison.rows[0], row, count, unchanged)
        for number, (label, id_) in enumerate(changed, start=1):
            progress(f"report pictures of {row['enhancer']}", number, len(changed))
            if id_ in comparison.rows[0]["failed"] or id_ in row["failed"]:
                continue  # there is nothing to show; they stand in the record
            try:
                image = read_image(samples[id_].image)
                enhanced = stage.process(image, samples[id_].image.name).image
            except ScotopicError:
                continue  # the picture is gone since
            kind, rank = label.split("_")
            entries.append(
                {
                    "enhancer": row["enhancer"],
                    "kind": kind,
                    "rank": int(rank),
                    "id": id_,
                    "width": image.shape[1],
                    "height": image.shape[0],
                    "original": _write_picture(folder, f"original-{_short(id_)}", image),
                    "enhanced": _write_picture(folder, f"{file_name(row['enhancer'])}-{_short(id_)}", enhanced),
                    "before": comparison.rows[0]["per_image"][id_],
                    "after": row["per_image"][id_],
                    **overlays.of(row, id_),
                }
            )
    write_json(folder / "index.json", {"task": comparison.record["task"], **overlays.legend, "pictures": entries})
    return folder / "index.json"


def _changed(baseline: Mapping[str, Any], row: Mapping[str, Any], count: int, unchanged: bool) -> list[Change]:
    def scores(of: Mapping[str, Any]) -> dict[str, float]:
        given = {id_: c["mIoU"] if "mIoU" in c else c["found"] - c["false"] for id_, c in of["per_image"].items()}
        return {id_: score for id_, score in given.items() if score is not None}

    before, after = scores(baseline), scores(row)
    changed = changed_most({id_: score for id_, score in before.items() if id_ in after}, after, count)
    same = [id_ for id_, score in before.items() if unchanged and after.get(id_) == score][:count]
    return changed + [(f"same_{rank}", id_) for rank, id_ in enumerate(same, start=1)]


def _short(id_: str) -> str:
    """An id may hold what a file name may not."""
    return hashlib.sha256(id_.encode()).hexdigest()[:12]


def _write_picture(folder: Path, stem: str, image: np.ndarray) -> str:
    path = folder / f"{stem}.webp"
    if not path.exists():  # the original is the same behind each enhancer
        size = (WIDTH, round(image.shape[0] * WIDTH / image.shape[1]))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if image.shape[1] > WIDTH else image
        with whole_file(path) as temporary:
            Image.fromarray(small).save(temporary, "WEBP", quality=QUALITY, method=4)
    return path.name


class _Boxes:
    """Truth and detections, as shares of the picture's width and height.

    A box is ``[x, y, width, height, class, score or None, state]``; the state of a detection is ``found``, ``false`` or
    ``ignored``, that of a true box ``found``, ``missed`` or ``ignored``.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.out = comparison.out
        self.truth = json.loads((self.out / "truth.json").read_text(encoding="utf-8"))
        self.images = {image["name"]: image for image in self.truth["images"]}
        self.names = {c["id"]: c["name"] for c in self.truth["categories"]}
        self.legend: dict[str, Any] = {}
        self.results: dict[str, list[dict[str, Any]]] = {}
        self.before = comparison.rows[0]

    def of(self, row: Mapping[str, Any], id_: str) -> dict[str, Any]:
        """The boxes without and with an enhancer."""
        image = self.images[id_]
        wanted = [a for a in self.truth["annotations"] if a["image_id"] == image["id"]]
        layers = {}
        for layer, of in (("before", self.before), ("after", row)):
            given = [r for r in self._results(of) if r["image_id"] == image["id"] and r["score"] >= CONFIDENCE]
            states, missed = judge_boxes(wanted, given)
            detections = [self._box(r, image, state) for r, state in zip(given, states, strict=True)]
            truth = [self._box(a, image, _truth_state(a, missed)) for a in wanted]
            layers[layer] = {"detections": detections, "truth": truth}
        return {"boxes": layers}

    def _results(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        if row["enhancer"] not in self.results:
            text = (self.out / row["predictions"]).read_text(encoding="utf-8")
            self.results[row["enhancer"]] = json.loads(text)
        return self.results[row["enhancer"]]

    def _box(self, box: Mapping[str, Any], image: Mapping[str, Any], state: str) -> list[Any]:
        x, y, width, height = box["bbox"]
        across, down = image["width"], image["height"]
        place = [x / across, y / down, width / across, height / down]
        score = None if "score" not in box else round(box["score"], 2)
        return [*(round(share, 4) for share in place), self.names[box["category_id"]], score, state]


def _truth_state(annotation: Mapping[str, Any], missed: set[int]) -> str:
    if annotation["iscrowd"]:
        return "ignored"
    return "missed" if annotation["id"] in missed else "found"


class _Maps:
    """Label maps as transparent PNG files: truth, predictions, and what was won and lost."""

    def __init__(self, comparison: Comparison, dataset: SegmentationDataset, folder: Path) -> None:
        data = comparison.record["data"]
        self.out, self.folder, self.dataset = comparison.out, folder, dataset
        self.samples = {sample.id: sample for sample in dataset.samples}
        self.before = comparison.rows[0]
        self.categories: list[str] = data["categories"]
        self.colors = [*class_colors(self.categories), (255, 255, 255)]
        self.of_set = self._lookup({i: data["class_map"][name] for i, name in enumerate(data["classes"])})
        self.of_net = self._lookup({int(id_): name for id_, name in data["model_class_map"].items()})
        legend = zip([*self.categories, "other"], self.colors, strict=True)
        self.legend = {"classes": [[name, "#{:02x}{:02x}{:02x}".format(*color)] for name, color in legend]}

    def _lookup(self, names: Mapping[int, str | None]) -> np.ndarray:
        """Class id -> place among the categories; behind them "other", 255 for ignored."""
        lookup = np.full(IGNORED + 1, len(self.categories))
        lookup[IGNORED] = IGNORED
        for id_, name in names.items():
            lookup[id_] = len(self.categories) if name is None else self.categories.index(name)
        return lookup

    def of(self, row: Mapping[str, Any], id_: str) -> dict[str, Any]:
        """The files of the four label maps."""
        truth = self.of_set[self.dataset.read_mask(self.samples[id_])]
        before, after = self._predicted(self.before, id_), self._predicted(row, id_)
        counted = truth < len(self.categories)
        right_before, right_after = before == truth, after == truth
        change = np.full(truth.shape, 255)
        change[counted & ~right_before & ~right_after] = 0
        change[counted & ~right_before & right_after] = 1
        change[counted & right_before & ~right_after] = 2
        name = f"{file_name(row['enhancer'])}-{_short(id_)}"
        layers = {
            "truth": (f"truth-{_short(id_)}", truth, self.colors),
            "before": (f"labels-none-{_short(id_)}", before, self.colors),
            "after": (f"labels-{name}", after, self.colors),
            "change": (f"change-{name}", change, [WRONG, WON, LOST]),
        }
        return {
            "maps": {
                key: _write_map(self.folder, stem, labels, colors) for key, (stem, labels, colors) in layers.items()
            }
        }

    def _predicted(self, row: Mapping[str, Any], id_: str) -> np.ndarray:
        return self.of_net[read_label_values(label_map_path(self.out / row["predictions"], id_))]


def _write_map(folder: Path, stem: str, labels: np.ndarray, colors: Sequence[Sequence[int]]) -> str:
    """A palette PNG whose last entry is transparent; at most half as wide as a picture."""
    path = folder / f"{stem}.png"
    if not path.exists():
        size = (WIDTH // 2, max(1, round(labels.shape[0] * WIDTH / 2 / labels.shape[1])))
        small = labels.astype(np.uint8)
        if labels.shape[1] > size[0]:
            small = cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)
        image = Image.fromarray(np.minimum(small, len(colors)).astype(np.uint8), "P")
        image.putpalette([channel for color in colors for channel in color] + [0, 0, 0])
        with whole_file(path) as temporary:
            image.save(temporary, "PNG", optimize=True, transparency=len(colors))
    return path.name
