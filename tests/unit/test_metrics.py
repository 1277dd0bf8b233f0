"""A run's numbers as Prometheus reads them, read here by Prometheus' own parser."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from imports import SOURCE
from prometheus_client.parser import text_string_to_metric_families
from seen import watched, write

from learnfold import catalog
from learnfold.batch.manifest import Manifest, TopicRecord
from learnfold.batch.numbers import batch_numbers
from learnfold.batch.request import RunRequest
from learnfold.batch.run import RunReport, plan, run
from learnfold.batch.watch import RunWatch
from learnfold.cli import main
from learnfold.engines import DayCounts
from learnfold.errors import CheckError, LearnfoldError, StorageError
from learnfold.settings import Settings
from learnfold.telemetry.metrics import METRICS, PREFIX, RUNS, VIEW_ROWS, metrics_of
from learnfold.telemetry.reporter import Reporter
from learnfold.telemetry.run_metrics import record as record_samples
from learnfold.telemetry.run_metrics import record_failure, record_lock

Numbers = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> RunReport:
    """Of a run of all jobs over a small semester with faults."""
    folder = tmp_path_factory.mktemp("metrics")
    master = str(folder / "master")
    assert main(["generate", master, "--events", "3000", "--duplicates", "0.05", "--malformed", "0.05"]) == 0
    return run(RunRequest(master, str(folder / "views")), catalog.load(), Settings())


def record(report: RunReport, settings: Settings) -> list[str]:
    """Records a run as ``run`` does."""
    samples = batch_numbers(report.manifest, report.jobs, settings, folded=report.batch is not None)
    return record_samples(report.jobs, report.seconds, samples, settings)


def numbers(text: str) -> Numbers:
    """Every sample by its name and its labels' values; a sample that comes twice is refused."""
    found: Numbers = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            key = (sample.name.removeprefix("learnfold_"), *sample.labels.values())
            assert key not in found
            found[key] = sample.value
    return found


def test_the_file_says_what_the_run_did(report: RunReport, tmp_path: Path) -> None:
    """Events, copies, quarantine by reason, rows and bytes of all views, and when the newest day was."""
    file = tmp_path / "textfile" / "learnfold.prom"
    assert record(report, Settings(metrics_file=str(file))) == []
    found = numbers(file.read_text(encoding="utf-8"))
    topics = {name: topic for job in report.manifest.jobs.values() for name, topic in job.topics.items()}
    for name, job in report.manifest.jobs.items():
        assert found["last_run_succeeded", name] == 1
        for topic in job.topics:
            assert found["events", name, topic] == topics[topic].events > 0
            assert found["duplicates", name, topic] == topics[topic].duplicates
            for reason, count in topics[topic].quarantined.items():
                assert found["quarantined", name, topic, reason] == count
            ended = found["newest_day_timestamp_seconds", name, topic] + 86400
            expected = max(0, found["last_success_timestamp_seconds", name] - ended)
            assert found["lag_seconds", name, topic] == pytest.approx(expected)
    assert sum(key[0] == "view_rows" for key in found) == len(catalog.load().views)
    assert sum(key[0] == "quarantined" for key in found) > 0
    assert {PREFIX + key[0] for key in found} <= {metric.full_name for metric in metrics_of(RUNS)}
    assert [path.name for path in file.parent.iterdir() if not path.name.startswith(".")] == ["learnfold.prom"]


def test_a_failure_is_told_beside_the_last_success(report: RunReport, tmp_path: Path) -> None:
    """The job that failed says so, keeps its last success and numbers, and other jobs are as they were."""
    settings = Settings(metrics_file=str(tmp_path / "learnfold.prom"))
    record(report, settings)
    before = numbers(Path(settings.metrics_file).read_text(encoding="utf-8"))
    assert record_failure(["video"], 1.5, [], settings) == []
    after = numbers(Path(settings.metrics_file).read_text(encoding="utf-8"))
    assert after["last_failure_timestamp_seconds", "video"] >= before["last_success_timestamp_seconds", "video"]
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed == {
        ("last_failure_timestamp_seconds", "video"),
        ("last_run_succeeded", "video"),
        ("last_run_duration_seconds", "video"),
    }
    record(report, settings)
    repaired = numbers(Path(settings.metrics_file).read_text(encoding="utf-8"))
    assert repaired["last_run_succeeded", "video"] == 1
    assert ("last_failure_timestamp_seconds", "video") in repaired


def test_what_is_no_longer_so_is_no_longer_said(report: RunReport, tmp_path: Path) -> None:
    """A reason of quarantine that is gone is gone from the file too."""
    file = tmp_path / "learnfold.prom"
    settings = Settings(metrics_file=str(file))
    record(report, settings)
    file.write_text(file.read_text(encoding="utf-8").replace('reason="', 'reason="old '), encoding="utf-8")
    record(report, settings)
    assert "old " not in file.read_text(encoding="utf-8")


def test_all_jobs_share_a_file(report: RunReport, tmp_path: Path) -> None:
    """Each recorded by itself, side by side, they leave what one run of all leaves."""
    together, alone = tmp_path / "together.prom", tmp_path / "alone.prom"
    record(report, Settings(metrics_file=str(together)))
    with ThreadPoolExecutor(5) as pool:
        parts = [replace(report, jobs=(job,)) for job in report.jobs]
        told = list(pool.map(lambda part: record(part, Settings(metrics_file=str(alone))), parts * 4))
    assert told == [[]] * 4 * len(report.jobs)
    assert set(numbers(together.read_text(encoding="utf-8"))) == set(numbers(alone.read_text(encoding="utf-8")))


@pytest.fixture
def gateway() -> Iterator[tuple[str, list[tuple[str, str, str]], list[int]]]:
    """Its address, the requests it got (method, path, content), and the code it answers with."""
    got: list[tuple[str, str, str]] = []
    answer = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.command, self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(answer[0])
            self.end_headers()
            if answer[0] != 200:
                self.wfile.write(b"pushed metrics are invalid")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", got, answer
    server.shutdown()
    server.server_close()


def test_a_pushgateway_gets_a_group_a_job(
    report: RunReport, gateway: tuple[str, list[tuple[str, str, str]], list[int]]
) -> None:
    """By POST, so that a failure leaves the group's other numbers; each group holds its job's samples alone."""
    url, got, _ = gateway
    assert record(report, Settings(push_gateway=url)) == []
    assert [(method, path) for method, path, _ in got] == [
        ("POST", f"/metrics/job/learnfold/batch_job/{job}") for job in report.jobs
    ]
    for _, path, content in got:
        assert {key[1] for key in numbers(content)} == {path.rpartition("/")[2]}
    got.clear()
    assert record_failure(["auth"], 1.0, [], Settings(push_gateway=url)) == []
    assert {key[0] for key in numbers(got[0][2])} == {
        "last_failure_timestamp_seconds",
        "last_run_succeeded",
        "last_run_duration_seconds",
    }


def test_trouble_with_the_numbers_is_told_and_fails_nothing(
    report: RunReport, tmp_path: Path, gateway: tuple[str, list[tuple[str, str, str]], list[int]]
) -> None:
    """A folder that is a file, a gateway that refuses, one that isn't there."""
    url, _, answer = gateway
    answer[0] = 400
    (tmp_path / "file").touch()
    problems = record(
        replace(report, jobs=("auth",)), Settings(metrics_file=str(tmp_path / "file" / "x"), push_gateway=url)
    )
    assert len(problems) == 2
    assert "can't be written" in problems[0]
    assert "pushed metrics are invalid" in problems[1]
    assert "can't be pushed" in record_failure(["auth"], 1.0, [], Settings(push_gateway="http://127.0.0.1:9"))[0]
    assert "can't be pushed" in record_failure(["auth"], 1.0, [], Settings(push_gateway="no address"))[0]


def test_without_the_settings_nothing_is_written(report: RunReport) -> None:
    """Which is the default."""
    assert record(report, Settings()) == record_failure(["auth"], 1.0, [], Settings()) == []


def test_metrics_are_named_in_the_table_alone() -> None:
    """No other module of learnfold writes a metric's name; the table has each name once, with a unit and help."""
    names = [metric.full_name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert all(metric.unit and metric.help for metric in METRICS)
    for file in SOURCE.rglob("*.py"):
        if file.parent.name != "telemetry":
            text = file.read_text(encoding="utf-8")
            assert [name for name in names if name in text] == [], file


def test_a_sample_has_the_labels_of_the_table() -> None:
    """A label that is left out, added or out of order is refused where the sample is made."""
    assert str(VIEW_ROWS.of(3, batch_job="video", view='a"b')) == (
        'learnfold_view_rows{batch_job="video",view="a\\"b"} 3'
    )
    for labels in ({"batch_job": "video"}, {"view": "v", "batch_job": "video"}, {"batch_job": "x", "user": "u"}):
        with pytest.raises(TypeError, match="has the labels"):
            VIEW_ROWS.of(3, **labels)


def run_numbers(master: Path, out: Path, file: Path, **settings: object) -> Numbers:
    """What a run of one job exports."""
    run(RunRequest(str(master), str(out), ("video",)), catalog.load(), Settings(metrics_file=str(file), **settings))
    return numbers(file.read_text(encoding="utf-8"))


def test_a_run_says_what_it_took(tmp_path: Path) -> None:
    """Each phase, each view, processor, memory, bytes, what lies below OUT, how often runs come; no lease is held after it."""
    write(tmp_path / "master", "video_topic", watched(5))
    found = run_numbers(tmp_path / "master", tmp_path / "out", tmp_path / "m.prom", run_interval_seconds=3600.0)
    assert {key[2] for key in found if key[0] == "phase_seconds"} == {"plan", "fold", "refresh", "publish", "clean"}
    phases = sum(value for key, value in found.items() if key[0] == "phase_seconds")
    assert 0 < phases <= found["last_run_duration_seconds", "video"]
    views = {view.name for view in catalog.load().jobs["video"].views}
    assert {key[2] for key in found if key[0] == "view_seconds"} == views
    assert found["run_interval_seconds", "video"] == 3600
    assert found["cpu_seconds", "video"] > 0
    assert found["peak_memory_bytes", "video"] > 10_000_000
    assert found["read_bytes", "video"] > 0
    assert found["batches_kept", "video"] == 1
    kept = sum(path.stat().st_size for path in (tmp_path / "out" / "_rollups").rglob("*.parquet"))
    assert found["disk_bytes", "video", "rollups"] == kept > 0
    assert found["master_bytes", "video", "video_topic"] == sum(
        path.stat().st_size for path in (tmp_path / "master").rglob("*.parquet")
    )
    assert found.get(("lock_held_since_timestamp_seconds", "video"), 0) == 0
    assert all(value == 0 for key, value in found.items() if key[0] in {"check_failed", "pending_folds"})


def test_events_of_the_future_are_counted_and_not_believed(tmp_path: Path) -> None:
    """One event of 2099 moves neither the newest day nor the newest event, which is told to the second, nor the lag."""
    day = datetime.now(UTC).date() - timedelta(days=3)
    for number, at in enumerate((f"{day} 10:00:00", "2099-01-01 00:00:00")):
        write(tmp_path / "master", "video_topic", watched(1, timestamp=[at], user_id=[f"u{number}"]))
    found = run_numbers(tmp_path / "master", tmp_path / "out", tmp_path / "m.prom")
    topic = ("video", "video_topic")
    assert found["future_events", *topic] == 1
    midnight = datetime.combine(day, datetime.min.time(), UTC).timestamp()
    assert found["newest_day_timestamp_seconds", *topic] == midnight
    assert found["newest_event_timestamp_seconds", *topic] == midnight + 36_000
    assert found["lag_seconds", *topic] > 86400
    assert found["events", *topic] == 2


def test_events_that_come_late_are_counted(tmp_path: Path) -> None:
    """Those on days before the newest one, new days too; not those on it or behind, nor any of a first run."""
    master, out, file = tmp_path / "master", tmp_path / "out", tmp_path / "m.prom"

    def add(count: int, day: int, name: str) -> None:
        times = {"timestamp": [f"2025-12-{day:02d} 10:00:00"] * count, "event_id": [f"{name}{n}" for n in range(count)]}
        write(master, "video_topic", watched(count, **times), name=f"{name}.parquet")

    add(5, 10, "first")
    add(1, 4, "older")
    late = ("late_events", "video", "video_topic")
    assert run_numbers(master, out, file)[late] == 0
    add(2, 4, "again")
    add(3, 2, "new day")
    add(4, 10, "same")
    add(6, 11, "next")
    assert run_numbers(master, out, file)[late] == 5
    assert run_numbers(master, out, file)[late] == 0  # nothing new
    add(1, 12, "on time")
    found = run_numbers(master, out, file)
    assert found[late] == 0
    assert found["newest_event_timestamp_seconds", "video", "video_topic"] == 1765533600  # 2025-12-12 10:00:00


def test_the_newest_event_of_a_day_that_an_earlier_learnfold_folded_is_its_end(report: RunReport) -> None:
    """Its manifest holds no second; it stays so when it is written again."""
    (topic,) = report.manifest.jobs["video"].topics.values()
    old = TopicRecord("x", days={date(2025, 12, 1): DayCounts(3, 1), date(2025, 12, 2): DayCounts(2, 0)})
    job = replace(report.manifest.jobs["video"], topics={"video_topic": old})
    manifest = replace(report.manifest, jobs={"video": job})
    again = Manifest.from_json(manifest.to_json(), "here")
    assert again.jobs["video"].topics["video_topic"].days == old.days
    (newest,) = (
        sample.value
        for sample in batch_numbers(again, ["video"], Settings(), folded=True)
        if sample.metric.name == "newest_event_timestamp_seconds"
    )
    assert newest == 1764720000  # 2025-12-03
    assert all(counts.newest is not None for counts in topic.days.values())


def test_a_run_that_fails_says_what_waits(tmp_path: Path) -> None:
    """Days and files that it found and didn't take in; its lease isn't held any more; the next success has none waiting."""
    master, out, file = tmp_path / "master", tmp_path / "out", tmp_path / "m.prom"
    write(master, "video_topic", watched(5), folder="year=2025/month=12/day=10")
    run_numbers(master, out, file)
    bad = write(master, "video_topic", watched(5), folder="year=2025/month=12/day=11")
    whole = bad.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LearnfoldError):
        run_numbers(master, out, file)
    found = numbers(file.read_text(encoding="utf-8"))
    assert found["last_run_succeeded", "video"] == 0
    assert found["pending_files", "video", "video_topic"] == 1
    assert found["pending_folds", "video", "video_topic"] == 1
    assert found["lock_held_since_timestamp_seconds", "video"] == 0
    assert found["events", "video", "video_topic"] == 5
    bad.write_bytes(whole)
    found = run_numbers(master, out, file)
    assert found["pending_files", "video", "video_topic"] == found["pending_folds", "video", "video_topic"] == 0


def test_a_killed_run_leaves_the_time_at_which_it_began(tmp_path: Path) -> None:
    """Nobody told the file that it ended: the alert rests on that."""
    file = tmp_path / "m.prom"
    record_lock(["video"], 1234.0, Settings(metrics_file=str(file)))
    assert numbers(file.read_text(encoding="utf-8")) == {("lock_held_since_timestamp_seconds", "video"): 1234.0}


def test_a_check_that_fails_is_named(tmp_path: Path) -> None:
    """By view and check, 1 until the next run; a run that fails otherwise doesn't repeat it."""
    write(tmp_path / "master", "video_topic", watched(5))
    file = tmp_path / "m.prom"
    settings = Settings(metrics_file=str(file))
    found = run_numbers(tmp_path / "master", tmp_path / "out", file)
    _, job, view, check = next(key for key in found if key[0] == "check_failed")
    request = RunRequest(str(tmp_path / "master"), str(tmp_path / "out"), (job,))
    watch = RunWatch(request, [job], catalog.load(), settings, Reporter())
    plans, _ = plan(request, catalog.load(), settings)
    watch.planned(plans)
    watch.failed(CheckError("broken", {view: [check]}))
    assert {k: v for k, v in numbers(file.read_text("utf-8")).items() if k[0] == "check_failed"} == {
        ("check_failed", job, view, check): 1
    }
    watch.failed(StorageError("no room"))
    assert not [key for key in numbers(file.read_text("utf-8")) if key[0] == "check_failed"]
