"""The catalogue's SQL in Spark's dialect."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from learnfold.engines.spark import values
from learnfold.engines.spark.schema import named

if TYPE_CHECKING:
    from learnfold.catalog import Field, Rollup

_TYPES = {"VARCHAR": "STRING", "INTEGER": "INT", "TIMESTAMP": "TIMESTAMP_NTZ", "VARCHAR[]": "ARRAY<STRING>"}
"""What the catalogue's types are called here, where it is another name."""


def spark_type(kind: str) -> str:
    """The catalogue's type as Spark calls it."""
    return _TYPES.get(kind, kind)


def in_spark(query: str) -> str:
    """A query or condition."""
    return sqlglot.parse_one(query, read="duckdb").sql("spark")


def check(field: Field) -> str:
    """The field's CHECK over the typed column."""
    condition = sqlglot.parse_one(str(field.check), read="duckdb")
    for column in condition.find_all(exp.Column):
        column.this.set("quoted", True)
    return condition.sql("spark")


def derived(source: str, reporting_zone: str) -> str:
    """A derived field's SQL: ``reporting_time`` is the only function in it that is learnfold's own."""
    query = sqlglot.parse_one(source, read="duckdb")
    for call in list(query.find_all(exp.Anonymous)):
        if call.name.lower() == "reporting_time":
            (time,) = call.expressions
            call.replace(sqlglot.parse_one(values.reporting_time(time.sql("spark"), reporting_zone), read="spark"))
    return query.sql("spark")


@cache
def rollup_select(rollup: Rollup) -> str:
    """The SELECT of the rollup's rows with ``_day``, the UTC day that each is of, over a relation that is called as its topic."""
    query = sqlglot.parse_one(rollup.by_day, read="duckdb")
    lists = {field.name for field in rollup.topic.fields if field.type.endswith("[]")}
    for length in list(query.find_all(exp.Length)):
        if isinstance(length.this, exp.Column) and length.this.name in lists:
            length.replace(exp.ArraySize(this=length.this))
    columns = ", ".join(f"CAST({named(c.name)} AS {spark_type(c.type)}) AS {named(c.name)}" for c in rollup.columns)
    return f"SELECT _day, {columns} FROM ({query.sql('spark')})"
