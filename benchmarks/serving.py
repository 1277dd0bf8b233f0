"""Asking the serving layer: a row by its key, the top 20 and the whole of every view; memory; how soon a new batch is answered from.

Beside it the same questions to DuckDB on the plain Parquet files, within one process, and to PostgreSQL, which holds the views with
an index of each key and of what they are ordered by.

Checked: the views against plain SQL over the events; every keyed answer, every value, against the published files.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import duckdb

from benchmarks.answers import compared
from benchmarks.bench import Bench, WrongAnswerError, expected_views, same_views
from benchmarks.child import learnfold, measure
from benchmarks.data import Dataset, data_folder, days_of, link_days
from benchmarks.peers.postgres import NotHereError, Postgres
from benchmarks.server import Server
from learnfold import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from learnfold.catalog import View

DATASETS = {"tiny": Dataset(20_000, 10), "small": Dataset(1_000_000), "full": Dataset(10_000_000)}
READS = {"tiny": 5, "small": 100, "full": 200}
"""Keyed reads of each view."""

TOP = 20
CONNECTIONS = 8


@dataclass
class Asked:
    """What is asked of one view."""

    view: View
    file: Path
    rows: int
    keys: list[tuple[Any, ...]] = field(default_factory=list)  # no part of them NULL

    @property
    def largest(self) -> str:
        """By which column its top is asked for."""
        measures = (c.name for c in self.view.columns if not c.key and c.type in {"BIGINT", "INTEGER", "DOUBLE"})
        return next(measures, self.view.key[0])

    @property
    def columns(self) -> str:
        """Its columns, in SQL."""
        return ", ".join(column.name for column in self.view.columns)

    @property
    def by_key(self) -> str:
        """The condition of a keyed read, in SQL."""
        return " AND ".join(f"{name} = ?" for name in self.view.key)


@dataclass
class Times:
    """Milliseconds of one kind of question, by view, and the processor's time for all of them."""

    of: dict[str, list[float]] = field(default_factory=dict)
    cpu_ms: float | None = None  # a question

    def row(self, who: str, what: str) -> list[str]:
        """A line of the table."""
        every = sorted(ms for times in self.of.values() for ms in times)
        worst, name = max((share(sorted(times), 0.99), name) for name, times in self.of.items())
        cpu = f"{self.cpu_ms:.2f}" if self.cpu_ms is not None else ""
        return [what, who, *(f"{share(every, part):.2f}" for part in (0.5, 0.99)), f"{worst:.2f} ({name})", cpu]


def share(ordered: Sequence[float], part: float) -> float:
    """The value that so large a part of them doesn't exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def run(bench: Bench) -> None:
    """Make two batches, serve them, ask everything, and ask the peers."""
    dataset = DATASETS[bench.scale]
    data_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="serving-", dir=data_folder()) as scratch:
        master, out = Path(scratch, "master"), Path(scratch, "out")
        days = days_of(dataset.path)
        link_days(dataset.path, master, days[:-1])
        measure(learnfold("run", master, out))
        with Server(out) as server:
            link_days(dataset.path, master, days[-1:])
            follow = server.follows(lambda: measure(learnfold("run", master, out)), out / "_batches" / "current.json")
            same_views(expected_views(dataset.path, dataset.name), out)
            asked = questions(out, READS[bench.scale])
            lines = [*_of_server(server, asked), *_of_duckdb(asked)]
            rate = server.rate([address(one, key) for one in asked for key in one.keys], CONNECTIONS)
            memory = server.peak_bytes()
        try:
            with Postgres(Path(scratch)) as postgres:
                lines += _of_postgres(postgres, asked)
        except NotHereError as error:
            bench.left_out.append(f"PostgreSQL: {error}")
    head = ["question", "asked of", "p50 ms", "p99 ms", "slowest view's p99 ms", "CPU ms"]
    bench.table(f"{dataset.rows:,} events, {len(asked)} views", head, lines)
    facts = [
        [f"keyed reads a second, one core, {CONNECTIONS} connections", f"{rate:,.0f}"],
        ["peak memory of the server, MB", f"{memory / 1e6:,.0f}"],
        ["a new batch is answered from, seconds after it is published", f"{follow:.2f}"],
    ]
    bench.table("learnfold serve", ["", ""], facts)
    bench.checked.append(f"{len(compared())} views: every row, against plain SQL over the events")
    bench.checked.append(
        "every keyed answer of learnfold: every value, against the published files; of PostgreSQL: that the row is there"
    )


def questions(out: Path, reads: int) -> list[Asked]:
    """What is asked of each view that has rows: keys drawn from them, the same each time."""
    chance, found = random.Random(17), []
    for view in catalog.load().views.values():
        file = out / view.name / "part-00000.parquet"
        key = ", ".join(view.key)
        known = " AND ".join(f"{name} IS NOT NULL" for name in view.key)
        rows = duckdb.sql(f"SELECT {key} FROM '{file}' WHERE {known} ORDER BY {key}").fetchall()
        if rows:
            (count,) = duckdb.sql(f"SELECT count(*) FROM '{file}'").fetchall()[0]
            found.append(Asked(view, file, count, [chance.choice(rows) for _ in range(reads)]))
    return found


def address(one: Asked, key: Iterable[Any]) -> str:
    """Where a server answers with the row of a key."""
    parts = (value.isoformat() if isinstance(value, date) else str(value) for value in key)
    escaped = (quote(f"~{part}" if part.startswith("~") else part, safe="") for part in parts)
    return f"/v1/views/{one.view.name}/key/{'/'.join(escaped)}"


def _of_server(server: Server, asked: list[Asked]) -> list[list[str]]:
    """Times within the server, as its log says them."""
    keyed, top, whole = Times(), Times(), Times()
    for one in asked:  # once, so that nothing is read for the first time
        server.get(address(one, one.keys[0]))
    before = server.cpu_seconds()
    for one in asked:
        answers = [server.get(address(one, key)) for key in one.keys]
        keyed.of[one.view.name] = [answer.ms for answer in answers]
        _same(one, [json.loads(answer.body)["row"] for answer in answers])
    keyed.cpu_ms = (server.cpu_seconds() - before) * 1e3 / sum(len(one.keys) for one in asked)
    for one in asked:
        name = one.view.name
        top_of = f"/v1/views/{name}?order=-{one.largest}&limit={TOP}"
        top.of[name] = [server.get(top_of).ms for _ in range(10)]
        whole.of[name] = [server.get(f"/v1/views/{name}/export?format=arrow").ms for _ in range(3)]
    return [
        keyed.row("learnfold serve, HTTP", "a row by its key"),
        top.row("learnfold serve, HTTP", f"top {TOP}"),
        whole.row("learnfold serve, HTTP", "the whole view, Arrow"),
    ]


def _same(one: Asked, rows: list[dict[str, Any]]) -> None:
    for key, row in zip(one.keys, rows, strict=True):
        (expected,) = duckdb.sql(f"SELECT {one.columns} FROM '{one.file}' WHERE {one.by_key}", params=key).fetchall()
        if list(row.values()) != list(map(_shown, expected)):
            raise WrongAnswerError(f"{one.view.name} {key}: {row} isn't {expected}")


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='microseconds')}Z"
    return value.isoformat() if isinstance(value, date) else value


def _of_duckdb(asked: list[Asked]) -> list[list[str]]:
    connection = duckdb.connect()

    def timed(ask: Callable[[], object]) -> float:
        began = time.perf_counter()
        ask()
        return (time.perf_counter() - began) * 1e3

    keyed, top, whole = Times(), Times(), Times()
    began = time.process_time()
    for one in asked:
        sql = f"SELECT {one.columns} FROM '{one.file}' WHERE {one.by_key}"
        keyed.of[one.view.name] = [
            timed(lambda sql=sql, key=key: connection.execute(sql, list(key)).fetchall()) for key in one.keys
        ]
    keyed.cpu_ms = (time.process_time() - began) * 1e3 / sum(len(one.keys) for one in asked)
    for one in asked:
        sql = f"SELECT {one.columns} FROM '{one.file}' ORDER BY {one.largest} DESC NULLS LAST LIMIT {TOP}"
        top.of[one.view.name] = [timed(lambda sql=sql: connection.execute(sql).fetchall()) for _ in range(10)]
        sql = f"SELECT {one.columns} FROM '{one.file}'"
        whole.of[one.view.name] = [timed(lambda sql=sql: connection.sql(sql).to_arrow_table()) for _ in range(3)]
    return [
        keyed.row("DuckDB on Parquet, in process", "a row by its key"),
        top.row("DuckDB on Parquet, in process", f"top {TOP}"),
        whole.row("DuckDB on Parquet, in process", "the whole view, Arrow"),
    ]


def _of_postgres(postgres: Postgres, asked: list[Asked]) -> list[list[str]]:
    """Times as psql says them, over a socket of this machine."""
    keyed, top, whole = Times(), Times(), Times()
    for one in asked:
        postgres.load(one.view, one.file, one.largest)
    for one in asked:
        found = postgres.rows(one.view, one.keys)
        if found != len(one.keys):
            raise WrongAnswerError(f"PostgreSQL: {one.view.name} has {found} of {len(one.keys)} rows")
    cpu = []
    for one in asked:
        name = one.view.name
        keyed.of[name], used = postgres.keyed(one.view, one.keys)
        cpu.append(used)
        order = f"SELECT {one.columns} FROM {name} ORDER BY {one.largest} DESC NULLS LAST LIMIT {TOP}"
        top.of[name] = postgres.timed([order] * 10)
        whole.of[name] = postgres.timed([f"SELECT {one.columns} FROM {name}"] * 3)
    keyed.cpu_ms = statistics.fmean(cpu)
    who = f"PostgreSQL {postgres.version}, psql"
    return [keyed.row(who, "a row by its key"), top.row(who, f"top {TOP}"), whole.row(who, "the whole view, rows")]
