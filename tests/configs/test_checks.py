from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from scotopic.configs.checks import read_yaml, validate
from scotopic.configs.data_schema import DetectionData, list_data_presets, load_data_preset
from scotopic.errors import ScotopicError


class Gate(BaseModel, extra="forbid"):
    threshold: float = Field(0.5, ge=0, le=1)


class Preset(BaseModel, extra="forbid"):
    enhancer: str
    mode: Literal["auto", "off"] = "auto"
    gate: Gate | None = None
    gates: dict[str, Gate] = {}
    steps: list[Gate] = []


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"enhancer": "sgz", "mod": "off"}, r"p\.yaml: unknown key 'mod' \(did you mean 'mode'"),
        ({"mode": "off"}, "the key 'enhancer' is missing"),
        ({"enhancer": "sgz", "mode": "of"}, r"mode: 'of' is not a choice \(did you mean 'off'\? Known: auto, off\)"),
        ({"enhancer": "sgz", "gate": {"treshold": 1}}, r"unknown key 'gate\.treshold' \(did you mean 'threshold'"),
        (
            {"enhancer": "sgz", "gates": {"a": {"treshold": 1}}},
            r"unknown key 'gates\.a\.treshold' \(did you mean 'threshold'",
        ),
        ({"enhancer": "sgz", "steps": [{"x": 1}]}, r"unknown key 'steps\.0\.x' \(Known: threshold\)"),
        (
            {"enhancer": "sgz", "gate": {"threshold": 2}},
            r"gate\.threshold: input should be less than or equal to 1, not 2",
        ),
        ({"enhancer": 3}, "enhancer: input should be a valid string, not 3"),
        ({"enhancer": 3, "mod": 1}, "not 3; unknown key 'mod'"),
        ([1], "must hold keys and values, not list"),
    ],
)
def test_one_sentence_with_the_nearest_right_key(mapping: object, message: str) -> None:
    with pytest.raises(ScotopicError, match=message):
        validate(Preset, mapping, "p.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", r"p\.yaml line 2 is not YAML"),
        (b"a: \xff", "is not UTF-8"),
        (b"split: 2020-13-45", r"p\.yaml holds an impossible date or number \(month must be in 1\.\.12\): put text in"),
        (b"split: 0x_", r"p\.yaml holds an impossible date or number"),
        (b"split: " + b"[" * 10_000, r"p\.yaml is nested too deep to be read"),
        (b"", "must hold 'key: value' lines, not NoneType"),
        (None, "cannot read .*: No such file"),
    ],
)
def test_unreadable_yaml(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "p.yaml").write_bytes(content + b"\n" if content else content)
    with pytest.raises(ScotopicError, match=message):
        read_yaml(tmp_path / "p.yaml")


@pytest.mark.parametrize("name", list_data_presets())
def test_shipped_data_presets_are_valid_and_named_like_their_file(name: str) -> None:
    preset = load_data_preset(name)
    assert preset.name == name
    assert preset.description
    assert preset.licence


def test_root_of_a_preset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCOTOPIC_DATA", raising=False)
    preset = DetectionData(name="a", format="coco", root="${SCOTOPIC_DATA}/a", annotations="labels/val.json")
    assert preset.path(beside=Path("elsewhere")) == tmp_path / "../shared/data/a/labels/val.json"
    monkeypatch.setenv("SCOTOPIC_DATA", "/sets")
    assert preset.path() == Path("/sets/a/labels/val.json")
    assert DetectionData(name="a", format="coco", root="sets/a").path(beside=Path("/here")) == Path("/here/sets/a")
    with pytest.raises(ScotopicError, match="needs the environment variable NO_SUCH_PLACE"):
        DetectionData(name="a", format="coco", root="${NO_SUCH_PLACE}/a").path()


def test_annotations_lie_below_root() -> None:
    with pytest.raises(ScotopicError, match="annotations: give the path of the label file below root"):
        validate(DetectionData, {"name": "a", "format": "coco", "root": "r", "annotations": "../x.json"}, "p.yaml")


def test_unknown_preset() -> None:
    with pytest.raises(ScotopicError, match="no data-set preset 'darkbd': did you mean 'darkbdd'"):
        load_data_preset("darkbd")
