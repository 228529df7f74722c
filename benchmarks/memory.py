"""How much memory a 4K picture takes above its input and output; to be called in a process of its own, on Linux."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from scotopic import create_enhancer

from .pictures import night


def megabytes_at_4k(enhancer: str, threads: int) -> float:
    """Peak of resident memory while a 3840x2160 picture is enhanced, less that before and less the output, in MB.

    A tiny picture goes first, so that what any enhancement needs is there: the net, the compiled kernels, threads.
    """
    torch.set_num_threads(threads)
    net = create_enhancer(enhancer)
    picture = night(2160, 3840)
    net.enhance(night(64, 64))
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far, see proc(5)
    before = _status("VmRSS")
    out = net.enhance(picture)
    return _status("VmHWM") - before - out.nbytes / 1e6


def _status(field: str) -> float:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None, f"no {field} in /proc/self/status"
    return int(found[1]) * 1024 / 1e6
