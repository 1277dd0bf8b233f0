"""How far back a view looks: what its author says in a ``looks back:`` line, and a law in the tests holds against its SQL.

By which columns a view is computed in parts is worked out (``pushdown``): a row needs rollup rows with the same values alone. Where a
row of a day or week needs days before it too, how many isn't found in SQL. Said, such a view is computed from the first day that changed
on, and its rows before that stay.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from learnfold.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_LINE = re.compile(r"(\d+) days?(?:, all of ([a-z0-9_]+(?:, [a-z0-9_]+)*))?")
_WEEKDAY = "days of its weekday"
_DAYS = 10_000  # more would leave what a date can be


class LookBack(NamedTuple):
    """A row depends on rollup rows of its own day or week and of some days before it, never on later ones; or of its weekday alone."""

    column: str  # of the view: date, or week, which is its Monday, or weekday, 1 (Monday) to 7
    days: int  # before the day, or before the week's Monday
    whole: tuple[str, ...] = ()  # the rollups of which a row may depend on all rows that aren't later

    def begin(self, changed: date) -> date:
        """The first value of the column whose rows may depend on rollup rows of the date ``changed``."""
        return changed - timedelta(days=changed.weekday()) if self.column == "week" else changed

    def first(self, rollup: str, begin: date) -> date | None:
        """The first date of the rollup on which rows from ``begin`` on may depend; None: any date."""
        return None if rollup in self.whole else begin - timedelta(days=self.days)


def read(
    where: str, lines: Sequence[str], key: Collection[str], rollups: Collection[str], views: Collection[str]
) -> LookBack | None:
    """What a view's ``looks back:`` lines say; None without one. Raises DefinitionError where they can't be so."""
    if not lines:
        return None
    if lines == [_WEEKDAY]:
        return _weekday(where, key, views)
    said = _LINE.fullmatch(lines[0])
    if len(lines) > 1 or said is None or int(said[1]) > _DAYS:
        raise DefinitionError(
            f"{where} needs one line like 'looks back: 29 days' or 'looks back: 0 days, all of a_rollup'"
        )
    column = next((name for name in ("date", "week") if name in key), None)
    if column is None:
        raise DefinitionError(f"{where} says how far it looks back, but neither date nor week is in its key")
    _reads_rollups(where, views)
    whole = tuple(said[2].split(", ")) if said[2] else ()
    for name in whole:
        if name not in rollups:
            raise DefinitionError(f"{where} looks back at all of {name}, which it doesn't read")
    return LookBack(column, int(said[1]), whole)


def _weekday(where: str, key: Collection[str], views: Collection[str]) -> LookBack:
    if "weekday" not in key:
        raise DefinitionError(f"{where} says that it looks back at its weekday, but weekday isn't in its key")
    _reads_rollups(where, views)
    return LookBack("weekday", 0)


def _reads_rollups(where: str, views: Collection[str]) -> None:
    if views:
        raise DefinitionError(
            f"{where} says how far it looks back, but reads {', '.join(views)}, of which no days are known"
        )
