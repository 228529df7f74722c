"""A training that is killed on the spot, as a power cut would: `python -m ...killed_training PRESET OUT WHERE COUNT`.

WHERE is `step`, before the COUNT-th step is judged, or `save`, in the middle of writing the COUNT-th checkpoint.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from scotopic.configs.train_schema import load_train_settings
from scotopic.training.objectives.zero_shot import ZeroShot
from scotopic.training.trainer import train_enhancer


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(preset: str, out: str, where: str, count: str) -> None:
    done = 0

    def is_time() -> bool:
        nonlocal done
        done += 1
        return done == int(count)

    judge, save = ZeroShot.__call__, torch.save

    def judge_or_die(self: ZeroShot, net: Any, batch: Any) -> Any:
        if where == "step" and is_time():
            kill_myself()
        return judge(self, net, batch)

    def save_or_die(content: Any, path: Path) -> None:
        save(content, path)
        if where == "save" and is_time():
            os.truncate(path, path.stat().st_size // 2)
            kill_myself()

    ZeroShot.__call__, torch.save = judge_or_die, save_or_die
    torch.set_num_threads(1)
    train_enhancer(load_train_settings(preset), Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
