"""Where the events of a fold come from, for either engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.catalog.values import IDENTITY, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from learnfold.catalog import Rollup, Topic


@dataclass(frozen=True)
class EventSource:
    """The events of a topic, as SQL."""

    topic: Topic
    fields: Sequence[str]  # those that are needed, as ``needed_fields`` says
    select: Callable[[Sequence[str]], str]
    """By the names of some fields, the SELECT of all events, valid or not, as the engine's ``decode`` makes it.

    Its columns: ``_file`` and ``_row`` (which together name an event), ``_partition`` and ``_offset`` (Kafka's; NULL where unknown),
    the fields with their types, and ``_reason`` (why the event is invalid; NULL where it is valid). Of events that may be duplicates
    all fields may be needed after all: then it is made and run again, and must give the same rows.
    """
    select_some: Callable[[Sequence[str], Collection[int], str], str] | None = None
    """The same of some events only, with less work, or None: besides the fields by the files (``_file``) that they are in, and by the
    table that names each by ``_file`` and ``_row``."""


def needed_fields(topic: Topic, rollups: Iterable[Rollup]) -> list[str]:
    """The fields that the rollups read, and those that events are told apart by, in the topic's order."""
    names = {*IDENTITY, TIMESTAMP}.union(*(rollup.reads for rollup in rollups))
    return [field.name for field in topic.sent if field.name in names]
