"""What methods on 8-bit pictures share: the way from tensors and back, and the check of their parameters."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ....errors import ScotopicError
from ...contract import Enhancer, to_image


class PictureEnhancer(Enhancer):
    """A method on single 8-bit pictures. A subclass sets ``info`` with ``in_graph=False`` and writes ``enhance``.

    ``forward`` goes through 8 bits as well, so it is neither differentiable nor exportable.
    """

    def transform(self, x: Tensor) -> Tensor:
        pictures = [self.enhance(to_image(frame.unsqueeze(0))) for frame in x]
        batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
        return batch.to(x.device, x.dtype) / 255


def check_number(name: str, value: object, low: float, high: float = math.inf) -> float:
    """Return ``value`` as a float if it is a finite number above ``low`` and no more than ``high``.

    Raises:
        ScotopicError: it is not; names the parameter.

    >>> check_number("alpha", -1, 0)
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: alpha=-1 is not a number above 0
    """
    bound = f"a number above {low:g}" + ("" if high == math.inf else f" and at most {high:g}")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low < value <= high or value == math.inf:
        raise ScotopicError(f"{name}={value!r} is not {bound}")
    return float(value)
