"""Why an event is invalid, in the words that the quarantine and the run's report use on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.catalog import values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.catalog import Field

_NAMED = 10
"""Files that a message names."""

EMPTY = "the message is empty"
NOT_UTF8 = "not UTF-8"
NOT_JSON = "not JSON"
NOT_OBJECT = "not a JSON object"

_KINDS = {
    "INTEGER": "an integer",
    "DOUBLE": "a number",
    "TIMESTAMP": "a time",
    "VARCHAR[]": "an array",
    "VARCHAR": "text",
}


def unreadable_files(files: Mapping[str, str]) -> str:
    """Which files can't be read, why, and what to do."""
    listed = "\n".join(f"  {file}: {why}" for file, why in list(files.items())[:_NAMED])
    more = f"\n  and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    what = "1 file" if len(files) == 1 else f"{len(files)} files"
    return (
        f"{what} can't be read as Parquet; nothing was published:\n{listed}{more}\n"
        "Mend or remove them, or go on without them by --skip-unreadable"
    )


def missing(field: Field) -> str:
    """A required field isn't there."""
    return f"{field.name} is missing"


def blank(field: Field) -> str:
    """A required field holds nothing but white space."""
    return f"{field.name} is blank"


def unreadable(field: Field) -> str:
    """A field can't be read as its type."""
    return f"{field.name} can't be read as {_KINDS[field.type]}"


def implausible(field: Field) -> str:
    """A time that no event can be of."""
    return f"{field.name} isn't plausible: it is before {values.FIRST_YEAR} or after {values.LAST_YEAR}"


def out_of_range(field: Field) -> str:
    """A field breaks its CHECK."""
    return f"{field.name} breaks {field.check}"
