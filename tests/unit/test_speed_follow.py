"""Files in place of Kafka: each counts once, whatever becomes of it; what may be in already waits for the next batch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from learnfold import catalog
from learnfold.cli import main
from learnfold.ingest.compact import CompactRequest, compact
from learnfold.ingest.retract import retract
from learnfold.serve.live import headers, shown
from learnfold.settings import Settings
from learnfold.speed.live import Live, Progress
from learnfold.speed.place import Place
from learnfold.storage.folder import FolderStorage
from promises.followed import Followed, bring

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPIC = "video_topic"
DAY = "year=2025/month=11/day=01/"
ENVIRONMENT = {**os.environ, "LEARNFOLD_THREADS": "1"}
NOW = Settings(threads=1, grace_minutes=0)


def viewing(number: int | None, seconds: int = 10, minute: int = 0) -> dict[str, object]:
    """An event of one person and video; without an id where there is no number."""
    about = {"event_type": "VIDEO_WATCHED", "user_id": "u1", "video_id": "v1", "course_id": "c1"}
    ids = {} if number is None else {"event_id": f"e{number}"}
    return {**ids, **about, "timestamp": f"2025-11-01T10:{minute:02d}:00Z", "watch_duration_seconds": seconds}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Followed]:
    """A batch of one file: an event with an id and one without."""
    with pytest.MonkeyPatch.context() as patch:
        world = Followed(tmp_path, "video", NOW)
        world.spy(patch)
        world.add(TOPIC, [viewing(1), viewing(None)], day=DAY)
        world.batch()
        yield world


def compacted(world: Followed, *, removed: bool = False) -> None:
    """All files of the day merged; ``removed``: the old ones are gone."""
    request = CompactRequest(date(2030, 1, 1), foreign=True)
    compact(FolderStorage(str(world.master)), catalog.load(), NOW, request)
    if removed:
        compact(FolderStorage(str(world.master)), catalog.load(), NOW, request)


def test_a_file_counts_once(world: Followed) -> None:
    """However often it is looked for, and though the store is closed and opened; nothing comes of names that aren't events."""
    world.add(TOPIC, [viewing(2), viewing(None), b"rubbish"], day=DAY)
    for name in ("_quarantine/x.parquet", f"topic={TOPIC}/_temporary/x.parquet", f"topic={TOPIC}/.x.parquet"):
        (world.master / name).parent.mkdir(exist_ok=True)
        (world.master / name).write_bytes((world.master / f"topic={TOPIC}/{DAY}00002.parquet").read_bytes())
    pair = world.pair()
    bring(pair)
    bring(pair)
    pair = world.again(pair)
    bring(pair)
    progress = pair.live.progress
    assert (progress.events, progress.invalid, progress.waiting, progress.duplicates) == (2, 1, 0, 0)
    assert progress.complete_until > 0
    assert world.differences(pair) == []
    pair.close()


def test_a_compaction_changes_no_number(world: Followed) -> None:
    """Of files of the batch and live ones, before and after they are in; events without an id too."""
    pair = world.pair()
    compacted(world)
    world.add(TOPIC, [viewing(2, minute=1), viewing(None)], day=DAY)
    bring(pair)
    assert pair.live.progress.events == 2
    world.add(TOPIC, [viewing(3, minute=2), viewing(None)], day=DAY)
    compacted(world)  # before they were looked at; the old ones are there yet
    bring(pair)
    bring(pair)
    compacted(world, removed=True)
    bring(pair)
    progress = pair.live.progress
    assert (progress.events, progress.waiting, progress.duplicates) == (4, 0, 0)
    assert world.differences(pair) == []
    pair.close()


def test_what_a_compaction_may_hold_twice_waits(world: Followed) -> None:
    """A file of which one half is in, and of which nothing else is left: what nothing tells apart isn't counted again."""
    world.add(TOPIC, [viewing(2, minute=1), viewing(None)], day=DAY)
    compacted(world, removed=True)
    pair = world.pair()
    bring(pair)
    progress = pair.live.progress
    assert (progress.events, progress.waiting) == (
        0,
        4,  # which ids the batch holds isn't known either: its files are gone
    )
    pair.close()
    world.batch()
    pair = world.pair()
    bring(pair)
    assert (pair.live.progress.events, pair.live.progress.waiting) == (0, 0)
    assert world.differences(pair) == []
    pair.close()


def test_messages_without_an_id_count_once_by_their_place(world: Followed) -> None:
    """Written twice, of which the batch holds some, a live file others; what lies among another file's offsets waits, what is behind counts."""
    rows = [viewing(None, seconds=10 + number) for number in range(8)]
    world.add(TOPIC, rows[:3], [(0, n) for n in range(3)], day=DAY)
    world.batch()
    pair = world.pair()
    world.add(TOPIC, [*rows[2:5], rows[4]], [(0, 2), (0, 3), (0, 4), (0, 4)], day=DAY)
    bring(pair)
    assert (pair.live.progress.events, pair.live.progress.waiting, pair.live.progress.duplicates) == (2, 1, 1)
    world.add(TOPIC, rows[4:7], [(0, n) for n in range(4, 7)], day=DAY)
    world.add(TOPIC, rows[6:8], [(1, n) for n in range(2)], day=DAY)
    pair = world.again(pair)
    bring(pair)
    assert (pair.live.progress.events, pair.live.progress.waiting, pair.live.progress.duplicates) == (6, 2, 1)
    assert world.differences(pair) == []
    pair.close()


def test_files_that_go_take_nothing_away(world: Followed) -> None:
    """What is in stays in; what comes then without an id waits, since it may be what went."""
    pair = world.pair()
    gone = world.add(TOPIC, [viewing(2), viewing(None)], day=DAY)
    bring(pair)
    (world.master / gone).unlink()
    world.add(TOPIC, [viewing(2), viewing(3), viewing(None)], day=DAY)
    bring(pair)
    progress = pair.live.progress
    assert (progress.events, progress.duplicates, progress.waiting) == (3, 1, 1)
    assert world.differences(pair) == []
    pair.close()


@pytest.mark.parametrize("of_the_batch", [True, False])
def test_a_file_that_changed_waits(world: Followed, *, of_the_batch: bool) -> None:
    """What is in of it stays; it is counted as waiting once, and the next batch has it."""
    pair = world.pair()
    path = f"topic={TOPIC}/{DAY}00001.parquet" if of_the_batch else world.add(TOPIC, [viewing(2)], day=DAY)
    bring(pair)
    before = world.differences(pair)
    other = world.add(TOPIC, [viewing(5), viewing(6)], day=DAY)
    world.rows.pop(other)
    (world.master / other).replace(world.master / path)
    bring(pair)
    pair = world.again(pair)
    bring(pair)
    assert (pair.live.progress.events, pair.live.progress.waiting) == (0 if of_the_batch else 1, 2)
    assert before == world.differences(pair) == []
    pair.close()


def test_a_file_that_cant_be_read_yet_is_taken_once_it_can(world: Followed) -> None:
    """Another's writer may be at it; until then answers don't claim to be complete."""
    path = world.add(TOPIC, [viewing(2)], day=DAY)
    whole = (world.master / path).read_bytes()
    (world.master / path).write_bytes(whole[:100])
    world.add(TOPIC, [viewing(3)], day=DAY)
    pair = world.pair()
    bring(pair)
    assert (pair.live.progress.events, pair.live.progress.complete_until) == (1, 0.0)
    (world.master / path).write_bytes(whole)
    bring(pair)
    assert pair.live.progress.events == 2
    assert pair.live.progress.complete_until > 0
    assert world.differences(pair) == []
    pair.close()


def test_what_was_taken_back_before_it_came_waits(world: Followed) -> None:
    """An event whose id a retraction names."""
    retract(FolderStorage(str(world.master)), catalog.load().topics[TOPIC], ["e2"], "a mistake", NOW)
    world.add(TOPIC, [viewing(2), viewing(3)], day=DAY)
    pair = world.pair()
    bring(pair)
    assert (pair.live.progress.events, pair.live.progress.waiting) == (1, 1)
    assert world.differences(pair) == []
    pair.close()


def test_answers_say_how_many_files_are_in() -> None:
    """Files have no offsets; who keeps an answer asks by another tag once a file came."""
    one, two = (Progress({TOPIC: {-1: number}}) for number in (1, 2))
    assert (shown(one)["offsets"], shown(one)["files"]) == ({TOPIC: {}}, {TOPIC: 1})
    assert headers(one)["Learnfold-Offsets"] != headers(two)["Learnfold-Offsets"]
    assert "files" not in shown(Progress({TOPIC: {0: 5}}))


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--kafka", "localhost:9092"], "doesn't go with --kafka"),
        (["--parts", "parts"], "doesn't go with --parts"),
        (["--engine", "spark"], "doesn't go with --engine spark"),
    ],
)
def test_two_sources_are_refused(flags: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line."""
    assert main(["speed", "out", "--follow", "master", *flags]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert len(said.strip().splitlines()) == 1


def test_another_master_dataset_is_refused(world: Followed, capsys: pytest.CaptureFixture[str]) -> None:
    """Or a part of it: which of its files the batch holds isn't known."""
    out, state = str(world.root / "out"), str(world.root / "live")
    (world.root / "other").mkdir()
    for place, why in ((world.root / "other", "was made from"), (world.master / f"topic={TOPIC}", "name the whole")):
        assert main(["speed", out, "--follow", str(place), "--state", state, "--once"]) == 2
        assert why in capsys.readouterr().err


def test_once_takes_what_is_there(world: Followed, capsys: pytest.CaptureFixture[str]) -> None:
    """And says how many files it dealt with; of Kafka there are no positions."""
    world.add(TOPIC, [viewing(2), viewing(2, seconds=11)], day=DAY)
    assert main([*_command(world)[3:], "--once", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["events"], said["waiting"], said["files"][TOPIC], said["positions"][TOPIC]) == (1, 0, 1, {})


def test_a_next_batch_is_gone_on_from(world: Followed) -> None:
    """The process changes to it by itself, and counts what that doesn't hold."""
    state, place = world.root / "live", Place(str(world.root / "live"))
    process = subprocess.Popen(_command(world), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        world.add(TOPIC, [viewing(2)], day=DAY)
        until = time.monotonic() + 120
        while time.monotonic() < until and _events(state) < 1:
            time.sleep(0.02)
        before = place.current()
        world.batch()
        world.add(TOPIC, [viewing(3), viewing(4)], day=DAY)
        while time.monotonic() < until and (place.current() == before or _events(state) != 2):
            time.sleep(0.02)
        now = place.current()
    finally:
        process.terminate()
        process.wait(60)
    assert before is not None
    assert now is not None
    assert now.batch != before.batch
    assert _events(state) == 2


def test_a_killed_process_repeats_nothing(world: Followed) -> None:
    """SIGKILL while it takes files, some times; the next one goes on."""
    files = 40
    for number in range(files):
        world.add(TOPIC, [viewing(10 + number), viewing(None)], day=DAY)
    state = world.root / "live"
    for number in range(2):
        process = subprocess.Popen(
            _command(world), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 120
        while time.monotonic() < until and _events(state) < 2 * files * number:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        world.add(TOPIC, [viewing(1000 + number)], day=DAY)
    subprocess.run([*_command(world), "--once"], env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
    assert _events(state) == 2 * files + 2


def _command(world: Followed) -> list[str]:
    out, state = str(world.root / "out"), str(world.root / "live")
    return [sys.executable, "-m", "learnfold", "speed", out, "--follow", str(world.master), "--state", state]


def _events(state: Path) -> int:
    current = Place(str(state)).current()
    if current is None:
        return -1
    live = Live(state / current.live, readonly=True)
    try:
        return live.latest().events
    finally:
        live.close()
