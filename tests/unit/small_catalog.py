"""A catalogue of one small subject, for tests of what a subject may and may not say."""

from __future__ import annotations

from learnfold import catalog
from learnfold.catalog import Catalog

EVENT = """
-- What every event carries.
CREATE TABLE event (
  event_id   VARCHAR,             -- unique per event
  event_type VARCHAR NOT NULL,    -- what happened
  user_id    VARCHAR NOT NULL,    -- who did it (whose event it is)
  timestamp  TIMESTAMP NOT NULL,  -- when, UTC
  date       DATE GENERATED ALWAYS AS (CAST(reporting_time(timestamp) AS DATE)),  -- the day
  hour       INTEGER GENERATED ALWAYS AS (CAST(EXTRACT(hour FROM reporting_time(timestamp)) AS INTEGER))  -- the hour
);
"""

TOPIC = """-- Books lent and read.

-- What happens to a book.
CREATE TABLE book_topic (
  book_id VARCHAR,                     -- the book
  pages   INTEGER CHECK (pages >= 0),  -- pages read
  price   DOUBLE                       -- what it cost
);
"""

ROLLUP = """
-- Reading, folded by day.
CREATE TABLE readings AS
SELECT
  date,
  user_id,
  book_id,
  count(*)       AS times,   -- how often
  sum(pages)     AS pages,   -- pages read together
  max(pages)     AS most,    -- pages, the most at once
  min(timestamp) AS earliest -- the earliest
FROM book_topic
GROUP BY ALL;
"""

VIEW = """
-- What each person reads.
CREATE VIEW books_read AS
SELECT
  user_id,
  count(DISTINCT book_id) AS books,  -- different books
  sum(times)              AS times   -- how often
FROM readings
GROUP BY ALL;
"""


def read(topic: str = TOPIC, rollup: str = ROLLUP, view: str = VIEW, event: str = EVENT) -> Catalog:
    """The catalogue of a subject called ``book``, each of its parts as given."""
    return catalog.read({"event": event, "book": topic + rollup + view})
