"""Events as a run reads them: a catalogue whose one view shows every event of a topic, field by field."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import oracle
from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import RunReport, run
from learnfold.catalog import Catalog
from learnfold.catalog.jobs import COMMON, scripts
from learnfold.settings import Settings
from oracle import Message

Event = dict[str, Any]
KAFKA = ("kafka_partition", "kafka_offset", "kafka_timestamp", "partition", "offset", "key", "topic")


@cache
def showing(topic: str) -> Catalog:
    """The topic as it is shipped, with a rollup and a view that let every field of every event through."""
    texts = scripts()
    fields = [field.name for field in catalog.load().topic(topic).fields]
    block = next(block for text in texts.values() for block in text.split("\n\n") if f"CREATE TABLE {topic} (" in block)
    select = f"SELECT\n  {', '.join(fields)},\n  {{}} AS times -- how often\nFROM {{}} GROUP BY ALL;\n"
    script = (
        f"-- {topic}, event by event.\n\n{block}\n\n-- Every event.\nCREATE TABLE seen AS {select.format('count(*)', topic)}\n"
        f"-- Every event.\nCREATE VIEW seen_events AS {select.format('sum(times)', 'seen')}"
    )
    return catalog.read({COMMON: texts[COMMON], "seen": script})


@dataclass
class Seen:
    """What a run read."""

    events: list[Event]
    quarantined: Counter[str]
    report: RunReport

    def by_user(self, field: str = "timestamp") -> dict[str, Any]:
        """A field of each event, by the event's user."""
        return {event["user_id"]: event[field] for event in self.events}


def see(master: Path, topic: str, settings: Settings | None = None, out: Path | None = None, **more: Any) -> Seen:
    """Runs over ``master`` and returns the topic's events, each as often as it counts, in the order of all their fields."""
    place = out or master.with_name("out")
    report = run(RunRequest(str(master), str(place), **more), showing(topic), settings or Settings())
    events = []
    for row in pq.read_table(place / "seen_events" / "part-00000.parquet").to_pylist():
        events += [row] * row.pop("times")
    quarantined = report.manifest.jobs["seen"].topics[topic].quarantined
    return Seen(sorted(events, key=repr), Counter(quarantined), report)


def expected(master: Path, topic: str, settings: Settings | None = None) -> tuple[list[Event], int]:
    """The events that the oracle finds in the topic's files, each read by pyarrow, and how many are invalid."""
    settings = settings or Settings()
    messages = [m for file in sorted(master.rglob("*.parquet")) for m in messages_in(file)]
    events, invalid = oracle.read_events(messages, topic, settings.platform_zone)
    local = [event | _local(event, settings) for event in events]
    order = [field.name for field in catalog.load().topic(topic).fields]
    return sorted(({name: event[name] for name in order} for event in local), key=repr), len(invalid)


def messages_in(file: Path) -> list[Message]:
    """The rows of a file as the oracle takes them."""
    messages = []
    for row in pq.ParquetFile(file).read().to_pylist():
        at = tuple(row.get(f"kafka_{name}", row.get(name)) for name in ("partition", "offset"))
        body = row["value"] if "value" in row else {name: value for name, value in row.items() if name not in KAFKA}
        messages.append(Message(body, *at))
    return messages


def _local(event: Event, settings: Settings) -> Event:
    from oracle.view import _local as local

    return local(event, settings.reporting_zone)


def write(master: Path, topic: str, columns: dict[str, Any], folder: str = "", name: str = "", **how: Any) -> Path:
    """A file of a topic: columns as pyarrow arrays or as lists of values; ``folder`` is below the topic's."""
    place = master / f"topic={topic}" / folder
    place.mkdir(parents=True, exist_ok=True)
    path = place / (name or f"part-{len(list(master.rglob('*.parquet'))):05d}.parquet")
    pq.write_table(pa.table(columns), path, **how)
    return path


def watched(count: int, **columns: Any) -> dict[str, Any]:
    """Columns of that many viewings, with ``columns`` over them."""
    rows = range(count)
    return {
        "event_type": ["VIDEO_WATCHED"] * count,
        "user_id": [f"u{row}" for row in rows],
        "timestamp": ["2025-12-10 14:30:00"] * count,
    } | columns
