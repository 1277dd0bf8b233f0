"""The fields of each topic, and how a value a producer sent is read as its field's type."""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRED = ("event_type", "user_id", "timestamp")
COMMON_FIELDS = ("event_category", "event_type", "user_id", "role")  # beside event_id and timestamp
TOPIC_FIELDS = {
    "auth_topic": ("session_id", "email", "registration_source"),
    "assessment_topic": (
        "course_id",
        "assignment_id",
        "assignment_type",
        "file_url",
        "quiz_id",
        "correct_answers",
        "student_id",
        "score",
        "feedback",
        "new_due_date",
    ),
    "video_topic": ("video_id", "course_id", "session_id", "watch_duration_seconds"),
    "course_topic": (
        "course_id",
        "material_id",
        "material_type",
        "resource_id",
        "item_id",
        "item_type",
        "course_name",
    ),
    "profile_topic": ("field_name", "updated_fields", "new_value", "picture_url"),
    "notification_topic": ("notification_id", "notification_type", "channel", "related_object_id"),
}
LARGEST_INTEGER = 2**31 - 1
LARGEST_SCORE = 10**15
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Number(NamedTuple):
    """A JSON number as its producer wrote it: 1.50 stays '1.50'."""

    text: str


def parse_json(text: str) -> Any:
    """The value of an RFC 8259 text, each number a Number; of a name given twice the last counts.

    Raises:
        ValueError: it isn't JSON; NaN and Infinity aren't.
    """
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_no_json)


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def json_text(value: Any) -> str:
    """The value as compact JSON text, names in the order they were sent."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(name)}:{json_text(member)}" for name, member in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def read_text(value: Any) -> str:
    """The text itself, untrimmed; of any other JSON value its JSON text.

    Raises:
        ValueError: it holds half a surrogate pair, which no text can.
    """
    text = value if isinstance(value, str) else str(value) if isinstance(value, datetime) else json_text(value)
    text.encode()
    return text


def read_integer(value: Any) -> int:
    """A whole number from 0 to 2147483647, however written: 120, 120.0, '120', '1.2e2'.

    Raises:
        ValueError: it's no number, not whole, or out of range.
    """
    number = _number(value, LARGEST_INTEGER)
    if number != number.to_integral_value():
        raise ValueError(f"not a whole number: {number}")
    return int(number)


def read_score(value: Any) -> float:
    """A number from 0 to 1e15.

    Raises:
        ValueError: it's no number or out of range.
    """
    return float(_number(value, LARGEST_SCORE))


def _number(value: Any, largest: int) -> Decimal:
    """The number a JSON number or a text spells, exactly; a boolean is none, nor are '', 'inf' and 'nan'."""
    text = value.text if isinstance(value, Number) else value.strip() if isinstance(value, str) else ""
    if not NUMBER.fullmatch(text):
        raise ValueError(f"not a number: {value!r}")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(str(error)) from error
    if not 0 <= number <= largest:
        raise ValueError(f"not from 0 to {largest}: {text}")
    return number.copy_abs()  # -0 is 0


def read_list(value: Any) -> list[str | None]:
    """An array, or the JSON text of one, with its elements as texts; null elements stay None.

    Raises:
        ValueError: it's no array.
    """
    array = parse_json(value) if isinstance(value, str) else value
    if not isinstance(array, list):
        raise ValueError("not an array")  # noqa: TRY004 - a producer's mistake, not a programmer's
    return [None if element is None else read_text(element) for element in array]


TYPED: dict[str, Callable[[Any], Any]] = {
    "correct_answers": read_integer,
    "watch_duration_seconds": read_integer,
    "score": read_score,
    "updated_fields": read_list,
}


def read_field(name: str, value: Any) -> Any:
    """The value as the field's type; None (absent) stays None.

    Raises:
        ValueError: it can't be read as that type and range.
    """
    read: Callable[[Any], Any] = TYPED.get(name, read_text)
    return None if value is None else read(value)
