"""A DuckDB session: its limits, its zones, its cursors, and what becomes of its errors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from learnfold.engines.duckdb import DuckDBSession
from learnfold.errors import LearnfoldError, StorageError, UsageError
from learnfold.serve.database import Database
from learnfold.settings import Settings, memory_size


def value(session: DuckDBSession, expression: str) -> object:
    """What an expression is in a session."""
    with session.cursor() as cursor:
        return (cursor.execute(f"SELECT {expression}").fetchone() or (None,))[0]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GB", 4 * 10**9),
        ("512MiB", 512 * 2**20),
        ("1.5GiB", 3 * 2**29),
        (" 2 gb ", 2 * 10**9),
        ("2g", 2 * 10**9),
        ("300000KB", 3 * 10**8),
        ("1T", 10**12),
    ],
)
def test_memory_is_a_number_and_a_unit(text: str, size: int) -> None:
    """Of thousands, or of 1024s with an i; DuckDB gets just that much."""
    assert memory_size(text) == size
    with DuckDBSession(Settings(memory=text)) as session:
        by_number = DuckDBSession(Settings())
        with by_number.cursor() as cursor:
            cursor.execute("SET memory_limit = ?", [f"{size}B"])
        assert value(session, "current_setting('memory_limit')") == value(by_number, "current_setting('memory_limit')")
        by_number.close()


@pytest.mark.parametrize(
    "text",
    [
        "plenty",
        "80%",
        "4",
        "0GB",
        "-1GB",
        "nan GB",
        "1e9GB",
        "4GBs",
        "4 G B",
        f"{'9' * 400}TB",
        "٤GB",
        "4GB'; CREATE TABLE stolen (x INT); SET threads = '1",
        "4GB' --",
        "4GB\n4GB",
    ],
)
def test_what_is_no_size_is_refused_and_never_run_as_sql(text: str) -> None:
    """A setting is a value; the message says what one looks like."""
    with pytest.raises(UsageError, match="one is called 4GB or 512MiB"):
        Settings.read({"LEARNFOLD_MEMORY": text})


def test_limits_hold(tmp_path: Path) -> None:
    """Threads, memory and the temporary folder are the settings'; a query that needs more memory says what to raise."""
    settings = Settings(memory="64MB", threads=1, temporary_folder=str(tmp_path))
    with DuckDBSession(settings) as session:
        assert value(session, "current_setting('threads')") == 1
        assert Path(str(value(session, "current_setting('temp_directory')"))).parent == tmp_path
        with pytest.raises(LearnfoldError, match="raise LEARNFOLD_MEMORY"):
            value(session, "len(list(repeat('x', 1000) || i)) FROM range(1000000) AS t(i)")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("learnfold-")]


def test_each_session_has_its_own_zones_and_tables() -> None:
    """One in Hanoi and one in UTC read the same text and show the same time as they are told, and see no table of the other."""
    hanoi = Settings(platform_zone="Asia/Ho_Chi_Minh", reporting_zone="Asia/Ho_Chi_Minh")
    with DuckDBSession(hanoi) as one, DuckDBSession(Settings()) as other:
        text = "read_instant('2025-01-01 05:00:00')"
        assert value(one, text) == datetime(2024, 12, 31, 22)  # noqa: DTZ001 - UTC, as DuckDB has it
        assert value(other, text) == datetime(2025, 1, 1, 5)  # noqa: DTZ001
        assert value(one, f"reporting_time({text})") == value(other, f"reporting_time({text})")
        with one.cursor() as cursor:
            cursor.execute("CREATE TABLE mine AS SELECT 1 AS x")
        assert value(one, "count(*) FROM duckdb_tables()") == 1
        assert value(other, "count(*) FROM duckdb_tables()") == 0


def test_cursors_share_tables_but_no_temporary_ones() -> None:
    """So threads of a session work side by side under the same names."""
    with DuckDBSession(Settings()) as session:
        with session.cursor() as cursor:
            cursor.execute("CREATE TABLE shared AS SELECT 7 AS n")

        def work(number: int) -> tuple[int, int]:
            with session.cursor() as cursor:
                cursor.execute(f"CREATE TEMP TABLE own AS SELECT n * {number} AS n FROM shared")
                return number, (cursor.execute("SELECT n FROM own").fetchone() or (0,))[0]

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(work, range(20))) == [(number, 7 * number) for number in range(20)]


def test_a_file_that_is_not_there_is_an_error_of_the_storage() -> None:
    """Not a traceback of DuckDB's."""
    with DuckDBSession(Settings()) as session, pytest.raises(StorageError, match="couldn't read or write"):
        value(session, "* FROM read_parquet('/nowhere/at/all.parquet')")


def test_serving_has_the_same_limits_and_its_own_usual_memory(tmp_path: Path) -> None:
    """A size that isn't one is refused before anything is left behind; a size in any spelling counts."""
    folder = str(tmp_path)
    with pytest.raises(UsageError, match="one is called 4GB or 512MiB"):
        Database(Settings(memory="plenty", temporary_folder=folder))
    assert list(tmp_path.iterdir()) == []
    for memory, expected in (("", "953.6 MiB"), ("2g", "1.8 GiB")):
        database = Database(Settings(memory=memory, threads=3, temporary_folder=folder))
        try:
            sql = "SELECT current_setting('memory_limit'), current_setting('threads')"
            assert database.rows(sql, [], 10) == [(expected, 3)]
        finally:
            database.close()
