"""What statements of learning platforms become: typed events of their topics, to be written by day, and what is no event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from learnfold.catalog import reasons
from learnfold.ingest.mapping.translate import Retracted, Translated, parsed, translate
from learnfold.kafka.messages import message_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from learnfold.catalog import Catalog, Topic
    from learnfold.ingest.decoder import DataFile, Decoder
    from learnfold.ingest.mapping.model import Mapping

    Parts = Iterator[tuple[Topic | None, list[DataFile]]]
    """Topic by topic (None: there is none) what is to be written; one has to be before the next is asked for."""


def translated(decoder: Decoder, catalog: Catalog, rows: Iterable[tuple[int, bytes | None]], mapping: Mapping) -> Parts:
    """Of documents, each with its place in a file or its offset in Kafka."""
    events: dict[str, list[tuple[int, bytes]]] = {}
    unmapped: list[tuple[bytes | None, str, int]] = []
    retracted: list[Retracted] = []
    for place, text in rows:
        try:
            document = parsed(text, mapping) if text is not None else None
        except (ValueError, RecursionError):
            unmapped.append((text, reasons.NOT_JSON, place))
            continue
        if text is None:
            unmapped.append((None, reasons.EMPTY, place))
            continue
        for result in translate(document, mapping):
            if isinstance(result, Translated):
                events.setdefault(result.topic, []).append((place, json.dumps(result.event).encode()))
            elif isinstance(result, Retracted):
                retracted.append(result)
            else:
                unmapped.append((json.dumps(result.original).encode(), result.reason, place))
    for name, events_of in sorted(events.items()):
        topic = catalog.topic(name)
        decoder.receive(message_batches(events_of), catalog, name, forced=True)
        yield topic, decoder.take_received(topic)
    ids, times = [one.event_id for one in retracted], [one.at for one in retracted]
    for name in mapping.topics if retracted else ():  # which of them its events were of isn't known
        yield catalog.topic(name), decoder.take_retracted(ids, times, mapping.name)
    if unmapped:
        yield None, decoder.take_unmapped(*map(list, zip(*unmapped, strict=True)))
