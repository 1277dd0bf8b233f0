"""Threads that answer: many for what is small, one for whole views, so that the small never wait behind the large."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class Workers:
    """A few threads with a short queue; beyond it, who asks is told to come back."""

    def __init__(self, threads: int, queue: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._most, self._taken = threads + queue, 0

    async def do(self, work: Callable[[], Result]) -> Result:
        """What ``work`` returns, done in a thread; raises Problem where too much is waiting."""
        if self._taken >= self._most:
            raise Problem("busy", "too much is being asked at once", "ask again in a second", {"Retry-After": "1"})
        self._taken += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, _future: object) -> None:
        self._taken -= 1

    def close(self) -> None:
        """Waits for what is under way."""
        self._pool.shutdown(wait=True, cancel_futures=True)
