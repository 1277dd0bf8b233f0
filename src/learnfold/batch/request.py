"""What a run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class Scope:
    """What is recomputed whatever changed: everything, or the UTC days from ``first`` to ``last`` (None: without an end)."""

    full: bool = False
    first: date | None = None
    last: date | None = None

    def __contains__(self, day: date) -> bool:
        if self.first is None and self.last is None:
            return False
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


@dataclass(frozen=True)
class RunRequest:
    """One run."""

    input: str
    output: str
    jobs: tuple[str, ...] = ()  # empty: all
    scope: Scope = field(default_factory=Scope)
    allow_shrink: bool = False
    action: str = "run"  # as the manifest names it: run or erase
