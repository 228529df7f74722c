"""Generated pairs of pictures, dark and well lit, for the tests of image quality."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from scotopic.pipeline.image import write_image


def write_pairs(folder: Path, count: int = 4, width: int = 64, height: int = 48) -> Path:
    """``high/`` with smooth random pictures and ``low/`` with their squares, which ``gamma[gamma=2.0]`` undoes."""
    rng = np.random.default_rng(7)
    for number in range(count):
        noise = cv2.GaussianBlur(rng.uniform(0, 1, (height, width, 3)), (9, 9), 2)
        bright = (noise - noise.min()) / (noise.max() - noise.min())
        write_image(folder / "high" / f"{number}.png", np.rint(255 * bright).astype(np.uint8))
        write_image(folder / "low" / f"{number}.png", np.rint(255 * bright**2).astype(np.uint8))
    return folder


def write_niqe_parameters(path: Path) -> Path:
    """A file in NIQE's form, whose figures mean nothing."""
    np.savez(path, mu_pris_param=np.zeros((1, 36)), cov_pris_param=np.eye(36))
    return path


def write_brisque_model(path: Path) -> Path:
    """A file in BRISQUE's form, with its range beside it, whose figures mean nothing."""
    vectors = "".join(f"{weight} " + " ".join(f"{n}:{level}" for n in range(1, 37)) + "\n" for weight, level in
                      ((40, 0.1), (-20, -0.4)))  # fmt: skip
    path.write_text(f"svm_type epsilon_svr\nkernel_type rbf\ngamma 0.01\nrho -3\nSV\n{vectors}")
    path.with_name(f"{path.name}.range").write_text("x\n-1 1\n" + "".join(f"{n} 0 3\n" for n in range(1, 37)))
    return path
