"""A new view is ten lines of SQL in a subject, and nothing anywhere else."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pyarrow.parquet as pq

from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.catalog.document import document
from learnfold.catalog.jobs import COMMON
from learnfold.settings import Settings
from promises.dataset import Dataset

TEN_LINES = """
-- On which days of the week each course's videos are watched.
-- check: weekday BETWEEN 1 AND 7
CREATE VIEW video_weekdays AS
SELECT
  course_id,
  CAST(EXTRACT(isodow FROM date) AS INTEGER) AS weekday,  -- 1 (Monday) to 7
  sum(watches)            AS total_watches,               -- viewings
  count(DISTINCT user_id) AS unique_viewers               -- people
FROM video_watches
GROUP BY ALL;
"""


def watched(number: int, user: str, day: int) -> dict[str, object]:
    """A viewing in December 2025, whose first day is a Monday."""
    return {
        "event_id": f"e{number}",
        "event_type": "VIDEO_WATCHED",
        "user_id": user,
        "course_id": "c",
        "timestamp": f"2025-12-{day:02d} 10:00:00",
    }


def test_a_view_of_ten_lines_is_computed_documented_and_kept_up(tmp_path: Path) -> None:
    """Its rows are right, also when more events come; the other views of the subject are there as before."""
    folder = resources.files("learnfold") / "subjects"
    scripts = {name: (folder / f"{name}.sql").read_text("utf-8") for name in (COMMON, "video")}
    extended = catalog.read(scripts | {"video": scripts["video"] + TEN_LINES})
    dataset, request = Dataset(tmp_path / "master"), RunRequest(str(tmp_path / "master"), str(tmp_path / "out"))

    def add(*viewings: tuple[str, int]) -> list[tuple[object, ...]]:
        items = [watched(dataset.files * 100 + number, user, day) for number, (user, day) in enumerate(viewings)]
        dataset.add("video_topic", items, shape="flat", folder=f"{{topic}}/year=2025/month=12/day={viewings[0][1]:02d}")
        run(request, extended, Settings())
        table = pq.read_table(tmp_path / "out" / "video_weekdays" / "part-00000.parquet")
        return [tuple(row.values()) for row in table.to_pylist()]

    assert add(("u1", 1), ("u2", 1)) == [("c", 1, 2, 2)]
    assert add(("u1", 8), ("u3", 9)) == [("c", 1, 3, 2), ("c", 2, 1, 1)]
    assert {view.name for view in extended.jobs["video"].views} == {
        path.name for path in (tmp_path / "out").iterdir() if path.name.startswith("video_")
    }
    assert "### video_weekdays" in document(extended)


def test_a_view_added_later_reads_no_event_again(tmp_path: Path) -> None:
    """The rollups are there already: adding the view folds nothing."""
    folder = resources.files("learnfold") / "subjects"
    scripts = {name: (folder / f"{name}.sql").read_text("utf-8") for name in (COMMON, "video")}
    dataset, request = Dataset(tmp_path / "master"), RunRequest(str(tmp_path / "master"), str(tmp_path / "out"))
    dataset.add("video_topic", [watched(1, "u1", 1)], shape="flat", folder="{topic}/year=2025/month=12/day=01")
    run(request, catalog.read(scripts), Settings())
    report = run(request, catalog.read(scripts | {"video": scripts["video"] + TEN_LINES}), Settings())
    job = report.manifest.jobs["video"]
    assert (job.folded_days, job.views["video_weekdays"].rows) == (0, 1)
    assert [name for name, view in job.views.items() if view.batch == report.batch] == ["video_weekdays"]
