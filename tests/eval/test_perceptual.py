"""LPIPS: the same as the package of its authors with the same backbone, and one sentence for everything else."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic.errors import ScotopicError
from scotopic.eval.perceptual import Lpips

lpips = pytest.importorskip("lpips", reason="needs the extra [lpips]")
models = pytest.importorskip("torchvision.models")
SEED = 3


@pytest.fixture(scope="module")
def squeeze(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backbone with random weights, in the file that torchvision's own would be."""
    return backbone("squeezenet1_1", tmp_path_factory.mktemp("squeeze"))


def backbone(builder: str, folder: Path) -> Path:
    torch.manual_seed(SEED)
    path = folder / f"{builder}.pth"
    torch.save(getattr(models, builder)(weights=None).state_dict(), path)
    return path


def pictures(height: int = 48, width: int = 64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    first = rng.integers(0, 256, (height, width, 3), np.uint8)
    return first, np.clip(first + rng.normal(0, 20, first.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("kind", "builder"), [("squeeze", "squeezenet1_1"), ("alex", "alexnet")])
def test_equal_to_the_package_with_its_own_backbone(kind: str, builder: str, tmp_path: Path) -> None:
    """The package draws its random backbone from the seed that torchvision's was drawn from."""
    ours = Lpips(backbone(builder, tmp_path))
    torch.manual_seed(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lpips.LPIPS(net=kind, pnet_rand=True, verbose=False)
    first, second = pictures()
    with torch.no_grad():
        expected = theirs(lpips.im2tensor(first), lpips.im2tensor(second)).item()
    assert expected > 1e-3
    assert ours(first, second) == pytest.approx(expected, rel=1e-5)


def test_equal_pictures_and_small_ones(squeeze: Path) -> None:
    metric = Lpips(squeeze)
    first, second = pictures()
    assert metric(first, first) == 0
    assert metric(first, second) == pytest.approx(metric(second, first), rel=1e-5)
    assert (metric.backbone, metric.files) == ("SqueezeNet 1.1", (squeeze,))
    with pytest.raises(ScotopicError, match="LPIPS cannot take a picture of 12x4 pixels"):
        metric(*pictures(4, 12))


def test_bad_files_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=r"no LPIPS backbone at nowhere.pth"):
        Lpips("nowhere.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(ScotopicError, match="not a state dict that PyTorch can read"):
        Lpips(tmp_path / "text.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ScotopicError, match="does not hold a state dict"):
        Lpips(tmp_path / "list.pth")
    torch.save(models.squeezenet1_0(weights=None).state_dict(), tmp_path / "other.pth")
    with pytest.raises(ScotopicError, match=r"none of the backbones of LPIPS: .*AlexNet, VGG16, SqueezeNet 1.1"):
        Lpips(tmp_path / "other.pth")


class Harmful:
    """A pickle that would run code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('ran')",))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"features.0.weight": Harmful()}, tmp_path / "bad.pth")
    with pytest.raises(ScotopicError, match="not a state dict that PyTorch can read"):
        Lpips(tmp_path / "bad.pth")


def test_without_the_package(squeeze: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(
        ScotopicError, match=r'LPIPS scores need the package \'lpips\': pip install "scotopic\[lpips\]"'
    ):
        Lpips(squeeze)
