"""What is asked for: a made-up semester's size, seed and faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from learnfold.errors import UsageError

EVENTS_A_STUDENT = 1250
"""Events a student makes in 90 days, those of teachers about them included."""

DAY_US = 86_400_000_000
"""A day in microseconds."""

_LEAST_PLANTED = 500
_LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Limits:
    """What making up a semester may take; empty or 0 is DuckDB's own choice."""

    memory: str = ""  # such as 4GB
    threads: int = 0
    temporary_folder: str = ""  # where what doesn't fit in memory goes


@dataclass(frozen=True)
class Semester:
    """A made-up semester; the same values are the same events, on any machine and however they are read.

    Shares are from 0 to 1, of the valid events if nothing else is said. Copies, late rows and malformed rows come on top or lie elsewhere:
    they leave the valid, distinct events as they are.
    """

    events: int = 1_000_000
    """Valid, distinct events: about so many; to a few percent from 100,000 up, to a quarter from 3,000."""
    seed: int = 1
    start: date = date(2025, 9, 1)
    """The first UTC day."""
    days: int = 90
    duplicates: float = 0.0
    """Events delivered again: as they were, with a later time of the same UTC day, or saying something else."""
    late: float = 0.0
    """Events that come after their day: into their own day's folder, but a later file."""
    out_of_order: float = 0.0
    """Events that don't stand where their time says."""
    malformed: float = 0.0
    """Further rows that are no valid events, of every kind there is."""
    awkward: bool = False
    """Mixed shapes of file and texts, columns missing or more, optional fields left out. Times without an offset are UTC."""
    planted: bool = True
    """Whether it holds people and a course whose numbers are known beforehand; every event type occurs then."""
    troubled: float = 0.0
    """Of the students who enrol in it, those of whom it is planted what goes wrong: ``_truth.json`` says what, and from when on."""

    def __post_init__(self) -> None:
        """Refuse what makes no semester."""
        least = _LEAST_PLANTED if self.planted else 1
        if self.events < least:
            raise UsageError(f"events is {self.events}; it must be at least {least}")
        if self.days < 1:
            raise UsageError(f"days is {self.days}; it must be at least 1")
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise UsageError(f"seed is {self.seed}; it must be from 0 to {_LARGEST_SEED}")
        for name in ("duplicates", "late", "out_of_order", "malformed", "troubled"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}; it is a share, from 0 to 1")
        if self.start.year < 1970:  # noqa: PLR2004 - times are counted from it
            raise UsageError(f"start is {self.start}; it must be 1970 or later")
        try:
            self.date(self.days + 1)
        except OverflowError as error:
            raise UsageError(f"{self.days} days from {self.start} go beyond the year 9999; start earlier") from error

    @property
    def students(self) -> int:
        """Students, those of the planted truth aside."""
        return max(3, round(self.events * 90 / EVENTS_A_STUDENT / self.days))

    @property
    def courses(self) -> int:
        """Courses, the planted one aside."""
        return max(3, round(self.students / 175))

    @property
    def teachers(self) -> int:
        """Teachers, the planted one aside."""
        return max(2, (self.courses + 1) // 2)

    @property
    def quiet_day(self) -> int:
        """The day (from 0) with no logins but planted ones; -1: the semester is too short to have one."""
        return self.days // 2 if self.planted and self.days >= 10 else -1  # noqa: PLR2004 - so that it isn't missed

    @property
    def start_us(self) -> int:
        """The first midnight, in microseconds since 1970 UTC."""
        return int(datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC).timestamp()) * 1_000_000

    def date(self, day: int) -> date:
        """The UTC date of a day counted from 0."""
        return self.start + timedelta(days=day)
