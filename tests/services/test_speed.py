"""The speed layer on a real broker: killed, put to sleep, its broker stopped, batches published under it; a reader looks on all the time."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import oracle
from conftest import tries
from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.catalog import View
from learnfold.generate import Semester, messages
from learnfold.settings import Settings
from learnfold.speed.base import read_about
from learnfold.speed.live import Progress
from learnfold.speed.reading import FolderBatch, FolderFollowing
from learnfold.speed.row import layout
from oracle import KEYS
from oracle.fields import TOPIC_FIELDS
from services.ingesting import Sent, once, wait_for
from services.places import Place
from services.stack.kafka import Kafka

pytestmark = [pytest.mark.services, pytest.mark.slow]

EVENTS = tries(8_000)
PARTITIONS = 3
PIECES = 8
LAYOUT = layout(catalog.load())


class Following:
    """One `learnfold speed` after the other, over one state folder."""

    def __init__(self, broker: Kafka, out: Path, folder: Path, *flags: str) -> None:
        self.broker, self.out, self.folder, self.flags = broker, out, folder, flags
        self.log = folder / "speed.log"
        self.start()

    def start(self) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "learnfold",
                    "speed",
                    str(self.out),
                    "--state",
                    f"{self.folder}/state",
                    *self.flags,
                ],
                env=Place("").process_environment(
                    LEARNFOLD_KAFKA_SERVERS=self.broker.bootstrap_servers, LEARNFOLD_THREADS="1"
                ),
                stderr=log,
                stdout=log,
            )

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        return self.process.wait(60)


class Watching(threading.Thread):
    """Sums one view again and again, as the live state is at that moment."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.connection = duckdb.connect()
        self.following = FolderFollowing(str(folder / "state"), LAYOUT, Settings())
        self.batch: FolderBatch | None = None
        self.seen: list[tuple[int, int]] = []  # sums, and how many could be there at most
        self.most = 0
        self.made = 0
        self.ending = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.ending.wait(0.02):
                view = catalog.load().views["video_total_watch_time"]
                rows = self.rows(view, "coalesce(sum(total_watch_sessions), 0)")
                if rows is not None:
                    self.seen.append((rows[0][0], self.most))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            self.error = error

    def progress(self) -> Progress | None:
        if not self.follows():
            return None
        return self.tables.refresh(self.connection, [])

    def rows(self, view: View, columns: str) -> list[tuple] | None:
        if not self.follows():
            return None
        self.connection.execute("BEGIN")
        self.tables.refresh(self.connection, [view])
        self.connection.execute("COMMIT")
        return self.connection.execute(f"SELECT {columns} FROM ({self.tables.select(view)})").fetchall()

    def follows(self) -> bool:
        batch = self.following.now()
        if batch is not None and batch is not self.batch:
            if self.batch is not None:
                self.tables.close(self.connection)
            self.made += 1
            self.batch, self.tables = batch, batch.tables(f"live{self.made}")
            self.tables.open(self.connection)
        return batch is not None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Kafka]:
    """A broker that is stopped and killed."""
    with Kafka(tmp_path / "kafka", group_min_session_timeout_ms=1000) as broker:
        yield broker


def test_numbers_never_fall_and_end_as_the_oracle_says(broker: Kafka, tmp_path: Path) -> None:
    """Killed, asleep, without a broker, over three batches: a sum never falls or is too large, and in the end every view is right."""
    for topic in catalog.load().topics:
        broker.create_topic(topic, PARTITIONS)
    semester = Semester(events=EVENTS, days=4, seed=7, duplicates=0.02, late=0.02, out_of_order=0.05, malformed=0.002)
    items = list(messages(semester))
    sent, master, out = Sent(broker.bootstrap_servers), Place(str(tmp_path / "master")), tmp_path / "out"
    size = len(items) // PIECES + 1
    pieces = [items[start : start + size] for start in range(0, len(items), size)]
    watching = Watching(tmp_path)

    def send(piece: list[tuple[str, str, bytes]]) -> None:
        watching.most += sum(topic == "video_topic" for topic, _, _ in piece)
        sent.send(piece)

    def batch() -> None:
        once(broker, master, tmp_path / "ingest.log")
        run(RunRequest(master.url, str(out)), catalog.load(), Settings(threads=1))

    send(pieces[0])
    batch()
    speed = Following(broker, out, tmp_path)
    watching.start()
    try:
        for number, piece in enumerate(pieces[1:], 1):
            send(piece)
            if number in {2, 6}:
                speed.kill()
                speed.start()
            elif number == 3:
                speed.process.send_signal(signal.SIGSTOP)
                time.sleep(1.0)
                speed.process.send_signal(signal.SIGCONT)
            elif number == 5:
                broker.kill()
                broker.start()
            if number in {2, 4}:
                batch()
        wait_for(lambda: speed.said.count("event=handed_over") >= 2, lambda: speed.said)
        watching.ending.set()
        watching.join()
        assert watching.error is None, watching.error
        wait_for(lambda: settled(watching, sent), lambda: speed.said)
        assert speed.stop() == 0, speed.said
        assert "Traceback" not in speed.said, speed.said
        _only_grows(watching.seen)
        assert differences(watching, sent, speed.said) == []
    finally:
        speed.kill()


def settled(watching: Watching, sent: Sent) -> bool:
    """Whether every message that was confirmed is in, and no copy is about to be exchanged."""
    progress = watching.progress()
    if progress is None:
        return False
    ends: dict[str, dict[int, int]] = {}
    for (topic, partition), end in sent.ends().items():
        ends.setdefault(topic, {})[partition] = end
    there = all(progress.positions.get(t, {}).get(p, 0) >= end for t, its in ends.items() for p, end in its.items())
    return there and not progress.losers


def _only_grows(seen: list[tuple[int, int]]) -> None:
    assert len(seen) > 20
    for (before, _), (after, most) in itertools.pairwise(seen):
        assert before <= after <= most


def differences(watching: Watching, sent: Sent, said: str) -> list[str]:
    """How the views as they are answered now differ from the oracle's, but for messages that wait for a next batch."""
    assert watching.follows()
    assert watching.batch is not None
    assert watching.batch.without == {}
    border = read_about(watching.batch.place.folder / watching.batch.current.base).border
    found = re.findall(r"event=waits .*?topic=(\S+) partition=(\d+) offset=(\d+)", said)
    waiting = {(topic, int(p), int(o)) for topic, p, o in found}
    waiting = {(topic, p, o) for topic, p, o in waiting if o >= border[topic].get(p, 0)}
    told = sent.messages()
    for topic in told:
        told[topic] = [m for m in told[topic] if (topic, m.partition, m.offset) not in waiting]
    answers = oracle.answers({topic: its for topic, its in told.items() if topic in TOPIC_FIELDS})
    different = []
    for name in answers:
        view = catalog.load().views[name]
        names = [column.name for column in view.columns]
        got = watching.rows(view, ", ".join(names))
        rows = [dict(zip(names, row, strict=True)) for row in got or []]
        different += [f"{name}: {text}" for text in oracle.same(answers[name], rows, KEYS[name])]
    return different
