"""What every part of the ingestion from Kafka works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event

    from learnfold.catalog import Catalog
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
