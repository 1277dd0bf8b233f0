"""The shipped catalogue holds the contract, and what is derived from it is derived rightly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import small_catalog
from contract import ALL, JOBS, MORE, VIEWS
from small_catalog import ROLLUP, TOPIC, VIEW

from learnfold import catalog
from learnfold.catalog.document import document
from learnfold.catalog.schema import json_schema
from learnfold.errors import UsageError

ROOT = Path(__file__).parents[2]


def test_the_jobs_and_views_are_those_of_the_contract() -> None:
    """Five jobs and 37 views, by name and in order; there may be more, which are held against themselves."""
    found = {job.name: [view.name for view in job.views] for job in catalog.load().jobs.values()}
    kept = {job: [view for view in views if view in VIEWS] for job, views in found.items() if job in JOBS}
    assert {job: list(views) for job, views in JOBS.items()} == kept
    assert [job for job in found if job in JOBS] == list(JOBS)
    assert len(VIEWS) == 37


OTHER_UNITS = ("right answers", "tries a person", "correlation", "events a week", "days", "students", "submissions")


def test_the_views_beyond_the_seeds_belong_to_their_jobs() -> None:
    """By name, in any order."""
    found = {job.name: {view.name for view in job.views} for job in catalog.load().jobs.values()}
    assert {job: set(views) - found[job] for job, views in MORE.items()} == {job: set() for job in MORE}


@pytest.mark.parametrize("name", ALL)
def test_a_view_has_the_key_and_columns_of_the_contract(name: str) -> None:
    """Its key in order, and all the columns with their types; a view may have gained others."""
    view = catalog.load().view(name)
    columns = {column.name: column.type for column in view.columns if column.name in ALL[name].columns}
    assert (ALL[name].key, ALL[name].columns) == (view.key, columns)


@pytest.mark.parametrize("name", ALL)
def test_every_column_says_its_unit_and_what_null_means(name: str) -> None:
    """A number that may be NULL says when; one that measures time or share says its unit."""
    units = {
        "second": "second",
        "minute": "minute",
        "hour": "hour",
        "rate": "percent",
        "percentage": "percent",
        "score": "points",
    }
    view = catalog.load().view(name)
    assert view.comment
    for column in view.columns:
        assert column.comment
        if column.type == "DOUBLE":
            assert any(unit in column.comment for unit in [*units.values(), *OTHER_UNITS]), column
            assert "NULL" in column.comment or name in {
                "auth_user_session_metrics",
                "assessment_engagement_timeline",
            }, column
        if column.type == "TIMESTAMP":
            assert "UTC" in column.comment, column


def test_a_name_that_is_not_there_is_refused_naming_what_is() -> None:
    """Of a job or topic all are named, of a view the nearest."""
    found = catalog.load()
    with pytest.raises(UsageError, match=r"auth, assessment, video, course, profile_notification"):
        found.job("vidoe")
    with pytest.raises(UsageError, match=r"did you mean video_popularity"):
        found.view("video_popularty")
    with pytest.raises(UsageError, match=r"learnfold views"):
        found.view("x")
    with pytest.raises(UsageError, match=r"auth_topic, assessment_topic, video_topic, course_topic, profile_topic"):
        found.topic("vidoe_topic")


@pytest.mark.parametrize(
    "name",
    [name for name, promised in VIEWS.items() if "date" in promised.key and name != "video_daily_engagement"],
)
def test_a_view_by_date_is_asked_by_dates_that_changed(name: str) -> None:
    """Each of its rows depends on rollup rows of its own date alone; a day's watching alone asks for visits that began before it."""
    view = catalog.load().view(name)
    assert view.incremental is not None
    assert (("date",), {rollup.name: ("date",) for rollup in view.rollups}) == (
        view.incremental.columns,
        view.incremental.sources,
    )


@pytest.mark.parametrize("name", [name for name, promised in VIEWS.items() if "date" not in promised.key])
def test_a_view_over_all_dates_is_asked_as_a_whole(name: str) -> None:
    """New events of a day may change any of its rows."""
    assert catalog.load().view(name).incremental is None


SUMMED = "(SELECT date, user_id, sum(times) AS n FROM readings GROUP BY ALL)"
SLICED = {
    "SELECT date, sum(times) AS n {} FROM readings GROUP BY ALL": True,
    "SELECT date, sum(times) AS n {} FROM (SELECT date, times FROM readings) AS r GROUP BY ALL": True,
    "SELECT date, max(n) AS n {} FROM SUMMED AS r GROUP BY ALL": True,
    "SELECT date, rank() OVER (PARTITION BY date ORDER BY n) AS n {} FROM SUMMED AS r": True,
    "SELECT date, rank() OVER (ORDER BY n) AS n {} FROM SUMMED AS r": False,
    "SELECT a.date {}, b.n {} FROM SUMMED AS a JOIN SUMMED AS b ON a.date = b.date": True,
    "SELECT a.date {}, b.n {} FROM SUMMED AS a JOIN SUMMED AS b ON a.user_id = b.user_id": False,
    "SELECT a.date {}, b.n {} FROM SUMMED AS a JOIN SUMMED AS b ON a.date = b.date OR a.n = b.n": False,
    "SELECT date + 1 AS date {}, sum(times) AS n {} FROM readings GROUP BY ALL": False,
    "SELECT user_id AS date {}, sum(times) AS n {} FROM readings GROUP BY ALL": True,
    "SELECT date, sum(n) AS n {} FROM (SELECT date, times AS n FROM readings UNION ALL SELECT date, pages FROM readings) AS r GROUP BY ALL": True,
    "SELECT date, sum(n) AS n {} FROM (SELECT date, times AS n FROM readings UNION ALL SELECT date + 1, pages FROM readings) AS r GROUP BY ALL": False,
}


@pytest.mark.parametrize("query", SLICED)
def test_slices_are_worked_out_from_the_query(query: str) -> None:
    """By date where every level is grouped, partitioned or joined by it; never declared."""
    text = query.replace("{}", "/* what it is */").replace("SUMMED", SUMMED)
    view = small_catalog.read(view=f"\n-- Whole.\n-- key: date\nCREATE VIEW whole AS {text};").view("whole")
    assert SLICED[query] == (view.incremental is not None)


def test_a_fingerprint_ignores_comments_and_layout_but_not_sql() -> None:
    """What is only said differently is not computed anew; what means something else is."""
    before = small_catalog.read()
    said = small_catalog.read(
        topic=TOPIC.replace("-- the book", "-- the very book"),
        rollup=ROLLUP.replace("-- how often", "-- times").replace("  book_id,", "book_id  ,"),
        view=VIEW.replace("What each", "What every").replace("different books", "books, each once"),
    )
    assert before.view("books_read").fingerprint == said.view("books_read").fingerprint
    for parts in (
        {"view": VIEW.replace("sum(times)", "sum(pages)")},
        {"view": VIEW.replace("AS times", "AS often")},
        {"rollup": ROLLUP.replace("max(pages)", "max(pages + 1)")},
        {"rollup": ROLLUP.replace("GROUP BY", "WHERE pages > 0 GROUP BY")},
        {"topic": TOPIC.replace("pages >= 0", "pages >= 1")},
        {"topic": TOPIC.replace("price   DOUBLE", "price   TIMESTAMP")},
    ):
        assert before.view("books_read").fingerprint != small_catalog.read(**parts).view("books_read").fingerprint, (
            parts
        )


def test_a_field_changes_what_depends_on_it_and_nothing_else() -> None:
    """A text behind what a rollup reads leaves it as it was, one before it may decide between copies; a number may be invalid."""
    before = small_catalog.read()

    def same(topic: str) -> tuple[bool, bool]:
        after = small_catalog.read(topic)
        (one, other) = (found.topic("book_topic").validity for found in (before, after))
        return one == other, before.rollups["readings"].fingerprint == after.rollups["readings"].fingerprint

    assert same(TOPIC.replace("-- what it cost", "-- what it cost\n, note VARCHAR -- words")) == (True, True)
    assert same(TOPIC.replace("  book_id VARCHAR,", "  note VARCHAR, -- words\n  book_id VARCHAR,")) == (True, False)
    assert same(TOPIC.replace("-- what it cost", "-- what it cost\n, shelf INTEGER -- where")) == (False, False)
    assert same(TOPIC.replace("-- what it cost", "-- what it cost\n, note VARCHAR NOT NULL -- words")) == (False, False)
    assert (
        before.topic("book_topic").fingerprint
        != small_catalog.read(TOPIC.replace("price", "prize")).topic("book_topic").fingerprint
    )


def test_a_changed_view_leaves_its_rollups_and_topics_as_they_were() -> None:
    """Only what the change concerns is computed anew."""
    before, after = small_catalog.read(), small_catalog.read(view=VIEW.replace("sum(times)", "sum(pages)"))
    assert before.rollups["readings"].fingerprint == after.rollups["readings"].fingerprint
    assert before.topic("book_topic").fingerprint == after.topic("book_topic").fingerprint


def test_how_a_rollup_merges_is_told_from_its_query() -> None:
    """Keys stay, counts and sums are added, leasts and mosts kept."""
    rollup = small_catalog.read().rollups["readings"]
    expected = {
        "date": "key",
        "user_id": "key",
        "book_id": "key",
        "times": "sum",
        "pages": "sum",
        "most": "max",
        "earliest": "min",
    }
    assert expected == {column.name: column.merge for column in rollup.columns}


def test_the_page_of_the_views_is_not_stale() -> None:
    """``make docs`` writes docs/views.md anew where this fails."""
    assert document(catalog.load()) == (ROOT / "docs" / "views.md").read_text("utf-8")


def test_the_page_of_the_views_explains_every_column() -> None:
    """Each view has a section with its columns, SQL and where it comes from."""
    page = document(catalog.load())
    for name, promised in VIEWS.items():
        section = page.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
        assert "```sql" in section
        for column, kind in promised.columns.items():
            assert re.search(rf"^\| (\*\*)?`{column}`.*\| {kind} \| \S", section, re.MULTILINE), (name, column)


GOOD: dict[str, dict[str, Any]] = {
    "auth_topic": {"event_type": "LOGIN", "session_id": "s1"},
    "assessment_topic": {"event_type": "GRADE_ASSIGNMENT", "student_id": "u2", "score": 8.5, "correct_answers": None},
    "video_topic": {"event_type": "VIDEO_WATCHED", "video_id": "v1", "watch_duration_seconds": 120},
    "course_topic": {"event_type": "COURSE_ENROLLED", "course_id": "c1", "anything_else": {"is": ["fine"]}},
    "profile_topic": {"event_type": "UPDATE_PROFILE", "updated_fields": ["email", None]},
    "notification_topic": {"event_type": "NOTIFICATION_SENT", "notification_type": "deadline"},
}
COMMON = {
    "event_id": "e1",
    "event_category": "ANY",
    "user_id": "u1",
    "role": "student",
    "timestamp": "2025-12-10 14:30:00",
}
BAD: dict[str, list[dict[str, Any]]] = {
    "auth_topic": [{"user_id": None}, {"user_id": " "}, {"event_type": 3}, {"timestamp": None}, {"session_id": 7}],
    "assessment_topic": [
        {"score": -0.1},
        {"score": 1e16},
        {"score": "8"},
        {"correct_answers": -1},
        {"correct_answers": 1.5},
    ],
    "video_topic": [
        {"watch_duration_seconds": -5},
        {"watch_duration_seconds": "abc"},
        {"watch_duration_seconds": 2**31},
    ],
    "course_topic": [{"course_id": ["c1"]}],
    "profile_topic": [{"updated_fields": "email"}, {"updated_fields": [7]}],
    "notification_topic": [{"channel": {}}],
}


@pytest.mark.parametrize("topic", GOOD)
def test_the_json_schema_takes_good_events_and_refuses_bad_ones(topic: str) -> None:
    """What a producer checks its events against agrees with what is read, at its strictest."""
    schema = json_schema(catalog.load().topic(topic))
    good = COMMON | GOOD[topic]
    assert complaints(schema, good) == []
    assert complaints(schema, {name: good[name] for name in ("event_type", "user_id", "timestamp")}) == []
    for field in ("event_type", "user_id", "timestamp"):
        assert complaints(schema, {name: value for name, value in good.items() if name != field}) == [
            f"{field}: required"
        ]
    for bad in BAD[topic]:
        assert len(complaints(schema, good | bad)) == 1, bad


@pytest.mark.parametrize("topic", GOOD)
def test_the_json_schema_describes_every_field(topic: str) -> None:
    """The fields of the topic as sent, each with what it holds; ``date`` and ``hour`` are ours."""
    found = catalog.load().topic(topic)
    properties = json_schema(found)["properties"]
    assert [field.name for field in found.sent] == list(properties)
    assert not {"date", "hour"} & set(properties)
    assert all(property_["description"] for property_ in properties.values())


def complaints(schema: dict[str, Any], event: dict[str, Any]) -> list[str]:
    """What of JSON Schema the event breaks, for the words that our schemas use; fails on any other word."""
    assert schema["type"] == "object" and schema["additionalProperties"] is True
    found = [f"{name}: required" for name in schema["required"] if name not in event]
    for name, value in event.items():
        if name in schema["properties"]:
            found += [f"{name}: {word}" for word in _broken(schema["properties"][name], value)]
    return found


def _broken(rule: dict[str, Any], value: Any) -> list[str]:
    kinds = {"string": str, "integer": int, "number": (int, float), "array": list, "null": type(None)}
    types = [rule["type"]] if isinstance(rule["type"], str) else rule["type"]
    assert set(rule) <= {"type", "description", "items", "pattern", "minimum", "maximum"}
    if not any(isinstance(value, kinds[kind]) for kind in types):  # type: ignore[arg-type]
        return ["type"]
    if isinstance(value, list):
        return [word for element in value for word in _broken(rule["items"], element)][:1]
    if isinstance(value, str):
        return [] if re.search(rule.get("pattern", ""), value) else ["pattern"]
    if value is None:
        return []
    return [
        word
        for word, holds in (
            ("minimum", value >= rule.get("minimum", value)),
            ("maximum", value <= rule.get("maximum", value)),
        )
        if not holds
    ]


READERS = "(SELECT user_id, sum(times) AS n FROM readings GROUP BY ALL)"
BOOKS = "(SELECT user_id, book_id, sum(times) AS n FROM readings GROUP BY ALL)"
UNIQUE = {
    "SELECT user_id, sum(times) AS n {} FROM readings GROUP BY ALL": True,
    "SELECT user_id, n {} FROM READERS AS a": True,
    "SELECT user_id, n {} FROM BOOKS AS a": False,
    "SELECT a.user_id, b.n {} FROM READERS AS a LEFT JOIN READERS AS b ON a.user_id = b.user_id AND a.n = b.n": True,
    "SELECT a.user_id, b.n {} FROM READERS AS a LEFT JOIN BOOKS AS b ON a.user_id = b.user_id": False,
    "SELECT a.user_id, b.n {} FROM READERS AS a LEFT JOIN READERS AS b ON a.n = b.n": False,
    "SELECT a.user_id, b.n {} FROM READERS AS a LEFT JOIN READERS AS b ON a.user_id = b.user_id OR a.n = b.n": False,
    "SELECT a.user_id, b.n {} FROM READERS AS a FULL JOIN READERS AS b ON a.user_id = b.user_id": False,
    "SELECT user_id, unnest([n, 1]) AS n {} FROM READERS AS a": False,
}


@pytest.mark.parametrize("query", UNIQUE)
def test_a_key_that_cant_come_twice_is_known_from_the_query(query: str) -> None:
    """It is grouped by, and joined with at most one row each; of any other view the rows of a key are counted."""
    text = query.replace("{}", "/* what it is */").replace("READERS", READERS).replace("BOOKS", BOOKS)
    view = small_catalog.read(view=f"\n-- Whole.\n-- key: user_id\nCREATE VIEW whole AS {text};").view("whole")
    assert UNIQUE[query] == view.unique


def test_what_makes_a_column_is_found_in_the_subquery_that_it_comes_from() -> None:
    """What is passed on is explained by its own SQL; what is reckoned from it by that."""
    view = small_catalog.read(
        view="\n-- Whole.\n-- key: user_id\nCREATE VIEW whole AS SELECT a.user_id, b.books /* different */, b.books + 1 AS more /* one more */ "
        "FROM READERS AS a LEFT JOIN (SELECT user_id, count(DISTINCT book_id) AS books FROM readings GROUP BY ALL) AS b "
        "ON a.user_id = b.user_id;".replace("READERS", READERS)
    ).view("whole")
    assert {column.name: column.source for column in view.columns} == {
        "user_id": "user_id",
        "books": "COUNT(DISTINCT book_id)",
        "more": "b.books + 1",
    }
