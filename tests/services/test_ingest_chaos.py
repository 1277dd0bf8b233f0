"""Everything at once: processes killed, put to sleep and joined by others, the broker and the S3 server stopped, all while messages flow."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from conftest import tries
from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.generate import Semester, messages
from learnfold.settings import Settings
from promises.views import differences, rows, views_of
from services.ingesting import Process, Sent, all_dead, in_master, in_quarantine, once
from services.places import bucket
from services.stack.kafka import Kafka
from services.stack.minio import Minio

pytestmark = [pytest.mark.services, pytest.mark.slow]

EVENTS = tries(150_000)
"""300,000 in CI."""

PARTITIONS = 3
PIECES = 12


class Feeding(threading.Thread):
    """Produces a semester piece by piece, while other things happen."""

    def __init__(self, sent: Sent, items: list[tuple[str, str, bytes]]) -> None:
        super().__init__(daemon=True)
        self.sent, self.items, self.error, self.pause = sent, items, None, threading.Event()

    def run(self) -> None:
        size = len(self.items) // PIECES + 1
        try:
            for start in range(0, len(self.items), size):
                self.sent.send(self.items[start : start + size])
                self.pause.wait(1.0)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            self.error = error


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Kafka]:
    """A broker that is stopped and killed."""
    with Kafka(tmp_path / "kafka", group_min_session_timeout_ms=1000) as broker:
        yield broker


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Minio]:
    """An S3 server that is stopped and killed."""
    with Minio(tmp_path / "minio") as server:
        yield server


def test_nothing_is_lost_and_nothing_counts_twice(broker: Kafka, server: Minio, tmp_path: Path) -> None:
    """In the end every message is in the master dataset, and the 37 views equal the oracle's to the last row."""
    seed = os.environ.get("PYTEST_RANDOM", "11")
    chance, master = random.Random(seed), bucket(server)
    for topic in catalog.load().topics:
        broker.create_topic(topic, PARTITIONS)
    semester = Semester(
        events=EVENTS, days=4, seed=5, duplicates=0.02, late=0.02, out_of_order=0.05, malformed=0.002, awkward=True
    )
    sent = Sent(broker.bootstrap_servers)
    feeding = Feeding(sent, list(messages(semester)))
    numbers = itertools.count()

    def start() -> Process:
        # few retries, so that an S3 server that is away shows; and small flushes, so that there are many
        more = {"LEARNFOLD_S3_RETRIES": "1", "LEARNFOLD_FLUSH_EVENTS": str(max(500, EVENTS // 40))}
        return Process(broker, master, tmp_path / f"log{next(numbers)}", "--flush-seconds", "0.4", **more)

    running = [start(), start()]
    everyone = list(running)
    feeding.start()
    deaths = 0
    try:
        while feeding.is_alive() or deaths < 6:
            time.sleep(chance.uniform(0.5, 3.0))
            place = chance.randrange(len(running))
            what = chance.choice(["kill", "kill", "kill", "sleep", "join", "leave", "broker", "server"])
            if what == "kill":
                running[place].kill()
                running[place] = start()
                deaths += 1
            elif what == "sleep":  # longer than the group waits for a member
                running[place].signal(signal.SIGSTOP)
                time.sleep(3.0)
                running[place].signal(signal.SIGCONT)
            elif what == "join":
                running.append(start())
            elif what == "leave" and len(running) > 2:
                running.pop(place).stop()
            elif what == "broker":
                (broker.kill if chance.random() < 0.5 else broker.stop)()
                time.sleep(chance.uniform(0.0, 2.0))
                broker.start()
            elif what == "server":
                (server.kill if chance.random() < 0.5 else server.stop)()
                time.sleep(chance.uniform(0.0, 2.0))
                server.start()
            for at, process in enumerate(running):  # one that ended by itself, as when the storage was away as it left
                if process.process.poll() is not None:
                    running[at] = start()
            everyone += [process for process in running if process not in everyone]
        feeding.join()
        if feeding.error is not None:
            raise feeding.error
        for process in running:
            process.stop()
        once(broker, master, tmp_path / "last")
    finally:
        all_dead(everyone)
    for process in everyone:
        assert "Traceback" not in process.said, process.said
        assert "event=alarm" not in process.said, process.said
    _everything_is_there(sent, master)
    settings = master.settings()
    run(RunRequest(master.url, str(tmp_path / "out")), catalog.load(), settings)
    assert differences(tmp_path / "out", sent.messages()) == []
    _compacted_it_says_the_same(master, tmp_path, settings)


def _everything_is_there(sent: Sent, master) -> None:
    """Every message that the broker confirmed is an event or in the quarantine, and nothing else is."""
    events, invalid = in_master(master), in_quarantine(master)
    assert events.keys() | invalid.keys() == sent.values.keys()
    assert not events.keys() & invalid.keys()
    assert sent.all_in(master)


def _compacted_it_says_the_same(master, tmp_path: Path, settings: Settings) -> None:
    """After a compaction of all days, and after the old files are gone, every view has the same rows."""
    from datetime import date

    from learnfold.ingest.compact import CompactRequest, compact

    quick = master.settings(grace_minutes=0.0)
    for _ in range(2):
        compact(master.open(), catalog.load(), quick, CompactRequest(date(2100, 1, 1)))
        run(RunRequest(master.url, str(tmp_path / "compacted")), catalog.load(), settings)
        for view in views_of():
            assert rows(tmp_path / "compacted", view) == rows(tmp_path / "out", view), view
    files = [
        entry.path for entry in master.open().list() if entry.path.startswith("topic=") and "-compact-" in entry.path
    ]
    assert files
    with master.open().local(files[:1]) as (file,):
        assert pq.read_table(file).num_rows
