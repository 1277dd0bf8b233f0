"""Rows that several queries read, worked out once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark import StorageLevel

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class KeptRows:
    """The rows of a frame as the view ``name``; the executors keep them from when they are first read until ``forget``.

    Queries over the view are planned over the kept rows alone. A view of ``frame`` itself would be kept too, but Spark knows it again by
    comparing plans, and of plans that read JSON two copies aren't always equal: then each query would work all out once more.
    """

    def __init__(self, frame: DataFrame, name: str) -> None:
        spark: Any = frame.sparkSession
        session = spark._jsparkSession  # noqa: SLF001 - there is no public way to the rows that are kept
        made: Any = frame._jdf  # noqa: SLF001
        manager: Any = session.sharedState().cacheManager()
        while True:  # frames that differ in names alone share what is kept, and another's may be forgotten just now
            frame.persist(StorageLevel.MEMORY_AND_DISK)
            found = manager.lookupCachedData(made)
            if found.isDefined():
                break
        columns = made.queryExecution().analyzed().output()
        self._frame, self._kept = frame, found.get().cachedRepresentation().withOutput(columns)
        rows = spark._jvm.org.apache.spark.sql.classic.Dataset.ofRows(session, self._kept)  # noqa: SLF001
        rows.createOrReplaceTempView(name)
        self.rows: DataFrame = spark.table(name)

    def forget(self) -> None:
        """Gives back the memory; a frame that shares the rows works them out again."""
        self._frame.unpersist()
        self._kept.cacheBuilder().clearCache(False)
