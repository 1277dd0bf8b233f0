"""The README shows the dashboard as it is, and loads quickly."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_readme_s_pictures_are_there_and_small() -> None:
    """Those that it shows, no others, less than 300 kB in all; ``make screenshots`` takes them."""
    there = sorted((ROOT / "docs" / "pictures").iterdir())
    pages = [ROOT / "README.md", ROOT / "docs" / "serving.md"]
    shown = {name for page in pages for name in re.findall(r"pictures/([\w.]+)", page.read_text("utf-8"))}
    assert shown == {file.name for file in there}
    assert sum(file.stat().st_size for file in there) < 300_000
