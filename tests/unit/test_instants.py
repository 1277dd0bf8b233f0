"""The quick way to read a time gives what the slow one gives, which takes the text apart."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnfold.engines.duckdb import DuckDBSession
from learnfold.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

USUAL = ("2025-03-30 02:30:00", "2025-10-26T02:30:00.123456", "2024-02-29T23:59:59Z", "2025-01-01T00:00:00.5+07:00")
PIECES = (*"0123456789-+:.,TtZz /", "", "24", "60", "13", "-05", "\u0664", "\u2003", "null")


def nearly_usual(chance: Random) -> str:
    """A usual text with some of its characters changed."""
    letters = list(chance.choice(USUAL))
    for _ in range(chance.randrange(5)):
        letters[chance.randrange(len(letters))] = chance.choice(PIECES)
    return "".join(letters)


@pytest.fixture(scope="module", params=["UTC", "Europe/Berlin"])
def cursor(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session's, where times without an offset are those of a place."""
    with DuckDBSession(Settings(platform_zone=request.param)) as session, session.cursor() as cursor:
        yield cursor


@given(seed=st.integers(0, 2**32))
def test_quick_and_slow_read_the_same(cursor: duckdb.DuckDBPyConnection, seed: int) -> None:
    """A text that is no number, and that the quick way reads, is the same time by the slow one; so what only looks usual is none."""
    chance = Random(seed)
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE texts AS SELECT s, quick_instant(s) AS quick, iso_parts(s) AS parts, is_epoch(s) AS number "
        "FROM (SELECT unnest($1) AS s)",
        [[*USUAL, *(nearly_usual(chance) for _ in range(500))]],
    )
    found = cursor.execute(
        "SELECT s, quick, slow FROM (SELECT s, quick, number, iso_instant(parts) AS slow FROM texts) WHERE NOT number "
        "AND quick IS NOT NULL AND quick IS DISTINCT FROM slow"
    ).fetchall()
    assert found == []
    assert (cursor.execute("SELECT count(*) FROM texts WHERE quick IS NOT NULL").fetchone() or (0,))[0] >= len(USUAL)
