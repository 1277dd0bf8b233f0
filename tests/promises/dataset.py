"""A master dataset as someone else's tools write it: pyarrow, so that learnfold reads what it didn't write."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from oracle import Message
from promises.messages import FIRST_DAY, as_message

Item = dict[str, object] | bytes


@dataclass
class Dataset:
    """A folder of events, and what the oracle is told of them."""

    root: Path
    messages: dict[str, list[Message]] = field(default_factory=dict)
    files: int = 0
    offsets: int = 0

    def add(self, topic: str, items: list[Item], *, shape: str, folder: str) -> Path:
        """Writes one file. Shapes: envelope, bytes (an envelope of bytes), kafka (with partition and offset), flat."""
        if shape == "flat":
            items = [item for item in items if isinstance(item, dict)]
        self.files += 1
        path = self.root / folder.format(topic=f"topic={topic}") / f"part-{self.files:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        told = self.messages.setdefault(topic, [])
        if shape == "flat":
            pq.write_table(_flat(items), path)
            told += [as_message(item) for item in items]
        else:
            table, offsets = self._envelope(items, shape)
            pq.write_table(table, path)
            told += [as_message(item, *at) for item, at in zip(items, offsets, strict=True)]
        return path

    def _envelope(self, items: list[Item], shape: str) -> tuple[pa.Table, list[tuple[int | None, int | None]]]:
        texts = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
        if shape == "envelope":  # text can't hold what isn't UTF-8
            columns = {
                "value": pa.array([text if _utf8(text) else b"not json" for text in texts], pa.binary()).cast(
                    pa.string()
                )
            }
        else:
            columns = {"value": pa.array(texts, pa.binary())}
        places: list[tuple[int | None, int | None]] = [(None, None)] * len(texts)
        if shape == "kafka":
            places = [(0, self.offsets + number) for number in range(len(texts))]
            self.offsets += len(texts)
            columns |= {
                "key": pa.nulls(len(texts), pa.binary()),
                "partition": pa.array([place[0] for place in places], pa.int32()),
                "offset": pa.array([place[1] for place in places], pa.int64()),
            }
        return pa.table(columns), places


def _utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _flat(items: list[dict[str, object]]) -> pa.Table:
    """A column a field: typed where all values agree, else their JSON text, as the contract allows."""
    names = sorted({name for item in items for name in item}) or ["event_type"]
    return pa.table({name: _column([item.get(name) for item in items]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {str}:
        return pa.array(values, pa.string())
    if kinds == {int} and all(abs(value) < 2**62 for value in values if value is not None):
        return pa.array(values, pa.int64())
    if kinds == {float}:
        return pa.array(values, pa.float64())
    if kinds == {list} and all(
        isinstance(part, str) or part is None for value in values if value is not None for part in value
    ):
        return pa.array(values, pa.list_(pa.string()))
    return pa.array(
        [value if isinstance(value, str) or value is None else json.dumps(value) for value in values], pa.string()
    )


def folders() -> st.SearchStrategy[str]:
    """Where a file may lie: in a day's folder before or after the topic's (the right day or not), deeper, or nowhere special."""
    days = [date(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day) + timedelta(days=number) for number in range(3)]
    spelled = [f"year={day:%Y}/month={day:%m}/day={day:%d}" for day in days]
    return st.sampled_from(
        [f"{{topic}}/{day}" for day in spelled] * 2
        + [f"{day}/{{topic}}" for day in spelled]
        + ["{topic}", "{topic}/hour=3/x"]
    )


def day_folders() -> st.SearchStrategy[str]:
    """Only folders of days, the right one or not."""
    return folders().filter(lambda folder: "day=" in folder)


SHAPES = st.sampled_from(["envelope", "bytes", "kafka", "flat"])
