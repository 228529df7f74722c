"""run, eval, compare, data and demo from end to end, with a real detector on real night images."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from scotopic import attach
from scotopic.adapters.contract import Detections
from scotopic.adapters.two_looks import merge
from scotopic.pipeline.image import read_image, write_image

from .conftest import Outcome

pytest.importorskip("ultralytics", reason="needs the extra [yolo]")
Command = Callable[..., Outcome]
SMALL = ("--imgsz", "320")


@pytest.fixture
def model(data_dir: Path) -> Path:
    return data_dir / "weights" / "yolo11n_dequant.pt"


@pytest.fixture
def few(data_dir: Path, tmp_path: Path) -> Path:
    """A list of four night images and two of the day."""
    with (data_dir / "darkbdd" / "luma.csv").open() as file:
        rows = list(csv.DictReader(file))
    night = [row["id"] for row in rows if row["split"] == "dark"][:4]
    day = [row["id"] for row in rows if row["split"] == "day"][:2]
    path = tmp_path / "few.txt"
    path.write_text("\n".join(night + day) + "\n")
    return path


def test_compare_agrees_with_a_plain_script(
    scotopic: Command, data_dir: Path, model: Path, few: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = (
        "--model",
        model,
        "--data",
        data_dir / "darkbdd",
        "--split",
        few,
        "--enhancers",
        "none,gamma,clahe,sgz",
    )
    outcome = scotopic("compare", "detect", *arguments, "-o", out, *SMALL)
    assert outcome.status == 0, outcome.err
    for word in ("gate off", "6 images", "yolo11n_dequant.pt", "traffic sign", "clahe"):
        assert word in outcome.out
    record = json.loads((out / "results.json").read_text())
    assert [row["enhancer"] for row in record["rows"]] == ["none", "gamma", "clahe", "sgz"]
    assert record["settings"]["imgsz"] == 320
    for row in record["rows"]:
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(str(out / "truth.json"))
            judge = COCOeval(truth, truth.loadRes(str(out / row["predictions"])), "bbox")
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        assert row["metrics"]["mAP"] == pytest.approx(judge.stats[0], abs=1e-6)
        assert row["images"] == 6
        assert row["failed"] == {}
        assert row["timing_ms"]["inference"] > 0
    assert record["rows"][0]["metrics"]["AP50"] > 0.05
    league = (out / "results.md").read_text().split("\n\n")[1]
    assert league.count("\n| ") == len(record["rows"])
    assert (out / "results.csv").is_file()
    assert any((out / "pictures").rglob("*.jpg"))
    before = (out / "results.json").read_bytes()
    again = scotopic("compare", "detect", *arguments, "-o", out, *SMALL)
    assert again.status == 0
    assert json.loads(before)["rows"] == json.loads((out / "results.json").read_text())["rows"]


def test_eval_uses_the_gate_and_says_so(
    scotopic: Command, data_dir: Path, model: Path, few: Path, tmp_path: Path
) -> None:
    outcome = scotopic(
        "eval", "detect", "--model", model, "--data", data_dir / "darkbdd", "--split", few, "--enhancer", "gamma",
        "-o", tmp_path / "out", *SMALL, "--pictures", 0,
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert "gate auto" in outcome.out
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(record["rows"][1]["passed_by_gate"]) == 2
    assert not (tmp_path / "out" / "pictures").exists()


def test_graph_and_source_give_nearly_the_same(
    scotopic: Command, data_dir: Path, model: Path, few: Path, tmp_path: Path
) -> None:
    for where in ("source", "graph"):
        outcome = scotopic(
            "eval", "detect", "--model", model, "--data", data_dir / "darkbdd", "--split", few, "--enhancer", "gamma",
            "-o", tmp_path / where, *SMALL, "--pictures", 0, "--where", where,
        )  # fmt: skip
        assert outcome.status == 0, outcome.err
    source, graph = (
        json.loads((tmp_path / where / "results.json").read_text())["rows"] for where in ("source", "graph")
    )
    assert source[0]["metrics"] == graph[0]["metrics"]
    assert graph[1]["metrics"]["AP50"] == pytest.approx(source[1]["metrics"]["AP50"], abs=0.05)
    assert graph[1]["passed_by_gate"] == source[1]["passed_by_gate"]


def detections(results: list[dict[str, Any]]) -> Detections:
    boxes = np.array([one["bbox"] for one in results]).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    scores = np.array([one["score"] for one in results])
    return Detections(boxes, scores, np.array([one["category_id"] for one in results]))


def test_two_looks_are_those_of_none_and_of_the_source_together(
    scotopic: Command, data_dir: Path, model: Path, few: Path, tmp_path: Path
) -> None:
    for where in ("source", "beside"):
        outcome = scotopic(
            "compare", "detect", "--model", model, "--data", data_dir / "darkbdd", "--split", few, "--enhancers",
            "none,clahe", "-o", tmp_path / where, *SMALL, "--pictures", 1, "--where", where,
        )  # fmt: skip
        assert outcome.status == 0, outcome.err
    assert "two looks" in outcome.out
    none, clahe, both = (
        json.loads((tmp_path / file).read_text())
        for file in ("source/predictions/none.json", "source/predictions/clahe.json", "beside/predictions/clahe.json")
    )
    assert json.loads((tmp_path / "beside/predictions/none.json").read_text()) == none
    for image in range(1, 7):
        first, second, mine = ([one for one in some if one["image_id"] == image] for some in (none, clahe, both))
        assert all(one in first or one in second for one in mine)
        merged = merge(detections(first), detections(second), 0.7)
        assert len(mine) == min(len(merged), 300)
        assert [one["score"] for one in mine] == sorted(merged.scores.tolist(), reverse=True)[:300]
    row = json.loads((tmp_path / "beside/results.json").read_text())["rows"][1]
    assert row["timing_ms"]["second look"] > 0
    refused = scotopic("compare", "segment", "--data", data_dir / "camvid", "--where", "beside", "-o", tmp_path / "no")
    assert refused.status == 2


def test_a_preset_for_a_comparison(scotopic: Command, data_dir: Path, model: Path, few: Path, tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text(
        f"model: {model}\ndata: {data_dir / 'darkbdd'}\nsplit: {few}\nenhancers: [none, 'gamma[gamma=1.5]']\n"
        "imgsz: 320\npictures: 0\nclass_map: {rider: null}\n"
    )
    outcome = scotopic("compare", "detect", "--config", preset, "-o", tmp_path / "out")
    assert outcome.status == 0, outcome.err
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [row["enhancer"] for row in record["rows"]] == ["none", "gamma[gamma=1.5]"]
    assert "rider" in record["data"]["left_out"]
    preset.write_text("enhancer: gamma\n")
    assert "has no option 'enhancer'" in scotopic("compare", "detect", "--config", preset).err


def test_an_image_that_fails_is_named_and_gives_status_1(
    scotopic: Command, data_dir: Path, model: Path, tmp_path: Path
) -> None:
    source = data_dir / "darkbdd"
    for folder, suffix in (("images", ".jpg"), ("labels", ".txt")):
        (tmp_path / "set" / folder).mkdir(parents=True)
        for id_ in ("b1c81faa-3df17267", "b1c81faa-c80764c5"):
            content = (source / folder / f"{id_}{suffix}").read_bytes()
            (tmp_path / "set" / folder / f"{id_}{suffix}").write_bytes(content)
    (tmp_path / "set" / "classes.txt").write_bytes((source / "classes.txt").read_bytes())
    cut = tmp_path / "set" / "images" / "b1c81faa-c80764c5.jpg"
    cut.write_bytes(cut.read_bytes()[:20_000])
    options = ("--model", model, "--data", tmp_path / "set", "--enhancers", "gamma", "-o", tmp_path / "out", *SMALL)
    outcome = scotopic("compare", "detect", *options)
    assert outcome.status == 1
    assert "1 failed images count as empty: b1c81faa-c80764c5" in outcome.out
    assert "truncated" in (tmp_path / "out" / "results.json").read_text()


@pytest.mark.parametrize("command", [("eval", "detect"), ("compare", "detect")])
@pytest.mark.parametrize("preset", ["night-detect", "day-gate"])
def test_shipped_presets_serve_both_commands(scotopic: Command, command: tuple[str, str], preset: str) -> None:
    outcome = scotopic(*command, "--config", preset)
    assert outcome.err == "scotopic: --model is missing: give --model yolo11n.pt\n"


def test_run_never_overwrites_a_source(scotopic: Command, model: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "own" / "photo.jpg", np.zeros((64, 64, 3), np.uint8))
    write_image(tmp_path / "own" / "photo.png", np.zeros((64, 64, 3), np.uint8))
    before = (tmp_path / "own" / "photo.jpg").read_bytes()
    outcome = scotopic("run", tmp_path / "own" / "photo.jpg", "--model", model, "-o", tmp_path / "own", *SMALL)
    assert outcome.status == 1
    assert (tmp_path / "own" / "photo.jpg").read_bytes() == before
    both = scotopic("run", tmp_path / "own", "--model", model, "-o", tmp_path / "out", *SMALL)
    assert both.status == 0, both.err
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"photo.jpg", "photo.png.jpg"}


def test_the_other_place_for_an_enhancer_is_named_as_an_option(scotopic: Command, tmp_path: Path) -> None:
    write_image(tmp_path / "dark.png", np.zeros((64, 64, 3), np.uint8))
    outcome = scotopic(
        "run", tmp_path / "dark.png", "--model", "street", "--enhancer", "clahe", "--where", "graph",
        "-o", tmp_path / "out", *SMALL,
    )  # fmt: skip
    assert outcome.status == 1
    assert outcome.err.endswith('cannot stand inside a network: use where="source" (--where source)\n')


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-o", "out", "--track"], "--track follows objects through videos, and there is none"),
        (["-o", "out", "--live", "queue"], "--live is for cameras and streams, and there is none"),
        (["-o", "out.mp4"], "pictures are written into a folder, and out.mp4 would be a file"),
    ],
)
def test_what_pictures_alone_have_no_use_for_is_refused(
    scotopic: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "night" / "dark.png", np.zeros((8, 8, 3), np.uint8))
    outcome = scotopic("run", "night", "--model", "street", *arguments)
    assert outcome.status == 1
    assert outcome.err.startswith(f"scotopic: {sentence}")
    assert outcome.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["night"]


def test_run_draws_both_side_by_side(scotopic: Command, data_dir: Path, model: Path, tmp_path: Path) -> None:
    image = data_dir / "darkbdd" / "images" / "b1c81faa-3df17267.jpg"
    outcome = scotopic("run", image, "--model", model, "--enhancer", "clahe", "-o", tmp_path / "out", *SMALL)
    assert outcome.status == 0, outcome.err
    assert "1 of 1 pictures" in outcome.out
    assert read_image(tmp_path / "out" / image.name).shape[1] == 2 * 1280
    both = scotopic(
        "run", image, "--model", model, "--enhancer", "clahe", "-o", tmp_path / "both", *SMALL, "--where", "beside"
    )
    assert both.status == 0, both.err
    assert "with none and clahe" in both.out


def test_a_model_that_was_saved_with_an_enhancer_gets_no_second_one(scotopic: Command, tmp_path: Path) -> None:
    """Else it would enhance twice, and the boxes "without" would be those with its own."""
    from ultralytics import YOLO

    torch.manual_seed(0)
    own = tmp_path / "own.pt"
    attach(YOLO("yolo11n.yaml"), "sgz").save(own)
    write_image(tmp_path / "dark.png", np.full((64, 64, 3), 16, np.uint8))
    sentence = "scotopic: own.pt holds the enhancer 'sgz' already, and another would come on top of it: "
    run = ("run", tmp_path / "dark.png", "--model", own, "-o", tmp_path / "out", *SMALL)
    for command in (
        (*run, "--enhancer", "gamma"),
        (*run, "--enhancer", "gamma", "--where", "graph"),
        ("watch", tmp_path / "dark.png", "--serve", "127.0.0.1:0", "--model", own, "--enhancer", "gamma"),
    ):
        outcome = scotopic(*command)
        assert outcome.status == 1
        assert outcome.err.startswith(sentence)
        assert outcome.err.count("\n") == 1
    for where in ("source", "graph"):
        outcome = scotopic(*run, "--enhancer", "none", "--where", where)
        assert outcome.status == 0, outcome.err


def test_darkbdd_is_built_and_can_be_evaluated(scotopic: Command, data_dir: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    source = tmp_path / "bdd"
    (source / "images").mkdir(parents=True)
    (source / "labels").mkdir()
    with (data_dir / "darkbdd" / "luma.csv").open() as file:
        rows = list(csv.DictReader(file))[:12]
    for row in rows:
        (source / "images" / f"{row['id']}.jpg").symlink_to(data_dir / "darkbdd" / "images" / f"{row['id']}.jpg")
        (source / "labels" / f"{row['id']}.txt").symlink_to(data_dir / "darkbdd" / "labels" / f"{row['id']}.txt")
    (source / "classes.txt").symlink_to(data_dir / "darkbdd" / "classes.txt")
    outcome = scotopic("data", "darkbdd", "--bdd", source, "--count", 3, "-o", out)
    assert outcome.status == 0, outcome.err
    darkest = sorted(rows, key=lambda row: float(row["mean_luma"]))[:3]
    assert {path.stem for path in (out / "images").iterdir()} == {row["id"] for row in darkest}
    evaluated = scotopic("eval", "detect", "--model", model, "--data", out, "-o", tmp_path / "out", *SMALL)
    assert evaluated.status == 0, evaluated.err
    assert "3 images" in evaluated.out


def test_demo_needs_nothing_from_anywhere(scotopic: Command, tmp_path: Path) -> None:
    """With the detector that the package carries; conftest refuses every connection."""
    few, out = ["none", "gamma", "sgz"], tmp_path / "demo"
    outcome = scotopic("demo", "--enhancers", "gamma,sgz", "-o", out)
    assert outcome.status == 0, outcome.err
    assert "objects found" in outcome.out
    assert "They prove nothing" in outcome.out
    assert "for want of a partner among the model's classes: tie" in outcome.out
    assert read_image(out / "contact_sheet.png").mean() > 30
    record = json.loads((out / "results.json").read_text())
    assert [row["enhancer"] for row in record["rows"]] == few
    assert record["model"]["file"] == "street.safetensors"
    assert {row["verdict"]["word"] for row in list(record["statistics"]["rows"].values())[1:]} == {"unclear"}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "They prove nothing" in page
    assert "Not shown: on these images none of the 2 enhancers can be told from chance" in page
    shown = json.loads((out / "report_pictures" / "index.json").read_text())["pictures"]
    assert {(entry["enhancer"], entry["id"]) for entry in shown} == {
        (name, id_) for name in few[1:] for id_ in ("bus", "zidane")
    }


def test_demo_with_another_detector(scotopic: Command, model: Path, tmp_path: Path) -> None:
    outcome = scotopic("demo", "--model", model, "--enhancers", "gamma", "-o", tmp_path / "demo")
    assert outcome.status == 0, outcome.err
    assert "left out, for want" not in outcome.out, "a net of COCO knows ties"
    assert (tmp_path / "demo" / "report.html").is_file()
    missing = scotopic("demo", "--model", "missing.pt", "-o", tmp_path / "other")
    assert missing.status == 1
    assert "no detector at missing.pt" in missing.err


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"--model": "missing.pt"}, "missing.pt"),
        ({"--model": "text.pt"}, "text.pt"),
        ({"--model": None}, "--model is missing"),
        ({"--data": None}, "--data is missing"),
        ({"--data": "nowhere"}, "nowhere"),
        ({"--data": "darkbd"}, "did you mean 'darkbdd'"),
        ({"--split": "dusk"}, "dusk"),
        ({"--enhancers": "none,clah"}, "did you mean 'clahe'"),
        ({"--class-map": "bik=bicycle"}, "did you mean 'bike'"),
        ({"--class-map": "bike"}, "SET_CLASS=MODEL_CLASS"),
        ({"--conf": 2}, "conf"),
        ({"--imgsz": 3}, "imgsz"),
        ({"--out": "text.pt"}, "a file is in the way"),
    ],
)
def test_bad_input_is_one_sentence(
    scotopic: Command,
    data_dir: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, object],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.pt").write_text("not a model")
    options = {"--model": model, "--data": data_dir / "darkbdd", "--split": "dark", "--out": "out", **changed}
    arguments = [part for option, value in options.items() if value is not None for part in (option, value)]
    outcome = scotopic("compare", "detect", *arguments)
    assert outcome.status == 1
    assert sentence in outcome.err
    assert outcome.err.startswith("scotopic: ")
    assert "Traceback" not in outcome.err
