"""The benchmarks can be trusted: they are all listed, their tables are of their results, and a wrong answer is seen."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))

from benchmarks import BENCHMARKS  # noqa: E402 - they lie beside the package, not in it
from benchmarks.bench import Bench, Case, WrongAnswerError  # noqa: E402
from benchmarks.child import CommandError, Measured, measure  # noqa: E402
from benchmarks.data import Dataset  # noqa: E402
from benchmarks.full_run import full_run, same_dirt  # noqa: E402
from benchmarks.table import README, with_table  # noqa: E402

FOLDER = ROOT / "benchmarks"
MEASURED: list[Bench] = []


def _functions(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_every_benchmark_is_listed_and_says_what_it_measures() -> None:
    """A module with a ``run(bench)`` is a benchmark: it has a docstring, is in BENCHMARKS, and in the README."""
    files = [*FOLDER.glob("*.py"), *FOLDER.glob("*/__init__.py")]
    found = {
        (file.parent.name if file.name == "__init__.py" else file.stem): file
        for file in files
        if "run" in _functions(file)
    }
    assert set(found) <= set(BENCHMARKS)
    for name, file in found.items():
        assert ast.get_docstring(ast.parse(file.read_text("utf-8"))), name
    for name in BENCHMARKS:
        assert f"| `{name}` |" in README.read_text("utf-8"), name


def test_the_tables_are_those_of_the_results() -> None:
    """The README's tables are what ``python -m benchmarks --table`` writes from the JSON files."""
    readme = README.read_text("utf-8")
    assert with_table(readme) == readme


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the benchmarks of this module keep their events."""
    return tmp_path_factory.mktemp("benchmarks")


@pytest.fixture
def measured(data: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Bench, Path]:
    """A benchmark of one full run, and a copy of the views that it found right."""
    monkeypatch.setenv("LEARNFOLD_BENCH_DATA", str(data))
    if not MEASURED:
        case = full_run(Dataset(2_000, 5))
        check = case.check

        def keep(folder: Path, done: Measured) -> None:
            check(folder, done)
            shutil.copytree(folder, data / "kept")

        case.check = keep
        bench = Bench("full_run", "tiny", runs=1)
        bench.time(case)
        MEASURED.append(bench)
    return MEASURED[0], data / "kept"


def test_a_full_run_is_measured_where_its_answer_is_right(measured: tuple[Bench, Path]) -> None:
    """Time, memory, events and bytes of a run whose 37 views are right are in the result."""
    (case,) = measured[0].result()["cases"]
    assert len(case["seconds"]) == 1
    assert min(case["rows"], case["bytes"], case["peak_bytes"], case["median_seconds"]) > 0


@pytest.mark.parametrize(
    ("what", "sql"),
    [
        (
            "a value",
            "SELECT * REPLACE (unique_viewers + (row_number() OVER () = 1)::INTEGER AS unique_viewers) FROM view",
        ),
        ("a mean", "SELECT * REPLACE (avg_view_duration_seconds * 1.000001 AS avg_view_duration_seconds) FROM view"),
        ("a row less", "SELECT * FROM view LIMIT (SELECT count(*) - 1 FROM view)"),
        ("a row twice", "SELECT * FROM view UNION ALL (SELECT * FROM view LIMIT 1)"),
        ("a NULL", "SELECT * REPLACE (NULL::BIGINT AS total_view_events) FROM view"),
        ("a column less", "SELECT * EXCLUDE (unique_viewers) FROM view"),
    ],
)
def test_a_corrupted_view_is_a_wrong_answer(measured: tuple[Bench, Path], tmp_path: Path, what: str, sql: str) -> None:
    """Whatever is wrong with one view, the check of the full run names the view."""
    shutil.copytree(measured[1], tmp_path / "run")
    (file,) = (tmp_path / "run" / "views" / "video_popularity").glob("*.parquet")
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE view AS SELECT * FROM read_parquet('{file}')")
    connection.execute(f"COPY ({sql}) TO '{file}' (FORMAT parquet)")
    with pytest.raises(WrongAnswerError, match="video_popularity"):
        full_run(Dataset(2_000, 5)).check(tmp_path / "run", Measured(1, 1, ""))


def test_no_time_is_given_for_a_wrong_answer(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case whose check fails isn't among the results."""
    monkeypatch.setenv("LEARNFOLD_BENCH_DATA", str(data))

    def wrong(_: Path, __: Measured) -> None:
        raise WrongAnswerError("it is wrong")

    bench = Bench("full_run", "tiny", runs=1)
    with pytest.raises(WrongAnswerError, match="it is wrong"):
        bench.time(Case("wrong", lambda _: [sys.executable, "-c", "pass"], check=wrong))
    assert bench.result()["cases"] == []


def test_dirty_events_are_counted_and_answer_as_clean_ones(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of copies, late and malformed events the views are those of the valid ones; a copy that isn't counted is a wrong answer."""
    monkeypatch.setenv("LEARNFOLD_BENCH_DATA", str(data))
    dirty = Dataset(2_000, 5, dirty=True)
    assert any(copies for copies, _ in dirty.counted().values())
    case = full_run(dirty)
    Bench("full_run", "tiny", runs=1).time(case)
    report = json.loads(case.runs[0].output)
    report["topics"]["video_topic"]["duplicates"] += 1
    with pytest.raises(WrongAnswerError, match="video_topic"):
        same_dirt(dirty, Measured(1, 1, json.dumps(report)))


def test_a_command_that_fails_is_no_measurement() -> None:
    """A child that ends with another code than 0 raises what it said."""
    with pytest.raises(CommandError, match=r"ended with 3(.|\n)*no such thing"):
        measure([sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"])


def test_the_memory_of_a_child_is_seen() -> None:
    """A child that fills 500 MB, and a little for Python, is measured as that."""
    assert 500e6 < measure([sys.executable, "-c", "b = b'x' * 500_000_000"]).peak_bytes < 620e6


def test_the_memory_of_the_one_who_measures_does_not_count() -> None:
    """A process of 300 MB measures a child of a few megabytes as that."""
    own = b"x" * 300_000_000
    assert measure([sys.executable, "-c", "pass"]).peak_bytes < 100e6 < len(own)


def test_a_command_that_is_not_there_is_said() -> None:
    """A program that doesn't exist is an error with its name, like any that fails."""
    with pytest.raises(CommandError, match="no-such-program: No such file"):
        measure(["no-such-program"])


def test_the_memory_of_a_childs_children_counts() -> None:
    """The sum is given of processes that are alive at once."""
    hold = "import time; b = b'x' * 100_000_000; time.sleep(0.6)"
    parent = (
        f"import subprocess, sys; b = b'x' * 100_000_000; subprocess.run([sys.executable, '-c', {hold!r}], check=True)"
    )
    assert measure([sys.executable, "-c", parent]).peak_bytes > 200e6


def test_a_benchmark_that_does_not_exist_is_refused_by_name() -> None:
    """``python -m benchmarks`` names what it doesn't know, and ends with 2."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "fullrun"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "fullrun" in done.stderr
