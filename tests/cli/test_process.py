"""What the command sets for its process: how threads wait, and what memory is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in CHOICES}
    command = [sys.executable, "-c", f"from scotopic.cli.process import tune_process; tune_process()\n{code}"]
    return subprocess.run(command, env=kept | environment, capture_output=True, text=True, check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch has another OpenMP")
def test_openmp_threads_wait_busily_for_a_moment_only() -> None:
    said = run("import torch; torch.ones(1)", OMP_DISPLAY_ENV="verbose").stderr
    assert "GOMP_SPINCOUNT = '10000'" in said


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "7")])
def test_how_a_user_wants_them_to_wait_stands(name: str, value: str) -> None:
    code = f"import json, os; print(json.dumps({{name: os.environ.get(name) for name in {CHOICES[:2]}}}))"
    assert json.loads(run(code, **{name: value}).stdout) == dict.fromkeys(CHOICES[:2]) | {name: value}


PICTURES = """
import resource
import numpy as np

def work():
    for _ in range(10):
        [np.ones(5_000_000, np.uint8) for _ in range(12)]

work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif("CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", ()), reason="needs glibc's malloc")
def test_memory_of_pictures_is_used_again_unless_the_user_says_otherwise() -> None:
    assert int(run(PICTURES).stdout) < 100
    assert int(run(PICTURES, MALLOC_TRIM_THRESHOLD_="1000000").stdout) > 10_000  # pages of 4 KB
