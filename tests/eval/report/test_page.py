"""The page says what the record says, and no more."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scotopic.errors import ScotopicError
from scotopic.eval.report.page.build import report_html, write_report
from scotopic.eval.report.page.gallery import choose_pictures
from scotopic.eval.report.page.latency import latency_plot, latency_points
from scotopic.eval.report.page.league import league
from scotopic.eval.report.page.results import Results, read_results
from scotopic.eval.report.page.verdict import overall, verdict_of

from .conftest import EVIL_CLASS, compare_squares, write_squares


def judged(name: str, **words: tuple[str, float, float, float]) -> Results:
    """A condition of which only the verdicts matter: enhancer -> word, points, ends of the interval."""
    rows: list[dict[str, Any]] = [{"enhancer": "none", "metrics": {"mAP": 0.2}}]
    statistics: dict[str, Any] = {}
    for enhancer, (word, value, low, high) in words.items():
        rows.append({"enhancer": enhancer, "metrics": {"mAP": 0.2 + value / 100}})
        interval = {"value": value / 100, "bca": [low / 100, high / 100], "p_holm": 0.01}
        statistics[enhancer] = {"difference": {"mAP": interval}, "verdict": {"word": word, "text": f"{word}: ..."}}
    record = {
        "task": "detect",
        "data": {"name": name, "images": 9},
        "settings": {"gate": "off"},
        "rows": rows,
        "statistics": {"rows": statistics, "metric": "mAP"},
    }
    return Results(name, Path(), record)


def test_an_enhancer_that_helps_and_harms_nowhere_is_recommended() -> None:
    night = judged("night", clahe=("helps", 2.1, 0.6, 3.5), gamma=("helps", 4, 1.5, 6))
    day = judged("day", clahe=("unclear", 0.1, -1, 1), gamma=("harms", -3, -4, -2))
    assert overall([night, day]) == (
        "Yes, in part: clahe helps on night, +2.1 mAP [0.6, 3.5], and is not shown to harm elsewhere."
    )
    dusk = judged("dusk", clahe=("helps", 1, 0.5, 1.5))
    assert overall([night, dusk]) == "Yes: clahe helps on night, +2.1 mAP [0.6, 3.5] and on dusk, +1.0 mAP [0.5, 1.5]."
    assert overall([night]) == "Yes: gamma helps, +4.0 mAP [1.5, 6.0]."


def test_an_enhancer_that_helps_at_night_and_harms_by_day_needs_a_gate() -> None:
    night, day = judged("night", sgz=("helps", 2.1, 0.6, 3.5)), judged("day", sgz=("harms", -8.9, -10.4, -7.2))
    assert overall([night, day]) == (
        "It depends: sgz helps on night, +2.1 mAP [0.6, 3.5], but harms on day, −8.9 mAP [−10.4, −7.2]. Gate it."
    )


def test_a_second_look_is_told() -> None:
    night = judged("night", clahe=("helps", 2.1, 0.6, 3.5))
    settings = {"source": "gate off", "graph": "gate off, enhanced in the graph", "beside": "gate off, two looks"}
    for where, told in settings.items():
        changed = Results("night", Path(), {**night.record, "settings": {"gate": "off", "where": where}})
        assert verdict_of(changed).data == f"night, 9 images, {told}"


def test_where_nothing_is_shown_nothing_is_claimed() -> None:
    unclear = judged("night", clahe=("unclear", 1.5, -0.5, 3.5), gamma=("unclear", 0.2, -1, 1))
    assert overall([unclear]) == (
        "Not shown: on these images none of the 2 enhancers can be told from chance, for better or for worse."
    )
    assert verdict_of(unclear).tone == "flat"
    assert verdict_of(unclear).detail == "The largest difference: clahe, +1.5 mAP [−0.5, 3.5]"
    harmful = judged("day", clahe=("unclear", 1.5, -0.5, 3.5), gamma=("harms", -2, -3, -1))
    assert overall([harmful]) == "No: none of the 2 enhancers is shown to help, and 1 harms."
    assert verdict_of(harmful).headline == "Nothing is shown to help"
    assert verdict_of(judged("day", gamma=("harms", -2, -3, -1))).headline == "Nothing helps"


def test_no_answer_rests_on_an_enhancer_behind_which_pictures_failed() -> None:
    night = judged("night", clahe=("unclear", 0.5, -0.5, 1.5), theirs=("harms", -12, -16, -9))
    none, clahe, theirs = night.record["rows"]
    for row in (none, clahe, theirs):
        row.update(images=77, failed={})
    theirs["failed"] = {str(n): "missing" for n in range(27)}  # as an older version wrote it down
    not_judged = "Not judged: theirs (27 of 77 pictures failed); complete them"
    said = verdict_of(night)
    assert (said.tone, said.headline) == ("flat", "No difference is shown")
    assert said.detail == f"The largest difference: clahe, +0.5 mAP [−0.5, 1.5]. {not_judged}"
    assert said.counts == [("helps", 0), ("unclear", 2), ("harms", 0)]
    assert overall([night]) == (
        f"Not shown: on these images clahe cannot be told from chance, for better or for worse. {not_judged}."
    )
    clahe["failed"] = {"0": "missing"}
    assert overall([night]) == (
        "Not shown: no enhancer has all its pictures. Not judged: clahe (1 of 77 pictures failed), theirs (27 of "
        "77 pictures failed); complete them."
    )
    assert verdict_of(night).headline == "No difference is shown"
    none["failed"] = theirs["failed"]  # what fails without an enhancer is no enhancer's fault
    assert overall([night]) == "No: none of the 2 enhancers is shown to help, and 1 harms."


def test_the_league_has_the_figures_of_the_record(finished: Path) -> None:
    results = read_results([finished / "detect"])[0]
    table = league(results)
    statistics = results.record["statistics"]["rows"]
    values = [row.main.value or 0.0 for row in table.rows]
    assert values == sorted(values, reverse=True)
    for row in table.rows:
        if row.enhancer == "none":
            assert row.difference is None
            continue
        stated = statistics[row.enhancer]
        assert row.difference is not None
        assert row.difference.value == pytest.approx(100 * stated["difference"]["mAP"]["value"])
        assert [row.difference.low, row.difference.high] == pytest.approx(
            [100 * end for end in stated["difference"]["mAP"]["bca"]]
        )
        assert row.word == stated["verdict"]["word"]
        assert row.p.value == stated["difference"]["mAP"]["p_holm"]
    best = table.rows[0].difference
    assert best is not None
    assert (best.value or 0) > 10  # the squares have become visible


def test_whisker_and_verdict_are_of_the_frequent_classes(finished: Path) -> None:
    results = read_results([finished / "rare"])[0]
    table = league(results)
    assert (results.metric, results.judged) == ("mAP", "mAP_frequent")
    assert table.metric == "mAP, frequent classes"
    assert table.headings[:5] == ["adds ms", "whole ms", "mAP, all classes", "vs none, all classes", "AP50"]
    record = {row["enhancer"]: row["metrics"] for row in results.rows}
    frequent = [record[row.enhancer]["mAP_frequent"] for row in table.rows]
    assert [row.main.value for row in table.rows] == frequent == sorted(frequent, reverse=True)
    gamma = next(row for row in table.rows if row.enhancer == "gamma")
    stated = results.record["statistics"]["rows"]["gamma"]["difference"]
    assert gamma.difference is not None
    assert gamma.difference.value == pytest.approx(100 * stated["mAP_frequent"]["value"])
    assert gamma.difference.high == pytest.approx(100 * stated["mAP_frequent"]["bca"][1])
    assert (gamma.difference.tone, gamma.tone, gamma.word) == ("down", "down", "harms")
    over_all = [record["gamma"]["mAP"], stated["mAP"]["value"]]
    assert [cell.value for cell in gamma.others[2:4]] == pytest.approx(over_all)
    assert gamma.p.value == stated["mAP_frequent"]["p_holm"]
    assert [point.accuracy for point in latency_points(results)] == [
        100 * record[point.enhancer]["mAP_frequent"] for point in latency_points(results)
    ]
    assert "mAP of frequent classes [" in verdict_of(results).detail


def test_the_page_names_the_frequent_classes_once(finished: Path) -> None:
    page = report_html(read_results([finished / "rare", finished / "detect"]))
    assert page.count("mAP, frequent classes: the mean over those in 20 images or more: red (24).") == 1
    assert "mAP of frequent classes, points" in page  # the axis
    assert "within each bin: mAP, frequent classes." in page
    assert "within each bin: mAP." in page
    assert "No class is in 20 images, so all verdicts are unclear" in page  # of the other condition
    assert "; no class is in 20 images, too few to tell" in page


def test_a_record_that_does_not_say_what_it_judged_is_read_as_before(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "rare", tmp_path / "older")
    path = tmp_path / "older" / "results.json"
    record = json.loads(path.read_text())
    del record["statistics"]["judged"], record["statistics"]["frequent_classes"]
    for row in record["rows"]:
        del row["metrics"]["mAP_frequent"]
    path.write_text(json.dumps(record))
    older = read_results([tmp_path / "older"])
    table = league(older[0])
    assert (table.metric, table.headings[2], table.note) == ("mAP", "AP50", "")
    assert "mAP, frequent classes:" not in report_html(older)


def test_the_pareto_front_is_what_nothing_beats(finished: Path) -> None:
    found = latency_points(read_results([finished / "detect"])[0])
    for point in found:
        beaten = any(o.accuracy >= point.accuracy and o.latency < point.latency for o in found)
        assert point.front == (not beaten)
    plot = latency_plot(read_results([finished / "detect"])[0])
    assert plot is not None
    assert all(0 <= mark.x <= 100 and 0 <= mark.y <= 100 for mark in plot.marks)


def test_one_page_of_many_folders(finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report([f"night={finished / 'detect'}", finished / "segment", finished / "quality"], path)
    page = path.read_text(encoding="utf-8")
    for part in (
        "night",
        "segment",
        "All conditions",
        "By darkness",
        "By class",
        "Image quality",
        "Spearman",
        "SHA-256",
    ):
        assert part in page, part
    assert "Does enhancement help bright_squares" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "5" * 64 in page
    assert re.search(r"BCa bootstrap, 95 %, 2000 resamples, seed 0", page)


def test_brisque_stands_beside_its_warning(finished: Path, tmp_path: Path) -> None:
    quality = tmp_path / "quality"
    shutil.copytree(finished / "quality", quality)
    record = json.loads((quality / "results.json").read_text())
    for row in record["rows"]:
        row["metrics"]["BRISQUE"] = 20.0
    record["data"]["higher_is_better"]["BRISQUE"] = False
    (quality / "results.json").write_text(json.dumps(record))
    page = report_html(read_results([finished / "detect", quality]))
    assert "BRISQUE does not penalise darkness" in page
    assert "BRISQUE does not" not in report_html(read_results([finished / "detect", finished / "quality"]))


def test_a_word_of_caution_stands_above_the_answer(finished: Path) -> None:
    results = read_results([finished / "detect"])
    page = report_html(results, caution="Two pictures & no proof.")
    assert page.index("Two pictures &amp; no proof.") < page.index('class="answer"')
    assert 'class="caution"' not in report_html(results)


def test_an_older_record_without_statistics_claims_nothing(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "detect", tmp_path / "old")
    path = tmp_path / "old" / "results.json"
    record = json.loads(path.read_text())
    del record["statistics"], record["gate"]
    path.write_text(json.dumps(record))
    shutil.rmtree(tmp_path / "old" / "report_pictures")
    page = report_html(read_results([tmp_path / "old"]))
    assert "hold no intervals" in page
    assert "By darkness" not in page
    assert "Largest gains" not in page
    assert not re.search(r'class="word ', page)


def test_none_alone_has_a_page_too(tmp_path: Path) -> None:
    compare_squares(write_squares(tmp_path / "squares"), tmp_path / "out", ["none"])
    page = report_html(read_results([tmp_path / "out"]))
    assert "Nothing was compared with none" in page


def test_class_names_are_text(finished: Path) -> None:
    page = report_html(read_results([finished / "evil"]))
    assert page.count("<script") == 2  # the data, and the page's own
    assert EVIL_CLASS not in page
    assert "<img" not in page


def test_pictures_become_fewer_until_the_page_fits(finished: Path) -> None:
    results = read_results([finished / "detect"])
    whole = report_html(results)
    bare = len(report_html(results, size_limit=0).encode())
    assert "left out" not in whole
    sizes = []
    for share in (0.8, 0.2):
        limit = round(bare + share * (len(whole.encode()) - bare))
        page = report_html(results, size_limit=limit)
        sizes.append(len(page.encode()))
        assert sizes[-1] <= limit
    assert "of pictures are left out" in page or "No picture fits" in page
    assert bare <= sizes[1] < sizes[0] < len(whole.encode())


def test_the_gallery_is_made_of_the_folder_alone(finished: Path) -> None:
    results = read_results([finished / "detect", finished / "segment"])
    gallery = choose_pictures(results, 10_000_000)
    index = json.loads((finished / "detect" / "report_pictures" / "index.json").read_text())
    boxes, maps = gallery.data["conditions"]
    assert len(boxes["pictures"]) == len(index["pictures"]) > 0
    for entry in [*boxes["pictures"], *maps["pictures"]]:
        keys = [entry["original"], entry["enhanced"], *entry.get("maps", {}).values()]
        assert all(gallery.data["images"][key].startswith("data:image/") for key in keys)
    gain = next(e for e in boxes["pictures"] if e["enhancer"] == "gamma" and e["kind"] == "gain")
    assert {box[6] for box in gain["boxes"]["before"]["truth"]} == {"missed"}
    assert {box[6] for box in gain["boxes"]["after"]["truth"]} == {"found"}
    x, y, width, height, name, _, _ = gain["boxes"]["after"]["truth"][0]
    assert (round(96 * y), round(128 * width), round(96 * height), name) == (20, 30, 30, "red")
    assert x > 0


def test_label_maps_are_transparent_where_nothing_is_counted(finished: Path) -> None:
    folder = finished / "segment" / "report_pictures"
    entry = json.loads((folder / "index.json").read_text())["pictures"][0]
    with Image.open(folder / entry["maps"]["change"]) as image:
        alpha = image.convert("RGBA").getchannel("A")
    assert alpha.getextrema() == (0, 255)
    classes = json.loads((folder / "index.json").read_text())["classes"]
    assert classes[-1] == ["other", "#ffffff"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no results.json in"),
        ("{", "is not JSON"),
        ("[]", "holds nothing that a report shows"),
        ('{"task": "flicker"}', "holds nothing that a report shows"),
        ('{"task": "detect", "rows": []}', "no row for the enhancer none"),
    ],
)
def test_a_folder_without_results_is_named(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(ScotopicError, match=sentence) as error:
        read_results([tmp_path])
    assert str(tmp_path) in str(error.value)


def test_two_folders_of_one_name_are_told_apart(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "detect", tmp_path / "detect")
    with pytest.raises(ScotopicError, match=r"2 folders are called 'detect'.*NAME=FOLDER"):
        read_results([finished / "detect", tmp_path / "detect"])
    named = read_results([finished / "detect", f"other={tmp_path / 'detect'}"])
    assert [results.name for results in named] == ["detect", "other"]


def test_quality_alone_is_no_answer(finished: Path) -> None:
    with pytest.raises(ScotopicError, match="no folder compares models"):
        report_html(read_results([finished / "quality"]))
