"""One of each service for the whole test run, started by the first test that asks for it. A conftest.py imports them."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from .kafka import Kafka
from .minio import Minio
from .oozie import Oozie
from .seaweed import Seaweed
from .service import Group, Service
from .spark import SparkCluster, s3_settings

Started = TypeVar("Started", bound=Service | Group)
_started: dict[type, Service | Group] = {}


def _shared(
    kind: type[Started], request: pytest.FixtureRequest, make: Callable[[Path], Started] | None = None
) -> Started:
    """The process's only one of its kind, whichever conftest asked first; stopped when pytest ends."""
    if kind not in _started:
        folder = request.getfixturevalue("tmp_path_factory").mktemp(kind.__name__.lower())
        _started[kind] = (make or kind)(folder).start()
        request.config.add_cleanup(_started[kind].stop)
    return _started[kind]


@pytest.fixture(scope="session")
def minio(request: pytest.FixtureRequest) -> Minio:
    """A MinIO server; take a `new_bucket` for each test."""
    return _shared(Minio, request)


@pytest.fixture(scope="session")
def seaweed(request: pytest.FixtureRequest) -> Seaweed:
    """A SeaweedFS server; take a `new_bucket` for each test."""
    return _shared(Seaweed, request)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Kafka:
    """A Kafka broker; make a topic of another name for each test."""
    return _shared(Kafka, request)


@pytest.fixture(scope="session")
def spark_cluster(request: pytest.FixtureRequest) -> SparkCluster:
    """A standalone Spark cluster of one worker."""
    return _shared(SparkCluster, request)


@pytest.fixture(scope="session")
def oozie(request: pytest.FixtureRequest, minio: Minio) -> Oozie:
    """Oozie on HDFS and YARN, where MinIO's keys are the cluster's business; put each test's application into a folder of its own."""
    keys = {name.removeprefix("spark.hadoop."): value for name, value in s3_settings(minio).items()}
    return _shared(Oozie, request, lambda folder: Oozie(folder, minio.aws_environment(), keys))
