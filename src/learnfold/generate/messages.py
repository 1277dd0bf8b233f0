"""A made-up semester as messages for Kafka."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from learnfold.generate import render
from learnfold.generate.delivery import Deliveries
from learnfold.generate.semester import Limits
from learnfold.generate.topics import topic_names
from learnfold.generate.university import University

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnfold.generate.semester import Semester

_NONE = Limits()
_AT_ONCE = 10_000  # messages fetched from DuckDB at once


def messages(semester: Semester, limits: Limits = _NONE) -> Iterator[tuple[str, str, bytes]]:
    """The topic, the key (the user) and the JSON of every message of a semester, one after the other.

    They come in the order of their events' times, all topics together; late ones and some copies come behind the rest
    of their UTC day, and those out of order anywhere in it. Bytes of malformed messages need not be JSON or UTF-8.
    What is held in memory is a few days, or a million messages.
    """
    with University(semester, limits) as university:
        deliveries = Deliveries(university, json=True)
        for days in university.spans():
            connection = university.connection
            connection.execute(
                "CREATE OR REPLACE TABLE outbox (day INTEGER, file INTEGER, sort_us BIGINT, h UBIGINT, copy BOOLEAN, topic VARCHAR, key VARCHAR, value BLOB)"
            )
            for topic in topic_names():
                delivery = deliveries.deliver(topic, days)
                value = render.json(topic, delivery.columns, broken=semester.malformed > 0, mixed=semester.awkward)
                with closing(delivery.connection):
                    delivery.connection.execute(
                        f"INSERT INTO outbox SELECT day, file, sort_us, h, copy, getvariable('topic'), user_id, {render.as_bytes(value)} FROM deliveries"
                    )
            with closing(connection.cursor()) as cursor:
                cursor.execute("SELECT topic, key, value FROM outbox ORDER BY day, file, sort_us, h, copy")
                while rows := cursor.fetchmany(_AT_ONCE):
                    yield from rows
