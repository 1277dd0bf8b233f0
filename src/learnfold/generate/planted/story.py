"""A planted story: events, written down one by one, and what the views must say of them, reckoned by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learnfold.generate.semester import Semester

STUDENT, OTHER, TEACHER = "SVP001", "SVP002", "GVP001"
"""The planted people. Nobody else has anything to do with them or with their course."""
COURSE = "CSP01"


@dataclass(frozen=True)
class Event:
    """A planted event: its topic, its time in microseconds since 1970 UTC, and its fields but event_id and timestamp."""

    topic: str
    us: int
    fields: dict[str, Any]


@dataclass
class Story:
    """What is planted in a semester, as the subjects add to it.

    Everything happens on two UTC days: the quiet one, on which nobody else logs in, and one after it. In a semester
    too short for that they may be the same day.
    """

    semester: Semester
    events: list[Event] = field(default_factory=list)
    planted: list[dict[str, Any]] = field(default_factory=list)

    @property
    def quiet(self) -> int:
        """The first of the two days, counted from 0."""
        return self.semester.days // 2

    @property
    def later(self) -> int:
        """The second of the two days, counted from 0."""
        return min(self.quiet + 2, self.semester.days - 1)

    def happens(self, topic: str, day: int, time: str, event_type: str, user_id: str, **fields: Any) -> None:
        """Add an event at ``time`` (HH:MM:SS[.ffffff], UTC) of ``day``."""
        role = "teacher" if user_id == TEACHER else "student"
        everyone = {"event_type": event_type, "user_id": user_id, "role": role}
        self.events.append(Event(topic, self._us(day, time), {**everyone, **fields}))

    def expect(self, view: str, key: dict[str, Any], **columns: Any) -> None:
        """Add what ``view`` must say in the row of ``key``."""
        self.planted.append({"view": view, "key": key, "expect": columns})

    def date(self, day: int) -> str:
        """The date of a day as the truth writes it: YYYY-MM-DD."""
        return self.semester.date(day).isoformat()

    def time(self, day: int, time: str) -> str:
        """A time as the truth writes it: YYYY-MM-DD HH:MM:SS.ffffff, UTC."""
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._us(day, time))
        return at.strftime("%Y-%m-%d %H:%M:%S.%f")

    def _us(self, day: int, time: str) -> int:
        at = datetime.fromisoformat(f"{self.semester.date(day)}T{time}+00:00")
        return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
