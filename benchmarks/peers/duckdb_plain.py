"""The 37 views by plain DuckDB SQL over the events: each view reads what it needs, nothing is kept between views or runs.

Usage: python duckdb_plain.py MASTER OUT
Flat files are read by each view; messages are parsed once into a table of each topic. Events are trusted: no copies are looked
for, nothing is checked.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

# what the views need of each topic, beside event_type, user_id, role and timestamp
FIELDS = {
    "auth": {"session_id": "VARCHAR", "registration_source": "VARCHAR"},
    "assessment": {
        "course_id": "VARCHAR",
        "assignment_id": "VARCHAR",
        "assignment_type": "VARCHAR",
        "correct_answers": "INTEGER",
        "student_id": "VARCHAR",
        "score": "DOUBLE",
    },
    "video": {"video_id": "VARCHAR", "course_id": "VARCHAR", "watch_duration_seconds": "INTEGER"},
    "course": {
        "course_id": "VARCHAR",
        "material_id": "VARCHAR",
        "material_type": "VARCHAR",
        "resource_id": "VARCHAR",
        "item_id": "VARCHAR",
        "item_type": "VARCHAR",
    },
    "profile": {"field_name": "VARCHAR", "updated_fields": "VARCHAR[]"},
    "notification": {"notification_type": "VARCHAR"},
    "forum": {"course_id": "VARCHAR"},
}


def main(master: Path, out: Path) -> None:
    """Write every view of ``master`` to ``out``/<view>/part-00000.parquet."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    for topic in FIELDS:
        connection.execute(events(connection, topic, master / f"topic={topic}_topic" / "**" / "*.parquet"))
    connection.execute((Path(__file__).parent / "duckdb_views.sql").read_text("utf-8"))
    names = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE NOT internal AND view_name LIKE '%\\_%' ESCAPE '\\'"
    )
    for (view,) in names.fetchall():
        (out / view).mkdir(parents=True, exist_ok=True)
        connection.execute(
            f"COPY (FROM {view}) TO '{out / view / 'part-00000.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
        )


def events(connection: duckdb.DuckDBPyConnection, topic: str, files: Path) -> str:
    """SQL that makes the topic's events: a view of flat files, a table of messages."""
    read = f"read_parquet('{files}', hive_partitioning = false)"
    columns = {name for name, *_ in connection.execute(f"DESCRIBE FROM {read}").fetchall()}
    types = {"event_type": "VARCHAR", "user_id": "VARCHAR", "role": "VARCHAR", "timestamp": "VARCHAR"} | FIELDS[topic]
    if "value" not in columns:
        return f"CREATE VIEW {topic} AS SELECT {', '.join(types)} FROM {read}"
    shape = "{" + ", ".join(f'"{name}": "{of}"' for name, of in types.items()) + "}"
    return (
        f"CREATE TABLE {topic} AS SELECT * REPLACE (timestamp::TIMESTAMPTZ AS timestamp)"
        f" FROM (SELECT unnest(from_json(value, '{shape}')) FROM {read})"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
