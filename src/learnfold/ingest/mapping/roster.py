"""Who teaches where, from a file: for events whose platform doesn't say it."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from learnfold.errors import UsageError

COLUMNS = ("user_id", "course_id", "role")
"""What a roster's header names; without a course, the role is that of all courses that the file says nothing else of."""

ROLES = ("student", "teacher")


@dataclass(frozen=True)
class Roster:
    """Roles by user and course; ``digest`` stands for the file's content."""

    digest: str
    roles: dict[tuple[str, str], str] = field(repr=False)

    def role(self, user: object, course: object) -> str | None:
        """The role of a user in a course (None: an event of no course); None where the file says none."""
        who = str(user)
        found = self.roles.get((who, str(course))) if course else None
        return found or self.roles.get((who, ""))


def read_roster(path: str) -> Roster:
    """The roster in a CSV file; raises UsageError for one that can't be read, naming the line."""
    try:
        data = Path(path).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"the roster {path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the roster {path} isn't UTF-8") from error
    lines = text.splitlines()
    reader = csv.DictReader(lines, delimiter=";" if lines and ";" in lines[0] else ",")
    names = [(name or "").strip() for name in reader.fieldnames or ()]
    if set(COLUMNS) - set(names):
        raise UsageError(f"{path} is no roster: a CSV file whose first line names {', '.join(COLUMNS)}")
    reader.fieldnames = names
    roles: dict[tuple[str, str], str] = {}
    try:
        for row in reader:
            user, course, role = ((row[name] or "").strip() for name in COLUMNS)
            role = role.lower()
            if not user or role not in ROLES:
                raise UsageError(
                    f"{path}, line {reader.line_num}: a line needs a user_id, and {' or '.join(ROLES)} as its role"
                )
            if roles.setdefault((user, course), role) != role:
                raise UsageError(
                    f"{path}, line {reader.line_num}: {user} is student and teacher of the same; one role is needed"
                )
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}") from error
    return Roster(hashlib.sha256(data).hexdigest()[:16], roles)
