"""Writes invalid events down, whole, with the reason and where they came from: the same file as DuckDB's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.engines.spark import values
from learnfold.engines.spark.files import plain, read_whole
from learnfold.engines.spark.values import quoted
from learnfold.storage.out_layout import quarantine_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame, SparkSession

    from learnfold.catalog import Topic
    from learnfold.engines import OutputFile
    from learnfold.engines.spark.footers import FileSchema, Footers
    from learnfold.engines.spark.writing import Writer


def invalid_events(spark: SparkSession, topic: Topic, footers: Footers, invalid: Mapping[str, str]) -> DataFrame:
    """The invalid events in the view ``events`` that came from the files ``invalid``: their paths, by how Spark names them.

    Columns: ``topic``, ``reason``, ``file`` (of the master dataset), ``row`` (in it, from 0), ``kafka_partition`` and
    ``kafka_offset`` (NULL where the file has none), ``event`` (its JSON text; NULL where it isn't text), ``bytes`` (then these).
    """
    spark.createDataFrame(
        [(plain(where), file) for where, file in invalid.items()], "place STRING, file STRING"
    ).createOrReplaceTempView("invalid_files")
    spark.sql(
        "SELECT _file, _row, _reason, _partition, _offset, f.file FROM events JOIN invalid_files AS f ON "
        f"{values.decoded('_file')} = f.place WHERE _reason IS NOT NULL"
    ).createOrReplaceTempView("invalid")
    selects = []
    for number, (shape, files) in enumerate(footers.shapes().items()):
        chosen = [where for where in files if where in invalid]
        if chosen:
            read_whole(spark, shape, chosen).createOrReplaceTempView(f"whole_{number}")
            selects.append(_whole(shape, f"whole_{number}"))
    return spark.sql(
        f"SELECT {quoted(topic.name)} AS topic, _reason AS reason, file, _row AS row, _partition AS kafka_partition, "
        f"_offset AS kafka_offset, event, bytes FROM ({' UNION ALL '.join(selects)})"
    )


def write_quarantine(rows: DataFrame, topic: Topic, name: str, writer: Writer) -> OutputFile:
    """Writes the invalid events into a file that is called ``name``, which is given once."""
    path = quarantine_path(topic.name, name)
    (written,) = writer.write(rows.coalesce(1).sortWithinPartitions("file", "row"), name, lambda _n, _of: path)
    return written


def _whole(shape: FileSchema, source: str) -> str:
    """The rows of the view ``invalid`` in the files of the view ``source``, each with all of it as ``event`` or ``bytes``."""
    places = {name: (f"source.c{number}", kind) for number, (name, kind) in enumerate(shape.columns)}
    whole = "CAST(NULL AS BINARY)"
    if shape.envelope:
        value, kind = places["value"]
        text = kind.kind in {"bytes", "text"}
        event = (
            f"try_validate_utf8(CAST({value} AS STRING))"
            if text
            else f"to_json({values.kept(value, kind)}, map('ignoreNullFields', 'false'))"
            if kind.kind in {"list", "nested"}
            else values.shown(value, kind)
        )
        whole = f"CASE WHEN {event} IS NULL THEN CAST({value} AS BINARY) END" if text else whole
    else:
        fields = ", ".join(f"{quoted(name)}, {values.kept(*place)}" for name, place in places.items())
        event = f"to_json(named_struct({fields}), map('ignoreNullFields', 'false'))"
    return (
        f"SELECT invalid.*, {event} AS event, {whole} AS bytes FROM {source} AS source "
        "JOIN invalid ON invalid._file = source._file AND invalid._row = source._row"
    )
