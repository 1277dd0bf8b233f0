"""What an operator sees of a place: what was done, what is published, who is at work, what is pending, what a crash left."""

from __future__ import annotations

import json
import threading
import time
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from small_place import Place, data, learnfold

from learnfold.cli import main
from learnfold.errors import MissingDataError
from learnfold.operate.status import Status, status
from learnfold.settings import Settings
from learnfold.storage.lease import held


def seen(place: Place, settings: Settings | None = None, **more: object) -> Status:
    """The state of the place."""
    return status(place.workspace(settings), **more)  # type: ignore[arg-type]


def test_each_batch_says_what_it_did(tmp_path: Path) -> None:
    """Days folded and reused, events, copies, views asked, in the order newest first; as many as are asked for."""
    place = Place(tmp_path)
    place.watch(1, "u1", "u2")
    first = place.run().manifest.batch
    place.watch(2, "u1", event_id="same")
    place.watch(2, "u1", event_id="same")
    second = place.run().manifest.batch
    found = seen(place)
    assert [line.batch for line in found.batches] == [second, first] == [found.current, first]
    newest = found.batches[0]
    assert (newest.action, newest.jobs, newest.days_folded, newest.days_reused) == ("run", ["video"], 1, 1)
    assert (newest.events, newest.copies, newest.views_asked, newest.views) == (3, 1, 9, 9)
    assert newest.seconds > 0
    assert [line.batch for line in seen(place, most=1).batches] == [second]


def test_what_was_quarantined_and_left_out_is_named(tmp_path: Path) -> None:
    """By topic and reason; files that couldn't be read with why."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.add("video_topic", pa.table({"value": ["not json", '{"event_type": "VIDEO_WATCHED"}']}))
    (place.master / "topic=video_topic/broken.parquet").write_bytes(b"no parquet")
    place.run(settings=Settings(skip_unreadable=True))
    (line,) = seen(place).batches
    assert line.quarantined == {"video_topic": {"not JSON": 1, "user_id is missing": 1}}
    assert list(line.left_out) == ["topic=video_topic/broken.parquet"]


def test_what_was_taken_back_conflicts_or_is_of_the_future_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By topic in the JSON, in a sentence each for people; nothing of it where there is none."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run()
    assert main(["status", str(place.out)]) == 0
    assert "events were taken back" not in capsys.readouterr().out
    place.watch(1, "u1", event_id="same")
    place.watch(1, "u1", event_id="same", seconds=7)
    place.watch(2, "u2", event_id="wrong")
    place.watch(3, "u3", timestamp="2150-01-01 10:00:00")
    assert main(["retract", str(place.master), "wrong", "--topic", "video_topic"]) == 0
    place.run()
    newest, before = data("status", place.out)["batches"]
    for name in ("conflicting", "retracted", "from_future"):
        assert (newest[name], before[name]) == ({"video_topic": 1}, {})
    capsys.readouterr()
    assert main(["status", str(place.out)]) == 0
    said = capsys.readouterr().out
    assert "video_topic: 1 events were taken back" in said
    assert "video_topic: 1 duplicates say something else" in said
    assert "video_topic: 1 events are of days that aren't yet" in said


def test_each_job_says_which_batch_and_input_it_is_of(tmp_path: Path) -> None:
    """A run of one job leaves the others what they were."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.watch(3, "u1")
    video = place.run("video").manifest.batch
    course = place.run("course").manifest.batch
    found = {line.job: line for line in seen(place).jobs}
    assert (found["video"].batch, found["course"].batch) == (video, course)
    assert (found["video"].events, found["video"].first_day, found["video"].last_day) == (
        2,
        date(2025, 12, 1),
        date(2025, 12, 3),
    )
    assert (found["course"].events, found["course"].first_day) == (0, None)
    assert found["video"].input == str(place.master)


def test_nothing_is_pending_until_something_comes(tmp_path: Path) -> None:
    """The plan of the next run, by topic; files that went are said too."""
    place = Place(tmp_path)
    gone = place.watch(1, "u1")
    place.watch(2, "u1")
    place.run()
    assert seen(place).pending == []
    place.watch(3, "u1")
    gone.unlink()
    (line,) = seen(place).pending or []
    assert (line.topic, line.new_files, line.gone_files, line.days) == ("video_topic", 1, 1, 2)


def test_a_zone_that_changed_is_pending(tmp_path: Path) -> None:
    """Other settings would give other views."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run()
    found = seen(place, Settings(reporting_zone="Asia/Ho_Chi_Minh")).pending or []
    assert [line.topic for line in found] == ["video_topic"]


def test_an_input_that_cannot_be_reached_is_no_error(tmp_path: Path) -> None:
    """What was done can be told all the same."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run()
    place.master.rename(tmp_path / "moved")
    found = seen(place)
    assert len(found.batches) == 1
    assert "not known" in (found.pending or [])[0].why
    (line,) = seen(place, master=str(tmp_path / "moved")).pending or []
    assert "holds the views of" in line.why


def test_who_holds_a_job_is_named(tmp_path: Path) -> None:
    """With the process, the machine and since when; the dead are called so."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run()
    assert seen(place).leases == []
    with held(place.storage, ["video"], Settings()):
        (lease,) = seen(place).leases
        assert (lease.job, lease.alive) == ("video", True)
        assert lease.process
        assert lease.since
        text = (place.out / "_locks/video.json").read_text()
    (place.out / "_locks/video.json").write_text(text.replace('"born": "', '"born": "1'))
    assert [(lease.job, lease.alive) for lease in seen(place).leases] == [("video", False)]


def test_what_a_crash_left_is_counted(tmp_path: Path) -> None:
    """Files that no batch needs, with their bytes."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run()
    place.run("auth")
    assert (seen(place).leftover_files, seen(place).leftover_bytes) == (0, 0)
    place.storage.write("_rollups/video_watches/crashed.parquet", b"12345")
    assert (seen(place).leftover_files, seen(place).leftover_bytes) == (1, 5)


def test_only_manifests_and_leases_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the data is: no view, rollup or event is opened."""
    from learnfold.storage.folder import FolderStorage

    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run()
    read: list[str] = []
    original = FolderStorage.read

    def reading(storage: FolderStorage, path: str) -> bytes | None:
        read.append(path)
        return original(storage, path)

    monkeypatch.setattr(FolderStorage, "read", reading)
    monkeypatch.setattr(FolderStorage, "local", None)
    seen(place)
    assert {path.rsplit("/", 1)[-1] for path in read} <= {"current.json", "manifest.json"}


def test_a_place_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A misspelt path isn't an empty place."""
    with pytest.raises(MissingDataError, match="is the path right"):
        seen(Place(tmp_path))


def test_the_command_prints_all_of_it(tmp_path: Path) -> None:
    """Tables for people, JSON for machines; wrong uses are refused."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.add("video_topic", pa.table({"value": ["not json"]}))
    batch = place.run().manifest.batch
    place.add("stranger_topic", pa.table({"value": ["x"]}))
    place.storage.write("_rollups/video_watches/crashed.parquet", b"12345")
    result = learnfold("status", place.out)
    assert result.returncode == 0, result.stderr
    for words in (
        batch,
        "not JSON",
        "nothing is pending",
        "topic=stranger_topic (1 files)",
        "1 files (5 bytes)",
        "left by a crash",
    ):
        assert words in result.stdout
    told = data("status", place.out, "--last", 1)
    assert told["current"] == batch
    assert told["batches"][0]["quarantined"] == {"video_topic": {"not JSON": 1}}  # type: ignore[index]
    wrong = learnfold("status", place.out, "--last", 0)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    missing = learnfold("status", tmp_path / "nowhere")
    assert missing.returncode == 1
    assert "is the path right" in missing.stderr


def test_a_place_where_nothing_was_published_yet_says_so(tmp_path: Path) -> None:
    """With an input it says what a first run would do."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.out.mkdir()
    result = learnfold("status", place.out, "--in", place.master)
    assert result.returncode == 0, result.stderr
    assert "nothing is published" in result.stdout
    assert "video_topic" in result.stdout


@pytest.mark.parametrize("as_json", [False, True])
def test_watching_shows_it_again_until_interrupted(
    as_json: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A batch that is published meanwhile is in what is shown next; ends with 0."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    batches = [place.run().manifest.batch]
    here, waiting = threading.current_thread(), time.sleep

    def sleep(seconds: float) -> None:
        if threading.current_thread() is not here:  # Spark's, of another test
            waiting(seconds)
            return
        assert seconds == 2
        if len(batches) == 2:
            raise KeyboardInterrupt
        place.watch(2, "u2")
        batches.append(place.run().manifest.batch)

    monkeypatch.setattr("learnfold.cli.status.time.sleep", sleep)
    assert main(["status", str(place.out), "--watch", "2", *(["--json"] if as_json else [])]) == 0
    out = capsys.readouterr().out
    if as_json:
        assert [json.loads(line)["current"] for line in out.splitlines()] == batches
    else:
        first, second = out.split(", every 2 s")[1:]
        assert batches[0] in first
        assert batches[1] not in first
        assert batches[1] in second


@pytest.mark.parametrize("seconds", ["0", "nan", "1e9"])
def test_a_time_to_watch_that_means_nothing_is_refused(seconds: str, tmp_path: Path) -> None:
    """Exit code 2."""
    assert main(["status", str(tmp_path), "--watch", seconds]) == 2
