"""DuckDB in the driver where Spark would do: no JVM starts, and what is beyond the bounds goes to Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from learnfold import catalog, engines
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.generate import Semester, generate
from learnfold.settings import Settings

spark = pytest.importorskip("learnfold.engines.spark", reason="pyspark isn't installed")


class StartedError(Exception):
    """Spark was to be started."""


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A few days of events, where Spark can't be started."""

    def refuse(*_: object) -> None:
        raise StartedError

    monkeypatch.setattr("learnfold.engines.spark.engine.open_session", refuse)
    generate(Semester(events=500, days=3), tmp_path / "master")
    return tmp_path / "master"


def run_all(master: Path, out: Path, settings: Settings, **more: bool):
    """What a run of all jobs reports."""
    return run(RunRequest(str(master), str(out), **more), catalog.load(), settings)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", "spark"])
def test_what_is_bounded_starts_no_spark(master: Path, engine: str) -> None:
    """A full run, one with nothing new, and one more day; the views are DuckDB's, and so the manifest says."""
    settings = Settings(engine=engine)
    first = run_all(master, master.parent / "out", settings)
    assert first.batch is not None
    assert run_all(master, master.parent / "out", settings).batch is None
    generate(Semester(events=700, days=4, seed=2), master.parent / "more")
    for file in sorted((master.parent / "more").rglob("*.parquet")):
        target = master / file.relative_to(master.parent / "more").with_name(f"more-{file.name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    report = run_all(master, master.parent / "out", settings)
    assert report.batch is not None
    assert "spark" not in report.manifest.versions
    assert {view.digest.partition(":")[0] for view in report.manifest.views.values()} == {"duckdb"}


@pytest.mark.parametrize("bound", ["driver_events", "driver_rows", "driver_bytes"])
def test_what_is_beyond_a_bound_is_sparks(master: Path, bound: str) -> None:
    """Each of the bounds by itself sends work to Spark."""
    with pytest.raises(StartedError):
        run_all(master, master.parent / "out", Settings(engine="auto", **{bound: 1}))


def test_with_no_bound_nothing_is_the_drivers(tmp_path: Path) -> None:
    """Bounds of 0 are Spark alone."""
    settings = Settings(engine="spark", driver_events=0, driver_rows=0)
    assert isinstance(engines.open_engine(settings, _storage(tmp_path), _storage(tmp_path)), spark.SparkEngine)


def test_auto_does_without_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it isn't installed."""
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "pyspark" else object())
    engine = engines.open_engine(Settings(engine="auto"), _storage(tmp_path), _storage(tmp_path))
    assert engine.name == "duckdb"
    engine.close()


def _storage(folder: Path):
    from learnfold.storage.folder import FolderStorage

    return FolderStorage(str(folder))
