"""``learnfold.read``: the same rows from files as from a server, in whatever a reader works with."""

from __future__ import annotations

import socket
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import awkward_place, listening
from small_place import Place
from small_place import learnfold as run_command

import learnfold
from learnfold.catalog import load
from learnfold.errors import MissingDataError, StorageError, UsageError
from learnfold.serve.tokens import add_token, new_token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VIEWS = load().views


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Views over awkward events."""
    return awkward_place(tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def address(place: Place) -> Iterator[str]:
    """A server of them, listening."""
    yield from listening(place)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_read_as_it_was_published(name: str, place: Place) -> None:
    """All of it, by its key, with its types."""
    rows = learnfold.read(place.out, name)
    published = pq.read_table(place.out / name / "part-00000.parquet")
    assert rows.arrow().cast(published.schema).to_pylist() == published.to_pylist()
    assert (len(rows), rows.columns, rows.batch) == (len(published), published.column_names, place.current().batch)


@given(data=st.data())
def test_files_and_a_server_answer_alike(place: Place, address: str, data: st.DataObject) -> None:
    """By any filter, order and limit, of any view."""
    view = data.draw(st.sampled_from(list(VIEWS.values())))
    some = list(learnfold.read(place.out, view.name, limit=40))
    row = data.draw(st.sampled_from(some))
    column = data.draw(st.sampled_from(view.columns)).name
    value = row[column]
    operator = data.draw(st.sampled_from(["eq", "ne", "ge", "le", "in"]))
    condition: Any = (
        {operator: [value] if operator == "in" else value}
        if value is not None
        else {"is_null": data.draw(st.booleans())}
    )
    asked = {
        "where": {column: condition},
        "order": data.draw(st.sampled_from([[], [column], [f"-{view.columns[-1].name}"]])),
        "select": data.draw(st.sampled_from([[], [column], [c.name for c in view.columns][::-1]])),
        "limit": data.draw(st.sampled_from([None, 0, 3])),
    }
    here, there = learnfold.read(place.out, view.name, **asked), learnfold.read(address, view.name, **asked)
    assert (here.columns, list(here), here.batch) == (there.columns, list(there), there.batch)
    assert row[column] is None or operator not in {"eq", "in"} or asked["limit"] == 0 or len(here) > 0


def test_rows_are_handed_on_to_what_a_reader_works_with(place: Place) -> None:
    """Arrow, pandas, Polars and DuckDB hold the same, in the same order."""
    rows = learnfold.read(place.out, "video_popularity", order=["-unique_viewers"])
    expected = list(rows)
    assert rows.arrow().to_pylist() == expected
    assert rows.polars().to_dicts() == expected
    assert pl.DataFrame(rows).to_dicts() == expected
    assert pa.table(rows).to_pylist() == expected
    frame = rows.pandas()
    assert list(frame["unique_viewers"]) == [row["unique_viewers"] for row in expected]
    relation = rows.duckdb()
    assert isinstance(relation, duckdb.DuckDBPyRelation)
    assert relation.aggregate("count(*)").fetchall() == [(len(expected),)]


def test_dates_may_be_given_as_dates(place: Place) -> None:
    """And NULL as None."""
    rows = learnfold.read(
        place.out, "auth_daily_active_users", where={"date": {"ge": date(2025, 12, 2), "le": date(2025, 12, 3)}}
    )
    assert [row["date"] for row in rows] == [date(2025, 12, 2), date(2025, 12, 3)]
    rows = learnfold.read(place.out, "video_popularity", where={"course_id": None})
    assert {row["course_id"] for row in rows} == {None}


def test_an_older_batch_is_read_by_name(tmp_path: Path) -> None:
    """Or as previous."""
    place = Place(tmp_path)
    for day, viewer in enumerate(["ann", "bob"], 1):
        place.watch(day, viewer)
        place.run()
    assert len(learnfold.read(place.out, "video_total_watch_time")) == 2
    older = learnfold.read(place.out, "video_total_watch_time", batch="previous")
    assert len(older) == 1
    for address in listening(place):
        again = learnfold.read(address, "video_total_watch_time", batch=older.batch)
        assert (list(again), again.batch) == (list(older), older.batch)


def test_a_token_opens_what_it_is_for(tmp_path: Path) -> None:
    """Without it, or beyond it, the server's reason and hint are the error."""
    place = Place(tmp_path)
    place.watch(1, "ann")
    place.run()
    text, token = new_token("x", None, views=("video_popularity",))
    add_token(tmp_path / "tokens.json", token)
    for address in listening(place, open=False, tokens=str(tmp_path / "tokens.json")):
        assert len(learnfold.read(address, "video_popularity", token=text)) == 1
        with pytest.raises(UsageError, match="learnfold serve token"):
            learnfold.read(address, "video_popularity")
        with pytest.raises(UsageError, match="isn't for who asks"):
            learnfold.read(address, "video_total_watch_time", token=text)


@pytest.mark.parametrize(
    ("view", "asked", "why"),
    [
        ("nothing", {}, "there is no view"),
        ("video_popularity", {"where": {"viewers": 3}}, "no column"),
        ("video_popularity", {"where": {"unique_viewers": "many"}}, "can't be read as"),
        ("video_popularity", {"where": {"unique_viewers": {"gt": 3}}}, "gt"),
        ("video_popularity", {"select": ["viewers"]}, "no column"),
        ("video_popularity", {"limit": -1}, "0 or more"),
    ],
)
def test_what_cant_be_asked_is_refused(place: Place, view: str, asked: dict[str, Any], why: str) -> None:
    """Before anything is read."""
    with pytest.raises(UsageError, match=why):
        learnfold.read(place.out, view, **asked)


def test_where_nothing_is_there_that_is_said(tmp_path: Path) -> None:
    """No batch, no server."""
    with pytest.raises(MissingDataError, match="nothing is published"):
        learnfold.read(tmp_path, "video_popularity")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(StorageError, match="can't be asked"):
        learnfold.read(f"http://127.0.0.1:{port}", "video_popularity")


def test_show_asks_a_server_as_it_asks_files(place: Place, tmp_path: Path) -> None:
    """With any condition and order; what a server refuses is one line."""
    text, token = new_token("x", None, views=("video_*",))
    add_token(tmp_path / "tokens.json", token)
    (tmp_path / "token").write_text(f"{text}\n")
    words = ("--where", "unique_viewers > 2", "--sort", "-total_view_events", "--limit", 3, "--json")
    for address in listening(place, open=False, tokens=str(tmp_path / "tokens.json")):
        files = run_command("show", "video_popularity", place.out, *words)
        asked = run_command("show", "video_popularity", address, "--token-file", tmp_path / "token", *words)
        assert (asked.returncode, asked.stdout) == (0, files.stdout), asked.stderr
        refused = run_command("show", "auth_daily_active_users", address, "--token-file", tmp_path / "token")
        assert (refused.returncode, "isn't for who asks" in refused.stderr) == (2, True)
        missing = run_command("show", "video_popularity", address, "--token-file", tmp_path / "none")
        assert (missing.returncode, "there is no file" in missing.stderr) == (2, True), missing.stderr


def test_importing_learnfold_imports_nothing_heavy() -> None:
    """``read`` is loaded when it is asked for."""
    import subprocess
    import sys

    script = "import sys, learnfold; assert not {'duckdb', 'sqlglot'} & set(sys.modules); learnfold.read; assert 'duckdb' in sys.modules"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'write'"):
        _ = learnfold.write
