"""Some events of files are read as they are read among all, and no others are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from learnfold import catalog
from learnfold.engines.duckdb import DuckDBSession, decode, footers
from learnfold.generate.semester import Semester
from learnfold.generate.write import generate
from learnfold.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

CATALOG = catalog.load()


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every shape: flat, all text, messages, messages as bytes; with malformed events among them."""
    out = tmp_path_factory.mktemp("master") / "events"
    generate(Semester(3_000, days=8, duplicates=0.1, late=0.1, malformed=0.05, awkward=True), out)
    return out


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    """A session's."""
    with DuckDBSession(Settings()) as session, session.cursor() as cursor:
        yield cursor


@pytest.mark.parametrize("topic", ["auth_topic", "video_topic", "profile_topic"])
@pytest.mark.parametrize("every", [1, 7, 400])
def test_chosen_events_are_read_as_among_all(
    master: Path, cursor: duckdb.DuckDBPyConnection, topic: str, every: int
) -> None:
    """Whatever the shape of their files, the chosen events have the values and reasons that they have where all are read."""
    of = CATALOG.topic(topic)
    found = footers.read(cursor, sorted(map(str, (master / f"topic={topic}").rglob("*.parquet"))))
    assert {shape.envelope for shape in found.shapes} == {True, False}
    fields = [field.name for field in of.sent]
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE everything AS {decode.select_files(of, found, fields)}")
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE wanted AS SELECT _file, _row FROM everything WHERE (_file + _row) % {every} = 0"
    )
    files = {file for (file,) in cursor.execute("SELECT DISTINCT _file FROM wanted").fetchall()}
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE chosen_events AS {decode.select_rows(of, found, fields, files, 'wanted')}"
    )
    right = "SELECT * FROM everything SEMI JOIN wanted USING (_file, _row)"
    assert cursor.execute("SELECT count(*) > 0 FROM wanted").fetchone() == (True,)
    assert cursor.execute(f"({right}) EXCEPT ALL FROM chosen_events").fetchall() == []
    assert cursor.execute(f"FROM chosen_events EXCEPT ALL ({right})").fetchall() == []
