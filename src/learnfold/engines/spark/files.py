"""Files of the master dataset as Spark names and reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learnfold.engines.spark.schema import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame, SparkSession

    from learnfold.engines.spark.probe import Shape


def read_files(spark: SparkSession, shape: Shape, columns: Sequence[str], places: Sequence[str]) -> DataFrame:
    """Some columns of files of one shape, with ``_file`` (as Spark names it, encoded) and ``_row`` (from 0)."""
    types = dict(shape.columns)
    schema = ", ".join(f"{named(name)} {types[name].sql}" for name in columns)
    frame = spark.read.schema(schema or "nothing INT").parquet(*map(as_pattern, places))
    return frame.selectExpr("_metadata.file_path AS _file", "_metadata.row_index AS _row", *map(named, columns))


def as_pattern(place: str) -> str:
    """The pattern that only ``place`` is like."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", place)


def plain(place: str) -> str:
    """A place as the column ``_file`` has it, but decoded."""
    return f"file:{place.removeprefix('file://')}" if place.startswith("file://") else place
