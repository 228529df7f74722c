"""A label PNG is read as the ids that stand in it, whatever PNG it is."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scotopic.errors import ScotopicError
from scotopic.eval.datasets.label_files import read_label_values

IDS = np.array([[0, 1, 2, 3, 3], [3, 2, 1, 0, 1]], np.uint8)


def _png(path: Path, depth: int, colour_type: int) -> Path:
    """The ids as a PNG of so many bits per pixel, written by hand: Pillow writes not all of them."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b""
    for row in IDS:
        bits = "".join(format(int(value), f"0{depth}b") for value in row)
        bits += "0" * (-len(bits) % 8)
        rows += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    header = struct.pack(">IIBBBBB", IDS.shape[1], IDS.shape[0], depth, colour_type, 0, 0, 0)
    palette = chunk(b"PLTE", bytes([200, 10, 10, 9, 9, 9, 0, 0, 250, 255, 255, 255])) if colour_type == 3 else b""
    body = chunk(b"IHDR", header) + palette + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


@pytest.mark.parametrize(("depth", "colour_type"), [(2, 0), (4, 0), (8, 0), (16, 0), (2, 3), (4, 3), (8, 3)])
def test_every_depth_of_grey_and_palette_gives_its_ids(tmp_path: Path, depth: int, colour_type: int) -> None:
    values = read_label_values(_png(tmp_path / "mask.png", depth, colour_type))
    np.testing.assert_array_equal(values, IDS)
    assert values.dtype == (np.uint16 if depth == 16 else np.uint8)


def test_one_bit(tmp_path: Path) -> None:
    Image.fromarray(IDS > 1).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_label_values(tmp_path / "mask.png"), IDS > 1)


def test_sixteen_bits_keep_large_ids(tmp_path: Path) -> None:
    ids = np.array([[0, 26001, 65535]], np.uint16)
    Image.fromarray(ids).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_label_values(tmp_path / "mask.png"), ids)


def test_palette_with_transparency_keeps_its_indices(tmp_path: Path) -> None:
    image = Image.fromarray(IDS)
    image.putpalette([5, 5, 5, 5, 5, 5, 9, 9, 9, 9, 9, 9])  # the same colour twice: only the index tells them apart
    image.save(tmp_path / "mask.png", transparency=0)
    assert Image.open(tmp_path / "mask.png").mode == "P"
    np.testing.assert_array_equal(read_label_values(tmp_path / "mask.png"), IDS)


@pytest.mark.parametrize(("mode", "words"), [("RGB", "colours"), ("RGBA", "colours"), ("LA", "grey with transparency")])
def test_colours_are_no_ids(tmp_path: Path, mode: str, words: str) -> None:
    Image.new(mode, (4, 3)).save(tmp_path / "mask.png")
    with pytest.raises(ScotopicError, match=rf"mask\.png holds {words} \({mode}\), not ids: give the file with one id"):
        read_label_values(tmp_path / "mask.png")


def test_files_that_are_no_png(tmp_path: Path) -> None:
    Image.fromarray(IDS).save(tmp_path / "mask.jpg")
    (tmp_path / "mask.jpg").rename(tmp_path / "mask.png")
    with pytest.raises(ScotopicError, match=r"mask\.png is no PNG file: save the ids"):
        read_label_values(tmp_path / "mask.png")
    with pytest.raises(ScotopicError, match=r"cannot read the mask .*gone\.png: No such file"):
        read_label_values(tmp_path / "gone.png")


def test_truncated(tmp_path: Path, rng: np.random.Generator) -> None:
    Image.fromarray(rng.integers(0, 34, (60, 80)).astype(np.uint8)).save(tmp_path / "mask.png")
    whole = (tmp_path / "mask.png").read_bytes()
    for size in (12, 30, 200, len(whole) // 2):
        (tmp_path / "mask.png").write_bytes(whole[:size])
        with pytest.raises(ScotopicError, match=r"mask\.png is truncated or damaged"):
            read_label_values(tmp_path / "mask.png")
