"""The SQL by which messages and rows of files become the columns of the master dataset and of its quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.catalog import reasons
from learnfold.engines.duckdb import decode
from learnfold.engines.duckdb.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.catalog import Catalog, Topic
    from learnfold.engines.duckdb.footers import FileSchema

UNROUTABLE = "its topic can't be told"
"""Why an event that names no topic isn't taken."""

_KAFKA = ("kafka_partition", "kafka_offset", "kafka_timestamp", "extra_fields")
_WHOLE = {"BIGINT", "INTEGER", "UBIGINT"}
_NAIVE = {"TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP_S", "INT96"}


def decode_rows(topic: Topic, shape: FileSchema, source: str, row: str) -> str:
    """The SELECT of every row of ``source``: the topic's fields and ``_day``, the event's UTC day; or the reason and the whole of it."""
    carried = {"_kafka_timestamp": _kafka_timestamp(shape), "_whole_event": whole(shape)}
    if shape.envelope:
        carried["_json"] = "try(decode(value))" if shape.type("value") == "BLOB" else "CAST(value AS VARCHAR)"
    else:
        carried["_extra"] = _unknown_columns(topic, shape)
    names = [field.name for field in topic.sent]
    select = decode.select_from(topic, shape, decode.Relation(source, row=row, carried=carried), names)
    fields = ", ".join(f'"{name}"' for name in names)
    extra = _unknown_members(topic) if shape.envelope else "_extra"
    return (
        f"SELECT _row, _partition, _offset, _kafka_timestamp, {fields}, _reason, "
        f"CASE WHEN _reason IS NULL THEN {extra} END AS extra_fields, "
        "CASE WHEN _reason IS NOT NULL THEN _whole_event END AS _whole_event, "
        "CASE WHEN _reason IS NULL THEN CAST(timestamp AS DATE) END AS _day "
        f"FROM ({select})"
    )


def kept(topic: Topic) -> str:
    """The columns of a file of events, from ``decoded``."""
    fields = (
        f'timezone(\'UTC\', "{field.name}") AS "{field.name}"' if field.type == "TIMESTAMP" else f'"{field.name}"'
        for field in topic.sent
    )
    return (
        f"{', '.join(fields)}, _partition AS kafka_partition, _offset AS kafka_offset, "
        "_kafka_timestamp AS kafka_timestamp, extra_fields"
    )


def quarantined(topic: str, source: str | None) -> str:
    """The columns of a quarantine file, from ``decoded``: those of a batch's, and the time that Kafka gave the message.

    ``source`` is the file that the rows came from; None: they came from Kafka.
    """
    file = "CAST(NULL AS VARCHAR)" if source is None else quoted(source)
    row = "CAST(NULL AS BIGINT)" if source is None else "CAST(_row AS BIGINT)"
    return (
        f"{quoted(topic)} AS topic, _reason AS reason, {file} AS file, {row} AS row, "
        "_partition AS kafka_partition, _offset AS kafka_offset, try(decode(_whole_event)) AS event, "
        "CASE WHEN try(decode(_whole_event)) IS NULL THEN _whole_event END AS bytes, _kafka_timestamp AS kafka_timestamp"
    )


def unroutable(source: str, value: str, row: str, reason: str) -> str:
    """The SELECT of rows whose topic isn't known, with a ``reason`` (SQL) but for those that aren't JSON at all."""
    text = f"try(decode({value}))"
    return (
        f"SELECT {row} AS _row, CAST(NULL AS INTEGER) AS _partition, CAST(NULL AS BIGINT) AS _offset, "
        "CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS _kafka_timestamp, CAST(NULL AS DATE) AS _day, "
        f"CASE WHEN {value} IS NULL THEN {quoted(reasons.EMPTY)} WHEN {text} IS NULL THEN {quoted(reasons.NOT_UTF8)} "
        f"WHEN NOT is_json({text}) THEN {quoted(reasons.NOT_JSON)} ELSE {reason} END AS _reason, "
        f"{value} AS _whole_event FROM {source}"
    )


def topic_of(catalog: Catalog, shape: FileSchema, otherwise: str | None) -> str:
    """The topic that a row names by ``topic`` or by its category, else ``otherwise``."""
    if shape.envelope:
        text = "try(decode(value))" if shape.type("value") == "BLOB" else "CAST(value AS VARCHAR)"
        member = f"(CASE WHEN json_valid({text}) THEN json_extract_string({text}, ['$.topic', '$.event_category']) END)"
        named = [f"{member}[1]", f"{member}[2]"]
        if shape.type("topic"):
            named.insert(0, f"CAST({_column('topic', shape)} AS VARCHAR)")
    else:
        named = [f"CAST({_column(name, shape)} AS VARCHAR)" for name in ("topic", "event_category") if shape.type(name)]
    names = {name: name for name in catalog.topics} | {category_of(name): name for name in catalog.topics}
    cases = "".join(f" WHEN {quoted(spelling.lower())} THEN {quoted(name)}" for spelling, name in names.items())
    named_topics = [f"CASE lower(trim({place})){cases} END" for place in named]
    return (
        f"coalesce({', '.join([*named_topics, 'CAST(NULL AS VARCHAR)' if otherwise is None else quoted(otherwise)])})"
    )


def category_of(topic: str) -> str:
    """What events of a topic have as ``event_category``."""
    return topic.removesuffix("_topic").upper()


def _kafka_timestamp(shape: FileSchema) -> str:
    """When Kafka got the message, from whichever column says it."""
    name = "timestamp" if shape.envelope else "kafka_timestamp"
    kind = shape.type(name)
    if kind is None:
        return "CAST(NULL AS TIMESTAMP WITH TIME ZONE)"
    column = _column(name, shape)
    if kind in _WHOLE:
        return f"timezone('UTC', epoch_ms(CAST({column} AS BIGINT)))"
    if kind in _NAIVE:
        return f"timezone('UTC', CAST({column} AS TIMESTAMP))"
    if kind.startswith("TIMESTAMP"):
        return f"CAST({column} AS TIMESTAMP WITH TIME ZONE)"
    return "CAST(NULL AS TIMESTAMP WITH TIME ZONE)"


def whole(shape: FileSchema) -> str:
    """All of a message, as bytes."""
    if shape.envelope:
        if shape.type("value") == "BLOB":
            return "value"
        rotten = shape.rotten("value")
        return f"encode(coalesce(value, {rotten}))" if rotten else "encode(CAST(value AS VARCHAR))"
    return f"encode(CAST({_object([name for name, _ in shape.columns], shape)} AS VARCHAR))"


def _unknown_members(topic: Topic) -> str:
    """The members of a message that no field is for, as JSON; NULL without any.

    An event whose members are as many as its fields have values has no others, which is quick to see.
    """
    known = " + ".join(f'CAST("{field.name}" IS NOT NULL AS INTEGER)' for field in topic.sent)
    names = ", ".join(quoted(field.name) for field in topic.sent)
    patch = "{" + ",".join(f'"{field.name}":null' for field in topic.sent) + "}"
    unknown = f"list_filter(json_keys(_json), lambda k: k NOT IN ({names}))"
    once = (
        f"CASE WHEN len(json_keys(_json)) <> {known} + list_unique({unknown}) THEN single_names(_json) ELSE _json END"
    )
    return (
        f"CASE WHEN len(json_keys(_json)) <> {known} THEN "
        f"CASE WHEN len({unknown}) > 0 THEN CAST(json_merge_patch({once}, {quoted(patch)}) AS VARCHAR) END END"
    )


def _unknown_columns(topic: Topic, shape: FileSchema) -> str:
    """The columns of a flat file that no field is for, as JSON, beside those kept before; NULL without any value in them."""
    known = {field.name for field in topic.sent} | set(_KAFKA)
    if shape.type("kafka_partition") is None:  # else they are what a producer called so
        known |= {"partition", "offset"}
    unknown = [name for name, _ in shape.columns if name not in known]
    before = None
    if shape.type("extra_fields") == "VARCHAR":
        before = "CASE WHEN json_valid(extra_fields) THEN extra_fields END"
    if not unknown:
        return before or "CAST(NULL AS VARCHAR)"
    base = f"coalesce({before}, '{{}}')" if before else "'{}'"
    return f"nullif(CAST(json_merge_patch({base}, {_object(unknown, shape)}) AS VARCHAR), '{{}}')"


def _object(names: Sequence[str], shape: FileSchema) -> str:
    parts = []
    for name in names:
        column = _column(name, shape)
        shown = f"coalesce(try(decode({column})), '\\x' || hex({column}))" if shape.type(name) == "BLOB" else column
        if rotten := shape.rotten(name):
            shown = f"CASE WHEN {rotten} IS NULL THEN to_json({column}) ELSE to_json({rotten}) END"
        parts.append(f"{quoted(name)}, {shown}")
    return f"json_object({', '.join(parts)})"


def _column(name: str, shape: FileSchema) -> str:
    """A column of the file as SQL, also where another differs by nothing but case."""
    return '"' + shape.name(name).replace('"', '""') + '"'
