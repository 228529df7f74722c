"""The authors' weights by name: the right files, and a sentence that helps where they cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scotopic.cli.listing import weights_here
from scotopic.errors import ScotopicError
from scotopic.files import sha256_of
from scotopic.pipeline.registry import create_enhancer, enhancer_info
from scotopic.pipeline.weights.download import cached_path
from scotopic.pipeline.weights.manifest import WeightsEntry, manifest

FILES = {
    "zero_dce-official": "zerodce_epoch99.pth",
    "zero_dce_pp-official": "zerodcepp_epoch99.pth",
    "sci-easy": "sci_easy.pt",
    "sci-medium": "sci_medium.pt",
    "sci-difficult": "sci_difficult.pt",
    "iat-lol_v1": "iat_lol_v1.pth",
    "ruas-lol": "ruas_lol.pt",
    "ruas-upe": "ruas_upe.pt",
    "ruas-dark": "ruas_dark.pt",
    "mbllen-withnoise": "mbllen_Syn_img_lowlight_withnoise.h5",
}


@pytest.mark.parametrize(("name", "file"), FILES.items())
def test_names_stand_for_the_authors_files(name: str, file: str, published: Callable[[str], Path]) -> None:
    entry = manifest()[name]
    assert entry.sha256 == sha256_of(published(file))
    assert entry.commercial == enhancer_info(entry.enhancer).commercial


def test_names_stand_for_several_files_too(published: Callable[[str], Path]) -> None:
    parts = manifest()["retinexnet-port"].parts
    assert list(parts) == ["decom", "relight"]
    for part, file in parts.items():
        assert file.sha256 == sha256_of(published(f"retinexnet_pt_{part}.tar"))


@pytest.mark.parametrize("name", ["zero_dce", "zero_dce_pp", "sci", "iat", "ruas", "retinexnet", "mbllen"])
def test_refuses_to_run_untrained_unless_told_to(name: str, scotopic_cache: Path) -> None:
    with pytest.raises(ScotopicError) as refusal:
        create_enhancer(name)
    sentence = str(refusal.value)
    assert "https://raw.githubusercontent.com/" in sentence
    assert (f"{name}[decom=FILE,relight=FILE]" if name == "retinexnet" else f"{name}[weights=FILE]") in sentence
    assert enhancer_info(name).weights_licence in sentence
    assert "weights=random gives an untrained net" in sentence
    assert create_enhancer(f"{name}[weights=random]").info.name == name


def test_weights_in_the_cache_are_here(scotopic_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights_here("gamma") == "none needed"
    assert weights_here("sgz") == "yes"
    assert weights_here("sci") == "downloadable"
    scotopic_cache.mkdir()
    cached = cached_path("https://example.org/net.pt")
    cached.write_bytes(b"of no use but for its hash")
    entry = WeightsEntry(
        name="sci-medium",
        enhancer="sci",
        url="https://example.org/net.pt",
        sha256=sha256_of(cached),
        licence="MIT",
        trained="Not at all.",
    )
    monkeypatch.setitem(manifest(), "sci-medium", entry)
    assert weights_here("sci") == "yes"
    cached.write_bytes(b"the first half")
    assert weights_here("sci") == "downloadable"
