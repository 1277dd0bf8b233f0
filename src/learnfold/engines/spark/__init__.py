"""Spark: the engine for a cluster, and for data that one machine can't hold."""

from learnfold.engines.spark.engine import SparkEngine

__all__ = ["SparkEngine"]
