"""Views may read views above them and rollups of other subjects; what is worked out of a view goes through those it reads."""

from __future__ import annotations

import re

import pytest
from small_catalog import EVENT, ROLLUP, TOPIC, VIEW

from learnfold import catalog
from learnfold.catalog import Catalog
from learnfold.catalog.document import document
from learnfold.errors import DefinitionError
from learnfold.oozie.workflow import workflow_xml

ABOVE = """
-- Who reads a lot.
-- key: user_id
CREATE VIEW readers AS SELECT user_id, books FROM books_read WHERE times > 2;

-- Readers and what they read.
-- key: user_id, book_id
CREATE VIEW reader_books AS
SELECT
  r.user_id,
  b.book_id,
  b.times  -- how often
FROM readers AS r
JOIN (SELECT user_id, book_id, sum(times) AS times FROM readings GROUP BY ALL) AS b ON r.user_id = b.user_id;
"""
INSIGHT = """-- What is made of the others.

-- Readers of films and books.
-- key: user_id
CREATE VIEW all_round AS
SELECT
  r.user_id,
  r.books,
  f.films  -- different films
FROM readers AS r
LEFT JOIN (SELECT user_id, count(DISTINCT film_id) AS films FROM showings GROUP BY ALL) AS f ON r.user_id = f.user_id;

-- How many there are.
CREATE VIEW how_many AS SELECT books, count(*) AS people -- people
FROM all_round GROUP BY ALL;
"""
FILM = """-- Films seen.

-- What happens to a film.
CREATE TABLE film_topic (
  film_id VARCHAR  -- the film
);

-- Films, folded by day.
CREATE TABLE showings AS SELECT date, user_id, film_id, count(*) AS times -- how often
FROM film_topic GROUP BY ALL;
"""


def read(insight: str = INSIGHT, view: str = VIEW + ABOVE, rollup: str = ROLLUP) -> Catalog:
    """Two subjects, and one before them that reads both."""
    return catalog.read({"event": EVENT, "aaa": insight, "book": TOPIC + rollup + view, "film": FILM})


def test_a_subject_comes_after_those_that_it_reads() -> None:
    """Whatever its name; which they are is known."""
    found = read()
    assert list(found.jobs) == ["book", "film", "aaa"]
    assert {job.name: job.after for job in found.jobs.values()} == {"book": (), "film": (), "aaa": ("book", "film")}


def test_lineage_goes_through_views() -> None:
    """The rollups and topics that a view is made from, and what its page says."""
    view = read().view("how_many")
    assert ([each.name for each in view.views], view.rollups) == (["all_round"], ())
    assert [rollup.name for rollup in view.all_rollups] == ["showings", "readings"]
    assert [topic.name for topic in view.topics] == ["film_topic", "book_topic"]
    assert "Made from [all_round](#all_round)." in document(read())


def test_comments_and_types_are_passed_on_from_views() -> None:
    """A column that is passed on means what it means there."""
    (_, books) = read().view("readers").columns
    assert (books.comment, books.type) == ("different books", "BIGINT")


def test_pushdown_goes_through_views() -> None:
    """By a person each of them is asked of that person's rollup rows alone; a count of people isn't."""
    found = read()
    for name in ("readers", "reader_books", "all_round"):
        pushdown = found.view(name).pushdown
        assert pushdown.columns == ("user_id",)
        assert set(pushdown.sources.values()) == {("user_id",)}
    assert found.view("how_many").pushdown.columns == ()
    assert found.view("readers").incremental is None


def test_a_change_below_changes_what_depends_on_it_and_nothing_else() -> None:
    """The fingerprints of the views above, through as many as there are; those beside and below stay."""
    before = read()
    for after, changed in (
        (
            read(view=(VIEW + ABOVE).replace("times > 2", "times > 3")),
            {"readers", "reader_books", "all_round", "how_many"},
        ),
        (read(insight=INSIGHT.replace("r.books,", "r.books + 1 AS books, -- b\n")), {"all_round", "how_many"}),
        (read(rollup=ROLLUP.replace("max(pages)", "max(pages + 1)")), set(before.views)),
    ):
        assert changed == {
            name for name, view in before.views.items() if view.fingerprint != after.view(name).fingerprint
        }


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (
            {"insight": INSIGHT.replace("FROM all_round", "FROM how_many")},
            "reads how_many, which no rollup or view above it",
        ),
        (
            {"insight": INSIGHT.replace("FROM all_round", "FROM film_topic")},
            "the view how_many reads the topic film_topic",
        ),
        (
            {"view": VIEW + ABOVE.replace("FROM books_read WHERE times > 2", "FROM all_round")},
            "the subjects aaa, book read each other in a circle",
        ),
        (
            {
                "insight": INSIGHT
                + "\n-- Mine.\nCREATE TABLE mine AS SELECT date, count(*) AS n -- n\nFROM film_topic GROUP BY ALL;"
            },
            "subjects/aaa.sql: the rollup mine reads film_topic of another subject, which is folded there; write the rollup in subjects/film.sql",
        ),
        (
            {
                "insight": INSIGHT.replace(
                    "AS SELECT books, count(*) AS people", "AS SELECT films, sum(times) AS people"
                ).replace("FROM all_round GROUP", "FROM all_round JOIN showings USING (user_id) GROUP")
            },
            "a rollup is joined before its numbers are put together",
        ),
    ],
)
def test_what_can_not_be_ordered_or_put_together_is_refused(parts: dict[str, str], told: str) -> None:
    """By the name of the subject and of what it reads."""
    with pytest.raises(DefinitionError, match=re.escape(told)):
        read(**parts)


def test_in_the_workflow_what_reads_others_comes_behind_the_join() -> None:
    """The others are forked; each job that reads them follows, the last of which is followed by the end."""
    workflow = workflow_xml(read())
    assert re.findall(r'<path start="(\w+)"', workflow) == ["book_batch_job", "film_batch_job"]
    assert '<join name="views_published" to="aaa_batch_job"/>' in workflow
    ends = {
        name: re.search(r'<ok to="(\w+)"', rest)
        for name, rest in re.findall(r'<action name="(\w+_job)"(.*?)</action>', workflow, re.DOTALL)
    }
    assert {name: found and found[1] for name, found in ends.items()} == {
        "book_batch_job": "views_published",
        "film_batch_job": "views_published",
        "aaa_batch_job": "end",
    }
