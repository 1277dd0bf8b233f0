"""A view that says how far it looks back is computed from the first day that changed on; what it says holds."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_catalog import read

from learnfold import catalog
from learnfold.batch.manifest import RollupFile, RollupRecord
from learnfold.batch.since import changed_days, weekdays_since
from learnfold.catalog import Rollup, View
from learnfold.catalog.lookback import LookBack
from learnfold.errors import DefinitionError

BEGIN = date(2025, 12, 1)
LOOKING = {name: view.looks_back.column for name, view in catalog.load().views.items() if view.looks_back}
BY_WEEKDAY = [name for name, column in LOOKING.items() if column == "weekday"]

Rows = list[tuple[Any, ...]]


def rows_of(rollup: Rollup, days: list[date]) -> st.SearchStrategy[Rows]:
    """Some rows of a rollup, each key once, on these days and of few people, so that rows of one come on several."""
    cells = [
        st.sampled_from(days)
        if column.name == "date"
        else st.sampled_from(["a"] * 6 + ["b", None])
        if column.type == "VARCHAR"
        else st.just(0)
        if column.key
        else st.sampled_from([1, 30, None])
        for column in rollup.columns
    ]
    places = [at for at, column in enumerate(rollup.columns) if column.key]
    return st.lists(st.tuples(*cells), max_size=8, unique_by=lambda row: tuple(row[at] for at in places))


def asked(connection: duckdb.DuckDBPyConnection, view: View, rows: dict[str, Rows], condition: str) -> list[str]:
    """The view's rows of which ``condition`` is true, over rollups that hold these rows, in one order."""
    for rollup in view.rollups:
        columns = ", ".join(f"{column.name} {column.type}" for column in rollup.columns)
        connection.execute(f"CREATE OR REPLACE TABLE {rollup.name} ({columns})")
        texts = [", ".join("NULL" if cell is None else f"'{cell}'" for cell in row) for row in rows[rollup.name]]
        if texts:
            connection.execute(f"INSERT INTO {rollup.name} VALUES ({'), ('.join(texts)})")
    return sorted(map(repr, connection.execute(f"SELECT * FROM ({view.query}) WHERE {condition}").fetchall()))


@pytest.mark.parametrize("name", [name for name in LOOKING if name not in BY_WEEKDAY])
@given(data=st.data())
def test_rows_need_no_later_days_and_none_from_before_what_is_said(name: str, data: st.DataObject) -> None:
    """Over any rollups, split at any day: rows before it are those without later days, rows from it on those without much earlier ones."""
    view = catalog.load().view(name)
    back = view.looks_back
    assert back is not None
    since = back.begin(BEGIN + timedelta(days=data.draw(st.integers(0, 6), "day")))
    days = [since + timedelta(days=by) for by in (-back.days - 1, -back.days, -7, -1, 0, 0, 1, 7)]
    rows = {rollup.name: data.draw(rows_of(rollup, days), rollup.name) for rollup in view.rollups}
    place = {rollup.name: [c.name for c in rollup.columns].index("date") for rollup in view.rollups}
    earlier = {of: [row for row in its if row[place[of]] < since] for of, its in rows.items()}
    first = {of: back.first(of, since) or date.min for of in rows}
    later = {of: [row for row in its if row[place[of]] >= first[of]] for of, its in rows.items()}
    before, after = f"{back.column} < DATE '{since}'", f"{back.column} >= DATE '{since}'"
    with duckdb.connect(config={"threads": 1}) as connection:
        assert asked(connection, view, rows, before) == asked(connection, view, earlier, "true")
        assert asked(connection, view, rows, after) == asked(connection, view, later, after)


@pytest.mark.parametrize("name", BY_WEEKDAY)
@given(data=st.data())
def test_rows_of_a_weekday_need_days_of_it_alone(name: str, data: st.DataObject) -> None:
    """Over any rollups: what the view says of a weekday is what it says over rollups that hold no other days."""
    view = catalog.load().view(name)
    days = [BEGIN + timedelta(days=by) for by in (-7, -6, -1, 0, 0, 1, 6, 7)]
    rows = {rollup.name: data.draw(rows_of(rollup, days), rollup.name) for rollup in view.rollups}
    weekday = data.draw(st.sampled_from([1, 2, 7]), "weekday")
    place = {rollup.name: [c.name for c in rollup.columns].index("date") for rollup in view.rollups}
    its = {of: [row for row in found if row[place[of]].isoweekday() == weekday] for of, found in rows.items()}
    with duckdb.connect(config={"threads": 1}) as connection:
        assert asked(connection, view, rows, f"weekday = {weekday}") == asked(connection, view, its, "true")


def test_the_views_over_students_days_say_it() -> None:
    """The largest of them, and the one that counts the most days together."""
    assert {
        "student_week_activity": "week",
        "course_stickiness": "date",
        "video_daily_engagement": "date",
        "course_activity_hours": "weekday",
    }.items() <= LOOKING.items()


SAID = "\n-- Whole.\n-- key: {key}\n-- looks back: {line}\nCREATE VIEW whole AS {query};"
BY_DATE = "SELECT date, sum(times) AS n /* n */ FROM readings GROUP BY ALL"


def test_what_is_said_is_read() -> None:
    """The days, and the rollups that are needed whole; it is no part of what the view means."""
    line = "3 days, all of readings"
    found = read(view=SAID.format(key="date", line=line, query=BY_DATE)).view("whole")
    silent = read(view=SAID.format(key="date", line=line, query=BY_DATE).replace("-- looks back: " + line, "--")).view(
        "whole"
    )
    assert (found.looks_back, silent.looks_back) == (LookBack("date", 3, ("readings",)), None)
    assert found.fingerprint == silent.fingerprint


@pytest.mark.parametrize(
    ("key", "line", "query", "told"),
    [
        ("date", "a month", BY_DATE, "needs one line like"),
        ("date", "1 day\n-- looks back: 2 days", BY_DATE, "needs one line like"),
        ("date", "123456 days", BY_DATE, "needs one line like"),
        ("date", "days of its weekday", BY_DATE, "weekday isn't in its key"),
        ("date", "0 days, all of watches", BY_DATE, "looks back at all of watches, which it doesn't read"),
        (
            "user_id",
            "1 day",
            "SELECT user_id, sum(times) AS n /* n */ FROM readings GROUP BY ALL",
            "neither date nor week is in its key",
        ),
    ],
)
def test_what_cant_be_so_is_refused(key: str, line: str, query: str, told: str) -> None:
    """By name, with what is wrong."""
    with pytest.raises(DefinitionError, match=told):
        read(view=SAID.format(key=key, line=line, query=query))


def test_a_week_begins_on_its_monday() -> None:
    """A change on any day of it changes the week's row; the days that it looks back are before the Monday."""
    week, day = LookBack("week", 2, ("whole",)), LookBack("date", 29)
    assert {week.begin(date(2025, 12, number)) for number in range(1, 8)} == {date(2025, 12, 1)}
    assert (week.first("other", date(2025, 12, 1)), week.first("whole", date(2025, 12, 1))) == (
        date(2025, 11, 29),
        None,
    )
    assert (day.begin(date(2025, 12, 3)), day.first("any", date(2025, 12, 30))) == (
        date(2025, 12, 3),
        date(2025, 12, 1),
    )


def record(**files: list[date]) -> RollupRecord:
    """A rollup's record: by file, the days that it answers for."""
    return RollupRecord("", [RollupFile(path, 1, 1, its, len(its), "") for path, its in files.items()])


def test_days_changed_where_other_files_answer_for_them() -> None:
    """A day that came, one that went, and one that another file or one more answers for; not one whose file answers for fewer days."""
    days = [BEGIN + timedelta(days=number) for number in range(5)]
    before = record(a=days[:2], b=[days[2]], c=[days[3]])
    after = record(a=days[:1], b=[days[2]], d=[days[2], days[4]])
    assert changed_days(before, after) == {days[1], days[2], days[3], days[4]}
    assert changed_days(before, before) == set()


def test_the_weekdays_of_days_that_changed_are_asked_again() -> None:
    """A UTC day's events are of its date in UTC, and of one beside it in other zones; a rollup that is new changes all."""
    (view,) = (catalog.load().view(name) for name in BY_WEEKDAY)
    names = [rollup.name for rollup in view.rollups]
    friday, monday = date(2025, 11, 28), date(2025, 12, 1)
    was = {name: record(old=[friday]) for name in names}
    now = was | {names[0]: record(old=[friday], new=[monday])}
    assert weekdays_since(view, was, was, utc=True) == set()
    assert weekdays_since(view, was, now, utc=True) == {1}
    assert weekdays_since(view, was, now, utc=False) == {7, 1, 2}
    assert weekdays_since(view, {}, now, utc=True) == set(range(1, 8))
