"""predict() and track() as their users know them, with what the results carry besides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from ultralytics.trackers.utils.reid import ReID
from ultralytics.utils import YAML
from ultralytics.utils.checks import check_yaml

from scotopic import EnhancementStage, Enhancer, EnhancerInfo, attach
from scotopic.adapters.ultralytics.geometry import full_picture

Build = Callable[[str], Any]
BOTH = pytest.mark.parametrize("where", ["graph", "source"])


class Redder(Enhancer):
    """Raises red and nothing else."""

    info = EnhancerInfo(name="redder", summary="More red.")

    def transform(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack((x[:, 0] + 0.4, x[:, 1], x[:, 2]), 1)


@pytest.fixture
def folder(tmp_path: Path, night: np.ndarray, day: np.ndarray) -> Path:
    """A folder with a dark and a bright picture."""
    path = tmp_path / "pictures"
    path.mkdir()
    cv2.imwrite(str(path / "day.png"), day)
    cv2.imwrite(str(path / "night.png"), night)
    return path


@pytest.fixture
def video(tmp_path: Path, night: np.ndarray) -> Path:
    """Three dark frames."""
    path = tmp_path / "night.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (100, 50))
    for _ in range(3):
        writer.write(night)
    writer.release()
    return path


def sources(folder: Path, video: Path, night: np.ndarray) -> dict[str, tuple[Any, int]]:
    """What people give to predict(), and how many results come back."""
    tensor = torch.from_numpy(cv2.resize(night, (96, 64))[..., ::-1].copy()).permute(2, 0, 1).float()[None] / 255
    return {
        "path": (folder / "night.png", 1),
        "text": (str(folder / "night.png"), 1),
        "array": (night, 1),
        "grey array": (night[..., 0], 1),
        "Pillow": (Image.fromarray(night[..., ::-1]), 1),
        "list of paths": ([folder / "day.png", folder / "night.png"], 2),
        "list of arrays": ([night, night[:30]], 2),
        "folder": (folder, 2),
        "glob": (str(folder / "*.png"), 2),
        "video": (video, 3),
        "tensor": (tensor, 1),
    }


@BOTH
@pytest.mark.parametrize("kind", list(sources(Path(), Path(), np.zeros((1, 1, 3), np.uint8))))
def test_every_source_works(
    where: Any, kind: str, folder: Path, video: Path, night: np.ndarray, untrained: Build, tmp_path: Path
) -> None:
    source, count = sources(folder, video, night)[kind]
    model = untrained("yolo11n")
    plain = model.predict(source, imgsz=96, verbose=False)
    attach(model, "gamma[gamma=3]", where=where, keep_enhanced=True)
    results = model.predict(source, imgsz=96, verbose=False)
    assert len(results) == len(plain) == count
    for before, after in zip(plain, results, strict=True):
        np.testing.assert_array_equal(after.orig_img, before.orig_img)
        assert after.path == before.path
        assert after.enhanced.shape == after.orig_img.shape
        assert after.enhanced.dtype == np.uint8
        assert after.gate_passed == ("day" in after.path)
        assert after.enhanced.mean() > (0.99 if after.gate_passed else 1.5) * after.orig_img.mean()
        assert set(after.speed) == {"preprocess", "inference", "postprocess", "enhance"}
        assert min(after.speed.values()) >= 0
    assert not (tmp_path / "runs").exists(), "nothing was to be saved"


@BOTH
def test_streams_and_batches_come_one_by_one(where: Any, folder: Path, untrained: Build) -> None:
    model = attach(untrained("yolo11n"), "gamma", where=where)
    stream = model.predict(folder, imgsz=96, batch=2, stream=True, verbose=False)
    assert [result.gate_passed for result in stream] == [True, False]
    total = model.predictor.speed
    assert total["enhance"] > 0
    assert total[{"graph": "inference", "source": "preprocess"}[where]] >= 0


@BOTH
@pytest.mark.parametrize("tracker", ["bytetrack.yaml", "botsort.yaml"])
def test_tracking(where: Any, tracker: str, video: Path, untrained: Build) -> None:
    model = attach(untrained("yolo11n"), "gamma", where=where, keep_enhanced=True)
    results = model.track(video, imgsz=96, tracker=tracker, conf=1e-4, verbose=False)
    assert len(results) == 3
    assert all(result.speed["enhance"] > 0 and not result.gate_passed for result in results)
    assert all(result.enhanced.shape == (50, 100, 3) for result in results)


@BOTH
@pytest.mark.parametrize("gate", ["off", "auto"])
def test_objects_are_known_again_by_their_enhanced_looks(
    where: Any, gate: Any, video: Path, untrained: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untrained("yolo11n-cls").save(tmp_path / "looks.pt")
    settings = YAML.load(str(check_yaml("botsort.yaml")))
    # An untrained detector is sure of nothing.
    settings |= dict.fromkeys(("track_high_thresh", "track_low_thresh", "new_track_thresh"), 0.0)
    YAML.save(str(tmp_path / "tracker.yaml"), {**settings, "with_reid": True, "model": str(tmp_path / "looks.pt")})
    seen: list[np.ndarray] = []
    encode = ReID.__call__

    def watched(self: ReID, picture: np.ndarray, boxes: np.ndarray) -> Any:
        seen.append(picture.copy())
        return encode(self, picture, boxes)

    monkeypatch.setattr(ReID, "__call__", watched)
    model = attach(untrained("yolo11n"), EnhancementStage("gamma", gate=gate), where=where, keep_enhanced=True)
    results = model.track(video, imgsz=96, tracker=str(tmp_path / "tracker.yaml"), conf=1e-4, verbose=False)
    assert len(seen) == len(results) == 3
    for picture, result in zip(seen, results, strict=True):
        np.testing.assert_array_equal(picture, result.enhanced)
        assert not np.array_equal(result.orig_img, result.enhanced)


@BOTH
def test_saved_pictures_are_the_originals(where: Any, folder: Path, untrained: Build, tmp_path: Path) -> None:
    model = attach(untrained("yolo11n"), "gamma", where=where)
    model.predict(folder / "night.png", imgsz=96, save=True, project=str(tmp_path), name="out", verbose=False, conf=1)
    saved = cv2.imread(str(tmp_path / "out" / "night.jpg"))
    original = cv2.imread(str(folder / "night.png"))
    assert saved is not None
    assert original is not None
    assert abs(float(saved.mean()) - float(original.mean())) < 1


@BOTH
@pytest.mark.parametrize("color", ["rgb", "bgr"])
@pytest.mark.parametrize("net", ["yolo11n", "yolo11n-cls"])
def test_red_stays_red_and_blue_stays_blue(where: Any, color: Any, net: str, untrained: Build) -> None:
    picture = np.zeros((96, 96, 3), np.uint8)  # BGR
    picture[20:40, 20:40] = (0, 0, 100)  # a red object
    picture[60:80, 60:80] = (100, 0, 0)  # a blue one
    model = attach(untrained(net), EnhancementStage(Redder(), color=color), where=where, keep_enhanced=True)
    result = model.predict(picture, imgsz=96, verbose=False)[0]
    assert result.enhanced[30, 30].tolist() == [0, 0, 202]
    assert result.enhanced[70, 70].tolist() == [100, 0, 102]
    np.testing.assert_array_equal(result.orig_img, picture)


def test_both_routes_agree_where_nothing_is_resized(untrained: Build, rng: np.random.Generator) -> None:
    picture = rng.integers(0, 60, (64, 96, 3), dtype=np.uint8)
    model = untrained("yolo11n")
    results = []
    for where in ("graph", "source"):
        attach(model, "gamma[gamma=2]", where=where, keep_enhanced=True)
        results.append(model.predict(picture, imgsz=96, conf=1e-6, verbose=False)[0])
    np.testing.assert_array_equal(results[0].enhanced, results[1].enhanced)
    graph, source = (result.boxes.data[result.boxes.conf.argsort(descending=True)][:20] for result in results)
    torch.testing.assert_close(graph, source, atol=0.05, rtol=0.01)  # the source route rounds to 8 bits


@BOTH
def test_nothing_is_enhanced_twice_when_a_model_is_used_again(
    where: Any, night: np.ndarray, day: np.ndarray, untrained: Build
) -> None:
    model = attach(untrained("yolo11n"), "gamma", where=where, keep_enhanced=True)
    first = model.predict(night, imgsz=96, verbose=False)[0].enhanced
    assert model.predict(day, imgsz=96, verbose=False)[0].gate_passed
    np.testing.assert_array_equal(model.predict(night, imgsz=96, verbose=False)[0].enhanced, first)


def test_a_predictor_of_the_users_own_is_enhanced_too(night: np.ndarray, untrained: Build) -> None:
    from ultralytics.models.yolo.detect import DetectionPredictor

    class Own(DetectionPredictor):
        pass

    model = attach(untrained("yolo11n"), "gamma", where="source", keep_enhanced=True)
    for result in (
        model.predict(night, predictor=Own, imgsz=96, verbose=False)[0],
        model.predict(night, False, Own, imgsz=96, verbose=False)[0],
    ):
        assert isinstance(model.predictor, Own)
        assert result.enhanced.mean() > 1.5 * night.mean()


@pytest.mark.parametrize(("fit", "seen_shape"), [("letterbox", (96, 160)), ("stretch", (96, 96)), ("crop", (64, 64))])
def test_the_picture_is_found_again_in_what_the_net_saw(fit: str, seen_shape: tuple[int, int]) -> None:
    ramp = np.linspace(0, 255, 100)[None, :, None] * np.ones((50, 1, 3))
    original = ramp.astype(np.uint8)
    if fit == "letterbox":
        seen = np.full((96, 160, 3), 114, np.uint8)
        seen[8:88] = cv2.resize(original, (160, 80))
    elif fit == "stretch":
        seen = cv2.resize(original, seen_shape)
    else:
        seen = cv2.resize(np.ascontiguousarray(original[:, 25:75]), seen_shape)
    back = full_picture(seen, original, fit)
    assert back.shape == original.shape
    assert np.abs(back.astype(int) - original).max() <= 4
