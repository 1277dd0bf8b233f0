"""How old live answers are on a real broker: from a message's acknowledgement by Kafka until a reader in another process sees it.

A batch of the first events of a semester; ``learnfold serve --kafka`` over it; then the events that follow, at each rate, with
rows read by key meanwhile; a batch published under it; ``kill -9``; and a backlog taken in one go. Broker, producer, readers and
learnfold share the machine.

Checked: every message was seen; at the end the 37 views as they are answered, every row, against plain SQL over all events.

``python -m benchmarks speed`` keeps the result for the page; ``python -m benchmarks.speed`` only prints it, and its numbers can be chosen.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Bench, expected_views, same_views
from benchmarks.child import ROOT, learnfold, measure
from benchmarks.data import data_folder
from benchmarks.live import Looking, Reading, ages, batch_of, following, wait_for, write_views
from benchmarks.server import Server
from benchmarks.serving import address, questions, share
from learnfold import catalog
from learnfold.generate import Semester, messages
from learnfold.speed.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PARTITIONS = 4
READS_A_SECOND = 30.0
WAIT_SECONDS = 2.0
WARM_UP = 500
"""Messages that come before anything is measured."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    events: int  # in the batch
    rates: Sequence[int] = (1_000, 3_000, 10_000)
    seconds: float = 20.0  # of each rate
    backlog: int = 500_000

    @property
    def all(self) -> int:
        """Events of the semester."""
        return self.events + WARM_UP + int(sum(self.rates) * self.seconds) + self.backlog


SIZES = {
    "tiny": Sizes(20_000, (200,), 2.0, 5_000),
    "small": Sizes(1_000_000),
    "full": Sizes(10_000_000, seconds=60.0, backlog=1_000_000),
}

Message = tuple[str, str, bytes]


class Producing:
    """Sends a semester's messages, one after the other."""

    def __init__(self, servers: str, semester: Semester) -> None:
        from confluent_kafka import Producer

        self._left: Iterator[Message] = iter(messages(semester))
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "acks": "all"})
        self.acknowledged: list[tuple[str, int, int, float]] = []

    def send(self, count: int) -> int:
        """Sends as many, as fast as may be; how many there were."""
        sent = 0
        for topic, key, value in itertools.islice(self._left, count):
            while True:
                try:
                    self._producer.produce(topic, value, key)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            sent += 1
        self._producer.flush()
        return sent

    def pace(self, rate: int, seconds: float) -> None:
        """Sends at a rate, and notes when each was acknowledged."""

        def confirmed(error: object, message: Any) -> None:
            if error is None:
                self.acknowledged.append((message.topic(), message.partition(), message.offset(), time.time()))

        self.acknowledged = []
        items = list(itertools.islice(self._left, int(rate * seconds)))
        began = time.perf_counter()
        for number, (topic, key, value) in enumerate(items):
            while time.perf_counter() - began < number / rate:
                self._producer.poll(0.002)
            self._producer.produce(topic, value, key, on_delivery=confirmed)
        self._producer.flush()


def run(bench: Bench) -> None:
    """Measure all of it on a broker that is started for it."""
    measured(bench, SIZES[bench.scale])


def measured(bench: Bench, sizes: Sizes, servers: str = "") -> None:
    """Measure all of it, on the broker at ``servers``, which is empty; without one, on a broker of its own."""
    import pytest

    sys.path.append(str(ROOT / "tests"))
    from services.stack.kafka import Kafka

    data_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="speed-", dir=data_folder()) as scratch:
        if servers:
            _Measuring(bench, sizes, Path(scratch), servers).run()
            return
        try:
            broker = Kafka(Path(scratch)).start()
        except pytest.skip.Exception as missing:
            bench.left_out.append(f"Kafka: {missing}")
            return
        with broker:
            _Measuring(bench, sizes, Path(scratch), broker.bootstrap_servers).run()


class _Measuring:
    def __init__(self, bench: Bench, sizes: Sizes, folder: Path, servers: str) -> None:
        self.bench, self.sizes, self.servers = bench, sizes, servers
        self.master, self.out, self.state, self.folder = folder / "master", folder / "out", folder / "state", folder
        self.environment = {"LEARNFOLD_KAFKA_SERVERS": servers}
        self.producing = Producing(servers, Semester(events=sizes.all, days=30, seed=1))
        self.facts: list[list[str]] = []

    def run(self) -> None:
        """All of it, one after the other."""
        self._make_topics()
        self.producing.send(self.sizes.events)
        self._batch()
        asked = questions(self.out, 20)
        row = address(asked[0], asked[0].keys[0])
        with self._server() as server:
            wait_for(lambda: Place(str(self.state)).current() is not None, "there is no live state")
            self._warm_up(server, row)
            rows = [self._rate(server, asked, rate) for rate in self.sizes.rates]
            self._hand_over(server, asked)
            self._memory(server)
            server.kill()
        began = time.monotonic()
        with self._server() as server:
            server.get(row)
            self.facts.append(["killed -9 and started again: until it answers, s", f"{time.monotonic() - began:.2f}"])
            wait_for(lambda: b'"live"' in server.get(row).body, "what was killed isn't added to the batch again")
            self.facts.append(
                ["the same, until what came since the batch is added, s", f"{time.monotonic() - began:.2f}"]
            )
        self._catch_up()
        self._check()
        head = ["events a second", "acknowledged to seen, p50 ms", "p99 ms", "a row by key meanwhile, p50 ms", "p99 ms"]
        self.bench.table(f"{self.sizes.events:,} events in the batch, {self.sizes.seconds:.0f} s a rate", head, rows)
        self.bench.table("learnfold serve --kafka", ["", ""], self.facts)

    def _server(self) -> Server:
        return Server(self.out, "--kafka", self.servers, "--state", self.state)

    def _make_topics(self) -> None:
        from confluent_kafka.admin import AdminClient, NewTopic

        new = [NewTopic(topic, num_partitions=PARTITIONS) for topic in catalog.load().topics]
        admin = AdminClient({"bootstrap.servers": self.servers})  # its answers come only while it lives
        for made in admin.create_topics(new).values():
            made.result(30)

    def _batch(self) -> None:
        measure(learnfold("ingest", "--into", self.master, "--once"), self.environment)
        measure(learnfold("run", self.master, self.out))

    def _warm_up(self, server: Server, row: str) -> None:
        """What is planned once, is: nothing of it is measured."""
        looking = Looking(self.state)
        looking.start()
        self.producing.pace(WARM_UP, 1.0)
        looking.wait(self.producing.acknowledged)
        server.get(row)

    def _rate(self, server: Server, asked: Any, rate: int) -> list[str]:
        looking, reading = Looking(self.state), Reading(server, asked, READS_A_SECOND)
        looking.start()
        reading.start()
        self.producing.pace(rate, self.sizes.seconds)
        looking.wait(self.producing.acknowledged)
        times = reading.stop()
        old = ages(self.producing.acknowledged, looking.seen)
        print(f"{rate} a second: {share(old, 0.5):.0f} ms, p99 {share(old, 0.99):.0f} ms", file=sys.stderr, flush=True)
        return [
            f"{rate:,}",
            *(f"{share(old, p):.0f}" for p in (0.5, 0.99)),
            *(f"{share(times, p):.1f}" for p in (0.5, 0.99)),
        ]

    def _hand_over(self, server: Server, asked: Any) -> None:
        """A batch is made of what came; the longest read within a second of the moment when it is changed to."""
        place = Place(str(self.state))
        before = place.current()
        self._batch()
        published = (self.out / "_batches" / "current.json").stat().st_mtime
        reading = Reading(server, asked, 200.0)
        reading.start()
        wait_for(lambda: place.current() != before, "the next batch isn't changed to", 0.005)
        changed = time.time()
        time.sleep(WAIT_SECONDS)
        reading.stop()
        around = [ms for at, ms in reading.times if abs(at - changed) < WAIT_SECONDS / 2]
        others = sorted(ms for at, ms in reading.times if at < changed - WAIT_SECONDS / 2)
        usual = f", p99 before it {share(others, 0.99):.1f}" if others else ""
        self.facts.append(["hand-over: published until changed to, s", f"{changed - published:.2f}"])
        self.facts.append(["hand-over: the longest read, ms", f"{max(around):.1f}{usual}"])

    def _memory(self, server: Server) -> None:
        one, *others = server.peaks_bytes()
        self.facts.append(["peak memory of the server, MB", f"{one / 1e6:,.0f}"])
        self.facts.append(["peak memory of what follows Kafka, MB", f"{sum(others) / 1e6:,.0f}"])

    def _catch_up(self) -> None:
        """A backlog, taken by ``learnfold speed --once``: messages a second, and a second of the processor's."""
        count = self.producing.send(self.sizes.backlog)
        done = measure(learnfold("speed", self.out, "--state", self.state, "--once", "--json"), self.environment)
        self.facts.append(
            [f"catch-up over {count:,} messages, start and planning included, a second", f"{count / done.seconds:,.0f}"]
        )
        self.facts.append(
            ["the same, a second of the processor's", f"{count / (done.cpu_seconds or done.seconds):,.0f}"]
        )

        self.facts.append(["the same, peak memory, MB", f"{done.peak_bytes / 1e6:,.0f}"])

    def _check(self) -> None:
        answered = self.folder / "answered"
        write_views(batch_of(following(self.state)).tables("checked"), answered)
        measure(learnfold("ingest", "--into", self.master, "--once"), self.environment)
        same_views(expected_views(self.master, f"speed-{os.getpid()}", keep=False), answered)
        self.bench.checked.append(
            "every message was seen; at the end all 37 views as they are answered, every row, against plain SQL over all events"
        )


def main() -> None:
    """Prints the tables, or the result as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--kafka", default="", metavar="HOST:PORT", help="an empty broker (default: one is started)")
    parser.add_argument("--events", type=int, default=100_000, help="events in the batch")
    parser.add_argument("--rates", type=int, nargs="+", default=[1_000, 3_000, 10_000])
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each rate lasts")
    parser.add_argument("--backlog", type=int, default=100_000, help="messages that are taken in one go")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    args = parser.parse_args()
    bench = Bench("speed", "tiny", 1)
    measured(bench, Sizes(args.events, args.rates, args.seconds, args.backlog), args.kafka)
    if args.json:
        print(json.dumps(bench.result(), indent=1, ensure_ascii=False))
        return
    for table in bench.tables:
        print(f"\n{table['title']}:")
        print("\n".join(" | ".join(row) for row in [table["head"], *table["rows"]]))
    print("\n".join(["", *bench.checked, *(f"left out: {what}" for what in bench.left_out)]))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
