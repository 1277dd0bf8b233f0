"""Recomputed from scratch, published views are right, or it is said which rows of which view aren't."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from small_place import Place, data, learnfold

from learnfold.engines import DayCounts
from learnfold.errors import UsageError
from learnfold.operate.verify import Verification, verify
from learnfold.settings import Settings


def verified(place: Place, *jobs: str, settings: Settings | None = None) -> Verification:
    """What verifying shows."""
    return verify(place.workspace(settings), str(place.master), jobs)


def tamper(place: Place, view: str, change: object) -> None:
    """Writes other rows into the published file of a view."""
    path = place.out / place.current().views[view].paths[0]
    table = change(pq.read_table(path))  # type: ignore[operator]
    path.unlink()
    pq.write_table(table, path)


def grown(tmp_path: Path) -> Place:
    """A place whose batch was made in two runs, with copies and bad events."""
    place = Place(tmp_path)
    place.watch(1, "u1", "u2", event_id="same")
    place.run()
    place.watch(2, "u1", "u2")
    place.add("video_topic", pa.table({"value": ["not json"]}), "year=2025/month=12/day=02")
    place.run()
    return place


def test_what_runs_publish_is_right(tmp_path: Path) -> None:
    """After any runs; nothing below the output changes by it."""
    place = grown(tmp_path)
    before = place.names()
    found = verified(place)
    assert found.right
    assert len(found.views) == 9
    assert place.names() == before


def test_rows_that_are_wrong_are_named(tmp_path: Path) -> None:
    """The view, how many rows, and which; the manifest's digest is not believed."""
    place = grown(tmp_path)

    def more(table: pa.Table) -> pa.Table:
        return table.set_column(2, "unique_viewers", pc.add(table["unique_viewers"], 1))

    tamper(place, "video_popularity", more)
    tamper(place, "video_total_watch_time", lambda table: table.slice(1))
    wrong = {view.view: view.rows for view in verified(place).views if not view.rows.same}
    assert set(wrong) == {"video_popularity", "video_total_watch_time"}
    assert wrong["video_popularity"].changed_columns == {"unique_viewers": 1}
    assert wrong["video_total_watch_time"].added == 1


def test_a_view_that_is_gone_or_broken_is_said(tmp_path: Path) -> None:
    """Not a traceback, and the others are verified all the same."""
    place = grown(tmp_path)
    views = place.current().views
    (place.out / views["video_popularity"].paths[0]).unlink()
    (place.out / views["video_course_metrics"].paths[0]).write_bytes(b"no parquet")
    found = verified(place)
    assert set(found.unverified) == {"video_popularity", "video_course_metrics"}
    assert len(found.views) == len(place.workspace().catalog.jobs["video"].views) - 2
    assert not found.right


def test_files_that_came_since_make_no_differences(tmp_path: Path) -> None:
    """The views are compared as of what their batch read; what came since is counted."""
    place = grown(tmp_path)
    place.watch(2, "u3")
    found = verified(place)
    assert found.right
    assert found.new_files == 1


def test_views_whose_files_changed_since_are_unverified_not_wrong(tmp_path: Path) -> None:
    """What they were made from isn't there any more, so nobody can say; other topics can be."""
    place = grown(tmp_path)
    place.run("profile_notification")
    place.watch(1, "u9").rename(place.master / "topic=video_topic/year=2025/month=12/day=01/part-00000.parquet")
    found = verified(place)
    assert len(found.unverified) == 9
    assert all("changed or went" in why and "learnfold run" in why for why in found.unverified.values())
    assert {view.view.split("_")[0] for view in found.views} == {"profile", "notification"}


def test_counts_in_the_manifest_are_verified_too(tmp_path: Path) -> None:
    """Events, copies and quarantined events by day and topic."""
    place = grown(tmp_path)
    manifest = place.current()
    topic = manifest.jobs["video"].topics["video_topic"]
    topic.days[date(2025, 12, 1)] = DayCounts(7, 0)
    next(file for file in topic.files.values() if file.quarantined).quarantined = {"not JSON": 3}
    path = place.out / f"_batches/{manifest.batch}/manifest.json"
    path.write_bytes(manifest.to_json())
    found = verified(place)
    assert [line.split(":")[0] for line in found.facts] == ["video_topic 2025-12-01", "video_topic"]
    assert not found.right


def test_the_zones_are_those_of_the_batch(tmp_path: Path) -> None:
    """What the environment says today isn't what the batch was made with."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run(settings=Settings(reporting_zone="Pacific/Kiritimati"))
    assert verified(place).right


def test_only_what_is_published_from_there_can_be_verified(tmp_path: Path) -> None:
    """Another input or a job that was never run is a mistake."""
    place = grown(tmp_path)
    with pytest.raises(UsageError, match="auth isn't published"):
        verified(place, "auth")
    other = Place(tmp_path / "other")
    other.watch(1, "u1")
    with pytest.raises(UsageError, match="is made from"):
        verify(place.workspace(), str(other.master))


def test_plain_paths_are_verified_and_the_next_run_puts_them_right(tmp_path: Path) -> None:
    """Other content, a file that is gone, and one beside them, which whoever reads the folder would count too."""
    place = grown(tmp_path)
    before = place.rows("video_popularity")
    emptied, gone, doubled = (
        place.out / view / "part-00000.parquet"
        for view in ("video_popularity", "video_course_metrics", "video_total_watch_time")
    )
    new = emptied.with_name(".new")
    pq.write_table(pq.read_table(emptied).slice(0, 0), new)
    new.rename(emptied)
    gone.unlink()
    stray = doubled.with_name("part-00001.parquet")
    stray.write_bytes(doubled.read_bytes())
    found = verified(place)
    assert not found.right
    assert all(view.rows.same for view in found.views)
    assert sorted(found.plain) == [
        "video_course_metrics/part-00000.parquet is gone",
        "video_popularity/part-00000.parquet isn't what the batch holds",
        "video_total_watch_time/part-00001.parquet doesn't belong there",
    ]
    assert learnfold("verify", place.master, place.out).returncode == 1
    place.run()
    assert verified(place).right
    assert place.rows("video_popularity") == before
    assert not stray.exists()


def test_the_command_exits_with_1_where_something_is_wrong(tmp_path: Path) -> None:
    """0 when all is right; the rows that are wrong are printed."""
    place = grown(tmp_path)
    right = learnfold("verify", place.master, place.out)
    assert (right.returncode, right.stdout.strip()) == (
        0,
        f"batch {place.current().batch}: 9 views are right, 0 wrong, 0 not verified",
    )
    assert data("verify", place.master, place.out, "--job", "video")["right"] is True
    tamper(place, "video_total_watch_time", lambda table: table.slice(1))
    wrong = learnfold("verify", place.master, place.out)
    assert wrong.returncode == 1
    assert "video_total_watch_time: missing user_id=u1" in wrong.stdout
    assert learnfold("verify", place.master, place.out, "--job", "vidio").returncode == 2
    assert learnfold("verify", tmp_path / "nowhere", place.out).returncode == 1
