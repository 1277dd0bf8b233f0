"""DuckDB, in this process: the default engine."""

from learnfold.engines.duckdb.engine import DuckDBEngine

__all__ = ["DuckDBEngine"]
