"""Which copy of an event is in: the first that came, until it is known that another must stand in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from learnfold.kafka.messages import NONE, MessageBatch
from learnfold.speed.live import Kept, identity_name
from learnfold.speed.parts import PartRows
from learnfold.speed.row import CONTENT, DAY, IDENTITY, OFFSET, PARTITION, TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from learnfold.speed.base import Base
    from learnfold.speed.live import Progress, Tick

Row = tuple[Any, ...]


Copy = bytes | PartRows
"""A message, or the event that was read from it."""


class Fetch(Protocol):
    """Gives one message again."""

    def __call__(self, topic: str, partition: int, offset: int) -> Copy | None:
        """Its value, or the event; None where it is gone."""
        ...


@dataclass
class Copies:
    """What decides between the copies of one topic's events in one tick."""

    topic: str
    number: int  # of the topic
    base: Base
    tick: Tick
    progress: Progress
    batches: Sequence[MessageBatch | PartRows]
    waits: Callable[[str, int, int], None]
    _unsure: list[tuple[Kept, Kept]] = field(default_factory=list)

    def first(self, rows: Sequence[Row]) -> list[Row]:
        """Of valid events' rows those that are the first of their copies; the others are dropped, or noted for a repair."""
        names = [b"" if r[IDENTITY] is None else identity_name(self.number, r[DAY], r[IDENTITY]) for r in rows]
        held = self.tick.kept(names)
        skipped = {(p, o) for t, p, o in self.progress.left_out if t == self.topic}
        found: list[Row] = []
        new: dict[bytes, Kept] = {}
        day, ids = None, None
        for row, name in zip(rows, names, strict=True):
            if skipped and (row[PARTITION], row[OFFSET]) in skipped:
                self.progress.duplicates += 1
                continue
            if name:
                if row[DAY] != day:
                    day = row[DAY]
                    ids = self.base.identities(self.topic, day)
                before = None if ids is None else ids.get(row[IDENTITY])
                if ids is None or before is not None:
                    self._known_to_the_batch(row, before)
                    continue
                one = Kept(row[TIME], row[CONTENT], row[PARTITION], row[OFFSET])
                other = held.get(name)
                if other is not None:
                    self._copy(one, other)
                    continue
                held[name] = new[name] = one
            found.append(row)
        self.tick.keep(new)
        return found

    def decide(self, first: Callable[[Sequence[tuple[Copy, Copy]]], list[bool]], fetch: Fetch) -> None:
        """Decides between copies of the same time that differ: ``first`` says of pairs of messages whether the one comes first."""
        pairs, texts = [], []
        for one, other in self._unsure:
            mine, its = self._text(one, fetch), self._text(other, fetch)
            if mine is None or its is None:
                self._wait(one.partition, one.offset)
            else:
                pairs.append((one, other))
                texts.append((mine, its) if one[2:] < other[2:] else (its, mine))
        for (one, other), in_order in zip(pairs, first(texts) if texts else [], strict=True):
            self._lost(other, wins=in_order == (one[2:] < other[2:]))
        self._unsure.clear()

    def _known_to_the_batch(self, row: Row, before: tuple[int, int] | None) -> None:
        if before is not None and (row[TIME] > before[0] or (row[TIME], row[CONTENT]) == before):
            self.progress.duplicates += 1
        else:  # it may come before the copy that the batch counted, which can't be taken out of its states
            self._wait(row[PARTITION], row[OFFSET])

    def _copy(self, one: Kept, other: Kept) -> None:
        if one[2:] == other[2:]:
            return  # the same message
        if one.time == other.time and one.content != other.content:
            self._unsure.append((one, other))
        else:
            self._lost(other, wins=one.time < other.time)

    def _lost(self, other: Kept, *, wins: bool) -> None:
        loser = (self.topic, other.partition, other.offset)
        if not wins:
            self.progress.duplicates += 1
        elif loser not in self.progress.losers:
            self.progress.losers.append(loser)

    def _wait(self, partition: int, offset: int) -> None:
        self.progress.waiting += 1
        self.waits(self.topic, partition, offset)

    def _text(self, kept: Kept, fetch: Fetch) -> Copy | None:
        for batch in self.batches:
            if isinstance(batch, PartRows):
                if batch.holds(kept.partition, kept.offset):
                    return batch.only(kept.offset)
            elif batch.partition == kept.partition and kept.offset in batch.offsets:
                place = batch.offsets.index(kept.offset)
                return batch.values[batch.ends[place] : batch.ends[place + 1]]
        return fetch(self.topic, kept.partition, kept.offset)


def pairs_as_messages(pairs: Sequence[tuple[bytes, bytes]]) -> list[MessageBatch]:
    """Messages of as many partitions as there are pairs, at the offsets 0 and 1."""
    return [MessageBatch.of(texts, number, [0, 1], [NONE, NONE]) for number, texts in enumerate(pairs)]
