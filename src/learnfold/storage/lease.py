"""One run at a time for each job of one place: a lease that a dead run can't keep.

A lease records who holds it and since when, and is renewed while its run lives. It is taken over immediately when its process on this
machine is gone, and after a while of silence when it was another machine's.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learnfold.errors import BusyError, ConflictError, LearnfoldError
from learnfold.storage.out_layout import LEASES, lease_path
from learnfold.utc import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.settings import Settings
    from learnfold.storage import Storage

_PIDS = 2**31
_FIELDS = {"host", "machine", "pid", "born", "since", "renewed"}


class Lease:
    """The leases of one run, while it has them."""

    def __init__(self, out: Storage, seconds: float) -> None:
        self._out, self._seconds = out, seconds
        self._tags: dict[str, str] = {}
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

    def check(self) -> None:
        """Raises BusyError when another run took a lease over, which it does after this one was silent too long."""
        if self._lost:
            raise BusyError(
                f"this run was silent so long that another one took over {self._lost}; nothing was published"
            )

    def _content(self) -> bytes:
        return json.dumps({**self._me, "renewed": now()}).encode()

    def take(self, name: str) -> dict[str, Any] | None:
        """Takes a lease; returns who holds it when it can't be had."""
        path = lease_path(name)
        found = self._out.read_tagged(path)
        if found is not None:
            holder = _parsed(found[0])
            if holder is not None and _alive(holder, self._seconds):
                return holder
        try:
            tag = self._out.swap(path, self._content(), found[1] if found else None)
        except ConflictError:
            return _parsed((self._out.read_tagged(path) or (b"{}", ""))[0]) or {}
        with self._mutex:
            self._tags[path] = tag
        return None

    def renew(self) -> None:
        """Renews the leases again and again, until this run is over."""
        while not self._done.wait(self._seconds / 4):
            with self._mutex:
                for path, tag in list(self._tags.items()):
                    with suppress(LearnfoldError):  # the storage is away for a moment; the next round tries again
                        self._renew(path, tag)

    def _renew(self, path: str, tag: str) -> None:
        try:
            self._tags[path] = self._out.swap(path, self._content(), tag)
        except ConflictError:
            found = self._out.read_tagged(path)
            if found and (_parsed(found[0]) or {}).get("owner") == self._me["owner"]:
                self._tags[path] = found[1]  # this run's earlier renewal, whose answer got lost
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
    """Leases on ``names`` until the block ends; raises BusyError, naming who holds one and since when, after the time to wait."""
    lease = Lease(out, settings.lease_seconds)
    deadline = time.monotonic() + settings.wait_seconds
    beat = threading.Thread(target=lease.renew, daemon=True, name="learnfold-lease")
    try:
        for name in sorted(names):  # always in one order, so that two runs can't wait for each other
            while (holder := lease.take(name)) is not None:
                if time.monotonic() >= deadline:
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
    here: bool  # whether process ids of its holder mean the same here
    who: dict[str, Any]  # host, pid, since and renewed; empty where the lease can't be read


def holders(out: Storage, settings: Settings) -> list[Holder]:
    """All leases there are, by name, the dead ones too."""
    found = []
    for entry in out.list(LEASES):
        name = entry.path.rsplit("/", 1)[-1]
        tagged = None if name.startswith(".") or not name.endswith(".json") else out.read_tagged(entry.path)
        if tagged is not None:
            who = _parsed(tagged[0]) or {}
            alive = bool(who) and _alive(who, settings.lease_seconds)
            here = who.get("machine") == _machine()
            found.append(Holder(name.removesuffix(".json"), entry.path, tagged[1], alive, here, who))
    return found


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


def _alive(holder: dict[str, Any], seconds: float) -> bool:
    if holder.get("machine") == _machine():
        return bool(_born(holder["pid"]) == holder["born"] and holder["born"] is not None)
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(holder["renewed"])).total_seconds() < seconds
    except (ValueError, TypeError):  # no time, or one without a zone
        return False


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
