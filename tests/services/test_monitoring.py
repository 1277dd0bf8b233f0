"""Real Prometheus, Alertmanager and node_exporter on real runs and a real ingestion: each alert fires on its cause, and ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from learnfold.monitoring.dashboards import dashboards, queries
from learnfold.monitoring.files import ALERTMANAGER, PROMETHEUS, RULE_TESTS, RULES, files
from learnfold.monitoring.promise import Promise
from services.ingesting import Process, Sent, all_dead, event
from services.places import Place
from services.stack.kafka import Kafka
from services.stack.process import run as run_program
from services.stack.service import free_ports
from services.stack.watching import Alertmanager, NodeExporter, Prometheus, Webhook, amtool, promtool, until

pytestmark = pytest.mark.services

MINUTELY = Promise(60, 99)
FOLLOWER = "learnfold-speed"  # isn't here, but in test_monitoring_live.py
TYPES = {"video": "VIDEO_WATCHED", "auth": "LOGIN", "course": "COURSE_VIEW", "assessment": "SUBMIT_ASSIGNMENT"}


@pytest.mark.parametrize("promise", [Promise(), Promise(3600, 99.9)], ids=["daily", "hourly"])
def test_promtool_and_amtool_accept_what_is_written(promise: Promise, tmp_path: Path) -> None:
    """Rules, both configurations, and, of the ones that are deployed, the rules' unit tests."""
    for path, text in files(promise).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    for command in (
        [promtool(), "check", "rules", RULES],
        [promtool(), "check", "config", PROMETHEUS],
        *([[promtool(), "test", "rules", RULE_TESTS]] if promise == Promise() else []),
        [amtool(), "check-config", ALERTMANAGER],
    ):
        done = run_program(command, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class Job:
    """One job with a place of its own, its numbers in a file of its own."""

    name: str
    folder: Path
    texts: Path

    @property
    def topic(self) -> str:
        return f"{self.name}_topic"

    @property
    def metrics(self) -> Path:
        return self.texts / f"{self.name}.prom"

    def events(self, name: str, users: list[str | None], at: datetime | None = None) -> Path:
        """A file of events, one for each user; those without one are invalid."""
        path = self.folder / "master" / f"topic={self.topic}" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        count = len(users)
        columns = {
            "event_id": [f"{name}-{number}" for number in range(count)],
            "event_type": [TYPES[self.name]] * count,
            "user_id": pa.array(users, pa.string()),
            "course_id": [f"c{number}" for number in range(count)],
            "video_id": ["v"] * count,
            "timestamp": [f"{at or datetime(2025, 12, 10, 10, tzinfo=UTC):%Y-%m-%d %H:%M:%S}"] * count,
        }
        new = path.with_suffix(".new")
        pq.write_table(pa.table(columns), new)
        new.rename(path)
        return path

    def start(self, *flags: str) -> subprocess.Popen[str]:
        """A run of it."""
        command = [sys.executable, "-m", "learnfold", "run", str(self.folder / "master"), str(self.folder / "out")]
        return subprocess.Popen(
            [*command, "--job", self.name, *flags],
            env={**os.environ, "LEARNFOLD_METRICS_FILE": str(self.metrics)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *flags: str, code: int = 0) -> None:
        """The same, to its end."""
        process = self.start(*flags)
        _, said = process.communicate(timeout=300)
        assert process.returncode == code, said

    def killed(self) -> None:
        """A run that is ended by SIGKILL while it holds its lease."""
        process = self.signalled(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert self.under_way()

    def signalled(self, what: signal.Signals, *flags: str) -> subprocess.Popen[str]:
        """A run that gets a signal while it holds its lease."""
        process = self.start(*flags)
        until(lambda: self.under_way() or process.poll() is not None, 120, lambda: "the run never began")
        process.send_signal(what)
        return process

    def under_way(self) -> bool:
        """Whether its numbers say that a run holds the lease."""
        name = "lock_held_since_timestamp_seconds"
        return any(name in line and not line.endswith(" 0") for line in self.lines())

    def lines(self) -> list[str]:
        """Its numbers."""
        return [line for line in self.metrics.read_text("utf-8").splitlines() if not line.startswith("#")]


@dataclass
class Watched:
    """Everything that watches, and what is watched."""

    prometheus: Prometheus
    webhook: Webhook
    exporter: NodeExporter
    jobs: dict[str, Job]
    ingest_port: int
    serve_port: int  # of its numbers


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A platform whose runs come each minute: the files of `learnfold monitoring`, with the addresses of here."""
    folder = tmp_path_factory.mktemp("watched")
    made = files(MINUTELY)
    ingest_port, serve_port = free_ports(2)
    with Webhook() as webhook, NodeExporter(folder / "exporter") as exporter:
        alerting = yaml.safe_load(made[ALERTMANAGER])
        alerting["receivers"][0]["webhook_configs"][0]["url"] = webhook.url
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(alerting), encoding="utf-8")
        (folder / "learnfold.rules.yml").write_text(made[RULES], encoding="utf-8")
        with Alertmanager(folder / "alertmanager", folder / "alertmanager.yml") as manager:
            settings: dict[str, Any] = yaml.safe_load(made[PROMETHEUS])
            settings["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [manager.address]
            targets = [exporter.address, f"127.0.0.1:{ingest_port}", f"127.0.0.1:{serve_port}"]
            settings["scrape_configs"] = [job for job in settings["scrape_configs"] if job["job_name"] != FOLLOWER]
            for job, target in zip(settings["scrape_configs"], targets, strict=True):
                job["static_configs"][0]["targets"] = [target]
            (folder / "prometheus.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
            with Prometheus(folder / "prometheus", folder / "prometheus.yml") as prometheus:
                jobs = {name: Job(name, folder / name, exporter.texts) for name in TYPES}
                yield Watched(prometheus, webhook, exporter, jobs, ingest_port, serve_port)


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Kafka]:
    """A broker whose topics nobody else fills."""
    with Kafka(tmp_path / "kafka", group_min_session_timeout_ms=1000) as broker:
        yield broker


@pytest.fixture
def ingestion(watched: Watched, kafka: Kafka, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts a process that serves its numbers; none outlives the test."""
    started: list[Process] = []

    def start(*flags: str) -> Process:
        place, log = Place(str(tmp_path / "events")), tmp_path / "ingest.log"
        started.append(Process(kafka, place, log, "--metrics-port", str(watched.ingest_port), *flags))
        return started[-1]

    yield start
    all_dead(started)


def test_each_alert_fires_on_its_cause_and_ends_with_it(
    watched: Watched, kafka: Kafka, ingestion: Callable[..., Process]
) -> None:
    """All at once: each alert is told when its cause is there, and that it ended when the cause is mended.

    A run that fails, one that is killed, one that sleeps, a schedule that stops, numbers that vanish, a flood of invalid events, a view
    that shrinks, a gap in Kafka, an ingestion that is gone.
    """
    jobs, told = watched.jobs, watched.webhook
    video, auth, course, assessment = (jobs[name] for name in TYPES)
    users: list[str | None] = [f"u{number}" for number in range(40)]
    for job in jobs.values():
        job.events("first", users)
        job.events("many", [f"u{number}" for number in range(1000)])
        job.run()
    topic, sent = "video_topic", Sent(kafka.bootstrap_servers)
    kafka.create_topic(topic, partitions=1)
    process = ingestion()
    sent.send([(topic, None, event(number)) for number in range(50)] + [(topic, None, b"no event")], 0)
    process.until("event=flush")
    until(lambda: watched.prometheus.query("learnfold_ingest_files_total > 0"), 60, lambda: process.said)
    until(lambda: len(watched.prometheus.query("learnfold_view_rows")) > 20, 60, lambda: "no numbers of runs")
    until(lambda: watched.prometheus.query("learnfold:taken:events"), 60, lambda: "nothing recorded")

    assert process.stop() == 0, process.said
    sent.send([(topic, None, event(number)) for number in range(50, 60)], 0)
    cut(kafka, topic, 55)
    process = ingestion()
    course.events("many", users[:5])
    course.events("first", users[:5])
    slept, since = course.signalled(signal.SIGSTOP, "--allow-shrink"), time.monotonic()
    whole = video.events("second", users).read_bytes()
    broken = video.folder / "master" / f"topic={video.topic}" / "second.parquet"
    broken.write_bytes(whole[:100])
    video.run(code=1)
    assessment.events("second", users)
    assessment.killed()
    auth.events("flood", [None] * 30)
    auth.run()
    time.sleep(max(0.0, since + 30 - time.monotonic()))
    slept.send_signal(signal.SIGCONT)
    assert slept.communicate(timeout=300) and slept.returncode == 0

    told.wait("LearnfoldIngestLoss")
    told.wait("LearnfoldNoNewEvents", batch_job="auth")
    told.wait("LearnfoldRunFailed", batch_job="video")
    told.wait("LearnfoldQuarantineHigh", batch_job="auth", topic="auth_topic")
    told.wait("LearnfoldViewShrank", batch_job="course")
    told.wait("LearnfoldSlow", batch_job="course")
    told.wait("LearnfoldRunStuck", batch_job="assessment")
    told.wait("LearnfoldNumbersStale", batch_job="auth")
    # asked of Prometheus: while numbers are stale, Alertmanager need not send it
    burning = 'ALERTS{alertname="LearnfoldFreshnessBudgetBurning",alertstate="firing",batch_job="auth"}'
    until(lambda: watched.prometheus.query(burning), 120, lambda: "the budget never burnt")
    numbers = auth.metrics.read_bytes()
    auth.metrics.unlink()
    told.wait("LearnfoldSilent", batch_job="auth")
    auth.metrics.write_bytes(numbers)

    assert process.stop() == 1
    told.wait("LearnfoldIngestSilent")
    ingestion("--once", "--accept-gap").wait()
    process = ingestion()
    broken.write_bytes(whole)
    today = datetime.now(UTC)
    for job in jobs.values():
        job.events("today", users, today)
    course.events("first", users)
    course.events("many", [f"u{number}" for number in range(1000)])
    ended = {
        ("LearnfoldIngestLoss", ""),
        ("LearnfoldIngestSilent", ""),
        ("LearnfoldSlow", "course"),
        ("LearnfoldRunFailed", "video"),
        ("LearnfoldQuarantineHigh", "auth"),
        ("LearnfoldViewShrank", "course"),
        ("LearnfoldRunStuck", "assessment"),
        ("LearnfoldNumbersStale", "auth"),
        ("LearnfoldSilent", "auth"),
        ("LearnfoldNoNewEvents", "auth"),
    }
    deadline = time.monotonic() + 600
    while open_ones := {
        (alert, job) for alert, job in ended if told.status(alert, **({"batch_job": job} if job else {})) != "resolved"
    }:
        assert time.monotonic() < deadline, f"never ended: {open_ones}"
        for job in jobs.values():  # each minute, as promised
            job.run()
        time.sleep(10)
    sent.send([(topic, None, event(60)), (topic, None, b"no event")], 0)  # the process that runs now writes some, too
    with views_served(watched):
        dashboards_have_series(watched)
        metrics_are_well_named(watched)
    assert process.stop() == 0


def test_an_ingestion_that_works_again_is_sent(kafka: Kafka, tmp_path: Path) -> None:
    """One that couldn't reach its broker, then one that writes files: two messages, and no third."""
    place, sent = Place(str(tmp_path / "events")), Sent(kafka.bootstrap_servers)
    kafka.create_topic("video_topic")
    sent.send([("video_topic", None, event(1))])
    with Webhook() as hook:
        alerts = {"LEARNFOLD_ALERT_URL": hook.url}
        away = Process(kafka, place, tmp_path / "away.log", "--servers", "127.0.0.1:1", "--give-up", "0", **alerts)
        assert away.wait() == 1
        for _ in range(2):
            assert Process(kafka, place, tmp_path / "log", "--once", **alerts).wait() == 0
        assert [(one["status"], one["kind"]) for one in hook.told] == [
            ("failed", "ingestion"),
            ("recovered", "ingestion"),
        ]


def cut(kafka: Kafka, topic: str, offset: int) -> None:
    """Kafka forgets what is before an offset, as its retention does."""
    from confluent_kafka import TopicPartition

    client = kafka.admin()  # its answers come only while it lives
    for answer in client.delete_records([TopicPartition(topic, 0, offset)]).values():
        answer.result(30)


@contextmanager
def views_served(watched: Watched) -> Iterator[None]:
    """A server of views that refused while nothing was published, and answers since then, all the time."""
    job = watched.jobs["video"]
    out = job.folder / "served"
    out.mkdir()
    flags = ["--open", "--port", "0", "--metrics-port", str(watched.serve_port)]
    command = [sys.executable, "-m", "learnfold", "serve", str(out), *flags]
    stop = threading.Event()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        address = next(line for line in server.stderr if "listening on" in line).split()[-1]
        drained = threading.Thread(target=server.stderr.read)
        drained.start()

        def ask() -> None:
            while not stop.wait(0.5):
                for route in ("/health/ready", "/v1/views", "/v1/views/video_popularity"):
                    with suppress(urllib.error.HTTPError):
                        urllib.request.urlopen(address + route, timeout=30).read()

        asking = threading.Thread(target=ask)
        asking.start()
        failed = 'learnfold_serve_requests_total{status="503"}'
        try:
            until(lambda: watched.prometheus.query(failed), 60, lambda: "no failure was scraped")
            run = [sys.executable, "-m", "learnfold", "run", str(job.folder / "master"), str(out), "--job", "video"]
            subprocess.run(run, check=True, capture_output=True)
            yield
        finally:
            stop.set()
            asking.join()
            server.terminate()
            drained.join()


FOLLOWING = "learnfold_speed_"


def dashboards_have_series(watched: Watched) -> None:
    """Every query of every dashboard, on what real runs, ingestion and a server of views exported; no speed layer runs here."""
    wanted = [query for board in dashboards(MINUTELY) for query in queries(board) if FOLLOWING not in query]
    assert wanted

    def empty() -> list[str]:
        return [query for query in wanted if not watched.prometheus.query(query)]

    until(lambda: not empty(), 60, lambda: f"without series: {empty()}")


def metrics_are_well_named(watched: Watched) -> None:
    """Promtool has nothing to say, but of the one metric that keeps an older name."""
    texts = [job.metrics.read_text("utf-8") for job in watched.jobs.values()]
    with urllib.request.urlopen(f"http://127.0.0.1:{watched.ingest_port}/metrics", timeout=10) as answer:
        texts.append(answer.read().decode())
    complaints = set()
    for text in texts:
        done = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        complaints |= set((done.stdout + done.stderr).strip().splitlines())
    assert {line.split()[0] for line in complaints} == {"learnfold_days_folded"}, complaints
