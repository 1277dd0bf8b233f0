"""What a view is to the oracle: which events count, what they are grouped by, and the columns of a group."""

from __future__ import annotations

import math
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from oracle.events import Event

    Events = Mapping[str, list[Event]]
    Row = dict[str, Any]

VIEWS: dict[str, Callable[..., list[Row]]] = {}
KEYS: dict[str, tuple[str, ...]] = {}


def view(
    *key: str,
    of: Callable[[Events], Iterable[Event]],
    then: Callable[[list[Event]], list[Event]] | None = None,
) -> Callable[[Callable[[list[Event]], Row]], Callable[..., list[Row]]]:
    """Makes a view, named as the function, of a function from one group's events to its columns beside the key.

    `of` gives the events (or what is made of them) that the view counts; every key they have gets a row. `date` and
    `hour` in a key are those of an event's timestamp in the reporting zone; `then` makes something else of the events when
    they have them.
    """

    def register(columns: Callable[[list[Event]], Row]) -> Callable[..., list[Row]]:
        def rows(events: Events, reporting_zone: str = "UTC") -> list[Row]:
            groups: dict[tuple[Any, ...], list[Event]] = {}
            counted = [event | _local(event, reporting_zone) if "date" in key else event for event in of(events)]
            for event in counted if then is None else then(counted):
                groups.setdefault(tuple(event[column] for column in key), []).append(event)
            return [dict(zip(key, values, strict=True)) | columns(group) for values, group in groups.items()]

        VIEWS[columns.__name__] = rows
        KEYS[columns.__name__] = key
        return rows

    return register


def whole(*key: str) -> Callable[[Callable[[Events, str], list[Row]]], Callable[..., list[Row]]]:
    """Makes a view, named as the function, of a function from all events and the reporting zone to all rows."""

    def register(made: Callable[[Events, str], list[Row]]) -> Callable[..., list[Row]]:
        def rows(events: Events, reporting_zone: str = "UTC") -> list[Row]:
            return made(events, reporting_zone)

        VIEWS[made.__name__] = rows
        KEYS[made.__name__] = key
        return rows

    return register


def dated(events: Iterable[Event], reporting_zone: str) -> list[Event]:
    """The events, each with ``date`` and ``hour`` in the reporting zone."""
    return [event | _local(event, reporting_zone) for event in events]


def grouped(events: Iterable[Event], *key: str) -> dict[tuple[Any, ...], list[Event]]:
    """The events by the values of these fields."""
    found: dict[tuple[Any, ...], list[Event]] = {}
    for event in events:
        found.setdefault(tuple(event[name] for name in key), []).append(event)
    return found


def quantile(values: Iterable[timedelta], tenths: int, unit: timedelta) -> float | None:
    """The value that far along (5: the median), between neighbours by how near each is, in units; None of none."""
    ordered = sorted(value // timedelta(microseconds=1) for value in values)  # a timedelta can't hold half of one
    if not ordered:
        return None
    place, rest = divmod(tenths * (len(ordered) - 1), 10)
    above = ordered[min(place + 1, len(ordered) - 1)]
    return (ordered[place] * (10 - rest) + above * rest) / 10 / (unit // timedelta(microseconds=1))


def _local(event: Event, reporting_zone: str) -> Row:
    local = event["timestamp"].replace(tzinfo=UTC).astimezone(ZoneInfo(reporting_zone))
    return {"date": local.date(), "hour": local.hour}


def every(topic: str, *types: str) -> Callable[[Events], list[Event]]:
    """The topic's events of these types; of any type where none is named."""
    return lambda events: events[topic] if not types else of_type(events[topic], *types)


def of_type(events: Iterable[Event], *types: str) -> list[Event]:
    """Those of these types."""
    return [event for event in events if event["event_type"] in types]


def given(events: Iterable[Event], field: str) -> list[Any]:
    """The field's values where it isn't absent."""
    return [event[field] for event in events if event[field] is not None]


def distinct(events: Iterable[Event], field: str) -> int:
    """How many different values the field has, absent not being one."""
    return len(set(given(events, field)))


def total(events: Iterable[Event], field: str) -> Any:
    """The sum of what is given, whole numbers exactly; None if nothing is."""
    values = given(events, field)
    if not values:
        return None
    return sum(values) if all(isinstance(value, int) for value in values) else math.fsum(values)


def mean(events: Iterable[Event], field: str) -> float | None:
    """The mean of what is given; None if nothing is."""
    values = given(events, field)
    return math.fsum(values) / len(values) if values else None


def smallest(events: Iterable[Event], field: str) -> Any:
    """The smallest of what is given; None if nothing is."""
    return min(given(events, field), default=None)


def largest(events: Iterable[Event], field: str) -> Any:
    """The largest of what is given; None if nothing is."""
    return max(given(events, field), default=None)


def rate(part: int, whole: int) -> float | None:
    """The part of the whole in percent; None of nothing."""
    return 100.0 * part / whole if whole else None


def divided(value: float | None, by: int) -> float | None:
    """Seconds in minutes (60) or hours (3600); None stays None."""
    return None if value is None else value / by
