"""The rows of a Parquet file as SQL: its own columns under their own names, whatever these are, and what its path says."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from learnfold.engines.duckdb.footers import ROTTEN, FileSchema
from learnfold.engines.duckdb.mended import rows_in
from learnfold.engines.duckdb.raw_values import as_json
from learnfold.engines.duckdb.sql import quoted

if TYPE_CHECKING:
    from learnfold.catalog import Catalog

_ROW_NUMBER = "file_row_number"
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class ParquetRows:
    """A local Parquet file; ``shape`` is that of its rows, ``place`` and ``topic`` are the columns beside its own, in SQL."""

    def __init__(self, path: str, shape: FileSchema, name: str, catalog: Catalog) -> None:
        fields = {field.name for topic in catalog.topics.values() for field in topic.sent}
        told = {} if shape.envelope else fields_in_path(name, fields)
        told = {field: value for field, value in told.items() if shape.type(field) is None}
        kinds = [(name, "VARCHAR" if shape.structured and name == "value" else kind) for name, kind in shape.columns]
        self.shape = FileSchema((*kinds, *((field, "VARCHAR") for field in told)), shape.raw)
        taken = {name.lower() for name in self.shape.names}
        self.place, self.topic = _free("_place", taken), _free("_topic", taken)
        called = shape.aliases if shape.raw else shape.names
        own = [
            f"{as_json(_column(there))} AS {_column(sql)}"
            if shape.structured and name == "value" and not shape.raw
            else f"{_column(there)} AS {_column(sql)}"
            for (name, _), sql, there in zip(shape.columns, shape.names, called, strict=True)
        ]
        given = [f"{quoted(value)} AS {_column(field)}" for field, value in told.items()]
        self._columns = ", ".join([*own, *given, *([ROTTEN] if shape.raw else [])])
        # a column of the file that is called as DuckDB calls the row's number hides it
        self.numbered = bool(shape.raw) or _ROW_NUMBER not in taken
        self._rows = rows_in([path], shape) if shape.raw else f"read_parquet({quoted(path)}, hive_partitioning=false)"

    def select(self, first: int, last: int, topic: str) -> str:
        """The rows from ``first`` to ``last``, in parentheses; ``topic`` is what each one's is, in SQL over the file's columns.

        All rows, without their places, where they aren't numbered.
        """
        number = _ROW_NUMBER if self.numbered else "CAST(NULL AS BIGINT)"
        wanted = f" WHERE {self.place} BETWEEN {first} AND {last}" if self.numbered else ""
        return (
            f"(SELECT *, {topic} AS {self.topic} FROM (SELECT {self._columns}, {number} AS {self.place} "
            f"FROM {self._rows}){wanted})"
        )


def fields_in_path(name: str, fields: set[str]) -> dict[str, str]:
    """The values of fields that are in the folders of a file's name (``…/course_id=c1/x.parquet``)."""
    parts = (folder.partition("=") for folder in name.split("/")[:-1] if "=" in folder)
    return {field: unquote(value) for field, _, value in parts if field in fields and value not in {"", _NO_VALUE}}


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
