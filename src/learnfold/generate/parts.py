"""The Parquet files of a topic's day: which rows each holds, and in what columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.generate import flaws, render
from learnfold.generate.topics import sparse

if TYPE_CHECKING:
    from learnfold.generate.university import Column

_WHOLE_MESSAGE = f"flaw IN ({', '.join(repr(flaw) for flaw in flaws.UNPARSED)})"
_UNUSED = {"event_category"}
"""A column that no view reads."""

VARIANTS = 6
"""The ways in which awkward files are written."""


@dataclass(frozen=True)
class Part:
    """The rows (an SQL condition) and columns (an SQL select list) of a file; wrought: the columns are long in the planning."""

    where: str
    select: str
    wrought: bool = True


def flat(topic: str, columns: list[Column], *, messy: bool) -> list[Part]:
    """Files as ingestion writes them; where the dataset is ``messy`` also one of late rows and one, all text, of malformed ones."""
    select = _list(*render.typed(columns), *render.KAFKA)
    if not messy:
        return [Part("true", select, wrought=False)]
    malformed = Part("flaw IS NOT NULL", _list(*render.texts(topic, columns, mixed=False), *render.KAFKA))
    return [*(Part(f"file = {file} AND flaw IS NULL", select, wrought=False) for file in (0, 1)), malformed]


def envelope(topic: str, columns: list[Column], *, messy: bool, mixed: bool) -> list[Part]:
    """Files as a Kafka-to-Parquet sink writes them: the messages, malformed ones among them."""
    select = _envelope(render.json(topic, columns, broken=messy, mixed=mixed))
    return [Part(f"file = {file}", select) for file in ((0, 1) if messy else (0,))]


def awkward(topic: str, columns: list[Column], day: int) -> list[Part]:
    """Files as nobody wants them: those of every VARIANTS days each differ, and so do a day's earlier and later rows."""
    parts = [
        Part(f"file = {file} AND flaw IS NULL AND ({part.where})", part.select)
        for file in (0, 1)
        for part in _variant(topic, columns, (day + 2 * file) % VARIANTS)
    ]
    value = render.json(topic, columns, broken=True, mixed=True)
    texts = _list(*render.texts(topic, columns, mixed=True), *render.KAFKA)
    return [
        *parts,
        Part(f"flaw IS NOT NULL AND NOT {_WHOLE_MESSAGE}", texts),
        Part(_WHOLE_MESSAGE, _envelope(value if day % 2 else render.as_bytes(value))),
    ]


def _variant(topic: str, columns: list[Column], variant: int) -> list[Part]:
    typed = render.typed(columns)
    value = render.json(topic, columns, broken=False, mixed=True)
    match variant:
        case 1:  # all text, and a column less
            texts = render.texts(topic, [column for column in columns if column.name not in _UNUSED], mixed=True)
            return [Part("true", _list(*texts, *render.KAFKA))]
        case 2:  # events that leave a field out, in a file without it and without their place in Kafka
            left_out = sparse(topic)
            without = f"{left_out} IS NULL AND event_id IS NOT NULL"
            fewer = [column for column in typed if column != left_out]
            return [Part(without, _list(*fewer)), Part(f"NOT ({without})", _list(*typed, *render.KAFKA))]
        case 3:  # local times without an offset, wider numbers, columns we know nothing of
            integers = {column.name for column in columns if column.type == "INTEGER"}
            wider = [_wider(column, integers) for column in typed]
            device = "{'os': 'ios', 'cores': 6} AS device"
            return [Part("true", _list("'3.1.4' AS app_version", *wider, device, *render.KAFKA))]
        case 4:  # messages
            return [Part("true", _envelope(value))]
        case 5:  # messages as bytes, those that name themselves without anything of Kafka's
            alone = Part("event_id IS NOT NULL", f"{render.as_bytes(value)} AS value")
            return [alone, Part("event_id IS NULL", _envelope(render.as_bytes(value)))]
        case _:
            return [Part("true", _list(*typed, *render.KAFKA))]


def _wider(column: str, integers: set[str]) -> str:
    """A time without its offset, and 64 bits for 32."""
    if column == render.TIME:
        return "make_timestamp(us) AS timestamp"
    return f"{column}::BIGINT AS {column}" if column in integers else column


def _envelope(value: str) -> str:
    partition, offset, timestamp = render.KAFKA
    return _list(
        "user_id AS key",
        f"{value} AS value",
        "getvariable('topic') AS topic",
        f"{partition} AS partition",
        offset.replace("kafka_offset", '"offset"'),
        timestamp.replace("kafka_timestamp", "timestamp"),
    )


def _list(*columns: str) -> str:
    return ", ".join(columns)
