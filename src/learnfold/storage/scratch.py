"""A folder for work that goes away with its owner, also when the owner is killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import IO

from learnfold.errors import StorageError

_PREFIX = "learnfold-"
_LOCK = ".in-use"


class Scratch:
    """A new folder, removed when this is closed or no longer used; what a killed process left is removed by the next."""

    def __init__(self, parent: str = "") -> None:
        """Below ``parent`` (empty: the system's folder for such things); raises StorageError where that can't be."""
        try:
            above = Path(parent or tempfile.gettempdir())
            above.mkdir(parents=True, exist_ok=True)
            _sweep(above)
            unlocked = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=above))
            lock = (unlocked / _LOCK).open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)  # given back by the system when this process ends, however it does
            self.path = unlocked.rename(unlocked.with_name(unlocked.name[1:]))
        except OSError as error:
            raise StorageError(
                f"{error.filename or parent}: {error.strerror or error}; work needs a folder: name one by LEARNFOLD_TEMPORARY_FOLDER"
            ) from error
        self._close = weakref.finalize(self, _remove, self.path, lock, os.getpid())

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self.path)

    def cleanup(self) -> None:
        """Removes the folder and what is in it."""
        self._close()


def scratch(parent: str) -> Scratch:
    """A folder for work that goes away, below ``parent`` (empty: the system's)."""
    return Scratch(parent)


def _remove(folder: Path, lock: IO[str], owner: int) -> None:
    lock.close()
    if os.getpid() == owner:  # a fork has it too, and must leave it
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(above: Path) -> None:
    """Removes the folders whose owners are dead: nobody holds their locks."""
    for lock_path in above.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError), lock_path.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock_path.parent, ignore_errors=True)
