"""What every subject needs besides its script is written from it, and nobody forgets to."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from learnfold import catalog

ROOT = Path(__file__).parents[2]


def derived(root: Path, *words: str) -> tuple[int, list[str]]:
    """What ``tools/derived.py`` of that clone says is stale, and its exit code."""
    done = subprocess.run(
        [sys.executable, root / "tools" / "derived.py", *words], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.split()


def test_launchers_and_airflow_follow_the_subjects() -> None:
    """``make docs`` writes them where this fails."""
    assert derived(ROOT, "--check") == (0, [])


def test_a_launcher_that_is_missing_or_left_over_is_named_and_put_right(tmp_path: Path) -> None:
    """One for each subject, and none of a subject that is gone."""
    for folder in ("src/learnfold", "batch_layer/jobs", "deploy/airflow", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    jobs = tmp_path / "batch_layer" / "jobs"
    (jobs / "video_batch_job.py").rename(jobs / "film_batch_job.py")
    stale = ["batch_layer/jobs/video_batch_job.py", "batch_layer/jobs/film_batch_job.py"]
    assert derived(tmp_path, "--check") == (1, stale)
    assert derived(tmp_path) == (0, stale)
    assert derived(tmp_path, "--check") == (0, [])
    assert sorted(file.name for file in jobs.glob("*_batch_job.py")) == sorted(
        f"{job}_batch_job.py" for job in catalog.load().jobs
    )
