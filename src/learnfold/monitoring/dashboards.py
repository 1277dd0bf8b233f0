"""The dashboards, as Grafana reads them (JSON of its schema version 38)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnfold.monitoring import rules as r
from learnfold.telemetry import metrics as m

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.monitoring.promise import Promise

_WIDTH = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_OF_JOB = '{batch_job=~"$batch_job"}'
_OF_TOPIC = '{topic=~"$topic"}'
_OF_ROUTE = '{route=~"$route"}'


@dataclass(frozen=True)
class Panel:
    """One picture: what it answers, its queries by their legend, and the unit as Grafana calls it."""

    title: str
    unit: str
    queries: dict[str, str]
    about: str = ""
    kind: str = "timeseries"  # or stat
    width: int = 12
    limits: tuple[float, ...] = ()  # from which on it is yellow, and red


@dataclass(frozen=True)
class Row:
    """Panels below a heading."""

    title: str
    panels: tuple[Panel, ...]


def dashboards(promise: Promise) -> list[dict[str, Any]]:
    """The dashboards of batch runs, of the ingestion and of the serving layer, each a document that Grafana imports."""
    jobs = f"label_values({m.LAST_SUCCESS.full_name}, batch_job)"
    topics = f"label_values({m.INGEST_OFFSET.full_name}, topic)"
    routes = f"label_values({m.SERVE_REQUESTS.full_name}, route)"
    return [
        _board("learnfold-batch", "learnfold: batch runs", ("batch_job", jobs), _batch(promise)),
        _board("learnfold-ingestion", "learnfold: ingestion", ("topic", topics), _ingestion()),
        _board("learnfold-serving", "learnfold: serving", ("route", routes), _serving()),
    ]


def queries(board: dict[str, Any]) -> list[str]:
    """Every query of a dashboard, its variables standing for everything."""
    found = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    return [text.replace("$batch_job", ".*").replace("$topic", ".*").replace("$route", ".*") for text in found]


def _batch(promise: Promise) -> Sequence[Row]:
    stale = promise.stale_seconds
    return (
        Row(
            "Can the numbers be believed?",
            (
                Panel(
                    "Since the last success",
                    "s",
                    {"{{batch_job}}": r.SUCCESS_AGE + _OF_JOB},
                    "Stale from 1.5 intervals on.",
                    "stat",
                    6,
                    (promise.interval_seconds, stale),
                ),
                Panel("Age of the newest event", "s", {"{{batch_job}}": r.EVENT_AGE + _OF_JOB}, "", "stat", 6),
                Panel(
                    "Last run succeeded", "bool_yes_no", {"{{batch_job}}": _one(m.LAST_RUN_SUCCEEDED)}, "", "stat", 6
                ),
                Panel(
                    "Fresh, of the last 30 days",
                    "percentunit",
                    {"{{batch_job}}": f"1 - avg_over_time({r.STALE}{_OF_JOB}[30d])"},
                    f"Promised: {promise.slo_percent:g} %.",
                    "stat",
                    6,
                ),
            ),
        ),
        Row(
            "Runs",
            (
                Panel(
                    "Since views were published, and since a run failed",
                    "s",
                    {
                        "{{batch_job}} published": f"time() - {_one(m.PUBLISHED)}",
                        "{{batch_job}} failed": f"time() - {_one(m.LAST_FAILURE)}",
                    },
                    "A run that finds nothing new publishes nothing.",
                ),
                Panel("Seconds of the last run", "s", {"{{batch_job}}": _one(m.LAST_RUN_DURATION)}),
                Panel("By phase", "s", {"{{batch_job}} {{phase}}": _one(m.PHASE_SECONDS)}),
                Panel("Slowest views", "s", {"{{view}}": f"topk(10, {_one(m.VIEW_SECONDS)})"}),
                Panel("Topic days folded by the last run", "short", {"{{batch_job}}": _one(m.FOLDS)}),
                Panel(
                    "Topic days and files that wait",
                    "short",
                    {"{{topic}} days": _one(m.PENDING_FOLDS), "{{topic}} files": _one(m.PENDING_FILES)},
                    "Above 0 after a run that failed.",
                ),
                Panel("Checks that failed", "short", {"{{view}}: {{check}}": _one(m.CHECK_FAILED)}),
            ),
        ),
        Row(
            "Events",
            (
                Panel("Events, each once", "short", {"{{topic}}": f"sum by (topic) ({_one(m.EVENTS)})"}),
                Panel(
                    "Invalid, of what came lately",
                    "percentunit",
                    {"{{topic}}": f"{r.NEW_INVALID_RATIO}{_OF_JOB}"},
                    "An alert is sent above 1 %.",
                ),
                Panel(
                    "Invalid by reason",
                    "short",
                    {"{{topic}}: {{reason}}": f"sum by (topic, reason) ({_one(m.QUARANTINED)})"},
                ),
                Panel(
                    "Duplicates dropped",
                    "short",
                    {
                        "{{topic}}": f"sum by (topic) ({_one(m.DUPLICATES)})",
                        "{{topic}}: say something else": f"sum by (topic) ({_one(m.CONFLICTING)})",
                        "{{topic}}: taken back": f"sum by (topic) ({_one(m.RETRACTED)})",
                    },
                ),
                Panel(
                    "Events that came late",
                    "short",
                    {"{{topic}}": f"sum by (topic) ({_one(m.LATE_EVENTS)})"},
                    "Of the last run: on days before the newest one. They count on their own day.",
                ),
                Panel("Events of the future", "short", {"{{topic}}": f"sum by (topic) ({_one(m.FUTURE_EVENTS)})"}),
                Panel("Files left out", "short", {"{{topic}}": f"sum by (topic) ({_one(m.UNREADABLE_FILES)})"}),
            ),
        ),
        Row(
            "What it takes",
            (
                Panel("Most memory of the last run", "bytes", {"{{batch_job}}": _one(m.PEAK_MEMORY)}),
                Panel("Processor seconds", "s", {"{{batch_job}}": _one(m.CPU)}),
                Panel("Read by the last run", "bytes", {"{{batch_job}}": _one(m.READ_BYTES)}),
                Panel("Master dataset", "bytes", {"{{topic}}": f"sum by (topic) ({_one(m.MASTER_BYTES)})"}),
                Panel("Below OUT", "bytes", {"{{of}}": f"max by (of) ({_one(m.DISK_BYTES)})"}),
                Panel("Bytes of views", "bytes", {"{{view}}": f"sum by (view) ({_one(m.VIEW_BYTES)})"}),
                Panel("Batches kept", "short", {"{{batch_job}}": _one(m.BATCHES_KEPT)}),
                Panel("Rows of views", "short", {"{{view}}": f"sum by (view) ({_one(m.VIEW_ROWS)})"}),
            ),
        ),
    )


def _ingestion() -> Sequence[Row]:
    rate = "rate({}{}[5m])"
    return (
        Row(
            "Is everything taken in?",
            (
                Panel(
                    "Messages not in files yet", "short", {"{{topic}}": f"sum by (topic) ({_of_topic(m.INGEST_LAG)})"}
                ),
                Panel("Messages that were gone", "short", {"{{instance}}": m.INGEST_MISSING.full_name}, "", "stat", 6),
                Panel(
                    "Partitions that stand still", "short", {"{{instance}}": m.INGEST_ALARMS.full_name}, "", "stat", 6
                ),
                Panel(
                    "Since files were written",
                    "s",
                    {"{{instance}}": f"time() - ({m.INGEST_LAST_FLUSH.full_name} > 0)"},
                ),
                Panel(
                    "Invalid messages a second",
                    "ops",
                    {
                        "{{topic}}: {{reason}}": "sum by (topic, reason) "
                        f"({rate.format(m.INGEST_QUARANTINED.full_name, _OF_TOPIC)})"
                    },
                ),
            ),
        ),
        Row(
            "How much, how fast",
            (
                Panel(
                    "Events a second",
                    "ops",
                    {"{{topic}}": f"sum by (topic) ({rate.format(m.INGEST_EVENTS.full_name, _OF_TOPIC)})"},
                ),
                Panel(
                    "Bytes a second",
                    "Bps",
                    {"{{topic}}": f"sum by (topic) ({rate.format(m.INGEST_BYTES.full_name, _OF_TOPIC)})"},
                ),
                Panel(
                    "Seconds of a flush, 95 of 100",
                    "s",
                    {
                        "{{instance}}": "histogram_quantile(0.95, sum by (instance, le) "
                        f"(rate({m.INGEST_FLUSH.full_name}_bucket[15m])))"
                    },
                ),
                Panel("Files a second", "ops", {"{{instance}}": rate.format(m.INGEST_FILES.full_name, "")}),
                Panel(
                    "Messages written a second, by how the offsets move",
                    "ops",
                    {"{{topic}}": f"sum by (topic) (deriv({_of_topic(m.INGEST_OFFSET)}[5m]))"},
                ),
                Panel(
                    "Messages held in memory", "short", {"{{topic}}": f"sum by (topic) ({_of_topic(m.INGEST_HELD)})"}
                ),
            ),
        ),
    )


def _serving() -> Sequence[Row]:
    requests, seconds = m.SERVE_REQUESTS.full_name, m.SERVE_SECONDS.full_name
    failed = f'{requests}{{route=~"$route", status=~"5.."}}'
    return (
        Row(
            "Is it answered, and of how old a batch?",
            (
                Panel(
                    "Requests a second",
                    "reqps",
                    {"{{route}} {{status}}": f"sum by (route, status) (rate({requests}{_OF_ROUTE}[5m]))"},
                ),
                Panel("Failures a second", "reqps", {"{{route}}": f"sum by (route) (rate({failed}[5m]))"}),
                Panel(
                    "Since the batch was published that is answered from",
                    "s",
                    {"{{instance}}": f"time() - {m.SERVE_PUBLISHED.full_name}"},
                ),
                Panel(
                    "Since the pointer was read",
                    "s",
                    {"{{instance}}": f"time() - {m.SERVE_FOLLOWED.full_name}"},
                    "It is read twice a second: what grows here is a storage that can't be read.",
                ),
            ),
        ),
        Row(
            "How fast, how much",
            (
                *(
                    Panel(
                        f"Seconds of a request, {share} of 100",
                        "s",
                        {
                            "{{route}}": f"histogram_quantile(0.{share}, sum by (route, le) "
                            f"(rate({seconds}_bucket{_OF_ROUTE}[5m])))"
                        },
                    )
                    for share in (50, 99)
                ),
                Panel(
                    "Bytes a second",
                    "Bps",
                    {"{{route}}": f"sum by (route) (rate({m.SERVE_BYTES.full_name}{_OF_ROUTE}[5m]))"},
                ),
            ),
        ),
        _speed(),
    )


def _speed() -> Row:
    complete, lag = m.SPEED_COMPLETE.full_name, m.SPEED_LAG.full_name
    slowest = "histogram_quantile(0.95, sum by (instance, le) (rate({}_bucket[{}])))"
    return Row(
        "How fresh is what follows Kafka?",
        (
            Panel(
                "Age of what is answered",
                "s",
                {"{{instance}}": f"time() - ({complete} > 0)"},
                "An alert is sent above 60 s.",
            ),
            Panel("Age of the newest event", "s", {"{{instance}}": f"time() - ({m.SPEED_NEWEST.full_name} > 0)"}),
            Panel(
                "Messages in Kafka that aren't in",
                "short",
                {"{{instance}} {{topic}}": f"sum by (instance, topic) ({lag})"},
            ),
            Panel("Messages a second", "ops", {"{{instance}}": f"rate({m.SPEED_MESSAGES.full_name}[5m])"}),
            Panel(
                "Messages that were gone, partitions that stand still",
                "short",
                {
                    "{{instance}} gone": m.SPEED_MISSING.full_name,
                    "{{instance}} stand still": m.SPEED_BLOCKED.full_name,
                },
            ),
            Panel(
                "Messages that wait for a batch, copies to exchange",
                "short",
                {"{{instance}} wait": m.SPEED_WAITING.full_name, "{{instance}} exchange": m.SPEED_REPAIRS.full_name},
            ),
            Panel(
                "Events beside the batch, and what didn't count",
                "short",
                {
                    "{{instance}} events": m.SPEED_EVENTS.full_name,
                    "{{instance}} duplicates": m.SPEED_DUPLICATES.full_name,
                    "{{instance}} invalid": m.SPEED_INVALID.full_name,
                },
            ),
            Panel("Views that the batch alone answers", "short", {"{{instance}}": m.SPEED_BATCH_ONLY.full_name}),
            Panel("Seconds of a tick, 95 of 100", "s", {"{{instance}}": slowest.format(m.SPEED_TICK.full_name, "5m")}),
            Panel(
                "Seconds of a hand-over, 95 of 100",
                "s",
                {"{{instance}}": slowest.format(m.SPEED_HAND_OVER.full_name, "1d")},
            ),
            Panel("Hand-overs in an hour", "short", {"{{instance}}": f"increase({m.SPEED_HAND_OVERS.full_name}[1h])"}),
            Panel(
                "Memory, of what there is",
                "percentunit",
                {"{{instance}}": f"{m.SPEED_MEMORY.full_name} / on (instance) {m.SPEED_MEMORY_LIMIT.full_name}"},
                "An alert is sent above 80 %.",
            ),
            Panel("Bytes of the live state", "bytes", {"{{instance}}": m.SPEED_BYTES.full_name}),
        ),
    )


def _one(metric: m.Metric) -> str:
    return metric.full_name + _OF_JOB


def _of_topic(metric: m.Metric) -> str:
    return metric.full_name + _OF_TOPIC


def _board(uid: str, title: str, variable: tuple[str, str], rows: Sequence[Row]) -> dict[str, Any]:
    name, query = variable
    chosen = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        "uid": uid,
        "title": title,
        "tags": ["learnfold"],
        "schemaVersion": 38,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-14d", "to": "now"},
        "timezone": "browser",
        "templating": {
            "list": [
                {"type": "datasource", "name": "datasource", "query": "prometheus"},
                {
                    "type": "query",
                    "name": name,
                    "query": query,
                    "datasource": _SOURCE,
                    "refresh": 2,
                    "multi": True,
                    "includeAll": True,
                    "current": chosen,
                },
            ]
        },
        "panels": list(_placed(rows)),
    }


def _placed(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """The panels, each with its place: from left to right, then below."""
    number, top = 1, 0
    for row in rows:
        place = {"x": 0, "y": top, "w": _WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        number, top, left = number + 1, top + 1, 0
        height = 4 if all(panel.kind == "stat" for panel in row.panels) else 8
        for panel in row.panels:
            if left + panel.width > _WIDTH:
                left, top = 0, top + height
            yield _panel(panel, number, {"x": left, "y": top, "w": panel.width, "h": height})
            number, left = number + 1, left + panel.width
        top += height


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    steps += [{"color": color, "value": limit} for color, limit in zip(("yellow", "red"), panel.limits, strict=False)]
    targets = [
        {"refId": chr(ord("A") + place), "expr": expression, "legendFormat": legend, "datasource": _SOURCE}
        for place, (legend, expression) in enumerate(panel.queries.items())
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "targets": targets,
    }
