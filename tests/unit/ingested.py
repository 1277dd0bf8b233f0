"""Messages taken into a master dataset as the consumer does it, without Kafka: claims, flushes, kills."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from learnfold import catalog
from learnfold.ingest.decoder import Decoder
from learnfold.ingest.mapping.model import Mapping
from learnfold.ingest.stream.partition import Partition, claim
from learnfold.ingest.stream.writer import Flushed, MessageReader, flush
from learnfold.master.committed_offsets import PartitionProgress, read_partition
from learnfold.master.file_names import UNMAPPED
from learnfold.master.layout import open_master
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from learnfold.storage.out_layout import LEASES
from oracle import Message

Item = dict[str, object] | bytes | None


class KilledError(BaseException):
    """What a kill looks like from within: nothing catches it."""


@dataclass
class Log:
    """One Kafka partition: its messages by offset, and who reads them."""

    master: FolderStorage
    topic: str
    number: int = 0
    settings: Settings = field(default_factory=Settings)
    items: list[bytes | None] = field(default_factory=list)
    partition: Partition | None = None
    mapping: Mapping | None = None  # what the messages become events by

    def send(self, items: Sequence[Item]) -> None:
        """Messages arrive in Kafka."""
        self.items += [json.dumps(item).encode() if isinstance(item, dict) else item for item in items]

    def claim(self) -> Partition:
        """A process gets the partition and begins where its progress says."""
        found = read_partition(self.master, self.topic, self.number)
        wanted = found[0] if found else PartitionProgress(self.topic, self.number, 0)
        names = [self.topic] if self.mapping is None else [*catalog.load().topics, UNMAPPED]
        folders = [f"{folder}topic={name}" for name in names for folder in ("", "_quarantine/")]
        self.partition = claim(self.master, folders, wanted, "group")
        return self.partition

    def read(self, count: int | None = None) -> None:
        """It reads the next messages and holds them."""
        assert self.partition is not None
        first = self.partition.next
        values = self.items[first : None if count is None else first + count]
        if values:
            offsets = range(first, first + len(values))
            self.partition.add(values, offsets, [1_700_000_000_000 + offset for offset in offsets])

    def flush(self) -> Flushed:
        """It writes what it holds."""
        assert self.partition is not None
        return flushed(self.master, [self.partition], self.settings, self.mapping)

    def messages(self, end: int | None = None) -> list[Message]:
        """What the oracle is told: the messages before an offset."""
        return [Message(value, self.number, offset) for offset, value in enumerate(self.items[:end])]


def flushed(
    master: FolderStorage,
    partitions: list[Partition],
    settings: Settings | None = None,
    mapping: Mapping | None = None,
) -> Flushed:
    """One flush of what some partitions hold."""
    reader = MessageReader(_decoder(settings or Settings()), catalog.load(), mapping)
    return flush(master, reader, partitions, {})


@cache
def _decoder(settings: Settings) -> Decoder:
    """One for all tests in a zone; what it took for one flush it doesn't know in the next."""
    return Decoder(settings)


def visible(master: Path) -> list[Path]:
    """The files of events that a reader is to read."""
    topics = list(catalog.load().topics)
    listing = open_master(str(master), Settings()).listing(topics, topics)
    return [master / path for files in listing.files.values() for path in files]


def rows(files: Sequence[Path]) -> list[dict[str, object]]:
    """The rows of some files, as pyarrow reads them."""
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def quarantine(master: Path) -> list[dict[str, object]]:
    """The rows of the quarantine."""
    return rows(sorted((master / "_quarantine").rglob("*.parquet")))


def column_types(file: Path) -> dict[str, pa.DataType]:
    """A file's columns and their types."""
    schema = pq.read_schema(file)
    return dict(zip(schema.names, schema.types, strict=True))


@contextlib.contextmanager
def dying_after(writes: int) -> Iterator[None]:
    """The storage dies before its n-th write, while the block lasts; a file that is being filled never appears.

    Leases aren't counted: a process that is killed holds none, and this one only plays dead.
    """
    left = [writes]

    def count(path: str) -> None:
        if path.startswith(f"{LEASES}/"):
            return
        left[0] -= 1
        if left[0] == 0:
            raise KilledError

    with pytest.MonkeyPatch.context() as how:
        for name in ("write", "swap", "copy", "delete"):
            original = getattr(FolderStorage, name)

            def call(storage: FolderStorage, path: str | Iterable[str], *more: object, _original=original) -> object:
                paths = [path] if isinstance(path, str) else list(path)
                count(paths[0] if paths else "")
                return _original(storage, path if isinstance(path, str) else paths, *more)

            how.setattr(FolderStorage, name, call)
        new = FolderStorage.new

        @contextlib.contextmanager
        def counted(storage: FolderStorage, path: str) -> Iterator[Path]:
            count(path)
            with new(storage, path) as file:
                yield file
                count(path)

        how.setattr(FolderStorage, "new", counted)
        yield
