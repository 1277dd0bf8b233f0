"""PySpark well tuned: one application, few shuffle partitions, the views of a job side by side.

Each topic is read and parsed once and kept in memory until its views are written.

Usage: python pyspark_tuned.py MASTER OUT
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession
from pyspark_views import JOBS, SCHEMAS, TOPICS, events

SIDE_BY_SIDE = 4
"""Views under way at once, so that no core waits for a view's last task."""


def main(master: str, out: str) -> None:
    """Write every view to ``out``/<view>."""
    spark = (
        SparkSession.builder.appName("batch_views")
        .master("local[2]")
        .config("spark.driver.memory", "4g")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.scheduler.mode", "FAIR")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for job, views_of in JOBS.items():
            topics = [events(spark, master, topic).select(*columns(topic)).cache() for topic in TOPICS[job]]
            views = views_of(*topics)
            writes = [
                pool.submit(df.coalesce(1).write.mode("overwrite").parquet, f"{out}/{name}")
                for name, df in views.items()
            ]
            for write in writes:
                write.result()
            for topic in topics:
                topic.unpersist()
    spark.stop()


def columns(topic: str) -> list[str]:
    """The columns that the topic's views need."""
    return [column.split()[0] for column in SCHEMAS[topic].split(", ")]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
