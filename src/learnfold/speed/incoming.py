"""Messages as SQL reads them: three functions of a session give them as lists.

DuckDB plans a prepared statement again at every execution where it reads a table, a registered object or calls a macro, which takes
ten times as long as a tick's messages do. A function of Python's is none of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from learnfold.kafka.messages import MessageBatch

_VALUES, _PARTITIONS, _OFFSETS = "incoming_values", "incoming_partitions", "incoming_offsets"

INCOMING = (
    f"(SELECT unnest({_VALUES}(range)) AS value, unnest({_PARTITIONS}(range)) AS partition, "
    f'unnest({_OFFSETS}(range)) AS "offset" FROM range(1))'
)
"""The relation of the messages, as SQL: ``value``, ``partition`` and ``offset``."""


class Incoming:
    """The messages that a session's statements read, whichever they are now."""

    def __init__(self) -> None:
        self._values: list[bytes | None] = []
        self._partitions: list[int] = []
        self._offsets: list[int] = []

    def give(self, batches: Sequence[MessageBatch]) -> None:
        """From now on these are read."""
        self._values, self._partitions, self._offsets = [], [], []
        for batch in batches:
            self._partitions += [batch.partition] * len(batch)
            self._offsets += batch.offsets
            self._values += [value for _, value in batch.rows()]

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Makes the functions."""

        def values(_: int) -> list[bytes | None]:
            return self._values

        def partitions(_: int) -> list[int]:
            return self._partitions

        def offsets(_: int) -> list[int]:
            return self._offsets

        for name, function, kind in (
            (_VALUES, values, "BLOB[]"),
            (_PARTITIONS, partitions, "INTEGER[]"),
            (_OFFSETS, offsets, "BIGINT[]"),
        ):
            connection.create_function(name, function, ["BIGINT"], kind, side_effects=True)
