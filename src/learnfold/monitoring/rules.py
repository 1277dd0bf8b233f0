"""The rules for Prometheus: what is recorded of the metrics, and when an alert is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.monitoring.promise import BURN_RATE, STALE_AFTER, duration
from learnfold.telemetry import metrics as m

if TYPE_CHECKING:
    from learnfold.monitoring.promise import Promise

RUNBOOK = "docs/runbook.md"

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

INTERVAL, SUCCESS_AGE, EVENT_AGE = (
    f"learnfold:{name}:seconds" for name in ("run_interval", "success_age", "newest_event_age")
)
STALE, INVALID, TAKEN = "learnfold:stale:bool", "learnfold:invalid:events", "learnfold:taken:events"
INVALID_RATIO, NEW_INVALID_RATIO = "learnfold:invalid:ratio", "learnfold:invalid_new:ratio"


@dataclass(frozen=True)
class Recording:
    """A series that Prometheus works out and keeps."""

    name: str
    expression: str


@dataclass(frozen=True)
class Alert:
    """When an alert is sent; ``held`` is how long the expression has to hold before."""

    name: str
    expression: str
    severity: str  # critical: now; warning: today; info: when there is time
    summary: str  # may show {{ $labels.… }} and {{ $value }}
    held: str = ""

    @property
    def runbook(self) -> str:
        """The page with what to do."""
        return f"{RUNBOOK}#{self.name.lower()}"


def recordings(promise: Promise) -> list[Recording]:
    """The series that alerts and dashboards share; those with ``batch_job`` are of runs."""
    success, stale = m.LAST_SUCCESS.full_name, f"{STALE_AFTER} * {INTERVAL}"
    window = duration(promise.stale_seconds)
    return [
        Recording(
            INTERVAL,
            f"max by (batch_job) ({m.RUN_INTERVAL.full_name}) "
            f"or max by (batch_job) ({success}) * 0 + {promise.interval_seconds:g}",
        ),
        Recording(SUCCESS_AGE, f"time() - max by (batch_job) ({success})"),
        Recording(
            EVENT_AGE,
            f"time() - max by (batch_job) ({m.NEWEST_EVENT.full_name})",
        ),
        Recording(STALE, f"{SUCCESS_AGE} > bool {stale}"),
        Recording(
            INVALID,
            f"sum by (batch_job, topic) ({m.QUARANTINED.full_name}) or sum by (batch_job, topic) ({m.EVENTS.full_name}) * 0",
        ),
        Recording(TAKEN, f"{INVALID} + sum by (batch_job, topic) ({m.EVENTS.full_name} + {m.DUPLICATES.full_name})"),
        Recording(INVALID_RATIO, f"{INVALID} / ({TAKEN} > 0)"),
        Recording(
            NEW_INVALID_RATIO,
            f"({INVALID} - min_over_time({INVALID}[{window}])) / ({TAKEN} - min_over_time({TAKEN}[{window}]) > 0)",
        ),
    ]


def alerts(promise: Promise) -> list[Alert]:
    """Every alert, the most important first."""
    return [*_runs(promise), *_numbers(promise), *_ingestion(promise), *_serving(), *_speed(), *_machine()]


def _runs(promise: Promise) -> list[Alert]:
    """Of runs that fail, don't come, hang, or export nothing."""
    success, share = m.LAST_SUCCESS.full_name, promise.share
    stale = f"{STALE_AFTER} * {INTERVAL}"
    burning = f"{BURN_RATE} * {promise.budget:g}"
    long, short = promise.window(6 * _HOUR), promise.window(30 * _MINUTE)
    seen_lately = f"last_over_time({success}[{duration(2 * promise.stale_seconds)}])"
    return [
        Alert(
            "LearnfoldNumbersStale",
            f"{SUCCESS_AGE} > {stale}",
            "critical",
            "No {{ $labels.batch_job }} run succeeded for {{ $value | humanizeDuration }}.",
            share(10 * _MINUTE),
        ),
        Alert(
            "LearnfoldSilent",
            f"absent({success}) or (max by (batch_job) ({seen_lately}) unless max by (batch_job) ({success}))",
            "critical",
            "Prometheus gets no numbers of {{ with $labels.batch_job }}the {{ . }} runs{{ else }}any run{{ end }}.",
            share(15 * _MINUTE),
        ),
        Alert(
            "LearnfoldRunFailed",
            f"{m.LAST_RUN_SUCCEEDED.full_name} == 0",
            "warning",
            "The last {{ $labels.batch_job }} run failed; readers still see the batch before.",
            share(5 * _MINUTE),
        ),
        Alert(
            "LearnfoldRunStuck",
            f"time() - ({m.LOCK_HELD_SINCE.full_name} > 0) > on (batch_job) group_left () {INTERVAL}",
            "warning",
            "A {{ $labels.batch_job }} run began {{ $value | humanizeDuration }} ago and hasn't ended: it hangs, or was killed.",
            share(5 * _MINUTE),
        ),
        Alert(
            "LearnfoldSlow",
            f"{m.LAST_RUN_DURATION.full_name} > 3 * quantile_over_time(0.5, {m.LAST_RUN_DURATION.full_name}[14d]) "
            f"and {m.LAST_RUN_DURATION.full_name} > on (batch_job) group_left () {INTERVAL} / 144",
            "info",
            "The last {{ $labels.batch_job }} run took {{ $value | humanizeDuration }}, three times what is usual.",
        ),
        Alert(
            "LearnfoldFreshnessBudgetBurning",
            f"avg_over_time({STALE}[{long}]) > {burning} and avg_over_time({STALE}[{short}]) > {burning}",
            "critical",
            "The numbers of {{ $labels.batch_job }} are stale so often that the month's budget is used up "
            f"{BURN_RATE} times as fast as it may be.",
        ),
    ]


def _numbers(promise: Promise) -> list[Alert]:
    """Of runs that succeed and yet give numbers that can't be right."""
    stale = f"{STALE_AFTER} * {INTERVAL}"
    rows, window = m.VIEW_ROWS.full_name, duration(2 * promise.interval_seconds)
    return [
        Alert(
            "LearnfoldNoNewEvents",
            f"{EVENT_AGE} > {stale} and on (batch_job) {STALE} == 0",
            "warning",
            "Runs of {{ $labels.batch_job }} succeed, but their newest event is {{ $value | humanizeDuration }} old.",
            promise.share(30 * _MINUTE),
        ),
        Alert(
            "LearnfoldQuarantineHigh",
            f"{NEW_INVALID_RATIO} > 0.01 or {INVALID_RATIO} > 0.05",
            "warning",
            "{{ $value | humanizePercentage }} of what came for {{ $labels.topic }} is invalid.",
            promise.share(15 * _MINUTE),
        ),
        Alert(
            "LearnfoldViewShrank",
            f"{rows} < 0.7 * max_over_time({rows}[{window}])",
            "warning",
            "{{ $labels.view }} has {{ $value }} rows, a third less than before.",
        ),
    ]


def _ingestion(promise: Promise) -> list[Alert]:
    lag, window = m.INGEST_LAG.full_name, promise.window(15 * _MINUTE)
    lately = promise.share(_DAY)
    return [
        Alert(
            "LearnfoldIngestLoss",
            f"{m.INGEST_MISSING.full_name} > 0 or {m.INGEST_ALARMS.full_name} > 0",
            "critical",
            "Messages were gone from Kafka before {{ $labels.instance }} read them.",
        ),
        Alert(
            "LearnfoldIngestLag",
            f"sum by (topic) ({lag}) > 100000 and sum by (topic) (delta({lag}[{window}])) > 0",
            "warning",
            "{{ $labels.topic }} is {{ $value | humanize }} messages behind, and falls further behind.",
            window,
        ),
        Alert(
            "LearnfoldIngestSilent",
            f"absent({m.INGEST_ALARMS.full_name}) and on () count(last_over_time({m.INGEST_ALARMS.full_name}[{lately}]))",
            "critical",
            "No ingestion process exports numbers any more.",
            promise.share(15 * _MINUTE),
        ),
    ]


def _serving() -> list[Alert]:
    """Of servers of views; in real time, since readers know of no interval."""
    requests, seconds = m.SERVE_REQUESTS.full_name, m.SERVE_SECONDS.full_name
    failed = f'sum by (instance) (rate({requests}{{status=~"5.."}}[10m]))'
    quick = f'{seconds}_bucket{{route!~".*(export|events)"}}'
    followed, info = m.SERVE_FOLLOWED.full_name, m.SERVE_INFO.full_name
    return [
        Alert(
            "LearnfoldServeErrors",
            f"{failed} / sum by (instance) (rate({requests}[10m])) > 0.05",
            "critical",
            "{{ $value | humanizePercentage }} of what {{ $labels.instance }} answers are failures.",
            "10m",
        ),
        Alert(
            "LearnfoldServeSlow",
            f"histogram_quantile(0.99, sum by (instance, le) (rate({quick}[10m]))) > 1",
            "warning",
            "One request in a hundred to {{ $labels.instance }} takes {{ $value | humanizeDuration }} or more.",
            "10m",
        ),
        Alert(
            "LearnfoldServeBehind",
            f"time() - max by (instance) ({followed}) > 60",
            "warning",
            "{{ $labels.instance }} can't look for a new batch since {{ $value | humanizeDuration }}; it answers from an older one.",
            "5m",
        ),
        Alert(
            "LearnfoldServeSilent",
            f"absent({info}) and on () count(last_over_time({info}[1d]))",
            "critical",
            "No server of views exports numbers any more.",
            "10m",
        ),
    ]


def _speed() -> list[Alert]:
    """Of processes that follow Kafka; in real time, since what they answer is a moment old or wrong."""
    blocked, missing, info = m.SPEED_BLOCKED.full_name, m.SPEED_MISSING.full_name, m.SPEED_INFO.full_name
    complete, lag = m.SPEED_COMPLETE.full_name, m.SPEED_LAG.full_name
    memory, limit = m.SPEED_MEMORY.full_name, m.SPEED_MEMORY_LIMIT.full_name
    return [
        Alert(
            "LearnfoldLiveLoss",
            f"{missing} > 0",
            "critical",
            "{{ $value }} messages were gone from Kafka before {{ $labels.instance }} read them; live numbers stand still there.",
        ),
        Alert(
            "LearnfoldLiveBlocked",
            f"{blocked} > 0 and on (instance) {missing} == 0",
            "warning",
            "{{ $value }} partitions stand still for {{ $labels.instance }}; live numbers are without their new messages.",
            "1m",
        ),
        Alert(
            "LearnfoldLiveBehind",
            f"time() - ({complete} > 0) > 60 and on (instance) {blocked} == 0",
            "warning",
            "The live numbers of {{ $labels.instance }} are {{ $value | humanizeDuration }} old.",
            "2m",
        ),
        Alert(
            "LearnfoldLiveLag",
            f"sum by (instance) ({lag}) > 10000 and sum by (instance) (delta({lag}[10m])) > 0",
            "warning",
            "{{ $labels.instance }} is {{ $value | humanize }} messages behind Kafka, and falls further behind.",
            "5m",
        ),
        Alert(
            "LearnfoldLiveMemory",
            f"{memory} / on (instance) {limit} > 0.8",
            "warning",
            "{{ $labels.instance }} holds {{ $value | humanizePercentage }} of the memory that there is.",
            "5m",
        ),
        Alert(
            "LearnfoldLiveSilent",
            f"absent({info}) and on () count(last_over_time({info}[1d]))",
            "critical",
            "No process that follows Kafka exports numbers any more.",
            "10m",
        ),
    ]


def _machine() -> list[Alert]:
    """Of the machine, by node_exporter."""
    free = 'node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs|overlay|squashfs"}'
    return [
        Alert(
            "LearnfoldDiskFull",
            f"predict_linear({free}[6h], {_DAY}) < 0",
            "warning",
            "{{ $labels.mountpoint }} of {{ $labels.instance }} will be full within a day.",
            "30m",
        ),
    ]
