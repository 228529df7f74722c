"""What the record says of the machine."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import cast

import pytest

from scotopic.eval.environment import environment


@pytest.mark.parametrize("package", ["numpy", "scipy", "numba", "pillow", "openvino"])
def test_versions_that_move_figures_are_in_the_record(package: str) -> None:
    """Those of what computes, and of what reads pictures."""
    try:
        installed = version(package)
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed: pip install {package}")
    assert cast(dict[str, str], environment()["packages"])[package] == installed
