"""The speed layer's numbers for monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold import __version__
from learnfold.telemetry import metrics
from learnfold.telemetry.metrics import SPEED_HAND_OVERS as HAND_OVERS

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
    progress = pair.live.progress
    numbers.show(metrics.SPEED_INFO, [metrics.SPEED_INFO.of(1, version=__version__)])
    numbers.show(metrics.SPEED_EVENTS, [metrics.SPEED_EVENTS.of(progress.events)])
    numbers.show(metrics.SPEED_WAITING, [metrics.SPEED_WAITING.of(progress.waiting)])
    numbers.show(metrics.SPEED_REPAIRS, [metrics.SPEED_REPAIRS.of(len(progress.losers))])
    numbers.show(metrics.SPEED_BLOCKED, [metrics.SPEED_BLOCKED.of(len(progress.blocked))])
    numbers.show(metrics.SPEED_BYTES, [metrics.SPEED_BYTES.of(pair.live.size())])


__all__ = ["HAND_OVERS", "count_tick", "show_pair"]
