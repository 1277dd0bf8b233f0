"""The floor: DuckDB reads the columns that the 37 views and the events' identity need, and does nothing else with them.

Usage: python floor.py MASTER
Prints the rows read. Every value is decoded: a text's length, a number's or a time's sum.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
from duckdb_plain import FIELDS


def main(master: Path) -> int:
    """The rows of all topics, after each needed value of them was read."""
    connection = duckdb.connect()
    rows = 0
    for topic, fields in FIELDS.items():
        read = f"read_parquet('{master}/topic={topic}_topic/**/*.parquet', hive_partitioning = false)"
        columns = {name: of for name, of, *_ in connection.execute(f"DESCRIBE FROM {read}").fetchall()}
        needed = (
            ("value",) if "value" in columns else ("event_id", "event_type", "user_id", "role", "timestamp", *fields)
        )
        touched = ", ".join(touch(name, columns[name]) for name in needed)
        found = connection.execute(f"SELECT count(*), {touched} FROM {read}").fetchone()
        rows += found[0] if found else 0
    return rows


def touch(name: str, of: str) -> str:
    """SQL that needs every value of the column and costs next to nothing."""
    if of == "VARCHAR":
        return f"sum(strlen({name}))"
    if of == "BLOB":
        return f"sum(octet_length({name}))"
    if of.endswith("[]"):
        return f"sum(len({name}))"
    return f"sum(epoch_us({name}))" if of.startswith("TIMESTAMP") else f"sum({name})"


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
