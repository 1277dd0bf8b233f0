"""The rules of the subjects, each refused by name.

A rollup merges by union: counts, sums, least and most, keyed by ``date`` and whatever is counted distinctly. A view reads
rollups, and puts their numbers together the way they merge (``merging``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from learnfold.catalog import thresholds
from learnfold.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.catalog.model import Column, Merge

_MERGES: dict[type[exp.Expr], Merge] = {
    exp.Count: "sum",
    exp.CountIf: "sum",
    exp.Sum: "sum",
    exp.Min: "min",
    exp.Max: "max",
}
_UNMERGEABLE = (
    exp.Having,
    exp.Limit,
    exp.Fetch,
    exp.Offset,
    exp.Distinct,
    exp.Window,
    exp.TableSample,
    exp.SetOperation,
    exp.Anonymous,
)
_UNSTEADY = (
    exp.Anonymous,
    exp.Rand,
    exp.Uuid,
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.Localtime,
    exp.Localtimestamp,
)
_CLOCKS = {"now", "get_current_timestamp", "get_current_time", "transaction_timestamp", "uuidv4", "uuidv7", "nextval"}
_NO_CHECK = (exp.Query, exp.AggFunc, exp.Window)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def sources(query: exp.Query) -> set[str]:
    """The tables that a query reads, at any depth."""
    named = {cte.alias for cte in query.find_all(exp.CTE)}
    return {table.name for table in query.find_all(exp.Table)} - named


def names(job: str, name: str, columns: Sequence[str]) -> None:
    """Refuses a column that is there twice, or whose name isn't one that every engine and reader takes."""
    for column in columns:
        if columns.count(column) > 1:
            raise DefinitionError(f"subjects/{job}.sql: {name}.{column} is defined twice")
        if not _NAME.fullmatch(column):
            raise DefinitionError(
                f"subjects/{job}.sql: {name}: {column or 'a column'} needs a name of small letters, digits and _: AS …"
            )


def steady(job: str, name: str, query: exp.Query) -> None:
    """Refuses what gives another answer each time."""
    for node in query.find_all(*_UNSTEADY):
        if not isinstance(node, exp.Anonymous) or node.name.lower() in _CLOCKS:
            raise DefinitionError(
                f"subjects/{job}.sql: {name} uses {node.sql('duckdb').strip()}, which depends on more than the events"
            )


def asks(job: str, name: str, query: exp.Query) -> None:
    """Refuses a view that asks for what is no setting, or no number."""
    for call in query.find_all(exp.Anonymous):
        if call.name.lower() == thresholds.SETTING:
            named = [part.name for part in call.expressions if isinstance(part, exp.Literal) and part.is_string]
            if len(named) != 1 or named[0] not in thresholds.names():
                raise DefinitionError(
                    f"subjects/{job}.sql: the view {name} uses {call.sql('duckdb')}, which is no number among the settings"
                )


def rollup(job: str, name: str, query: exp.Query) -> dict[str, Merge]:
    """How each column of a rollup merges; refuses what doesn't."""
    where = f"subjects/{job}.sql: the rollup {name}"
    if not isinstance(query, exp.Select) or not grouped_all(query):
        raise DefinitionError(f"{where} must be one SELECT that ends in GROUP BY ALL")
    for part in query.find_all(*_UNMERGEABLE):
        if isinstance(part, exp.Anonymous):
            raise DefinitionError(f"{where} uses {part.name}, of which isn't known whether it merges")
        if not isinstance(part.parent, exp.AggFunc):
            raise DefinitionError(f"{where} uses {_spelled(part)}, which doesn't merge")
    _reads_once(where, query)
    merges: dict[str, Merge] = {}
    for select in query.selects:
        column, value = select.alias_or_name, select.unalias()
        merges[column] = "key" if not value.find(exp.AggFunc) else _merge(where, column, value)
    if merges.get("date") != "key":
        raise DefinitionError(f"{where} must be grouped by date")
    if all(merge == "key" for merge in merges.values()):
        raise DefinitionError(f"{where} holds keys only; count(*) them at least")
    return merges


def _reads_once(where: str, query: exp.Select) -> None:
    """Refuses a rollup in which more than one event decides over what is counted of an event, or that makes up its date."""
    levels = 0
    at: exp.Query | None = query
    while isinstance(at, exp.Select):
        levels += 1
        source = at.args.get("from_")
        if any(not isinstance(join.this, exp.Unnest) for join in at.args.get("joins") or ()):
            raise DefinitionError(f"{where} joins events, which doesn't merge")
        if at is not query and (at.args.get("group") or at.find(exp.AggFunc)):
            raise DefinitionError(f"{where} puts numbers together twice, which doesn't merge")
        for select in at.selects:
            if select.alias_or_name == "date" and (
                not isinstance(select.unalias(), exp.Column) or select.unalias().name != "date"
            ):
                raise DefinitionError(f"{where} must be grouped by the topic's own date")
        at = source.this.this if source and isinstance(source.this, exp.Subquery) else None
    if levels != len(list(query.find_all(exp.Select))):
        raise DefinitionError(f"{where} must read its topic once, by FROM, in a subquery at most")


def _merge(where: str, column: str, value: exp.Expr) -> Merge:
    inner = value.this if isinstance(value, exp.Filter) else value
    if type(inner) not in _MERGES or set(inner.args) - {"this", "big_int", "expressions"}:
        raise DefinitionError(
            f"{where}: {column} is {value.sql('duckdb')}, which doesn't merge; count, sum, min and max do"
        )
    if inner.find(exp.Distinct):
        raise DefinitionError(f"{where}: {column} is a distinct count, which doesn't merge; make what it counts a key")
    return _MERGES[type(inner)]


def exact(job: str, name: str, columns: Sequence[Column]) -> None:
    """Refuses a sum of floating-point numbers: it depends on the order in which they are added."""
    for column in columns:
        if column.merge == "sum" and column.type in {"DOUBLE", "FLOAT"}:
            raise DefinitionError(
                f"subjects/{job}.sql: the rollup {name}: {column.name} is a sum of {column.type}s, which depends on their order; "
                "CAST them AS DECIMAL(28, 10)"
            )


def view_key(job: str, name: str, query: exp.Query, named: Sequence[str]) -> tuple[str, ...]:
    """The view's key: what it is grouped by, or what its ``key:`` line says where the outermost SELECT isn't grouped."""
    where = f"subjects/{job}.sql: the view {name}"
    columns = [select.alias_or_name for select in query.selects]
    declared = tuple(part.strip() for line in named for part in line.split(","))
    grouping = tuple(s.alias_or_name for s in query.selects if not s.find(exp.AggFunc)) if grouped_all(query) else ()
    if query.args.get("group") and not grouped_all(query):
        raise DefinitionError(f"{where} must use GROUP BY ALL, so that its key is what it shows")
    if declared and grouping and set(declared) != set(grouping):
        raise DefinitionError(f"{where} says its key is {', '.join(declared)}, but is grouped by {', '.join(grouping)}")
    if query.find(exp.Limit, exp.Fetch, exp.Offset, exp.TableSample):
        raise DefinitionError(
            f"{where} leaves rows out by LIMIT, OFFSET or a sample; a view holds all, and 'learnfold show' limits"
        )
    key = grouping or declared
    if not key:
        raise DefinitionError(f"{where} has no key: GROUP BY ALL, or a line '-- key: …' above it")
    for column in key:
        if column not in columns:
            raise DefinitionError(f"{where} has no column {column}, which its key names")
    return key


def check(job: str, name: str, text: str, columns: Sequence[str]) -> str:
    """The condition of a ``check:`` line as SQL; refuses one that isn't, or that names other columns."""
    where = f"subjects/{job}.sql: {name}: check: {text}"
    try:
        condition = sqlglot.parse_one(text, read="duckdb")
    except SqlglotError as error:
        raise DefinitionError(f"{where} isn't a condition: {message_of(error)}") from error
    if not isinstance(condition.unnest(), (exp.Predicate, exp.Connector, exp.Not)) or condition.find(*_NO_CHECK):
        raise DefinitionError(f"{where} isn't a condition over one row")
    if not condition.find(exp.Column):
        raise DefinitionError(f"{where} names no column, so it checks nothing")
    for column in condition.find_all(exp.Column):
        if column.name not in columns:
            raise DefinitionError(f"{where} names {column.name}, which is no column of it")
    return condition.sql("duckdb", comments=False)


def message_of(error: SqlglotError) -> str:
    """What sqlglot says in one line, without the colours of a terminal."""
    return re.sub(r"\x1b\[\d*m", "", str(error)).splitlines()[0].rstrip()


def _spelled(part: exp.Expr) -> str:
    return {"tablesample": "a sample", "window": "a window"}.get(part.key, part.key.upper())


def grouped_all(query: exp.Query) -> bool:
    """Whether a query ends in GROUP BY ALL."""
    group = query.args.get("group")
    return bool(group and group.args.get("all"))
