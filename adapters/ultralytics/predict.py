"""Predictors of ultralytics that enhance (``where="source"``) and that tell what the enhancer did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor
from ultralytics.engine.predictor import BasePredictor
from ultralytics.utils.ops import Profile
from ultralytics.utils.torch_utils import unwrap_model

from ...pipeline.contract import to_image
from ...pipeline.image import contiguous
from ...pipeline.stage import EnhancementStage
from ..staging import process_as
from .geometry import full_picture
from .graph import EnhancedModel, Passage


@dataclass(frozen=True)
class BatchNote:
    """What the enhancer did to one batch. ``picture(i)`` gives what became of frame i, uint8 BGR (H, W, 3)."""

    ms_per_image: float
    gate_passed: list[bool]
    picture: Callable[[int], np.ndarray]


class EnhancingPredictor(BasePredictor):
    """Adds ``speed["enhance"]``, ``gate_passed`` and, on request, ``enhanced`` to each result.

    Attributes:
        stage: what enhances.
        keep_enhanced: whether results carry the enhanced picture.
        enhanced_within: the part of ``speed`` whose measured time includes the enhancer's.
    """

    stage: ClassVar[EnhancementStage]
    keep_enhanced: ClassVar[bool]
    enhanced_within: ClassVar[str]
    _note: BatchNote | None = None
    _total_ms = 0.0

    def write_results(self, i: int, p: Path, im: Tensor, s: list[str]) -> str:
        self._annotate(i)
        return super().write_results(i, p, im, s)

    def run_callbacks(self, event: str) -> None:
        if event == "on_predict_start":
            self._total_ms = 0.0
        elif event == "on_predict_batch_end":
            for i in range(len(cast("list[Any]", self.results))):
                self._annotate(i)
        elif event == "on_predict_end" and self.speed and self.seen:
            self._move_time(cast("dict[str, float]", self.speed), self._total_ms / self.seen)
        if event == "on_predict_postprocess_end" and self._note is not None and self._trackers_look():
            self._track_enhanced(event, self._note)
        else:
            super().run_callbacks(event)

    def _trackers_look(self) -> bool:
        """Whether there are trackers that care for pictures: for the camera's motion, or to know objects again."""
        trackers = getattr(self, "trackers", []) if self.args.mode == "track" else []
        return any(hasattr(tracker, part) for tracker in trackers for part in ("gmc", "encoder"))

    def _track_enhanced(self, event: str, note: BatchNote) -> None:
        """Run the trackers, which are callbacks, on results that show the enhanced pictures."""
        results = cast("list[Any]", self.results)
        originals = [result.orig_img for result in results]
        for i, result in enumerate(results):
            if not note.gate_passed[i]:
                result.orig_img = note.picture(i)
        try:
            super().run_callbacks(event)
        finally:
            for result, original in zip(results, originals, strict=True):  # a tracker puts its own into the list
                result.orig_img = original

    def _annotate(self, i: int) -> None:
        result = cast("list[Any]", self.results)[i]
        note = self._note
        if note is None or "enhance" in result.speed:
            return
        self._move_time(result.speed, note.ms_per_image)
        self._total_ms += note.ms_per_image
        result.gate_passed = note.gate_passed[i]
        if self.keep_enhanced:
            result.enhanced = note.picture(i)

    def _move_time(self, speed: dict[str, float], ms: float) -> None:
        speed[self.enhanced_within] -= ms
        speed["enhance"] = ms


class SourcePredictor(EnhancingPredictor):
    """Enhances pictures before the letterbox, and tensors as they come."""

    enhanced_within = "preprocess"

    def setup_model(self, model: Any, verbose: bool = True) -> None:
        super().setup_model(model, verbose)
        self.stage.to(self.device)

    def preprocess(self, im: Tensor | list[np.ndarray]) -> Tensor:
        with Profile(device=self.device) as watch:
            enhanced, gate_passed, picture = self._enhance(im)
        self._note = BatchNote(watch.dt * 1e3 / len(im), gate_passed, picture)
        return super().preprocess(enhanced)

    def _enhance(self, im: Tensor | list[np.ndarray]) -> tuple[Any, list[bool], Callable[[int], np.ndarray]]:
        if isinstance(im, Tensor):
            rgb = im.to(self.device)
            x = rgb if self.stage.color == "rgb" else rgb.flip(1)
            passage = Passage(x, self.stage(x), 0.0)
            out = passage.after if self.stage.color == "rgb" else passage.after.flip(1)
            return out, passage.gate_passed(self.stage), lambda i: _bgr(out[i])
        results = [
            process_as(self.stage, picture, "bgr", name) for picture, name in zip(im, self._names(), strict=True)
        ]
        pictures = [result.image for result in results]
        return pictures, [not result.enhanced for result in results], pictures.__getitem__

    def _names(self) -> list[str | None]:
        """The names of the files of this batch, None where ultralytics made one up for a picture without."""
        paths = cast("list[str]", cast(Any, self.batch)[0])
        return [None if name == f"image{i}.jpg" and not Path(name).exists() else name for i, name in enumerate(paths)]


class GraphPredictor(EnhancingPredictor):
    """Watches the stage inside the network."""

    enhanced_within = "inference"

    def setup_model(self, model: Any, verbose: bool = True) -> None:
        super().setup_model(model, verbose)
        self._network().enhancement.watched = True

    def inference(self, im: Tensor, *args: Any, **kwargs: Any) -> Any:
        predictions = super().inference(im, *args, **kwargs)
        enhancement = self._network().enhancement
        passage, enhancement.last = enhancement.last, None
        self._note = None if passage is None else self._note_of(passage, len(im))  # a compiled network is not watched
        return predictions

    def _network(self) -> EnhancedModel:
        return cast(EnhancedModel, cast(Any, unwrap_model(cast(torch.nn.Module, self.model))).model)

    def _note_of(self, passage: Passage, count: int) -> BatchNote:
        stage = self._network().enhancement.stage
        after = passage.after if stage.color == "rgb" else passage.after.flip(1)
        originals = cast(Any, self.batch)[1]

        def picture(i: int) -> np.ndarray:
            if isinstance(originals, Tensor):
                return _bgr(after[i])
            return full_picture(_bgr(after[i]), originals[i], self._fit())

        return BatchNote(passage.seconds * 1e3 / count, passage.gate_passed(stage), picture)

    def _fit(self) -> str:
        if self.args.task == "classify":
            return "crop"
        return "stretch" if self.scale_fill else "letterbox"


def _bgr(rgb: Tensor) -> np.ndarray:
    """float RGB (3, H, W) in [0, 1] -> uint8 BGR (H, W, 3)."""
    return contiguous(to_image(rgb.unsqueeze(0))[..., ::-1])
