"""A dataset in which every topic gets the same number of events a step, so that one look tells whether a batch is whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from learnfold.batch.manifest import Manifest, read_current
from learnfold.storage.folder import FolderStorage

EVENTS = {
    "auth_topic": {"event_type": "LOGIN", "session_id": "s"},
    "assessment_topic": {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": "a", "course_id": "c"},
    "video_topic": {"event_type": "VIDEO_WATCHED", "video_id": "v", "course_id": "c"},
    "course_topic": {"event_type": "ITEM_CLICK", "item_id": "i", "course_id": "c"},
    "profile_topic": {"event_type": "UPDATE_PROFILE", "field_name": "email"},
    "notification_topic": {"event_type": "NOTIFICATION_SENT", "notification_type": "n"},
    "forum_topic": {"event_type": "POST_CREATED", "course_id": "c"},
}

COUNTED = {
    "auth_hourly_login_patterns": "login_count",
    "auth_user_activity_summary": "total_logins",
    "assessment_student_submissions": "total_submissions",
    "assessment_submission_distribution": "submissions_count",
    "video_total_watch_time": "total_watch_sessions",
    "video_daily_engagement": "total_watch_events",
    "video_popularity": "total_view_events",
    "course_daily_engagement": "event_count",
    "course_material_access": "total_material_accesses",
    "profile_field_changes": "total_updates",
    "profile_daily_activity": "event_count",
    "notification_delivery_stats": "total_sent",
    "notification_daily_activity": "event_count",
    "forum_daily_activity": "event_count",
}
"""Views whose column adds up to the number of events of a topic."""


def grow(master: Path, step: int, events: int = 20) -> None:
    """Adds ``events`` events to every topic, on a day of their own (every third step: on the first day, late)."""
    day = 1 if step % 3 == 2 else step % 28 + 1
    for topic, event in EVENTS.items():
        folder = master / f"topic={topic}" / "year=2025" / "month=12" / f"day={day:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        rows = [
            event
            | {"event_id": f"{step}-{n}", "user_id": f"u{n % 7}", "timestamp": f"2025-12-{day:02d} {n % 24:02d}:00:00"}
            for n in range(events)
        ]
        table = pa.Table.from_pylist(rows)
        temporary = folder / f".part-{step:05d}"
        pq.write_table(table, temporary)
        temporary.rename(folder / f"part-{step:05d}.parquet")


def command(*words: object) -> list[str]:
    """The command line of ``learnfold``."""
    return [sys.executable, "-m", "learnfold", *map(str, words)]


def learnfold(*words: object) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=120, check=False)


def whole(out: Path) -> tuple[str | None, int]:
    """The published batch and how many events of each topic it counts; fails where its views don't agree."""
    manifest, _ = read_current(FolderStorage(str(out)))
    if manifest is None:
        return None, 0
    return manifest.batch, events_in(out, manifest)


def events_in(out: Path, manifest: Manifest) -> int:
    """The events of each topic that a batch counts; fails where its views don't agree."""
    sums = {
        view: sum(pq.read_table(out / manifest.views[view].paths[0]).column(column).to_pylist())
        for view, column in COUNTED.items()
    }
    assert len(set(sums.values())) == 1, f"batch {manifest.batch} is no whole batch: {sums}"
    return next(iter(sums.values()))


def plain(out: Path) -> set[int]:
    """What the plain paths count, view by view."""
    return {
        sum(pq.read_table(out / view / "part-00000.parquet").column(column).to_pylist())
        for view, column in COUNTED.items()
    }
