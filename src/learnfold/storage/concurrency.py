"""Many small requests under way together: what makes a storage behind a network as quick as a folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_concurrently(act: Callable[[Item], Result], items: Iterable[Item], max_concurrency: int) -> list[Result]:
    """What ``act`` returns for each item, in their order, at most ``max_concurrency`` of them under way.

    Raises what the first of them to fail raised; those that had not begun then don't begin.
    """
    todo = list(items)
    if max_concurrency <= 1 or len(todo) <= 1:
        return [act(item) for item in todo]
    pool = ThreadPoolExecutor(min(max_concurrency, len(todo)), thread_name_prefix="learnfold-storage")
    try:
        return list(pool.map(act, todo))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
