"""Wrong uses of the seed's commands: each told in one message, with the exit code that says whose turn it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.storage.folder import FolderStorage
from promises.growing import grow
from seed.place import ROOT, Place, Result, repository, without_powers
from unit.contract import VIEWS
from unit.unreadable import broken_files

RUN = "batch_layer/run_batch_jobs.py"
FIVE = "auth, assessment, video, course, profile_notification"


def run(*words: object, **environment: str) -> Result:
    """``python batch_layer/run_batch_jobs.py WORDS`` in the repository."""
    return repository().python(RUN, *words, **environment)


MISUSES = {
    "no arguments": ((), "arguments are required: IN, OUT"),
    "no output": (("{in}",), "arguments are required: OUT"),
    "a job and nothing else": (("video", "{in}"), "video is a job: name IN and OUT behind it"),
    "a misspelt job": (("vidoe", "{in}", "{out}"), f"there is no job 'vidoe'; the jobs are {FIVE}"),
    "a job in other letters": (("Video", "{in}", "{out}"), f"there is no job 'Video'; the jobs are {FIVE}"),
    "two jobs": (("video", "auth", "{in}", "{out}"), "unrecognized arguments"),
    "an unknown flag": (("{in}", "{out}", "--fast"), "unrecognized arguments: --fast"),
    "output equal to input": (("{in}", "{in}"), "the output is the input"),
    "output equal to input, spelled otherwise": (("{in}", "{in}/../master_dataset/"), "the output is the input"),
    "output within a topic": (("{in}", "{in}/topic=video_topic/views"), "is within a topic of a master dataset"),
    "output is the dataset of the day": (("{in}/year=2025/month=12/day=01", "{in}"), "is the master dataset"),
    "an empty input": (("", "{out}"), "a place is given as an empty text"),
    "an empty output": (("{in}", ""), "a place is given as an empty text"),
    "another kind of place": (("hdfs://name/in", "{out}"), "hdfs://name/in can't be opened"),
    "a folder that is no day": (("{in}/year=2O25", "{out}"), "year=2O25 names no year"),
    "no day": (("{in}", "{out}", "--from", "yesterday"), "'yesterday' is no day; one is called 2025-12-10"),
    "days backwards": (("{in}", "{out}", "--from", "2025-12-02", "--to", "2025-12-01"), "is before --from"),
    "no zone": (("{in}", "{out}", "--reporting-zone", "Hanoi"), "reporting_zone is 'Hanoi', which is no time zone"),
    "no number of threads": (("{in}", "{out}", "--threads", "-1"), "threads is -1; it must be at least 0"),
    "another engine": (("{in}", "{out}", "--engine", "sqlite"), "choose from"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_wrong_use_is_refused_saying_what_to_mend(misuse: str, master: Path, tmp_path: Path) -> None:
    """Exit code 2, one message, nothing written."""
    words, told = MISUSES[misuse]
    result = run(*(word.format(**{"in": master, "out": tmp_path / "out"}) for word in words))
    assert result.code == 2
    assert result.err.startswith("run_batch_jobs.py: ")
    assert told in result.err
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in master.iterdir()) == sorted(f"topic={topic}" for topic in TOPICS)


TOPICS = tuple(catalog.load().topics)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"LEARNFOLD_ENGIN": "duckdb"}, "LEARNFOLD_ENGIN is no setting; did you mean LEARNFOLD_ENGINE?"),
        ({"LEARNFOLD_THREADS": "many"}, "LEARNFOLD_THREADS is 'many'; it must be a number"),
        ({"LEARNFOLD_PLATFORM_ZONE": "Mars/Phobos"}, "platform_zone is 'Mars/Phobos'"),
        ({"LEARNFOLD_MEMORY": "plenty"}, "memory is 'plenty'; one is called 4GB"),
        ({"LEARNFOLD_TEMPORARY_FOLDER": "/proc/nowhere"}, "name one by LEARNFOLD_TEMPORARY_FOLDER"),
    ],
)
def test_a_wrong_variable_is_refused_saying_what_to_mend(
    environment: dict[str, str], told: str, master: Path, tmp_path: Path
) -> None:
    """By the job's own file as by all; nothing is published."""
    result = repository().python("batch_layer/jobs/auth_batch_job.py", master, tmp_path / "out", **environment)
    assert result.code == (1 if "TEMPORARY_FOLDER" in told else 2)
    assert told in result.err
    assert not list((tmp_path / "out").glob("*/part-*"))


@pytest.mark.parametrize("empty", [False, True], ids=["missing", "empty"])
def test_a_missing_or_empty_folder_fails_in_plain_words(empty: bool, tmp_path: Path) -> None:
    """Exit code 1: the data may come; the message asks whether ingestion ran."""
    if empty:
        (tmp_path / "in").mkdir()
    result = run(tmp_path / "in", tmp_path / "out")
    assert result.code == 1
    assert f"there {'are no events' if empty else 'is no master dataset'} at {tmp_path / 'in'}" in result.err
    assert "Has ingestion run?" in result.err or "has ingestion run?" in result.err


def test_a_file_where_a_folder_should_be_is_said(master: Path, tmp_path: Path) -> None:
    """As input, as output, and above the output."""
    (tmp_path / "file").write_text("I am a file")
    for words in (
        (tmp_path / "file", tmp_path / "out"),
        (master, tmp_path / "file"),
        (master, tmp_path / "file" / "out"),
    ):
        result = run(*words)
        assert result.code == 1
        assert str(tmp_path / "file") in result.err
        assert "file" in result.err.removeprefix(str(tmp_path))


@pytest.mark.slow
def test_an_unreadable_file_is_named_and_nothing_published(tmp_path: Path) -> None:
    """Exit code 1; ``--skip-unreadable`` goes on without it, and says so beside the report."""
    grow(tmp_path / "in", 0)
    folder = tmp_path / "in" / "topic=video_topic"
    broken = broken_files(tmp_path / "broken")["cut short"].rename(folder / "cut short.parquet")
    result = run("video", tmp_path / "in", tmp_path / "out")
    assert result.code == 1
    assert "topic=video_topic/cut short.parquet" in result.err
    assert "--skip-unreadable" in result.err
    assert read_current(FolderStorage(str(tmp_path / "out"))) == (None, None)
    assert not list((tmp_path / "out").glob("video_*"))
    result = run("video", tmp_path / "in", tmp_path / "out", "--skip-unreadable")
    assert result.code == 0
    assert f"left out of video_topic, since they can't be read: topic=video_topic/{broken.name}" in result.err
    assert sum(pq.read_table(tmp_path / "out" / "video_popularity").column("total_view_events").to_pylist()) == 20


def test_a_topic_that_no_subject_reads_is_said(tmp_path: Path) -> None:
    """So that a misspelt folder doesn't go unseen."""
    grow(tmp_path / "in", 0)
    (tmp_path / "in" / "topic=auth_topic").rename(tmp_path / "in" / "topic=auth")
    result = run("video", tmp_path / "in", tmp_path / "out")
    assert (result.code, result.err) == (0, "left out: topic=auth (1 files), which no subject reads\n")


SHAPES = {
    "flat": {"event_type": pa.string(), "user_id": pa.string(), "timestamp": pa.timestamp("us")},
    "messages": {"value": pa.binary()},
    "other columns": {"something": pa.int64()},
}


@pytest.mark.parametrize("shape", ["flat", *(pytest.param(s, marks=pytest.mark.slow) for s in SHAPES if s != "flat")])
def test_zero_events_give_37_empty_views_with_columns_and_types(shape: str, tmp_path: Path) -> None:
    """From a file without rows, while the other topics have no files at all."""
    folder = tmp_path / "in" / "topic=video_topic"
    folder.mkdir(parents=True)
    pq.write_table(pa.schema(SHAPES[shape]).empty_table(), folder / "part-0.parquet")
    result = run(tmp_path / "in", tmp_path / "out")
    assert (result.code, result.err) == (0, "")
    types = {"VARCHAR": "string", "BIGINT": "int64", "INTEGER": "int32", "DOUBLE": "double", "DATE": "date32[day]"}
    types["TIMESTAMP"] = "timestamp[us]"
    for name, promised in VIEWS.items():
        view = pq.read_table(tmp_path / "out" / name / "part-00000.parquet")
        assert view.num_rows == 0
        expected = {column: types[kind] for column, kind in promised.columns.items()}
        assert expected == dict(zip(view.schema.names, map(str, view.schema.types), strict=True)), name


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    """A folder that nobody may write to."""
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    script = f"open({str(folder / 'x')!r}, 'w')"
    if (
        subprocess.run(
            [sys.executable, "-c", script], preexec_fn=without_powers, stderr=subprocess.DEVNULL, check=False
        ).returncode
        == 0
    ):
        pytest.skip("this user may write anywhere")
    return folder


def weak(*words: object) -> Result:
    """The same command by someone whom permissions bind."""
    return repository().python(RUN, *words, powers=without_powers)


def test_without_the_right_to_write_nothing_happens(locked: Path, master: Path) -> None:
    """Exit code 1, naming the place; below the folder, and where the folder is the output itself."""
    for out in (locked / "out", locked):
        result = weak("auth", master, out)
        assert result.code == 1
        assert f"{out}" in result.err
        assert "may not be read or written by this user; change its permissions" in result.err
    assert list(locked.iterdir()) == []


@pytest.mark.slow
def test_without_the_right_to_read_it_is_said(locked: Path, tmp_path: Path) -> None:
    """A folder or a file of the master dataset, by name; a run without the file is possible."""
    grow(tmp_path / "in", 0)
    (file,) = (tmp_path / "in" / "topic=auth_topic").rglob("*.parquet")
    file.chmod(0)
    result = weak("auth", tmp_path / "in", tmp_path / "out")
    assert result.code == 1
    assert file.name in result.err
    assert "ermission" in result.err
    folder = tmp_path / "in" / "topic=auth_topic"
    folder.chmod(0)
    result = weak("auth", tmp_path / "in", tmp_path / "out")
    folder.chmod(0o700)
    assert result.code == 1
    assert f"{folder} may not be read" in result.err


@pytest.mark.slow
def test_an_output_that_may_only_be_read_keeps_its_batch(tmp_path: Path, locked: Path) -> None:
    """A run into views that belong to someone else fails, and leaves them as they are."""
    grow(tmp_path / "in", 0)
    assert run("auth", tmp_path / "in", tmp_path / "out").code == 0
    before = read_current(FolderStorage(str(tmp_path / "out")))[0]
    for folder in [tmp_path / "out", *(path for path in (tmp_path / "out").rglob("*") if path.is_dir())]:
        folder.chmod(0o500)
    grow(tmp_path / "in", 1)
    result = weak("auth", tmp_path / "in", tmp_path / "out")
    assert result.code == 1
    assert "may not be read or written by this user" in result.err
    assert read_current(FolderStorage(str(tmp_path / "out")))[0] == before


def test_a_reader_that_stops_early_is_no_failure() -> None:
    """``… | head -1``: no message, no traceback."""
    command = f"{sys.executable} -m learnfold views --json | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[\n", "")


def test_progress_is_for_a_terminal_alone(master: Path, tmp_path: Path) -> None:
    """There one line tells what is going on and is gone at the end; stdout holds the report all the same."""
    ours, theirs = os.openpty()
    try:
        command = [sys.executable, RUN, "auth", str(master), str(tmp_path / "out")]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, text=True, check=False)
    finally:
        os.close(theirs)
    told = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "folding auth_topic" in told
    assert told.endswith("\r\x1b[K")
    assert "\n" not in told
    assert "auth_daily_active_users" in done.stdout


def test_the_master_dataset_is_never_written_to(master: Path, tmp_path: Path) -> None:
    """Nothing is added to, taken from or changed in it."""
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in master.rglob("*")}
    assert Place(tmp_path).python(ROOT / RUN, "auth", master, "out").code == 0
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in master.rglob("*")} == before
