"""Enhancers from other distributions, installed for real and found by ``importlib.metadata`` in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PLUGIN = """
from scotopic import Enhancer, EnhancerInfo, register_enhancer

class Bright(Enhancer):
    info = EnhancerInfo(name="bright", summary="All white.", kind="point", year=1999)
    def transform(self, x):
        return x * 0 + 1

@register_enhancer
class Registered(Enhancer):
    info = EnhancerInfo(name="registered", summary="Registers itself as well.")
    def transform(self, x):
        return x

class Thief(Bright):
    pass

def function():
    pass
"""

REPORT = """
import json, warnings
import numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from scotopic import create_enhancer, enhancer_info, list_enhancers
    names = list_enhancers()
    again = list_enhancers()
bright = create_enhancer("bright") if "bright" in names else None
print(json.dumps({
    "names": names,
    "again": again,
    "warnings": [str(w.message) for w in caught if "plug-in" in str(w.message)],
    "gamma": type(create_enhancer("gamma")).__module__,
    "by_year": list_enhancers(year=1999),
    "pixel": None if bright is None else bright.enhance(np.zeros((1, 1, 3), np.uint8)).tolist(),
}))
"""


def report(folder: Path, entry_points: dict[str, str]) -> dict[str, Any]:
    """Install a distribution with these entry points into ``folder``; what a fresh process sees of it."""
    (folder / "night_plugin.py").write_text(PLUGIN)
    (folder / "night_broken.py").write_text("raise RuntimeError('no such camera')")
    metadata = folder / "night_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: night-plugin\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in entry_points.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[scotopic.enhancers]", *lines, ""]))
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", REPORT],
        env=os.environ | {"PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_plugins_take_part_and_broken_ones_do_not_harm(tmp_path: Path) -> None:
    seen = report(
        tmp_path,
        {
            "bright": "night_plugin:Bright",
            "registered": "night_plugin:Registered",
            "gamma": "night_plugin:Thief",
            "broken": "night_broken:Net",
            "absent": "night_plugin:Absent",
            "gone": "no_such_module:Net",
            "function": "night_plugin:function",
        },
    )
    assert {"bright", "registered", "none", "gamma", "clahe", "sgz", "folder"} <= set(seen["names"])
    assert seen["again"] == seen["names"]
    assert seen["pixel"] == [[[255, 255, 255]]]
    assert seen["by_year"] == ["bright"]
    assert seen["gamma"] == "scotopic.pipeline.enhancers.classical.gamma"
    assert not {"broken", "absent", "gone", "function"} & set(seen["names"])
    warnings = {text.split("'")[1]: text for text in seen["warnings"]}
    assert warnings.keys() == {"gamma", "broken", "absent", "gone", "function"}
    assert "another enhancer has that name" in warnings["gamma"]
    assert "no such camera" in warnings["broken"]
    assert "Absent" in warnings["absent"]
    assert "no_such_module" in warnings["gone"]
    assert "not a subclass of scotopic.Enhancer" in warnings["function"]


def test_nothing_is_said_where_nothing_is_wrong(tmp_path: Path) -> None:
    seen = report(tmp_path, {"bright": "night_plugin:Bright"})
    assert seen["warnings"] == []
    assert "bright" in seen["names"]
