"""What all tests share: the data folder, the processor's cores, and the promise that nothing reaches the network."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parents[1]

# One process has the cores to itself, xdist's processes share them.
_THREADS = max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
os.environ.setdefault("OMP_NUM_THREADS", str(_THREADS))  # for the processes that tests start
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("YOLO_OFFLINE", "true")  # ultralytics asks two name servers when it is imported

settings.register_profile("scotopic", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("scotopic")


@pytest.fixture(scope="session", autouse=True)
def threads() -> None:
    """As many threads as there are cores for this process."""
    torch.set_num_threads(_THREADS)
    cv2.setNumThreads(_THREADS)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """So many of PyTorch's, and afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """With more, the order of additions in a training is not fixed, and two runs agree to rounding only."""
    with torch_threads(1):
        yield


@pytest.fixture
def two_threads() -> Iterator[None]:
    with torch_threads(2):
        yield


@pytest.fixture(scope="session", autouse=True)
def no_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Refuse every connection but those to this machine, and keep the user's own cache of weights out of the tests."""
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_far(self.family, address)
        return connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_far(self.family, address)
        return connect_ex(self, address)

    def guarded_look_up(host: Any, *arguments: Any, **keywords: Any) -> Any:
        if host is not None and not _is_near(host):
            raise socket.gaierror(socket.EAI_NONAME, f"tests must not look up {host}")
        return look_up(host, *arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        patch.setenv("SCOTOPIC_CACHE", str(tmp_path_factory.mktemp("cache")))
        for variable in ("http_proxy", "https_proxy", "all_proxy"):
            patch.delenv(variable, raising=False)
            patch.delenv(variable.upper(), raising=False)
        yield


def _is_near(host: str | bytes) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    return text in ("", "localhost", "::1", "0.0.0.0") or text.startswith("127.")


def _refuse_far(family: int, address: Any) -> None:
    if family in (socket.AF_INET, socket.AF_INET6) and not _is_near(address[0]):
        raise ConnectionRefusedError(f"tests must not reach the network, but one tried {address}")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository, which is also the package ``scotopic``."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with research images and weights: ``SCOTOPIC_DATA``, or ``shared/data`` beside the repository."""
    folder = Path(os.environ.get("SCOTOPIC_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no data at {folder}: set SCOTOPIC_DATA to the folder with the research images")
    return folder


@pytest.fixture(scope="session")
def official_weights(data_dir: Path) -> Path:
    """The SGZ authors' checkpoint, which is not ours to ship."""
    path = data_dir / "weights" / "sgz_epoch99.pth"
    if not path.is_file():
        pytest.skip(f"no {path}: the SGZ authors' checkpoint is needed")
    return path


@pytest.fixture
def scotopic_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for downloads, of this test alone."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SCOTOPIC_CACHE", str(folder))
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded source of random numbers, the same in every run."""
    return np.random.default_rng(20220110)
