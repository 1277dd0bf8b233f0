"""Processes of the ingestion on a real broker, and what they left in the master dataset."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from learnfold import catalog
from learnfold.master.committed_offsets import CommittedOffsets
from learnfold.master.layout import open_master
from learnfold.settings import Settings
from oracle import Message
from services.places import Place
from services.stack.kafka import Kafka

QUICK = "session.timeout.ms=2000,heartbeat.interval.ms=300,topic.metadata.refresh.interval.ms=500"
"""So that a killed process is missed, and a new topic found, in seconds rather than a minute."""

PATIENCE_SECONDS = 120.0


@dataclass
class Sent:
    """Everything that was produced, by topic, partition and offset, as the broker confirmed it."""

    servers: str
    values: dict[tuple[str, int, int], bytes | None] = field(default_factory=dict)

    def send(self, messages: Iterable[tuple[str, str | None, bytes | None]], partition: int | None = None) -> None:
        """Produces messages (topic, key, value), each confirmed before this returns."""
        from confluent_kafka import Producer

        def confirmed(error: object, message: Any) -> None:
            assert error is None, error
            self.values[message.topic(), message.partition(), message.offset()] = message.value()

        producer = Producer({"bootstrap.servers": self.servers, "enable.idempotence": True, "linger.ms": 20})
        where = {} if partition is None else {"partition": partition}
        for number, (topic, key, value) in enumerate(messages):
            producer.produce(topic, value, key, on_delivery=confirmed, **where)
            if number % 1000 == 0:
                producer.poll(0)
        assert producer.flush(PATIENCE_SECONDS) == 0

    def messages(self) -> dict[str, list[Message]]:
        """What the oracle is told."""
        told: dict[str, list[Message]] = {}
        for (topic, partition, offset), value in self.values.items():
            told.setdefault(topic, []).append(Message(value, partition, offset))
        return told

    def ends(self) -> dict[tuple[str, int], int]:
        """By topic and partition, the offset behind the last message."""
        ends: dict[tuple[str, int], int] = {}
        for topic, partition, offset in self.values:
            ends[topic, partition] = max(ends.get((topic, partition), 0), offset + 1)
        return ends

    def all_in(self, master: Place) -> bool:
        """Whether the progress of a master dataset says that all of it is in files, and nothing else."""
        told = {key: one.offset for key, one in CommittedOffsets.read(master.open()).partitions.items() if one.offset}
        return told == self.ends()


def event(number: int, **more: object) -> bytes:
    """A valid event of the video topic, as JSON."""
    told = {
        "event_id": f"e{number}",
        "event_type": "VIDEO_WATCHED",
        "user_id": f"u{number % 7}",
        "video_id": f"v{number % 3}",
    }
    told |= {
        "timestamp": f"2025-11-01 10:{number // 60 % 60:02d}:{number % 60:02d}",
        "watch_duration_seconds": number % 500,
    }
    return json.dumps({**told, **more}).encode()


class Process:
    """One `learnfold ingest` of its own."""

    def __init__(
        self, broker: Kafka, master: Place, log: Path, *flags: str, options: str = QUICK, **settings: str
    ) -> None:
        self.log = log
        self.handle = log.open("a", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "learnfold", "ingest", "--into", master.url, *flags],
            env=master.process_environment(
                LEARNFOLD_KAFKA_SERVERS=broker.bootstrap_servers,
                LEARNFOLD_KAFKA_OPTIONS=options,
                LEARNFOLD_FLUSH_SECONDS="0.5",
                **settings,
            ),
            stdout=subprocess.PIPE,
            stderr=self.handle,
            text=True,
        )

    @property
    def said(self) -> str:
        """What it said so far."""
        return self.log.read_text(encoding="utf-8")

    def until(self, text: str, times: int = 1) -> None:
        """Waits until it said something so often."""
        wait_for(lambda: self.said.count(text) >= times or self.process.poll() is not None, lambda: self.said)
        assert self.said.count(text) >= times, f"it never said {text!r} {times} times:\n{self.said}"

    def signal(self, number: int) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        self.process.kill()
        self.process.wait()
        self._done()

    def stop(self) -> int:
        """Ends it by SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Its exit code, when it ended by itself."""
        try:
            self.out, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"it doesn't end:\n{self.said}") from None
        self._done()
        return self.process.returncode

    def _done(self) -> None:
        self.handle.close()
        if self.process.stdout is not None:
            self.process.stdout.close()


def once(broker: Kafka, master: Place, log: Path, *flags: str, **settings: str) -> Process:
    """A process that took everything there was, and ended well."""
    process = Process(broker, master, log, "--once", *flags, **settings)
    assert process.wait() == 0, process.said
    return process


def wait_for(done: Callable[[], object], why: Callable[[], str] = lambda: "") -> None:
    """Waits until it is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, f"it never came to that. {why()}"
        time.sleep(0.05)


def in_master(master: Place) -> dict[tuple[str, int, int], int]:
    """How often each message is in the files of events that a reader has, by topic, partition and offset."""
    topics = list(catalog.load().topics)
    found = open_master(master.url, master.settings())
    counts: dict[tuple[str, int, int], int] = {}
    for topic, files in found.listing(topics, topics).files.items():
        with found.storage.local(list(files)) as local:
            for file in local:
                table = pq.read_table(file, columns=["kafka_partition", "kafka_offset"]).to_pydict()
                for place in zip(table["kafka_partition"], table["kafka_offset"], strict=True):
                    counts[topic, *place] = counts.get((topic, *place), 0) + 1
    return counts


def in_quarantine(master: Place) -> dict[tuple[str, int, int], str]:
    """The reason of each invalid message."""
    storage = master.open()
    paths = [entry.path for entry in storage.list("_quarantine")]
    found: dict[tuple[str, int, int], str] = {}
    with storage.local(paths) as local:
        for file in local:
            for row in pq.read_table(file).to_pylist():
                found[row["topic"], row["kafka_partition"], row["kafka_offset"]] = row["reason"]
    return found


def learnfold(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """What a command prints, which has to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "learnfold", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def all_dead(processes: Sequence[Process]) -> None:
    """Ends what still runs."""
    for process in processes:
        if process.process.poll() is None:
            process.kill()


def settings_of(broker: Kafka, **more: object) -> Settings:
    """Settings of a library call to the broker."""
    return Settings(kafka_servers=broker.bootstrap_servers, **more)
