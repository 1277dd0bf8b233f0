"""Spark gives what DuckDB gives: the same views, rollups, facts and quarantine, in any mixture of the two."""

from __future__ import annotations

import dataclasses
import json
import math
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from conftest import tries
from learnfold import catalog
from learnfold.batch.context import Workspace
from learnfold.batch.manifest import JobRecord, read_current
from learnfold.batch.request import RunRequest
from learnfold.batch.run import RunReport, run
from learnfold.engines.spark import cached, exam, fold, footers, session, values, writing
from learnfold.engines.spark.bulk_footers import read_footers
from learnfold.engines.spark.dialect import spark_type
from learnfold.engines.spark.events import Events
from learnfold.errors import CheckError, DataError, StorageError
from learnfold.generate import Semester, generate
from learnfold.operate.verify import verify
from learnfold.privacy.erase import erase
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from oracle import KEYS
from oracle.fields import TOPIC_FIELDS
from promises.absence import places, without
from promises.dataset import SHAPES, Dataset, folders
from promises.messages import TOPICS, streams
from promises.retractions import check_any_order
from promises.views import differences, run_job, views_of
from services.on_spark import on_spark, spark

sys.path.append(str(Path(__file__).parents[1] / "unit"))

import made_semester
import small_catalog
import test_runs_of_views_of_views as of_views

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["spark"]
pytestmark = [pytest.mark.services, pytest.mark.slow]

ZONES = Settings(platform_zone="America/New_York", reporting_zone="Asia/Ho_Chi_Minh", skip_unreadable=True)
PLAIN = Settings(skip_unreadable=True)


@pytest.fixture(autouse=True)
def one_session(spark: SparkSession) -> Iterator[None]:
    """Every run of this module uses it, and leaves nothing in its memory."""
    yield
    assert spark.sparkContext._jsc.sc().getPersistentRDDs().size() == 0  # type: ignore[union-attr]


def run_all(master: Path, out: Path, with_settings: Settings, **more: Any) -> RunReport:
    """All jobs."""
    return run(RunRequest(str(master), str(out), **more), catalog.load(), with_settings)


def table(out: Path, view: str) -> pa.Table:
    """A view at the place that the seed promises, all its files; sorted where an engine may put what is new at the end."""
    found = pa.concat_tables([pq.ParquetFile(file).read() for file in sorted((out / view).glob("part-*.parquet"))])
    asked = catalog.load().views[view]
    if any(asked.lists(rollup) for rollup in asked.rollups):
        return found.sort_by([(name, "ascending") for name in asked.key])
    return found


def unequal(one: Path, other: Path, job: str | None = None) -> list[str]:
    """The views (of the job) that differ in a type, a value or the order of rows."""
    return [view for view in views_of(job) if not same(table(one, view), table(other, view))]


def same(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables are equal: doubles to 1e-9, all else exactly; whether a column could hold a NULL doesn't matter."""
    types = [[(field.name, field.type) for field in t.schema] for t in (one, other)]
    rows = zip(one.to_pylist(), other.to_pylist(), strict=False)
    return (
        types[0] == types[1]
        and one.num_rows == other.num_rows
        and all(close(a[name], b[name]) for a, b in rows for name in a)
    )


def close(one: object, other: object) -> bool:
    """Whether two values are equal."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other


def facts(out: Path) -> dict[str, Any]:
    """What the manifest says of the events."""
    manifest, _ = read_current(FolderStorage(str(out)))
    assert manifest is not None
    return {name: _facts(job) for name, job in manifest.jobs.items()}


def _facts(job: JobRecord) -> dict[str, Any]:
    return {
        topic: {
            "days": record.days,
            "unreadable": sorted(record.unreadable),
            "files": {path: (f.rows, f.days, f.quarantined, f.offsets) for path, f in record.files.items()},
        }
        for topic, record in job.topics.items()
    }


def quarantine(out: Path) -> list[dict[str, Any]]:
    """All invalid events, what is JSON parsed, in the order of where they came from."""
    found = []
    for file in (out / "_quarantine").rglob("*.parquet"):
        found += pq.ParquetFile(file).read().to_pylist()
    for row in found:
        try:
            row["event"] = json.loads(row["event"])
        except (TypeError, ValueError):
            continue
    return sorted(found, key=lambda row: (row["file"], row["row"]))


@pytest.fixture(scope="module")
def semester(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of awkward events, and late ones: shapes and types mixed, copies, late ones, broken ones, and two files that are none."""
    master = tmp_path_factory.mktemp("semester") / "master"
    about = {"duplicates": 0.1, "late": 0.05, "out_of_order": 0.1, "malformed": 0.05}
    generate(Semester(events=3000, days=1, awkward=True, **about), master)  # type: ignore[arg-type]
    broken = master / "topic=video_topic" / "year=2025" / "month=09" / "day=01"
    (broken / "none.parquet").write_bytes(b"PAR1 this is none PAR1")
    cut(broken / "cut.parquet")
    return master


def cut(path: Path) -> None:
    """A file whose footer is fine and whose pages aren't."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 2000
    columns = {
        "event_type": ["VIDEO_WATCHED"] * rows,
        "user_id": [f"u{random.Random(row).random()}" for row in range(rows)],
        "timestamp": ["2025-09-01 10:00:00"] * rows,
    }
    pq.write_table(pa.table(columns), path, use_dictionary=False, compression="zstd")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle - 2000 : middle + 2000] = bytes(4000)
    path.write_bytes(content)


@pytest.fixture(scope="module")
def on_duckdb(semester: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset's views by DuckDB."""
    out = tmp_path_factory.mktemp("duckdb") / "out"
    run_all(semester, out, PLAIN)
    return out


@pytest.fixture(scope="module")
def on_both(
    semester: Path, on_duckdb: Path, tmp_path_factory: pytest.TempPathFactory, spark: SparkSession
) -> tuple[Path, Path]:
    """The same dataset's views by DuckDB and by Spark."""
    out = tmp_path_factory.mktemp("spark") / "out"
    run_all(semester, out, on_spark(PLAIN))
    return on_duckdb, out


def test_all_views_are_equal(on_both: tuple[Path, Path]) -> None:
    """All of the catalogue, by value, type and order of rows."""
    assert len(views_of()) >= 37
    assert unequal(*on_both) == []


def test_all_views_are_what_the_contract_says(semester: Path, on_both: tuple[Path, Path]) -> None:
    """The oracle, which shares no code with either engine, says the same."""
    readable = {topic: [] for topic in TOPIC_FIELDS} | made_semester.dataset(semester)
    answers = oracle.answers(readable, "UTC", "UTC")
    wrong = {view: oracle.same(answers[view], table(on_both[1], view).to_pylist(), KEYS[view]) for view in answers}
    assert {view: lines[:3] for view, lines in wrong.items() if lines} == {}


def test_zones_mean_the_same(semester: Path, tmp_path: Path, spark: SparkSession) -> None:
    """Times without an offset, and dates and hours elsewhere, of one subject: planning all of them takes minutes."""
    run_job(semester, tmp_path / "duckdb", "auth", ZONES)
    run_job(semester, tmp_path / "spark", "auth", on_spark(ZONES))
    assert unequal(tmp_path / "duckdb", tmp_path / "spark", "auth") == []


def test_what_is_kept_is_not_worked_out_again(spark: SparkSession) -> None:
    """Queries over it read it alone, however it was made: of plans that read JSON, two copies aren't always equal."""
    columns = [f"{values.json_id('text', 'text', f'n{number}')} AS n{number}" for number in range(20)]
    frame = spark.range(3).selectExpr("CAST(id AS STRING) AS text").selectExpr("text", *columns)
    kept = cached.KeptRows(frame, "kept")
    try:
        joined = spark.sql("SELECT a.n1 FROM kept AS a LEFT ANTI JOIN kept AS b ON a.text = b.n2")
        for read in (kept.rows, joined):
            leaves = read._jdf.queryExecution().optimizedPlan().collectLeaves()
            assert {leaves.apply(number).nodeName() for number in range(leaves.length())} == {"InMemoryRelation"}
        assert sorted(row["text"] for row in kept.rows.collect()) == ["0", "1", "2"]
    finally:
        kept.forget()


def test_what_differs_in_names_alone_has_its_own_and_is_forgotten_last_of_all(spark: SparkSession) -> None:
    """Spark keeps the rows of both once: the second has its names, is read when the first is forgotten, and leaves nothing."""
    one, other = (cached.KeptRows(spark.range(3).selectExpr(f"id + 1 AS {name}"), name) for name in ("one", "other"))
    assert one.rows.columns == ["one"]
    assert one.rows.count() == 3
    one.forget()
    assert sorted(row["other"] for row in other.rows.collect()) == [1, 2, 3]
    other.forget()
    assert spark.sparkContext._jsc.sc().getPersistentRDDs().size() == 0  # type: ignore[union-attr]


def test_all_facts_are_equal(on_both: tuple[Path, Path]) -> None:
    """Rows, days, copies, reasons, offsets and unreadable files."""
    duckdb, on_spark = map(facts, on_both)
    assert duckdb == on_spark
    assert len(duckdb["video"]["video_topic"]["unreadable"]) == 2


def test_the_quarantine_is_equal(on_both: tuple[Path, Path]) -> None:
    """Every invalid event, whole, with its reason and place."""
    duckdb, on_spark = map(quarantine, on_both)
    assert len(duckdb) > 50
    assert duckdb == on_spark


def test_nothing_is_left_of_what_spark_staged(on_both: tuple[Path, Path]) -> None:
    """No staging folder, none of Spark's own files."""
    names = [path.relative_to(on_both[1]).as_posix() for path in on_both[1].rglob("*") if path.is_file()]
    assert [name for name in names if "_staging" in name or "_SUCCESS" in name or name.endswith(".crc")] == []


def test_views_of_spark_are_verified_and_people_erased_from_them_by_spark(tmp_path: Path) -> None:
    """What it published is what it works out anew; afterwards a person is nowhere, and the views are those of all others."""
    master, out, settings = tmp_path / "master", tmp_path / "out", on_spark()
    dataset = Dataset(master)
    for day in (1, 2):
        events = [
            {
                "event_id": f"{day}-{number}",
                "event_type": "VIDEO_WATCHED",
                "user_id": f"student{number % 5}",
                "timestamp": f"2025-11-0{day} 1{number % 10}:00:00",
                "video_id": f"v{number % 3}",
                "course_id": "c",
                "watch_duration_seconds": number,
            }
            for number in range(20)
        ]
        dataset.add(
            "video_topic",
            events,
            shape=["flat", "envelope"][day % 2],
            folder=f"{{topic}}/year=2025/month=11/day=0{day}",
        )
        run_job(master, out, "video", settings)
    workspace = Workspace(FolderStorage(str(out)), catalog.load(), settings)
    assert verify(workspace, str(master), ["video"]).right
    done = erase(workspace, "student3", str(master), dry_run=False)
    assert done.receipt is not None
    assert done.receipt.rows_by_topic == {"video_topic": 8}
    assert places(tmp_path, "student3") == []
    assert differences(out, without(dataset.messages, "student3"), "video") == []
    assert verify(workspace, str(master), ["video"]).right


def test_views_of_views_are_equal(tmp_path: Path) -> None:
    """Of several subjects, through views above them, at first and after a change below."""
    place = of_views.Place(tmp_path)
    for day, users in ((1, ("u1", "u2")), (2, ("u2",)), (3, ("u1", "u2"))):
        place.add("book_topic", day, *users, book_id=f"b{day}")
        place.add("film_topic", day, *users[:1], film_id=f"f{day}")
        for engine in (Settings(), on_spark()):
            out = tmp_path / engine.engine
            run(RunRequest(str(place.dataset.root), str(out)), of_views.CATALOG, engine)
        for view in of_views.VIEWS:
            assert place.rows(view, tmp_path / "duckdb") == place.rows(view, tmp_path / "spark"), view
    assert place.rows("how_many", tmp_path / "spark") != []


@pytest.mark.parametrize("first", ["duckdb", "spark"])
def test_one_asks_views_of_the_rollups_that_the_other_folded(
    semester: Path, on_both: tuple[Path, Path], first: str, tmp_path: Path
) -> None:
    """With the views gone and no event read again, the other engine's views are the same."""
    folded, out = on_both[first == "spark"], tmp_path / "out"
    shutil.copytree(folded, out)
    for file in (out / "_batches").glob("*/*/part-*.parquet"):
        file.unlink()
    other = on_spark(PLAIN) if first == "duckdb" else PLAIN
    report = run_all(semester, out, other)
    assert report.batch is not None
    assert all(job.folded_days == 0 for job in report.manifest.jobs.values())
    assert {view.digest.split(":")[0] for view in report.manifest.views.values()} == {other.engine}
    assert unequal(folded, out) == []


def test_runs_may_take_turns(tmp_path: Path) -> None:
    """Days that arrive, late events, a file that goes: each run by the other engine, and by one in slices of the other's views."""
    dataset, out = Dataset(tmp_path / "master"), tmp_path / "out"
    engines = [Settings(), on_spark()]
    for step in range(6):
        day = 1 + step if step < 5 else 2  # the last one is late
        for job in ("video", "course"):
            (topic,) = TOPICS[job]
            events = [
                {
                    "event_id": f"{topic}{step}-{number}",
                    "event_type": ["VIDEO_WATCHED", "COURSE_ENROLLED"][job == "course"],
                    "user_id": f"u{(number * step) % 7}",
                    "timestamp": f"2025-11-0{day} 1{number % 10}:00:00",
                    "video_id": f"v{number % 3}",
                    "course_id": f"c{(number + step) % 2}",
                    "watch_duration_seconds": number * 10,
                }
                for number in range(20)
            ]
            dataset.add(
                topic, events, shape=["flat", "envelope"][step % 2], folder=f"{{topic}}/year=2025/month=11/day=0{day}"
            )
            run_job(dataset.root, out, job, engines[step % 2])
            assert differences(out, dataset.messages, job) == [], (step, job)
    manifest, _ = read_current(FolderStorage(str(out)))
    assert manifest is not None
    assert {view.how for view in manifest.views.values()} >= {"slices"}
    for job in ("video", "course"):
        assert run_job(dataset.root, out, job, engines[0]).batch is None, "nothing is new for either"
        assert run_job(dataset.root, out, job, engines[1]).batch is None


@given(data=st.data())
@settings(max_examples=tries(2), deadline=None)
def test_any_layout_of_the_events_gives_the_views_of_the_contract(data: st.DataObject) -> None:
    """However events are spread over files, shapes, folders and days, all views equal the oracle's."""
    job = data.draw(st.sampled_from(sorted(TOPICS)))
    zones = on_spark(Settings(platform_zone=data.draw(st.sampled_from(["UTC", "America/New_York"]))))
    with TemporaryDirectory() as folder:
        dataset = Dataset(Path(folder) / "master")
        for topic in TOPICS[job]:
            stream = data.draw(streams(topic))
            half = data.draw(st.integers(0, len(stream)))
            for piece in (stream[:half], stream[half:], []):
                dataset.add(topic, piece, shape=data.draw(SHAPES), folder=data.draw(folders()))
        run_job(dataset.root, Path(folder) / "out", job, zones)
        assert differences(Path(folder) / "out", dataset.messages, job, zones) == []


ENDLESS = 10**9
BOUNDS = {
    "Spark folds, DuckDB refreshes": ((0, ENDLESS, ENDLESS), {"duckdb", "spark"}, {"duckdb"}),
    "DuckDB folds, Spark refreshes": ((ENDLESS, 0, ENDLESS), {"duckdb", "spark"}, {"spark"}),
    "one row is the driver's": ((1, 1, ENDLESS), {"spark"}, {"spark"}),
    "no byte is": ((ENDLESS, ENDLESS, 1), {"spark"}, {"spark"}),
    "all is": ((ENDLESS, ENDLESS, ENDLESS), {"duckdb"}, {"duckdb"}),
}
"""By case the bounds of the driver in events, rows and bytes, the engines that worked, and those that views are of."""


def bounded(events: int, rows: int, size: int, with_settings: Settings | None = None) -> Settings:
    """Both engines, with these bounds for the driver."""
    on = dataclasses.replace(with_settings or Settings(), engine="auto")
    return dataclasses.replace(on, driver_events=events, driver_rows=rows, driver_bytes=size)


@pytest.mark.parametrize("case", BOUNDS)
def test_two_engines_in_one_run_give_what_one_gives(semester: Path, on_duckdb: Path, case: str, tmp_path: Path) -> None:
    """Wherever the bounds are: the same views, facts and quarantine; the manifest says which engine worked and refreshed."""
    bounds, worked, refreshed = BOUNDS[case]
    report = run_job(semester, tmp_path / "out", "video", bounded(*bounds, PLAIN))
    assert unequal(on_duckdb, tmp_path / "out", "video") == []
    assert facts(on_duckdb)["video"] == facts(tmp_path / "out")["video"]
    assert [row for row in quarantine(on_duckdb) if "topic=video_topic" in row["file"]] == quarantine(tmp_path / "out")
    assert report.manifest.versions.keys() & {"duckdb", "spark"} == worked
    assert {view.digest.split(":")[0] for view in report.manifest.views.values()} == refreshed


@given(data=st.data())
@settings(max_examples=tries(2), deadline=None)
def test_days_that_come_one_by_one_give_the_views_of_the_contract_within_any_bounds(data: st.DataObject) -> None:
    """Each run with bounds of its own, late days and copies among the events."""
    job = data.draw(st.sampled_from(sorted(TOPICS)))
    with TemporaryDirectory() as folder:
        dataset = Dataset(Path(folder) / "master")
        for _ in range(3):
            for topic in TOPICS[job]:
                dataset.add(topic, data.draw(streams(topic)), shape=data.draw(SHAPES), folder=data.draw(folders()))
            events, rows = (data.draw(st.sampled_from([0, 1, 5, ENDLESS])) for _ in range(2))
            on = bounded(events, rows, ENDLESS)
            run_job(dataset.root, Path(folder) / "out", job, on)
            assert differences(Path(folder) / "out", dataset.messages, job, on) == []


@given(data=st.data())
@settings(max_examples=tries(2), deadline=None)
def test_any_order_of_events_and_words_gives_the_rows_of_what_remains(data: st.DataObject) -> None:
    """An event that was taken back never was, whichever came first: as on DuckDB."""
    check_any_order(data, on_spark())


def test_footers_of_many_files_are_read_as_of_each_alone(semester: Path, spark: SparkSession) -> None:
    """One call for all of them finds the same rows and shapes, and leaves those that can't be read to be looked at by themselves."""
    reader = footers.FooterReader(session.Session(spark, started=False, settings={}))
    places = [f"file://{path}" for path in sorted(semester.rglob("*.parquet"))] + ["file:///gone.parquet"]
    assert len(places) > footers._FEW
    found = reader.footers(places)
    assert len({footer.shape for footer in found.found.values()}) > 5
    alone = [reader.footers([place]) for place in places]
    assert found.found == {place: footer for one in alone for place, footer in one.found.items()}
    assert found.unreadable == {place: why for one in alone for place, why in one.unreadable.items()}
    assert len(found.unreadable) == 2
    none_by_one_call = read_footers(spark._jvm, spark._jsparkSession.sessionState().newHadoopConf(), places)
    assert [one is None for one in none_by_one_call] == [place in found.unreadable for place in places]


def test_files_that_cannot_be_read_stop_a_run_by_name(semester: Path, tmp_path: Path) -> None:
    """Each is named with why, and nothing is published."""
    with pytest.raises(DataError) as refused:
        run_job(semester, tmp_path / "out", "video", on_spark())
    assert "none.parquet: " in str(refused.value)
    (semester / "topic=auth_topic").mkdir(exist_ok=True)
    master = tmp_path / "master"
    cut(master / "topic=auth_topic" / "cut.parquet")
    with pytest.raises(DataError) as refused:
        run_job(master, tmp_path / "out", "auth", on_spark())
    assert "topic=auth_topic/cut.parquet: " in str(refused.value)
    assert not (tmp_path / "out" / "_batches" / "current.json").exists()


@pytest.mark.parametrize("after", ["show_single", "close"])
def test_a_file_replaced_while_it_is_read_stops_the_run(
    after: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever that is: rollups of its old rows and its new ones are never published, and the next run reads the new ones."""
    dataset, out = Dataset(tmp_path / "master"), tmp_path / "out"
    login = {"event_type": "LOGIN", "user_id": "before", "timestamp": "2025-11-01 10:00:00"}
    file = dataset.add("auth_topic", [login], shape="flat", folder="{topic}/year=2025/month=11/day=01")
    real = getattr(Events, after)

    def replaced(*args: Any, **kwargs: Any) -> None:
        pq.write_table(pa.Table.from_pylist([login | {"user_id": "afterwards"}]), file)
        real(*args, **kwargs)

    with monkeypatch.context() as during:
        during.setattr(Events, after, replaced)
        with pytest.raises(StorageError, match=rf"{file.name} was replaced while it was read; run again"):
            run_job(dataset.root, out, "auth", on_spark())
    assert not (out / "_batches" / "current.json").exists()
    run_job(dataset.root, out, "auth", on_spark())
    assert table(out, "auth_user_activity_summary").column("user_id").to_pylist() == ["afterwards"]


@pytest.fixture(scope="module")
def plain_day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A day of events of one shape, which Spark plans quickly, and the views of the videos by DuckDB."""
    folder = tmp_path_factory.mktemp("plain")
    generate(Semester(events=3000, days=1), folder / "master")
    run_job(folder / "master", folder / "out", "video", PLAIN)
    return folder / "master", folder / "out"


@pytest.mark.parametrize("bounds", [(0, 0), (0, 10**9), (10**9, 0)], ids=["all", "folds", "refreshes"])
def test_large_rollups_and_views_are_several_files(
    plain_day: tuple[Path, Path], bounds: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what Spark does; sorted over all of them, at numbered paths; either engine reads them, and a smaller view later leaves none behind."""
    monkeypatch.setattr(writing, "FILE_BYTES", 2000)
    monkeypatch.setattr(fold, "TASK_ROWS", 100)
    small = {
        "spark.sql.adaptive.advisoryPartitionSizeInBytes": "1KB",
        "spark.sql.adaptive.coalescePartitions.minPartitionSize": "256B",
    }
    monkeypatch.setattr(session, "_SPEED", session._SPEED | small)
    (master, expected), out = plain_day, tmp_path / "out"
    report = run_job(master, out, "video", bounded(*bounds, ENDLESS, PLAIN))
    views = report.manifest.views
    assert (len(views["video_total_watch_time"].paths) > 1) == (bounds[1] == 0)
    assert len(views["video_course_metrics"].paths) == 1
    parts = report.manifest.jobs["video"].topics["video_topic"].rollups["video_watches"].files
    assert (len(parts) > 1) == (bounds[0] == 0)
    assert unequal(expected, out, "video") == []
    for file in (out / "_batches").glob("*/*/part-*.parquet"):
        file.unlink()
    run_job(master, out, "video", PLAIN)
    assert unequal(expected, out, "video") == []
    assert [file.name for file in sorted((out / "video_total_watch_time").glob("*"))] == ["part-00000.parquet"]


def test_rows_are_judged_as_a_set_and_a_key_that_comes_twice_is_told(spark: SparkSession) -> None:
    """One digest whatever their order and their parts, another for other rows; the key is looked for where it isn't unique by proof."""
    found = exam.Exam(small_catalog.read().views["books_read"])
    columns = ", ".join(f"{column.name} {spark_type(column.type)}" for column in found.view.columns)
    rows = [("a", 1, 3), ("b", 2, 5), ("c", 1, 1), ("d", 2, 2)]
    digests = set()
    for some in (rows, rows[::-1]):
        for parts in (1, 3):
            frame = spark.createDataFrame(some, columns).repartition(parts)
            digests.add(exam.digest(found.marks_of(frame)))
            assert found.broken(frame, found.marks_of(frame), unique=False) == {}
    assert len(digests) == 1
    twice = spark.createDataFrame([*rows[1:], ("b", 2, 5)], columns)
    marks = found.marks_of(twice)
    assert exam.digest(marks) not in digests
    assert found.broken(twice, marks, unique=False) == {"(user_id) is unique": [{"user_id": "b", "rows": 2}]}


def test_a_broken_check_is_told_with_rows_and_nothing_is_published(tmp_path: Path) -> None:
    """As by DuckDB: the check, and rows that break it."""
    wrong = small_catalog.VIEW.replace("-- What each person reads.", "-- What each person reads.\n-- check: books < 2")
    folder = tmp_path / "master" / "topic=book_topic"
    folder.mkdir(parents=True)
    columns = {
        "event_type": ["READ"] * 3,
        "user_id": ["a", "a", "b"],
        "timestamp": ["2025-11-01 10:00:00"] * 3,
        "book_id": ["x", "y", "x"],
    }
    pq.write_table(pa.table(columns), folder / "part.parquet")
    told = []
    for engine in (Settings(), on_spark()):
        request = RunRequest(str(tmp_path / "master"), str(tmp_path / engine.engine))
        with pytest.raises(CheckError) as broken:
            run(request, small_catalog.read(view=wrong), engine)
        told.append(str(broken.value))
        assert not (tmp_path / engine.engine / "_batches" / "current.json").exists()
    assert "books_read: books < 2, for example\n    user_id=a, books=2, times=2" in told[1]
    assert told[0] == told[1]
