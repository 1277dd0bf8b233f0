"""Uploads that go on while their maker does something else."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

_AT_ONCE = 4
_WAITING = 16
"""Files that may wait on disk for their turn; whoever brings one more waits with it."""


class Uploads:
    """Files on their way, by path."""

    def __init__(self, put: Callable[[Path, str], None]) -> None:
        """``put`` uploads a file and removes it."""
        self._put = put
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="learnfold-upload")
        self._room = threading.BoundedSemaphore(_WAITING)
        self._under_way: dict[str, Future[None]] = {}

    def begin(self, file: Path, path: str) -> None:
        """The file will be at ``path``; raises what an earlier upload to that path raised."""
        self.wait([path])
        self._room.acquire()
        future = self._pool.submit(self._put, file, path)
        future.add_done_callback(lambda _: self._room.release())
        self._under_way[path] = future

    def wait(self, paths: Collection[str] | None = None) -> None:
        """Returns when those of ``paths`` (None: all) that are on their way have come; raises what the first to fail raised."""
        for path in list(self._under_way) if paths is None else [path for path in paths if path in self._under_way]:
            self._under_way.pop(path).result()

    def close(self) -> None:
        """Gives up those that have not begun, and waits for the others, whatever becomes of them."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for future in self._under_way.values():
            with contextlib.suppress(BaseException):
                future.result()
        self._under_way.clear()
