"""When an event happened, from what its producer wrote."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from oracle.fields import Number

OFFSET = r"(?P<offset>Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
FRACTION = r"([.,](?P<fraction>[0-9]+))?"
EXTENDED = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    rf"([T ](?P<hour>[0-9]{{2}}):(?P<minute>[0-9]{{2}})(:(?P<second>[0-9]{{2}}){FRACTION})?{OFFSET})?"
)
BASIC = re.compile(
    r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    rf"([T ](?P<hour>[0-9]{{2}})(?P<minute>[0-9]{{2}})((?P<second>[0-9]{{2}}){FRACTION})?{OFFSET})?"
)


def read_timestamp(written: str | datetime | Number, platform_zone: ZoneInfo) -> datetime:
    """The instant as a naive UTC datetime; digits beyond microseconds are cut off, not rounded.

    What says no offset is in the platform's zone: of a local time that came twice the earlier is meant, one that was
    skipped is read with the offset in force before the clocks changed. That holds for a datetime (a Parquet
    timestamp) too: an aware one is an instant, a naive one is the platform's local time.

    Raises:
        ValueError: it's no such time, or none between the years 1 and 9999 in UTC.
    """
    text = written if isinstance(written, datetime | str) else written.text
    if isinstance(text, str) and (since := _epoch(text.strip())) is not None:
        return since
    moment = text if isinstance(text, datetime) else _parsed(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=platform_zone, fold=0)
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(str(error)) from error


EPOCH = re.compile(r"[0-9]+([.][0-9]+)?([eE][+]?[0-9]+)?")
EPOCH_UNITS = {
    10**8: 1,
    10**11: 10**3,
    10**14: 10**6,
    10**17: 10**9,
}  # from this size on, what part of a second it counts


def _epoch(text: str) -> datetime | None:
    """The instant that a number since 1970 means, as a naive UTC datetime; None for a number too small, or no number.

    Raises:
        ValueError: it's larger than any nanoseconds.
    """
    if not EPOCH.fullmatch(text) or Decimal(text) < min(EPOCH_UNITS):
        return None
    number = Decimal(text)
    if number >= 10**20:
        raise ValueError("no time is that large")
    unit = EPOCH_UNITS[max(size for size in EPOCH_UNITS if number >= size)]
    try:
        return datetime(1970, 1, 1) + timedelta(microseconds=int(number * 10**6 / unit))  # noqa: DTZ001 - UTC by definition
    except OverflowError as error:
        raise ValueError(str(error)) from error


def _parsed(text: str) -> datetime:
    """The datetime a text spells, aware if it names an offset."""
    match = EXTENDED.fullmatch(text) or BASIC.fullmatch(text)
    if match is None:
        raise ValueError("neither a date nor a time")
    year, month, day, hour, minute, second = (
        int(match[part] or 0) for part in ("year", "month", "day", "hour", "minute", "second")
    )
    microsecond = int((match["fraction"] or "")[:6].ljust(6, "0"))
    return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=_zone(match["offset"]))


def _zone(offset: str | None) -> timezone | None:
    """The zone of 'Z', '+HH', '+HHMM' or '+HH:MM'; None for no offset."""
    if offset is None:
        return None
    if offset == "Z":
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes > 59:
        raise ValueError(f"no offset has {minutes} minutes")
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if offset[0] == "-" else size)
