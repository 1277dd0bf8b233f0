"""The Spark session: one for all jobs of a run. What spark-submit or the caller decided stays; the settings decide the rest."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from learnfold.cache import cache_folder
from learnfold.engines import under_spark_submit
from learnfold.engines.jars import find_jars
from learnfold.engines.spark import s3a
from learnfold.engines.spark.errors import first_line
from learnfold.errors import LearnfoldError, MissingPartError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from learnfold.settings import Settings

_MEANING = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.variable.substitute": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.json.enablePartialResults": "true",
    "spark.sql.variant.allowDuplicateKeys": "true",  # of a name given twice the last counts
}
"""What the results depend on: always set, in a session of our own."""

_SPEED = {
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",  # files of sensible size, not one a core
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "64MB",
    "spark.sql.ui.explainMode": "simple",  # a plan is shown for every query, and some are long
    "spark.sql.maxPlanStringLength": "8192",  # the driver keeps what it shows: megabytes a query, were it whole
    "spark.sql.debug.maxToStringFields": "4",
    "spark.sql.optimizer.runtime.bloomFilter.enabled": "false",  # looking for where one would help takes as long
    "spark.sql.optimizer.runtimeFilter.semiJoinReduction.enabled": "false",
    "spark.sql.optimizer.dynamicPartitionPruning.enabled": "false",  # no table here has partitions
    # how values are read is planned once, not once for each shape of file
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.PushProjectionThroughUnion",
    "spark.sql.constraintPropagation.enabled": "false",  # it takes minutes and gigabytes on how values are read, for no filter
    "spark.sql.inMemoryColumnarStorage.compressed": "false",  # packing costs more than it saves of what is kept for one fold
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "64",  # not a task a file, where thousands are named
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",  # the driver moves staged files when all are there
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
"""What only speed depends on: spark-submit's own options win."""


_OTHERS_OPTIONS = {"SPARK_HOME", "SPARK_CONF_DIR", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "PYSPARK_SUBMIT_ARGS"}
"""Variables by which somebody else may have chosen how Java collects garbage."""


@dataclass
class Session:
    """A Spark session with settings of its own, on a context that others may share."""

    spark: SparkSession
    started: bool  # whether the context was started for it
    settings: dict[str, str]  # that it was given

    @property
    def jvm(self) -> Any:
        """The driver's Java."""
        return self.spark.sparkContext._jvm  # noqa: SLF001 - there is no public way to it

    def hadoop_conf(self) -> Any:
        """Hadoop's configuration as this session's queries see it."""
        return self.spark._jsparkSession.sessionState().newHadoopConf()  # noqa: SLF001

    def sibling(self) -> Session:
        """A session with the same settings and names of views of its own, on the same context."""
        spark = self.spark.newSession()
        for name, value in self.settings.items():
            spark.conf.set(name, value)
        return Session(spark, started=False, settings=self.settings)

    def close(self) -> None:
        """Stops the context if it was started for this session."""
        if self.started:
            self.spark.stop()


def open_session(settings: Settings, urls: Sequence[str], *, kafka: bool = False) -> Session:
    """A session that reaches the places ``urls``, and ``kafka``.

    Raises:
        MissingPartError: there is no JDK, or a place is on S3 and there are no jars for it, or none for Kafka.
        LearnfoldError: Spark didn't start for another reason.

    """
    on_s3 = any(s3a.is_s3(url) for url in urls)
    started = SparkContext._active_spark_context is None  # noqa: SLF001
    try:
        base = _start(settings, with_jars=on_s3 or kafka) if started else SparkSession.builder.getOrCreate()
    except PySparkException as error:
        if error.getCondition() == "JAVA_GATEWAY_EXITED":
            raise MissingPartError(
                "Spark didn't start; its output is above. It needs a JDK 17 or newer: install one, or set JAVA_HOME to it"
            ) from error
        raise LearnfoldError(f"Spark didn't start: {str(error).splitlines()[0]}") from error
    except Exception as error:
        raise LearnfoldError(f"Spark didn't start: {first_line(str(error) or type(error).__name__)}") from error
    if on_s3:
        _need_s3a(base)
    if kafka:
        _need_kafka(base)
    given = {name for name, _ in base.sparkContext.getConf().getAll()}
    wanted = dict(_SPEED)
    if not on_s3:
        wanted["spark.sql.sources.parallelPartitionDiscovery.threshold"] = (
            "2000"  # a look at a file costs less than a task
        )
    wanted["spark.sql.shuffle.partitions"] = str(settings.shuffle_partitions)
    if on_s3:
        wanted |= {f"spark.hadoop.{name}": value for name, value in s3a.options(settings).items()}
    # a session's own settings go to Hadoop by their bare names; keys never lie on a command line
    put = {name.removeprefix("spark.hadoop."): value for name, value in wanted.items() if name not in given}
    session = Session(base, started, {**_MEANING, **put})
    return replace(session.sibling(), started=started)


def _start(settings: Settings, *, with_jars: bool) -> SparkSession:
    """A new context. Under spark-submit the settings decide only what neither its options nor the cluster's defaults do."""
    submitted = under_spark_submit(os.environ)
    if submitted:
        SparkContext._ensure_initialized()  # noqa: SLF001 - only then do spark-submit's options show
    conf = SparkConf()
    put: Callable[[str, str], object] = conf.setIfMissing if submitted else conf.set
    conf.setIfMissing("spark.app.name", "learnfold")
    conf.setIfMissing("spark.ui.showConsoleProgress", "false")
    for name in ("spark.sql.ui.retainedExecutions", "spark.ui.retainedJobs", "spark.ui.retainedStages"):
        conf.setIfMissing(name, "50")  # of a run's hundreds, each with its plan
    put("spark.hadoop.fs.permissions.umask-mode", f"{_umask():03o}")
    if not submitted:
        put("spark.master", settings.spark_master or "local[*]")
        put("spark.driver.memory", settings.driver_memory)
        if not _OTHERS_OPTIONS & os.environ.keys():  # two collectors are an error
            conf.setIfMissing("spark.driver.defaultJavaOptions", "-XX:+UseParallelGC")  # a batch needs no short pauses
        if settings.temporary_folder:
            put("spark.local.dir", settings.temporary_folder)
        if with_jars and (jars := find_jars(settings.spark_jars, cache_folder(os.environ))):
            _add_jars(conf, jars)
    put("spark.executor.memory", settings.executor_memory)
    put("spark.executor.cores", str(settings.executor_cores))
    put("spark.executor.instances", str(settings.num_executors))
    if str(conf.get("spark.master") or "").startswith("spark://"):  # a standalone cluster counts cores
        put("spark.cores.max", str(settings.executor_cores * settings.num_executors))
    here = str(conf.get("spark.master") or "").startswith("local")
    if not here or settings.default_parallelism != type(settings).default_parallelism:  # else the number of cores
        put("spark.default.parallelism", str(settings.default_parallelism))
    spark = SparkSession.builder.config(conf=conf).getOrCreate()
    if not submitted:
        spark.sparkContext.setLogLevel("ERROR" if str(spark.sparkContext.master).startswith("local") else "WARN")
    return spark


def _umask() -> int:
    """This process's umask, by which the files of a folder get their permissions; Hadoop would take one of its own."""
    with contextlib.suppress(OSError, ValueError):  # it can be read only where there is /proc
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _add_jars(conf: SparkConf, folder: Path) -> None:
    for part in ("driver", "executor"):
        name = f"spark.{part}.extraClassPath"
        there = conf.get(name, "")
        conf.set(name, f"{there}:{folder}/*" if there else f"{folder}/*")


def _need_s3a(spark: SparkSession) -> None:
    jvm: Any = spark.sparkContext._jvm  # noqa: SLF001
    try:
        _load(spark, s3a.FILE_SYSTEM)
    except Exception as error:
        version = jvm.org.apache.hadoop.util.VersionInfo.getVersion()
        raise MissingPartError(
            "Spark lacks the jars for S3. 'learnfold jars' fetches them (23 MB), or name their folder by LEARNFOLD_SPARK_JARS; "
            f"with spark-submit: --conf spark.driver.extraClassPath=FOLDER/* --conf spark.executor.extraClassPath=FOLDER/*, "
            f"or --packages org.apache.hadoop:hadoop-aws:{version}"
        ) from error


def _need_kafka(spark: SparkSession) -> None:
    try:
        _load(spark, "org.apache.spark.sql.kafka010.KafkaSourceProvider")
    except Exception as error:
        raise MissingPartError(
            "Spark lacks the jars for Kafka. 'learnfold jars' fetches them (23 MB), or name their folder by LEARNFOLD_SPARK_JARS; "
            "with spark-submit: --conf spark.driver.extraClassPath=FOLDER/* --conf spark.executor.extraClassPath=FOLDER/*, "
            f"or --packages org.apache.spark:spark-sql-kafka-0-10_2.13:{spark.version}"
        ) from error


def _load(spark: SparkSession, name: str) -> None:
    jvm: Any = spark.sparkContext._jvm  # noqa: SLF001
    jvm.java.lang.Thread.currentThread().getContextClassLoader().loadClass(name)
