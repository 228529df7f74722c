"""What people install: light to import, complete, and nothing beside ``scotopic``."""

from __future__ import annotations

import ast
import importlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

import scotopic

ROOT = Path(__file__).resolve().parents[1]
NOT_PACKAGED = {"benchmarks", "tests", "docs", ".typing", ".ci"}
ROOT_FILES = {"__init__.py", "errors.py", "files.py", "version.py", "py.typed"}


def python(code: str, **keywords: Any) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, **keywords)
    assert done.returncode == 0, done.stderr
    return done.stdout


def load_pyproject() -> dict[str, Any]:
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tree() -> list[PurePosixPath]:
    """Every file that git knows or would take."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("the tree is read from git, and this is no git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [PurePosixPath(name) for name in sorted(set(filter(None, listed.split("\0")))) if (ROOT / name).exists()]


def packaged(tree: list[PurePosixPath]) -> list[PurePosixPath]:
    """The files of the tree that belong into the package."""
    return [p for p in tree if (p.parts[0] not in NOT_PACKAGED if len(p.parts) > 1 else p.name in ROOT_FILES)]


def test_import_is_light() -> None:
    loaded = json.loads(python("import json, sys, scotopic; print(json.dumps(sorted(sys.modules)))", cwd=ROOT.parent))
    heavy = {"torch", "numpy", "cv2", "PIL", "pydantic", "rich", "typer", "requests", "matplotlib", "ultralytics"}
    assert not heavy & set(loaded)
    assert "scotopic" in loaded


def test_errors_and_version_need_no_torch() -> None:
    code = "import sys, scotopic; scotopic.ScotopicError, scotopic.__version__; print('torch' in sys.modules)"
    assert python(code, cwd=ROOT.parent).strip() == "False"


@pytest.mark.parametrize("name", scotopic.__all__)
def test_public_names_resolve(name: str) -> None:
    assert getattr(scotopic, name) is not None
    assert name in dir(scotopic)


def test_unknown_names_are_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        getattr(scotopic, "no_such_name")  # noqa: B009


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == scotopic._HOME
    assert sorted(seen) == sorted(scotopic.__all__)


def test_declared_packages_are_those_of_the_tree(tree: list[PurePosixPath]) -> None:
    folders = {path.parent for path in packaged(tree) if path.suffix == ".py"}
    expected = {".".join(("scotopic", *folder.parts)) for folder in folders}
    assert set(load_pyproject()["tool"]["setuptools"]["packages"]) == expected
    for folder in folders:
        assert (ROOT / folder / "__init__.py").is_file(), f"{folder} lacks __init__.py"


def test_the_command_exists() -> None:
    module, _, function = load_pyproject()["project"]["scripts"]["scotopic"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


@pytest.fixture(scope="module")
def wheel(tree: list[PurePosixPath], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tree, so that nothing is left behind in it, and without a network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in tree:
        (source / path.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, source / path, follow_symlinks=False)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    (built,) = out.glob("scotopic-*.whl")
    return built


def test_wheel_holds_the_package_and_nothing_else(wheel: Path, tree: list[PurePosixPath]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {PurePosixPath(name) for name in archive.namelist()}
        metadata = next(name for name in names if name.name == "METADATA")
        about = archive.read(str(metadata)).decode()
        top_level = archive.read(str(metadata.parent / "top_level.txt")).decode().split()
    inside = {name.relative_to("scotopic") for name in names if name.parts[0] == "scotopic"}
    assert top_level == ["scotopic"]
    assert {name.parts[0] for name in names} == {"scotopic", metadata.parts[0]}
    assert inside == set(packaged(tree))
    assert PurePosixPath("py.typed") in inside
    assert any(name.suffix == ".yaml" and name.parts[0] == "configs" for name in inside)
    assert PurePosixPath("pipeline/weights/sgz.safetensors") in inside
    assert any(name.name == "LICENSE" for name in names if name.parts[0] == metadata.parts[0])
    assert f"Version: {scotopic.__version__}" in about
    assert "License-Expression: Apache-2.0" in about


def test_wheel_works_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    options = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    code = """
import numpy as np, scotopic
print(scotopic.__file__)
from scotopic import EnhancementStage, list_enhancers
dark = np.full((30, 40, 3), 10, np.uint8)
print(EnhancementStage("sgz").process(dark).enhanced, *list_enhancers())
"""
    environment = os.environ | {"PYTHONPATH": str(target), "SCOTOPIC_CACHE": str(tmp_path / "cache")}
    where, what = python(code, cwd=tmp_path, env=environment).splitlines()
    assert Path(where) == target / "scotopic" / "__init__.py"
    assert what.split()[0] == "True"
    assert {"none", "gamma", "clahe", "sgz", "folder"} <= set(what.split()[1:])
    assert sorted(path.name for path in target.iterdir() if path.name != "bin" and path.suffix != ".dist-info") == [
        "scotopic"
    ]
