"""Which rows are withheld where a role may see groups of at least so many people: decided once for all views of the same events.

What one view withholds must not be what another shows, nor what is left of another's total. So views that tell of the same events
(`catalog/meeting.py`) are decided together, from their keys and numbers of people alone, whichever of them a role may see.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from learnfold.catalog.meeting import groupings, meetings
from learnfold.catalog.people import people_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from learnfold.catalog import View
    from learnfold.catalog.meeting import Meeting
    from learnfold.serve.database import Database

SUPPRESSED = "suppressed"
"""The column that says whether a row's numbers are withheld."""

PEOPLE = "_people"
"""About how many people a row is: the least of what the view counts."""

_SECONDS = 3600.0


@contextmanager
def decided(
    views: Sequence[View], sources: Mapping[str, str], database: Database, least: int
) -> Iterator[Mapping[str, str]]:
    """By view a table of its rows in ``sources`` with ``PEOPLE`` and ``SUPPRESSED``, while the block lasts.

    Rows about fewer people than ``least`` are withheld, and so many others that what is withheld isn't told by a difference:

    - among a view's rows that agree in some parts of its key (also in the week or weekday of its date, where another view has it) either
      none is withheld, or all, or at least two that are about ``least`` people together: else the least of the rest is withheld too;
    - where all of them are withheld, and they are one row or about too few people, rows of other views that tell of the same are
      withheld likewise: their sum would be the answer.
    """
    groups = _Groups(views, database, least)
    try:
        for view in views:
            groups.open(view, sources[view.name])
        groups.settle()
        yield groups.tables
    finally:
        for table in groups.tables.values():
            database.execute(f"DROP TABLE {table}")


class _Groups:
    def __init__(self, views: Sequence[View], database: Database, least: int) -> None:
        self.views, self.database, self.least = views, database, least
        self.tables: dict[str, str] = {}
        self.meetings = meetings(views)

    def open(self, view: View, source: str) -> None:
        """The view's rows with the smallest groups withheld, in a table of this thread's."""
        key = ", ".join(f"{name} NULLS FIRST" for name in view.key)
        people = f"least({', '.join(f'coalesce({name}, 0)' for name in people_of(view))})"
        table = f"{view.name}_groups"
        self.database.execute(
            f"CREATE TEMP TABLE {table} AS SELECT *, {PEOPLE} < {self.least} AS {SUPPRESSED}, "
            f"row_number() OVER (ORDER BY {PEOPLE}, {key}) AS _place FROM (SELECT *, {people} AS {PEOPLE} FROM {source})"
        )
        self.tables[view.name] = table

    def settle(self) -> None:
        """Withholds more until nothing that is withheld can be worked out."""
        changed = [view for view in self.views if self._withheld(view)]
        while changed:
            view = changed.pop(0)
            others = [other for other in self.views if other is not view]
            groups = groupings(view, others)
            while any([self._complete(view, group) for group in groups]):  # noqa: C419 - all of them, each round
                pass
            for meeting in (one for one in self.meetings if one.one is view):
                if any([self._spread(meeting, only) for only in meeting.slices]):  # noqa: C419 - all of them
                    changed = [*(one for one in changed if one is not meeting.other), meeting.other]

    def _withheld(self, view: View) -> bool:
        return bool(self._count(f"SELECT count(*) FILTER ({SUPPRESSED}) FROM {self.tables[view.name]}"))

    def _complete(self, view: View, group: tuple[str, ...]) -> bool:
        """Withholds one row more in each group that shows some and withholds too few; whether there was such a group."""
        table = self.tables[view.name]
        by = f"GROUP BY {', '.join(group)}" if group else ""
        too_few = f"count_if({SUPPRESSED}) > 0 AND NOT bool_and({SUPPRESSED}) AND {self._too_few()}"
        return self._withhold(table, f"SELECT {_next()} FROM {table} {by} HAVING {too_few}")

    def _spread(self, meeting: Meeting, only: str | None) -> bool:
        """Withholds rows of the other view where all that this one has of the same is withheld and too little; whether there were any."""
        one, other = self.tables[meeting.one.name], self.tables[meeting.other.name]
        mine = ", ".join(f"{sql} AS g{place}" for place, (sql, _) in enumerate(meeting.by))
        its = ", ".join(sql for _, sql in meeting.by)
        same = " AND ".join(f"told.g{place} IS NOT DISTINCT FROM {sql}" for place, (_, sql) in enumerate(meeting.by))
        told = (
            f"SELECT {mine or '1'} FROM {one} {f'WHERE {only}' if only else ''} {'GROUP BY ALL' if mine else ''} "
            f"HAVING bool_and({SUPPRESSED}) AND {self._too_few()}"
        )
        rows = (
            f"SELECT {_next()} FROM {other} WHERE {meeting.within or 'true'} "
            f"AND EXISTS (FROM ({told}) AS told {f'WHERE {same}' if same else ''}) {f'GROUP BY {its}' if its else ''} "
            f"HAVING NOT bool_and({SUPPRESSED}) AND {self._too_few()}"
        )
        found = False
        while self._withhold(other, rows):
            found = True
        return found

    def _too_few(self) -> str:
        return f"(count_if({SUPPRESSED}) < 2 OR sum({PEOPLE}) FILTER ({SUPPRESSED}) < {self.least})"

    def _withhold(self, table: str, places: str) -> bool:
        return bool(self._count(f"UPDATE {table} SET {SUPPRESSED} = true WHERE _place IN ({places})"))

    def _count(self, sql: str) -> int:
        return int(self.database.rows(sql, [], _SECONDS)[0][0])


def _next() -> str:
    return f"min(_place) FILTER (NOT {SUPPRESSED})"
