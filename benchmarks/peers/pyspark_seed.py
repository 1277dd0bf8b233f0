"""PySpark in the seed's manner: a job a subject, one view after another, each overwritten in place.

A job is a Spark application of its own, and reads (and parses) its topics anew for every view.

Usage: python pyspark_seed.py MASTER OUT        all five, one after another, as a manual run does
       python pyspark_seed.py JOB MASTER OUT    one
"""

from __future__ import annotations

import subprocess
import sys

from pyspark.sql import SparkSession
from pyspark_views import JOBS, TOPICS, events


def run_job(job: str, master: str, out: str) -> None:
    """Write the job's views to ``out``/<view>."""
    spark = (
        SparkSession.builder.appName(f"{job}_batch_job")
        .master("local[2]")
        .config("spark.driver.memory", "2g")
        .config("spark.sql.shuffle.partitions", "200")
        .config("spark.default.parallelism", "100")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    views = JOBS[job](*(events(spark, master, topic) for topic in TOPICS[job]))
    for name, df in views.items():
        df.coalesce(1).write.mode("overwrite").parquet(f"{out}/{name}")
    spark.stop()


def main(arguments: list[str]) -> None:
    """Run one job, or each in a process of its own."""
    if len(arguments) == 3:
        run_job(*arguments)
    else:
        for job in JOBS:
            subprocess.run([sys.executable, __file__, job, *arguments], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
