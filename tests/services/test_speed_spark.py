"""The speed layer by way of Spark, on a real broker: a job writes parts, is killed, goes on from its checkpoint, over two batches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, given, seed, settings

from conftest import tries
from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.generate import Semester, messages
from learnfold.settings import Settings
from learnfold.speed.parts import read_record
from learnfold.storage.folder import FolderStorage
from promises.messages import streams
from services.ingesting import Sent, once
from services.on_spark import SHORT_LIVED
from services.places import Place
from services.stack.kafka import Kafka
from services.stack.spark import spark_environment, spark_jars
from services.test_speed import Following, Watching, differences, settled

pytestmark = [pytest.mark.services, pytest.mark.slow]

EVENTS = max(1_000, tries(2_000))
PARTITIONS = 2
LIVE = ("video_topic", "assessment_topic")
"""Topics that go on behind the batch: each costs a job on Spark seconds of planning."""

DRAWN = tries(20)
PATIENCE_SECONDS = 400.0


class Job:
    """One job on Spark after the other, over one checkpoint."""

    def __init__(self, broker: Kafka, out: Path, folder: Path) -> None:
        self.broker, self.out, self.folder, self.log = broker, out, folder, folder / "job.log"
        self.start()

    def start(self) -> None:
        flags = ["--engine", "spark", "--parts", f"{self.folder}/parts", "--checkpoint", f"{self.folder}/checkpoints"]
        environment = {
            **spark_environment(),
            "LEARNFOLD_KAFKA_SERVERS": self.broker.bootstrap_servers,
            "LEARNFOLD_SPARK_JARS": str(spark_jars()),
            "LEARNFOLD_SPARK_MASTER": "local[2]",
            "LEARNFOLD_DRIVER_MEMORY": "1g",
            "JAVA_TOOL_OPTIONS": SHORT_LIVED["spark.driver.extraJavaOptions"],
        }
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "learnfold", "speed", str(self.out), *flags],
                env=Place("").process_environment(**environment),
                cwd=self.folder,
                stderr=log,
                stdout=log,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8")

    def kill(self) -> None:
        """Ends the driver and its Java by SIGKILL, wherever they are."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(120)

    def records(self) -> list[Path]:
        return sorted((self.folder / "parts").rglob("parts/*.json"))


@pytest.fixture
def broker(tmp_path: Path):
    """A broker of its own."""
    with Kafka(tmp_path / "kafka", group_min_session_timeout_ms=1000) as broker:
        yield broker


def test_parts_by_a_job_that_is_killed_answer_as_a_recompute(broker: Kafka, tmp_path: Path) -> None:
    """Killed in the middle, over a hand-over: in the end every view is as the oracle says, and no offset is in two parts."""
    for topic in catalog.load().topics:
        broker.create_topic(topic, PARTITIONS)
    first = [*messages(Semester(events=EVENTS, days=4, seed=11, duplicates=0.04, late=0.02, malformed=0.01))]
    live = [one for topic in LIVE for one in drawn(topic)] + [one for one in first if one[0] in LIVE][::4]
    live += differing([one for one in first if one[0] in LIVE][::20])
    pieces = [live[start::3] for start in range(3)]
    sent, master, out = Sent(broker.bootstrap_servers), Place(str(tmp_path / "master")), tmp_path / "out"

    def batch() -> None:
        once(broker, master, tmp_path / "ingest.log")
        run(RunRequest(master.url, str(out)), catalog.load(), Settings(threads=1))

    sent.send(first)
    batch()
    job = Job(broker, out, tmp_path)
    speed = Following(broker, out, tmp_path, "--parts", f"{tmp_path}/parts")
    watching = Watching(tmp_path)
    try:
        sent.send(pieces[0])
        wait(job.records, lambda: job.said)
        job.kill()
        before = job.records()
        speed.kill()
        sent.send(pieces[1])
        job.start()
        speed.start()
        batch()
        sent.send(pieces[2])
        wait(lambda: "event=handed_over" in speed.said, lambda: speed.said + job.said)
        wait(lambda: settled(watching, sent), lambda: speed.said + job.said)
        assert differences(watching, sent, speed.said) == []
        assert (job.stop(), speed.stop()) == (0, 0), job.said + speed.said
        assert "Traceback" not in job.said + speed.said, job.said + speed.said
        assert set(before) <= set(job.records()), "parts stay"
        assert twice(job) == []
    finally:
        job.kill()
        speed.kill()


def drawn(topic: str) -> list[tuple[str, str | None, bytes | None]]:
    """Random messages of a topic as the laws know them: NULLs, odd spellings, copies alike and different, malformed ones."""
    found: list[tuple[str, str | None, bytes | None]] = []

    @seed(5)
    @settings(max_examples=DRAWN, database=None, phases=[Phase.generate])
    @given(items=streams(topic))
    def draw(items: list[dict[str, object] | bytes]) -> None:
        for item in items:
            found.append((topic, f"k{len(found)}", item if isinstance(item, bytes) else json.dumps(item).encode()))

    draw()
    return found


def wait(done: Callable[[], object], why: Callable[[], str]) -> None:
    """Waits until it is so; a job on Spark begins slowly where others are at work."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, f"it never came to that. {why()}"
        time.sleep(0.1)


def differing(items: list[tuple[str, str | None, bytes | None]]) -> list[tuple[str, str | None, bytes | None]]:
    """Copies of some events that say something else, or happened earlier or later; and messages that are nothing."""
    found: list[tuple[str, str | None, bytes | None]] = []
    for number, (topic, key, value) in enumerate(items):
        try:
            told = json.loads(value or b"")
        except ValueError:
            continue
        if number % 2:
            told["session_id"] = f"s{number}"
            told["watch_duration_seconds"] = number
        else:
            told["timestamp"] = f"2025-09-0{number % 9 + 1} 0{number % 10}:00:00"
        found.append((topic, key, json.dumps(told).encode()))
    return [*found, ("video_topic", "k", b"{"), ("video_topic", None, None), ("auth_topic", "k", b"\xff")]


def twice(job: Job) -> list[str]:
    """Offsets that several parts hold."""
    held: dict[tuple[str, int], int] = {}
    found = []
    parts = FolderStorage(str(job.folder / "parts"))
    for path in job.records():
        name = path.relative_to(job.folder / "parts").as_posix()
        part = read_record(parts, name)
        assert part is not None
        for partition, (first, end) in part.ranges.items():
            key = (name.split("/")[0], partition)
            if first < held.get(key, 0):
                found.append(f"{name}: {partition} begins at {first}, but {held[key]} was in already")
            held[key] = end
    return found
