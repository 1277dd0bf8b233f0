"""What Parquet files look like: their rows and columns, found from their footers alone, many at once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError

from learnfold.engines.spark.bulk_footers import read_footers
from learnfold.engines.spark.schema import Type, columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.engines.spark.session import Session

_AT_ONCE = 16
_FEW = 16
"""More files than this are read by one call."""


@dataclass(frozen=True)
class FileSchema:
    """The columns of a file."""

    columns: tuple[tuple[str, Type], ...]

    def type(self, column: str) -> Type | None:
        """The type of a column; None where there is none."""
        return dict(self.columns).get(column)

    @property
    def envelope(self) -> bool:
        """Whether the events are JSON in ``value``, as a Kafka sink writes them."""
        return self.type("value") is not None and self.type("event_type") is None and self.type("user_id") is None


@dataclass(frozen=True)
class Footer:
    """The rows and columns of a file, from its footer."""

    rows: int
    shape: FileSchema


@dataclass
class Footers:
    """Footers by file, and the files that have none, with why."""

    found: dict[str, Footer] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    def shapes(self) -> dict[FileSchema, list[str]]:
        """The files by shape."""
        shapes: dict[FileSchema, list[str]] = {}
        for file, footer in self.found.items():
            shapes.setdefault(footer.shape, []).append(file)
        return shapes


class FooterReader:
    """Reads footers in the driver's JVM."""

    def __init__(self, session: Session) -> None:
        jvm = self._jvm = session.jvm
        self._conf = session.hadoop_conf()
        self._path = jvm.org.apache.hadoop.fs.Path
        self._input = jvm.org.apache.parquet.hadoop.util.HadoopInputFile
        self._reader = jvm.org.apache.parquet.hadoop.ParquetFileReader
        self._options = jvm.org.apache.parquet.HadoopReadOptions.builder(self._conf).build()

    def footers(self, places: Sequence[str]) -> Footers:
        """The footers of the files at ``places``, as Spark names them."""
        footers, left = Footers(), list(places)
        if len(places) > _FEW:
            for place, found in zip(places, read_footers(self._jvm, self._conf, places), strict=True):
                if found:
                    footers.found[place] = Footer(found[0], _shape(found[1]))
            left = [
                place for place in places if place not in footers.found
            ]  # what is wrong with them is found out one by one
        with ThreadPoolExecutor(max(1, min(_AT_ONCE, len(left)))) as pool:
            for place, footer in zip(left, pool.map(self._footer, left), strict=True):
                if isinstance(footer, Footer):
                    footers.found[place] = footer
                else:
                    footers.unreadable[place] = footer
        return footers

    def _footer(self, place: str) -> Footer | str:
        try:
            reader = self._reader.open(self._input.fromPath(self._path(place), self._conf), self._options)
            try:
                schema: str = reader.getFooter().getFileMetaData().getSchema().toString()
                return Footer(int(reader.getRecordCount()), _shape(schema))
            finally:
                reader.close()
        except Py4JJavaError as error:
            thrown = error.java_exception
            if _is_storage(thrown):
                raise
            return brief(str(thrown.getMessage() or thrown.toString()), place)


@cache
def _shape(schema: str) -> FileSchema:
    return FileSchema(columns(schema))


def _is_storage(thrown: Any) -> bool:
    """Whether the storage failed, rather than the file being wrong: anything about access, hosts or connections."""
    name = str(thrown.getClass().getName())
    return bool(
        re.search(r"AccessDenied|AccessControl|UnknownHost|UnknownStore|Connect|Timeout|AWS|NoAuth|Credential", name)
    )


def brief(message: str, place: str) -> str:
    """The message in one line, without the file's name."""
    text = message.split("\n", maxsplit=1)[0]
    for spelled in (place, place.replace("file://", "file:")):
        text = text.replace(spelled, "it")
    return (
        re.sub(r"^(it|java[\w.]*Exception:)\s*(is\s)?", lambda found: found[2] or "", text).strip() or "no Parquet file"
    )
