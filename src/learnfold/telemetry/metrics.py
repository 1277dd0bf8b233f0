"""The table of metrics: every number that learnfold exports, named here and nowhere else.

The text file and the Pushgateway of batch runs, and the endpoint of the ingestion, are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "learnfold_"

RUNS, INGESTION = "batch runs", "ingestion"
"""Who exports a metric."""


@dataclass(frozen=True)
class Metric:
    """One metric; its name is without the prefix, and a counter's without ``_total``."""

    source: str
    name: str
    kind: str  # gauge, counter or histogram
    labels: tuple[str, ...]
    unit: str  # seconds, bytes, rows …; a time is in seconds since 1970
    help: str

    @property
    def full_name(self) -> str:
        """Its name in Prometheus."""
        return f"{PREFIX}{self.name}{'_total' if self.kind == 'counter' else ''}"

    def of(self, value: float, **labels: str) -> Sample:
        """One number of this metric; the labels are those of the table, in its order."""
        if tuple(labels) != self.labels:
            raise TypeError(f"{self.name} has the labels {self.labels}, not {tuple(labels)}")
        return Sample(self, tuple(labels.items()), value)


@dataclass(frozen=True)
class Sample:
    """One number of a metric, and its labels with their values."""

    metric: Metric
    labels: tuple[tuple[str, str], ...]
    value: float

    def __str__(self) -> str:
        """Its line in Prometheus' text format."""
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in self.labels)
        return f"{self.metric.full_name}{{{labels}}} {self.value:.15g}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _run(name: str, labels: str, unit: str, text: str) -> Metric:
    """A gauge of batch runs; they all have the label ``batch_job``."""
    return Metric(RUNS, name, "gauge", ("batch_job", *labels.split()), unit, text)


def _ingest(kind: str, name: str, labels: str, unit: str, text: str) -> Metric:
    return Metric(INGESTION, f"ingest_{name}", kind, tuple(labels.split()), unit, text)


LAST_SUCCESS = _run("last_success_timestamp_seconds", "", "time", "when the job's last run succeeded")
LAST_FAILURE = _run("last_failure_timestamp_seconds", "", "time", "when the job's last failed run did")
LAST_RUN_SUCCEEDED = _run("last_run_succeeded", "", "1 or 0", "1: the job's last run succeeded, 0: it failed")
LAST_RUN_DURATION = _run("last_run_duration_seconds", "", "seconds", "how long the run took that the job was part of")
PUBLISHED = _run(
    "published_timestamp_seconds",
    "",
    "time",
    "when the job's views were last published; a run that finds nothing new publishes nothing",
)
DAYS_FOLDED = _run("days_folded", "", "days", "UTC days that the batch folded, counted by topic")
EVENTS = _run("events", "topic", "events", "valid events, each once")
DUPLICATES = _run("duplicates", "topic", "events", "duplicates of events that were dropped")
QUARANTINED = _run("quarantined", "topic reason", "events", "invalid events by reason")
UNREADABLE_FILES = _run("unreadable_files", "topic", "files", "files that were left out since they can't be read")
NEWEST_DAY = _run("newest_day_timestamp_seconds", "topic", "time", "when the newest UTC day began that has events")
LAG = _run(
    "lag_seconds",
    "topic",
    "seconds",
    "how long ago the newest UTC day with events had ended when the run did; 0: it goes on",
)
VIEW_ROWS = _run("view_rows", "view", "rows", "rows of a view")
VIEW_BYTES = _run("view_bytes", "view", "bytes", "bytes of a view's files")

INGEST_EVENTS = _ingest("counter", "events", "topic", "events", "valid events written")
INGEST_BYTES = _ingest("counter", "bytes", "topic", "bytes", "bytes of messages written")
INGEST_QUARANTINED = _ingest("counter", "quarantined", "topic reason", "messages", "invalid messages")
INGEST_FILES = _ingest("counter", "files", "", "files", "files written")
INGEST_FLUSH = _ingest("histogram", "flush_seconds", "", "seconds", "seconds that a flush takes")
INGEST_LAG = _ingest("gauge", "lag", "topic partition", "messages", "messages in Kafka that aren't in files")
INGEST_OFFSET = _ingest("gauge", "offset", "topic partition", "offset", "offset before which all is in files")
INGEST_HELD = _ingest("gauge", "held", "topic partition", "messages", "messages held in memory")
INGEST_ALARMS = _ingest("gauge", "alarms", "", "partitions", "partitions that stand still, their messages gone")
INGEST_MISSING = _ingest("gauge", "missing", "", "messages", "messages that were gone before they were read")

METRICS: tuple[Metric, ...] = tuple(each for each in list(vars().values()) if isinstance(each, Metric))
"""The whole table, in the order above."""


def metrics_of(source: str) -> tuple[Metric, ...]:
    """The metrics that ``source`` (RUNS, INGESTION) exports."""
    return tuple(metric for metric in METRICS if metric.source == source)
