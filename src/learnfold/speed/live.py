"""The live store: what the messages since the batch add to its states, in LMDB. One tick is one transaction, position included.

Another process reads while this one writes, and sees whole ticks only. It is a cache of Kafka, never a truth: what is torn is made
again from the batch's border.
"""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import lmdb

from learnfold.errors import DataError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from learnfold.speed.stored import Value

MAP_BYTES = 16 * 1024**3
"""How large a store may get; the file is only as large as what it holds."""

_ROWS, _BY_TICK, _TUPLES, _IDENTITIES, _META = b"rows", b"by_tick", b"tuples", b"identities", b"meta"
_MOST_CACHED = 100_000
_KEY = struct.Struct(">H16s")
_CHANGE = struct.Struct(">HQ16s")
_SET = struct.Struct(">HQ")
_IDENTITY = struct.Struct(">HiQ")
_KEPT = struct.Struct(">qQiq")

Positions = dict[str, dict[int, int]]
"""By topic and Kafka partition, the offset before which everything is in."""


@dataclass
class Progress:
    """How far a store is, and what it met on the way."""

    positions: Positions = field(default_factory=dict)
    tick: int = 0
    events: int = 0  # added, each once
    duplicates: int = 0
    invalid: int = 0
    waiting: int = 0  # messages that only the next batch can put in their place
    losers: list[tuple[str, int, int]] = field(default_factory=list)
    """Messages that are in, though a copy that came later has to stand in their place: the store is to be made again without them."""

    left_out: list[tuple[str, int, int]] = field(default_factory=list)  # such messages, which are skipped here
    watermark: int | None = (
        None  # the latest time of an event, microseconds since 1970; events of the future don't count
    )
    complete_until: float = 0.0  # all that Kafka held at this time is in, seconds since 1970
    blocked: dict[str, str] = field(default_factory=dict)  # partitions that stand still, and why

    def to_json(self) -> bytes:
        """As it is stored."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Progress:
        """What was stored."""
        value = json.loads(data)
        if not value:
            return cls()
        value["positions"] = {t: {int(p): o for p, o in its.items()} for t, its in value["positions"].items()}
        for name in ("losers", "left_out"):
            value[name] = [(t, p, o) for t, p, o in value[name]]
        return cls(**value)


_environments: dict[str, Any] = {}
_users: dict[str, int] = {}
_mutex = threading.Lock()
"""A process may open a store once; who asks again shares it."""


def _open(folder: Path, map_bytes: int, *, readonly: bool) -> Any:
    name = str(folder.resolve())
    with _mutex:
        if name not in _environments:
            _environments[name] = lmdb.open(
                name, map_size=map_bytes, max_dbs=8, readonly=readonly, sync=False, create=not readonly
            )
        _users[name] = _users.get(name, 0) + 1
        return _environments[name]


def _close(environment: Any) -> None:
    with _mutex:
        name = environment.path()
        _users[name] -= 1
        if not _users[name]:
            _environments.pop(name).close()


@dataclass(frozen=True)
class Kept:
    """The copy of an event that is in."""

    time: int
    content: int
    partition: int
    offset: int


@dataclass
class _Row:
    key: bytes
    tick: int  # that it was last changed in; 0: it is new
    values: list[Value]


class Live:
    """One store, open. A tick is written by one thread."""

    def __init__(self, folder: Path, *, readonly: bool = False, map_bytes: int = MAP_BYTES) -> None:
        """Raises DataError for a store that is torn, StorageError where the disk fails."""
        try:
            self._env = _open(folder, map_bytes, readonly=readonly)
            names = (_ROWS, _BY_TICK, _TUPLES, _IDENTITIES, _META)
            self._dbs = {name: self._env.open_db(name, create=not readonly) for name in names}
            self.progress = self._read_progress()
        except (lmdb.Error, ValueError, TypeError, KeyError) as error:
            raise DataError(f"the live state in {folder} can't be read ({error}); it is made again") from error
        except OSError as error:
            raise StorageError(f"the live state in {folder} can't be opened: {error}") from error
        self._cache: dict[tuple[int, tuple[Value, ...]], _Row] = {}

    def begin(self) -> Tick:
        """The next tick."""
        return Tick(self, self._env.begin(write=True))

    def changes(self, states: dict[int, int]) -> tuple[Progress, dict[int, list[tuple[bytes, list[Value]]]]]:
        """By state, the rows that changed after a tick (0: all), each with the key it is stored by; and the progress of the same moment."""
        found: dict[int, list[tuple[bytes, list[Value]]]] = {}
        try:
            with self._env.begin() as txn:
                progress = Progress.from_json(txn.get(b"progress", db=self._dbs[_META]) or b"{}")
                for state, after in states.items():
                    found[state] = list(self._changed(txn, state, after))
        except lmdb.Error as error:
            raise StorageError(f"the live state can't be read: {error}") from error
        return progress, found

    def _changed(self, txn: Any, state: int, after: int) -> Iterator[tuple[bytes, list[Value]]]:
        with txn.cursor(db=self._dbs[_BY_TICK]) as cursor:
            if not cursor.set_range(_CHANGE.pack(state, after + 1, b"")):
                return
            for change in cursor.iternext(values=False):
                number, _, key = _CHANGE.unpack(change)
                if number != state:
                    return
                row = json.loads(txn.get(_KEY.pack(state, key), db=self._dbs[_ROWS]))
                yield key, [*row[1], *row[2]]

    def latest(self) -> Progress:
        """How far the store is now, whoever writes it."""
        try:
            with self._env.begin() as txn:
                return Progress.from_json(txn.get(b"progress", db=self._dbs[_META]) or b"{}")
        except lmdb.Error as error:
            raise StorageError(f"the live state can't be read: {error}") from error

    def size(self) -> int:
        """Bytes that are used."""
        info, stat = self._env.info(), self._env.stat()
        return int((info["last_pgno"] + 1) * stat["psize"])

    def flush(self) -> None:
        """Puts all on the disk, so that a power cut loses nothing of it."""
        self._env.sync(True)

    def close(self) -> None:
        """Closes it."""
        _close(self._env)

    def _read_progress(self) -> Progress:
        with self._env.begin() as txn:
            data = txn.get(b"progress", db=self._dbs[_META])
        return Progress() if data is None else Progress.from_json(data)


class Tick:
    """What one tick changes; nothing of it is there until ``commit``."""

    def __init__(self, live: Live, txn: Any) -> None:
        self._live, self._txn = live, txn
        self._rows, self._by_tick = live._dbs[_ROWS], live._dbs[_BY_TICK]  # noqa: SLF001 - its own store's
        self._tuples, self._identities, self._meta = (live._dbs[name] for name in (_TUPLES, _IDENTITIES, _META))  # noqa: SLF001
        self._cache = live._cache  # noqa: SLF001
        self._changed: dict[tuple[int, tuple[Value, ...]], _Row] = {}

    def row(self, state: int, key: tuple[Value, ...], width: int) -> list[Value]:
        """The values that are added to the state's row so far, to be changed in place."""
        place = (state, key)
        row = self._changed.get(place)
        if row is None:
            row = self._cache.get(place) or self._stored(state, key, width)
            self._changed[place] = row
        return row.values

    def is_new(self, number: int, value: int) -> bool:
        """Whether the set had no such tuple among the live ones; now it has."""
        return bool(self._txn.put(_SET.pack(number, value), b"", overwrite=False, db=self._tuples))

    def kept(self, topic: int, day: int, identity: int) -> Kept | None:
        """The copy of the event that is in; None without one."""
        found = self._txn.get(_IDENTITY.pack(topic, day, identity), db=self._identities)
        return None if found is None else Kept(*_KEPT.unpack(found))

    def keep(self, topic: int, day: int, identity: int, kept: Kept) -> None:
        """From now on this copy is in."""
        value = _KEPT.pack(kept.time, kept.content, kept.partition, kept.offset)
        self._txn.put(_IDENTITY.pack(topic, day, identity), value, db=self._identities)

    def commit(self, progress: Progress) -> None:
        """Makes all of it seen at once; raises StorageError where the store or the disk is full, and then nothing is."""
        tick = progress.tick
        try:
            for (state, key), row in self._changed.items():
                if row.tick:
                    self._txn.delete(_CHANGE.pack(state, row.tick, row.key), db=self._by_tick)
                self._txn.put(_CHANGE.pack(state, tick, row.key), b"", db=self._by_tick)
                value = json.dumps([tick, key, row.values], ensure_ascii=False, separators=(",", ":"))
                self._txn.put(_KEY.pack(state, row.key), value.encode("utf-8", "surrogatepass"), db=self._rows)
            self._txn.put(b"progress", progress.to_json(), db=self._meta)
            self._txn.commit()
        except (lmdb.Error, OSError) as error:
            self.abort()
            raise StorageError(f"the live state can't be written: {error}") from error
        for row in self._changed.values():
            row.tick = tick
        if len(self._cache) + len(self._changed) > _MOST_CACHED:
            self._cache.clear()
        self._cache.update(self._changed)
        self._live.progress = progress

    def abort(self) -> None:
        """Forgets all of it."""
        self._txn.abort()
        self._cache.clear()  # its rows were changed in place

    def _stored(self, state: int, key: tuple[Value, ...], width: int) -> _Row:
        digest = hashlib.blake2b(json.dumps(key, ensure_ascii=True).encode(), digest_size=16).digest()
        found = self._txn.get(_KEY.pack(state, digest), db=self._rows)
        if found is None:
            return _Row(digest, 0, [None] * width)
        tick, _, values = json.loads(found)
        return _Row(digest, tick, values)
