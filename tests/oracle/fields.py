"""The fields of each topic, and how a value a producer sent is read as its field's type."""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
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
        "max_score",
        "question_count",
        "question_id",
        "due_date",
        "is_correct",
    ),
    "video_topic": (
        "video_id",
        "course_id",
        "session_id",
        "watch_duration_seconds",
        "played_seconds",
        "video_length_seconds",
        "from_second",
        "to_second",
    ),
    "course_topic": (
        "course_id",
        "material_id",
        "material_type",
        "resource_id",
        "item_id",
        "item_type",
        "course_name",
        "section_id",
        "module_id",
    ),
    "profile_topic": ("field_name", "updated_fields", "new_value", "picture_url"),
    "forum_topic": ("course_id", "forum_id", "thread_id", "post_id", "parent_id"),
    "notification_topic": ("notification_id", "notification_type", "channel", "related_object_id"),
}
LARGEST_INTEGER = 2**31 - 1
LARGEST_SCORE = 10**15
LARGEST_PLAYED = 10**12
LARGEST_NUMBER = 10**308
TIMES = ("timestamp", "due_date")
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


TEACHER_WORDS = [
    "teacher",
    "instructor",
    "staff",
    "lecturer",
    "professor",
    "tutor",
    "ta",
    "teachingassistant",
    "teaching_assistant",
    "grader",
    "faculty",
    "editingteacher",
    "editing_teacher",
    "teacherenrollment",
    "taenrollment",
]
STUDENT_WORDS = ("student", "learner", "studentenrollment")
NO_IDS = ("", "null", "none", "undefined", "nan", "0", "00000000-0000-0000-0000-000000000000")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def read_id(value: Any) -> str:
    """An id as text; a whole number is its digits alone, so 1001.0 and 1e3 are '1001' and '1000'.

    Raises:
        ValueError: it's NaN or infinite.
    """
    if not isinstance(value, Number):
        return read_text(value)
    number = Decimal(value.text)
    if not number.is_finite():
        raise ValueError(f"no id: {value.text}")
    return str(int(number)) if number == number.to_integral_value() and abs(number) < 10**18 else value.text


def read_event_id(value: Any) -> str | None:
    """What tells events apart: None where it can't; a UUID in lower case."""
    text = read_id(value)
    if text.strip().lower() in NO_IDS and (text == text.strip() or not text.strip()):
        return None
    return text.lower() if UUID.fullmatch(text) else text


def read_event_type(value: Any) -> str:
    """Trimmed, in upper case."""
    return read_id(value).strip().upper()


def read_role(value: Any) -> str:
    """Trimmed, in lower case, each role by one word."""
    word = read_id(value).strip().lower()
    if word in TEACHER_WORDS or word == "teaching assistant":
        return "teacher"
    return "student" if word in STUDENT_WORDS else word


def read_duration(value: Any) -> int:
    """Whole seconds from 0 to 2147483647, a fraction rounded half up.

    Raises:
        ValueError: it's no number or out of range.
    """
    seconds = int(_number(value, LARGEST_INTEGER + 1).to_integral_value(ROUND_HALF_UP))
    if seconds > LARGEST_INTEGER:
        raise ValueError(f"too long: {seconds}")
    return seconds


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


def read_played(value: Any) -> float:
    """A number from 0 to 1e12.

    Raises:
        ValueError: it's no number or out of range.
    """
    return float(_number(value, LARGEST_PLAYED))


def read_second(value: Any) -> float:
    """A number of at least 0.

    Raises:
        ValueError: it's no number or out of range.
    """
    return float(_number(value, LARGEST_NUMBER))


def read_above_zero(value: Any) -> float:
    """A number above 0.

    Raises:
        ValueError: it's no number or out of range.
    """
    return _above_zero(read_second(value))


def read_some(value: Any) -> int:
    """A whole number from 1 to 2147483647.

    Raises:
        ValueError: it's no number, not whole, or out of range.
    """
    return _above_zero(read_integer(value))


def _above_zero(number: Any) -> Any:
    if not number > 0:
        raise ValueError("not above 0")
    return number


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
    "watch_duration_seconds": read_duration,
    "event_id": read_event_id,
    "event_type": read_event_type,
    "role": read_role,
    "score": read_score,
    "played_seconds": read_played,
    "max_score": read_above_zero,
    "question_count": read_some,
    "video_length_seconds": read_some,
    "from_second": read_second,
    "to_second": read_second,
    "updated_fields": read_list,
}


def read_field(name: str, value: Any) -> Any:
    """The value as the field's type; None stays None, and a blank text is None.

    Raises:
        ValueError: it can't be read as that type and range.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    an_id = name.endswith(("_id", "_type"))
    read: Callable[[Any], Any] = TYPED.get(name, read_id if an_id else read_text)
    return read(value)
