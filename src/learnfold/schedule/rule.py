"""When a run is due: a cron expression in a time zone, or one moment."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from learnfold.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_BACK = timedelta(days=400)
"""What was missed longer ago than this isn't counted."""


_NEXT = 20
"""So many moments ahead are looked at for the time between them: a week of working days and its weekend, and more."""


class Rule(Protocol):
    """Tells the moments (UTC) at which a run is due."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Those after ``moment``, in order; it may end."""
        ...


@dataclass(frozen=True)
class Cron:
    """A cron expression of five fields, by the clock of ``zone``.

    At a clock change it does as Debian's cron: what falls into the hour that is left out runs right after it, what falls into the
    hour that comes twice runs once; what runs every hour or oftener goes by real time.
    """

    expression: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuses what is no expression, or is never due."""
        from cronsim import CronSimError

        if len(self.expression.split()) != 5:  # noqa: PLR2004
            raise UsageError(
                f"{self.expression!r} has not the five fields of a cron expression; one is called '0 2 * * *'"
            )
        try:
            if next(self.after(datetime.now(UTC)), None) is None:
                raise UsageError(f"{self.expression!r} is never due")
        except CronSimError as error:
            raise UsageError(
                f"{self.expression!r} is no cron expression ({error}); one is called '0 2 * * *'"
            ) from error

    @property
    def name(self) -> str:
        """The expression and its zone."""
        return f"{self.expression} {self.zone}"

    def after(self, moment: datetime) -> Iterator[datetime]:
        """See Rule."""
        from cronsim import CronSim

        zone = UTC if self.zone == "UTC" else ZoneInfo(self.zone)
        last = moment
        for due in CronSim(self.expression, moment.astimezone(zone)):
            if due.astimezone(UTC) > last:  # the end of a left-out hour may be due by itself too
                last = due.astimezone(UTC)
                yield last


@dataclass(frozen=True)
class Once:
    """One moment (UTC)."""

    moment: datetime

    @property
    def name(self) -> str:
        """The moment in ISO 8601."""
        return f"once at {self.moment.isoformat()}"

    def after(self, moment: datetime) -> Iterator[datetime]:
        """See Rule."""
        if self.moment > moment:
            yield self.moment


@dataclass(frozen=True)
class Due:
    """What is due: the last moment, and how many came before it since the last run."""

    moment: datetime
    earlier: int


def due(rule: Rule, last: datetime, now: datetime) -> Due | None:
    """What became due after ``last`` and until ``now``; None when nothing did."""
    moment, count = None, 0
    for found in rule.after(max(last, now - LOOK_BACK)):
        if found > now:
            break
        moment, count = found, count + 1
    return None if moment is None else Due(moment, count - 1)


def interval_seconds(rule: Rule, moment: datetime) -> float:
    """The longest time between two of the next moments at which the rule is due; 0 where there aren't two."""
    coming = list(itertools.islice(rule.after(moment), _NEXT))
    return max(((later - earlier).total_seconds() for earlier, later in itertools.pairwise(coming)), default=0.0)
