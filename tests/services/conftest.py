"""The services, for the tests in this folder."""

from services.places import place, s3_place
from services.stack.fixtures import kafka, minio, oozie, seaweed, spark_cluster

__all__ = ["kafka", "minio", "oozie", "place", "s3_place", "seaweed", "spark_cluster"]
