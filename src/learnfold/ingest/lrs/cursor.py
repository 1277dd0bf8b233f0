"""How far the statements of a learning record store are in the master dataset.

``MASTER/_lrs/<digest of the store's address>.json`` is written after the files it speaks of, by compare-and-set: it never speaks of
what isn't there, and of two pulls at once one ends.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from learnfold.errors import BusyError, ConflictError, DataError
from learnfold.storage.stored_types import UNREADABLE, check
from learnfold.utc import now

if TYPE_CHECKING:
    from learnfold.storage import Storage

PULLED = "_lrs"

MOST_KNOWN = 100_000
"""Statements that are remembered by their ids; those beyond come again, and count once all the same."""


@dataclass
class Cursor:
    """One store's; times are those of its clock (``stored``), ISO 8601; empty: none."""

    lrs: str  # its address
    asked: str = ""  # from when on it is asked; empty: from the beginning
    since: str = ""  # what was stored up to then is in files
    more: str = ""  # the next page of a walk through all that came since; empty: none is under way
    newest: str = ""  # of the walk: the latest that was stored
    known: list[str] = field(default_factory=list)  # statements that are in files and that will be asked for again
    statements: int = 0  # that were pulled, all in all
    at: str = ""
    writes: int = 0  # of this file, so that no two contents are the same


def read_cursor(master: Storage, lrs: str) -> tuple[Cursor, str | None]:
    """The cursor of a store, and the tag to write it by (None: there is none yet)."""
    path = _path(lrs)
    found = master.read_tagged(path)
    if found is None:
        return Cursor(lrs), None
    try:
        cursor = Cursor(**json.loads(found[0]))
        check(cursor)
    except UNREADABLE as error:
        raise DataError(
            f"{master.url}/{path} can't be read ({error!r}); delete it and pull again: what came before counts once"
        ) from error
    return cursor, found[1]


def write_cursor(master: Storage, cursor: Cursor, tag: str | None) -> str:
    """Puts it in place and returns its new tag; raises BusyError where another pull wrote it meanwhile."""
    cursor.writes, cursor.at = cursor.writes + 1, now()
    data = json.dumps(asdict(cursor), ensure_ascii=False, indent=1).encode()
    try:
        return master.swap(_path(cursor.lrs), data, tag)
    except ConflictError as error:
        raise BusyError(f"another pull of {cursor.lrs} into {master.url} is under way; this one ends") from error


def _path(lrs: str) -> str:
    return f"{PULLED}/{hashlib.sha256(lrs.encode()).hexdigest()[:16]}.json"


def moment(text: Any) -> datetime | None:
    """An instant of ISO 8601, in UTC where it says nothing else; None for what is none."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def written(at: datetime) -> str:
    """An instant as ISO 8601 in UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def before(text: str, hours: float) -> str:
    """An instant so many hours, and at least a millisecond, before another: what was stored at the very same one comes again."""
    at = moment(text)
    if at is None:
        return text
    return written(max(at, datetime(1970, 1, 2, tzinfo=UTC)) - max(timedelta(hours=hours), timedelta(milliseconds=1)))


def known_as(statement: dict[str, Any]) -> str | None:
    """What a statement is remembered by; None where it has no id."""
    identity = statement.get("id")
    return hashlib.sha256(identity.lower().encode()).hexdigest()[:16] if isinstance(identity, str) else None
