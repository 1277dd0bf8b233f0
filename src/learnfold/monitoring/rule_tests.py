"""The unit tests of the rules, as ``promtool test rules`` runs them: each alert fires once, and once doesn't.

Times are those of daily runs, scaled to the promised interval.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnfold.monitoring.promise import duration
from learnfold.monitoring.rules import RUNBOOK, alerts
from learnfold.telemetry import metrics as m

if TYPE_CHECKING:
    from learnfold.monitoring.promise import Promise

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@dataclass
class Case:
    """What Prometheus scrapes, sample by sample, and which alerts it must send when."""

    title: str
    series: dict[str, str]  # values as promtool writes them
    expected: list[tuple[str, str, dict[str, str] | None, str]] = field(default_factory=list)

    def fires(self, at: str, alert: str, summary: str, **labels: str) -> Case:
        """At that time the alert fires, with these labels."""
        self.expected.append((at, alert, labels, summary))
        return self

    def silent(self, at: str, alert: str) -> Case:
        """At that time the alert doesn't fire."""
        self.expected.append((at, alert, None, ""))
        return self


def rule_tests(promise: Promise) -> dict[str, Any]:
    """The document for promtool."""
    severity = {alert.name: alert.severity for alert in alerts(promise)}
    return {
        "rule_files": ["learnfold.rules.yml"],
        "evaluation_interval": duration(promise.step_seconds),
        "tests": [_document(case, duration(promise.step_seconds), severity) for case in cases(promise)],
    }


def cases(promise: Promise) -> list[Case]:
    """Every test."""
    return [*_runs(promise), *_numbers(promise), *_ingestion(promise), *_serving(promise), *_speed(promise), _disk()]


def _document(case: Case, step: str, severity: dict[str, str]) -> dict[str, Any]:
    tests: list[dict[str, Any]] = []
    for at, alert, labels, summary in case.expected:
        expected = []
        if labels is not None:
            annotations = {"summary": summary, "runbook_url": f"{RUNBOOK}#{alert.lower()}"}
            expected = [{"exp_labels": {"severity": severity[alert], **labels}, "exp_annotations": annotations}]
        tests.append({"eval_time": at, "alertname": alert, "exp_alerts": expected})
    return {
        "name": case.title,
        "interval": step,
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": tests,
    }


class _Time:
    """Times of a test, given as they are for daily runs."""

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        self._scale = promise.interval_seconds / _DAY

    def at(self, daily_seconds: float) -> str:
        """The moment, as promtool writes it: a whole number of steps from the beginning."""
        return duration(self.seconds(daily_seconds))

    def seconds(self, daily_seconds: float) -> float:
        """The same in seconds."""
        return self._steps(daily_seconds) * self._promise.step_seconds

    def _steps(self, daily_seconds: float) -> int:
        return round(daily_seconds * self._scale / self._promise.step_seconds)

    def values(self, *parts: tuple[float | None, float], rise: float = 0.0) -> str:
        """Samples of a series: each value (None: no sample) for so long, rising by ``rise`` a step."""
        texts, sign = [], f"{rise:+g}" if rise else ""
        for value, daily_seconds in parts:
            count = max(0, self._steps(daily_seconds) - 1)
            texts.append(f"_x{count + 1}" if value is None else f"{value:g}{sign}x{count}")
        return " ".join(texts)

    @property
    def step_seconds(self) -> float:
        """Between two samples."""
        return self._promise.step_seconds


def _of(metric: m.Metric, **labels: str) -> str:
    """A series of a metric."""
    shown = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{metric.full_name}{{{shown}}}"


def _runs(promise: Promise) -> list[Case]:
    time, interval = _Time(promise), promise.interval_seconds
    at, values = time.at, time.values
    video: dict[str, str] = {"batch_job": "video"}
    auth: dict[str, str] = {"batch_job": "auth"}
    return [
        Case("a run that succeeds, then none", {_of(m.LAST_SUCCESS, **video): values((0, 2 * _DAY))})
        .silent(at(35 * _HOUR), "LearnfoldNumbersStale")
        .silent(at(35 * _HOUR), "LearnfoldFreshnessBudgetBurning")
        .fires(
            at(37 * _HOUR),
            "LearnfoldNumbersStale",
            f"No video run succeeded for {human_duration(time.seconds(37 * _HOUR))}.",
            **video,
        )
        .fires(
            at(37 * _HOUR),
            "LearnfoldFreshnessBudgetBurning",
            "The numbers of video are stale so often that the month's budget is used up 6 times as fast as it may be.",
            **video,
        ),
        Case(
            "a job that runs more often than the others, and says so",
            {
                _of(m.LAST_SUCCESS, **video): values((0, 10 * _HOUR)),
                _of(m.RUN_INTERVAL, **video): values((interval / 24, 10 * _HOUR)),
                _of(m.LAST_SUCCESS, **auth): values((0, 10 * _HOUR)),
            },
        ).fires(
            at(2 * _HOUR),
            "LearnfoldNumbersStale",
            f"No video run succeeded for {human_duration(time.seconds(2 * _HOUR))}.",
            **video,
        ),
        Case("nothing is exported", {'up{job="learnfold-runs"}': values((1, _HOUR))})
        .silent(at(10 * _MINUTE), "LearnfoldSilent")
        .fires(at(30 * _MINUTE), "LearnfoldSilent", "Prometheus gets no numbers of any run."),
        Case(
            "one job's numbers vanish",
            {
                _of(m.LAST_SUCCESS, **auth): values((0, _DAY), rise=time.step_seconds),
                _of(m.LAST_SUCCESS, **video): values((0, _HOUR), (None, 23 * _HOUR)),
            },
        )
        .silent(at(0.9 * _HOUR), "LearnfoldSilent")
        .fires(at(12 * _HOUR), "LearnfoldSilent", "Prometheus gets no numbers of the video runs.", **video),
        Case(
            "a run fails, others don't",
            {
                _of(m.LAST_RUN_SUCCEEDED, **auth): values((1, 2 * _HOUR)),
                _of(m.LAST_RUN_SUCCEEDED, **video): values((1, _HOUR), (0, _HOUR)),
            },
        )
        .silent(at(_HOUR), "LearnfoldRunFailed")
        .fires(
            at(1.5 * _HOUR),
            "LearnfoldRunFailed",
            "The last video run failed; readers still see the batch before.",
            **video,
        ),
        Case(
            "a run is killed, another ends",
            {
                _of(m.RUN_INTERVAL, **video): values((interval, 26 * _HOUR)),
                _of(m.RUN_INTERVAL, **auth): values((interval, 26 * _HOUR)),
                _of(m.LOCK_HELD_SINCE, **video): values((1, 26 * _HOUR)),
                _of(m.LOCK_HELD_SINCE, **auth): values((1, _HOUR), (0, 25 * _HOUR)),
            },
        )
        .silent(at(23 * _HOUR), "LearnfoldRunStuck")
        .fires(
            at(25 * _HOUR),
            "LearnfoldRunStuck",
            f"A video run began {human_duration(time.seconds(25 * _HOUR) - 1)} ago and hasn't ended: it hangs, or was killed.",
            **video,
        ),
        Case(
            "a run takes four times as long",
            {
                _of(m.RUN_INTERVAL, **video): values((interval, 12 * _HOUR)),
                _of(m.LAST_RUN_DURATION, **video): values((interval / 100, 10 * _HOUR), (interval / 25, 2 * _HOUR)),
            },
        )
        .silent(at(9 * _HOUR), "LearnfoldSlow")
        .fires(
            at(11 * _HOUR),
            "LearnfoldSlow",
            f"The last video run took {human_duration(interval / 25)}, three times what is usual.",
            **video,
        ),
    ]


def _numbers(promise: Promise) -> list[Case]:
    time = _Time(promise)
    at, values = time.at, time.values
    video: dict[str, str] = {"batch_job": "video"}
    topic: dict[str, str] = {**video, "topic": "video_topic"}
    other: dict[str, str] = {"batch_job": "auth", "topic": "auth_topic"}
    return [
        Case(
            "runs succeed without a new event",
            {
                _of(m.LAST_SUCCESS, **video): values((0, 40 * _HOUR), rise=time.step_seconds),
                _of(m.NEWEST_EVENT, **topic): values((0, 40 * _HOUR)),
            },
        )
        .silent(at(35 * _HOUR), "LearnfoldNoNewEvents")
        .fires(
            at(38 * _HOUR),
            "LearnfoldNoNewEvents",
            f"Runs of video succeed, but their newest event is {human_duration(time.seconds(38 * _HOUR))} old.",
            **video,
        ),
        Case(
            "a flood of invalid events, and its end",
            {
                _of(m.EVENTS, **topic): values((1000, 10 * _HOUR), (1100, 55 * _HOUR)),
                _of(m.DUPLICATES, **topic): values((10, 65 * _HOUR)),
                _of(m.QUARANTINED, **topic, reason="user_id is blank"): values((5, 10 * _HOUR), (25, 55 * _HOUR)),
            },
        )
        .silent(at(9 * _HOUR), "LearnfoldQuarantineHigh")
        .fires(at(12 * _HOUR), "LearnfoldQuarantineHigh", "16.67% of what came for video_topic is invalid.", **topic)
        .silent(at(60 * _HOUR), "LearnfoldQuarantineHigh"),
        Case(
            "the first batch is partly invalid; of another topic nothing is",
            {
                _of(m.EVENTS, **topic): values((900, 2 * _HOUR)),
                _of(m.DUPLICATES, **topic): values((0, 2 * _HOUR)),
                _of(m.QUARANTINED, **topic, reason="user_id is blank"): values((60, 2 * _HOUR)),
                _of(m.QUARANTINED, **topic, reason="timestamp is blank"): values((40, 2 * _HOUR)),
                _of(m.EVENTS, **other): values((900, 2 * _HOUR)),
                _of(m.DUPLICATES, **other): values((0, 2 * _HOUR)),
            },
        ).fires(at(_HOUR), "LearnfoldQuarantineHigh", "10% of what came for video_topic is invalid.", **topic),
        Case(
            "a view shrinks",
            {_of(m.VIEW_ROWS, **video, view="video_popularity"): values((100, 10 * _HOUR), (60, 3 * _HOUR))},
        )
        .silent(at(9 * _HOUR), "LearnfoldViewShrank")
        .fires(
            at(12 * _HOUR),
            "LearnfoldViewShrank",
            "video_popularity has 60 rows, a third less than before.",
            **video,
            view="video_popularity",
        ),
    ]


def _ingestion(promise: Promise) -> list[Case]:
    time, lag = _Time(promise), m.INGEST_LAG
    at, values = time.at, time.values
    one: dict[str, str] = {"instance": "one"}
    gone = "Messages were gone from Kafka before one read them."
    behind = 105_000 + 20 * round(time.seconds(2 * _HOUR) / time.step_seconds)
    return [
        Case("messages are gone", {_of(m.INGEST_MISSING, **one): values((0, _HOUR), (7, _HOUR))})
        .silent(at(0.9 * _HOUR), "LearnfoldIngestLoss")
        .fires(at(1.5 * _HOUR), "LearnfoldIngestLoss", gone, **one),
        Case("a partition stands still", {_of(m.INGEST_ALARMS, **one): values((0, _HOUR), (1, _HOUR))}).fires(
            at(1.5 * _HOUR), "LearnfoldIngestLoss", gone, **one
        ),
        Case(
            "one topic falls behind, another catches up",
            {
                _of(lag, topic="video_topic", partition="0"): values((120_000, 3 * _HOUR), rise=10),
                _of(lag, topic="video_topic", partition="1"): values((-15_000, 3 * _HOUR), rise=10),
                _of(lag, topic="auth_topic", partition="0"): values((900_000, 3 * _HOUR), rise=-1000),
            },
        ).fires(
            at(2 * _HOUR),
            "LearnfoldIngestLag",
            f"video_topic is {behind / 1000:.4g}k messages behind, and falls further behind.",
            topic="video_topic",
        ),
        Case("the ingestion ends", {_of(m.INGEST_ALARMS, **one): values((0, _HOUR), (None, 12 * _HOUR))})
        .silent(at(0.9 * _HOUR), "LearnfoldIngestSilent")
        .fires(at(12 * _HOUR), "LearnfoldIngestSilent", "No ingestion process exports numbers any more."),
        Case("there is no ingestion", {'up{job="learnfold-runs"}': values((1, 12 * _HOUR))}).silent(
            at(11 * _HOUR), "LearnfoldIngestSilent"
        ),
    ]


def _serving(promise: Promise) -> list[Case]:
    """In real time: half an hour as it should be, then an hour as it shouldn't."""
    step = promise.step_seconds
    good, bad = round(30 * _MINUTE / step), round(60 * _MINUTE / step)
    late, early = duration(75 * _MINUTE), duration(25 * _MINUTE)
    one: dict[str, str] = {"instance": "one"}
    requests, seconds = m.SERVE_REQUESTS, f"{m.SERVE_SECONDS.full_name}_bucket"
    asked = 'route="/v1/views",instance="one"'
    stream = 'route="/v1/events",instance="one"'
    stands = round(30 * _MINUTE)
    return [
        Case(
            "a tenth of the answers become failures",
            {
                _of(requests, route="/v1/views", status="200", **one): f"0+90x{good + bad}",
                _of(requests, route="/v1/views", status="503", **one): f"0x{good} 0+10x{bad}",
            },
        )
        .silent(early, "LearnfoldServeErrors")
        .fires(late, "LearnfoldServeErrors", "10% of what one answers are failures.", **one),
        Case(
            "answers become slow; streams last as long as they like",
            {
                f'{seconds}{{{asked},le="0.1"}}': f"0+100x{good} {100 * good}x{bad}",
                f'{seconds}{{{asked},le="1"}}': f"0+100x{good} {100 * good}x{bad}",
                f'{seconds}{{{asked},le="2"}}': f"0+100x{good + bad}",
                f'{seconds}{{{asked},le="+Inf"}}': f"0+100x{good + bad}",
                f'{seconds}{{{stream},le="0.1"}}': f"0x{good + bad}",
                f'{seconds}{{{stream},le="+Inf"}}': f"0+100x{good + bad}",
            },
        )
        .silent(early, "LearnfoldServeSlow")
        .fires(late, "LearnfoldServeSlow", "One request in a hundred to one takes 1.99s or more.", **one),
        Case(
            "the storage can't be read any more",
            {_of(m.SERVE_FOLLOWED, **one): f"0+{step:g}x{good} {stands}x{bad}"},
        )
        .silent(early, "LearnfoldServeBehind")
        .fires(
            late,
            "LearnfoldServeBehind",
            f"one can't look for a new batch since {human_duration(75 * _MINUTE - stands)}; it answers from an older one.",
            **one,
        ),
        Case("the server of views ends", {_of(m.SERVE_INFO, **one): f"1x{good} _x{bad}"})
        .silent(early, "LearnfoldServeSilent")
        .fires(late, "LearnfoldServeSilent", "No server of views exports numbers any more."),
        Case("there is no server of views", {'up{job="learnfold-runs"}': f"1x{good + bad}"}).silent(
            late, "LearnfoldServeSilent"
        ),
    ]


def _speed(promise: Promise) -> list[Case]:
    """In real time, likewise."""
    step = promise.step_seconds
    good, bad = round(30 * _MINUTE / step), round(60 * _MINUTE / step)
    late, early = duration(75 * _MINUTE), duration(25 * _MINUTE)
    one, two = {"instance": "one"}, {"instance": "two"}
    fell = f"0+{step:g}x{good} {round(30 * _MINUTE)}x{bad}"
    place = {"topic": "video_topic", "partition": "0"}
    behind = 20_000 + 10 * (round(75 * _MINUTE / step) - good - 1)
    return [
        Case(
            "messages are gone from Kafka; of another process a topic was made again",
            {
                _of(m.SPEED_MISSING, **one): f"0x{good} 7x{bad}",
                _of(m.SPEED_BLOCKED, **one): f"0x{good} 1x{bad}",
                _of(m.SPEED_MISSING, **two): f"0x{good + bad}",
                _of(m.SPEED_BLOCKED, **two): f"0x{good} 2x{bad}",
                _of(m.SPEED_COMPLETE, **one): fell,
            },
        )
        .silent(early, "LearnfoldLiveLoss")
        .silent(early, "LearnfoldLiveBlocked")
        .fires(
            late,
            "LearnfoldLiveLoss",
            "7 messages were gone from Kafka before one read them; live numbers stand still there.",
            **one,
        )
        .fires(
            late,
            "LearnfoldLiveBlocked",
            "2 partitions stand still for two; live numbers are without their new messages.",
            **two,
        )
        .silent(late, "LearnfoldLiveBehind"),
        Case(
            "Kafka is away",
            {_of(m.SPEED_COMPLETE, **one): fell, _of(m.SPEED_BLOCKED, **one): f"0x{good + bad}"},
        )
        .silent(early, "LearnfoldLiveBehind")
        .fires(
            late,
            "LearnfoldLiveBehind",
            f"The live numbers of one are {human_duration(75 * _MINUTE - round(30 * _MINUTE))} old.",
            **one,
        ),
        Case(
            "more comes than is taken in; another process catches up",
            {
                _of(m.SPEED_LAG, **place, **one): f"0x{good} 20000+10x{bad}",
                _of(m.SPEED_LAG, **place, **two): f"900000-10x{good + bad}",
            },
        )
        .silent(early, "LearnfoldLiveLag")
        .fires(
            late,
            "LearnfoldLiveLag",
            f"one is {behind / 1000:.4g}k messages behind Kafka, and falls further behind.",
            **one,
        ),
        Case(
            "memory runs out",
            {
                _of(m.SPEED_MEMORY, **one): f"100x{good} 900x{bad}",
                _of(m.SPEED_MEMORY_LIMIT, **one): f"1000x{good + bad}",
            },
        )
        .silent(early, "LearnfoldLiveMemory")
        .fires(late, "LearnfoldLiveMemory", "one holds 90% of the memory that there is.", **one),
        Case("what follows Kafka ends", {_of(m.SPEED_INFO, **one): f"1x{good} _x{bad}"})
        .silent(early, "LearnfoldLiveSilent")
        .fires(late, "LearnfoldLiveSilent", "No process that follows Kafka exports numbers any more."),
        Case("nothing follows Kafka", {'up{job="learnfold-runs"}': f"1x{good + bad}"}).silent(
            late, "LearnfoldLiveSilent"
        ),
    ]


def _disk() -> Case:
    """In real time: disks know of no interval."""
    series = 'node_filesystem_avail_bytes{{fstype="{}",instance="node",mountpoint="{}"}}'
    filling = {"fstype": "ext4", "instance": "node", "mountpoint": "/data"}
    return (
        Case(
            "a disk fills up",
            {
                series.format("ext4", "/data"): "1000-1x3600",
                series.format("ext4", "/"): "1000x3600",
                series.format("tmpfs", "/run"): "1000-1x3600",
            },
        )
        .silent(duration(20 * _MINUTE), "LearnfoldDiskFull")
        .fires(duration(45 * _MINUTE), "LearnfoldDiskFull", "/data of node will be full within a day.", **filling)
    )


def human_duration(seconds: float) -> str:
    """A time span as Prometheus' ``humanizeDuration`` shows it."""
    whole = int(seconds)
    days, hours, minutes = whole // _DAY, whole // _HOUR % 24, whole // _MINUTE % 60
    if not whole // _MINUTE:
        return f"{seconds:.4g}s"
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (whole % 60, "s")]
    first = next(place for place, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number}{unit}" for number, unit in parts[first:])
