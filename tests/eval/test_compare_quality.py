"""The comparison of how pictures look: means that can be recomputed, nothing lost, nothing reused wrongly."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from scotopic.configs.schema import QualityProtocol, QualitySettings
from scotopic.errors import ScotopicError
from scotopic.eval.compare_quality import compare_quality
from scotopic.eval.datasets.pictures import load_pictures
from scotopic.eval.quality import full_reference_scores
from scotopic.eval.report.page.agreement import quality_table
from scotopic.eval.report.page.results import Results
from scotopic.eval.report.quality_pictures import HEIGHT, WIDTH, write_contact_sheet
from scotopic.eval.report.tables import columns, heading, markdown, notes, table
from scotopic.pipeline.image import read_image, write_image

from ..photographs import write_brisque_model, write_niqe_parameters, write_pairs

OFF = QualitySettings(gate="off")
UNDO = "gamma[gamma=2.0]"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs")


def test_the_right_enhancer_is_seen_to_be_right(pairs: Path, tmp_path: Path) -> None:
    comparison = compare_quality(pairs, [UNDO, "clahe"], tmp_path / "out", settings=OFF)
    none, undo, _ = comparison.rows
    assert [row["enhancer"] for row in comparison.rows] == ["none", UNDO, "clahe"]
    assert undo["metrics"]["PSNR"] > 40 > 20 > none["metrics"]["PSNR"]
    assert undo["metrics"]["SSIM"] > 0.98 > none["metrics"]["SSIM"]
    assert undo["metrics"]["MSE"] < 10 < none["metrics"]["MSE"]
    assert undo["images"] == 4
    assert undo["timing_ms"]["enhance"] > 0
    for id_, scores in none["per_image"].items():
        again = full_reference_scores(
            read_image(pairs / "low" / f"{id_}.png"), read_image(pairs / "high" / f"{id_}.png")
        )
        assert scores == pytest.approx(again)
    for row in comparison.rows:
        for name, mean in row["metrics"].items():
            assert mean == pytest.approx(np.mean([scores[name] for scores in row["per_image"].values()]))
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == comparison.record
    seen = sorted(path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith("."))
    assert seen == ["results.csv", "results.json", "results.md"]


def test_the_protocol_is_applied_and_said(pairs: Path, tmp_path: Path) -> None:
    settings = QualitySettings(gate="off", color="luma", match_mean=True, crop=4)
    comparison = compare_quality(pairs, ["clahe"], tmp_path / "out", settings=settings)
    protocol = QualityProtocol(color="luma", match_mean=True, crop=4)
    low, high = (read_image(pairs / side / "2.png") for side in ("low", "high"))
    assert comparison.rows[0]["per_image"]["2"] == pytest.approx(full_reference_scores(low, high, protocol))
    text = markdown(comparison.record)
    for part in (
        "luma (BT.601)",
        "mean luma of its reference",
        "4 pixels cut off",
        "BRISQUE is left out",
        "NIQE is left",
    ):
        assert part in text
    assert comparison.record["settings"]["crop"] == 4


def test_tables_show_units_and_no_model(pairs: Path, tmp_path: Path) -> None:
    record = compare_quality(pairs, [UNDO], tmp_path / "out", settings=OFF).record
    assert heading(record) == "pairs, 4 images, gate off"
    assert columns(record) == ["enhancer", "PSNR", "vs none", "SSIM", "MSE", "enhance ms", "passed", "failed"]
    none, undo = record["rows"]
    cells = table(record)[1]
    assert cells[1] == f"{undo['metrics']['PSNR']:.2f}"
    assert cells[2] == f"+{undo['metrics']['PSNR'] - none['metrics']['PSNR']:.2f}"
    assert cells[3] == f"{undo['metrics']['SSIM']:.3f}"
    rows = list(csv.DictReader((tmp_path / "out" / "results.csv").open()))
    assert float(rows[1]["PSNR"]) == undo["metrics"]["PSNR"]


def test_without_references(pairs: Path, tmp_path: Path) -> None:
    brisque = write_brisque_model(tmp_path / "svm.txt")
    niqe = write_niqe_parameters(tmp_path / "niqe.npz")
    plain = write_pairs(tmp_path / "large", count=2, width=200, height=110) / "low"
    settings = QualitySettings(gate="off", brisque=str(brisque), niqe=str(niqe))
    comparison = compare_quality(plain, ["gamma"], tmp_path / "out", settings=settings)
    assert list(comparison.rows[0]["metrics"]) == ["BRISQUE", "NIQE"]
    assert all(value is not None for row in comparison.rows for value in row["metrics"].values())
    text = " ".join(notes(comparison.record))
    assert "BRISQUE does not penalise darkness" in text
    assert "PSNR, SSIM and MSE are left out" in text
    parameters = comparison.record["settings"]["parameters"]
    assert list(parameters["BRISQUE"]) == ["svm.txt", "svm.txt.range"]
    with pytest.raises(ScotopicError, match=r"nothing to measure on low: .*--reference FOLDER.*--brisque FILE"):
        compare_quality(plain, ["gamma"], tmp_path / "out", settings=OFF)


def test_a_metric_without_a_value_is_left_out_of_the_mean(pairs: Path, tmp_path: Path) -> None:
    settings = QualitySettings(gate="off", niqe=str(write_niqe_parameters(tmp_path / "niqe.npz")))
    comparison = compare_quality(pairs, [], tmp_path / "out", settings=settings)
    none = comparison.rows[0]
    assert none["metrics"]["NIQE"] is None  # 64x48 pixels are no block
    assert none["without_value"] == {"NIQE": ["0", "1", "2", "3"]}
    assert "none: NIQE has no value for 4 images, which its mean leaves out." in notes(comparison.record)
    assert table(comparison.record)[0][columns(comparison.record).index("NIQE")] == "-"


def test_a_perfect_picture_makes_no_row_look_worse(pairs: Path, tmp_path: Path) -> None:
    """Of four pictures three are delivered as they were, and one first nearly and then quite right."""
    gains, means = [], []
    for wrong in (1, 0):
        theirs = tmp_path / f"theirs {wrong}"
        for file in (pairs / "low").iterdir():
            write_image(theirs / file.name, read_image(file))
        right = read_image(pairs / "high" / "1.png")
        right[0, 0, 0] += wrong
        write_image(theirs / "1.png", right)
        record = compare_quality(pairs, [f"folder:{theirs}"], tmp_path / f"out {wrong}", settings=OFF).record
        gains.append(float(table(record)[1][2]))
        means.append(record["rows"][1]["metrics"]["PSNR"])
    assert means[1] > means[0] > record["rows"][0]["metrics"]["PSNR"]
    assert gains[1] > gains[0] > 0
    assert record["rows"][1]["per_image"]["1"]["PSNR"] == 100
    equal = f"folder:{theirs}: 1 pictures equal their references, to 100 dB or more; they count with 100 dB."
    assert equal in notes(record)


def test_rows_are_compared_over_the_pictures_that_both_have(tmp_path: Path) -> None:
    """Better than none in every picture that it has, and yet of a lower mean, for it has the darkest alone."""
    pairs, theirs = tmp_path / "pairs", tmp_path / "theirs"
    random = np.random.default_rng(0)
    for number in range(4):
        bright = random.integers(60, 200, (32, 32, 3), np.uint8)
        write_image(pairs / "high" / f"{number}.png", bright)
        write_image(pairs / "low" / f"{number}.png", bright // (10 if number < 2 else 2))
        if number < 2:
            write_image(theirs / f"{number}.png", bright // 10 * 2)
    record = compare_quality(pairs, [f"folder:{theirs}"], tmp_path / "out", settings=OFF).record
    none, ready = record["rows"]
    assert ready["metrics"]["PSNR"] < none["metrics"]["PSNR"]
    gain = np.mean([ready["per_image"][id_]["PSNR"] - none["per_image"][id_]["PSNR"] for id_ in ("0", "1")])
    assert gain > 0
    assert table(record)[1][2] == f"{gain:+.2f} (2 of 4)"
    assert any(note.startswith("vs none is the difference of PSNR over the pictures") for note in notes(record))
    page = quality_table(Results("looks", tmp_path / "out", record))
    psnr = next(note for note in page.notes if "have PSNR" in note)
    assert psnr.startswith(f"folder:{theirs}: over the 2 of 4 pictures that have PSNR behind none too, it is ")
    old = json.loads(json.dumps(record))  # of a version in which an infinite PSNR was no value
    old["rows"][0]["per_image"]["0"]["PSNR"] = None
    one = ready["per_image"]["1"]["PSNR"] - none["per_image"]["1"]["PSNR"]
    assert table(old)[1][2] == f"{one:+.2f} (1 of 4)"
    old["rows"][0]["per_image"]["1"]["PSNR"] = None
    assert table(old)[1][2] == "-"
    assert (
        f"folder:{theirs}: no picture has PSNR both here and behind none."
        in quality_table(Results("looks", tmp_path / "out", old)).notes
    )


def test_failed_images_are_named_and_left_out(pairs: Path, tmp_path: Path) -> None:
    low, high = pairs / "low", pairs / "high"
    (low / "0.png").write_bytes((low / "0.png").read_bytes()[:-30])
    (high / "1.png").write_bytes(b"no picture")
    write_image(high / "2.png", read_image(high / "2.png")[:-1])
    comparison = compare_quality(pairs, [UNDO], tmp_path / "out", settings=OFF)
    for row in comparison.rows:
        assert list(row["failed"]) == ["0", "1", "2"]
        assert "truncated" in row["failed"]["0"]
        assert "1.png" in row["failed"]["1"]
        assert "the picture is 64x48, its reference 64x47" in row["failed"]["2"]
        assert list(row["per_image"]) == ["3"]
    why = f"{UNDO}: 3 failed images are left out of its means: 0, 1, 2. Why 0 failed: "
    assert [note for note in notes(comparison.record) if note.startswith(why) and "truncated" in note]
    (high / "3.png").write_bytes(b"")
    with pytest.raises(ScotopicError, match="no image of pairs could be used"):
        compare_quality(pairs, [UNDO], tmp_path / "other", settings=OFF)


def test_pictures_without_a_partner_are_named(pairs: Path, tmp_path: Path) -> None:
    (pairs / "high" / "2.png").unlink()
    record = compare_quality(pairs, [], tmp_path / "out", settings=OFF).record
    assert record["data"]["without_reference"] == ["2"]
    assert "1 pictures have no reference and are left out: 2." in notes(record)


def test_the_gate_passes_bright_pictures(pairs: Path, tmp_path: Path) -> None:
    for name in ("0.png", "1.png", "2.png"):
        write_image(pairs / "low" / name, read_image(pairs / "low" / name) // 4)
    write_image(pairs / "low" / "3.png", np.full((48, 64, 3), 200, np.uint8))
    comparison = compare_quality(pairs, [UNDO], tmp_path / "auto", settings=QualitySettings(gate="auto"))
    assert comparison.rows[1]["passed_by_gate"] == ["3"]
    assert comparison.rows[1]["per_image"]["3"] == comparison.rows[0]["per_image"]["3"]
    assert compare_quality(pairs, [UNDO], tmp_path / "out").rows[1]["passed_by_gate"] == []


def test_finished_rows_are_reused_only_if_nothing_changed(pairs: Path, tmp_path: Path) -> None:
    niqe = write_niqe_parameters(tmp_path / "niqe.npz")

    def rows(settings: QualitySettings = OFF) -> list[str]:
        seen: list[str] = []

        def progress(name: str, done: int, total: int) -> None:
            if done == 1:
                seen.append(name)

        compare_quality(pairs, [UNDO], tmp_path / "out", settings=settings, progress=progress)
        return seen

    assert rows() == ["none", UNDO]
    assert rows() == []
    assert rows(QualitySettings(gate="off", crop=2)) == ["none", UNDO]
    with_niqe = QualitySettings(gate="off", niqe=str(niqe))
    assert rows(with_niqe) == ["none", UNDO]
    assert rows(with_niqe) == []
    np.savez(niqe, mu_pris_param=np.ones((1, 36)), cov_pris_param=np.eye(36))
    assert rows(with_niqe) == ["none", UNDO]
    write_image(pairs / "high" / "0.png", read_image(pairs / "low" / "0.png"))
    assert rows(with_niqe) == ["none", UNDO]


def test_an_interrupted_run_goes_on_where_it_stopped(pairs: Path, tmp_path: Path) -> None:
    def interrupt(name: str, done: int, total: int) -> None:
        if name == UNDO and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_quality(pairs, [UNDO], tmp_path / "out", settings=OFF, progress=interrupt)
    journal = next((tmp_path / "out").glob(".*.jsonl"))
    assert len(journal.read_text().splitlines()) == 1 + 2
    resumed = compare_quality(pairs, [UNDO], tmp_path / "out", settings=OFF)
    whole = compare_quality(pairs, [UNDO], tmp_path / "whole", settings=OFF)
    assert [row["per_image"] for row in resumed.rows] == [row["per_image"] for row in whole.rows]
    assert not list((tmp_path / "out").glob(".*.jsonl"))


def test_contact_sheet(pairs: Path, tmp_path: Path) -> None:
    cut = pairs / "low" / "0.png"
    cut.write_bytes(cut.read_bytes()[:-30])
    pictures = load_pictures(pairs)
    comparison = compare_quality(pictures, [UNDO], tmp_path / "out", settings=OFF)
    path = tmp_path / "out" / "pictures" / "contact_sheet.jpg"
    assert write_contact_sheet(comparison, pictures, count=2) == path
    sheet = read_image(path)
    assert sheet.shape[1] == 3 * WIDTH  # input, one enhancer, reference
    shown, dark = WIDTH * 48 // 64, sheet[-100:-50, 50:-50]
    assert sheet.shape[0] > 2 * shown
    means = [panel.mean() for panel in np.split(dark[:, : 3 * (dark.shape[1] // 3)], 3, axis=1)]
    assert means[0] < means[1]
    assert means[1] == pytest.approx(means[2], abs=25)
    assert write_contact_sheet(comparison, pictures, count=0) is None
    assert not path.exists()


def test_a_narrow_picture_does_not_fill_the_contact_sheet(tmp_path: Path) -> None:
    pictures = load_pictures(write_pairs(tmp_path / "pairs", count=2, width=12, height=6000))
    comparison = compare_quality(pictures, [UNDO], tmp_path / "out", settings=OFF)
    assert write_contact_sheet(comparison, pictures, count=1) is not None
    sheet = read_image(tmp_path / "out" / "pictures" / "contact_sheet.jpg")
    assert sheet.shape[1] == 3 * WIDTH
    assert HEIGHT <= sheet.shape[0] < HEIGHT + 50
    middle = sheet[HEIGHT // 2].reshape(3, WIDTH, 3)
    assert middle[:, : WIDTH // 3].max() < 16
    assert middle[-1, WIDTH // 3 : -WIDTH // 3].max() > 60


def test_lol_agrees_with_what_others_publish(data_dir: Path, tmp_path: Path) -> None:
    """7.77 dB of the unprocessed pairs stands in most papers on LOL."""
    comparison = compare_quality(data_dir / "lol_eval15", [], tmp_path / "out", settings=OFF)
    assert comparison.rows[0]["metrics"]["PSNR"] == pytest.approx(7.77, abs=0.005)
    assert comparison.rows[0]["metrics"]["SSIM"] == pytest.approx(0.195, abs=0.001)
