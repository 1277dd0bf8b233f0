"""What a subject's SQL may not say: each refused when it is read, by the name of what breaks which rule."""

from __future__ import annotations

import re

import pytest
import small_catalog
from small_catalog import EVENT, ROLLUP, TOPIC, VIEW

from learnfold import catalog
from learnfold.errors import DefinitionError

WHOLE = "\n-- Whole.\n-- key: user_id\nCREATE VIEW whole AS "


def documented(query: str) -> str:
    """The view of that query, with a comment behind its last column."""
    return WHOLE + query.replace(" FROM", " /* n */ FROM", 1) + ";"


def refused(named: str, **parts: str) -> None:
    """Asserts that the subject is refused in one message that has ``named`` in it and says which script is meant."""
    with pytest.raises(DefinitionError, match=re.escape(named)) as caught:
        small_catalog.read(**parts)
    assert str(caught.value).startswith(("subjects/book.sql", "subjects/event.sql"))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "aggregate",
    [
        "avg(pages)",
        "median(pages)",
        "quantile_cont(pages, 0.5)",
        "stddev(pages)",
        "mode(book_id)",
        "list(book_id)",
        "string_agg(book_id)",
        "first(book_id)",
        "any_value(book_id)",
        "arg_min(book_id, timestamp)",
        "approx_count_distinct(book_id)",
        "bool_or(pages > 1)",
        "min(pages, 2)",
        "sum(pages) / count(*)",
        "coalesce(sum(pages), 0)",
    ],
)
def test_an_aggregate_that_does_not_merge_is_refused(aggregate: str) -> None:
    """Whatever isn't a plain count, sum, least or most can't be put together from days."""
    refused("the rollup readings: pages is", rollup=ROLLUP.replace("sum(pages) ", f"{aggregate} "))
    refused("which doesn't merge", rollup=ROLLUP.replace("sum(pages) ", f"{aggregate} "))


@pytest.mark.parametrize(
    "aggregate", ["count(DISTINCT user_id)", "sum(DISTINCT pages)", "count(DISTINCT user_id) FILTER (pages > 2)"]
)
def test_a_distinct_count_in_a_rollup_is_refused(aggregate: str) -> None:
    """People of two days can't be added up; the message says to make them a key."""
    refused("make what it counts a key", rollup=ROLLUP.replace("sum(pages) ", f"{aggregate} "))


@pytest.mark.parametrize("aggregate", ["product(pages)", "CAST(histogram(pages) AS VARCHAR)", "my_own(pages)"])
def test_a_function_nobody_knows_is_refused_in_a_rollup(aggregate: str) -> None:
    """It might be an aggregate that doesn't merge, so it isn't taken for a key."""
    refused("of which isn't known whether it merges", rollup=ROLLUP.replace("sum(pages) ", f"{aggregate} "))


@pytest.mark.parametrize(
    ("ending", "named"),
    [
        ("GROUP BY ALL HAVING count(*) > 1", "HAVING"),
        ("GROUP BY ALL LIMIT 3", "LIMIT"),
        ("GROUP BY ALL OFFSET 3", "OFFSET"),
        ("GROUP BY ALL QUALIFY row_number() OVER (ORDER BY user_id) = 1", "window"),
        ("GROUP BY ALL USING SAMPLE 10%", "sample"),
        ("GROUP BY date, user_id, book_id", "GROUP BY ALL"),
        ("GROUP BY ROLLUP (date, user_id, book_id)", "GROUP BY ALL"),
        ("", "GROUP BY ALL"),
        ("GROUP BY ALL UNION ALL SELECT date, user_id, book_id, 1, 1, 1, timestamp FROM book_topic", "one SELECT"),
    ],
)
def test_a_rollup_that_leaves_groups_out_or_is_not_grouped_is_refused(ending: str, named: str) -> None:
    """What a whole day decides isn't what a part of it decides."""
    refused(named, rollup=ROLLUP.replace("GROUP BY ALL", ending))


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("(SELECT DISTINCT date, user_id, book_id, pages, timestamp FROM book_topic) AS x", "DISTINCT"),
        ("(SELECT * FROM book_topic LIMIT 3) AS x", "LIMIT"),
        ("(SELECT *, row_number() OVER (ORDER BY user_id) AS n FROM book_topic) AS x", "a window"),
        (
            "(SELECT date, user_id, book_id, max(pages) AS pages, min(timestamp) AS timestamp FROM book_topic GROUP BY ALL) AS x",
            "puts numbers together twice",
        ),
        ("book_topic JOIN (SELECT user_id AS u FROM book_topic) AS b ON u = user_id", "joins events"),
        ("book_topic WHERE user_id IN (SELECT user_id FROM book_topic WHERE pages > 3)", "read its topic once"),
        ("(SELECT * FROM book_topic UNION ALL SELECT * FROM book_topic) AS x", "UNION"),
        ("nowhere", "must read one topic, not nowhere"),
        ("books_read", "must read one topic, not books_read"),
    ],
)
def test_a_rollup_reads_each_event_of_one_topic_once_and_alone(source: str, named: str) -> None:
    """What is counted of an event never depends on another one."""
    refused(named, rollup=ROLLUP.replace("FROM book_topic", f"FROM {source}"))


def test_a_rollup_may_look_at_events_through_a_subquery() -> None:
    """Reshaping each event first merges as well as not."""
    inner = "(SELECT date, user_id, unnest([book_id, 'again']) AS book_id, pages, timestamp FROM book_topic) AS x"
    rollup = small_catalog.read(rollup=ROLLUP.replace("FROM book_topic", f"FROM {inner}")).rollups["readings"]
    assert rollup.key == ("date", "user_id", "book_id")


@pytest.mark.parametrize(
    "date", ["", "min(date) AS date, -- d\n", "hour AS date, -- d\n", "DATE '2025-01-01' AS date, -- d\n"]
)
def test_a_rollup_without_the_date_is_refused(date: str) -> None:
    """Days are what is folded, so the topic's own date is a key."""
    refused("the rollup readings must be grouped by", rollup=ROLLUP.replace("date,\n", date))


def test_a_rollup_of_keys_only_is_refused() -> None:
    """Without a number it says nothing that merges; the message says what to add."""
    refused(
        "the rollup readings holds keys only; count(*)",
        rollup="\n-- Keys.\nCREATE TABLE readings AS SELECT date, user_id FROM book_topic GROUP BY ALL;",
    )


def test_a_sum_of_floating_point_numbers_is_refused() -> None:
    """Its last digits would depend on the order of events; the message says what to do."""
    refused("CAST them AS DECIMAL", rollup=ROLLUP.replace("sum(pages)", "sum(price)"))
    small_catalog.read(rollup=ROLLUP.replace("sum(pages)", "sum(CAST(price AS DECIMAL(28, 10)))"))


@pytest.mark.parametrize(
    "clock", ["random()", "now()", "current_timestamp", "today()", "uuid()", "get_current_timestamp()"]
)
def test_what_depends_on_when_it_is_asked_is_refused(clock: str) -> None:
    """Clocks and chance would make two runs over the same events differ."""
    refused(
        "depends on more than the events",
        rollup=ROLLUP.replace("FROM book_topic", f"FROM book_topic WHERE '1' < {clock}"),
    )
    refused("depends on more than the events", view=VIEW.replace("sum(times) ", f"CAST({clock} AS VARCHAR) "))


def test_a_view_that_reads_a_topic_is_refused() -> None:
    """Views read rollups only; that is why the past is never read twice."""
    refused("the view books_read reads the topic book_topic", view=VIEW.replace("readings", "book_topic"))


def test_a_view_that_reads_what_is_not_there_is_refused() -> None:
    """An unknown table is named; of views only those above."""
    refused("the view books_read reads nowhere", view=VIEW.replace("readings", "nowhere"))
    refused(
        "the view again reads books_read, which no rollup or view above it is called",
        view="\n-- Again.\n-- key: user_id\nCREATE VIEW again AS SELECT user_id FROM books_read;\n" + VIEW,
    )


@pytest.mark.parametrize(
    ("number", "named"),
    [
        ("sum(most)", "SUM(most) isn't how most merges (max)"),
        ("max(times)", "MAX(times) isn't how times merges (sum)"),
        ("min(most)", "MIN(most) isn't how most merges (max)"),
        ("max(earliest)", "MAX(earliest) isn't how earliest merges (min)"),
        ("count(DISTINCT times)", "COUNT(DISTINCT times) isn't how times merges (sum)"),
        ("sum(user_id)", "SUM(user_id) isn't how user_id merges (key)"),
        ("count(*)", "COUNT(*) over a rollup depends on how its days were folded"),
        ("count(book_id)", "COUNT(book_id) over a rollup depends on"),
        ("avg(times)", "AVG(times) over a rollup depends on"),
        ("median(times)", "MEDIAN(times) over a rollup depends on"),
        ("arg_max(book_id, most)", "ARG_MAX(book_id, most) over a rollup depends on"),
        ("sum(DISTINCT times)", "SUM(DISTINCT times) over a rollup depends on"),
        ("sum(1)", "SUM(1) over a rollup depends on"),
        ("sum(times) OVER (PARTITION BY user_id)", "over a rollup depends on"),
        ("CAST(product(times) AS DOUBLE)", "PRODUCT(times) over a rollup depends on"),
        ("sum(times * pages)", "must be of one column as it is"),
        ("max(most, 2)", "must be of one column as it is"),
        ("sum(CASE WHEN most > 3 THEN times END)", "must be of one column as it is"),
        ("sum(times) FILTER (most > 3)", "looks at most before it is put together"),
        ("(SELECT max(times) FROM readings)", "MAX(times) isn't how times merges (sum)"),
        ("(SELECT times FROM readings)", "(SELECT times FROM readings) doesn't put its numbers together"),
    ],
)
def test_a_view_that_puts_numbers_together_wrongly_is_refused(number: str, named: str) -> None:
    """Counts are summed, leasts and mosts kept, keys counted distinctly; anything else depends on how days were folded."""
    refused("the view books_read: ", view=VIEW.replace("sum(times) ", f"{number} "))
    refused(named, view=VIEW.replace("sum(times) ", f"{number} "))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (
            "SELECT user_id, max(times) AS n FROM (SELECT user_id, times FROM readings) AS r GROUP BY ALL",
            "isn't how times merges",
        ),
        (
            "SELECT user_id, count(*) AS n FROM (SELECT user_id FROM readings) AS r GROUP BY ALL",
            "COUNT(*) over a rollup",
        ),
        (
            "SELECT user_id, sum(n) AS n FROM (SELECT user_id, times + 1 AS n FROM readings) AS r GROUP BY ALL",
            "isn't how n merges (None)",
        ),
        ("SELECT user_id, count(*) AS n FROM (SELECT * FROM readings) AS r GROUP BY ALL", "COUNT(*) over a rollup"),
        (
            "WITH r AS (SELECT user_id, times FROM readings) SELECT user_id, max(times) AS n FROM r GROUP BY ALL",
            "isn't how times merges",
        ),
        (
            "SELECT user_id, sum(n) AS n FROM (SELECT user_id, times AS n FROM readings UNION ALL SELECT user_id, most FROM readings) AS r GROUP BY ALL",
            "isn't how n merges (None)",
        ),
        (
            "SELECT user_id, sum(times) AS n FROM (SELECT user_id, times FROM readings UNION SELECT user_id, times FROM readings) AS r GROUP BY ALL",
            "UNION ALL",
        ),
        (
            "SELECT user_id, sum(times) AS n FROM readings JOIN (SELECT user_id AS u, sum(times) AS m FROM readings GROUP BY ALL) AS o ON u = user_id GROUP BY ALL",
            "is joined before",
        ),
        ("SELECT user_id, times AS n, count(DISTINCT book_id) AS b FROM readings GROUP BY ALL", "n is grouped by"),
        ("SELECT DISTINCT user_id, times AS n FROM readings", "n is grouped by"),
        ("SELECT user_id, times AS n FROM readings", "the view whole doesn't put its numbers together"),
        (
            "SELECT user_id, sum(times) AS n FROM readings WHERE times > 3 GROUP BY ALL",
            "looks at times before it is put together",
        ),
        ("SELECT user_id, sum(times) AS n FROM readings GROUP BY ALL LIMIT 10", "LIMIT"),
    ],
)
def test_numbers_put_together_wrongly_are_found_wherever_they_are(query: str, named: str) -> None:
    """Neither a subquery, a WITH, a UNION nor a join hides it."""
    refused(named, view=documented(query))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT user_id, sum(times) AS n FROM (SELECT user_id, times, NULL AS x FROM readings UNION ALL SELECT user_id, NULL, most FROM readings) AS r GROUP BY ALL",
        "SELECT user_id, count(*) AS n FROM (SELECT user_id, book_id, sum(times) AS times FROM readings GROUP BY ALL) AS r WHERE times > 3 GROUP BY ALL",
        "SELECT user_id, rank() OVER (ORDER BY n) AS n FROM (SELECT user_id, sum(times) AS n FROM readings GROUP BY ALL) AS r",
        "SELECT user_id, max(date) AS n FROM readings WHERE times > 0 AND most IS NOT NULL AND book_id <> 'b' GROUP BY ALL",
        "SELECT user_id, sum(times) / sum(pages) AS n FROM (SELECT * FROM readings) AS r GROUP BY ALL",
        "SELECT user_id FROM readings GROUP BY ALL",
    ],
)
def test_what_is_put_together_rightly_is_free_from_then_on(query: str) -> None:
    """Passed on as it is, or put together first: then a view may count, rank and compare."""
    assert small_catalog.read(view=documented(query)).view("whole").key == ("user_id",)


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"view": VIEW.replace("-- how often", "")}, "books_read.times has no comment"),
        ({"rollup": ROLLUP.replace("-- how often", "")}, "readings.times has no comment"),
        ({"view": VIEW.replace("-- What each person reads.", "")}, "books_read has no comment above it"),
        ({"rollup": ROLLUP.replace("-- Reading, folded by day.", "")}, "readings has no comment above it"),
        ({"topic": TOPIC.replace("-- What happens to a book.\n", "")}, "book_topic has no comment above it"),
        ({"topic": TOPIC.replace("-- the book\n", "\n")}, "the column book_id has no comment"),
        ({"event": EVENT.replace("-- who did it (whose event it is)", "")}, "the column user_id has no comment"),
        (
            {"topic": TOPIC.replace("-- Books lent and read.\n\n", "")},
            "must begin with a comment that says what it is about",
        ),
    ],
)
def test_what_is_not_documented_is_refused(parts: dict[str, str], named: str) -> None:
    """Every subject, topic, field, rollup, view and column says what it holds."""
    refused(named, **parts)


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"view": VIEW + VIEW}, "books_read is defined twice"),
        ({"view": VIEW.replace("VIEW books_read", "VIEW readings")}, "readings is defined twice"),
        ({"rollup": ROLLUP.replace("TABLE readings", "TABLE book_topic")}, "book_topic is defined twice"),
        ({"view": VIEW.replace("AS times", "AS books")}, "books_read.books is defined twice"),
        ({"rollup": ROLLUP.replace("AS most", "AS pages")}, "readings.pages is defined twice"),
        ({"topic": TOPIC.replace("price   DOUBLE", "book_id DOUBLE")}, "book_topic.book_id is defined twice"),
        ({"topic": TOPIC.replace("price   DOUBLE", "user_id VARCHAR")}, "book_topic.user_id is defined twice"),
    ],
)
def test_two_definitions_of_one_name_are_refused(parts: dict[str, str], named: str) -> None:
    """A name means one thing."""
    refused(named, **parts)


def test_a_name_is_unique_over_all_subjects() -> None:
    """Rollups and views of two subjects lie in one folder, so their names differ."""
    with pytest.raises(DefinitionError, match=r"subjects/other\.sql: book_topic is defined twice"):
        catalog.read({"event": EVENT, "book": TOPIC + ROLLUP + VIEW, "other": TOPIC + ROLLUP + VIEW})


@pytest.mark.parametrize("name", ["Books", '"my books"', '"_books"', '"größe"', '"1st"'])
def test_a_column_has_a_plain_name(name: str) -> None:
    """Engines, readers and shells take small letters, digits and _; a column without a name can't be asked for."""
    refused("needs a name of small letters", view=VIEW.replace("AS books", f"AS {name}"))
    refused("needs a name of small letters", view=VIEW.replace(" AS books", ""))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("-- key: book_id", "says its key is book_id, but is grouped by user_id"),
        ("-- key: user_id, books", "says its key is user_id, books, but is grouped by user_id"),
    ],
)
def test_a_key_that_is_not_what_is_grouped_by_is_refused(line: str, named: str) -> None:
    """A key line that contradicts the query is a mistake in one of them."""
    refused(named, view=VIEW.replace("CREATE", f"{line}\nCREATE"))


def test_a_view_without_a_key_is_refused() -> None:
    """Where the outermost SELECT isn't grouped a line says the key, of columns that are there."""
    query = "SELECT user_id, n * 2 AS n /* n */ FROM (SELECT user_id, sum(times) AS n FROM readings GROUP BY ALL) AS r;"
    refused("the view whole has no key", view=WHOLE.replace("-- key: user_id\n", "") + query)
    refused("the view whole has no column nix", view=WHOLE.replace("key: user_id", "key: nix") + query)
    refused("must use GROUP BY ALL", view=VIEW.replace("GROUP BY ALL", "GROUP BY user_id"))


@pytest.mark.parametrize(
    ("check", "named"),
    [
        ("nix > 1", "check: nix > 1 names nix, which is no column of it"),
        ("1 = 1", "check: 1 = 1 names no column"),
        ("times >", "check: times > isn't a condition"),
        ("", "isn't a condition"),
        ("times", "isn't a condition over one row"),
        ("sum(times) > 1", "isn't a condition over one row"),
        ("times > (SELECT 1)", "isn't a condition over one row"),
    ],
)
def test_a_check_that_checks_nothing_is_refused(check: str, named: str) -> None:
    """A check is a condition over a view's own columns."""
    refused(named, view=VIEW.replace("CREATE", f"-- check: {check}\nCREATE"))


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"view": VIEW.replace("SELECT", "SELEKT")}, "can't be read"),
        ({"view": VIEW.replace("sum(times)", "sum(times")}, "can't be read"),
        ({"view": "\n-- Drops.\nDROP TABLE readings;"}, "only CREATE TABLE and CREATE VIEW belong here"),
        ({"view": "\n-- Asks.\nSELECT 1;"}, "only CREATE TABLE and CREATE VIEW belong here"),
        ({"event": ""}, "subjects/event.sql defines nothing"),
        ({"event": EVENT + EVENT}, "must hold one CREATE TABLE"),
        ({"view": VIEW.replace("sum(times)", "sum(nix)")}, "nix"),
        ({"rollup": ROLLUP.replace("sum(pages)", "sum(nix)")}, "Column 'nix' could not be resolved"),
        (
            {"view": VIEW.replace("count(DISTINCT book_id) AS books,  -- different books", "*,  -- all")},
            "must name its columns, not *",
        ),
    ],
)
def test_sql_that_cannot_be_read_is_refused(parts: dict[str, str], named: str) -> None:
    """In one message, not by a traceback of the parser."""
    refused(named, **parts)


def test_a_type_that_cannot_be_told_is_refused() -> None:
    """Every column has a type on every engine; the message says to CAST."""
    refused("the type of books_read.times isn't known; CAST it", view=VIEW.replace("sum(times)", "NULL"))


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("pages BIGINT", "pages can't be BIGINT"),
        ("pages BLOB", "pages can't be BLOB"),
        ("pages", "is no column with a type"),
        ("pages INTEGER DEFAULT 3", "pages: DEFAULT 3 means nothing here"),
        ("pages INTEGER PRIMARY KEY", "pages: PRIMARY KEY means nothing here"),
        ("pages INTEGER CHECK (price > 0)", "names price, which is no column of it"),
        ("pages INTEGER CHECK (pages)", "isn't a condition over one row"),
        ("pages INTEGER, CHECK (pages > 1)", "is no column with a type"),
    ],
)
def test_a_field_that_cannot_be_read_from_events_is_refused(field: str, named: str) -> None:
    """A topic's fields are of the types that events can be read as, and checked one by one."""
    refused(named, topic=TOPIC.replace("pages   INTEGER CHECK (pages >= 0)", field))


def test_events_of_nobody_are_refused() -> None:
    """Without a column that says whose event it is, an erasure would find none."""
    refused("end that column's comment in (whose event it is)", event=EVENT.replace(" (whose event it is)", ""))
