"""How what a statement holds becomes a field's value: the conversions a mapping may name after ``as``.

Each gives None where there is nothing to tell (no segment was played), and raises ValueError where something is told
that can't be read. All numbers are at least 0: nothing in an event is less.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from learnfold.ingest.mapping.paths import as_text

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 1e15
"""No number in an event is greater: beyond it, sums would lose whole units."""

MOST_WHOLE = 2**31 - 1

_NUMBER = re.compile(r"\+?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_DURATION = re.compile(
    r"P(?:(?P<weeks>[0-9.,]+)W)?(?:(?P<days>[0-9.,]+)D)?"
    r"(?:T(?:(?P<hours>[0-9.,]+)H)?(?:(?P<minutes>[0-9.,]+)M)?(?:(?P<seconds>[0-9.,]+)S)?)?",
    re.ASCII,
)
_UUID = re.compile(r"(urn:uuid:)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{2}|\d{4}),? +(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_CENTURY = 100
_YES, _NO = {"true", "1", "yes"}, {"false", "0", "no"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_DATE_LENGTH = len("2025-12-10")


def text(value: object) -> str:
    """The text, or a number as text."""
    found = as_text(value)
    if found is None:
        raise ValueError("text")
    if found.isascii():
        return found
    try:
        found.encode()
    except UnicodeEncodeError:
        raise ValueError("text") from None
    return found


def as_found(value: object) -> str | int | float:
    """What a named place gives, as it gives it: what a field of one's own holds that names no other."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text(value)


def term(value: object) -> str:
    """The last word of an IRI (what stands behind the last ``#`` or ``/``); a plain word is itself."""
    return re.split(r"[#/]", text(value).rstrip("#/"))[-1]


def identity(value: object) -> str:
    """An event's id: the text, or a number as text; a UUID in lower case, for it has no case."""
    found = text(value)
    return found.lower() if _UUID.fullmatch(found.strip()) else found


def mailbox(value: object) -> str:
    """A mail address without ``mailto:``, its domain in lower case: of both, the case means nothing."""
    found = text(value).strip()
    address = found[len("mailto:") :] if found[: len("mailto:")].lower() == "mailto:" else found
    name, at, domain = address.rpartition("@")
    if not address:
        raise ValueError("a mail address")
    return f"{name}{at}{domain.lower()}"


def yes_or_no(value: object) -> str:
    """``true`` or ``false``, from JSON's own or from 1 and 0, yes and no."""
    found = str(value).strip().lower() if isinstance(value, bool | int | str) else ""
    if found not in _YES | _NO:
        raise ValueError("yes or no")
    return "true" if found in _YES else "false"


def number(value: object) -> int | float:
    """A number of at least 0, or text that is one."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST:
        raise ValueError("a number of at least 0")
    return value


def positive(value: object) -> int | float | None:
    """A number; None when it is 0, for nothing is out of 0 points."""
    return number(value) or None


def whole(value: object) -> int:
    """A number of at least 0, rounded down to a whole one."""
    return _whole(math.floor(number(value)))


def percent(value: object) -> int | float:
    """A share such as 0.8 as a percentage, 80."""
    return round(number(value) * 100, 9)


def points(value: object) -> int | float | None:
    """The points of an xAPI score, counted from its least if that is below 0; of one with a share alone, the percentage."""
    score = _score(value)
    return score[0] if score else None


def points_possible(value: object) -> int | float | None:
    """What ``points`` are out of: the score's greatest, 100 for a percentage; None when it isn't said, or is 0."""
    score = _score(value)
    return score[1] if score and score[1] else None


def seconds(value: object) -> float:
    """Seconds to the thousandth, from a number of seconds or an ISO 8601 duration such as PT3M15S."""
    return round(_exact_seconds(value), 3)


def whole_seconds(value: object) -> int:
    """The same, rounded to whole seconds."""
    return _whole(math.floor(_exact_seconds(value) + 0.5))


def length(value: object) -> int | None:
    """How long something is, in whole seconds; None when it is 0: not known yet."""
    return whole_seconds(value) or None


def last_segment_seconds(value: object) -> int | None:
    """Whole seconds of the last of xAPI's played segments, 30 of ``0[.]12[,]60[.]90``; None when none was played."""
    segments = _segments(value)
    return whole_seconds(_length(segments[-1])) if segments else None


def played_seconds(value: object) -> int | None:
    """Whole seconds of all of xAPI's played segments, what is played twice counted twice; None when none was played."""
    played = segments_seconds(value)
    return None if played is None else whole_seconds(played)


def segments_seconds(value: object) -> float | None:
    """Seconds of all of xAPI's played segments together, to the thousandth; None when none was played."""
    segments = _segments(value)
    return seconds(sum(map(_length, segments))) if segments else None


def time(value: object) -> str:
    """An instant as ISO 8601 with its own offset, to the microsecond; without one it is in the platform's zone."""
    if not isinstance(value, str) or len(value.strip()) <= _DATE_LENGTH:
        raise ValueError("a time")
    try:
        instant = datetime.fromisoformat(value.strip())
        if instant.tzinfo is not None:
            instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a time") from None
    return instant.isoformat()


def day_first_time(value: object) -> str:
    """An instant from a day before its month, such as ``2/03/26, 10:05`` or ``2/03/2026 10:05:09``, in the platform's zone."""
    match = _DAY_FIRST.fullmatch(text(value).strip())
    if match is None:
        raise ValueError("a day, month and year with a time")
    day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        return datetime(year + 2000 if year < _CENTURY else year, month, day, hour, minute, second).isoformat()  # noqa: DTZ001 - the platform's zone
    except ValueError:
        raise ValueError("a day, month and year with a time") from None


def unix_seconds(value: object) -> str:
    """An instant from the seconds since 1970 in UTC, as ISO 8601."""
    return _since_1970(value, 1)


def unix_milliseconds(value: object) -> str:
    """An instant from the milliseconds since 1970 in UTC, as ISO 8601."""
    return _since_1970(value, 1_000)


CONVERSIONS: dict[str, Callable[[object], str | int | float | None]] = {
    "text": text,
    "as_found": as_found,
    "term": term,
    "identity": identity,
    "mailbox": mailbox,
    "yes_or_no": yes_or_no,
    "number": number,
    "positive": positive,
    "whole": whole,
    "percent": percent,
    "points": points,
    "points_possible": points_possible,
    "seconds": seconds,
    "whole_seconds": whole_seconds,
    "length": length,
    "last_segment_seconds": last_segment_seconds,
    "played_seconds": played_seconds,
    "segments_seconds": segments_seconds,
    "time": time,
    "day_first_time": day_first_time,
    "unix_seconds": unix_seconds,
    "unix_milliseconds": unix_milliseconds,
}
"""By the name a mapping gives after ``as``."""

SINCE = "days_since"
"""The one conversion that needs another value, ``since``: the day from which days are counted."""

LIST = "texts"
"""The one conversion that takes all values of a place, not the first: a list of texts."""

USUAL = {"VARCHAR": "text", "INTEGER": "whole", "DOUBLE": "number", "TIMESTAMP": "time", "VARCHAR[]": LIST}
"""The conversion of a field whose mapping names none, by the field's type in the catalog."""

_TIMES = {"time", "days_since", "day_first_time", "unix_seconds", "unix_milliseconds"}
_WHOLE = {"whole", "whole_seconds", "length", "last_segment_seconds", "played_seconds"}

FITTING = {
    "VARCHAR": {"text", "term", "identity", "mailbox", "yes_or_no"} | _TIMES,
    "INTEGER": _WHOLE,
    "DOUBLE": {"number", "positive", "seconds", "percent", "points", "points_possible", "segments_seconds"} | _WHOLE,
    "TIMESTAMP": _TIMES,
    "VARCHAR[]": {LIST},
}
"""The conversions that give what a field of that type may hold."""


def _whole(value: int) -> int:
    if value > MOST_WHOLE:
        raise ValueError(f"a whole number up to {MOST_WHOLE}")
    return value


def _score(value: object) -> tuple[int | float, int | float | None] | None:
    """The points of a score and what they are out of; None where it tells no points of at least 0."""
    if not isinstance(value, dict):
        raise ValueError("a score")  # noqa: TRY004 - one error for all that can't be read
    raw, least, most, share = (_signed(value.get(name)) for name in ("raw", "min", "max", "scaled"))
    if raw is None and share is not None:
        return (percent(share), 100) if share >= 0 else None
    below = min(least or 0, 0)
    if raw is None or raw < below:
        return None
    return number(raw - below), None if most is None or most < below else number(most - below)


def _signed(value: object) -> int | float | None:
    """A number, or text that is one, of any sign; None is none."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    text_below_0 = isinstance(value, str) and value.strip().startswith("-")
    number_below_0 = isinstance(value, int | float) and not isinstance(value, bool) and value < 0
    try:
        return -number(str(value).strip()[1:]) if text_below_0 or number_below_0 else number(value)
    except ValueError:
        raise ValueError("a score of numbers") from None


def days_since(value: object, start: object) -> str:
    """The beginning of a day so many days after ``start``, such as 2026-03-02, in the platform's zone."""
    days = _signed(value)
    try:
        return (datetime.fromisoformat(text(start)) + timedelta(days=math.floor(days or 0))).isoformat()
    except (ValueError, OverflowError):
        raise ValueError("days since a day") from None


def _since_1970(value: object, units: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=round(number(value) * 1_000_000 / units))).isoformat()
    except (ValueError, OverflowError):
        raise ValueError("a time since 1970") from None


def _exact_seconds(value: object) -> int | float:
    if not isinstance(value, str) or not value.strip().startswith("P"):
        try:
            return number(value)
        except ValueError:
            raise ValueError("seconds or a duration") from None
    match = _DURATION.fullmatch(value.strip())
    parts = {unit: part for unit, part in match.groupdict().items() if part is not None} if match else {}
    try:
        total = sum(_SECONDS[unit] * float(part.replace(",", ".")) for unit, part in parts.items())
    except ValueError:
        parts = {}
    if not parts or total > MOST:
        raise ValueError("seconds or a duration")
    return total


def _segments(value: object) -> list[str]:
    if not isinstance(value, str):
        raise ValueError("played segments")  # noqa: TRY004 - one error for all that can't be read
    return [segment for segment in value.split("[,]") if segment.strip()]


def _length(segment: str) -> int | float:
    """Seconds of a segment: 0 of one that is open (it has no end yet) or goes backwards, for nothing of it was watched for sure."""
    start, _, end = segment.partition("[.]")
    try:
        begin = _exact_seconds(start)
        return max(0, _exact_seconds(end) - begin) if end.strip() else 0
    except ValueError:
        raise ValueError("played segments") from None
