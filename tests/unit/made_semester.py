"""A made-up semester as written, read by pyarrow and the oracle: by nothing that is under test."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import oracle
from oracle import Message
from oracle.fields import TOPIC_FIELDS

KAFKA = ("kafka_partition", "kafka_offset", "kafka_timestamp")


def files_of(out: Path, topic: str = "*") -> list[Path]:
    """The Parquet files of a topic, or of all."""
    return sorted(out.glob(f"topic={topic}/year=*/month=*/day=*/part-*.parquet"))


def day_of(file: Path) -> date:
    """The day that a file's folder names."""
    year, month, day = (int(part.partition("=")[2]) for part in file.parts[-4:-1])
    return date(year, month, day)


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The rows of a file."""
    return pq.ParquetFile(file).read().to_pylist()


def messages_in(file: Path) -> list[Message]:
    """The rows of a file as the oracle takes them."""
    messages = []
    for row in rows_of(file):
        if "value" in row:
            messages.append(Message(row["value"], row.get("partition"), row.get("offset")))
        else:
            body = {name: value for name, value in row.items() if name not in KAFKA}
            messages.append(Message(body, row.get("kafka_partition"), row.get("kafka_offset")))
    return messages


def dataset(out: Path) -> dict[str, list[Message]]:
    """All messages by topic, of the topics that the oracle knows."""
    found: dict[str, list[Message]] = {}
    for file in files_of(out):
        topic = file.parts[-5].removeprefix("topic=")
        if topic in TOPIC_FIELDS:
            found.setdefault(topic, []).extend(messages_in(file))
    return found


def truth_of(out: Path) -> dict[str, Any]:
    """The truth beside the events."""
    return json.loads((out / "_truth.json").read_text("utf-8"))


def missed(truth: dict[str, Any], answers: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What the views' rows get wrong of the planted truth."""
    wrong = []
    for planted in truth["planted"]:
        view, key = planted["view"], planted["key"]
        expected = [key | planted["expect"]]
        rows = [{name: _as_json(row[name]) for name in expected[0]} for row in answers[view]]
        rows = [row for row in rows if all(row[name] == value for name, value in key.items())]
        wrong += [f"{view}: {text}" for text in oracle.same(expected, rows, list(key))]
    return wrong


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        assert value.tzinfo in (None, UTC)
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return value.isoformat() if isinstance(value, date) else value
