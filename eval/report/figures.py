"""Figures of matplotlib as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ScotopicError
from ...files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure, whole or not at all; the suffix of ``path`` chooses the format (.png, .pdf, .svg).

    Raises:
        ScotopicError: no such format, or the folder cannot be written.

    >>> from matplotlib.figure import Figure
    >>> save_figure(Figure(), "a.doc")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: cannot write a.doc: Format 'doc' is not supported (supported formats: ...
    """
    try:
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=120)
    except ValueError as error:
        raise ScotopicError(f"cannot write {path}: {error}") from None
