"""A pool of threads for loops that run without Python's lock; OpenMP's threads burn processor time while they wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")

_pool: ThreadPoolExecutor | None = None
_lock = threading.Lock()


def for_each(work: Callable[[Item], None], items: Sequence[Item], threads: int) -> None:
    """Call ``work`` with each of ``items``, in this thread and up to ``threads`` - 1 others.

    >>> done = []
    >>> for_each(done.append, range(5), threads=3)
    >>> sorted(done)
    [0, 1, 2, 3, 4]
    """
    queue = iter(items)

    def run() -> None:
        for item in queue:
            work(item)

    helpers = [_helpers().submit(run) for _ in range(min(threads, len(items)) - 1)]
    run()
    for helper in helpers:
        if not helper.cancel():  # one that has not begun finds nothing left to do
            helper.result()


def _helpers() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="scotopic")
        return _pool


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
