"""How values of events are read, as data: both engines write their SQL of it, so a rule is said once.

Source: the contract of events, "How values are read".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learnfold.catalog.model import Field

EVENT_ID, EVENT_TYPE, USER, ROLE, TIMESTAMP = "event_id", "event_type", "user_id", "role", "timestamp"

IDENTITY = (EVENT_ID, USER, EVENT_TYPE)
"""The fields that two events of one UTC day share when they are the same event, if the first says anything."""

SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""All white space there is."""

ROLES = {
    "teacher": (
        "instructor",
        "staff",
        "lecturer",
        "professor",
        "tutor",
        "ta",
        "teachingassistant",
        "teaching assistant",
        "teaching_assistant",
        "grader",
        "faculty",
        "editingteacher",
        "editing_teacher",
        "teacherenrollment",
        "taenrollment",
    ),
    "student": ("learner", "studentenrollment"),
}
"""By role, its other spellings, in lower case."""

NO_IDS = ("null", "none", "undefined", "nan", "0", "00000000-0000-0000-0000-000000000000")
"""What stands for no ``event_id``, in lower case; a blank one is none either."""

UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
"""An id that is compared in lower case."""

NUMBER = r"[0-9]+(?:[.][0-9]+)?(?:[eE][+]?[0-9]+)?"
"""A number without sign, as JSON writes it."""

FIRST_YEAR, LAST_YEAR = 1970, 2200
"""The years, in UTC, that an event can be of."""

EPOCHS = ((10**8, 1), (10**11, 10**3), (10**14, 10**6), (10**17, 10**9))
"""A number as a time: from which size on it counts what part of a second since 1970 UTC, up to the next size or 1000 times the last."""

MOST_ID = 10**18
"""A number as an id is written plainly below this."""


def is_id(field: Field) -> bool:
    """Whether a number in the field is an id: written without a fraction where it is whole."""
    return field.type == "VARCHAR" and (field.name == ROLE or field.name.endswith(("_id", "_type")))


def is_duration(field: Field) -> bool:
    """Whether a whole number of the field may be sent with a fraction, which is rounded half up."""
    return field.type == "INTEGER" and field.name.endswith("_seconds")
