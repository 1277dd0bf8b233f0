"""DuckDB, in this process: the default engine, and sessions for whoever needs SQL over local files."""

from learnfold.engines.duckdb.engine import DuckDBEngine
from learnfold.engines.duckdb.session import DuckDBSession

__all__ = ["DuckDBEngine", "DuckDBSession"]
