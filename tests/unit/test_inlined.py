"""Macros that are written out mean what calling them means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from learnfold.engines.duckdb.inlined import inlined, macros_of
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = [
    "2025-11-02 01:30:00",
    "2025-11-01T10:00:00.5+07:00",
    "20251101T10Z",
    "1761991200",
    "NaN",
    " x",
    "",
    '{"a":[,]}',
]
CALLS = [
    "read_instant(s)",
    "reporting_time(platform_instant(try_cast(s AS TIMESTAMP)))",
    "read_number(s) + read_number('1.5')",
    "is_json(s)",
    "is_blank(s) OR IS_BLANK('is_blank(s)')",
    "coalesce(read_text(s), 'read_text(''s'')')",
    """single_names('{"a": 1, "s": 2, "a": 3}')""",
    'read_event_id("s")',
]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A session in zones that are not UTC."""
    with DuckDBSession(Settings(platform_zone="America/New_York", reporting_zone="Asia/Ho_Chi_Minh")) as session:
        yield session.connection


@pytest.mark.parametrize("call", CALLS)
def test_what_is_written_out_means_the_same(connection: duckdb.DuckDBPyConnection, call: str) -> None:
    """Macros within macros, names within texts, fields of structs that are named as a parameter is."""
    macros = macros_of(connection)
    written = inlined(call, macros)
    listed = f"(SELECT unnest({TEXTS!r}) AS s)"
    called = connection.execute(f"SELECT s, {call} FROM {listed}").fetchall()
    with duckdb.connect() as plain:  # which knows none of the macros
        plain.execute("SET TimeZone = 'UTC'")
        assert plain.execute(f"SELECT s, {written} FROM {listed}").fetchall() == called
