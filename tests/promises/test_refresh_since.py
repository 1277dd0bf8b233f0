"""A view that looks back a known time is computed from the first day that changed on, and is what a full run makes of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from learnfold import catalog
from learnfold.batch import refresh
from learnfold.batch.manifest import FULL, INCREMENTAL, read_current
from learnfold.generate import Semester, generate
from learnfold.settings import Settings
from learnfold.storage import open_storage
from promises.views import rows, run_job, views_of

if TYPE_CHECKING:
    from pathlib import Path

LOOKING = [name for name, view in catalog.load().views.items() if view.looks_back]
SETTINGS = Settings(reporting_zone="America/New_York")


def refreshed(out: Path) -> dict[str, str]:
    """How each of those views was refreshed last."""
    manifest, _ = read_current(open_storage(str(out), SETTINGS))
    views = {name: view for job in manifest.jobs.values() for name, view in job.views.items()}
    return {name: views[name].how for name in LOOKING}


def held_back(master: Path, aside: Path, place: int) -> list[tuple[Path, Path]]:
    """The files of one of the days, put aside: each with where it was."""
    days = sorted({path.parent.relative_to(path.parents[3]) for path in master.glob("topic=*/*/*/*/*.parquet")})
    moved = []
    for path in sorted(master.glob(f"topic=*/{days[place]}/*.parquet")):
        away = aside / path.relative_to(master)
        away.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, away)
        moved.append((away, path))
    return moved


def arrive(moved: list[tuple[Path, Path]]) -> None:
    """Files that were put aside come back."""
    for away, path in moved:
        shutil.move(away, path)


@pytest.mark.slow
def test_days_that_come_late_or_new_end_in_the_views_of_a_full_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a zone whose dates aren't UTC's: a day in the midst, then a new one; then one of which each job learns by itself."""
    monkeypatch.setattr(refresh, "INCREMENTAL_SHARE", 1.0)
    master, out = tmp_path / "master", tmp_path / "out"
    generate(Semester(events=4000, days=50), master)
    last, new, late = (held_back(master, tmp_path / "aside", place) for place in (-1, -1, 37))
    run_job(master, out, settings=SETTINGS)
    assert set(refreshed(out).values()) == {FULL}
    for moved in (late, new):
        arrive(moved)
        run_job(master, out, settings=SETTINGS)
        assert set(refreshed(out).values()) == {INCREMENTAL}
    _is_as_of_a_full_run(master, out, tmp_path / "whole")
    arrive(last)
    for job in catalog.load().jobs:
        run_job(master, out, job, SETTINGS)
    _is_as_of_a_full_run(master, out, tmp_path / "again")


def _is_as_of_a_full_run(master: Path, out: Path, whole: Path) -> None:
    run_job(master, whole, settings=SETTINGS)
    for view in views_of():
        assert sorted(map(str, rows(out, view))) == sorted(map(str, rows(whole, view))), view
