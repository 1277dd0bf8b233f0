"""The pages of platforms say which views are full, and that is so; the mapping of one's own that is shown works."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from learnfold import catalog
from learnfold.cli import main

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import platform_views  # noqa: E402 - of the tools

pytestmark = pytest.mark.slow

PAGES = ROOT / "docs" / "platforms"


@pytest.mark.parametrize("page", platform_views.WAYS)
def test_a_page_says_which_views_are_full(page: str) -> None:
    """``make docs`` writes it anew where this fails."""
    text = (PAGES / f"{page}.md").read_text("utf-8")
    assert platform_views.renewed(page, text) == text
    assert all(f"| `{view}` |" in text for view in catalog.load().views)


def test_the_first_page_says_which_kinds_of_statements_have_an_event() -> None:
    """By platform and way, with the reasons of those that have none; ``make docs`` writes it anew where this fails."""
    text = (PAGES / "README.md").read_text("utf-8")
    assert platform_views.with_kinds(text) == text
    assert all(f"| {way} |" in text for ways in platform_views.WAYS.values() for way in ways)


def test_every_page_is_named_in_the_first() -> None:
    """A reader finds the platform there."""
    named = set(re.findall(r"\((\w+\.md)\)", (PAGES / "README.md").read_text("utf-8")))
    assert {page.name for page in PAGES.glob("*.md")} - {"README.md"} == named


def test_the_mapping_of_ones_own_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is shown, for a row of CSV; and coverage says what it fills."""
    shown = re.search(r"```toml\n(.*?)```", (PAGES / "own.md").read_text("utf-8"), re.DOTALL)
    assert shown is not None
    (tmp_path / "our-platform.toml").write_text(shown[1], "utf-8")
    (tmp_path / "log.csv").write_text("log_id,person,when,action,course,page\n1,ann,1772445600,open,c1,p1\n", "utf-8")
    words = ["coverage", "--sample", str(tmp_path / "log.csv"), "--from", str(tmp_path / "our-platform.toml"), "--json"]
    assert main(words) == 0
    views = {one["view"]: one["state"] for one in json.loads(capsys.readouterr().out)["views"]}
    assert views["course_material_access"] == "full"
    assert views["course_enrollment_stats"] == "empty"
