"""What states a view's SQL asks for, and what is said where none can be found."""

from __future__ import annotations

import duckdb
import pytest
import small_catalog
import sqlglot
from contract import VIEWS

from learnfold import catalog
from learnfold.catalog import Column
from learnfold.catalog.plans import StatePlan
from learnfold.catalog.states import plan_of
from learnfold.errors import DefinitionError

ROLLUPS = small_catalog.read().rollups

READINGS = """
CREATE TABLE readings AS SELECT * FROM (VALUES
  (DATE '2026-01-01', 'ann', 'x', 2, 30, 20, TIMESTAMP '2026-01-01 08:00:00'),
  (DATE '2026-01-01', 'ann', 'y', 1, 10, 10, TIMESTAMP '2026-01-01 09:00:00'),
  (DATE '2026-01-02', 'ann', 'x', 1, NULL, NULL, TIMESTAMP '2026-01-02 08:00:00'),
  (DATE '2026-01-02', 'bob', NULL, 1, 50, 50, TIMESTAMP '2026-01-02 08:30:00'),
  (DATE '2026-01-02', 'bob', 'x', 3, 5, 5, TIMESTAMP '2026-01-02 08:40:00')
) AS r(date, user_id, book_id, times, pages, most, earliest)
"""


def plan(sql: str, columns: dict[str, str], views: dict[str, StatePlan] | None = None, name: str = "v") -> StatePlan:
    """The plan of a view with this SELECT and these columns."""
    made = [Column(column, kind, "", key=False) for column, kind in columns.items()]
    return plan_of(name, sqlglot.parse_one(sql, read="duckdb"), made, ROLLUPS, views)


def answers(found: StatePlan) -> list[tuple[object, ...]]:
    """What the plan answers of the readings above, sorted."""
    with duckdb.connect() as connection:
        connection.execute(READINGS)
        for state in found.states:
            connection.execute(f"CREATE TABLE {state.name} AS {state.select}")
        if found.states:
            connection.execute("DROP TABLE readings")
        return sorted(connection.execute(found.query).fetchall(), key=repr)


def test_every_view_has_states_that_no_one_declared() -> None:
    """All views of the catalogue are answered from states; a state's name is given once, and its sets are there."""
    plans = {name: view.plan for name, view in catalog.load().views.items()}
    assert plans.keys() >= VIEWS.keys()
    assert {name: found.whole for name, found in plans.items() if found.whole} == {}
    states = {state for found in plans.values() for state in found.states}  # a view over another has that one's
    assert len({state.name for state in states}) == len(states)
    for found in plans.values():
        counted = {column.tuples for state in found.states for column in state.columns if column.tuples}
        assert counted == {one.name for one in found.sets}


def test_a_state_holds_what_merges_and_the_view_reckons_from_it() -> None:
    """A mean is kept as a sum and a count; a count of distinct values as a count of tuples."""
    found = plan(
        "SELECT user_id, count(DISTINCT book_id) AS books, sum(pages) / sum(times) AS mean FROM readings GROUP BY ALL",
        {"user_id": "VARCHAR", "books": "BIGINT", "mean": "DOUBLE"},
    )
    (state,) = found.states
    assert state.key == ("user_id",)
    assert [(c.name, c.merge, c.type) for c in state.columns[1:]] == [
        ("distinct_book_id", "sum", "BIGINT"),
        ("sum_pages", "sum", "BIGINT"),
        ("sum_times", "sum", "BIGINT"),
    ]
    assert found.sets[0].columns == ("book_id", "user_id")
    assert answers(found) == [("ann", 2, 10.0), ("bob", 1, 13.75)]


def test_views_that_count_the_same_tuples_share_a_set() -> None:
    """Books a person read and people who read a book are counted of one set of (person, book)."""
    books = plan(
        "SELECT user_id, count(DISTINCT book_id) AS n FROM readings GROUP BY ALL",
        {"user_id": "VARCHAR", "n": "BIGINT"},
    )
    people = plan(
        "SELECT book_id, count(DISTINCT user_id) AS n FROM readings GROUP BY ALL",
        {"book_id": "VARCHAR", "n": "BIGINT"},
    )
    assert books.sets == people.sets


def test_equal_groupings_within_a_view_are_one_state() -> None:
    """What is read twice is kept once."""
    one = "(SELECT user_id, sum(pages) AS pages FROM readings GROUP BY ALL)"
    found = plan(
        f"SELECT a.user_id, b.pages FROM {one} AS a JOIN {one} AS b ON a.user_id = b.user_id",
        {"user_id": "VARCHAR", "pages": "BIGINT"},
    )
    assert len(found.states) == 1
    assert answers(found) == [("ann", 40), ("bob", 55)]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        pytest.param("SELECT DISTINCT user_id AS x FROM readings", [("ann",), ("bob",)], id="distinct rows"),
        pytest.param(
            "WITH r AS (SELECT user_id, pages FROM readings WHERE user_id = 'ann') SELECT sum(pages) AS x FROM r GROUP BY ALL",
            [("40",)],
            id="a query by name",
        ),
        pytest.param(
            "WITH r AS (SELECT user_id, pages FROM readings), s AS (SELECT user_id, sum(pages) AS n FROM r GROUP BY ALL) "
            "SELECT max(n) AS x FROM s",
            [("55",)],
            id="a query by name over another",
        ),
        pytest.param(
            "SELECT user_id AS x FROM readings GROUP BY user_id HAVING sum(pages) > 50", [("bob",)], id="having"
        ),
        pytest.param(
            "SELECT n / (SELECT sum(times) FROM readings) AS x FROM (SELECT sum(times) AS n FROM readings WHERE user_id = 'bob' GROUP BY ALL)",
            [("0.5",)],
            id="a share of a whole without a key",
        ),
        pytest.param(
            "SELECT u AS x FROM (SELECT user_id AS u, pages FROM readings UNION ALL SELECT book_id, NULL FROM readings) GROUP BY u",
            [("ann",), ("bob",), ("x",), ("y",), (None,)],
            id="rows taken together",
        ),
    ],
)
def test_shapes_of_views(sql: str, rows: list[tuple[object, ...]]) -> None:
    """Each shape that a view may have is answered from states."""
    found = plan(sql, {"x": "VARCHAR"})
    assert found.whole is None
    assert answers(found) == sorted(rows, key=repr)


def test_a_view_over_a_view_is_answered_from_that_ones_states() -> None:
    """It needs no states of its own, and may have some beside."""
    columns = {"user_id": "VARCHAR", "pages": "BIGINT"}
    below = plan("SELECT user_id, sum(pages) AS pages FROM readings GROUP BY ALL", columns, name="people")
    found = plan(
        "SELECT count(*) AS n, max(pages) AS most FROM people", {"n": "BIGINT", "most": "BIGINT"}, {"people": below}
    )
    assert [state.name for state in found.states] == ["people"]
    assert answers(found) == [(2, 55)]
    both = plan(
        "SELECT p.user_id, p.pages - q.pages AS pages FROM people AS p "
        "JOIN (SELECT user_id, max(most) AS pages FROM readings GROUP BY ALL) AS q ON p.user_id = q.user_id",
        columns,
        {"people": below},
    )
    assert [state.name for state in both.states] == ["people", "v"]
    assert answers(both) == [("ann", 20), ("bob", 5)]


def test_a_view_whose_states_cant_be_found_is_answered_as_a_whole_and_says_why() -> None:
    """Grouped by what it doesn't show, its states would miss a key: it is asked of its rollups, and so is a view over it."""
    hidden = plan(
        "SELECT max(n) AS n FROM (SELECT sum(pages) AS n FROM readings GROUP BY user_id)", {"n": "BIGINT"}, name="most"
    )
    assert hidden.whole == "it is grouped by user_id, which it doesn't show"
    assert (hidden.states, hidden.sets) == ((), ())
    assert answers(hidden) == [(55,)]
    above = plan("SELECT n + 1 AS n FROM most", {"n": "BIGINT"}, {"most": hidden})
    assert above.whole == f"most has none: {hidden.whole}"
    assert answers(above) == [(56,)]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT user_id AS x, sum(pages) AS n FROM readings GROUP BY ALL HAVING max(book_id) > user_id", "beside"),
        ("SELECT lower(user_id) AS user_id, sum(pages) || user_id AS x FROM readings GROUP BY ALL", "beside"),
        ("SELECT DISTINCT ON (user_id) user_id AS x FROM readings", "doesn't name"),
        ("SELECT book_id AS x FROM readings WHERE user_id IN (SELECT user_id FROM readings)", "no state is known"),
        ("SELECT count(DISTINCT (user_id, book_id)) AS x, avg(pages) FROM readings GROUP BY ALL", "merges"),
    ],
)
def test_what_no_state_is_known_of(sql: str, why: str) -> None:
    """Said in words, never answered wrongly."""
    found = plan(sql, {"x": "VARCHAR"})
    assert why in str(found.whole)


def test_a_sum_of_floating_point_numbers_is_refused() -> None:
    """It would depend on the order in which parts are merged."""
    rollup = small_catalog.ROLLUP.replace("max(pages)     AS most,", "max(price)     AS most,")
    with pytest.raises(DefinitionError, match="sum of DOUBLEs"):
        plan_of(
            "v",
            sqlglot.parse_one("SELECT user_id, sum(most) AS n FROM readings GROUP BY ALL", read="duckdb"),
            [Column("user_id", "VARCHAR", "", key=True), Column("n", "DOUBLE", "", key=False)],
            small_catalog.read(rollup=rollup).rollups,
        )
