"""Checkpoints of every kind: what fits is loaded whole, what does not is named, and nothing of it is ever run."""

from __future__ import annotations

import inspect
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from scotopic.errors import ScotopicError
from scotopic.files import sha256_of
from scotopic.pipeline.enhancers.learned.sgz import SGZ
from scotopic.pipeline.registry import create_enhancer, enhancer_class, enhancer_info, list_enhancers
from scotopic.pipeline.weights.load import load_weights, read_state, resolve_weights
from scotopic.pipeline.weights.manifest import WeightsEntry, find_weights, manifest


@pytest.fixture
def state() -> dict[str, Tensor]:
    torch.manual_seed(3)
    return dict(SGZ(weights="random").state_dict())


def refused(net: SGZ, weights: str | Path) -> str:
    """The one sentence that refuses ``weights``; the net must be as it was."""
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with pytest.raises(ScotopicError) as error:
        load_weights(net, weights)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    sentence = str(error.value)
    assert str(weights) in sentence
    assert "\n" not in sentence
    return sentence


@pytest.fixture
def net() -> SGZ:
    return SGZ(weights="random")


def test_official_weights_load_whole(net: SGZ, official_weights: Path) -> None:
    load_weights(net, official_weights)
    expected = torch.load(official_weights, "cpu", weights_only=True)
    assert net.state_dict().keys() == expected.keys()
    assert all(torch.equal(net.state_dict()[key], value) for key, value in expected.items())


def test_another_precision_and_a_parallel_wrapper_are_taken(net: SGZ, state: dict[str, Tensor], tmp_path: Path) -> None:
    file = tmp_path / "half.pth"
    torch.save({f"module.{key}": value.half() for key, value in state.items()}, file)
    load_weights(net, file)
    assert all(value.dtype == torch.float32 for value in net.state_dict().values())
    assert torch.equal(net.state_dict()["e_conv1.depth_conv.weight"], state["e_conv1.depth_conv.weight"].half().float())


def test_weights_of_other_nets_are_refused(net: SGZ, data_dir: Path) -> None:
    weights = data_dir / "weights"
    sentence = refused(net, weights / "zerodce_epoch99.pth")
    assert "does not fit SGZ: 28 tensors are missing (such as e_conv1.depth_conv.bias)" in sentence
    assert "14 tensors are unknown (such as e_conv1.bias)" in sentence
    assert "does not fit SGZ" in refused(net, weights / "sci_easy.pt")


def test_detector_checkpoint_is_refused_without_unpickling_it(net: SGZ, data_dir: Path) -> None:
    assert "holds more than tensors" in refused(net, data_dir / "weights" / "yolo11n_dequant.pt")


def test_wrong_shapes_are_named(net: SGZ, state: dict[str, Tensor], tmp_path: Path) -> None:
    file = tmp_path / "wide.safetensors"
    save_file(state | {"e_conv7.point_conv.bias": torch.zeros(24)}, file)
    assert "e_conv7.point_conv.bias is (24,), not (3,)" in refused(net, file)


def test_nan_is_refused(net: SGZ, state: dict[str, Tensor], tmp_path: Path) -> None:
    file = tmp_path / "diverged.pth"
    state["e_conv3.point_conv.bias"][5] = float("nan")
    torch.save(state, file)
    assert "NaN" in refused(net, file)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated_files_are_refused(net: SGZ, state: dict[str, Tensor], suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"whole{suffix}"
    if suffix == ".pth":
        torch.save(state, file)
    else:
        save_file(state, file)
    data = file.read_bytes()
    for length in (0, 1, 10, 1000, len(data) // 2, len(data) - 1):
        cut = tmp_path / f"cut{suffix}"
        cut.write_bytes(data[:length])
        assert "damaged" in refused(net, cut)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_text_is_refused(net: SGZ, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"page{suffix}"
    file.write_text("<!DOCTYPE html><title>404: Not Found</title>")
    assert "damaged" in refused(net, file)


class Trap:
    """Unpickling it would leave a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_code_in_a_pickle_is_not_run(net: SGZ, form: str, tmp_path: Path) -> None:
    mark, file = tmp_path / "it_was_run", tmp_path / "trap.pth"
    if form == "torch":
        torch.save({"e_conv1.depth_conv.weight": Trap(mark)}, file)
    else:
        file.write_bytes(pickle.dumps(Trap(mark)))
    assert "holds more than tensors" in refused(net, file)
    assert not mark.exists()
    if form == "pickle":
        pickle.loads(file.read_bytes())
        assert mark.exists(), "the trap itself must work, or the test shows nothing"


@pytest.mark.parametrize(
    "content",
    [{}, {1: torch.zeros(1)}, {"state_dict": {"a": torch.zeros(1)}}, [torch.zeros(1)], torch.zeros(1), {"epoch": 3}],
    ids=["empty", "numbered", "nested", "list", "tensor", "number"],
)
def test_what_is_no_state_dict_is_refused(net: SGZ, content: object, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    torch.save(content, file)
    assert "save net.state_dict()" in refused(net, file)


@pytest.fixture(scope="module")
def noise_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("noise") / "noise.pth"


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@given(data=st.one_of(st.binary(max_size=60), st.text(max_size=40).map(str.encode)))
def test_noise_is_refused_in_one_sentence(data: bytes, noise_file: Path) -> None:
    noise_file.write_bytes(data)
    with pytest.raises(ScotopicError):
        read_state(noise_file)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_flipped_bytes_never_raise_anything_else(state: dict[str, Tensor], noise_file: Path) -> None:
    torch.save(state, noise_file)
    data = noise_file.read_bytes()
    source = random.Random(5)
    for _ in range(40):
        damaged = bytearray(data)
        for _ in range(10):
            damaged[source.randrange(2000)] = source.randrange(256)
        noise_file.write_bytes(damaged)
        try:
            read_state(noise_file)
        except ScotopicError:
            continue


def test_missing_files_and_unknown_names(net: SGZ, tmp_path: Path) -> None:
    assert "no weights file at" in refused(net, tmp_path / "absent.pth")
    assert "no weights file at" in refused(net, "absent.safetensors")
    assert "no weights file at" in refused(net, tmp_path)
    assert "did you mean 'sgz-official'" in refused(net, "sgz-offical")


def test_manifest_is_valid() -> None:
    for name, entry in manifest().items():
        assert entry.name == name
        assert entry.enhancer in list_enhancers(learned=True)
        for sha256 in [entry.sha256] if entry.sha256 else [file.sha256 for file in entry.parts.values()]:
            assert len(sha256) == 64
            assert set(sha256) <= set("0123456789abcdef")
        assert all(file.url.startswith("https://") for file in entry.downloads().values())
        assert entry.licence
        assert len(entry.trained.split()) >= 5


def test_shipped_files_are_whole_and_all_named() -> None:
    shipped = {entry.name: path for entry in manifest().values() if (path := entry.shipped_path()) is not None}
    for name, path in shipped.items():
        assert sha256_of(path) == manifest()[name].sha256
        assert resolve_weights(name) == path
    folder = shipped["sgz"].parent
    weights = [path for path in folder.iterdir() if path.suffix in (".safetensors", ".pth", ".pt")]
    assert sorted(weights) == sorted(shipped.values())


def test_default_weights_fit_what_the_info_says() -> None:
    for name in list_enhancers(learned=True):
        default = inspect.signature(enhancer_class(name)).parameters["weights"].default
        if default is None:  # there are none to be had
            assert enhancer_info(name).commercial is not True
            continue
        entry = find_weights(str(default))
        assert entry is not None, name
        assert entry.enhancer == name
        assert entry.commercial == enhancer_info(name).commercial
        assert entry.licence == enhancer_info(name).weights_licence
    assert manifest()["sgz"].shipped_path() is not None, "one must work without a network"


def test_a_built_enhancer_states_the_licence_of_its_own_weights(official_weights: Path) -> None:
    assert create_enhancer("sgz").info.commercial is False
    mine = create_enhancer("sgz", weights=official_weights).info
    assert mine.commercial is None
    assert "weights of your own" in mine.weights_licence


def test_official_entry_is_the_authors_file(official_weights: Path) -> None:
    assert manifest()["sgz-official"].sha256 == sha256_of(official_weights)


@pytest.mark.parametrize(("file", "url"), [(None, None), ("a.pth", "https://x/a.pth")], ids=["none", "both"])
def test_an_entry_has_one_source(file: str | None, url: str | None) -> None:
    with pytest.raises(ValueError, match="exactly one of file, url and parts"):
        WeightsEntry(
            name="a", enhancer="sgz", file=file, url=url, sha256="0" * 64, licence="MIT", trained="Not at all."
        )


def test_an_entry_has_a_checksum_for_each_file() -> None:
    with pytest.raises(ValueError, match="a sha256 for each file"):
        WeightsEntry(name="a", enhancer="sgz", url="https://x/a.pth", licence="MIT", trained="Not at all.")


def test_several_files_fill_the_parts_of_a_net(net: SGZ, state: dict[str, Tensor], tmp_path: Path) -> None:
    files = {}
    for layer in {key.partition(".")[0] for key in state}:
        files[layer] = tmp_path / f"{layer}.pth"
        torch.save({k.partition(".")[2]: v for k, v in state.items() if k.startswith(f"{layer}.")}, files[layer])
    load_weights(net, files)
    assert all(torch.equal(net.state_dict()[key], value) for key, value in state.items())
    del files["e_conv3"]
    with pytest.raises(ScotopicError, match=r"e_conv1\.pth.* does not fit SGZ: 4 tensors are missing"):
        load_weights(net, files)


def test_a_name_for_several_files_is_not_one_file(scotopic_cache: Path) -> None:
    with pytest.raises(ScotopicError, match=r"'retinexnet-port' are 2 files \(decom, relight\), not one"):
        resolve_weights("retinexnet-port")


@pytest.mark.parametrize("name", ["model.ckpt.index", "model.ckpt.meta", "model.ckpt.data-00000-of-00001"])
def test_tensorflow_checkpoints_are_to_be_converted(net: SGZ, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"of no use here")
    assert "TensorFlow checkpoint, which is not read here: convert it" in refused(net, tmp_path / name)


def test_a_damaged_shipped_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"half of it")
    entry = WeightsEntry(
        name="mine", enhancer="sgz", file=str(damaged), sha256="0" * 64, licence="MIT", trained="Not at all."
    )
    monkeypatch.setitem(manifest(), "mine", entry)
    with pytest.raises(ScotopicError, match=r"'mine' are damaged .*: install scotopic again"):
        resolve_weights("mine")
