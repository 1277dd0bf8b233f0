"""How old a live answer is: from a message's acknowledgement by Kafka until a reader in another process sees it.

``python -m benchmarks.speed --kafka HOST:PORT`` on an empty broker; it makes a batch of its own, produces at each rate, and looks.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from learnfold import catalog
from learnfold.generate import Semester, messages
from learnfold.settings import Settings
from learnfold.speed.place import Place
from learnfold.speed.reading import FolderFollowing
from learnfold.speed.row import layout

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTITIONS = 4
LOOK_SECONDS = 0.003


class Looking(threading.Thread):
    """Notes when each position was first seen."""

    def __init__(self, state: Path) -> None:
        super().__init__(daemon=True)
        import duckdb

        batch = FolderFollowing(str(state), layout(catalog.load()), Settings()).now()
        if batch is None:
            raise SystemExit("there is no live state")
        self._tables, self._connection = batch.tables("live"), duckdb.connect()
        self.seen: list[tuple[float, dict[str, dict[int, int]]]] = []
        self.ending = threading.Event()

    def run(self) -> None:
        """Looks until it is told to stop."""
        last = None
        while not self.ending.wait(LOOK_SECONDS):
            positions = self._tables.refresh(self._connection, []).positions
            if positions != last:
                self.seen.append((time.time(), dict(positions)))
                last = positions


def main() -> None:
    """Prints a line a rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", required=True, metavar="HOST:PORT")
    parser.add_argument("--events", type=int, default=100_000, help="events in the batch")
    parser.add_argument("--rates", type=int, nargs="+", default=[1_000, 3_000, 10_000])
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each rate lasts")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _prepare(root, args.kafka, args.events)
        speed = _learnfold("speed", str(root / "out"), "--state", str(root / "state"), kafka=args.kafka)
        try:
            while Place(str(root / "state")).current() is None:
                time.sleep(0.2)
            for rate in args.rates:
                print(json.dumps(_measured(root, args.kafka, rate, args.seconds)), flush=True)
        finally:
            speed.terminate()
            speed.wait()


def _prepare(root: Path, kafka: str, events: int) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    new = [NewTopic(topic, num_partitions=PARTITIONS) for topic in catalog.load().topics]
    for made in admin.create_topics(new).values():
        made.result(30)
    producer = Producer({"bootstrap.servers": kafka})
    for topic, key, value in messages(Semester(events=events, days=4, seed=1)):
        while True:
            try:
                producer.produce(topic, value, key)
            except BufferError:
                producer.poll(0.1)
            else:
                break
    producer.flush()
    for command in (
        ("ingest", "--into", str(root / "master"), "--once"),
        ("run", str(root / "master"), str(root / "out")),
    ):
        if _learnfold(*command, kafka=kafka).wait():
            raise SystemExit(f"learnfold {command[0]} failed")


def _measured(root: Path, kafka: str, rate: int, seconds: float) -> dict[str, Any]:
    acknowledged: list[tuple[str, int, int, float]] = []

    def confirmed(error: object, message: Any) -> None:
        if error is None:
            acknowledged.append((message.topic(), message.partition(), message.offset(), time.time()))

    items = list(messages(Semester(events=int(rate * seconds), days=4, seed=rate)))[: int(rate * seconds)]
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 5, "acks": "all"})
    looking = Looking(root / "state")
    looking.start()
    began = time.perf_counter()
    for number, (topic, key, value) in enumerate(items):
        while time.perf_counter() - began < number / rate:
            producer.poll(0.002)
        producer.produce(topic, value, key, on_delivery=confirmed)
    producer.flush()
    time.sleep(3)
    looking.ending.set()
    looking.join()
    return {"rate": rate, "messages": len(items), **_ages(acknowledged, looking.seen), "load": os.getloadavg()[0]}


def _ages(
    acknowledged: Sequence[tuple[str, int, int, float]], seen: Sequence[tuple[float, dict[str, dict[int, int]]]]
) -> dict[str, Any]:
    """Milliseconds from acknowledgement to being seen."""
    ages, place = [], {}
    for topic, partition, offset, at in sorted(acknowledged, key=lambda one: one[:3]):
        number = place.get((topic, partition), 0)
        while number < len(seen) and seen[number][1].get(topic, {}).get(partition, 0) <= offset:
            number += 1
        place[topic, partition] = number
        if number < len(seen):
            ages.append((seen[number][0] - at) * 1e3)
    ages.sort()
    found = {f"p{share}_ms": round(ages[int(len(ages) * share / 100)]) for share in (50, 99)} if ages else {}
    return {**found, "unseen": len(acknowledged) - len(ages)}


def _learnfold(*command: str, kafka: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "LEARNFOLD_KAFKA_SERVERS": kafka}
    return subprocess.Popen([sys.executable, "-m", "learnfold", *command], env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
