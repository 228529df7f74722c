"""What numba has compiled is out of date when any file has changed that it was made of."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import scotopic.pipeline.fast as room

FOLDER = Path(room.__path__[0])
FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("numba_*.py"))}
KERNELS = [name for name, text in FILES.items() if re.search(r"^SIGNATURE = ", text, re.MULTILINE)]


def test_all_kernels_are_found() -> None:
    compiled = (FOLDER / "compiled.py").read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"_compile\((numba_\w+)\.", compiled))) == [name[:-3] for name in KERNELS]


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_names_the_state_of_what_it_shares_with_others(name: str) -> None:
    """numba looks at the kernel's own file, so that has to change when a shared one does."""
    shared = "".join(text for other, text in FILES.items() if other not in KERNELS)
    state = hashlib.sha256(shared.encode()).hexdigest()[:12]
    assert f'\nSHARED = "{state}"\n' in FILES[name], f'a shared file has changed: write SHARED = "{state}" into {name}'
    own = set(re.findall(r"^from \.(numba_\w+) import", FILES[name], re.MULTILINE))
    assert not own & {kernel[:-3] for kernel in KERNELS}, "what two kernels use stands in a shared file"
