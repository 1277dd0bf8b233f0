"""In which form a view is shown: as it is, under pseudonyms, or without what small groups would tell.

A form is a table of its own, made once a batch, so that every filter, order and page is of what may be seen, and of nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.catalog import Column
from learnfold.catalog.meeting import families
from learnfold.catalog.people import extremes_of, people_of, persons_of
from learnfold.serve.small_groups import PEOPLE, SUPPRESSED, decided

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from learnfold.catalog import View
    from learnfold.serve.database import Database

_DIGITS = 3
"""At most so many digits are left of a number with a fraction where small groups are withheld."""


@dataclass(frozen=True)
class Made:
    """A table to be made of a view's rows."""

    view: View
    source: str  # the table of its rows as they are
    target: str


@dataclass(frozen=True)
class Form:
    """How a view is shown."""

    pseudonym_key: bytes | None = field(default=None, repr=False)  # with one, people have pseudonyms
    least_people: int = 0  # rows about fewer people are withheld; 0: none is

    @property
    def plain(self) -> bool:
        """Whether it is shown as it is."""
        return self.pseudonym_key is None and not self.least_people

    def columns(self, view: View) -> tuple[Column, ...]:
        """The columns that are there in this form."""
        about = "whether the numbers of the row are withheld, since it is about few people, or would tell of such a row"
        return (*view.columns, Column(SUPPRESSED, "BOOLEAN", about, key=False)) if self.least_people else view.columns

    def together(self, view: View, views: Iterable[View]) -> tuple[View, ...]:
        """Those of ``views`` that must be made with the view: what one of them withholds, another would tell."""
        if not self.least_people:
            return (view,)
        return families(one for one in views if can_withhold(one))[view.name]

    def make(self, tables: Sequence[Made], database: Database) -> None:
        """Makes the tables of views that belong together."""
        if self.least_people:
            _without_small_groups(tables, database, self.least_people)
        else:
            for table in tables:
                _under_pseudonyms(table, database, self.pseudonym_key or b"")


PLAIN = Form()


def pseudonym(key: bytes, person: str) -> str:
    """What stands for a person: always the same for a key, and without it as good as random."""
    mark = hmac.new(key, person.encode("utf-8", "replace"), hashlib.sha256).digest()[:15]
    return f"p-{base64.b32encode(mark).decode().lower()}"


def can_withhold(view: View) -> bool:
    """Whether small groups of the view can be told: its rows are about several people, and say how many."""
    return bool(people_of(view)) and not persons_of(view)


def _under_pseudonyms(table: Made, database: Database, key: bytes) -> None:
    """Ids of people become pseudonyms; a text that may name someone otherwise is left out."""
    view, source, target = table.view, table.source, table.target
    persons = persons_of(view)
    names = " UNION ".join(f"SELECT DISTINCT {name} AS id FROM {source} WHERE {name} IS NOT NULL" for name in persons)
    known = f"{target}_names"
    database.execute(f"CREATE TABLE {known} (id VARCHAR, pseudonym VARCHAR)")
    for chunk in _chunks([str(row[0]) for row in database.rows(names, [], 60)] if names else []):
        values = [chunk, [pseudonym(key, person) for person in chunk]]
        database.execute(f"INSERT INTO {known} SELECT unnest(?), unnest(?)", values)
    shown = {name: f"(SELECT pseudonym FROM {known} AS k WHERE k.id = rows.{name})" for name in persons}
    shown |= {column.name: "NULL" for column in view.columns if column.names == "anyone"}
    columns = ", ".join(f"CAST({shown.get(c.name, c.name)} AS {c.type}) AS {c.name}" for c in view.columns)
    order = ", ".join(f"{name} NULLS FIRST" for name in view.key)
    database.execute(f"CREATE TABLE {target} AS SELECT {columns} FROM {source} AS rows ORDER BY {order}")
    database.execute(f"DROP TABLE {known}")


def _chunks(values: list[str]) -> Iterator[list[str]]:
    return (values[place : place + 50_000] for place in range(0, len(values), 50_000))


def _without_small_groups(tables: Sequence[Made], database: Database, least: int) -> None:
    """Rows that would tell of few people are withheld, in all of these views at once.

    What is shown is rounded, no finer than what one person usually adds to it: whole numbers down to a multiple of ``least``, others
    to three digits at most; so neither totals elsewhere nor the next batch give the difference.
    """
    views = [table.view for table in tables]
    with decided(views, {table.view.name: table.source for table in tables}, database, least) as groups:
        for table in tables:
            view, extremes = table.view, extremes_of(table.view)
            key = ", ".join(f"{name} NULLS FIRST" for name in view.key)
            columns = ", ".join(_rounded(column, least, one_persons=column.name in extremes) for column in view.columns)
            database.execute(
                f"CREATE TABLE {table.target} AS SELECT {columns}, {SUPPRESSED} FROM {groups[view.name]} ORDER BY {key}"
            )


def _rounded(column: Column, least: int, *, one_persons: bool) -> str:
    """A column as it is shown: of a row that is withheld the key alone, and nothing that is one person's."""
    name = column.name
    if column.key:
        return name
    value, share = name, f"abs({name}) / greatest({PEOPLE}, 1)"
    if one_persons or column.type in {"TIMESTAMP", "DATE"}:
        value = "NULL"
    elif column.type in {"BIGINT", "INTEGER"}:
        step = f"({least} * {_step(f'greatest({share} / {least}, 1)')})"
        value = f"CAST(floor({name} / {step}) * {step} AS {column.type})"
    elif column.type == "DOUBLE":
        step = _step(f"greatest({share}, abs({name}) / 1e{_DIGITS})")
        digits = f"CAST(greatest(1 - floor(log10({step})), 0) AS INTEGER)"
        value = f"CASE WHEN {name} = 0 THEN 0 ELSE round(round({name} / {step}) * {step}, {digits}) END"
    return f"CAST(CASE WHEN NOT {SUPPRESSED} THEN {value} END AS {column.type}) AS {name}"


def _step(least: str) -> str:
    """The smallest of 1, 2, 5, 10, 20, 50 … (or 0.5, 0.2 …) that is at least so large, in SQL."""
    power = f"pow(10, floor(log10({least})))"
    digit = f"CASE WHEN {least} <= {power} THEN 1 WHEN {least} <= 2 * {power} THEN 2 WHEN {least} <= 5 * {power} THEN 5 ELSE 10 END"
    return f"({power} * {digit})"
