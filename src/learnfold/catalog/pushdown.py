"""By which columns a view may be computed in parts.

Asking a view for some values of a column needs only rollup rows with those values, when every level of its query is grouped,
partitioned or joined by that column; of views that it reads, that is worked out before. That is worked out from the query, never declared; where it isn't known, all rows are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlglot import exp

from learnfold.catalog.model import Pushdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from learnfold.catalog.model import View

_Sources = dict[str, str]
"""By rollup, the column whose value a row shares with all the rollup rows that it depends on."""


class _Relation(NamedTuple):
    """A table, a subquery or a query."""

    columns: list[tuple[str, _Sources | None]]  # in order, by name; None: it depends on rows with other values too
    fixed: bool = False  # whether it reads no rollup, such as a list of numbers

    def by_name(self) -> dict[str, _Sources]:
        names = [name for name, _ in self.columns]
        return {name: found for name, found in self.columns if found is not None and names.count(name) == 1}


_UNKNOWN = _Relation([])
_FIXED = _Relation([], fixed=True)


def pushdown_of(query: exp.Query, view: View) -> Pushdown:
    """The columns of the view for which that is proven, with their sources in each of the rollups that it is made from."""
    tables = {rollup.name: _Relation([(c, {rollup.name: c}) for c in rollup.key]) for rollup in view.rollups}
    tables |= {read.name: _of_view(read) for read in view.views}
    found = _relation(query, tables).by_name()
    rollups = [rollup.name for rollup in view.all_rollups]
    proven = tuple(column.name for column in view.columns if set(found.get(column.name, ())) == set(rollups))
    return Pushdown(proven, {rollup: tuple(found[name][rollup] for name in proven) for rollup in rollups})


def _of_view(view: View) -> _Relation:
    known = {
        name: {rollup: own[at] for rollup, own in view.pushdown.sources.items()}
        for at, name in enumerate(view.pushdown.columns)
    }
    return _Relation([(column.name, known.get(column.name)) for column in view.columns])


def _relation(query: exp.Expr | None, tables: Mapping[str, _Relation]) -> _Relation:
    if isinstance(query, exp.Table) and query.name:
        plain = not query.args.get("joins") and not query.args.get("pivots")
        return tables.get(query.name, _UNKNOWN) if plain else _UNKNOWN
    if query is None or not any(table.name in tables for table in query.find_all(exp.Table)):
        return _FIXED
    if isinstance(query, exp.Subquery):
        return _relation(query.this, tables) if not query.args.get("pivots") else _UNKNOWN
    if not isinstance(query, (exp.Select, exp.Union)) or query.args.get("limit") or query.args.get("offset"):
        return _UNKNOWN
    if query.args.get("with_"):
        if query.args["with_"].recursive:
            return _UNKNOWN
        for cte in query.args["with_"].expressions:
            tables = {**tables, cte.alias: _relation(cte.this, tables)}
    return _union(query, tables) if isinstance(query, exp.Union) else _select(query, tables)


def _union(query: exp.Union, tables: Mapping[str, _Relation]) -> _Relation:
    ours, theirs = _relation(query.this, tables), _relation(query.expression, tables)
    if query.args.get("by_name") or len(ours.columns) != len(theirs.columns):
        return _UNKNOWN
    return _Relation(
        [(name, _both(mine, its)) for (name, mine), (_, its) in zip(ours.columns, theirs.columns, strict=True)]
    )


def _select(query: exp.Select, tables: Mapping[str, _Relation]) -> _Relation:
    source, distinct = query.args.get("from_"), query.args.get("distinct")
    if source is None or (distinct and distinct.args.get("on")) or _has_subquery(query):
        return _UNKNOWN
    if query.is_star:
        alone = len(query.selects) == 1 and isinstance(query.selects[0], exp.Star) and not query.args.get("joins")
        return _relation(source.this, tables) if alone and not query.selects[0].args.get("except_") else _UNKNOWN
    scope = _Scope(source.this, tables)
    for join in query.args.get("joins") or ():
        scope.join(join, tables)
    windows = [
        [scope.value(column) for column in window.args.get("partition_by") or ()]
        for window in query.find_all(exp.Window)
        if window.find_ancestor(exp.Select) is query
    ]
    columns: list[tuple[str, _Sources | None]] = []
    for select in query.selects:
        found = scope.value(select.unalias())
        within = all(any(by is found for by in window) for window in windows)
        columns.append((select.alias_or_name, found if within else None))
    return _Relation(columns)


def _has_subquery(query: exp.Select) -> bool:
    """Whether a condition or a column of the query has a query of its own, which may read any rows."""
    parts = [part for name, part in query.args.items() if name not in {"from_", "joins", "with_"}]
    parts += [join.args.get("on") for join in query.args.get("joins") or ()]
    flat = [one for part in parts for one in (part if isinstance(part, list) else [part])]
    return any(isinstance(one, exp.Expr) and one.find(exp.Query) for one in flat)


class _Scope:
    """What the columns of a SELECT's sources are made from. Columns that a join makes equal have the same (identical) sources."""

    def __init__(self, source: exp.Expr, tables: Mapping[str, _Relation]) -> None:
        relation = _relation(source, tables)
        self.fixed = relation.fixed
        self.found = {(source.alias_or_name, name): found for name, found in relation.by_name().items()}
        self.coalesced: list[tuple[set[tuple[str, str]], _Sources]] = []  # pairs of columns of a FULL JOIN

    def key(self, column: exp.Expr | None) -> tuple[str, str] | None:
        if not isinstance(column, exp.Column):
            return None
        if column.table:
            return column.table, column.name
        if ("", column.name) in self.found:  # of USING
            return "", column.name
        named = [key for key in self.found if key[1] == column.name]
        return named[0] if len(named) == 1 else None

    def value(self, value: exp.Expr) -> _Sources | None:
        if isinstance(value, exp.Coalesce) and len(value.expressions) == 1:
            keys = {key for part in (value.this, *value.expressions) if (key := self.key(part))}
            return next((found for pair, found in self.coalesced if pair == keys), None)
        key = self.key(value)
        return self.found.get(key) if key else None

    def join(self, join: exp.Join, tables: Mapping[str, _Relation]) -> None:
        right, alias = _relation(join.this, tables), join.this.alias_or_name
        left_stays = join.side in {"", "LEFT"}
        right_stays = join.side in {"", "RIGHT"} and join.kind not in {"SEMI", "ANTI"}
        theirs = {(alias, name): found for name, found in right.by_name().items()}
        if join.method or join.kind not in {"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"}:
            self.found, self.coalesced = {}, []
        elif right.fixed:
            self.found = self.found if left_stays else {}
        elif self.fixed:
            self.found, self.fixed = theirs if right_stays else {}, False
        else:
            self._match(join, alias, theirs, (left_stays, right_stays))

    def _match(
        self, join: exp.Join, alias: str, theirs: dict[tuple[str, str], _Sources], stays: tuple[bool, bool]
    ) -> None:
        """Of two sources that read rollups only what the join compares for equality stays."""
        ours, self.found, self.coalesced = self.found, {}, []
        for left, right in self._pairs(join, alias, ours, theirs):
            both = _both(ours[left], theirs[right])
            if both is None:
                continue
            for found, key, there in ((ours, left, stays[0]), (theirs, right, stays[1])):
                if there:
                    self.found |= dict.fromkeys((each for each in found if found[each] is found[key]), both)
            self.coalesced.append(({left, right}, both))
            if join.args.get("using"):
                self.found["", left[1]] = both

    def _pairs(
        self,
        join: exp.Join,
        alias: str,
        ours: Mapping[tuple[str, str], _Sources],
        theirs: Mapping[tuple[str, str], _Sources],
    ) -> Iterable[tuple[tuple[str, str], tuple[str, str]]]:
        for name in join.args.get("using") or ():
            left = next((key for key in ours if key[1] == name.name), None)
            if left and (alias, name.name) in theirs:
                yield left, (alias, name.name)
        for equal in equalities(join.args.get("on")):
            sides = [(part.table, part.name) for part in (equal.this, equal.expression) if isinstance(part, exp.Column)]
            for left, right in (sides, sides[::-1]) if len(sides) == 2 else ():  # noqa: PLR2004 - of an equality
                if left in ours and right in theirs:
                    yield left, right


def equalities(condition: exp.Expr | None) -> Iterable[exp.Expr]:
    """The comparisons for equality that all hold where a condition does."""
    if isinstance(condition, exp.And):
        yield from equalities(condition.left)
        yield from equalities(condition.right)
    elif isinstance(condition, (exp.EQ, exp.NullSafeEQ)):
        yield condition


def _both(one: _Sources | None, other: _Sources | None) -> _Sources | None:
    """The sources of a column that stands for both; None where they stand for different columns of the same rollup."""
    if one is None or other is None or any(other.get(rollup, column) != column for rollup, column in one.items()):
        return None
    return {**one, **other}
