"""Spark reads events as DuckDB does: the claims about reading, made of runs on Spark."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from learnfold.engines.spark import values
from oracle.timestamp import read_timestamp
from services.on_spark import on_spark, spark

sys.path.append(str(Path(__file__).parents[1] / "unit"))

import seen
import test_reading_contract as of_contract
import test_reading_messages as of_messages
import test_reading_times as of_times
import test_reading_values as of_values

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["spark"]
pytestmark = [pytest.mark.services, pytest.mark.slow]

ON_DUCKDB_ALONE = {
    "test_local_times_are_right_around_every_change_of_the_clocks": "it asks DuckDB's macros; Spark's are asked below",
}


def claims() -> dict[str, object]:
    """The tests of reading, by name."""
    return {
        name: claim
        for module in (of_values, of_times, of_messages, of_contract)
        for name, claim in vars(module).items()
        if name.startswith("test_") and name not in ON_DUCKDB_ALONE
    }


globals().update(claims())


@pytest.fixture(autouse=True)
def every_run_is_on_spark(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The claims say nothing of an engine."""
    run = seen.run
    monkeypatch.setattr(seen, "run", lambda request, catalog, settings: run(request, catalog, on_spark(settings)))
    yield
    spark.catalog.clearCache()


def test_local_times_are_right_around_every_change_of_the_clocks(spark: SparkSession) -> None:
    """The first of two, and the old offset for what was skipped; dates and hours follow the reporting zone."""
    for zone, days in of_times.TRANSITIONS.items():
        times = [
            datetime.fromisoformat(day) - timedelta(hours=5) + number * timedelta(minutes=10)
            for day in days
            for number in range(200)
        ]
        frame = spark.createDataFrame([(number, time) for number, time in enumerate(times)], "n INT, t TIMESTAMP_NTZ")
        asked = (values.local_instant("t", zone), values.reporting_time("t", zone))
        rows = frame.selectExpr("n", f"{asked[0]} AS instant", f"{asked[1]} AS reported").orderBy("n").collect()
        there = ZoneInfo(zone)
        assert [read_timestamp(time, there) for time in times] == [row["instant"] for row in rows], zone
        assert [time.replace(tzinfo=UTC).astimezone(there).replace(tzinfo=None) for time in times] == [
            row["reported"] for row in rows
        ], zone
