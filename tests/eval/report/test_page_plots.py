"""The plots are there, can be opened, and are the same for the same figures."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from scotopic.eval.report.page.results import read_results
from scotopic.eval.report.plots import write_plots

NAMES = ("accuracy_latency", "darkness", "classes")


@pytest.mark.parametrize("folder", ["detect", "segment"])
def test_all_plots_are_written(finished: Path, tmp_path: Path, folder: str) -> None:
    shutil.copytree(finished / folder, tmp_path / folder)
    written = write_plots(read_results([tmp_path / folder])[0])
    assert [path.name for path in written] == [f"{name}{suffix}" for name in NAMES for suffix in (".png", ".svg")]
    for path in written:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert min(image.size) > 200
        else:
            text = " ".join(element.text or "" for element in ET.parse(path).iter())
            assert "gamma" in text
    before = {path: path.read_bytes() for path in written if path.suffix == ".svg"}
    write_plots(read_results([tmp_path / folder])[0])
    assert before == {path: path.read_bytes() for path in before}


def test_what_the_record_does_not_have_is_not_drawn(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "detect", tmp_path / "detect")
    results = read_results([tmp_path / "detect"])[0]
    write_plots(results)
    record = json.loads((tmp_path / "detect" / "results.json").read_text())
    del record["statistics"]
    (tmp_path / "detect" / "results.json").write_text(json.dumps(record))
    write_plots(read_results([tmp_path / "detect"])[0])
    left = {path.stem for path in (tmp_path / "detect" / "plots").iterdir()}
    assert left == {"accuracy_latency", "classes"}
