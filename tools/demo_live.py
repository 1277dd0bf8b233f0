"""Live numbers on this machine, until it is stopped: ``make demo-live``.

A broker, a made-up semester sent to it at a steady rate, ingestion, a batch every minute, `learnfold serve --kafka`, and a page
in the terminal that shows numbers move and how old they are. Everything lies in ``demo/live``, and ends with this program.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import queue
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from learnfold import catalog  # noqa: E402
from services.stack.kafka import Kafka  # noqa: E402 - the broker of the tests
from services.stack.service import ServiceError, free_ports  # noqa: E402

HOME = ROOT / "demo" / "live"
SHOWN, ORDER = "video_popularity", "total_views_seconds"
PROBE = ("video_total_watch_time", "demo-student", "demo-video", "demo-course")
"""The view and the key of the messages whose way is timed: each adds one second of watching."""

BEHIND = 503
EARLIER_EVENTS = 20_000
PATIENCE_SECONDS = 120


def main() -> int:
    """0 when it was stopped or its time was over, 1 when something didn't start or ended by itself."""
    parser = argparse.ArgumentParser(
        prog="make demo-live", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=200, help="messages a second (default: 200)")
    parser.add_argument("--every", type=int, default=60, help="seconds from batch to batch (default: 60)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end by itself after so many")
    parser.add_argument("--port", type=int, default=0, help="of the dashboard (default: a free one)")
    wanted = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            demo = Demo(wanted.port or free_ports(1)[0], wanted.every, wanted.rate)
            demo.start(stack)
            watch(demo, wanted.seconds)
    except KeyboardInterrupt:
        print("\nstopped; everything of it is in demo/live")
    except (pytest.skip.Exception, ServiceError, DemoError) as error:
        print(f"demo-live: {error}", file=sys.stderr)
        return 1
    return 0


class DemoError(Exception):
    """Something of the demo didn't do what it has to; the message says where to read more."""


@dataclass
class Demo:
    """What runs, and what was sent and answered."""

    port: int
    every: int
    rate: int
    broker: str = ""
    programs: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    sent: int = 0
    waited: deque[float] = field(default_factory=lambda: deque(maxlen=20))
    over: threading.Event = field(default_factory=threading.Event)
    trouble: str = ""

    @property
    def address(self) -> str:
        """Of the server."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, stack: ExitStack) -> None:
        """Everything, in its order; the stack ends it in the other."""
        shutil.rmtree(HOME, ignore_errors=True)
        say("starting a broker (the first time, its files are fetched)")
        kafka = stack.enter_context(Kafka(HOME / "kafka", group_min_session_timeout_ms=1000))
        self.broker = kafka.bootstrap_servers
        for topic in catalog.load().topics:
            kafka.create_topic(topic, partitions=2)
        stack.callback(self.stop)
        say(f"{EARLIER_EVENTS:,} events of before, into a first batch")
        self.learnfold("generate", "--to-kafka", "--servers", self.broker, "--events", str(EARLIER_EVENTS))
        self.learnfold("ingest", "--into", str(HOME / "master"), "--servers", self.broker, "--once")
        self.learnfold("run", str(HOME / "master"), str(HOME / "views"))
        say("starting what serves, what follows, what ingests and what sends")
        flush = str(max(1, self.every // 3))
        self.keep("ingest", "--into", str(HOME / "master"), "--servers", self.broker, "--flush-seconds", flush)
        live = ("--kafka", self.broker, "--state", str(HOME / "state"))
        self.keep("serve", str(HOME / "views"), "--open", "--port", str(self.port), *live)
        self.until_live()
        for work in (self.batches, self.probes, self.semesters):
            threading.Thread(target=self.guarded, args=(work,), daemon=True).start()

    def learnfold(self, *words: str) -> None:
        """A command that has to end well.

        Raises:
            DemoError: it didn't.

        """
        log = HOME / f"{words[0]}.log"
        with log.open("ab") as file:
            done = subprocess.run([sys.executable, "-m", "learnfold", *words], stdout=file, stderr=file, check=False)  # noqa: S603 - ours
        if done.returncode:
            raise DemoError(f"'learnfold {words[0]}' ended with {done.returncode}: {log}")

    def keep(self, *words: str) -> None:
        """A command that runs until the end."""
        with (HOME / f"{words[0]}.log").open("ab") as file:
            command = [sys.executable, "-m", "learnfold", *words]
            # a session of its own: Ctrl-C reaches this program alone, which then ends the others in their order
            self.programs[words[0]] = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)  # noqa: S603 - ours

    def until_live(self) -> None:
        """Waits until answers hold what came from Kafka.

        Raises:
            DemoError: they don't within two minutes.

        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self.programs["serve"].poll() is None:
            with suppress(urllib.error.URLError, OSError):
                if "live" in self.ask("/v1/freshness"):
                    return
            time.sleep(0.2)
        raise DemoError(f"no live answer within {PATIENCE_SECONDS} s: {HOME / 'serve.log'}")

    def ask(self, path: str, *, patient: bool = False) -> dict[str, Any]:
        """An answer of the server; ``patient``: asked again where it says that it isn't as far yet.

        Raises:
            DemoError: it refuses, and says why.

        """
        try:
            with urllib.request.urlopen(self.address + path, timeout=30) as answer:  # noqa: S310 - http
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            if patient and error.code == BEHIND and not self.over.is_set():
                return self.ask(path, patient=True)
            raise DemoError(f"{path}: {error.code} {error.read().decode()}") from error
        return found

    def guarded(self, work: Any) -> None:
        """Work in a thread; what goes wrong with it ends the demo."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - said, and the demo ends
            self.trouble = str(error)

    def semesters(self) -> None:
        """One short semester after the other, sent at the rate."""
        for seed in itertools.count(2):
            semester = ("--events", "50000", "--days", "30", "--seed", str(seed), "--rate", str(self.rate))
            self.keep("generate", "--to-kafka", "--servers", self.broker, *semester)
            if self.programs["generate"].wait() or self.over.is_set():
                return

    def batches(self) -> None:
        """One batch after the other."""
        while not self.over.wait(self.every):
            self.learnfold("run", str(HOME / "master"), str(HOME / "views"))

    def probes(self) -> None:
        """A message twice a second, and how long until an answer holds it."""
        from confluent_kafka import Producer  # noqa: TID251 - who sends is no part of the product

        view, student, video, course = PROBE
        producer = Producer({"bootstrap.servers": self.broker, "linger.ms": 0})
        key = "/".join(quote(part) for part in (student, video, course))
        while not self.over.wait(0.5):
            event = {
                "event_id": f"demo-{time.time_ns()}",
                "event_type": "VIDEO_WATCHED",
                "timestamp": datetime.now(UTC).isoformat(),
                "user_id": student,
                "video_id": video,
                "course_id": course,
                "watch_duration_seconds": 1,
            }
            confirmed: queue.SimpleQueue[Any] = queue.SimpleQueue()
            told = functools.partial(_told, confirmed)
            producer.produce("video_topic", json.dumps(event), student, on_delivery=told)
            producer.flush(30)
            message = confirmed.get(timeout=30)
            self.sent += 1
            start = time.perf_counter()
            mine = f"video_topic:{message.partition()}:{message.offset()}"
            row = self.ask(f"/v1/views/{view}/key/{key}?at_least={mine}&wait=10s", patient=True)["row"]
            self.waited.append(time.perf_counter() - start)
            if row["total_watch_seconds"] != self.sent:
                raise DemoError(
                    f"{self.sent} seconds of watching were sent, and {row['total_watch_seconds']} are counted"
                )

    def stop(self) -> None:
        """Ends what was started, in the other order."""
        self.over.set()
        for program in reversed(self.programs.values()):
            program.terminate()
        for program in reversed(self.programs.values()):
            with suppress(subprocess.TimeoutExpired):
                program.wait(30)
            program.kill()
            program.wait()


def _told(confirmed: queue.SimpleQueue[Any], error: object, message: Any) -> None:
    """What the broker says of a message."""
    if error is None:
        confirmed.put(message)


def watch(demo: Demo, seconds: float) -> None:
    """Shows the page until the time is over.

    Raises:
        DemoError: something ended.

    """
    at_terminal, end = sys.stdout.isatty(), time.monotonic() + seconds
    before = {row["video_id"]: row[ORDER] or 0 for row in demo.ask(f"/v1/views/{SHOWN}?limit=10000")["rows"]}
    while time.monotonic() < end:
        for name, program in demo.programs.items():
            if program.poll() not in {None, *([0] if name == "generate" else [])}:
                raise DemoError(f"'learnfold {name}' ended with {program.returncode}: {HOME / (name + '.log')}")
        if demo.trouble:
            raise DemoError(demo.trouble)
        answer = demo.ask(f"/v1/views/{SHOWN}?order=-{ORDER}&limit=8")
        lines = page(demo, answer, before)
        print("\x1b[H\x1b[J" + "\n".join(lines) if at_terminal else "; ".join(filter(None, lines[2:5])), flush=True)
        time.sleep(0.5 if at_terminal else min(5, max(0.5, seconds / 3)))


def page(demo: Demo, answer: dict[str, Any], before: dict[str, float]) -> list[str]:
    """The lines of the page."""
    waited = [second * 1000 for second in demo.waited]
    age = "none is back yet"
    if waited:
        age = f"{statistics.median(waited):,.0f} ms (the last {waited[-1]:,.0f}; of {len(waited)} the slowest {max(waited):,.0f})"
    live = demo.ask("/v1/freshness").get("live")
    offsets = sum(offset for its in live["offsets"].values() for offset in its.values()) if live else 0
    lines = [
        f"learnfold, live    the dashboard: {demo.address}/    Ctrl-C ends it",
        "",
        f"a message is counted after  {age}",
        f"messages counted so far     {offsets:,}" if live else "live numbers                are being made anew",
        f"the batch below             {answer['batch']}, one every {demo.every} s",
        "",
        f"{'video':24}{'viewers':>10}{'seconds watched':>18}{'since the start':>18}",
    ]
    for row in answer["rows"]:
        seconds = row[ORDER] or 0
        more = seconds - before.get(row["video_id"], 0)
        moved = f"+{more:,.0f}" if more else ""
        lines.append(f"{row['video_id'] or '(none)':24}{row['unique_viewers']:>10,}{seconds:>18,.0f}{moved:>18}")
    return lines


def say(words: str) -> None:
    """What is being done now."""
    print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
