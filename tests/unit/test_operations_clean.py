"""Cleaning removes what no batch needs, and never what one needs, will need, or a reader may still hold."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from small_place import Place, data, learnfold

from learnfold.batch.clean import CleanReport, clean
from learnfold.batch.history import HISTORY
from learnfold.batch.request import Scope
from learnfold.errors import BusyError, MissingDataError
from learnfold.settings import Settings
from learnfold.storage.lease import held

NOW = Settings(keep_batches=1, grace_minutes=0)


def cleaned(place: Place, settings: Settings = NOW, **more: object) -> CleanReport:
    """What cleaning did; by default it keeps one batch and grants no grace."""
    return clean(place.workspace(settings), **more)  # type: ignore[arg-type]


def age(place: Place, minutes: float = 120) -> None:
    """Makes every file look as old as that."""
    moment = time.time() - minutes * 60
    for path in place.out.rglob("*"):
        if path.is_file():
            os.utime(path, (moment, moment))


def grown(tmp_path: Path, batches: int) -> Place:
    """A place with so many batches, each with a viewer more."""
    place = Place(tmp_path)
    for day in range(1, batches + 1):
        place.watch(day, f"u{day}")
        place.run()
    return place


def needed(place: Place) -> set[str]:
    """The files that runs made and no clean may leave or take beside."""
    return {name for name in place.names() if name.startswith(("_rollups/", "_quarantine/", "_batches/2"))}


def test_the_last_batches_and_all_they_need_stay(tmp_path: Path) -> None:
    """With N to keep, N batches can still be published again, and nothing else is left."""
    place = grown(tmp_path, 5)
    report = cleaned(place, replace(NOW, keep_batches=2))
    assert len(report.kept) == 2
    assert len(report.removed) == 3
    manifests = [place.current(), place.current()]
    assert learnfold("rollback", place.out).returncode == 0
    assert place.viewers() == {"u1", "u2", "u3", "u4"}
    cleaned(place)
    assert needed(place) == place.current().files()
    assert manifests[0].batch not in report.removed


def test_a_batch_replaced_within_the_grace_stays(tmp_path: Path) -> None:
    """A reader may have begun with it: old files don't make an old batch."""
    place = grown(tmp_path, 3)
    age(place)
    report = cleaned(place, replace(NOW, grace_minutes=60))
    assert (report.removed, report.files) == ([], [])
    assert len(cleaned(place).removed) == 2


def test_young_files_that_no_batch_needs_wait(tmp_path: Path) -> None:
    """What a crash left goes after the grace, and is counted until then."""
    place = grown(tmp_path, 1)
    place.storage.write("_rollups/video_watches/crashed.parquet", b"x")
    report = cleaned(place, replace(NOW, grace_minutes=60))
    assert (report.files, report.waiting) == ([], 1)
    assert cleaned(place).files == ["_rollups/video_watches/crashed.parquet"]


@pytest.mark.parametrize(
    "folder", ["_rollups/r", "_batches/20250101T000000-0", "_staging", "_verify/1", "_quarantine/topic=x"]
)
def test_what_crashes_leave_goes_from_every_folder_of_ours(tmp_path: Path, folder: str) -> None:
    """Rollups, views, staging, verification and quarantine; the folders that this empties too."""
    place = grown(tmp_path, 1)
    place.storage.write(f"{folder}/part.parquet", b"x")
    assert cleaned(place).files == [f"{folder}/part.parquet"]
    assert not (place.out / folder).exists()


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    """Plain paths, notes, receipts, other people's files: cleaning knows its own."""
    place = grown(tmp_path, 1)
    others = ["notes.txt", "report/a.parquet", "_erasures/r.json", "_batches/current.json.bak", "auth/.a.tmp-1-00"]
    for name in others:
        (place.out / name).parent.mkdir(exist_ok=True)
        (place.out / name).write_bytes(b"x")
    before = place.names()
    assert cleaned(place).files == []
    assert place.names() - before <= {"_locks/.history.json.lock"}
    assert before <= place.names()


def test_a_dry_run_removes_nothing_and_tells_the_same(tmp_path: Path) -> None:
    """What it says is what then goes."""
    place = grown(tmp_path, 3)
    before = place.names()
    told = cleaned(place, dry_run=True)
    assert place.names() == before
    assert told.files == cleaned(place).files
    assert before - place.names() == set(told.files)


def test_what_a_live_run_has_written_stays_whatever_the_grace(tmp_path: Path) -> None:
    """A run that folds for hours writes files that nothing refers to yet; those written before it began still go."""
    place = grown(tmp_path, 1)
    place.storage.write("_rollups/video_watches/crashed.parquet", b"x")
    age(place)
    with held(place.storage, ["auth"], Settings()):
        place.storage.write("_rollups/auth_sessions/new.parquet", b"x")
        report = cleaned(place)
        assert report.files == ["_rollups/video_watches/crashed.parquet"]
        assert report.waiting == 1
    assert cleaned(place).files == ["_rollups/auth_sessions/new.parquet"]


def test_the_batch_that_a_live_run_began_with_stays(tmp_path: Path) -> None:
    """Others may publish many batches meanwhile: when it publishes, it asks what it was planned from."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    first = place.run().manifest.batch
    age(place)
    with held(place.storage, ["auth"], Settings()):
        for day in (2, 3):
            place.watch(day, "u1")
            place.run()
        assert first in cleaned(place).kept
    assert first in cleaned(place).removed


def test_a_batch_stays_whole_while_a_run_that_began_before_it_lives(tmp_path: Path) -> None:
    """Where a manifest is too young to go, its older views don't go before it."""
    place = grown(tmp_path, 2)
    first = place.current().parent
    age(place)
    with held(place.storage, ["auth"], Settings()):
        os.utime(place.out / f"_batches/{first}/manifest.json")
        report = cleaned(place)
        assert first in report.kept
    assert learnfold("rollback", place.out, str(first)).returncode == 0


def test_no_name_of_a_quarantine_is_given_twice(tmp_path: Path) -> None:
    """So a cleaning that was about to remove one can't take that of a later run, though it holds the same."""
    place = Place(tmp_path)
    place.add("video_topic", pa.table({"value": ["not json"]}))
    first = place.run().manifest.files()
    second = place.run(scope=Scope(full=True)).manifest.files()
    one, other = ({path for path in files if path.startswith("_quarantine/")} for files in (first, second))
    assert (len(one), len(other)) == (1, 1)
    assert one.isdisjoint(other)
    assert set(cleaned(place).files) >= one


def test_quarantine_that_the_batch_needs_stays(tmp_path: Path) -> None:
    """Invalid events are kept as long as the files they came from."""
    place = Place(tmp_path)
    place.add("video_topic", pa.table({"value": ["not json"]}))
    place.run()
    assert cleaned(place).files == []
    assert any(name.startswith("_quarantine/") for name in place.names())


def test_leases_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    """A run that was killed leaves its lease; nobody needs it."""
    place = grown(tmp_path, 1)
    script = f"""
import os, signal
from learnfold.storage.lease import held
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
with held(FolderStorage({str(place.out)!r}), ["video"], Settings()):
    with FolderStorage({str(place.out)!r}).new("video_popularity/part-00000.parquet") as file:
        file.write_bytes(b"x")
        os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert any(".tmp-" in name for name in place.names())
    with held(place.storage, ["auth"], Settings()):
        report = cleaned(place)
        assert report.leases == ["video"]
        assert "_locks/auth.json" in place.names()
    assert not any(".tmp-" in name for name in place.names())
    assert [name.rsplit(".tmp-")[0] for name in report.files] == ["video_popularity/.part-00000.parquet"]


def test_what_a_living_process_is_writing_stays(tmp_path: Path) -> None:
    """A copy may look as old as what it is a copy of: whether its writer lives is what counts."""
    place = grown(tmp_path, 1)
    living = place.out / f"video_popularity/.part-00000.parquet.tmp-{os.getpid()}-00000000"
    living.write_bytes(b"x")
    age(place)
    assert cleaned(place).files == []
    assert living.exists()


def test_two_do_not_clean_at_once(tmp_path: Path) -> None:
    """Nor while someone publishes an old batch again: it would lose its files."""
    place = grown(tmp_path, 2)
    with held(place.storage, [HISTORY], Settings()), pytest.raises(BusyError):
        cleaned(place)


def test_nothing_is_cleaned_where_nothing_is(tmp_path: Path) -> None:
    """A misspelt place is an error, not a success."""
    with pytest.raises(MissingDataError, match="is the path right"):
        cleaned(Place(tmp_path))
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_went(tmp_path: Path) -> None:
    """Batches, files, bytes; a dry run says would; wrong numbers exit with 2."""
    place = grown(tmp_path, 3)
    told = learnfold("clean", place.out, "--keep", 1, "--grace-minutes", 0, "--dry-run")
    assert told.stdout.count("would remove batch") == 2
    done = learnfold("clean", place.out, "--keep", 1, "--grace-minutes", 0)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("removed batch") == 2
    assert "kept 1 batch: " in done.stdout
    assert data("clean", place.out)["files"] == []
    wrong = learnfold("clean", place.out, "--keep", 0)
    assert wrong.returncode == 2
    assert "at least 1" in wrong.stderr
