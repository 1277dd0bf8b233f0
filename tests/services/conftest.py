"""The services, for the tests in this folder."""

from services.stack.fixtures import kafka, minio, oozie, seaweed, spark_cluster

__all__ = ["kafka", "minio", "oozie", "seaweed", "spark_cluster"]
