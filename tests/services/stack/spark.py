"""Spark: a standalone cluster, and sessions inside the tests' own process; both reach S3."""

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from learnfold.engines.jars import fetch_jars

from .cache import cache_folder, locked
from .need import java_home, module, program
from .process import run
from .s3 import S3Server
from .service import Group, Service, answers, free_ports

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOPBACK = "127.0.0.1"


def spark_home() -> Path:
    """The folder of the installed pyspark, which is a whole Spark distribution."""
    return Path(module("pyspark", extra="spark").__file__).parent


def spark_environment() -> dict[str, str]:
    """The variables that make Spark use this Python, a JDK that it knows, and the loopback interface only."""
    return {
        "JAVA_HOME": str(java_home("Spark")),
        "SPARK_HOME": str(spark_home()),
        "SPARK_LOCAL_IP": LOOPBACK,
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }


@functools.cache
def spark_jars() -> Path:
    """The folder of the jars by which Spark reaches S3, fetched once."""
    program("mvn", "Spark's access to S3")
    with locked(cache_folder() / "spark-jars.lock", patience_seconds=600):
        return fetch_jars(cache_folder())[0].parent


def small_settings(folder: Path) -> dict[str, str]:
    """What every test's Spark application is given: few tasks, no web page, files in `folder`, the jars for S3."""
    return {
        "spark.driver.bindAddress": LOOPBACK,
        "spark.driver.extraClassPath": f"{spark_jars()}/*",
        "spark.driver.host": LOOPBACK,
        "spark.executor.extraClassPath": f"{spark_jars()}/*",
        "spark.local.dir": str(folder / "spark-local"),
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(folder / "spark-warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def s3_settings(server: S3Server) -> dict[str, str]:
    """What lets Spark read and write the server's buckets as s3a://."""
    return {
        "spark.hadoop.fs.s3a.endpoint": server.endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": server.region,
        "spark.hadoop.fs.s3a.access.key": server.access_key,
        "spark.hadoop.fs.s3a.secret.key": server.secret_key,
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }


@contextlib.contextmanager
def local_session(folder: Path, settings: Mapping[str, str] | None = None, cores: int = 2) -> Iterator["SparkSession"]:
    """A session in this process, stopped afterwards; there can be one at a time.

    The first one starts the JVM that all later ones share, so its memory (`spark.driver.memory`) is decided once.
    """
    environment = spark_environment()
    from pyspark.sql import SparkSession

    if SparkSession.getActiveSession() is not None:
        raise RuntimeError("A Spark session is active in this process: stop it, or use it.")
    builder = SparkSession.builder.master(f"local[{cores}]").appName("tests")
    for name, value in {**small_settings(folder), "spark.driver.memory": "1g", **(settings or {})}.items():
        builder = builder.config(name, value)
    with mock.patch.dict(os.environ, environment):
        session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


class _Daemon(Service):
    """A part of the cluster."""

    main = ""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port, self._page_port = free_ports(2)

    def arguments(self) -> list[str]:
        return ["--host", LOOPBACK, "--port", str(self.port), "--webui-port", str(self._page_port)]

    def command(self) -> list[str]:
        """See Service."""
        return [str(spark_home() / "bin" / "spark-class"), self.main, *self.arguments()]

    def environment(self) -> dict[str, str]:
        """See Service."""
        return {**spark_environment(), "SPARK_DAEMON_MEMORY": "256m", "SPARK_LOCAL_DIRS": str(self.folder / "local")}

    def ready(self) -> bool:
        """See Service."""
        return answers(f"http://{LOOPBACK}:{self._page_port}/json/")


class _Master(_Daemon):
    name = "spark-master"
    main = "org.apache.spark.deploy.master.Master"


class _Worker(_Daemon):
    name = "spark-worker"
    main = "org.apache.spark.deploy.worker.Worker"

    def __init__(self, folder: Path, master: str, cores: int, memory: str) -> None:
        super().__init__(folder)
        self._master, self._cores, self._memory = master, cores, memory

    def arguments(self) -> list[str]:
        size = ["--cores", str(self._cores), "--memory", self._memory, "--work-dir", str(self.folder / "work")]
        return [*super().arguments(), *size, self._master]

    def ready(self) -> bool:
        """Whether the master has taken it in."""
        return super().ready() and "Successfully registered with master" in self.log.read_text(encoding="utf-8")


class SparkCluster(Group):
    """A standalone master with one worker."""

    def __init__(self, folder: Path, cores: int = 2, memory: str = "2g") -> None:
        self.folder = folder.absolute()
        self.master = _Master(self.folder / "master")
        self.url = f"spark://{LOOPBACK}:{self.master.port}"
        self.worker = _Worker(self.folder / "worker", self.url, cores, memory)
        super().__init__(self.master, self.worker)

    def submit(
        self,
        script: Path,
        *arguments: str,
        py_files: Sequence[Path] = (),
        settings: Mapping[str, str] | None = None,
        timeout_seconds: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """What `spark-submit` said and its exit code; the driver runs here, the executors on the worker."""
        fixed = {"spark.driver.memory": "512m", "spark.executor.memory": "512m"}
        wanted = {**small_settings(self.folder), **fixed, **(settings or {})}
        command = [str(spark_home() / "bin" / "spark-submit"), "--master", self.url]
        command += [word for name, value in wanted.items() for word in ("--conf", f"{name}={value}")]
        if py_files:
            command += ["--py-files", ",".join(map(str, py_files))]
        return run([*command, str(script), *arguments], spark_environment(), self.folder, timeout_seconds)
