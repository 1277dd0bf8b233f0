"""The state folder: which base and live store are answered from now, and what is left of others. All of it can be deleted at any time.

``current.json`` names the pair, and is replaced by one rename; ``base-<batch>`` and ``live-<batch>-<n>`` lie beside it. One process
writes; any number read. A machine that went down without a clean end may have torn any of these files: then nobody answers from them,
and all of it is made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import math
import os
import shutil
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.cache import cache_folder
from learnfold.errors import BusyError, StorageError

if TYPE_CHECKING:
    from typing import IO

_CURRENT, _LOCK, _MARK = "current.json", "lock", "running"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
GRACE_SECONDS = 60.0
"""How long a pair that isn't answered from any more stays for those who are about to open it."""


@dataclass(frozen=True)
class Current:
    """The pair that is answered from; the names are folders'."""

    batch: str
    base: str
    live: str
    digest: str  # of the base's definitions


class Place:
    """One state folder."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self._lock: IO[str] | None = None

    def current(self) -> Current | None:
        """The pair that is answered from now; None without one, and where a machine that went down may have torn it."""
        if self._torn():
            return None
        try:
            return Current(**json.loads((self.folder / _CURRENT).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def claim(self) -> bool:
        """Makes this process the one that writes; whether what lies here can be gone on with: else it is removed.

        Raises BusyError where another process writes, StorageError where the folder can't be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = (self.folder / _LOCK).open("a+")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            torn = self._torn(unknown=True)
            if torn:  # the mark stays until the rest is gone
                (self.folder / _CURRENT).unlink(missing_ok=True)
                for folder in self._pairs():
                    shutil.rmtree(folder)
        except BlockingIOError as error:
            raise BusyError(f"another process keeps the live state in {self.folder}; name another --state") from error
        except OSError as error:
            raise StorageError(f"the state folder {self.folder} can't be used: {error}") from error
        self._write(_MARK, _boot())
        return not torn

    def swap(self, current: Current) -> None:
        """From now on this pair is answered from."""
        self._write(_CURRENT, json.dumps(asdict(current)))

    def new_live(self, batch: str) -> str:
        """The name of a live store that isn't there yet."""
        return f"live-{batch}-{time.time_ns():x}"

    def remove_others(self, kept: set[str], grace: float = GRACE_SECONDS) -> None:
        """Removes bases and live stores but those that are named, and those that were used a moment ago."""
        for folder in self._pairs():
            if folder.name not in kept and _left_seconds(folder) >= grace:
                shutil.rmtree(folder, ignore_errors=True)

    def leave(self, *, clean: bool) -> None:
        """Lets others write; ``clean``: nothing is being written any more, and all of it is put on the disk."""
        if clean:
            with contextlib.suppress(OSError):  # then it isn't clean
                self._put_on_disk()
                (self.folder / _MARK).unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _torn(self, *, unknown: bool = False) -> bool:
        """Whether a process that wrote here hadn't ended when the machine went down; ``unknown`` where the machine doesn't tell."""
        try:
            wrote = (self.folder / _MARK).read_text("utf-8")
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True
        return wrote != _boot() or (unknown and not wrote)

    def _pairs(self) -> list[Path]:
        """The bases and live stores that are there."""
        return [folder for folder in self.folder.iterdir() if folder.name.startswith(("base-", "live-"))]

    def _put_on_disk(self) -> None:
        """Without this a power cut soon after a clean end would leave files that are there but not whole."""
        for path in (*self.folder.rglob("*"), self.folder):
            _sync(path)

    def _write(self, name: str, text: str) -> None:
        try:
            part = self.folder / f"{name}.part"
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.folder / name)
            _sync(self.folder)
        except OSError as error:
            raise StorageError(f"the state folder {self.folder} can't be written: {error}") from error


def _left_seconds(folder: Path) -> float:
    """How long nobody answers from it any more, since that was first noticed."""
    since = folder / ".left"
    try:
        if not since.exists():
            since.touch()
        return time.time() - since.stat().st_mtime
    except OSError:  # the disk is full, or it is gone: no reason to keep it
        return math.inf


def _sync(path: Path) -> None:
    """Puts a file, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def state_folder(output: str) -> str:
    """Where the live state of an output is kept, unless another folder is named."""
    name = hashlib.sha256(output.rstrip("/").encode()).hexdigest()[:16]
    return str(cache_folder(os.environ) / "speed" / name)


@cache
def _boot() -> str:
    """What the machine calls the time since it was started; empty where it doesn't say."""
    try:
        return _BOOT.read_text("utf-8").strip()
    except OSError:
        return ""
