"""The laws of states: they answer as the view does, and they merge."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnfold.catalog import load
from promises.dataset import SHAPES, Dataset, folders
from promises.messages import TOPICS, streams
from promises.typed_events import events, fold
from promises.views import run_job, views_of

if TYPE_CHECKING:
    from learnfold.catalog import View

VIEWS = load().views


@pytest.mark.parametrize("name", VIEWS)
@given(data=st.data())
def test_states_of_rollups_answer_as_the_view_does(name: str, data: st.DataObject) -> None:
    """Of any events: the outer SQL over the states gives every row of the view, bit for bit."""
    view = VIEWS[name]
    with duckdb.connect() as connection:
        fold(connection, view.rollups, {topic.name: data.draw(events(topic)) for topic in view.topics})
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
        fold(connection, view.rollups, drawn)
        for state in plan.states:
            connection.execute(f"CREATE TABLE whole_{state.name} AS {state.select}")
            connection.execute(f"CREATE TABLE {state.name} AS FROM whole_{state.name} LIMIT 0")
        for found in plan.sets:
            connection.execute(f"CREATE TABLE all_{found.name} AS {found.select}")
            connection.execute(f"CREATE TABLE known_{found.name} AS FROM all_{found.name} LIMIT 0")
        for part in parts:
            fold(connection, view.rollups, part)
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
def test_states_of_what_a_batch_folded_answer_as_what_it_published(job: str, data: st.DataObject) -> None:
    """Messages of every kind, however they lie: the states of the rollup files of a run give the files of its views."""
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        dataset = Dataset(Path(folder) / "master")
        for topic in TOPICS[job]:
            shape, where = data.draw(SHAPES), data.draw(folders())
            dataset.add(topic, data.draw(streams(topic)), shape=shape, folder=where)
        out = Path(folder) / "out"
        run_job(dataset.root, out, job)
        batch = json.loads((out / "_batches" / "current.json").read_text())["batch"]
        manifest = json.loads((out / "_batches" / batch / "manifest.json").read_text())
        for topic in manifest["jobs"][job]["topics"].values():
            for name, record in topic["rollups"].items():
                files = [f"'{out / part['path']}'" for part in record["parts"]]
                columns = load().rollups[name].columns
                made = ", ".join(c.name for c in columns)
                empty = ", ".join(f"CAST(NULL AS {c.type}) AS {c.name}" for c in columns)
                read = f"SELECT {made} FROM read_parquet([{', '.join(files)}])" if files else f"SELECT {empty} LIMIT 0"
                connection.execute(f"CREATE VIEW {name} AS {read}")
        for view in views_of(job):
            plan = VIEWS[view].plan
            for state in plan.states:
                connection.execute(f"CREATE TABLE {state.name} AS {state.select}")
            published = (
                f"SELECT {', '.join(c.name for c in VIEWS[view].columns)} FROM '{out / view}/part-00000.parquet'"
            )
            assert _differ(connection, plan.query, published) == [], view


def _asked(view: View) -> str:
    return view.rewrites[frozenset()].select


def _differ(connection: duckdb.DuckDBPyConnection, got: str, expected: str) -> list[tuple[object, ...]]:
    """Rows that only one of two queries gives; both columns' types where these differ."""
    kinds = [[row[:2] for row in connection.execute(f"DESCRIBE {query}").fetchall()] for query in (got, expected)]
    if kinds[0] != kinds[1]:
        return [tuple(kinds)]
    more = connection.execute(f"({got}) EXCEPT ALL ({expected})").fetchall()
    return more + connection.execute(f"({expected}) EXCEPT ALL ({got})").fetchall()
