"""One run at a time for each job of one place: a lease that a dead run can't keep.

A lease records who holds it and since when, and is renewed while its run lives. It is taken over immediately when its process on this
machine is gone, and else after a while of silence: whoever wants it looks on and sees it unchanged for so long, by its own clock, since
clocks of machines differ. A run that was silent, stopped or cut off can't know it: so it asks its lease before everything that others see
(``check``), and again after it. What it may be about to publish at that moment is refused since the pointer is no longer what it was.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learnfold.errors import BusyError, ConflictError, LearnfoldError
from learnfold.storage.out_layout import LEASES, POINTER, lease_path
from learnfold.utc import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.settings import Settings
    from learnfold.storage import Storage

_PIDS = 2**31
_FIELDS = {"host", "machine", "pid", "born", "since", "renewed"}


@dataclass(frozen=True)
class _Seen:
    """Somebody's lease as it was seen last."""

    tag: str
    since: float  # from when it was seen so, by this machine's clock
    changed: bool  # whether it was another before: its holder lives


class Lease:
    """The leases of one run, while it has them."""

    def __init__(self, out: Storage, seconds: float) -> None:
        self._out, self._seconds = out, seconds
        self._tags: dict[str, str] = {}
        self._renewed: dict[str, float] = {}  # by path, when this run last was sure to hold it, by its clock
        self._seen: dict[str, _Seen] = {}  # leases of others, by path
        self._lost: str | None = None
        self._done = threading.Event()
        self._mutex = threading.Lock()
        self._me = {
            "owner": secrets.token_hex(8),
            "host": socket.gethostname(),
            "machine": _machine(),
            "pid": os.getpid(),
            "born": _born(os.getpid()),
            "since": now(),
        }

    def check(self, so: str = "nothing was published") -> None:
        """Raises BusyError, which ends in ``so``, when another took a lease over, which it does after this one was silent too long.

        Looks at the leases themselves where they weren't renewed for a while: this process may have been stopped.
        """
        if not self._lost and _clock() - min(self._renewed.values(), default=_clock()) > self._seconds / 2:
            with self._mutex:
                for path, tag in list(self._tags.items()):
                    self._renew(path, tag)
        if self._lost:
            raise BusyError(f"this run was silent so long that another one took over {self._lost}; {so}")

    def _content(self) -> bytes:
        return json.dumps({**self._me, "renewed": now()}).encode()

    def take(self, name: str) -> dict[str, Any] | None:
        """Takes a lease; returns who holds it when it can't be had."""
        path = lease_path(name)
        found = self._out.read_tagged(path)
        if found is not None:
            holder = _parsed(found[0])
            if holder is not None and not _gone(holder) and not self._saw_silence(path, found[1]):
                return holder
        began = _clock()
        try:
            tag = self._out.swap(path, self._content(), found[1] if found else None)
        except ConflictError:
            return _parsed((self._out.read_tagged(path) or (b"{}", ""))[0]) or {}
        with self._mutex:
            self._tags[path], self._renewed[path] = tag, began
        if path in self._seen:
            fence(self._out)
        return None

    def _saw_silence(self, path: str, tag: str) -> bool:
        """Whether somebody's lease was seen unchanged for so long that it may be taken."""
        seen = self._seen.get(path)
        if seen is None or seen.tag != tag:
            self._seen[path] = _Seen(tag, time.monotonic(), changed=seen is not None)
            return False
        return time.monotonic() - seen.since >= self._seconds

    def worth_watching(self, name: str, holder: dict[str, Any]) -> bool:
        """Whether the lease, which was seen, may turn out to be silent: its time is long ago, which another clock may say too."""
        seen = self._seen.get(lease_path(name))
        return seen is not None and not seen.changed and _looks_silent(holder, self._seconds)

    def renew(self) -> None:
        """Renews the leases again and again, until this run is over."""
        while not self._done.wait(self._seconds / 4):
            with self._mutex:
                for path, tag in list(self._tags.items()):
                    with suppress(LearnfoldError):  # the storage is away for a moment; the next round tries again
                        self._renew(path, tag)

    def _renew(self, path: str, tag: str) -> None:
        began = _clock()
        try:
            self._tags[path] = self._out.swap(path, self._content(), tag)
            self._renewed[path] = began
        except ConflictError:
            found = self._out.read_tagged(path)
            if found and (_parsed(found[0]) or {}).get("owner") == self._me["owner"]:
                self._tags[path] = found[1]  # this run's earlier renewal, whose answer got lost
                self._renewed[path] = began
            else:
                self._lost = path

    def give_back(self) -> None:
        """Ends all leases."""
        self._done.set()
        with self._mutex:
            with suppress(LearnfoldError):  # the storage is away: what is left is taken over as a dead run's
                for path, tag in self._tags.items():
                    self._out.delete_if(path, tag)
            self._tags.clear()


@contextmanager
def held(out: Storage, names: Sequence[str], settings: Settings) -> Iterator[Lease]:
    """Leases on ``names`` until the block ends; raises BusyError, naming who holds one and since when, after the time to wait.

    A lease that seems to be silent is watched for as long as a lease lasts, however short the time to wait.
    """
    lease = Lease(out, settings.lease_seconds)
    deadline = time.monotonic() + settings.wait_seconds
    beat = threading.Thread(target=lease.renew, daemon=True, name="learnfold-lease")
    try:
        for name in sorted(names):  # always in one order, so that two runs can't wait for each other
            while (holder := lease.take(name)) is not None:
                if time.monotonic() >= deadline and not lease.worth_watching(name, holder):
                    raise BusyError(_busy(out, name, holder))
                time.sleep(min(0.2, settings.lease_seconds / 10))
        beat.start()
        yield lease
    finally:
        lease.give_back()


@dataclass(frozen=True)
class Holder:
    """Who holds a lease, or held it when it died."""

    name: str  # of what is held: a job
    path: str
    tag: str  # to delete the lease by
    alive: bool
    silent: bool  # whether it may have died: its process isn't known to be gone, but its last word is long ago by this machine's clock
    here: bool  # whether process ids of its holder mean the same here
    since: datetime | None  # when it was taken, by the clock of the storage; None where that isn't known
    who: dict[str, Any]  # host, pid, since and renewed; empty where the lease can't be read


def holders(out: Storage, settings: Settings) -> list[Holder]:
    """All leases there are, by name, the dead ones too."""
    found = []
    for entry in out.list(LEASES):
        name = entry.path.rsplit("/", 1)[-1]
        tagged = None if name.startswith(".") or not name.endswith(".json") else out.read_tagged(entry.path)
        if tagged is not None:
            who = _parsed(tagged[0]) or {}
            here = who.get("machine") == _machine()
            silent = bool(who) and not _gone(who) and _looks_silent(who, settings.lease_seconds)
            alive = bool(who) and not _gone(who) and (here or not silent)
            since = _since(who, entry.modified_at) if who else None
            found.append(Holder(name.removesuffix(".json"), entry.path, tagged[1], alive, silent, here, since, who))
    return found


def watched(out: Storage, leases: Sequence[Holder], settings: Settings) -> list[Holder]:
    """The same leases, once it is known which of the silent ones live: they are watched for as long as a lease lasts.

    Those that changed are alive. Those that didn't are not, and are ended: a run that wakes up will know that it lost its lease.
    """
    began = time.monotonic()
    unchanged = {holder.path: holder for holder in leases if holder.silent}
    while unchanged and time.monotonic() - began < settings.lease_seconds:
        time.sleep(min(0.2, settings.lease_seconds / 10))
        now = {path: out.read_tagged(path) for path in unchanged}
        unchanged = {path: holder for path, holder in unchanged.items() if (now[path] or ("", ""))[1] == holder.tag}
    ended = {path for path, holder in unchanged.items() if out.delete_if(path, holder.tag)}
    if ended:
        fence(out)
    return [replace(holder, alive=holder.path not in ended) if holder.silent else holder for holder in leases]


def fence(out: Storage) -> None:
    """Changes the pointer without changing what it points to: whoever is about to swap it, and looked at it before, can't any more."""
    found = out.read_tagged(POINTER)
    if found is None:
        return
    with suppress(
        ValueError, RecursionError, ConflictError
    ):  # what names no batch isn't swapped; who changed it meanwhile fenced it
        value = json.loads(found[0])
        if isinstance(value, dict):
            out.swap(POINTER, json.dumps({**value, "fence": secrets.token_hex(8)}).encode(), found[1])


def _busy(out: Storage, name: str, holder: dict[str, Any]) -> str:
    who = f"process {holder['pid']} on {holder['host']} since {holder['since']}" if "pid" in holder else "another run"
    return f"{who} is writing {name} to {out.url}; nothing was done. Wait for it, or give this run time to wait: --wait SECONDS"


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not value.keys() >= _FIELDS or type(value["pid"]) is not int:
        return None
    return value if 0 < value["pid"] < _PIDS else None


def _gone(holder: dict[str, Any]) -> bool:
    """Whether the holder is known to be no more: its process is gone from this machine, or it says no time, as none that lives does."""
    if holder.get("machine") == _machine():
        return holder["born"] is None or _born(holder["pid"]) != holder["born"]
    return _time(holder["renewed"]) is None


def _looks_silent(holder: dict[str, Any], seconds: float) -> bool:
    """Whether its last word is long ago, if its clock is right and ours is."""
    renewed = _time(holder["renewed"])
    return renewed is None or (datetime.now(UTC) - renewed).total_seconds() >= seconds


def _since(holder: dict[str, Any], modified_at: datetime) -> datetime | None:
    """When a lease was taken, by the clock that said when it was last written: how long it was held then, its holder says."""
    since, renewed = _time(holder["since"]), _time(holder["renewed"])
    return modified_at - (renewed - since) if since and renewed else None


def _time(text: object) -> datetime | None:
    """A time of a lease; None where it is none, or has no zone."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def _clock() -> float:
    """Seconds that go on while the machine sleeps, where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@cache
def _machine() -> str:
    """Where process ids mean the same: a machine since it started, or one container on it. Names may be given twice."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text('utf-8').strip()}-{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _born(pid: int) -> str | None:
    """When a process began, in the system's own count: a number that a later process of the same id doesn't have."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            return "alive"
        return "alive" if not Path("/proc/self/stat").exists() else None
    return None if fields[0] == "Z" else fields[19]
