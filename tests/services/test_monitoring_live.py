"""Alerts of servers of views and of live numbers, by a real Prometheus and Alertmanager: each fires on its real cause, and ends with it."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.monitoring.dashboards import dashboards, queries
from learnfold.monitoring.files import ALERTMANAGER, PROMETHEUS, RULES, files
from learnfold.monitoring.promise import Promise
from learnfold.settings import Settings
from learnfold.storage.out_layout import POINTER
from services.ingesting import Sent, event, once
from services.places import Place
from services.stack.kafka import Kafka
from services.stack.service import free_ports
from services.stack.watching import Alertmanager, Prometheus, Webhook, promtool, until

pytestmark = [pytest.mark.services, pytest.mark.slow]

MINUTELY = Promise(60, 99)
TOPIC = "video_topic"
REAL_TIME = ("LearnfoldServe", "LearnfoldLive")


def quicker(rules: str) -> str:
    """The rules with the spans of those that go by real time shortened to seconds, and nothing else changed."""
    document: dict[str, Any] = yaml.safe_load(rules)
    changed = set()
    for rule in document["groups"][0]["rules"]:
        if rule.get("alert", "").startswith(REAL_TIME):
            rule["expr"] = re.sub(r"> 60\b", "> 10", rule["expr"].replace("[10m]", "[10s]"))
            rule.update({"for": "1s"} if "for" in rule else {})
            changed.add(rule["alert"])
    assert len(changed) > 8
    return yaml.safe_dump(document)


class Program:
    """One `learnfold serve` or `learnfold speed` after the other, with its numbers at one port."""

    def __init__(self, port: int, log: Path, *words: str, **settings: str) -> None:
        self.log = log
        self.command = [sys.executable, "-m", "learnfold", *words, "--metrics-port", str(port)]
        self.settings = settings
        self.start()

    def start(self) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            environment = Place("").process_environment(**self.settings)
            self.process = subprocess.Popen(self.command, env=environment, stdout=log, stderr=log)

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@dataclass
class Watched:
    """A batch, its server and its live numbers, and who watches them."""

    prometheus: Prometheus
    webhook: Webhook
    kafka: Kafka
    master: Place
    out: Path
    ports: list[int]  # of the server, of its numbers, of the live numbers

    def batch(self, *flags: str) -> None:
        """Everything that Kafka has, into a batch."""
        once(self.kafka, self.master, self.out.with_suffix(".ingest.log"), *flags)
        run(RunRequest(self.master.url, str(self.out), ("video",)), catalog.load(), Settings(threads=1))

    def ends(self, *alerts: str) -> None:
        """Waits until it was told that they ended."""
        open_ones = lambda: [alert for alert in alerts if self.webhook.status(alert) != "resolved"]  # noqa: E731
        until(lambda: not open_ones(), 240, lambda: f"never ended: {open_ones()}")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Everything that watches runs; a broker with one topic; nothing is published yet."""
    made, ports = files(MINUTELY), free_ports(3)
    (tmp_path / "learnfold.rules.yml").write_text(quicker(made[RULES]), encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    with Webhook() as webhook, Kafka(tmp_path / "kafka", group_min_session_timeout_ms=1000) as kafka:
        kafka.create_topic(TOPIC)
        alerting = yaml.safe_load(made[ALERTMANAGER])
        alerting["receivers"][0]["webhook_configs"][0]["url"] = webhook.url
        (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(alerting), encoding="utf-8")
        with Alertmanager(tmp_path / "alertmanager", tmp_path / "alertmanager.yml") as manager:
            settings: dict[str, Any] = yaml.safe_load(made[PROMETHEUS])
            settings["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [manager.address]
            jobs = {job["job_name"]: job for job in settings["scrape_configs"]}
            for name, port in {"learnfold-serving": ports[1], "learnfold-speed": ports[2]}.items():
                jobs[name]["static_configs"][0]["targets"] = [f"127.0.0.1:{port}"]
            settings["scrape_configs"] = [jobs["learnfold-serving"], jobs["learnfold-speed"]]
            (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
            with Prometheus(tmp_path / "prometheus", tmp_path / "prometheus.yml") as prometheus:
                yield Watched(prometheus, webhook, kafka, Place(str(tmp_path / "master")), out, ports)


def test_each_alert_of_servers_and_live_numbers_fires_on_its_cause_and_ends_with_it(
    watched: Watched, tmp_path: Path
) -> None:
    """A server without a batch, one that is slow, one that is gone, a pointer that can't be read.

    Kafka away, messages gone, more of them than can be followed at once, no follower.
    And, without its end, a topic that was made again.
    """
    told, kafka, sent = watched.webhook, watched.kafka, Sent(watched.kafka.bootstrap_servers)
    server_port, server_numbers, live_numbers = watched.ports
    server = Program(
        server_numbers, tmp_path / "serve.log", "serve", str(watched.out), "--open", "--port", str(server_port)
    )
    stop = threading.Event()
    view = f"http://127.0.0.1:{server_port}/v1/views/video_popularity"
    asking = threading.Thread(target=ask, args=(view, stop))
    asking.start()
    speed: Program | None = None
    try:
        told.wait("LearnfoldServeErrors")
        sent.send([(TOPIC, None, event(number)) for number in range(50)])
        watched.batch()
        speed = Program(
            live_numbers,
            tmp_path / "speed.log",
            *("speed", str(watched.out), "--state", str(tmp_path / "state"), "--kafka", kafka.bootstrap_servers),
        )
        sent.send([(TOPIC, None, event(number)) for number in range(50, 55)])
        until(lambda: watched.prometheus.query("learnfold_speed_live_events == 5"), 120, lambda: speed.said)
        assert watched.prometheus.query("learnfold_speed_newest_event_timestamp_seconds == 1761991254")  # 10:00:54
        watched.ends("LearnfoldServeErrors")
        dashboard_has_series(watched)
        metrics_are_well_named(watched)

        kafka.kill()
        told.wait("LearnfoldLiveBehind")
        pointer = (watched.out / POINTER).read_bytes()
        (watched.out / POINTER).write_bytes(b"rubbish")
        told.wait("LearnfoldServeBehind")
        (watched.out / POINTER).write_bytes(pointer)
        kafka.start()
        watched.ends("LearnfoldLiveBehind", "LearnfoldServeBehind")

        assert speed.stop() == 0, speed.said
        told.wait("LearnfoldLiveSilent")
        sent.send([(TOPIC, None, event(number)) for number in range(55, 65)])
        cut(kafka, 60)
        speed.start()
        told.wait("LearnfoldLiveLoss")
        assert watched.prometheus.query("learnfold_speed_missing == 5")
        watched.batch("--accept-gap")
        watched.ends("LearnfoldLiveSilent", "LearnfoldLiveLoss")

        more_than_is_followed(speed, sent, lambda: told.status("LearnfoldLiveLag") == "firing")
        watched.ends("LearnfoldLiveLag")
        while_it_sleeps(server, view, lambda: told.status("LearnfoldServeSlow") == "firing")
        watched.ends("LearnfoldServeSlow")

        server.stop()
        told.wait("LearnfoldServeSilent")
        server.start()
        watched.ends("LearnfoldServeSilent")

        made_again(kafka)
        told.wait("LearnfoldLiveBlocked")
    finally:
        stop.set()
        asking.join()
        for program in (server, speed):
            if program is not None:
                program.process.kill()
                program.process.wait()


def more_than_is_followed(program: Program, sent: Sent, told: Callable[[], bool]) -> None:
    """Messages come while the process gets a half of its time, until it was told that it is so.

    However quick the machine is: what comes in the process's sleep is more than it reads until the next.
    """
    numbers = itertools.count(65)
    deadline = time.monotonic() + 240
    while not told():
        assert time.monotonic() < deadline, program.said[-2000:]
        program.process.send_signal(signal.SIGSTOP)
        sent.send([(TOPIC, None, event(number)) for number in itertools.islice(numbers, 40_000)])
        program.process.send_signal(signal.SIGCONT)
        time.sleep(1.5)


def while_it_sleeps(program: Program, view: str, told: Callable[[], bool]) -> None:
    """Eight ask without a pause, so that some wait whenever the server is put to sleep, until it was told that it is so."""
    stop = threading.Event()
    crowd = [threading.Thread(target=ask, args=(view, stop, 0.0)) for _ in range(8)]
    for one in crowd:
        one.start()
    try:
        deadline = time.monotonic() + 240
        while not told():
            assert time.monotonic() < deadline
            for turn, seconds in ((signal.SIGSTOP, 2.0), (signal.SIGCONT, 0.4)):
                program.process.send_signal(turn)
                time.sleep(seconds)
    finally:
        program.process.send_signal(signal.SIGCONT)
        stop.set()
        for one in crowd:
            one.join()


def ask(view: str, stop: threading.Event, pause: float = 0.3) -> None:
    """Somebody who looks at a view all the time, whatever comes."""
    while not stop.wait(pause):
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(view, timeout=30).read()


def cut(kafka: Kafka, offset: int) -> None:
    """Kafka forgets what is before an offset, as its retention does."""
    from confluent_kafka import TopicPartition

    client = kafka.admin()  # its answers come only while it lives
    for answer in client.delete_records([TopicPartition(TOPIC, 0, offset)]).values():
        answer.result(30)


def made_again(kafka: Kafka) -> None:
    """The topic is deleted and made again."""
    client = kafka.admin()
    client.delete_topics([TOPIC])[TOPIC].result(30)
    until(lambda: TOPIC not in client.list_topics(timeout=10).topics, 60, lambda: "the topic stays")
    kafka.create_topic(TOPIC)


def dashboard_has_series(watched: Watched) -> None:
    """Every query about live numbers, on what a real process exported."""
    wanted = [query for board in dashboards(MINUTELY) for query in queries(board) if "learnfold_speed_" in query]
    assert len(wanted) > 10
    empty = lambda: [query for query in wanted if not watched.prometheus.query(query)]  # noqa: E731
    until(lambda: not empty(), 60, lambda: f"without series: {empty()}")


def metrics_are_well_named(watched: Watched) -> None:
    """Promtool has nothing to say of what the process exports."""
    with urllib.request.urlopen(f"http://127.0.0.1:{watched.ports[2]}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    done = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr).strip() == ""
