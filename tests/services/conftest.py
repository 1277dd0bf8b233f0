"""The services, for the tests in this folder."""

import pytest

from remarks import remarks
from services.places import place, s3_place
from services.stack.fixtures import kafka, minio, oozie, seaweed, spark_cluster
from services.stack.service import started_twice

__all__ = ["kafka", "minio", "oozie", "place", "s3_place", "seaweed", "spark_cluster"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands over which services needed a second start, so that a machine too busy, or a service too weak, is seen."""
    session.config.stash[remarks].extend(started_twice)
