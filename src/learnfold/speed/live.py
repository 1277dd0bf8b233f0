"""The live store: what the messages since the batch add to its states, in LMDB. One tick is one transaction, position included.

Another process reads while this one writes, and sees whole ticks only. It is a cache of Kafka, never a truth: what is torn is made
again from the batch's border.
"""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, NamedTuple

import lmdb

from learnfold.errors import DataError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from learnfold.speed.seen import Tuples
    from learnfold.speed.stored import Value

MAP_BYTES = 16 * 1024**3
"""How large a store may get; the file is only as large as what it holds."""

FORMAT = 3
"""Of what is stored; a store of another is made again."""

_FILE = "data.mdb"
_SINCE = b"since"
_ROWS, _BY_TICK, _TUPLES, _IDENTITIES, _META = b"rows", b"by_tick", b"tuples", b"identities", b"meta"
_MOST_CACHED = 100_000
_MOST_SEEN = 300_000
_KEPT_TICKS = 4096
"""Of so many ticks it is known which rows each changed; who reads less often looks at all rows."""

_DIGEST_BYTES = 16
_KEY = struct.Struct(">H16s")
_CHANGES = struct.Struct(">HQ")
_TICK = struct.Struct(">Q")
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


class Kept(NamedTuple):
    """The copy of an event that is in."""

    time: int
    content: int
    partition: int
    offset: int


class Row:
    """What is added to one row of a bundle of states."""

    __slots__ = ("key", "text", "values")

    def __init__(self, key: bytes, text: bytes, values: list[Value]) -> None:
        self.key = key  # that it is stored by
        self.text = text  # the row's own key, as JSON
        self.values = values

    def to_bytes(self, tick: int) -> bytes:
        """As it is stored: the tick that changed it last, then its key and values as JSON."""
        text = repr(self.values)  # where it holds no text, this is JSON but for None, and quick
        shown = _shown(self.values) if "'" in text or '"' in text else text.replace("None", "null").encode()
        return b"%b[%b,%b]" % (_TICK.pack(tick), self.text, shown)


Rows = dict[tuple["Value", ...], Row]
"""Rows of a bundle, by key."""


class Live:
    """One store, open. A tick is written by one thread."""

    def __init__(self, folder: Path, *, readonly: bool = False, map_bytes: int = MAP_BYTES) -> None:
        """Raises DataError for a store that is torn, StorageError where the disk fails."""
        with ExitStack() as held:
            try:
                self._env = _open(folder, map_bytes, readonly=readonly)
                held.callback(_close, self._env)
                if not readonly and self.size() > (folder / _FILE).stat().st_size:
                    raise ValueError("its file is cut short")  # noqa: TRY301 - as what LMDB finds
                names = (_ROWS, _BY_TICK, _TUPLES, _IDENTITIES, _META)
                self._dbs = {name: self._env.open_db(name, create=not readonly) for name in names}
                self.progress = self._read_progress()
            except (lmdb.Error, ValueError, TypeError, KeyError) as error:
                raise DataError(f"the live state in {folder} can't be read ({error}); it is made again") from error
            except OSError as error:
                raise StorageError(f"the live state in {folder} can't be opened: {error}") from error
            held.pop_all()
        self._cache: dict[int, Rows] = {}
        self._seen: dict[int, set[int]] = {}
        self.beside: dict[bytes, bytes] = {}
        """By name, what the next tick stores beside its progress."""

    def stored(self, prefix: bytes) -> dict[bytes, bytes]:
        """By name, what ticks stored beside their progress, of the names that begin so."""
        found: dict[bytes, bytes] = {}
        try:
            with self._env.begin() as txn, txn.cursor(db=self._dbs[_META]) as cursor:
                there = cursor.set_range(prefix)
                while there and cursor.key().startswith(prefix):
                    found[cursor.key()] = cursor.value()
                    there = cursor.next()
        except lmdb.Error as error:
            raise StorageError(f"the live state can't be read: {error}") from error
        return found

    def begin(self) -> Tick:
        """The next tick."""
        return Tick(self, self._env.begin(write=True))

    def changes(self, bundles: Mapping[int, int]) -> tuple[Progress, dict[int, list[tuple[bytes, list[Value]]]]]:
        """By bundle, the rows that changed after a tick (0: all), each with the key it is stored by; and the progress of the same moment."""
        found: dict[int, list[tuple[bytes, list[Value]]]] = {}
        try:
            with self._env.begin() as txn:
                progress = Progress.from_json(txn.get(b"progress", db=self._dbs[_META]) or b"{}")
                since = int(txn.get(_SINCE, db=self._dbs[_META]) or 0)
                for bundle, after in bundles.items():
                    changed = self._changed if after > since else self._all
                    found[bundle] = list(changed(txn, bundle, after))
        except lmdb.Error as error:
            raise StorageError(f"the live state can't be read: {error}") from error
        return progress, found

    def _changed(self, txn: Any, bundle: int, after: int) -> Iterator[tuple[bytes, list[Value]]]:
        keys: dict[bytes, None] = {}
        with txn.cursor(db=self._dbs[_BY_TICK]) as cursor:
            there = cursor.set_range(_CHANGES.pack(bundle, after + 1))
            while there and _CHANGES.unpack(cursor.key())[0] == bundle:
                block = cursor.value()
                keys |= dict.fromkeys(block[at : at + _DIGEST_BYTES] for at in range(0, len(block), _DIGEST_BYTES))
                there = cursor.next()
        for key in keys:
            yield key, _values(txn.get(_KEY.pack(bundle, key), db=self._dbs[_ROWS]))

    def _all(self, txn: Any, bundle: int, after: int) -> Iterator[tuple[bytes, list[Value]]]:
        with txn.cursor(db=self._dbs[_ROWS]) as cursor:
            there = cursor.set_range(_KEY.pack(bundle, b""))
            while there:
                number, key = _KEY.unpack(cursor.key())
                if number != bundle:
                    return
                if _TICK.unpack_from(cursor.value())[0] > after:
                    yield key, _values(cursor.value())
                there = cursor.next()

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
        """Puts all on the disk, so that a power cut loses nothing of it; raises StorageError where the disk fails."""
        try:
            self._env.sync(True)
        except lmdb.Error as error:
            raise StorageError(f"the live state can't be written: {error}") from error

    def close(self) -> None:
        """Closes it."""
        _close(self._env)

    def _read_progress(self) -> Progress:
        with self._env.begin() as txn:
            data = txn.get(b"progress", db=self._dbs[_META])
        return Progress() if data is None else Progress.from_json(data)


def _shown(values: Iterable[Value]) -> bytes:
    """As JSON; ``json.dumps`` takes five times as long for a few values."""
    texts = [encode_basestring(v) if isinstance(v, str) else "null" if v is None else repr(v) for v in values]
    return f"[{','.join(texts)}]".encode("utf-8", "surrogatepass")


def _values(stored: bytes) -> list[Value]:
    key, values = json.loads(stored[_TICK.size :])
    return [*key, *values]


class Tick:
    """What one tick changes; nothing of it is there until ``commit``."""

    def __init__(self, live: Live, txn: Any) -> None:
        self._live, self._txn = live, txn
        self._stored_rows, self._by_tick = live._dbs[_ROWS], live._dbs[_BY_TICK]  # noqa: SLF001 - its own store's
        self._tuples, self._identities, self._meta = (live._dbs[name] for name in (_TUPLES, _IDENTITIES, _META))  # noqa: SLF001
        self._cache, self._seen = live._cache, live._seen  # noqa: SLF001
        self._changed: dict[int, Rows] = {}

    def rows(self, bundle: int) -> Rows:
        """The rows of a bundle that are changed; ``take`` adds others."""
        return self._changed.setdefault(bundle, {})

    def row(self, bundle: int, key: tuple[Value, ...], width: int) -> Row:
        """A row of a bundle, whose values are to be changed in place."""
        return self.take(bundle, [key], width)[key]

    def take(self, bundle: int, keys: Sequence[tuple[Value, ...]], width: int) -> Rows:
        """Rows of a bundle, these and those that are changed already, whose values are to be changed in place."""
        changed, cached = self.rows(bundle), self._cache.get(bundle, {})
        new = []
        for key in keys:
            if key not in changed:
                row = cached.get(key)
                if row is None:
                    row = _empty_row(key, width)
                    new.append(row)
                changed[key] = row
        if new:
            self._load(bundle, new)
        return changed

    def fresh(self, number: int, values: Sequence[int | None], known: Tuples | None) -> list[bool]:
        """Of each tuple whether the set had none such, of the batch (``known``) or live; now it has."""
        seen = self._seen.setdefault(number, set())
        new = {value for value in values if value is not None and value not in seen}
        seen |= new
        if known is not None:
            new = {value for value in new if value not in known}
        names = sorted([_SET.pack(number, value) for value in new])
        with self._txn.cursor(db=self._tuples) as cursor:
            there = {name for name, _ in cursor.getmulti(names)}
            cursor.putmulti([(name, b"") for name in names if name not in there])
        new.difference_update(_SET.unpack(name)[1] for name in there)
        found = []
        for value in values:
            found.append(value in new)
            new.discard(value)
        return found

    def kept(self, names: Sequence[bytes]) -> dict[bytes, Kept]:
        """By name of an event, the copy that is in, of those of which there is one."""
        with self._txn.cursor(db=self._identities) as cursor:
            found = cursor.getmulti(sorted([name for name in names if name]))
        return {name: Kept(*_KEPT.unpack(stored)) for name, stored in found}

    def keep(self, kept: Mapping[bytes, Kept]) -> None:
        """From now on these copies are in."""
        items = sorted([(name, _KEPT.pack(*one)) for name, one in kept.items()])
        with self._txn.cursor(db=self._identities) as cursor:
            cursor.putmulti(items)

    def commit(self, progress: Progress) -> None:
        """Makes all of it seen at once; raises StorageError where the store or the disk is full, and then nothing is."""
        try:
            self._write(progress.tick)
            self._txn.put(b"progress", progress.to_json(), db=self._meta)
            for name, value in self._live.beside.items():
                self._txn.put(name, value, db=self._meta)
            self._txn.commit()
        except (lmdb.Error, OSError) as error:
            self.abort()
            raise StorageError(f"the live state can't be written: {error}") from error
        if sum(map(len, self._cache.values())) + sum(map(len, self._changed.values())) > _MOST_CACHED:
            self._cache.clear()
        for bundle, rows in self._changed.items():
            self._cache.setdefault(bundle, {}).update(rows)
        if sum(map(len, self._seen.values())) > _MOST_SEEN:
            self._seen.clear()
        self._live.progress = progress
        self._live.beside = {}

    def abort(self) -> None:
        """Forgets all of it."""
        self._txn.abort()
        self._cache.clear()  # its rows were changed in place
        self._seen.clear()

    def _write(self, tick: int) -> None:
        blocks, rows = [], []
        for bundle, changed in self._changed.items():
            if changed:
                blocks.append((_CHANGES.pack(bundle, tick), b"".join([row.key for row in changed.values()])))
                rows += [(_KEY.pack(bundle, row.key), row.to_bytes(tick)) for row in changed.values()]
        for items, db in ((rows, self._stored_rows), (blocks, self._by_tick)):
            with self._txn.cursor(db=db) as cursor:
                cursor.putmulti(sorted(items))
        if tick % _KEPT_TICKS == 0:
            self._forget_changes(tick - _KEPT_TICKS)

    def _forget_changes(self, until: int) -> None:
        """Of ticks up to this one it isn't known any more what they changed."""
        with self._txn.cursor(db=self._by_tick) as cursor:
            there = cursor.first()
            while there:
                bundle, tick = _CHANGES.unpack(cursor.key())
                if tick <= until:
                    there = cursor.delete() and bool(cursor.key())  # it stands on the next, if there is one
                else:
                    there = cursor.set_range(_CHANGES.pack(bundle + 1, 0))
        self._txn.put(_SINCE, str(max(0, until)).encode(), db=self._meta)

    def _load(self, bundle: int, rows: Sequence[Row]) -> None:
        """Gives rows the values that are stored."""
        names = {_KEY.pack(bundle, row.key): row for row in rows}
        with self._txn.cursor(db=self._stored_rows) as cursor:
            for name, stored in cursor.getmulti(sorted(names)):
                names[name].values[:] = json.loads(stored[_TICK.size :])[1]


def _empty_row(key: tuple[Value, ...], width: int) -> Row:
    text = _shown(key)
    return Row(hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest(), text, [None] * width)


def identity_name(topic: int, day: int, identity: int) -> bytes:
    """What an event is called in the store."""
    return _IDENTITY.pack(topic, day, identity)
