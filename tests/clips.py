"""Small videos made on the spot, and what is in a video, packet by packet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

av: Any = pytest.importorskip("av", reason='videos need PyAV: pip install "scotopic[video]"')

TICK = Fraction(1, 1000)


def scene(number: int, width: int = 96, height: int = 64, level: int = 40) -> np.ndarray:
    """A gradient with a square that moves: no two frames are alike, and up is up."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 1] = np.linspace(0, level, height, dtype=np.uint8)[:, None]
    picture[..., 2] = np.linspace(0, level, width, dtype=np.uint8)[None]
    left = 3 * number % (width - 12)
    picture[6:18, left : left + 12] = 2 * level, level, 10
    return picture


def uneven_times(count: int, seed: int = 0) -> list[int]:
    """Milliseconds of frames that come as they like, 15 to 90 apart."""
    gaps = np.random.default_rng(seed).integers(15, 90, count)
    return [0, *np.cumsum(gaps)[: count - 1].tolist()]


def write_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    times: Sequence[int] | None = None,
    *,
    sound: bool = False,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rotation: int = 0,
    mirrored: bool = False,
    color: tuple[int, int, int, int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode pictures, shown at ``times`` in milliseconds, by default 25 a second."""
    times = list(times or range(0, 40 * len(frames), 40))
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.time_base = stream.codec_context.time_base = TICK
        if color:
            context = stream.codec_context
            context.color_primaries, context.color_trc, context.colorspace, context.color_range = color
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        audio = container.add_stream("aac", rate=16000) if sound else None
        for picture, ticks in zip(frames, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format=pixels,
                dst_colorspace=color[2] if color else None,
                dst_color_range=color[3] if color else None,
            )
            frame.pts, frame.time_base = ticks, TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio:
            wave = np.random.default_rng(0).normal(0, 3000, (1, 16 * times[-1])).astype(np.int16)
            heard = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
            heard.sample_rate, heard.pts = 16000, 0
            container.mux(audio.encode(heard))
            container.mux(audio.encode(None))
    return path


@dataclass(frozen=True)
class Content:
    """What a player would find in a file.

    Attributes:
        times: of the pictures, in seconds, in their order.
        seconds: duration of the picture track.
        sound: of each audio packet: when it is heard, how long, and its bytes.
        frames: PyAV's, decoded.
        stream: PyAV's.
    """

    times: list[Fraction]
    seconds: Fraction | None
    sound: list[tuple[Fraction, Fraction, bytes]]
    frames: list[Any]
    stream: Any

    def pictures(self) -> list[np.ndarray]:
        """uint8 RGB."""
        return [frame.to_ndarray(format="rgb24") for frame in self.frames]


def content(path: Path) -> Content:
    """Read a file that is whole."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        times = [frame.pts * frame.time_base for frame in frames]
        seconds = video.duration * video.time_base if video.duration else None
    sound = []
    with av.open(str(path)) as container:
        if container.streams.audio:
            for packet in container.demux(audio=0):
                if packet.size:
                    base = packet.time_base
                    sound.append((packet.pts * base, packet.duration * base, bytes(packet)))
    return Content(times, seconds, sound, frames, video)


def spoil(path: Path, out: Path, numbers: Sequence[int]) -> list[float]:
    """Overwrite the packets with these numbers by nonsense; the seconds at which their pictures would be shown."""
    data = bytearray(path.read_bytes())
    lost = []
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        for number in numbers:
            packet = packets[number]
            data[packet.pos : packet.pos + packet.size] = bytes([0xAA]) * packet.size
            lost.append(float(packet.pts * packet.time_base))
    out.write_bytes(data)
    return lost
