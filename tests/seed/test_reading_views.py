"""The seed's snippets that look at views and validate them, by every reader it may be."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pytest

from promises.views import run_job
from seed.place import ROOT
from services.stack.spark import local_session
from unit.contract import VIEWS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COUNTED = "video_total_watch_time"
TYPES = {"VARCHAR": "string", "BIGINT": "bigint", "INTEGER": "int", "DOUBLE": "double", "DATE": "date"}


@pytest.fixture(scope="module")
def views(master: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The views of the small dataset."""
    out = tmp_path_factory.mktemp("read") / "batch_views"
    run_job(master, out)
    return out


def test_pandas_reads_a_view_by_its_folder(views: Path) -> None:
    """With the columns of the contract; which values are missing can be asked."""
    for name, promised in VIEWS.items():
        frame = pd.read_parquet(views / name)
        assert set(frame.columns) == set(promised.columns)
        assert not frame.duplicated(list(promised.key)).any()
    frame = pd.read_parquet(views / COUNTED)
    assert frame["total_watch_sessions"].sum() == 40
    assert frame.isna().sum()["total_watch_seconds"] == len(frame), "no viewing was timed"
    assert frame.isna().sum()["user_id"] == 0


def test_pyarrow_reads_a_view_as_a_dataset(views: Path) -> None:
    """Filtering by its key."""
    found = ds.dataset(views / COUNTED).to_table(filter=ds.field("user_id") == "u1")
    assert found.column("total_watch_sessions").to_pylist() == [6]


def test_duckdb_reads_a_view_by_a_pattern(views: Path) -> None:
    """As a table of SQL."""
    with duckdb.connect() as connection:
        (count,) = connection.execute(
            f"SELECT sum(total_watch_sessions) FROM '{views}/{COUNTED}/*.parquet'"
        ).fetchone() or (0,)
    assert count == 40


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session of this process."""
    with local_session(tmp_path_factory.mktemp("spark")) as session:
        yield session


@pytest.mark.services
def test_spark_reads_and_validates_a_view(spark: SparkSession, views: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The seed's snippets, as they stand there."""
    from pyspark.sql.functions import col, count, when

    video_df = spark.read.parquet(f"{views}/{COUNTED}")
    print(f"Total records: {video_df.count()}")
    video_df.show(10)
    video_df.printSchema()
    missing = (
        video_df.select([count(when(col(c).isNull(), c)).alias(c) for c in video_df.columns]).collect()[0].asDict()
    )
    assert missing == dict.fromkeys(video_df.columns, 0) | {
        name: 7
        for name in video_df.columns
        if "seconds" in name or name in {"total_watch_minutes", "total_watch_hours"}
    }
    speed_df = video_df.limit(1)
    assert video_df.union(speed_df).count() == video_df.count() + 1
    assert "Total records: 7" in capsys.readouterr().out


@pytest.mark.services
def test_the_serving_layers_snippet_works_as_written(spark: SparkSession, views: Path) -> None:
    """The text of batch_layer/README.md, as the seed has it, of the place where the views are: rows of both, one below the other."""
    snippet, _ = serving_snippets()
    speed = spark.read.parquet(f"{views}/{COUNTED}").limit(1)
    names: dict[str, Any] = {"spark": spark, "speed_video_df": speed}
    assert "s3a://bucket-0/batch_views" in snippet
    exec(snippet.replace("s3a://bucket-0/batch_views", str(views)), names)
    assert names["result"].columns == names["batch_video_df"].columns == speed.columns
    assert names["result"].count() == names["batch_video_df"].count() + 1 == 8


def test_the_servers_snippet_works_as_written(views: Path) -> None:
    """What the page offers in its place: the same view asked of a server."""
    _, snippet = serving_snippets()
    names: dict[str, Any] = {}
    command = [sys.executable, "-m", "learnfold", "serve", str(views), "--open", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            address = next(line.split()[-1] for line in server.stderr if "listening on" in line)
            exec(snippet.replace("http://127.0.0.1:8080", address).replace("CS101", "c"), names)
        finally:
            server.terminate()
    published = pd.read_parquet(views / COUNTED)
    assert names["result"].to_pandas().equals(published[published["course_id"] == "c"])


def serving_snippets() -> list[str]:
    """The blocks of Python in the page's section on the serving layer."""
    page = (ROOT / "batch_layer" / "README.md").read_text("utf-8")
    section = page.partition("## Integration with the serving layer")[2]
    return re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


@pytest.mark.services
def test_read_view_gives_spark_the_published_batch(spark: SparkSession, views: Path) -> None:
    """By name, without knowing where its files lie: the rows and columns of the plain path."""
    from learnfold.spark import read_view

    for name in VIEWS:
        frame = read_view(spark, views, name)
        assert frame.columns == list(pd.read_parquet(views / name).columns)
        assert frame.count() == len(pd.read_parquet(views / name))


@pytest.mark.slow
def test_spark_sees_the_types_of_the_contract(spark: SparkSession, views: Path) -> None:
    """For all views of the contract."""
    for name, promised in VIEWS.items():
        types = {field.name: field.dataType.simpleString() for field in spark.read.parquet(f"{views}/{name}").schema}
        times = {column: types.pop(column) for column, kind in promised.columns.items() if kind == "TIMESTAMP"}
        assert types == {column: TYPES[kind] for column, kind in promised.columns.items() if kind != "TIMESTAMP"}, name
        assert set(times.values()) <= {"timestamp", "timestamp_ntz"}
