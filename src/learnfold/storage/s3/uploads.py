"""Uploads in the background, while their maker does something else."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_TOGETHER = 4
_WAITING = 16
"""Files that may wait on disk for their turn; whoever adds one more waits with it."""


class Uploads:
    """Files on their way, by path; for any number of threads."""

    def __init__(self, put: Callable[[Path, str], None]) -> None:
        """``put`` uploads a file and removes it."""
        self._put = put
        self._pool = ThreadPoolExecutor(_TOGETHER, thread_name_prefix="learnfold-upload")
        self._room = threading.BoundedSemaphore(_WAITING)
        self._begun: dict[str, Future[None]] = {}

    def begin(self, file: Path, path: str) -> None:
        """The file will be at ``path``; raises what an earlier upload to that path raised."""
        self.wait([path])
        self._room.acquire()
        future = self._pool.submit(self._put, file, path)
        future.add_done_callback(lambda _: self._room.release())
        self._begun[path] = future

    def wait(self, paths: Iterable[str] | None = None) -> None:
        """Returns when those of ``paths`` (None: all) that are on their way have come; raises what one that failed raised."""
        for path in list(self._begun) if paths is None else paths:
            if (future := self._begun.get(path)) is not None:
                future.result()

    def close(self) -> None:
        """Gives up those that have not begun, and waits for the others, whatever becomes of them."""
        self._pool.shutdown(wait=True, cancel_futures=True)
