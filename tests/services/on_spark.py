"""Runs on Spark inside the tests' own process, one session for a module."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from learnfold.settings import Settings
from services.stack.spark import local_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHORT_LIVED = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC",
    "spark.driver.memory": "3g",
    "spark.sql.ui.retainedExecutions": "20",
    "spark.sql.codegen.cache.maxEntries": "1000",
}
"""A JVM for minutes, not days: it begins quickly, and compiles a query once for all tests."""


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The session that every run of the module shares."""
    with local_session(tmp_path_factory.mktemp("spark"), SHORT_LIVED) as session:
        session.sparkContext.setLogLevel("ERROR")
        yield session


def on_spark(settings: Settings | None = None) -> Settings:
    """The same settings, but all on Spark: nothing is done in the driver."""
    return dataclasses.replace(settings or Settings(), engine="spark", driver_events=0, driver_rows=0)
