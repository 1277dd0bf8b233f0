"""What every part of the ingestion from Kafka works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.errors import UsageError
from learnfold.master.file_names import QUARANTINE, UNMAPPED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event

    from learnfold.catalog import Catalog
    from learnfold.ingest.mapping.model import Mapping
    from learnfold.settings import Settings
    from learnfold.storage import Storage
    from learnfold.telemetry.endpoint import Numbers
    from learnfold.telemetry.reporter import Reporter


@dataclass(frozen=True)
class StreamContext:
    """Of one process; it ends when ``stop`` is set."""

    master: Storage
    catalog: Catalog
    settings: Settings
    reporter: Reporter
    stop: Event
    numbers: Numbers
    mapping: Mapping | None = None  # what the messages become events by; None: they are events

    def topics(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """The topics of Kafka's that are read: those wanted, or all of the catalogue's; raises UsageError for others than may be."""
        if self.mapping is None:
            return tuple(self.catalog.topic(name).name for name in wanted or self.catalog.topics)
        own = sorted(set(wanted) & set(self.catalog.topics))
        if own or not wanted:
            raise UsageError(
                f"{own[0]} holds learnfold's own events; let platforms send theirs to a topic of another name"
                if own
                else "--from reads files, or the topics of Kafka's that --topic names; name some"
            )
        return tuple(wanted)

    def folders(self, topic: str) -> list[str]:
        """Where files lie below MASTER that are made of messages of this topic of Kafka's."""
        written = [topic] if self.mapping is None else [*self.catalog.topics, UNMAPPED]
        return [f"{folder}topic={name}" for name in written for folder in ("", f"{QUARANTINE}/")]
