"""What the processes of the speed layer say of themselves when they end."""

from __future__ import annotations

from dataclasses import dataclass, field

Positions = dict[str, dict[int, int]]


@dataclass
class SpeedReport:
    """What this process did, and how far it is."""

    batch: str = ""
    positions: Positions = field(default_factory=dict)
    events: int = 0
    duplicates: int = 0
    invalid: int = 0
    waiting: int = 0
    blocked: dict[str, str] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    files: dict[str, int] = field(default_factory=dict)  # by topic that comes by files, how many were dealt with


@dataclass
class StreamReport:
    """What this job wrote."""

    parts: int = 0
    messages: int = 0
    stopped: dict[str, str] = field(default_factory=dict)  # topics whose query ended by an error, and it
    seconds: float = 0.0
