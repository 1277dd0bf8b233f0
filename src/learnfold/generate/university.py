"""The university in DuckDB: its people and courses, and the events of whichever days are asked for."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb

from learnfold import catalog
from learnfold.errors import DataError, UsageError
from learnfold.generate import calibrate, flaws, planted, topics
from learnfold.generate.semester import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnfold.generate.planted import Story
    from learnfold.generate.semester import Limits, Semester

_SPAN_EVENTS = 1_000_000  # events made at once, where a day isn't more


@dataclass(frozen=True)
class Column:
    """A field of a topic's events, and its DuckDB type."""

    name: str
    type: str


class University:
    """A semester's university; a context manager, as it keeps a connection and a temporary folder."""

    def __init__(self, semester: Semester, limits: Limits) -> None:
        self.semester = semester
        self.story: Story = planted.story(semester)
        self._variables: dict[str, Any] = {}
        self._open = contextlib.ExitStack()
        try:
            self.connection = self._connect(limits.memory, limits.threads, limits.temporary_folder)
            self._prepare()
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Close it; a full or failing disk, or too little memory, becomes a DataError."""
        self._open.close()
        if isinstance(error, (OSError, duckdb.IOException, duckdb.OutOfMemoryException)):
            raise DataError(
                f"the semester isn't complete: {error}; make room, empty its folder and start again"
            ) from error

    def _connect(self, memory: str, threads: int, temporary_folder: str) -> duckdb.DuckDBPyConnection:
        try:
            folder = tempfile.TemporaryDirectory(prefix="learnfold-", dir=temporary_folder or None)
        except OSError as error:
            raise UsageError(f"no temporary folder: {error}; name one that can be written to") from error
        config: dict[str, Any] = {
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": False,
            "temp_directory": str(Path(self._open.enter_context(folder)) / "spilled"),
        }
        config |= {"memory_limit": memory} if memory else {}
        config |= {"threads": threads} if threads else {}
        try:
            return self._open.enter_context(duckdb.connect(config=config))
        except duckdb.Error as error:
            raise UsageError(f"memory is {memory!r}, threads is {threads}: {error}; try 4GB and 2") from error

    def _prepare(self) -> None:
        semester = self.semester
        unplanted = max(1, semester.events - len(self.story.events))
        self._set(
            seed=semester.seed,
            days=semester.days,
            start_us=semester.start_us,
            students=semester.students,
            courses=semester.courses,
            teachers=semester.teachers,
            quiet_day=semester.quiet_day,
            duplicates=semester.duplicates,
            late=semester.late,
            out_of_order=semester.out_of_order,
            malformed=semester.malformed,
            awkward=semester.awkward,
            troubled=semester.troubled,
            **calibrate.beforehand(semester, unplanted),
        )
        run(self.connection, "chance")
        run(self.connection, "university")
        self._set(**calibrate.calibrated(self.connection, semester, unplanted))

    def spans(self) -> Iterator[range]:
        """The days of the semester, as many at a time as make an amount of work; each is made before it is yielded."""
        days = self.semester.days
        at_once = max(1, min(days, _SPAN_EVENTS * days // self.semester.events))
        for first in range(0, days, at_once):
            span = range(first, min(days, first + at_once))
            self._make(span)
            yield span

    def troubled(self) -> list[dict[str, str]]:
        """The students of whom it is planted what goes wrong, in order, with what it is and its first day."""
        rows = self.connection.execute(
            "SELECT user_id, trouble, trouble_day FROM people WHERE trouble IS NOT NULL ORDER BY user_id"
        ).fetchall()
        return [
            {"user_id": user, "reason": reason, "from": self.semester.date(day).isoformat()}
            for user, reason, day in rows
        ]

    def fork(self, topic: str, *, json: bool) -> duckdb.DuckDBPyConnection:
        """A connection of a thread's own, set to work on one topic of the days made; ``json``: it becomes JSON."""
        connection = self.connection.cursor()
        set_variables(connection, self._variables | {"topic": topic, "flaws": list(flaws.of(topic, json=json))})
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    def _make(self, span: range) -> None:
        start_us = self.semester.start_us
        from_us, until_us = start_us + span.start * DAY_US, start_us + span.stop * DAY_US
        self._set(from_day=span.start, until_day=span.stop, from_us=from_us, until_us=until_us)
        self.connection.execute(topics.tables())
        run(self.connection, "sessions")
        for topic in catalog.load().topics:
            for statement in topics.events(topic):
                self.connection.execute(statement)
        for number, event in enumerate(self.story.events):
            if from_us <= event.us < until_us:
                names, values = ", ".join(event.fields), list(event.fields.values())
                self.connection.execute(
                    f"INSERT INTO {event.topic} (h, us, planted, {names}) SELECT draw(hash($1, 'planted'), $2), $3, true, "
                    + ", ".join(f"${position + 4}" for position in range(len(values))),
                    [self.semester.seed, number, event.us, *values],
                )
        if self.semester.awkward:
            run(self.connection, "awkward")

    def _set(self, **variables: Any) -> None:
        self._variables |= variables
        set_variables(self.connection, variables)


def columns_of(connection: duckdb.DuckDBPyConnection, topic: str) -> list[Column]:
    """The fields of a topic's events in order, event_id and timestamp aside."""
    described = connection.execute(f"DESCRIBE {topic}").fetchall()
    return [Column(name, kind) for name, kind, *_ in described if name not in {"h", "us", "planted"}]


def run(connection: duckdb.DuckDBPyConnection, script: str) -> None:
    """Run one of the SQL scripts beside this module."""
    connection.execute((resources.files("learnfold.generate") / "sql" / f"{script}.sql").read_text("utf-8"))


def set_variables(connection: duckdb.DuckDBPyConnection, variables: dict[str, Any]) -> None:
    """Set what ``getvariable`` gives on this connection."""
    for name, value in variables.items():
        connection.execute(f"SET VARIABLE {name} = $1", [value])
