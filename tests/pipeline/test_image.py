"""Files of every kind in, uint8 RGB out; what cannot be read or written is said in one sentence."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from scotopic.errors import ScotopicError
from scotopic.pipeline.image import find_images, image_size, read_image, write_image

LOSSLESS = [".png", ".bmp", ".tif", ".tiff", ".ppm"]
LOSSY = [".jpg", ".jpeg", ".JPG", ".webp", ".jp2"]


@pytest.fixture
def picture() -> np.ndarray:
    """Red at the top left, green at the top right, blue below: turned, mirrored or swapped, it shows."""
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48] = (230, 20, 10)
    picture[:32, 48:] = (15, 200, 30)
    picture[32:] = (5, 25, 210)
    return picture


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_round_trip(picture: np.ndarray, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / "new" / f"a{suffix}"
    write_image(file, picture)
    assert np.array_equal(read_image(file), picture)
    assert image_size(file) == (96, 64)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("suffix", LOSSY)
def test_lossy_round_trip(picture: np.ndarray, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"a{suffix}"
    write_image(file, picture)
    assert np.abs(read_image(file).astype(int) - picture).mean() < 4
    assert image_size(file) == (96, 64)


def test_16_bit_is_scaled(tmp_path: Path) -> None:
    levels = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    for pixels in (levels, np.stack([levels, levels // 2, levels // 3], axis=2)):
        cv2.imwrite(str(tmp_path / "deep.png"), pixels)
        out = read_image(tmp_path / "deep.png")
        expected = np.rint(pixels / 257).astype(np.uint8)
        assert np.array_equal(out, np.dstack([expected] * 3) if pixels.ndim == 2 else expected[..., ::-1])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_modes_become_rgb(picture: np.ndarray, mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(picture).convert(mode)
    image.save(tmp_path / "a.png")
    out = read_image(tmp_path / "a.png")
    assert out.shape == (64, 96, 3)
    assert np.array_equal(out, np.asarray(image.convert("RGB")))


def test_alpha_is_dropped_not_blended(picture: np.ndarray, tmp_path: Path) -> None:
    alpha = np.full((64, 96, 1), 40, np.uint8)
    Image.fromarray(np.concatenate((picture, alpha), 2)).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), picture)


def test_grey_and_cmyk_jpeg(picture: np.ndarray, tmp_path: Path) -> None:
    for mode in ("L", "CMYK"):
        Image.fromarray(picture).convert(mode).save(tmp_path / "a.jpg", quality=95, subsampling=0)
        expected = np.asarray(Image.open(tmp_path / "a.jpg").convert("RGB")).astype(int)
        assert np.abs(read_image(tmp_path / "a.jpg") - expected).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(picture: np.ndarray, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(picture)
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95, subsampling=0)
    out = read_image(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert image_size(tmp_path / "a.jpg") == (out.shape[1], out.shape[0])
    assert out.shape == upright.shape == ((96, 64, 3) if orientation > 4 else (64, 96, 3))
    assert np.abs(out.astype(int) - upright).mean() < 2


@pytest.fixture(params=[(s, o) for s in (".jpg", ".png", ".webp", ".tif") for o in (1, 3, 6, 8)], ids=str)
def turned(picture: np.ndarray, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file of one format with one EXIF orientation."""
    suffix, orientation = request.param
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture).save(tmp_path / f"a{suffix}", exif=exif)
    return tmp_path / f"a{suffix}"


def test_size_and_turn_agree_in_every_format(turned: Path) -> None:
    out = read_image(turned)
    with Image.open(turned) as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert image_size(turned) == (out.shape[1], out.shape[0])
    assert out.shape == upright.shape
    assert np.abs(out.astype(int) - upright).mean() < 2


def test_size_and_turn_are_those_of_ultralytics(turned: Path) -> None:
    utils = pytest.importorskip("ultralytics.data.utils", reason="ultralytics is not installed")
    with Image.open(turned) as image:
        assert image_size(turned) == utils.exif_size(image)
    assert np.array_equal(read_image(turned), utils.imread(str(turned))[..., ::-1])


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif", ".ppm"])
def test_truncated_files_are_named(suffix: str, tmp_path: Path, rng: np.random.Generator) -> None:
    write_image(tmp_path / f"whole{suffix}", rng.integers(0, 255, (60, 80, 3), np.uint8))
    data = (tmp_path / f"whole{suffix}").read_bytes()
    for share in (0.02, 0.3, 0.9, 0.99):
        file = tmp_path / f"cut{suffix}"
        file.write_bytes(data[: int(len(data) * share)])
        reason = "truncated or damaged" if suffix in (".jpg", ".png", ".bmp") else "truncated or damaged|not an image"
        with pytest.raises(ScotopicError, match=rf"cut\{suffix}.*({reason})"):
            read_image(file)


def test_bytes_after_the_picture_do_no_harm(picture: np.ndarray, tmp_path: Path) -> None:
    for suffix in (".jpg", ".png"):
        write_image(tmp_path / f"a{suffix}", picture)
        expected = read_image(tmp_path / f"a{suffix}")
        with (tmp_path / f"a{suffix}").open("ab") as file:
            file.write(b"maker's notes")
        assert np.array_equal(read_image(tmp_path / f"a{suffix}"), expected)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("this is not a photograph " * 20)
    (tmp_path / "folder.png").mkdir()
    for name, sentence in {
        "absent.jpg": "no image at .*: check the path",
        "empty.png": "is empty",
        "text.jpg": "is not an image that can be decoded",
        "folder.png": "is a folder, not an image",
    }.items():
        with pytest.raises(ScotopicError, match=f"{name}.*{sentence}|{sentence}"):
            read_image(tmp_path / name)
        with pytest.raises(ScotopicError, match=name):
            image_size(tmp_path / name)


def test_ultralytics_installs_nothing_for_unknown_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once imported, it replaces Image.open by one that fetches a decoder."""
    checks = pytest.importorskip("ultralytics.utils.checks", reason='pip install "scotopic[yolo]"')
    asked: list[str] = []
    monkeypatch.setattr(checks, "check_requirements", asked.append)
    (tmp_path / "text.jpg").write_text("this is not a photograph")
    with pytest.raises(ScotopicError, match="is not an image that can be decoded"):
        read_image(tmp_path / "text.jpg")
    with pytest.raises(ScotopicError, match="is not an image that can be read"):
        image_size(tmp_path / "text.jpg")
    assert asked == []


def test_floats_of_unknown_range_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.tiff"), np.ones((4, 4, 3), np.float32))
    with pytest.raises(ScotopicError, match="float32 pixels, whose range is unknown"):
        read_image(tmp_path / "a.tiff")


def test_a_header_of_absurd_size_is_refused(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    whole = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")
    for data in (whole, whole[:-2]):
        (tmp_path / "huge.png").write_bytes(data)
        for read in (read_image, image_size):
            with pytest.raises(ScotopicError, match=r"huge\.png"):
                read(tmp_path / "huge.png")


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "a.jpg"


@given(flips=st.lists(st.tuples(st.integers(2, 900), st.integers(0, 255)), max_size=20), cut=st.integers(0, 900))
def test_damage_gives_pixels_or_a_sentence(flips: list[tuple[int, int]], cut: int, damaged: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(buffer, "JPEG")
    data = bytearray(buffer.getvalue())
    for at, value in flips:
        data[at % len(data)] = value
    damaged.write_bytes(data[: len(data) - cut % len(data)])
    try:
        out = read_image(damaged)
    except ScotopicError:
        return
    assert out.dtype == np.uint8
    assert out.shape[2] == 3


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.txt"])
def test_a_suffix_that_names_no_format(picture: np.ndarray, name: str, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=f"cannot write .*{name}: use .png"):
        write_image(tmp_path / name, picture)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "most"), [(".jpg", 65_500), (".JPEG", 65_500), (".webp", 16_383)])
def test_a_picture_that_is_too_large_for_its_format(suffix: str, most: int, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=rf"a{suffix}: 2x{most + 1} pixels do not fit .* up to {most:,}: use .png"):
        write_image(tmp_path / f"a{suffix}", np.zeros((most + 1, 2, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []
    write_image(tmp_path / f"b{suffix}", np.zeros((most, 2, 3), np.uint8))
    assert image_size(tmp_path / f"b{suffix}") == (2, most)


def test_a_file_in_the_way_of_the_folder(picture: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    for file in (tmp_path / "out" / "a.png", tmp_path / "out" / "deeper" / "a.png"):
        with pytest.raises(ScotopicError, match="a file is in the way; choose another output folder"):
            write_image(file, picture)


def test_a_folder_in_the_way_of_the_file(picture: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ScotopicError, match=r"a\.png: a folder is in the way"):
        write_image(tmp_path / "a.png", picture)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_finds_images(picture: np.ndarray, tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "deeper/c.bmp"):
        write_image(tmp_path / "in" / name, picture)
    (tmp_path / "in" / "notes.txt").touch()
    write_image(tmp_path / "single.png", picture)
    found = find_images([tmp_path / "in", tmp_path / "single.png"])
    assert [str(relative) for _, relative in found] == ["a.JPG", "b.png", "deeper/c.bmp", "single.png"]
    assert all(path.is_file() for path, _ in found)


def test_nothing_to_find_is_said(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="no images in"):
        find_images([tmp_path])
    with pytest.raises(ScotopicError, match="no image or folder at"):
        find_images([tmp_path / "absent"])
