"""Writes invalid events down, whole, with the reason and where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.engines import OutputFile
from learnfold.engines.duckdb.mended import rows_in
from learnfold.engines.duckdb.sql import quoted, quoted_name
from learnfold.storage.intact import sha256_of
from learnfold.storage.out_layout import quarantine_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from learnfold.engines import FoldRequest
    from learnfold.engines.duckdb.footers import FileSchema, Footers
    from learnfold.storage import Storage


def write_quarantine(
    cursor: duckdb.DuckDBPyConnection, request: FoldRequest, found: Footers, invalid: Mapping[str, str], out: Storage
) -> OutputFile:
    """A Parquet file of the invalid events in the table ``events`` that came from the local files ``invalid``, by name their paths.

    Columns: ``topic``, ``reason``, ``file`` (of the master dataset), ``row`` (in it, from 0), ``kafka_partition`` and
    ``kafka_offset`` (NULL where the file has none), ``event`` (its JSON text; NULL where it isn't text), ``bytes`` (then these).
    The file is named after the fold, so that no name is ever given twice.
    """
    place = {file: number for number, file in enumerate(found.readable)}
    selects = []
    for shape, files in found.shapes.items():
        chosen = [file for file in files if file in invalid]
        if chosen:
            selects.append(_whole(shape, chosen, place))
    values = ", ".join(f"({place[file]}, {quoted(path)})" for file, path in invalid.items())
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE invalid AS SELECT _file, _row, _reason, _partition, _offset, f.file "
        f"FROM events JOIN (VALUES {values}) AS f(place, file) ON _file = f.place WHERE _reason IS NOT NULL"
    )
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE quarantined AS
        SELECT {quoted(request.topic.name)} AS topic, _reason AS reason, file, _row AS row,
               _partition AS kafka_partition, _offset AS kafka_offset, event, bytes
        FROM ({" UNION ALL ".join(selects)})""")
    path = quarantine_path(request.topic.name, request.name)
    with out.new(path) as file:
        (rows,) = cursor.execute(
            f"COPY (FROM quarantined ORDER BY file, row) TO {quoted(str(file))} (FORMAT parquet, COMPRESSION zstd)"
        ).fetchone() or (0,)
        written = OutputFile(path, rows, file.stat().st_size, sha256_of(file))
    cursor.execute("DROP TABLE quarantined")
    cursor.execute("DROP TABLE invalid")
    return written


def _whole(shape: FileSchema, files: Sequence[str], place: Mapping[str, int]) -> str:
    """The rows of the table ``invalid`` in ``files``, each with all of it as ``event`` or ``bytes``."""
    number = "CASE file_index " + " ".join(f"WHEN {at} THEN {place[file]}" for at, file in enumerate(files)) + " END"
    place_too = "*" if shape.raw else "file_index, file_row_number, *"
    joined = (
        f"(SELECT {place_too} FROM {rows_in(files, shape)}) AS source "
        f"JOIN invalid ON invalid._file = {number} AND invalid._row = source.file_row_number"
    )
    if shape.envelope:
        binary = shape.type("value") == "BLOB"
        event = "try(decode(value))" if binary else "CAST(value AS VARCHAR)"
        if rotten := shape.rotten("value"):
            event = f"coalesce({event}, {rotten})"
        whole = f"CASE WHEN {event} IS NULL THEN value END" if binary else "CAST(NULL AS BLOB)"
    else:
        columns = []
        for (column, kind), called in zip(shape.columns, shape.aliases, strict=True):
            name = f"source.{quoted_name(called)}"
            shown = f"coalesce(try(decode({name})), '\\x' || hex({name}))" if kind == "BLOB" else name
            if rotten := shape.rotten(column):
                shown = f"CASE WHEN {rotten} IS NULL THEN to_json({name}) ELSE to_json({rotten}) END"
            columns.append(f"{quoted(column)}, {shown}")
        event, whole = f"CAST(json_object({', '.join(columns)}) AS VARCHAR)", "CAST(NULL AS BLOB)"
    return f"SELECT invalid.*, {event} AS event, {whole} AS bytes FROM {joined}"
