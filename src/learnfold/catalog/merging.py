"""Refuses a view that puts a rollup's numbers together in another way than they merge.

How many rows a rollup has for one key depends on how its days were folded: in another time zone, or merged over dates, it has
fewer or more. So a view may pass such rows on as they are, and then must sum what was counted, keep the least of leasts and the
most of mosts, and count distinct keys. What it does with the outcome is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from learnfold.catalog.model import Merge, Rollup
from learnfold.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Merge | Literal["nothing"] | None
"""How a column of rows that aren't put together yet merges; ``nothing``: it is NULL throughout; None: in no way."""

Rows = Mapping[str, Kind]

_MERGES: dict[type[exp.Expr], Kind] = {exp.Sum: "sum", exp.Min: "min", exp.Max: "max"}


def view(job: str, name: str, query: exp.Query, rollups: Mapping[str, Rollup]) -> None:
    """Raises DefinitionError naming what is put together wrongly."""
    reader = _Reader(f"subjects/{job}.sql: the view {name}", rollups)
    if reader.rows(query) is not None:
        raise DefinitionError(f"{reader.where} doesn't put its numbers together: GROUP BY ALL")


class _Reader:
    def __init__(self, where: str, rollups: Mapping[str, Rollup]) -> None:
        self.where = where
        self.tables: dict[str, Rows | None] = {
            rollup.name: {column.name: column.merge for column in rollup.columns} for rollup in rollups.values()
        }

    def rows(self, query: exp.Expr) -> Rows | None:
        """How the columns of ``query`` merge; None: its rows are put together already."""
        if isinstance(query, exp.Subquery):
            return self.rows(query.this)
        if isinstance(query, exp.Table):
            return self.tables.get(query.name)
        for cte in query.args["with_"].expressions if query.args.get("with_") else ():
            self.tables[cte.alias] = self.rows(cte.this)
        if isinstance(query, exp.SetOperation):
            return self._set_operation(query)
        return self._select(query) if isinstance(query, exp.Select) else None

    def _set_operation(self, query: exp.SetOperation) -> Rows | None:
        ours, theirs = self.rows(query.this), self.rows(query.expression)
        if ours is None and theirs is None:
            return None
        if ours is None or theirs is None or not isinstance(query, exp.Union) or query.args.get("distinct"):
            raise self._refused(
                "rows of rollups may be taken together by UNION ALL alone, and with none but their like"
            )
        return {
            name: mine if its in {mine, "nothing"} else its if mine == "nothing" else None
            for (name, mine), its in zip(ours.items(), theirs.values(), strict=True)
        }

    def _select(self, select: exp.Select) -> Rows | None:
        sources = [part.this for part in (select.args.get("from_"), *(select.args.get("joins") or ())) if part]
        below = [self.rows(source) for source in sources]
        own = list(_own(select, sources))
        for nested in own:
            if isinstance(nested, exp.Query) and self.rows(nested) is not None:
                raise self._refused(f"{nested.sql('duckdb')} doesn't put its numbers together: GROUP BY ALL")
        if all(rows is None for rows in below):
            return None
        if len(sources) > 1:
            raise self._refused(
                "a rollup is joined before its numbers are put together: GROUP BY ALL in a subquery first"
            )
        return self._unmerged(select, own, below[0] or {})

    def _unmerged(self, select: exp.Select, own: list[exp.Expr], rows: Rows) -> Rows | None:
        """What a SELECT makes of rows that aren't put together yet."""
        for node in own:
            if isinstance(node, (exp.Window, exp.Anonymous)):
                raise self._refused(f"{node.sql('duckdb')} over a rollup depends on how its days were folded")
        self._condition(select.args.get("where"), rows)
        aggregates = [node for node in own if isinstance(node, exp.AggFunc)]
        for aggregate in aggregates:
            self._agrees(aggregate, rows)
            if isinstance(aggregate.parent, exp.Filter):
                self._condition(aggregate.parent.expression, rows)
        if not aggregates and not select.args.get("group") and not select.args.get("distinct"):
            if select.is_star:
                return rows
            kinds: dict[str, Kind] = {}
            for place, column in enumerate(select.selects):  # the later arms of a UNION ALL needn't name theirs
                name = column.alias_or_name
                kinds[f"column {place}" if name in kinds else name] = _kind(column.unalias(), rows)
            return kinds
        for column in select.selects:
            if not column.find(exp.AggFunc) and _kind(column.unalias(), rows) not in {"key", "nothing"}:
                raise self._refused(f"{column.alias_or_name} is grouped by, but isn't made of the rollup's keys")
        return None

    def _agrees(self, aggregate: exp.AggFunc, rows: Rows) -> None:
        text, merge = aggregate.sql("duckdb"), _MERGES.get(type(aggregate))
        columns = sorted({column.name for column in aggregate.find_all(exp.Column)})
        distinct = aggregate.find(exp.Distinct) is not None
        if isinstance(aggregate, exp.Count) and distinct:
            wanted: set[Kind] = {"key"}
        elif merge is None or not columns or (merge == "sum" and distinct):
            raise self._refused(
                f"{text} over a rollup depends on how its days were folded; sum what it counted, or count DISTINCT keys"
            )
        elif merge != "sum" and all(rows.get(column) == "key" for column in columns):
            wanted = {"key"}
        elif not isinstance(_plain(aggregate.this), exp.Column) or set(aggregate.args) - {"this", "expressions"}:
            raise self._refused(f"{text} must be of one column as it is; reckon with the outcome")
        else:
            wanted = {merge, "nothing"}
        for column in columns:
            if rows.get(column) not in wanted:
                raise self._refused(f"{text} isn't how {column} merges ({rows.get(column)})")

    def _condition(self, condition: exp.Expr | None, rows: Rows) -> None:
        """Of what isn't a key only whether there is any is known before it is put together."""
        for column in condition.find_all(exp.Column) if condition else ():
            around = column.parent
            some = isinstance(around, exp.GT) and around.this is column and around.expression == exp.Literal.number(0)
            given = isinstance(around, exp.Is) and isinstance(around.parent, exp.Not)
            if rows.get(column.name) != "key" and not some and not given:
                raise self._refused(
                    f"{around.sql('duckdb') if around else column.name} looks at {column.name} before it is put together; "
                    f"there only {column.name} > 0 or {column.name} IS NOT NULL may be used"
                )

    def _refused(self, why: str) -> DefinitionError:
        return DefinitionError(f"{self.where}: {why}")


def _own(select: exp.Select, sources: list[exp.Expr]) -> Iterator[exp.Expr]:
    """What a SELECT consists of beside its sources; the queries in it as a whole."""
    left = list(select.iter_expressions())
    while left:
        node = left.pop()
        if isinstance(node, exp.With) or any(node is source for source in sources):
            continue
        yield node
        if not isinstance(node, exp.Query):
            left += node.iter_expressions()


def _kind(value: exp.Expr, rows: Rows) -> Kind:
    plain = _plain(value)
    if isinstance(plain, exp.Null):
        return "nothing"
    if isinstance(plain, exp.Column):
        return rows.get(plain.name)
    return "key" if all(rows.get(column.name) == "key" for column in value.find_all(exp.Column)) else None


def _plain(value: exp.Expr) -> exp.Expr:
    """A column without the CAST or parentheses around it."""
    while isinstance(value, (exp.Cast, exp.Paren)):
        value = value.this
    return value
