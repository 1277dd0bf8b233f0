"""The time as learnfold writes it down: UTC, whatever the machine's zone."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """This moment, UTC, to the millisecond: ``2026-11-27T13:01:07.123Z``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
