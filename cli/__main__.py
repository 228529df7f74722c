"""`python -m scotopic.cli`, where the script `scotopic` is not on the path."""

from __future__ import annotations

from .entry import run

if __name__ == "__main__":
    run()
