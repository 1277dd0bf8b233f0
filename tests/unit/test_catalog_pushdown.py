"""What is proven of a view's columns holds: asking for some of their values needs only rollup rows with those values."""

from __future__ import annotations

import itertools
from typing import Any

import duckdb
import pytest
import small_catalog
from contract import VIEWS
from hypothesis import given
from hypothesis import strategies as st

from learnfold import catalog
from learnfold.catalog import Rollup, View

KEYS: dict[str, list[str]] = {
    "VARCHAR": ["a", "b", "u1", "COURSE_ENROLLED", "ITEM_CLICK", "NOTIFICATION_SENT", "UPDATE_PROFILE"],
    "DATE": ["2025-12-01", "2025-12-02"],
    "INTEGER": ["0", "7"],
    "TIMESTAMP": ["2025-12-01 10:00:00", "2025-12-02 09:00:00"],
}
NUMBERS = {"TIMESTAMP": ["2025-12-01 08:00:00", "2025-12-02 09:30:00"]}
RowsByRollup = dict[str, list[tuple[Any, ...]]]


def rows_of(rollup: Rollup) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Some rows of a rollup, each key once; keys from pools so small that rows of all kinds share them, NULL among them."""
    cells = [
        st.sampled_from([None, *(KEYS if column.key else NUMBERS).get(column.type, ["0", "1", "3"])])
        for column in rollup.columns
    ]
    places = [at for at, column in enumerate(rollup.columns) if column.key]
    return st.lists(st.tuples(*cells), max_size=8, unique_by=lambda row: tuple(row[at] for at in places))


def hold(connection: duckdb.DuckDBPyConnection, view: View, rows: RowsByRollup) -> None:
    """Puts those rollups into a schema of their own, beside the one that the view is asked in."""
    connection.execute("CREATE SCHEMA whole")
    for rollup in view.rollups:
        columns = ", ".join(f"{column.name} {column.type}" for column in rollup.columns)
        connection.execute(f"CREATE TABLE whole.{rollup.name} ({columns})")
        if rows[rollup.name]:
            values = [", ".join(map(literal, row)) for row in rows[rollup.name]]
            connection.execute(f"INSERT INTO whole.{rollup.name} VALUES ({'), ('.join(values)})")


def literal(value: object) -> str:
    """A value as SQL."""
    return "NULL" if value is None else f"'{value}'"


def asked(connection: duckdb.DuckDBPyConnection, view: View, where: dict[str, str]) -> list[tuple[Any, ...]]:
    """The view's rows over the rollups' rows that hold ``where`` (by rollup)."""
    for rollup in view.rollups:
        connection.execute(
            f"CREATE OR REPLACE VIEW {rollup.name} AS SELECT * FROM whole.{rollup.name} WHERE {where.get(rollup.name, 'true')}"
        )
    names = ", ".join(column.name for column in view.columns)
    return connection.execute(f"SELECT {names} FROM ({view.query})").fetchall()


def holds(view: View, rows: RowsByRollup, columns: tuple[str, ...]) -> bool:
    """Whether, for any values of the columns, the view's rows with them are the view over the rollups' rows with them."""
    pushdown = view.pushdown.by(*columns)
    assert pushdown is not None
    places = [[column.name for column in view.columns].index(name) for name in columns]
    with duckdb.connect(config={"threads": 1}) as connection:
        hold(connection, view, rows)
        whole = asked(connection, view, {})
        for values in {tuple(row[at] for at in places) for row in whole} | {(None,) * len(columns)}:
            where = {
                rollup: " AND ".join(
                    f"{name} IS NOT DISTINCT FROM {literal(value)}" for name, value in zip(names, values, strict=True)
                )
                for rollup, names in pushdown.sources.items()
            }
            expected = [row for row in whole if tuple(row[at] for at in places) == values]
            if sorted(map(repr, expected)) != sorted(map(repr, asked(connection, view, where))):  # NaN is NaN
                return False
    return True


@pytest.mark.parametrize("name", [name for name, view in catalog.load().views.items() if not view.views])
@given(data=st.data())
def test_a_views_rows_with_some_values_need_only_rollup_rows_with_them(name: str, data: st.DataObject) -> None:
    """For every view of rollups, each of its proven columns and each pair of them, over any rollups."""
    view = catalog.load().view(name)
    rows = {rollup.name: data.draw(rows_of(rollup)) for rollup in view.rollups}
    columns = view.pushdown.columns
    for chosen in [(column,) for column in columns] + list(itertools.combinations(columns, 2)):
        assert holds(view, rows, chosen), chosen


def test_nearly_every_key_can_be_pushed_down() -> None:
    """All key columns of the contract's views, but three.

    A course that is chosen among a user's, a user beside the whole course, and a day that is told by what a visit had before it.
    """
    views = catalog.load().views
    missing = {(name, key) for name in VIEWS for key in views[name].key if key not in views[name].pushdown.columns}
    assert missing == {
        ("assessment_engagement_timeline", "course_id"),
        ("video_student_course_summary", "user_id"),
        ("video_daily_engagement", "date"),
    }


SUMMED = "(SELECT user_id, book_id, sum(times) AS n FROM readings GROUP BY ALL)"
BY_USER = "(SELECT user_id, sum(times) AS n FROM readings GROUP BY ALL)"
PROVEN = {
    "SELECT user_id {}, book_id {}, sum(times) AS n {} FROM readings GROUP BY ALL": "user_id book_id",
    "SELECT user_id AS reader {}, sum(times) AS n {} FROM readings GROUP BY ALL": "reader",
    "SELECT user_id || '!' AS user_id {}, sum(times) AS n {} FROM readings GROUP BY ALL": "",
    "SELECT DISTINCT user_id {}, book_id {} FROM SUMMED AS r": "user_id book_id",
    "WITH s AS SUMMED SELECT user_id {}, max(n) AS n {} FROM s GROUP BY ALL": "user_id",
    "SELECT user_id {}, book_id {}, rank() OVER (PARTITION BY user_id ORDER BY n) AS n {} FROM SUMMED AS r": "user_id",
    "SELECT user_id {}, n / (SELECT sum(times) FROM readings) AS n {} FROM SUMMED AS r": "",
    "SELECT user_id {}, book_id {} FROM SUMMED AS r WHERE user_id IN (SELECT user_id FROM readings GROUP BY ALL)": "",
    "SELECT a.user_id {}, a.book_id {}, b.n {} FROM SUMMED AS a JOIN BY_USER AS b ON a.user_id = b.user_id": "user_id",
    "SELECT a.user_id {}, b.n {} FROM SUMMED AS a LEFT JOIN BY_USER AS b ON a.user_id = b.user_id": "user_id",
    "SELECT b.user_id {}, a.n {} FROM BY_USER AS a LEFT JOIN BY_USER AS b ON a.user_id = b.user_id AND a.n > 1": "",
    "SELECT b.user_id {}, a.n {} FROM BY_USER AS a RIGHT JOIN BY_USER AS b ON a.user_id = b.user_id AND a.n > 1": "user_id",
    "SELECT coalesce(a.user_id, b.user_id) AS user_id {}, a.n {} FROM BY_USER AS a FULL JOIN BY_USER AS b ON a.user_id = b.user_id AND a.n > 1": "user_id",
    "SELECT a.user_id {}, b.n {} FROM BY_USER AS a FULL JOIN BY_USER AS b ON a.user_id = b.user_id AND a.n > 1": "",
    "SELECT user_id {}, b.n {} FROM SUMMED AS a JOIN BY_USER AS b USING (user_id)": "user_id",
    "SELECT a.user_id {}, a.n {} FROM SUMMED AS a ANTI JOIN BY_USER AS b ON a.user_id = b.user_id AND b.n > 1": "user_id",
    "SELECT a.user_id {}, c.n {} FROM SUMMED AS a JOIN BY_USER AS b ON a.user_id = b.user_id JOIN BY_USER AS c ON b.user_id = c.user_id": "user_id",
    "SELECT a.user_id {}, b.book_id {} FROM SUMMED AS a JOIN SUMMED AS b ON a.user_id = b.book_id": "",
    "SELECT a.user_id {}, step {} FROM SUMMED AS a CROSS JOIN (SELECT unnest([1, 2]) AS step) AS steps": "user_id",
    "SELECT a.user_id {}, b.n {} FROM SUMMED AS a CROSS JOIN BY_USER AS b": "",
    "SELECT user_id {}, sum(n) AS n {} FROM (SELECT user_id, n FROM SUMMED AS a UNION ALL SELECT user_id, n FROM BY_USER AS b) AS r GROUP BY ALL": "user_id",
    "SELECT user_id {}, sum(n) AS n {} FROM (SELECT user_id, n FROM SUMMED AS a UNION ALL SELECT book_id, n FROM SUMMED AS b) AS r GROUP BY ALL": "",
    "SELECT user_id {}, n {} FROM (SELECT * FROM SUMMED AS a) AS r": "user_id",
}


def small(query: str) -> View:
    """The view of that query over a small rollup."""
    text = query.replace("{}", "/* what it is */").replace("SUMMED", SUMMED).replace("BY_USER", BY_USER)
    key = "" if text.endswith("GROUP BY ALL") else "-- key: user_id\n"
    return small_catalog.read(view=f"\n-- Whole.\n{key}CREATE VIEW whole AS {text};").view("whole")


@pytest.mark.parametrize("query", PROVEN)
def test_what_is_proven_is_worked_out_from_the_query(query: str) -> None:
    """Grouping, partitions and equal columns of joins keep a column; anything that reads other rows loses it."""
    assert tuple(PROVEN[query].split()) == small(query).pushdown.columns


@pytest.mark.parametrize("query", [query for query, columns in PROVEN.items() if columns])
@given(data=st.data())
def test_what_is_proven_of_a_query_holds(query: str, data: st.DataObject) -> None:
    """By the same law as the views."""
    view = small(query)
    rows = {rollup.name: data.draw(rows_of(rollup)) for rollup in view.rollups}
    assert holds(view, rows, view.pushdown.columns)


def test_the_law_tells_what_cannot_be_pushed_down() -> None:
    """A user's share of all readings isn't a matter of the user's own readings: the law fails where it should."""
    view = small("SELECT a.user_id {}, b.n {} FROM BY_USER AS a CROSS JOIN BY_USER AS b")
    assert view.pushdown.by("user_id") is None
    proven = catalog.Pushdown(("user_id",), {"readings": ("user_id",)})
    wrong = View(view.name, view.job, view.comment, view.columns, view.rollups, (), view.query, proven)
    rows: RowsByRollup = {"readings": [("2025-12-01", user, "b", "1", None, None, None) for user in ("u1", "u2")]}
    assert not holds(wrong, rows, ("user_id",))
