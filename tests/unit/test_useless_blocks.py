"""Where keys hardly come twice, days aren't merged again and again for nothing."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from learnfold import catalog
from learnfold.batch.manifest import AllTimeSegment, read_current
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage

FIRST = date(2026, 3, 1)


def test_what_was_no_use_is_looked_at_again_when_its_days_have_doubled(tmp_path: Path) -> None:
    """Its file goes at once; neither days that follow nor late ones make another before that."""
    master, out = tmp_path / "master", tmp_path / "out"
    for day in range(14):
        _visits(master, day, "on time")
    (first,) = _run(master, out)
    assert (first.path, first.bytes, len(first.days)) == ("", 0, 8)
    assert first.rows == first.day_rows == 8 * 50

    _visits(master, 2, "late")
    for day in range(14, 17):
        _visits(master, day, "on time")
    assert _run(master, out) == [first]

    for day in range(17, 30):
        _visits(master, day, "on time")
    (second,) = _run(master, out)
    assert (second.path, len(second.days)) == ("", 24)


def test_a_block_that_becomes_useful_is_kept(tmp_path: Path) -> None:
    """Visits that go on over many days make one when its turn comes."""
    master, out = tmp_path / "master", tmp_path / "out"
    for day in range(14):
        _visits(master, day, "once")
    assert [block.path for block in _run(master, out)] == [""]
    for day in range(40):
        _visits(master, day, "again and again", sessions=5)
    blocks = _run(master, out)
    large = max(blocks, key=lambda block: len(block.days))
    assert all((out / block.path).is_file() for block in blocks)
    assert large.rows == 45 + 14 * 50  # 9 users' 5 visits, and those of before
    assert large.rows < large.day_rows / 2


def _visits(master: Path, day: int, file: str, sessions: int = 0) -> None:
    when = FIRST + timedelta(days=day)
    folder = master / "topic=auth_topic" / f"year={when.year}" / f"month={when.month:02d}" / f"day={when.day:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    events = [
        {
            "event_id": f"{day} {file} {n}",
            "event_type": "LOGIN",
            "user_id": f"user {n % 9}",
            "session_id": f"visit {n % sessions}" if sessions else f"{day} {file} {n}",
            "timestamp": f"{when} 12:00:00",
        }
        for n in range(50)
    ]
    pq.write_table(pa.Table.from_pylist(events), folder / f"{file}.parquet")


def _run(master: Path, out: Path) -> list[AllTimeSegment]:
    """Runs the job, and gives what it knows of blocks of sessions; no file is there that it doesn't."""
    run(RunRequest(str(master), str(out), ("auth",)), catalog.load(), Settings(reporting_zone="UTC"))
    manifest, _ = read_current(FolderStorage(str(out)))
    assert manifest is not None
    record = manifest.jobs["auth"].topics["auth_topic"].rollups["auth_sessions"]
    files = {str(file.relative_to(out)) for file in out.glob("_rollups/auth_sessions/*block*")}
    assert files == {block.path for block in record.segments if block.path}
    return record.segments
