"""A block and the days beside it give the same rows joined as grouped anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from conftest import tries
from learnfold.catalog import load

if TYPE_CHECKING:
    from learnfold.catalog import Rollup

ROLLUPS = {rollup.name: rollup for rollup in load().rollups.values() if rollup.all_time_key}


@pytest.mark.parametrize("name", ROLLUPS)
def test_a_block_joined_with_days_is_what_grouping_both_gives(name: str) -> None:
    """Of any rows, missing keys and numbers among them."""
    rollup = ROLLUPS[name]
    with duckdb.connect() as connection:
        for seed in range(tries(10)):
            connection.execute(f"SELECT setseed({seed / 1e3})")
            for table, rows in (("days", 40), ("more_days", seed % 30)):
                connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {_anything(rollup)} FROM range({rows})")
            connection.execute(f"CREATE OR REPLACE TABLE block AS {rollup.merged('days')}")
            grouped = rollup.merged("(FROM days UNION ALL FROM more_days)")
            joined = rollup.joined("block", f"({rollup.merged('more_days')})")
            assert (
                connection.execute(f"DESCRIBE {joined}").fetchall()
                == connection.execute(f"DESCRIBE {grouped}").fetchall()
            )
            for one, other in ((grouped, joined), (joined, grouped)):
                assert connection.execute(f"({one}) EXCEPT ALL ({other})").fetchall() == []
            connection.execute(f"CREATE OR REPLACE TABLE block AS {joined}")
            key = ", ".join(rollup.all_time_key)
            rows = connection.execute(f"SELECT {key} FROM block").fetchall()
            keys = connection.execute(f"SELECT DISTINCT {key} FROM block").fetchall()
            assert 0 < len(rows) == len(keys)


def _anything(rollup: Rollup) -> str:
    """Columns of few values, so that keys meet; a quarter of them NULL."""
    made = []
    for column in rollup.columns:
        value = "CAST(floor(random() * 3) AS BIGINT)"
        if column.type in {"TIMESTAMP", "DATE"}:
            value = f"DATE '2026-01-01' + CAST({value} AS INTEGER)"
        made.append(f"CAST(CASE WHEN random() > 0.25 THEN {value} END AS {column.type}) AS {column.name}")
    return ", ".join(made)
