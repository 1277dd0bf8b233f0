"""Files of the master dataset as Spark names and reads them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from pyspark.sql.types import DataType, StructField, StructType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame, SparkSession

    from learnfold.engines.spark.footers import FileSchema


def read_files(spark: SparkSession, shape: FileSchema, columns: Sequence[str], places: Sequence[str]) -> DataFrame:
    """Some columns of files of one shape, with ``_file`` (as Spark names it, encoded) and ``_row`` (from 0)."""
    return _read(spark, shape, columns, places).toDF("_file", "_row", *columns)


def read_whole(spark: SparkSession, shape: FileSchema, places: Sequence[str]) -> DataFrame:
    """All columns of files of one shape as ``c0``, ``c1`` and so on, whatever they are called, with ``_file`` and ``_row``."""
    names = [name for name, _ in shape.columns]
    return _read(spark, shape, names, places).toDF("_file", "_row", *(f"c{number}" for number in range(len(names))))


def _read(spark: SparkSession, shape: FileSchema, columns: Sequence[str], places: Sequence[str]) -> DataFrame:
    types = dict(shape.columns)
    schema = StructType([StructField(name, _parsed(types[name].sql)) for name in columns])
    frame = spark.read.schema(schema if columns else "nothing INT").parquet(*map(as_pattern, places))
    about = frame.metadataColumn("_metadata")  # not a column of that name in the file
    found = frame.select(about.getField("file_path"), about.getField("row_index"), "*")
    return found if columns else found.drop("nothing")


@cache
def _parsed(sql: str) -> DataType:
    return DataType.fromDDL(sql)


def as_pattern(place: str) -> str:
    """The pattern that only ``place`` is like."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", place)


def plain(place: str) -> str:
    """A place as the column ``_file`` has it, but decoded."""
    return f"file:{place.removeprefix('file://')}" if place.startswith("file://") else place
