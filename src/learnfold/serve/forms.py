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
from learnfold.catalog.people import extremes_of, people_of, persons_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnfold.catalog import View
    from learnfold.serve.database import Database

SUPPRESSED = "suppressed"
"""The column that says whether a row's numbers are withheld."""

_DIGITS = 3
"""At most so many digits are left of a number with a fraction where small groups are withheld."""


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

    def make(self, view: View, source: str, target: str, database: Database) -> None:
        """Makes the table ``target`` of the rows of ``source``."""
        if self.least_people:
            _without_small_groups(view, source, target, database, self.least_people)
        else:
            _under_pseudonyms(view, source, target, database, self.pseudonym_key or b"")


PLAIN = Form()


def pseudonym(key: bytes, person: str) -> str:
    """What stands for a person: always the same for a key, and without it as good as random."""
    mark = hmac.new(key, person.encode("utf-8", "replace"), hashlib.sha256).digest()[:15]
    return f"p-{base64.b32encode(mark).decode().lower()}"


def can_withhold(view: View) -> bool:
    """Whether small groups of the view can be told: its rows are about several people, and say how many."""
    return bool(people_of(view)) and not persons_of(view)


def _under_pseudonyms(view: View, source: str, target: str, database: Database, key: bytes) -> None:
    """Ids of people become pseudonyms; a text that may name someone otherwise is left out."""
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


def _without_small_groups(view: View, source: str, target: str, database: Database, least: int) -> None:
    """Rows about fewer people than ``least`` are withheld, and so many others that none of them can be worked out.

    In a total over one part of the key (all rows that differ in it alone) either none is withheld, or at least two that are about
    so many people together: else the least of the rest is withheld too. Rows are chosen by people and key alone, so that views of the same
    groups withhold the same. What is shown is rounded, no finer than what one person usually adds to it: whole numbers down to a multiple
    of ``least``, others to three digits at most; so neither totals elsewhere nor the next batch give the difference.
    """
    work = f"{target}_work"
    people = ", ".join(f"coalesce({name}, 0)" for name in people_of(view))
    few = f"least({people})"
    database.execute(
        f"CREATE TABLE {work} AS SELECT *, {few} AS _people, {few} < {least} AS {SUPPRESSED} FROM {source}"
    )
    key = ", ".join(f"{name} NULLS FIRST" for name in view.key)
    changed = True
    while changed:
        changed = False
        for part in view.key:
            others = ", ".join(name for name in view.key if name != part)
            within = f"PARTITION BY {others}" if others else ""
            alone = f"PARTITION BY {f'{others}, ' if others else ''}{SUPPRESSED} ORDER BY _people, {key}"
            more = (
                f"SELECT *, NOT {SUPPRESSED} AND row_number() OVER ({alone}) = 1 AND "
                f"(count(*) FILTER ({SUPPRESSED}) OVER ({within}) = 1 OR "
                f"sum(_people) FILTER ({SUPPRESSED}) OVER ({within}) < {least}) AS _too FROM {work}"
            )
            database.execute(
                f"CREATE TABLE {work}_next AS SELECT * EXCLUDE ({SUPPRESSED}, _too), {SUPPRESSED} OR coalesce(_too, false) AS {SUPPRESSED} FROM ({more})"
            )
            counts = (
                f"SELECT (SELECT count_if({SUPPRESSED}) FROM {work}), (SELECT count_if({SUPPRESSED}) FROM {work}_next)"
            )
            before, after = database.rows(counts, [], 60)[0]
            changed = changed or before != after
            database.execute(f"DROP TABLE {work}")
            database.execute(f"CREATE TABLE {work} AS FROM {work}_next")
            database.execute(f"DROP TABLE {work}_next")
    extremes = extremes_of(view)
    columns = ", ".join(_rounded(column, least, one_persons=column.name in extremes) for column in view.columns)
    database.execute(f"CREATE TABLE {target} AS SELECT {columns}, {SUPPRESSED} FROM {work} ORDER BY {key}")
    database.execute(f"DROP TABLE {work}")


def _rounded(column: Column, least: int, *, one_persons: bool) -> str:
    """A column as it is shown: of a row that is withheld the key alone, and nothing that is one person's."""
    name = column.name
    if column.key:
        return name
    value, share = name, f"abs({name}) / greatest(_people, 1)"
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
