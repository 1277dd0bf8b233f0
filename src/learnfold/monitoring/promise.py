"""What the operator of a platform promises: how often runs come, and for how much of the time the numbers are fresh."""

from __future__ import annotations

from dataclasses import dataclass

STALE_AFTER = 1.5
"""Numbers are stale when the last success is older than so many intervals."""

BURN_RATE = 6
"""An alert is sent while the month's budget of stale time is used up so many times as fast as it may be."""

_DAY_SECONDS = 86_400
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


@dataclass(frozen=True)
class Promise:
    """Runs come every ``interval_seconds``; the numbers are fresh ``slo_percent`` of the time, over 30 days."""

    interval_seconds: float = _DAY_SECONDS
    slo_percent: float = 99.0

    @property
    def stale_seconds(self) -> float:
        """The age of the last success from which on numbers are stale."""
        return STALE_AFTER * self.interval_seconds

    @property
    def budget(self) -> float:
        """The share of the time in which numbers may be stale."""
        return round(1 - self.slo_percent / 100, 6)

    @property
    def step_seconds(self) -> float:
        """How often rules are evaluated: a minute for daily runs, oftener for quicker ones; never less often."""
        return max(1.0, min(60.0, 60.0 * self.interval_seconds / _DAY_SECONDS))

    def share(self, daily_seconds: float) -> str:
        """A time span, given as it is for daily runs, scaled to this interval, as Prometheus writes it."""
        return duration(daily_seconds * self.interval_seconds / _DAY_SECONDS)

    def window(self, daily_seconds: float) -> str:
        """A time span over which samples are compared: scaled like ``share``, and long enough for some of them."""
        scaled = daily_seconds * self.interval_seconds / _DAY_SECONDS
        return duration(max(scaled, 10 * self.step_seconds))


def duration(seconds: float) -> str:
    """A time span as Prometheus writes it: ``1d12h``, ``30m``, ``1s500ms``; at least a second."""
    rest = max(1000, round(seconds * 1000))
    parts = []
    for unit, size in _UNITS.items():
        number, rest = divmod(rest, size * 1000)
        parts += [f"{number}{unit}"] if number else []
    return "".join([*parts, *([f"{rest}ms"] if rest else [])])
