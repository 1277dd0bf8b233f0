"""A session without a run: what comes by any relation is folded into tables, and views are refreshed from tables and files alike."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.batch.rollup_rows import rows_of
from learnfold.batch.sources import waves
from learnfold.engines import DayCounts, RefreshRequest, TableRows
from learnfold.engines.duckdb import DuckDBSession, decode
from learnfold.engines.duckdb.events import single_events
from learnfold.engines.duckdb.footers import FileSchema
from learnfold.engines.duckdb.refresh import answer_of
from learnfold.engines.duckdb.rollups import RollupCache, rollup_select
from learnfold.engines.event_source import EventSource, needed_fields
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from learnfold.storage.intact import IntactFiles
from promises.dataset import Dataset
from promises.messages import TOPICS, streams
from promises.views import expected, run_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from learnfold.catalog import Job, Topic

pytestmark = pytest.mark.slow

MESSAGES = FileSchema((("value", "BLOB"), ("partition", "INTEGER"), ("offset", "BIGINT")))
ZONES = Settings(platform_zone="America/New_York", reporting_zone="Asia/Ho_Chi_Minh")

Days = dict[str, dict["date", DayCounts]]


def delivered(folder: Path, job: str, data: st.DataObject) -> Dataset:
    """A file of messages a topic."""
    dataset = Dataset(folder / "master")
    for topic in TOPICS[job]:
        dataset.add(topic, data.draw(streams(topic)), shape="kafka", folder="{topic}")
    return dataset


def fold(session: DuckDBSession, job: Job, dataset: Dataset) -> Days:
    """Makes a table of each rollup from the messages, and returns what each day of each topic holds."""
    found: Days = {}
    for topic in job.topics:
        (file,) = (dataset.root / f"topic={topic.name}").glob("*.parquet")
        with session.cursor() as cursor:
            cursor.execute(f"CREATE TEMP TABLE messages AS FROM read_parquet('{file}')")
            rollups = [rollup for rollup in job.rollups if rollup.topic.name == topic.name]
            with single_events(cursor, _source(topic, needed_fields(topic, rollups))) as days:
                for rollup in rollups:
                    cursor.execute(f"CREATE TABLE live_{rollup.name} AS {rollup_select(rollup)}")
            found[topic.name] = days
    return found


def _source(topic: Topic, fields: Sequence[str]) -> EventSource:
    messages = decode.Relation("messages", row="rowid")
    return EventSource(topic, fields, lambda names: decode.select_from(topic, MESSAGES, messages, names))


def differences(cache: RollupCache, job: Job, rows: dict[str, tuple], dataset: Dataset) -> list[str]:
    """How views that are refreshed from these rows of their rollups differ from those that are expected."""
    answers = expected(dataset.messages, job.name, ZONES)
    found = []
    for view in (view for wave in waves(job) for view in wave):  # each behind those that it reads
        request = RefreshRequest(view, {rollup.name: rows[rollup.name] for rollup in view.rollups}, "", merged=rows)
        with cache.session.cursor() as cursor:
            answer = answer_of(cursor, request, cache, {})
            names = [column.name for column in view.columns]
            actual = cursor.execute(f"SELECT {answer.columns} FROM answer").fetchall()
            cursor.execute(f"CREATE OR REPLACE TABLE {view.name} AS SELECT {answer.columns} FROM answer")
        actual = [dict(zip(names, row, strict=True)) for row in actual]
        found += [f"{view.name}: {text}" for text in oracle.same(answers[view.name], actual, view.key)]
    return found


@pytest.mark.parametrize("job", TOPICS)
@given(data=st.data())
def test_messages_folded_into_tables_give_the_views_of_the_contract(job: str, data: st.DataObject) -> None:
    """Without a file written: duplicates and invalid events among them, in any zones."""
    subject = catalog.load().jobs[job]
    with TemporaryDirectory() as folder, DuckDBSession(ZONES) as session:
        dataset = delivered(Path(folder), job, data)
        fold(session, subject, dataset)
        cache = RollupCache(session, IntactFiles(FolderStorage(f"{folder}/nothing")))
        rows = {rollup.name: (TableRows(f"live_{rollup.name}"),) for rollup in subject.rollups}
        assert differences(cache, subject, rows, dataset) == []
        assert not (Path(folder) / "nothing").exists()


@pytest.mark.parametrize("job", TOPICS)
@given(data=st.data())
def test_some_days_of_files_and_the_others_of_tables_give_the_same_views(job: str, data: st.DataObject) -> None:
    """Whichever days a batch answers for, and the session for the rest; both count the same events of each day."""
    subject = catalog.load().jobs[job]
    with TemporaryDirectory() as folder, DuckDBSession(ZONES) as session:
        dataset, out = delivered(Path(folder), job, data), Path(folder) / "out"
        run_job(dataset.root, out, job, ZONES)
        counts = fold(session, subject, dataset)
        manifest, _ = read_current(FolderStorage(str(out)))
        rows: dict[str, tuple] = {}
        for name, topic in manifest.jobs[job].topics.items():
            assert topic.days == counts[name]
            days = set(topic.days)
            batch = {day for day in sorted(days) if data.draw(st.booleans())}
            for rollup, record in topic.rollups.items():
                rows[rollup] = (*rows_of(record.files, batch), TableRows(f"live_{rollup}", frozenset(days - batch)))
        assert differences(RollupCache(session, IntactFiles(FolderStorage(str(out)))), subject, rows, dataset) == []
