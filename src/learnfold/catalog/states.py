"""Works out, from a view's SQL alone, the states that answer it.

Every innermost grouping of rollup rows becomes a state, and the view becomes SQL over the states. Nothing is declared: what can't
be worked out is marked with the reason, and such a view is answered from its rollups as a whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types

from learnfold.catalog.model import digest
from learnfold.catalog.plans import State, StateColumn, StatePlan, TupleSet
from learnfold.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from learnfold.catalog.model import Column, Merge, Rollup

_MERGES: dict[type[exp.Expr], Merge] = {exp.Sum: "sum", exp.Min: "min", exp.Max: "max"}
_INTEGERS = {"INT", "INTEGER", "BIGINT", "HUGEINT", "SMALLINT", "TINYINT"}
_NAMES = {"TEXT": "VARCHAR", "INT": "INTEGER", "TIMESTAMPNTZ": "TIMESTAMP"}


class _UnderivableError(Exception):
    """No states can be found; the message says why."""


def plan_of(
    name: str,
    query: exp.Query,
    columns: Sequence[Column],
    rollups: Mapping[str, Rollup],
    views: Mapping[str, StatePlan] | None = None,
) -> StatePlan:
    """How the view called ``name`` is answered from states.

    ``rollups``: all that it may read, by name; ``views``: the plans of the views that it may read. A view over a view has that
    one's states, and is answered as a whole where that one is. Raises DefinitionError for a sum that depends on its order.
    """
    tree = _inlined(query.copy())
    below = {table.name: views[table.name] for table in tree.find_all(exp.Table) if views and table.name in views}
    whole = next((f"{source} has none: {plan.whole}" for source, plan in below.items() if plan.whole), None)
    for table in list(tree.find_all(exp.Table)):
        if table.name in below:
            inner = sqlglot.parse_one(below[table.name].query, read="duckdb")
            _replace(table, inner)
    reader = _Reader(name, rollups)
    if whole is None:
        try:
            derived = reader.derive(tree)
        except _UnderivableError as why:
            whole = str(why)
    if whole is not None:
        return StatePlan((), (), _typed(_over_rollups(query, below), columns), whole)
    plans = list(below.values())
    if len(reader.states) == 1:
        reader.states = [replace(reader.states[0], shown=_shown(reader.states[0], derived, columns))]
    states = {state.name: state for plan in plans for state in plan.states} | {s.name: s for s in reader.states}
    sets = {found.name: found for plan in plans for found in plan.sets} | reader.sets
    return StatePlan(tuple(states.values()), tuple(sets.values()), _typed(derived, columns))


class _Reader:
    def __init__(self, view: str, rollups: Mapping[str, Rollup]) -> None:
        self.view, self.rollups = view, rollups
        self.states: list[State] = []
        self.sets: dict[str, TupleSet] = {}

    def derive(self, tree: exp.Expr) -> exp.Expr:
        """``tree`` over states in place of rollups."""
        found = [select for select in tree.find_all(exp.Select) if self._puts_together(select)]
        made: dict[tuple[str, ...], tuple[str, _Grouping]] = {}
        for select in found:
            grouping = _Grouping(self, select)
            same = made.get(grouping.identity)
            if same is None:
                number = len(self.states) + 1
                state = grouping.state(self.view if len(found) == 1 else f"{self.view}_{number}")
                self.states.append(state)
                made[grouping.identity] = same = (state.name, grouping)
            grouping.replace(same[0])
        left = {table.name for table in tree.find_all(exp.Table)} & self.rollups.keys()
        if left:
            raise _UnderivableError(f"{', '.join(sorted(left))} is read in a way of which no state is known")
        return tree

    def _puts_together(self, select: exp.Select) -> bool:
        """Whether a SELECT groups rows of rollups, as it is the innermost to do."""
        source = select.args.get("from_")
        if source is None or select.args.get("joins") or not self.passes_on(source.this):
            return False
        return bool(select.args.get("group") or select.args.get("distinct") or list(_aggregates(select)))

    def passes_on(self, node: exp.Expr) -> bool:
        """Whether rows of rollups come through one by one."""
        if isinstance(node, exp.Subquery):
            return self.passes_on(node.this)
        if isinstance(node, exp.Table):
            return node.name in self.rollups
        if isinstance(node, exp.Union):
            return not node.args.get("distinct") and self.passes_on(node.this) and self.passes_on(node.expression)
        if not isinstance(node, exp.Select):
            return False
        source = node.args.get("from_")
        barred = ("group", "joins", "distinct", "limit", "offset", "qualify", "having", "windows", "sample")
        return (
            source is not None
            and not any(node.args.get(part) for part in barred)
            and not node.find(exp.AggFunc, exp.Window)
            and self.passes_on(source.this)
        )

    def types(self, node: exp.Expr) -> dict[str, str | None]:
        """The type of each column of a source that passes rows on; None: it is NULL throughout."""
        if isinstance(node, exp.Subquery):
            return self.types(node.this)
        if isinstance(node, exp.Table):
            return {column.name: column.type for column in self.rollups[node.name].columns}
        if isinstance(node, exp.Union):
            ours, theirs = self.types(node.this), self.types(node.expression)
            return {name: mine or its for (name, mine), its in zip(ours.items(), _by_place(node, theirs), strict=True)}
        below = self.types(node.args["from_"].this)
        if node.is_star:
            return below
        return {select.alias_or_name: type_of(select.unalias(), below) for select in node.selects}  # type: ignore[attr-defined]

    def tuple_set(self, source: exp.Expr, condition: Sequence[exp.Expr], columns: Sequence[exp.Expr]) -> str:
        """The name of the set of these tuples."""
        types = self.types(source)
        ordered = {column.sql("duckdb"): type_of(column, types) or "VARCHAR" for column in columns}
        names = tuple(sorted(ordered))
        which = " AND ".join(sorted({f"({part.sql('duckdb')})" for part in condition}))
        about = (source.sql("duckdb"), which, names)
        name = f"{_first_table(source)}_{digest(about)[:8]}"
        self.sets[name] = TupleSet(name, self.read(source), names, tuple(ordered[n] for n in names), about[0], which)
        return name

    def read(self, source: exp.Expr) -> tuple[str, ...]:
        """The rollups that a source reads, in the catalogue's order."""
        names = {table.name for table in source.find_all(exp.Table)}
        return tuple(name for name in self.rollups if name in names)


class _Grouping:
    """A SELECT that groups rows of rollups: what state stands for it, and how it reads from there."""

    def __init__(self, reader: _Reader, select: exp.Select) -> None:
        self.reader, self.select = reader, select
        self.source = select.args["from_"].this
        where = select.args.get("where")
        self.where: exp.Expr | None = where.this if where else None
        self.types = reader.types(self.source)
        self.keys = {part.alias_or_name: part.unalias() for part in select.selects if not part.find(exp.AggFunc)}
        self._shows_what_it_groups_by()
        self.columns: list[StateColumn] = [
            StateColumn(name, type_of(value, self.types) or "VARCHAR", "key", value.sql("duckdb"))
            for name, value in self.keys.items()
        ]
        self.named: dict[str, StateColumn] = {}  # by the aggregate's SQL
        self.counted = [self._column(node, aggregate) for node, aggregate in _measures(select)]

    @property
    def identity(self) -> tuple[str, ...]:
        """Two SELECTs with the same are answered by one state."""
        where = self.where.sql("duckdb") if self.where else ""
        return (self.source.sql("duckdb"), where, *(f"{column.name}={column.value}" for column in self.columns))

    def state(self, name: str) -> State:
        """The state that stands for it."""
        where = self.where.sql("duckdb") if self.where else ""
        source = self.source.sql("duckdb")
        return State(name, self.reader.read(self.source), tuple(self.columns), source, where)

    def replace(self, state: str) -> None:
        """Makes the SELECT read from the state."""
        for node, column in self.counted:
            # a count of distinct values is never NULL
            node.replace(_column(f"coalesce({column.name}, 0)" if column.tuples is not None else column.name))
        for part in self.select.selects:
            name = part.alias_or_name
            if name in self.keys:
                part.replace(exp.alias_(exp.column(name), name))
        having = self.select.args.get("having")
        for clause in ("group", "where", "distinct", "having"):
            self.select.set(clause, None)
        self._reads_the_state([part for part in self.select.selects if part.alias_or_name not in self.keys], having)
        if having is not None:
            self.select.set("where", exp.Where(this=having.this))
        alias = self.source.alias
        table = exp.to_table(state)
        self.select.args["from_"].set("this", exp.alias_(table, alias, table=True) if alias else table)

    def _shows_what_it_groups_by(self) -> None:
        """What it is grouped by must be what it shows: else the state would miss a key."""
        group, distinct = self.select.args.get("group"), self.select.args.get("distinct")
        if self.select.is_star or (distinct and distinct.args.get("on")):
            raise _UnderivableError("it doesn't name what it is grouped by")
        if group is None or group.args.get("all"):
            return
        shown = {value.sql("duckdb") for value in self.keys.values()} | set(self.keys)
        for part in group.expressions:
            if part.sql("duckdb") not in shown:
                raise _UnderivableError(f"it is grouped by {part.sql('duckdb')}, which it doesn't show")
        if len(group.expressions) != len(self.keys):
            raise _UnderivableError("it shows what it isn't grouped by")

    def _reads_the_state(self, measures: Sequence[exp.Expr], having: exp.Expr | None) -> None:
        """What is reckoned from the state may name its measures, and keys that are a column of the rollup as it is."""
        known = {column.name for column in self.columns if column.merge != "key"}
        known |= {name for name, value in self.keys.items() if isinstance(value, exp.Column) and value.name == name}
        for part in (*measures, *([having] if having is not None else [])):
            for column in part.find_all(exp.Column):
                if column.name not in known:
                    raise _UnderivableError(f"{part.sql('duckdb')} reads {column.name} beside what is put together")

    def _column(self, node: exp.Expr, aggregate: exp.AggFunc) -> tuple[exp.Expr, StateColumn]:
        text = node.sql("duckdb")
        if text not in self.named:
            column = self._distinct(node, aggregate) if _is_distinct(aggregate) else self._plain(node, aggregate)
            self.named[text] = column
            self.columns.append(column)
        return node, self.named[text]

    def _plain(self, node: exp.Expr, aggregate: exp.AggFunc) -> StateColumn:
        merge = _MERGES.get(type(aggregate))
        if merge is None:
            raise _UnderivableError(f"it is not known how {aggregate.sql('duckdb')} merges")
        kind = type_of(aggregate.this, self.types) or "BIGINT"
        if merge == "sum" and kind in {"DOUBLE", "FLOAT", "REAL"}:
            raise DefinitionError(
                f"the view {self.reader.view}: {node.sql('duckdb')} is a sum of {kind}s, which depends on their order; "
                "CAST them AS DECIMAL(28, 10) in the rollup"
            )
        if merge == "sum" and kind in _INTEGERS:
            kind = "BIGINT"
        name = self._name(f"{merge}_{_words(aggregate.this)}")
        return StateColumn(name, kind, merge, node.sql("duckdb"))

    def _distinct(self, node: exp.Expr, aggregate: exp.AggFunc) -> StateColumn:
        counted = aggregate.this.expressions
        if len(counted) != 1:
            raise _UnderivableError(f"{aggregate.sql('duckdb')} counts several values at once")
        given = node.expression if isinstance(node, exp.Filter) else None
        which = [part for part in (self.where, given.this if isinstance(given, exp.Where) else given) if part]
        name = self.reader.tuple_set(self.source, which, [*self.keys.values(), counted[0]])
        counts = " AND ".join(
            [*(f"({part.sql('duckdb')})" for part in which), f"{counted[0].sql('duckdb')} IS NOT NULL"]
        )
        named = self._name(f"distinct_{_words(counted[0])}")
        return StateColumn(named, "BIGINT", "sum", node.sql("duckdb"), name, counts)

    def _name(self, wanted: str) -> str:
        taken = {column.name for column in self.columns}
        names = (wanted if number == 1 else f"{wanted}_{number}" for number in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)


def _shown(state: State, query: exp.Expr, columns: Sequence[Column]) -> tuple[str, ...]:
    """The view's columns that are the state's, in the state's order; none unless the view lists its rows with all of them."""
    if not isinstance(query, exp.Select):
        return ()
    source = query.args.get("from_")
    clauses = ("where", "group", "having", "joins", "distinct", "qualify", "limit", "offset")
    if source is None or not isinstance(source.this, exp.Table) or any(query.args.get(part) for part in clauses):
        return ()
    types = {column.name: column.type for column in columns}
    found: dict[str, str] = {}
    for part in query.selects:
        value = part.unalias()
        name = value.this.name if _is_none_as_nought(value) else value.name if isinstance(value, exp.Column) else ""
        merged = next((column for column in state.columns if column.name == name), None)
        if merged is None or types[part.alias_or_name] != merged.type:
            continue
        if isinstance(value, exp.Column) or _is_always_so(query, value, merged):
            found.setdefault(name, part.alias_or_name)
    return tuple(found[column.name] for column in state.columns) if len(found) == len(state.columns) else ()


def _is_none_as_nought(value: exp.Expr) -> bool:
    return isinstance(value, exp.Coalesce) and isinstance(value.this, exp.Column) and value.sql().endswith(", 0)")


def _is_always_so(query: exp.Expr, value: exp.Expr, column: StateColumn) -> bool:
    """Whether a sum is read nowhere but as this COALESCE, so that 0 may stand for NULL."""
    uses = [found for found in query.find_all(exp.Column) if found.name == column.name]
    return column.merge == "sum" and all(use.parent == value for use in uses)


def type_of(value: exp.Expr, types: Mapping[str, str | None]) -> str | None:
    """The type of an expression over columns of these types; None: it is NULL throughout, or can't be told."""
    if isinstance(value, exp.Null):
        return None
    if isinstance(value, exp.Column):
        return types.get(value.name)
    known = {name: kind for name, kind in types.items() if kind is not None}
    query = exp.select(value.copy()).from_("source")
    for column in query.find_all(exp.Column):
        column.set("table", exp.to_identifier("source"))
    try:
        (typed,) = annotate_types(query, schema={"source": known}, dialect="duckdb").selects
    except SqlglotError:
        return None
    kind = typed.type.sql("duckdb") if typed.type else "UNKNOWN"
    return None if kind in {"UNKNOWN", "NULL"} else _NAMES.get(kind, kind)


def _measures(select: exp.Select) -> list[tuple[exp.Expr, exp.AggFunc]]:
    """Its aggregates, each with its FILTER."""
    return [(a.parent if isinstance(a.parent, exp.Filter) else a, a) for a in _aggregates(select)]


def _aggregates(select: exp.Select) -> Iterator[exp.AggFunc]:
    return (found for found in select.find_all(exp.AggFunc) if found.find_ancestor(exp.Select) is select)


def _is_distinct(aggregate: exp.AggFunc) -> bool:
    return isinstance(aggregate, exp.Count) and isinstance(aggregate.this, exp.Distinct)


def _inlined(query: exp.Query) -> exp.Query:
    """The query with its WITH written where it is read."""
    for node in [query, *query.find_all(exp.Query)]:
        within = node.args.get("with_")
        if within is None or within.args.get("recursive"):
            continue
        node.set("with_", None)
        for cte in reversed(within.expressions):
            for scope in (node, *within.expressions):
                for table in list(scope.find_all(exp.Table)):
                    if table.name == cte.alias and not table.args.get("db"):
                        _replace(table, cte.this.copy())
    return query


def _replace(table: exp.Table, query: exp.Expr) -> None:
    alias = exp.TableAlias(this=exp.to_identifier(table.alias or table.name))
    table.replace(exp.Subquery(this=query, alias=alias))


def _over_rollups(query: exp.Query, below: Mapping[str, StatePlan]) -> exp.Expr:
    """The query over rollups alone; a view below that has states can be worked out from its own."""
    tree = _inlined(query.copy())
    for table in list(tree.find_all(exp.Table)):
        if table.name in below:
            _replace(table, _states_inlined(below[table.name]))
    return tree


def _states_inlined(plan: StatePlan) -> exp.Expr:
    tree = sqlglot.parse_one(plan.query, read="duckdb")
    selects = {state.name: state.select for state in plan.states}
    for table in list(tree.find_all(exp.Table)):
        if table.name in selects:
            _replace(table, sqlglot.parse_one(selects[table.name], read="duckdb"))
    return tree


def _typed(tree: exp.Expr, columns: Sequence[Column]) -> str:
    shown = ", ".join(f"CAST({column.name} AS {column.type}) AS {column.name}" for column in columns)
    return f"SELECT {shown} FROM ({tree.sql('duckdb', comments=False)}) AS answers"


def _by_place(union: exp.Union, types: Mapping[str, str | None]) -> list[str | None]:
    """The types of a UNION's second arm in order; a column there needn't have a name of its own."""
    arm: exp.Expr = union.expression
    while isinstance(arm, exp.Subquery):
        arm = arm.this
    selects = arm.selects if isinstance(arm, exp.Query) and not arm.is_star else []
    return [types[select.alias_or_name] if select.alias_or_name else None for select in selects] or list(types.values())


def _column(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, read="duckdb")


def _words(value: exp.Expr) -> str:
    return "_".join(dict.fromkeys(column.name for column in value.find_all(exp.Column))) or "value"


def _first_table(source: exp.Expr) -> str:
    found = source.find(exp.Table)
    return found.name if found else "tuples"
