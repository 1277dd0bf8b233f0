"""Rows of a view, in whatever a reader works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb


class Rows:
    """Rows of one view as of one batch: handed on to Arrow, pandas, Polars or DuckDB, or gone through one by one.

    They are held in memory by DuckDB. Anything that takes the Arrow PyCapsule interface takes them as they are.
    """

    def __init__(self, view: str, batch: str, connection: duckdb.DuckDBPyConnection) -> None:
        self.view, self.batch = view, batch
        self._connection = connection  # holds them in the table ``answer``, in order

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """As a relation of DuckDB, for more SQL."""
        return self._connection.cursor().table("answer")

    def arrow(self) -> Any:
        """As a ``pyarrow.Table``; needs pyarrow."""
        return self.duckdb().to_arrow_table()

    def pandas(self) -> Any:
        """As a ``pandas.DataFrame``; needs pandas."""
        return self.duckdb().df()

    def polars(self) -> Any:
        """As a ``polars.DataFrame``; needs Polars."""
        import polars as pl

        return pl.DataFrame(self)

    @property
    def columns(self) -> list[str]:
        """The columns' names, in order."""
        return list(self.duckdb().columns)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.duckdb().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        found = self._connection.cursor().execute("SELECT count(*) FROM answer").fetchone()
        return int(found[0]) if found else 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = self.columns
        for row in self._connection.cursor().execute("SELECT * FROM answer").fetchall():
            yield dict(zip(names, row, strict=True))

    def __repr__(self) -> str:
        return f"Rows({self.view!r}, batch={self.batch!r}, rows={len(self)})"
