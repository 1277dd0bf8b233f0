"""A cache of objects that never change, as local files: what was just written needn't be fetched again."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from learnfold.storage.out_layout import is_immutable

if TYPE_CHECKING:
    from pathlib import Path


class ImmutableCache:
    """The files used last, up to ``most_bytes``; others may use them by a second name, so that throwing one out hurts nobody."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._mutex = threading.Lock()
        self._sizes: OrderedDict[str, tuple[Path, int]] = OrderedDict()  # the one used longest ago first
        self._bytes = self._count = 0

    def add(self, path: str, file: Path) -> None:
        """Caches the content of ``path``, which is in ``file``, if it is one that never changes."""
        size = file.stat().st_size
        if not is_immutable(path) or size > self._most_bytes:
            return
        with self._mutex:
            if path in self._sizes:
                return
            self._count += 1
            place = self._folder / f"cached-{self._count}"
            with contextlib.suppress(OSError):  # a file system without second names caches nothing
                os.link(file, place)
                self._sizes[path] = (place, size)
                self._bytes += size
            while self._bytes > self._most_bytes:
                _, (oldest, freed) = self._sizes.popitem(last=False)
                oldest.unlink(missing_ok=True)
                self._bytes -= freed

    def give(self, path: str, target: Path) -> bool:
        """Makes ``target`` the content of ``path``, which nobody may change; whether it was cached."""
        with self._mutex:
            if path not in self._sizes:
                return False
            self._sizes.move_to_end(path)
            os.link(self._sizes[path][0], target)
            return True

    def forget(self, paths: set[str]) -> None:
        """Throws files out."""
        with self._mutex:
            for path in paths & self._sizes.keys():
                place, size = self._sizes.pop(path)
                place.unlink(missing_ok=True)
                self._bytes -= size
