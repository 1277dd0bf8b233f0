"""The laws of states: they answer as the view does, and they merge."""

from __future__ import annotations

from array import array
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tries
from learnfold.batch import states as keeping
from learnfold.batch.context import Workspace
from learnfold.batch.manifest import read_current
from learnfold.batch.rollup_rows import rows_of
from learnfold.catalog import load
from learnfold.catalog.hashes import hash_of
from learnfold.engines import FileRows
from learnfold.engines.duckdb.rollups import rows_by_day
from learnfold.operate.rollback import rollback
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from promises.dataset import SHAPES, Dataset, day_folders, folders
from promises.messages import TOPICS, streams
from promises.typed_events import events, fold
from promises.views import run_job, views_of

if TYPE_CHECKING:
    from learnfold.catalog import Rollup, View
    from learnfold.engines import RollupRows

pytestmark = pytest.mark.slow

VIEWS = load().views


@pytest.mark.parametrize("name", VIEWS)
@given(data=st.data())
def test_states_of_rollups_answer_as_the_view_does(name: str, data: st.DataObject) -> None:
    """Of any events: the outer SQL over the states gives every row of the view, bit for bit."""
    view = VIEWS[name]
    with duckdb.connect() as connection:
        fold(connection, view.all_rollups, {topic.name: data.draw(events(topic)) for topic in view.topics})
        for state in view.plan.states:
            connection.execute(f"CREATE TABLE {state.name} AS {state.select}")
        assert _differ(connection, view.plan.query, _asked(view)) == []


@pytest.mark.parametrize("name", VIEWS)
@given(data=st.data())
def test_states_of_parts_merge_to_the_states_of_the_whole(name: str, data: st.DataObject) -> None:
    """Whatever parts the events are cut into: what each adds, told which tuples are known already, makes the states of all."""
    view = VIEWS[name]
    plan = view.plan
    drawn = {topic.name: data.draw(events(topic)) for topic in view.topics}
    count = data.draw(st.integers(2, 4))
    parts: list[dict[str, list]] = [{topic: [] for topic in drawn} for _ in range(count)]
    for topic, held in drawn.items():
        for event in held:
            parts[data.draw(st.integers(0, count - 1))][topic].append(event)
    sets = {found.name: found for found in plan.sets}
    known = {found.name: f"known_{found.name}" for found in plan.sets}
    with duckdb.connect() as connection:
        fold(connection, view.all_rollups, drawn)
        for state in plan.states:
            connection.execute(f"CREATE TABLE whole_{state.name} AS {state.select}")
            connection.execute(f"CREATE TABLE {state.name} AS FROM whole_{state.name} LIMIT 0")
        for found in plan.sets:
            connection.execute(f"CREATE TABLE all_{found.name} AS {found.select}")
            connection.execute(f"CREATE TABLE known_{found.name} AS FROM all_{found.name} LIMIT 0")
        for part in parts:
            fold(connection, view.all_rollups, part)
            for state in plan.states:
                source = f"(SELECT * FROM {state.name} UNION ALL SELECT * FROM ({state.added(sets, known)}))"
                connection.execute(f"CREATE TABLE merged AS {state.merged(source)}")
                connection.execute(f"DROP TABLE {state.name}")
                connection.execute(f"ALTER TABLE merged RENAME TO {state.name}")
            for found in plan.sets:
                connection.execute(f"INSERT INTO known_{found.name} ({found.select}) EXCEPT FROM known_{found.name}")
        for state in plan.states:
            assert _differ(connection, f"FROM {state.name}", f"FROM whole_{state.name}") == []
        for found in plan.sets:
            assert _differ(connection, f"FROM known_{found.name}", f"FROM all_{found.name}") == []


@pytest.mark.parametrize("job", TOPICS)
@given(data=st.data())
def test_what_a_batch_keeps_answers_as_what_it_published(job: str, data: st.DataObject) -> None:
    """Messages of every kind, however they lie, in two runs: states, be they files or a view's own rows, give the files of its views.

    And its sets are the tuples of the rollups that it holds then.
    """
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        dataset, out = Dataset(Path(folder) / "master"), Path(folder) / "out"
        for _ in range(2):
            for topic in TOPICS[job]:
                shape, where = data.draw(SHAPES), data.draw(folders())
                dataset.add(topic, data.draw(streams(topic)), shape=shape, folder=where)
            run_job(dataset.root, out, job, Settings(states=True))
        current, _ = read_current(FolderStorage(str(out)))
        assert current is not None
        record = current.jobs[job]
        for rollup in load().jobs[job].rollups:
            files = record.topics[rollup.topic.name].rollups[rollup.name].files
            connection.execute(f"CREATE VIEW {rollup.name} AS {_rows(rollup, rows_of(files), out)}")
        wanted = {one.name: one for view in views_of(job) for one in VIEWS[view].plan.sets}
        assert record.sets.keys() == wanted.keys()
        for name, kept in record.sets.items():
            tuples = connection.execute(wanted[name].select).fetchall()
            hashes = array("Q")
            hashes.frombytes((out / kept.path).read_bytes())
            assert sorted(hash_of(*values) for values in tuples) == list(hashes), name
        for view in views_of(job):
            plan = VIEWS[view].plan
            published = f"(FROM '{out / record.views[view].paths[0]}')"
            for state in plan.states:
                own = ", ".join(f"{a} AS {b.name}" for a, b in zip(state.shown, state.columns, strict=False))
                kept_rows = (
                    f"SELECT {own} FROM {published}" if own else f"FROM '{out / record.states[state.name].path}'"
                )
                connection.execute(f"CREATE OR REPLACE TABLE state AS {kept_rows}")
                assert own or _differ(connection, "FROM state", state.select) == [], state.name
                connection.execute(
                    f"CREATE OR REPLACE TABLE {state.name} AS FROM state"
                )  # where a view says 0, a sum may be NULL
            shown = f"SELECT {', '.join(c.name for c in VIEWS[view].columns)} FROM {published}"
            assert _differ(connection, plan.query, shown) == [], view


@pytest.mark.parametrize("job", TOPICS)
@settings(max_examples=tries(5), deadline=None)
@given(data=st.data())
def test_what_runs_keep_is_what_one_run_makes_whole(job: str, data: st.DataObject) -> None:
    """Days that come, days that change, batches that are published again: states row by row and sets byte by byte, whatever was merged."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping, "MERGING_SHARE", 1.0)
        dataset, out, whole = Dataset(Path(folder) / "master"), Path(folder) / "out", Path(folder) / "whole"
        steps = data.draw(st.lists(st.sampled_from(["day", "day", "late", "rollback"]), min_size=2, max_size=4))
        for number, step in enumerate(["late", *steps, "day"]):
            if step == "rollback":
                _back(out)
                continue
            for topic in TOPICS[job]:
                items = data.draw(streams(topic, 12))
                if step == "day":
                    day = f"2025-12-{number + 1:02d}"
                    items = [{**item, "timestamp": f"{day} 10:00:00"} for item in items if isinstance(item, dict)]
                    at = f"{{topic}}/year=2025/month=12/day={day[-2:]}"
                else:
                    at = data.draw(day_folders())
                dataset.add(topic, items, shape=data.draw(SHAPES), folder=at)
            run_job(dataset.root, out, job, Settings(states=True))
        run_job(dataset.root, whole, job, Settings(states=True))
        assert _kept(out, job) == _kept(whole, job)


def _back(out: Path) -> None:
    """Publishes the batch before again, if there is one."""
    current, _ = read_current(FolderStorage(str(out)))
    assert current is not None
    if current.parent is not None:
        rollback(Workspace(FolderStorage(str(out)), load(), Settings(states=True)), "previous")


def _kept(out: Path, job: str) -> dict[str, object]:
    """By state its columns and rows in their order, by set its bytes."""
    current, _ = read_current(FolderStorage(str(out)))
    assert current is not None
    record, found = current.jobs[job], {}
    for name, kept in record.sets.items():
        found[name] = (kept.rows, kept.sha256, (out / kept.path).read_bytes())
    for name, kept in record.states.items():
        table = pq.read_table(out / kept.path)
        found[name] = (kept.rows, table.column_names, table.schema.types, table.to_pylist())
    return found


def _rows(rollup: Rollup, sources: tuple[RollupRows, ...], out: Path) -> str:
    """The SELECT of a rollup's rows in its files."""
    held = [source for source in sources if isinstance(source, FileRows)]
    return rows_by_day(rollup, held, {source.path: str(out / source.path) for source in held})


def _asked(view: View) -> str:
    """The view's SELECT over rollups; the views that it reads stand before it, since a state may be called as one."""
    below = ", ".join(f"{read.name} AS ({_asked(read)})" for read in view.views)
    return f"WITH {below} {view.rewrites[frozenset()].select}" if below else view.rewrites[frozenset()].select


def _differ(connection: duckdb.DuckDBPyConnection, got: str, expected: str) -> list[tuple[object, ...]]:
    """Rows that only one of two queries gives; both columns' types where these differ."""
    kinds = [[row[:2] for row in connection.execute(f"DESCRIBE {query}").fetchall()] for query in (got, expected)]
    if kinds[0] != kinds[1]:
        return [tuple(kinds)]
    more = connection.execute(f"({got}) EXCEPT ALL ({expected})").fetchall()
    return more + connection.execute(f"({expected}) EXCEPT ALL ({got})").fetchall()
