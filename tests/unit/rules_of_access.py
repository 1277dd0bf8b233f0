"""Rules of an access file, and tokens of its roles, as tests of who sees what have them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from learnfold.serve.tokens import add_token, new_token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def rule(role: str, /, view: str = "*", **says: object) -> str:
    """A rule in TOML: of all rows unless it names a column."""
    said = {"rows": "all"} | says if "column" not in says else says
    values = [f"{name} = {json.dumps(value)}" for name, value in said.items()]
    return "\n".join(["[[rules]]", f'role = "{role}"', f'views = ["{view}"]', *values, ""])


STUDENT = rule("student", column="user_id", claim="sub")
"""Students see their own rows."""

TEACHER = rule("teacher", column="course_id", claim="courses")
"""Teachers see rows of the courses that a claim names."""

ANALYST = rule("analyst", pseudonyms=True)
"""Analysts see all rows under pseudonyms, which need a ``pseudonym_key``."""


def of_groups(role: str) -> str:
    """The role sees groups of five."""
    return rule(role, least_people=5)


def bearers(tokens: Path, roles: Mapping[str, Mapping[str, tuple[str, ...]]]) -> dict[str, dict[str, str]]:
    """By role the header of a caller who has it, with these claims; their tokens are added to the file."""
    found = {}
    for role, claims in roles.items():
        text, token = new_token(role, None, role=role, claims=dict(claims))
        add_token(tokens, token)
        found[role] = {"authorization": f"Bearer {text}"}
    return found
