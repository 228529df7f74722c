"""Every shipped preset fits its schema, and mistakes are answered with the nearest right key."""

from __future__ import annotations

from pathlib import Path

import pytest

from scotopic import configs
from scotopic.cli.options import find_preset, parse_class_map
from scotopic.configs.checks import read_yaml, validate
from scotopic.configs.detector_schema import DetectorTrainSettings
from scotopic.configs.schema import DetectPreset, EnhancePreset, EvaluationSettings, SegmentationSettings, SegmentPreset
from scotopic.configs.train_schema import TrainSettings
from scotopic.errors import ScotopicError

ROOMS = {"enhancer": EnhancePreset, "eval": DetectPreset, "detector": DetectorTrainSettings, "train": TrainSettings}
FOLDER = Path(configs.__file__).parent
SHIPPED = [(room, path) for room in ROOMS for path in sorted((FOLDER / room).glob("*.yaml"))]


@pytest.mark.parametrize(("room", "path"), SHIPPED, ids=lambda value: getattr(value, "stem", value))
def test_shipped_presets_fit(room: str, path: Path) -> None:
    schema = SegmentPreset if room == "eval" and path.stem.endswith("segment") else ROOMS[room]
    validate(schema, read_yaml(path), path.name)


def test_every_room_has_a_preset() -> None:
    assert {room for room, _ in SHIPPED} == set(ROOMS)


def test_gate_off_is_a_word_and_no_truth_value(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("gate: off\n")
    assert validate(DetectPreset, read_yaml(tmp_path / "mine.yaml"), "mine.yaml").gate == "off"


def test_an_unknown_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(ScotopicError, match=r"unknown key 'imgsize' \(did you mean 'imgsz'"):
        validate(EvaluationSettings, {"imgsize": 640}, "x.yaml")


def test_a_value_out_of_range_names_the_key() -> None:
    with pytest.raises(ScotopicError, match="conf"):
        validate(EvaluationSettings, {"conf": 1.5}, "x.yaml")


def test_a_size_is_a_list_or_a_text() -> None:
    for size in ([512, 1024], "512x1024"):
        assert validate(SegmentationSettings, {"input_size": size}, "x.yaml").input_size == (512, 1024)
    for size in ("512", "a x b", [512], "8x512", 512):
        with pytest.raises(ScotopicError, match="input_size"):
            validate(SegmentationSettings, {"input_size": size}, "x.yaml")


def test_unknown_preset() -> None:
    with pytest.raises(ScotopicError, match="did you mean 'night-detect'"):
        find_preset("night-detct", "eval")


def test_class_map_text() -> None:
    with pytest.raises(ScotopicError, match="twice"):
        parse_class_map("bike=bicycle,bike=car")
    assert parse_class_map('{"a,b": null}') == {"a,b": None}
    assert parse_class_map(None) == {}
    with pytest.raises(ScotopicError, match="SET_CLASS=MODEL_CLASS"):
        parse_class_map("=bicycle")
