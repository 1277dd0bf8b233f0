"""Writes invalid events down, whole, with the reason and where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.engines import Part
from learnfold.engines.duckdb.reading import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from learnfold.catalog import Topic
    from learnfold.engines.duckdb.probe import Probed, Shape
    from learnfold.storage import Storage


def write_quarantine(
    connection: duckdb.DuckDBPyConnection,
    topic: Topic,
    probed: Probed,
    order: Sequence[str],
    invalid: Sequence[str],
    name: Mapping[str, str],
    out: Storage,
) -> Part:
    """A Parquet file of the invalid events in the table ``events`` that came from the files ``invalid``.

    Columns: ``topic``, ``reason``, ``file`` (of the master dataset), ``row`` (in it, from 0), ``kafka_partition`` and
    ``kafka_offset`` (NULL where the file has none), ``event`` (its JSON text; NULL where it isn't text), ``bytes`` (then these).
    The file is named after what it holds, so that a repeated run writes the same one.
    """
    place = {file: number for number, file in enumerate(order)}
    selects = []
    for shape, files in probed.shapes.items():
        chosen = [file for file in files if file in invalid]
        if chosen:
            selects.append(_whole(shape, chosen, place))
    files = ", ".join(f"({place[file]}, {quoted(name[file])})" for file in invalid)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE quarantined AS
        SELECT {quoted(topic.name)} AS topic, e._reason AS reason, f.file, e._row AS row,
               e._partition AS kafka_partition, e._offset AS kafka_offset, whole.event, whole.bytes
        FROM events AS e JOIN (VALUES {files}) AS f(place, file) ON e._file = f.place
        JOIN ({' UNION ALL '.join(selects)}) AS whole ON e._file = whole._file AND e._row = whole._row
        WHERE e._reason IS NOT NULL""")
    rows, mark = connection.execute(
        "SELECT count(*), sum(CAST(hash(reason, file, row, event, bytes) AS HUGEINT)) FROM quarantined"
    ).fetchone() or (0, 0)
    path = f"_quarantine/topic={topic.name}/{mark % 2**64:016x}.parquet"
    with out.new(path) as file:
        connection.execute(f"COPY (FROM quarantined ORDER BY file, row) TO {quoted(str(file))} (FORMAT parquet, COMPRESSION zstd)")
        part = Part(path, rows, file.stat().st_size)
    connection.execute("DROP TABLE quarantined")
    return part


def _whole(shape: Shape, files: Sequence[str], place: Mapping[str, int]) -> str:
    """Each row as ``event`` or ``bytes``, by its place."""
    number = "CASE file_index " + " ".join(f"WHEN {at} THEN {place[file]}" for at, file in enumerate(files)) + " END"
    source = f"read_parquet([{', '.join(quoted(file) for file in files)}], hive_partitioning=false, union_by_name=false)"
    if shape.envelope:
        binary = shape.type("value") == "BLOB"
        text = "try(decode(value))" if binary else "CAST(value AS VARCHAR)"
        bytes_ = f"CASE WHEN {text} IS NULL THEN value END" if binary else "CAST(NULL AS BLOB)"
        return f"SELECT {number} AS _file, file_row_number AS _row, {text} AS event, {bytes_} AS bytes FROM {source}"
    columns = []
    for column, kind in shape.columns:
        name = '"' + column.replace('"', '""') + '"'
        shown = f"coalesce(try(decode({name})), '\\x' || hex({name}))" if kind == "BLOB" else name
        columns.append(f"{quoted(column)}: {shown}")
    return (
        f"SELECT {number} AS _file, file_row_number AS _row, CAST(to_json({{{', '.join(columns)}}}) AS VARCHAR) AS event, "
        f"CAST(NULL AS BLOB) AS bytes FROM {source}"
    )
