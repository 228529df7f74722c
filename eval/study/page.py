"""The page that participants open: one file, which asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_FOLDER = Path(__file__).parent / "page"


def render_page(data: Mapping[str, Any]) -> str:
    """Style, script, questions and pictures in one HTML text.

    The page's own content security policy lets it load nothing but what it holds, and run nothing but its one script.

    Args:
        data: ``study``, ``fingerprint``, ``mode``, ``sheets`` and ``pictures`` (code -> JPEG in base64).

    >>> page = render_page({"study": "</script>", "mode": "ab", "sheets": [], "pictures": {}})
    >>> "</script>" in page.split('id="study-data"')[1].split("<script")[0][:60]
    False
    """
    style = (_FOLDER / "study.css").read_text(encoding="utf-8")
    script = (_FOLDER / "study.js").read_text(encoding="utf-8")
    folder = FileSystemLoader(_FOLDER)
    templates = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return templates.get_template("study.html").render(
        data=data,
        mode=data["mode"],
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _hash(text: str) -> str:
    """As a content security policy names what may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
