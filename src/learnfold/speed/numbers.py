"""The speed layer's numbers for monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold import __version__
from learnfold.telemetry import metrics
from learnfold.telemetry.usage import memory_bytes, memory_limit_bytes

if TYPE_CHECKING:
    from learnfold.speed.pair import Pair
    from learnfold.telemetry.endpoint import Numbers


def count_tick(numbers: Numbers, pair: Pair, messages: int, seconds: float) -> None:
    """Counts a tick."""
    if messages:
        numbers.add(metrics.SPEED_MESSAGES.of(messages))
        numbers.observe(metrics.SPEED_TICK.of(seconds))
    numbers.show(metrics.SPEED_COMPLETE, [metrics.SPEED_COMPLETE.of(pair.live.progress.complete_until)])


def show_pair(numbers: Numbers, pair: Pair) -> None:
    """Shows how the live state is."""
    progress, source = pair.live.progress, pair.source
    numbers.show(metrics.SPEED_INFO, [metrics.SPEED_INFO.of(1, version=__version__)])
    single = {
        metrics.SPEED_NEWEST: (progress.watermark or 0) / 1_000_000,
        metrics.SPEED_EVENTS: progress.events,
        metrics.SPEED_DUPLICATES: progress.duplicates,
        metrics.SPEED_INVALID: progress.invalid,
        metrics.SPEED_WAITING: progress.waiting,
        metrics.SPEED_REPAIRS: len(progress.losers),
        metrics.SPEED_BLOCKED: len(progress.blocked),
        metrics.SPEED_MISSING: sum(source.missing.values()),
        metrics.SPEED_BATCH_ONLY: len(pair.base.about.without),
        metrics.SPEED_BYTES: pair.live.size(),
        metrics.SPEED_MEMORY: memory_bytes(),
        metrics.SPEED_MEMORY_LIMIT: memory_limit_bytes(),
    }
    for metric, value in single.items():
        if value is not None:
            numbers.show(metric, [metric.of(value)])
    lag = metrics.SPEED_LAG
    numbers.show(
        lag, (lag.of(n, topic=topic, partition=str(p)) for topic, its in source.lag().items() for p, n in its.items())
    )


def count_hand_over(numbers: Numbers, seconds: float) -> None:
    """Counts a hand-over, from when the next batch was found."""
    numbers.add(metrics.SPEED_HAND_OVERS.of(1))
    numbers.observe(metrics.SPEED_HAND_OVER.of(seconds))
