"""Events that are taken back by hand: words in ``MASTER/_retractions``, which no event is changed by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.catalog import digest, values
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.engines.duckdb.sql import quoted
from learnfold.errors import UsageError
from learnfold.ingest.decoder import PARQUET
from learnfold.master.file_names import retraction_folder
from learnfold.utc import now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.catalog import Topic
    from learnfold.settings import Settings
    from learnfold.storage import Storage

BY_HAND = "by hand"
"""The source of what isn't taken back by a platform's own word."""


@dataclass(frozen=True)
class Retraction:
    """What was taken back: the file that says so, how many ids it names, and whether the same was said before."""

    topic: str
    ids: int
    file: str  # below MASTER
    known: bool


def retract(master: Storage, topic: Topic, ids: Iterable[str], reason: str, settings: Settings) -> Retraction:
    """Says that events of a topic never were, by their ``event_id``; the next run counts them no longer.

    Raises:
        UsageError: there is no id, or one that can't tell events apart.
        StorageError: the storage can't be reached.

    """
    wanted = sorted(set(ids))
    if not wanted:
        raise UsageError("no event_id is given; name those of the events that are to be taken back")
    for one in wanted:
        if not one.strip(values.SPACES) or one.lower() in values.NO_IDS:
            raise UsageError(f"{one!r} is no event_id: it can't tell events apart")
    file = f"{retraction_folder(topic.name)}/{topic.name}-hand-{digest([wanted, reason])[:16]}.parquet"
    known = any(entry.path == file for entry in master.list(retraction_folder(topic.name)))
    if not known:
        with master.new(file) as target, DuckDBSession(settings) as session, session.cursor() as cursor:
            rows = (
                "SELECT unnest($1::VARCHAR[]) AS event_id, $2::TIMESTAMPTZ AS retracted_at, $3 AS reason, $4 AS source"
            )
            cursor.execute(f"CREATE TEMP TABLE words AS {rows}", [wanted, now(), reason, BY_HAND])
            cursor.execute(f"COPY words TO {quoted(str(target))} ({PARQUET})")
    return Retraction(topic.name, len(wanted), file, known)
