"""SQL that gives a delivered event its shape: typed columns, texts, or one JSON text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.generate import flaws

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.generate.university import Column

ISO = "replace(make_timestamp(us)::VARCHAR, ' ', 'T') || 'Z'"
"""An event's time as text: ISO 8601 in UTC."""

TIME = "make_timestamp(us)::TIMESTAMPTZ AS timestamp"
"""An event's time as a Parquet timestamp in UTC."""

KAFKA = (
    "kafka_partition",
    "nth - 1 + getvariable('offsets')[1 + day - getvariable('from_day')][1 + kafka_partition] AS kafka_offset",
    "make_timestamp(kafka_us)::TIMESTAMPTZ AS kafka_timestamp",
)
"""The columns that say where in Kafka an event was."""

_MIXED_TIMES = """CASE h % 8
  WHEN 0 THEN make_timestamp(us)::VARCHAR
  WHEN 1 THEN strftime(make_timestamp(us), '%Y-%m-%d %H:%M:%S.%f')
  WHEN 2 THEN replace(make_timestamp(us)::VARCHAR, ' ', 'T')
  WHEN 3 THEN replace(make_timestamp(us)::VARCHAR, ' ', 'T') || 'Z'
  WHEN 4 THEN make_timestamp(us)::VARCHAR || '+00:00'
  WHEN 5 THEN replace(make_timestamp(us + 25200000000)::VARCHAR, ' ', 'T') || '+07:00'
  WHEN 6 THEN make_timestamp(us - 19800000000)::VARCHAR || '-05:30'
  ELSE replace(make_timestamp(us + 25200000000)::VARCHAR, ' ', 'T') || '+07'
END"""

_FREE_TEXT = {"feedback", "new_value", "course_name"}


def typed(columns: Iterable[Column]) -> list[str]:
    """A column a field, of the field's own type; times in UTC."""
    columns = list(columns)
    selected = ["event_id", *(_typed(column) for column in columns)]
    selected.insert(_place_of_time(["event_id", *(column.name for column in columns)]), TIME)
    return selected


def texts(topic: str, columns: Iterable[Column], *, mixed: bool) -> list[str]:
    """A column a field, all of them text, with the rows' flaws; ``mixed``: times in every way there is to write them."""
    fields = {"event_id": "event_id"} | {column.name: _text(column) for column in columns}
    selected = [f"{flaws.broken(topic, name, text)} AS {name}" for name, text in fields.items()]
    time = flaws.broken(topic, "timestamp", _MIXED_TIMES if mixed else ISO)
    selected.insert(_place_of_time(list(fields)), f"{time} AS timestamp")
    return selected


def json(topic: str, columns: list[Column], *, broken: bool, mixed: bool) -> str:
    """One JSON text: absent fields left out, or as ``broken`` (rows have flaws) and ``mixed`` (any producer's JSON) have it."""
    members = [_member("event_id", "VARCHAR", "event_id", mixed=mixed)]
    for column in columns:
        text = _text(column)
        written = flaws.broken(topic, column.name, text) if broken else text
        members.append(_member(column.name, column.type, written, mixed=mixed, unsure=written != text))
    time = _MIXED_TIMES if mixed else ISO
    time = flaws.broken(topic, "timestamp", time) if broken else time
    members.insert(
        _place_of_time(["event_id", *(column.name for column in columns)]), _member("timestamp", "VARCHAR", time)
    )
    if mixed:
        members.append(
            """CASE WHEN h % 5 = 0 THEN '"app_version": "3.1.4", "device": {"os": "android", "cores": 8}' END"""
        )
    value = f"'{{' || concat_ws(',', {', '.join(members)}) || '}}'"
    return f"coalesce({flaws.MESSAGE}, {value})" if broken else value


def as_bytes(value: str) -> str:
    """SQL for a JSON text's bytes; of those that aren't JSON some aren't UTF-8 either."""
    return rf"CASE WHEN flaw = 'not JSON' AND h % 3 = 0 THEN '\xC3\x28\xFF'::BLOB || encode({value}) ELSE encode({value}) END"


def _typed(column: Column) -> str:
    return f"{column.name}::TIMESTAMPTZ AS {column.name}" if column.type == "TIMESTAMP" else column.name


def _text(column: Column) -> str:
    return f"to_json({column.name})::VARCHAR" if column.type.endswith("[]") else f"{column.name}::VARCHAR"


def _member(name: str, kind: str, text: str, *, mixed: bool = False, unsure: bool = False) -> str:
    """SQL for '"name":value' from the value's text; NULL where the field is left out."""
    if kind in {"VARCHAR", "TIMESTAMP"}:
        value = f"to_json({text})::VARCHAR" if name in _FREE_TEXT else f"""'"' || {text} || '"'"""
    elif unsure:
        fits = f"json_valid({text})" if kind.endswith("[]") else f"regexp_full_match({text}, '-?[0-9]+([.][0-9]+)?')"
        value = f"CASE WHEN {fits} THEN {text} ELSE to_json({text})::VARCHAR END"
    elif mixed:
        value = f"CASE WHEN h % 3 = 0 THEN to_json({text})::VARCHAR ELSE {text} END"
    else:
        value = text
    member = f"""'"{name}":' || {value}"""
    return f"""coalesce({member}, CASE WHEN h % 7 = 0 THEN '"{name}":null' END)""" if mixed else member


def _place_of_time(names: list[str]) -> int:
    """Where the timestamp goes: behind the other fields of every event."""
    return names.index("role") + 1
