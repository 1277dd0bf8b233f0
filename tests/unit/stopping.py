"""A command that is stopped just before the n-th change that others can see, as by SIGSTOP or a machine that hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from small_place import Place

from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from learnfold.storage.lease import holders

SETTINGS = Settings(lease_seconds=5)

_SCRIPT = """
import os, pathlib, signal, sys
root, number, *words = sys.argv[1:]
out, left = pathlib.Path(root) / "out", [int(number)]

def seen(path, *, deleted):
    try:
        top, *below = path.relative_to(out).parts
    except ValueError:
        return path.suffix == ".parquet" and path.is_relative_to(root)
    if top == "_batches" and len(below) == 1:
        return below[0].startswith("plain-")
    return not top.startswith("_") or (deleted and top in {"_batches", "_rollups", "_quarantine"})

def stop(path, *, deleted):
    if ".tmp-" not in path.name and seen(path, deleted=deleted):
        count()

def count():
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGSTOP)

replace, unlink = pathlib.Path.replace, pathlib.Path.unlink

def stopping_replace(self, target):
    stop(pathlib.Path(target), deleted=False)
    return replace(self, target)

def stopping_unlink(self, missing_ok=False):
    stop(self, deleted=True)
    return unlink(self, missing_ok)

pathlib.Path.replace, pathlib.Path.unlink = stopping_replace, stopping_unlink
from learnfold.storage.folder import FolderStorage
swap = FolderStorage.swap

def stopping_swap(self, path, data, tag):
    if path == "_batches/current.json" and b"fence" not in data:
        count()
    return swap(self, path, data, tag)

FolderStorage.swap = stopping_swap
from learnfold.cli import main
sys.exit(main(words))
"""


class Stopped:
    """The command, once it stands still."""

    def __init__(self, place: Place, number: int, *words: object) -> None:
        """``number``: of the change that it is about to make, from 1."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, str(place.root), str(number), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "LEARNFOLD_LEASE_SECONDS": "5"},
        )
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            self.process.returncode = os.waitstatus_to_exitcode(status)
            raise AssertionError(f"it made no {number} changes: {self.process.communicate()[0]}")
        deadline = time.monotonic() + 60
        while not self._silent(place) and time.monotonic() < deadline:
            time.sleep(0.1)

    @staticmethod
    def _silent(place: Place) -> bool:
        """Whether its leases look as if it had died, to whoever believes their times."""
        leases = [lease for root in (place.out, place.master) for lease in holders(FolderStorage(str(root)), SETTINGS)]
        return all(lease.silent for lease in leases)

    def go_on(self) -> tuple[int, str]:
        """The exit code and what was said, once it has come to its end."""
        self.process.send_signal(signal.SIGCONT)
        said, _ = self.process.communicate(timeout=120)
        return self.process.returncode, said
