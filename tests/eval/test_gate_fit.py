"""The gate's thresholds: those that ship are those that the labels give, and they hold on pictures not fitted on."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from scotopic import configs
from scotopic.errors import ScotopicError
from scotopic.eval.datasets.dark_source import find_dark_source
from scotopic.eval.gate_fit import (
    LitPicture,
    fit_gate,
    halves,
    measure_pictures,
    mistaken,
    read_lights,
    tally,
    write_gate,
)
from scotopic.pipeline.gate import Darkness, DarknessGate
from scotopic.pipeline.image import read_image, write_image

LABELS = Path(configs.__file__).parent / "gate" / "darkbdd_light.csv"


@pytest.fixture(scope="module")
def labelled(data_dir: Path) -> list[LitPicture]:
    return measure_pictures(find_dark_source(data_dir / "darkbdd"), read_lights(LABELS))


def test_the_shipped_labels() -> None:
    assert Counter(read_lights(LABELS).values()) == {"night": 73, "dusk": 13, "day": 114}


def test_the_gate_is_fitted_on_one_half_of_the_labels(labelled: list[LitPicture]) -> None:
    fitted, _ = halves(labelled)
    found, shipped = asdict(fit_gate(fitted)), asdict(DarknessGate())
    assert found == pytest.approx(shipped, rel=5e-3)  # JPEG decoders and optimisers differ in the last digits


def test_it_knows_night_from_day_on_the_other_half(labelled: list[LitPicture]) -> None:
    gate = DarknessGate()
    fitted, others = halves(labelled)
    judged = tally(gate, others)
    night, day = judged["night"], judged["day"]
    assert (night.total, judged["dusk"].total, day.total) == (39, 4, 57)
    assert night.enhanced >= 0.98 * night.total
    assert night.full >= 0.95 * night.total
    assert day.total - day.enhanced >= 0.98 * day.total
    assert day.full == 0
    assert len(mistaken(gate, others)) == day.enhanced
    seen = tally(gate, fitted)
    assert seen["night"].enhanced >= seen["night"].total - 1
    assert seen["day"].enhanced == 0


def test_frames_that_are_bright_by_mean_luma_stay_as_they_are(data_dir: Path, labelled: list[LitPicture]) -> None:
    with (data_dir / "darkbdd" / "luma.csv").open(newline="") as file:
        bright = {row["id"] for row in csv.DictReader(file) if row["split"] == "day"}
    gate = DarknessGate()
    touched = [one for one in labelled if one.id in bright and gate.opening(one.darkness) > 0]
    assert len(bright) == 123
    assert Counter(one.light for one in touched) == {"night": 1, "dusk": 1}
    assert max(gate.opening(one.darkness) for one in touched) < 0.4


def test_another_camera(data_dir: Path) -> None:
    """CamVid, on which nothing was fitted: the sequence 0001TP was taken at dusk, the others by day."""
    gate, folder = DarknessGate(), data_dir / "camvid"
    openings: dict[bool, list[float]] = {True: [], False: []}
    with (folder / "luma.csv").open(newline="") as file:
        for row in list(csv.DictReader(file))[::4]:
            image = read_image(folder / "images" / row["split"] / f"{row['name']}.jpg")
            openings[row["sequence"] == "0001TP"].append(gate.opening(gate.measure(image)))
    assert np.mean(np.array(openings[True]) > 0) > 0.8
    assert np.mean(np.array(openings[False]) == 0) > 0.96


def made_up(rng: np.random.Generator, count: int, shift: float = 0) -> list[LitPicture]:
    """Nights and days whose mean luma alone differs, about ``shift`` + 50 and ``shift`` + 90."""
    return [
        LitPicture(f"{i:03}", "day" if i % 3 else "night", Darkness(shift + 50 + 40 * bool(i % 3) + noise, 0.4, 0.1))
        for i, noise in enumerate(rng.normal(0, 4, count))
    ]


def test_other_pictures_give_other_thresholds(rng: np.random.Generator) -> None:
    dim, light = (fit_gate(made_up(rng, 60, shift)) for shift in (0, 60))
    for gate, border in ((dim, 70), (light, 130)):
        assert gate.opening(Darkness(border - 15, 0.4, 0.1)) == 1
        assert gate.opening(Darkness(border + 5, 0.4, 0.1)) == 0
        assert abs(gate.dark_share_weight) + abs(gate.highlight_share_weight) < 1e-6, "what never changes says nothing"


def test_dusk_has_no_say(rng: np.random.Generator) -> None:
    pictures = made_up(rng, 40)
    dusk = [LitPicture(f"x{i}", "dusk", Darkness(200, 0, 1)) for i in range(9)]
    assert fit_gate([*pictures, *dusk]) == fit_gate(pictures)
    assert tally(DarknessGate(), dusk)["dusk"].total == 9
    assert mistaken(DarknessGate(), dusk) == []


def test_one_light_alone_is_refused(rng: np.random.Generator) -> None:
    days = [picture for picture in made_up(rng, 20) if picture.light == "day"]
    with pytest.raises(ScotopicError, match="no night picture among those to fit on"):
        fit_gate(days)


def test_every_other_picture_by_id(rng: np.random.Generator) -> None:
    pictures = made_up(rng, 5)
    fitted, others = halves(pictures[::-1])
    assert [one.id for one in fitted] == ["000", "002", "004"]
    assert [one.id for one in others] == ["001", "003"]


def test_what_is_written_is_what_is_read(tmp_path: Path, rng: np.random.Generator) -> None:
    gate = fit_gate(made_up(rng, 30))
    write_gate(tmp_path / "gate.yaml", gate, "Two\nlines.")
    assert (tmp_path / "gate.yaml").read_text().startswith("# Two\n# lines.\n")
    assert DarknessGate.from_file(tmp_path / "gate.yaml") == gate


def test_pictures_are_found_by_name_or_by_path(tmp_path: Path) -> None:
    for name, level in (("a/one", 10), ("b/one", 90), ("b/two", 200)):
        write_image(tmp_path / f"{name}.png", np.full((8, 8, 3), level, np.uint8))
    source = find_dark_source(tmp_path)
    found = measure_pictures(source, {"two": "day", "b/one": "day", "a/one": "night"})
    assert [(one.id, round(one.darkness.mean_luma)) for one in found] == [("a/one", 10), ("b/one", 90), ("two", 200)]
    with pytest.raises(ScotopicError, match="has 2 pictures 'one'"):
        measure_pictures(source, {"one": "day"})
    with pytest.raises(ScotopicError, match=r"has no picture 'two\.png': an id is a file name without suffix"):
        measure_pictures(source, {"two.png": "day"})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,light\na,day\n", r"labels\.csv has no column 'id': its first line must be id,light"),
        ("id,light\na,day\nb,nigth\n", "line 3: 'nigth' is no light: did you mean 'night'"),
        ("id,light\na\n", "line 2: '' is no light"),
        ("id,light\na,day\na,night\n", "line 3: the id 'a' stands there twice"),
        ("id,light\n,day\n", "line 2: the id is missing"),
        ("", "no column 'id'"),
    ],
    ids=str,
)
def test_bad_labels_are_named(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ScotopicError, match=sentence):
        read_lights(tmp_path / "labels.csv")


def test_spaces_and_other_columns_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("\ufefflight,id,who\n dusk , a b ,me\n", encoding="utf-8")
    assert read_lights(tmp_path / "labels.csv") == {"a b": "dusk"}
