"""Compaction: fewer files, the same events, whoever looks and whenever it dies."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from ingested import KilledError, Log, dying_after, rows, visible

from learnfold import catalog
from learnfold.cli import main
from learnfold.errors import BusyError, ConflictError, DataError
from learnfold.ingest import compact as compaction
from learnfold.ingest.compact import CompactReport, CompactRequest, compact
from learnfold.ingest.quarantine import replay
from learnfold.master.closed_days import close_days
from learnfold.master.compaction_log import read_compactions, superseded
from learnfold.master.file_names import REWRITE_LEASE
from learnfold.settings import Settings
from learnfold.storage import lease
from learnfold.storage.folder import FolderStorage
from oracle import read_events
from promises.messages import TOPICS, streams
from promises.views import differences, run_job

LATER = date(2100, 1, 1)


def press(master: Path | str, grace_minutes: float = 60.0, **more: object) -> CompactReport:
    """A compaction as a library call."""
    settings = Settings(grace_minutes=grace_minutes)
    return compact(FolderStorage(str(master)), catalog.load(), settings, CompactRequest(LATER, **more))


def watched(number: int, **more: object) -> dict[str, object]:
    """A valid event of a day of November."""
    event = {
        "event_type": "VIDEO_WATCHED",
        "user_id": f"u{number % 3}",
        "timestamp": "2025-11-01 10:00:00",
        "video_id": "v",
    }
    return {**event, **more}


def filled(folder: Path, flushes: int = 3, each: int = 4) -> Log:
    """A partition whose messages lie in as many files as it was flushed; no message has an id."""
    log = Log(FolderStorage(str(folder)), "video_topic")
    log.claim()
    for number in range(flushes):
        log.send([watched(number * each + n) for n in range(each)])
        log.read()
        log.flush()
    return log


def held(master: Path) -> Counter[str]:
    """The rows that a reader has now, whichever file they are in."""
    return Counter(json.dumps(row, default=str, sort_keys=True) for row in rows(visible(master)))


@pytest.mark.slow
@given(data=st.data())
@pytest.mark.parametrize("job", ["video", "profile_notification"])
def test_compaction_changes_no_view_whenever_it_dies(job: str, data: st.DataObject) -> None:
    """Ingestion, compactions that die before any write, and runs in any order end in the oracle's views, copies and all."""
    with TemporaryDirectory() as folder:
        root, out = Path(folder) / "master", Path(folder) / "out"
        logs = [Log(FolderStorage(str(root)), topic, number) for topic in TOPICS[job] for number in (0, 1)]
        for _ in range(data.draw(st.integers(2, 4))):
            for log in logs:
                log.send(data.draw(streams(log.topic, 6)))
                if log.partition is None or data.draw(st.booleans()):
                    log.claim()
                log.read()
                with contextlib.suppress(KilledError), dying_after(data.draw(st.sampled_from([3, 1000, 1000]))):
                    log.flush()
                log.claim()
            writes = data.draw(st.integers(1, 20))
            grace = data.draw(st.sampled_from([0.0, 60.0]))
            note(f"compacts with a grace of {grace}, dies before write {writes}")
            with contextlib.suppress(KilledError), dying_after(writes):
                press(root, grace)
        for log in logs:
            log.read()
            log.flush()
        messages = {topic: [m for log in logs if log.topic == topic for m in log.messages()] for topic in TOPICS[job]}
        if any(read_events(sent, topic)[0] for topic, sent in messages.items()):
            run_job(root, out, job)
            assert differences(out, messages, job) == []
            press(root, 0.0)
            press(root, 0.0)
            run_job(root, out, job)
            assert differences(out, messages, job) == []


def test_at_every_write_readers_see_each_event_once(tmp_path: Path) -> None:
    """Killed before each of its writes in turn, a compaction leaves every event counted once, though nothing tells them apart."""
    counts = set()
    for writes in range(1, 100):
        master = tmp_path / f"master{writes}"
        for number in range(3):
            file = master / f"topic=video_topic/year=2025/month=11/day=01/video_topic-file-{number:016x}-0.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist([watched(7), watched(7)]), file)  # the same in everything
        before, over = held(master), False
        try:
            with dying_after(writes):
                press(master, 0.0)
                press(master, 0.0)
                press(master, 0.0)
                over = True
        except KilledError:
            pass
        counts.add(len(visible(master)))
        assert held(master) == before, writes
        press(master, 0.0)
        press(master, 0.0)
        assert held(master) == before, writes
        if over:
            break
    assert counts == {1, 3}
    assert writes > 5


def test_small_files_of_a_day_become_one_sorted_for_the_fold(tmp_path: Path) -> None:
    """All files of a day end in one, by user and time; the old ones stay for their grace, then go, then nothing tells of it."""
    filled(tmp_path, flushes=4)
    before = held(tmp_path)
    report = press(tmp_path)
    assert [(day.files_before, day.files_after, day.rows) for day in report.days] == [(4, 1, 16)]
    assert len(list(tmp_path.rglob("*.parquet"))) == 5
    (one,) = visible(tmp_path)
    users = [row["user_id"] for row in rows([one])]
    assert users == sorted(users)
    assert held(tmp_path) == before
    assert press(tmp_path).waiting == 4
    assert press(tmp_path, 0.0).removed == 4
    assert list(tmp_path.rglob("*.parquet")) == [one]
    press(tmp_path, 0.0)
    assert read_compactions(FolderStorage(str(tmp_path))) == []
    assert held(tmp_path) == before
    assert press(tmp_path, 0.0) == CompactReport()


def test_what_a_run_reads_stays_for_its_grace(tmp_path: Path) -> None:
    """Files that a reader listed before the switch are there until the grace is over, counted from the switch."""
    filled(tmp_path)
    listed = visible(tmp_path)
    press(tmp_path, 60.0)
    press(tmp_path, 60.0)
    assert all(file.exists() for file in listed)
    assert superseded(FolderStorage(str(tmp_path)), [str(file.relative_to(tmp_path)) for file in listed]) == set()


def test_what_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """Files beyond the progress, of days that aren't closed and of other tools stay as they are."""
    log = filled(tmp_path, flushes=2)
    folder = tmp_path / "topic=video_topic/year=2025/month=11/day=01"
    beyond = folder / "video_topic-0-100-200.parquet"
    beyond.write_bytes(next(folder.glob("*.parquet")).read_bytes())
    foreign = [folder / f"part-{number}.parquet" for number in range(2)]
    for file in foreign:
        file.write_bytes(beyond.read_bytes())
    early = CompactRequest(date(2025, 11, 1))
    assert compact(log.master, catalog.load(), Settings(), early) == CompactReport()
    assert [day.files_before for day in press(tmp_path).days] == [2]
    assert press(tmp_path, foreign=True).days[0].files_before == 3
    assert beyond.exists()


def test_files_of_different_columns_are_not_mixed(tmp_path: Path) -> None:
    """Only files of the same columns are put together, so that nothing is lost or converted."""
    folder = tmp_path / "topic=video_topic/year=2025/month=11/day=01"
    folder.mkdir(parents=True)
    for number in range(4):
        more = {"odd": 1} if number % 2 else {}
        pq.write_table(pa.Table.from_pylist([watched(number, **more)]), folder / f"part-{number}.parquet")
    before = held(tmp_path)
    assert press(tmp_path, foreign=True).days[0].files_after == 2
    assert held(tmp_path) == before


def test_files_that_cannot_be_written_again_as_they_are_stay(tmp_path: Path) -> None:
    """To DuckDB names that differ by case are one, and INT96 it doesn't write: nothing may change on the way."""
    folder = tmp_path / "topic=video_topic/year=2025/month=11/day=01"
    folder.mkdir(parents=True)
    loud = pa.Table.from_pylist([watched(number, USER_ID="LOUD") for number in range(3)])
    old = pa.table({"timestamp": pa.array([datetime(2025, 11, 1, 10, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))})
    for number in range(2):
        pq.write_table(loud, folder / f"loud-{number}.parquet")
        pq.write_table(old, folder / f"old-{number}.parquet", use_deprecated_int96_timestamps=True)
    before = {file: file.read_bytes() for file in folder.iterdir()}
    assert press(tmp_path, foreign=True).days == []
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


def test_copies_that_a_kill_left_become_one(tmp_path: Path) -> None:
    """Where files overlap in offsets, rows that are the same in everything are kept once; others all stay."""
    log = filled(tmp_path, flushes=2)
    folder = tmp_path / "topic=video_topic/year=2025/month=11/day=01"
    (folder / "video_topic-0-2-5.parquet").write_bytes((folder / "video_topic-0-0-3.parquet").read_bytes())
    (day,) = press(tmp_path).days
    assert (day.rows, day.copies) == (8, 4)
    assert {row["kafka_offset"] for row in rows(visible(tmp_path))} == set(range(len(log.items)))


def test_a_file_that_is_rewritten_meanwhile_stops_the_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When an erasure rewrites a file that was just read, what was read isn't put in its place."""
    filled(tmp_path)
    victim = visible(tmp_path)[0]
    original = compaction._write

    def write(*args: object, **kwargs: object) -> int:
        count = original(*args, **kwargs)
        FolderStorage(str(tmp_path)).write(str(victim.relative_to(tmp_path)), b"rewritten")
        return count

    monkeypatch.setattr(compaction, "_write", write)
    with pytest.raises(ConflictError, match="changed meanwhile"):
        press(tmp_path)
    assert victim in visible(tmp_path)


def test_a_file_that_can_not_be_read_is_said_and_stays(tmp_path: Path) -> None:
    """A broken file is left as it is and named; the others are merged."""
    filled(tmp_path)
    broken = tmp_path / "topic=video_topic/year=2025/month=11/day=01/video_topic-1-0-3.parquet"
    broken.write_bytes(b"no Parquet")
    report = press(tmp_path)
    assert list(report.unreadable) == [str(broken.relative_to(tmp_path))]
    assert report.days[0].files_before == 3
    assert broken in visible(tmp_path)


def test_a_record_that_can_not_be_read_stops_readers(tmp_path: Path) -> None:
    """Without a record nobody knows which files count, so a broken one is an error that says what to do."""
    filled(tmp_path)
    press(tmp_path)
    (record,) = (tmp_path / "_compacted").glob("*.json")
    record.write_text("{")
    with pytest.raises(DataError, match="count twice"):
        visible(tmp_path)


def test_closed_days_are_marked_also_those_without_events(tmp_path: Path) -> None:
    """Every day from a topic's first one on gets its _SUCCESS, once; days with a wrong clock's events don't make decades of them."""
    master = FolderStorage(str(tmp_path))
    today = datetime.now(UTC).date()
    for day in (today - timedelta(days=4), today - timedelta(days=1), date(1970, 1, 1)):
        master.write(f"topic=video_topic/year={day:%Y}/month={day:%m}/day={day:%d}/a.parquet", b"x")
    closed = close_days(master, "video_topic", today - timedelta(days=2))
    assert len(closed) <= 402
    assert closed[0] == "topic=video_topic/year=1970/month=01/day=01"
    day = today - timedelta(days=3)
    assert f"topic=video_topic/year={day:%Y}/month={day:%m}/day={day:%d}" in closed
    assert close_days(master, "video_topic", today - timedelta(days=2)) == []
    day = today - timedelta(days=1)
    assert close_days(master, "video_topic", day) == [f"topic=video_topic/year={day:%Y}/month={day:%m}/day={day:%d}"]
    assert len(close_days(master, "auth_topic", today)) == 1


def test_the_command_says_what_it_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table names topic, day and files; ``--json`` the same as data; ``--mark-closed`` leaves the marks."""
    filled(tmp_path)
    assert main(["compact", str(tmp_path), "--mark-closed", "--topic", "video_topic", "--before", "2025-11-04"]) == 0
    assert "merged 3 files into 1" in capsys.readouterr().out
    assert [path.parent.name for path in sorted(tmp_path.rglob("_SUCCESS"))] == ["day=01", "day=02", "day=03"]
    assert main(["compact", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting"] == 3
    assert main(["compact", str(tmp_path / "nope")]) == 1


def test_nobody_else_writes_the_master_dataset_again_meanwhile(tmp_path: Path) -> None:
    """A compaction refuses beside an erasure or a replay, and a replay beside those, also as library calls; and nothing is changed."""
    log = filled(tmp_path)
    before = visible(tmp_path)
    with lease.held(log.master, [REWRITE_LEASE], Settings()):
        with pytest.raises(BusyError, match="is writing master"):
            press(tmp_path)
        with pytest.raises(BusyError, match="is writing master"):
            replay(log.master, catalog.load(), Settings())
    assert visible(tmp_path) == before
    assert press(tmp_path).days
