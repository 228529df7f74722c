"""The view in a window of OpenCV."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2

from ...errors import ScotopicError
from ...pipeline.image import contiguous
from .loop import Watch
from .view import View

_KEYS = {ord("1"): "original", ord("2"): "enhanced", ord("3"): "detections"}
_QUIT = (27, ord("q"))
_TRIAL = "import cv2; cv2.namedWindow('scotopic'); cv2.waitKey(1); cv2.destroyAllWindows()"


def require_display() -> None:
    """Make sure that a window can be opened.

    Raises:
        ScotopicError: there is no display, or OpenCV is built without windows.
    """
    needs_display = sys.platform.startswith("linux")
    if not (needs_display and not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY")):
        # In a process of its own, because Qt ends the whole process where the display does not answer.
        trial = subprocess.run([sys.executable, "-c", _TRIAL], capture_output=True, check=False)
        if trial.returncode == 0:
            return
    raise ScotopicError("no window can be opened here: add --serve, and watch in a browser")


def show_window(watch: Watch) -> None:
    """Show the feed until q, Escape, or the window is closed. Space freezes the view, 1 to 3 switch the panels."""
    title = f"{watch.feed.status.source} - scotopic watch"
    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    panels, frozen, view, size = set(_KEYS.values()), False, None, None
    while True:
        fresh = None if frozen else watch.feed.newest(view.serial if view else None, timeout=0.02)
        if fresh is not None:
            view = fresh
            size = _draw(title, view, panels, size)
        key = cv2.waitKey(20 if frozen else 1) & 0xFF
        if key in _QUIT or cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1:
            break
        if key == ord(" "):
            frozen = not frozen
        elif key in _KEYS:
            panels = switched(panels, _KEYS[key], set(view.status.panels) if view else set())
            if view:
                size = _draw(title, view, panels, size)
    cv2.destroyWindow(title)


def _draw(title: str, view: View, panels: set[str], size: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Show the panels, and fit the window to them when they are of another size than the last ones."""
    picture = view.side_by_side(sorted(panels))
    if picture is None:
        return size
    if picture.shape != size:
        cv2.resizeWindow(title, picture.shape[1], picture.shape[0])
    cv2.imshow(title, contiguous(picture[..., ::-1]))
    return picture.shape


def switched(panels: set[str], panel: str, there: set[str]) -> set[str]:
    """The panels on view after one was switched; the last one stays.

    >>> sorted(switched({"original", "enhanced"}, "enhanced", {"original", "enhanced"}))
    ['original']
    >>> sorted(switched({"original"}, "original", {"original", "enhanced"}))
    ['original']
    """
    after = panels ^ {panel}
    return after if after & there else panels
