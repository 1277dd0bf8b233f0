"""The table of metrics: every number that learnfold exports, named here and nowhere else.

The text file and the Pushgateway of batch runs, and the endpoints of the ingestion and the serving layer, are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "learnfold_"

RUNS, INGESTION, SERVING, SPEED = "batch runs", "ingestion", "serving", "speed"
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


def _serve(kind: str, name: str, labels: str, unit: str, text: str) -> Metric:
    return Metric(SERVING, f"serve_{name}", kind, tuple(labels.split()), unit, text)


def _speed(kind: str, name: str, labels: str, unit: str, text: str) -> Metric:
    return Metric(SPEED, f"speed_{name}", kind, tuple(labels.split()), unit, text)


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
DAYS_FOLDED = _run("days_folded", "", "UTC days", "the same as folds, by its older name")
FOLDS = _run("folds", "", "UTC days", "days that the last run folded, each topic's counted for itself")
EVENTS = _run("events", "topic", "events", "valid events, each once")
DUPLICATES = _run("duplicates", "topic", "events", "duplicates of events that were dropped")
CONFLICTING = _run(
    "conflicting", "topic", "events", "dropped duplicates that say something else than the event that counts"
)
RETRACTED = _run("retracted", "topic", "events", "events that were taken back")
LATE_EVENTS = _run(
    "late_events",
    "topic",
    "events",
    "events that the last run added to days before the newest one that there was; they count on their own day",
)
QUARANTINED = _run("quarantined", "topic reason", "events", "invalid events by reason")
UNREADABLE_FILES = _run("unreadable_files", "topic", "files", "files that were left out since they can't be read")
NEWEST_DAY = _run("newest_day_timestamp_seconds", "topic", "time", "when the newest UTC day began that has events")
LAG = _run(
    "lag_seconds",
    "topic",
    "seconds",
    "how long ago the newest UTC day with events had ended when the run did; 0: it goes on",
)
NEWEST_EVENT = _run(
    "newest_event_timestamp_seconds",
    "topic",
    "time",
    "when the newest plausible event happened, to the second; of a day that an earlier version folded, its end",
)
FUTURE_EVENTS = _run(
    "future_events",
    "topic",
    "events",
    "events more than future_days ahead of the clock: kept, and believed by nothing here",
)
MASTER_BYTES = _run("master_bytes", "topic", "bytes", "bytes of the files that the batch was made from")
PENDING_FOLDS = _run(
    "pending_folds",
    "topic",
    "UTC days",
    "days of a topic that the last run found changed and didn't fold; 0 after a success",
)
PENDING_FILES = _run(
    "pending_files", "topic", "files", "files that the last run found new or gone and didn't take in; 0 after a success"
)
VIEW_ROWS = _run("view_rows", "view", "rows", "rows of a view")
VIEW_BYTES = _run("view_bytes", "view", "bytes", "bytes of a view's files")

VIEW_SECONDS = _run("view_seconds", "view", "seconds", "how long the view's last refresh took")
CHECK_FAILED = _run(
    "check_failed", "view check", "1", "1: the last run broke this check of a view, and published nothing"
)
PHASE_SECONDS = _run("phase_seconds", "phase", "seconds", "how long each part of the last run took")
RUN_INTERVAL = _run(
    "run_interval_seconds", "", "seconds", "how often runs are meant to come; by the setting run_interval"
)
LOCK_HELD_SINCE = _run(
    "lock_held_since_timestamp_seconds",
    "",
    "time",
    "when the run under way began; 0: none is. A killed run leaves its time here",
)
PEAK_MEMORY = _run("peak_memory_bytes", "", "bytes", "the most memory that the last run's process held")
CPU = _run("cpu_seconds", "", "seconds", "processor time of the last run, all threads together")
READ_BYTES = _run("read_bytes", "", "bytes", "bytes that the last run read, from files and the network; Linux only")
DISK_BYTES = _run("disk_bytes", "of", "bytes", "bytes below OUT when the run began: of batches, rollups and quarantine")
BATCHES_KEPT = _run("batches_kept", "", "batches", "batches that can be published again")
INFO = _run("info", "version engine", "1", "1: what made the last run")

INGEST_INFO = _ingest("gauge", "info", "version", "1", "1: what ingests")
INGEST_LAST_FLUSH = _ingest(
    "gauge", "last_flush_timestamp_seconds", "", "time", "when files were last written; 0: not yet by this process"
)
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

SERVE_INFO = _serve("gauge", "info", "version", "1", "1: what serves")
SERVE_REQUESTS = _serve("counter", "requests", "route status", "requests", "requests answered, health checks too")
SERVE_SECONDS = _serve("histogram", "request_seconds", "route", "seconds", "seconds until the last byte was sent")
SERVE_BYTES = _serve("counter", "sent_bytes", "route", "bytes", "bytes of answers, as they were packed")
SERVE_PUBLISHED = _serve(
    "gauge", "batch_published_timestamp_seconds", "", "time", "when the batch was published that is answered from"
)
SERVE_FOLLOWED = _serve(
    "gauge",
    "pointer_read_timestamp_seconds",
    "",
    "time",
    "when the pointer to the published batch was last read; it stands still while the storage can't be read",
)

SPEED_INFO = _speed("gauge", "info", "version", "1", "1: what follows Kafka")
SPEED_MESSAGES = _speed("counter", "messages", "", "messages", "messages added")
SPEED_TICK = _speed(
    "histogram", "tick_seconds", "", "seconds", "seconds that a tick with messages takes, from waiting for them on"
)
SPEED_COMPLETE = _speed(
    "gauge",
    "complete_until_timestamp_seconds",
    "",
    "time",
    "all that Kafka held then is answered; it stands still while Kafka is away",
)
SPEED_LAG = _speed(
    "gauge",
    "lag",
    "topic partition",
    "messages",
    "messages in Kafka that aren't in; of partitions that don't stand still",
)
SPEED_NEWEST = _speed(
    "gauge",
    "newest_event_timestamp_seconds",
    "",
    "time",
    "when the newest event behind the batch happened, to the second; those of the future don't count; 0: none came yet",
)
SPEED_EVENTS = _speed("gauge", "live_events", "", "events", "events beside the batch, each once")
SPEED_DUPLICATES = _speed("gauge", "duplicates", "", "messages", "messages behind the batch that didn't count again")
SPEED_INVALID = _speed("gauge", "invalid", "", "messages", "invalid messages behind the batch")
SPEED_WAITING = _speed("gauge", "waiting", "", "messages", "messages that only the next batch can put in their place")
SPEED_REPAIRS = _speed("gauge", "repairs", "", "messages", "messages that are about to be exchanged for another copy")
SPEED_BLOCKED = _speed("gauge", "blocked", "", "partitions", "partitions that stand still, their messages gone")
SPEED_MISSING = _speed(
    "gauge",
    "missing",
    "",
    "messages",
    "messages that were gone from Kafka before they were read; of partitions that stand still",
)
SPEED_BATCH_ONLY = _speed("gauge", "batch_only_views", "", "views", "views that are answered by the batch alone")
SPEED_BYTES = _speed("gauge", "live_bytes", "", "bytes", "bytes of the live state")
SPEED_MEMORY = _speed(
    "gauge", "memory_bytes", "", "bytes", "memory of the process that can't be given back at need; Linux only"
)
SPEED_MEMORY_LIMIT = _speed(
    "gauge", "memory_limit_bytes", "", "bytes", "memory that the machine, or the container, has in all; Linux only"
)
SPEED_HAND_OVERS = _speed("counter", "hand_overs", "", "hand-overs", "changes to another batch, or to a repaired state")
SPEED_HAND_OVER = _speed(
    "histogram",
    "hand_over_seconds",
    "",
    "seconds",
    "seconds that a hand-over takes, beside going on with the one before",
)

METRICS: tuple[Metric, ...] = tuple(each for each in list(vars().values()) if isinstance(each, Metric))
"""The whole table, in the order above."""


def metrics_of(source: str) -> tuple[Metric, ...]:
    """The metrics that ``source`` (RUNS, INGESTION, SERVING, SPEED) exports."""
    return tuple(metric for metric in METRICS if metric.source == source)
