"""Reads the subjects' SQL scripts into the catalog, and refuses what breaks the rules.

A script is read from top to bottom: a title, ``CREATE TABLE topic (…)``, ``CREATE TABLE rollup AS SELECT …``,
``CREATE VIEW view AS SELECT …``. The comment above a statement documents it, the comment behind a column the column.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from learnfold.catalog import lookback, merging, rules
from learnfold.catalog.fields import comment_text, fields, type_name
from learnfold.catalog.jobs import COMMON, ORDER
from learnfold.catalog.model import Catalog, Column, Job, Rollup, Topic, View
from learnfold.catalog.order import in_order
from learnfold.catalog.origins import origins
from learnfold.catalog.persons import names_of
from learnfold.catalog.pushdown import pushdown_of
from learnfold.catalog.rewrite import with_rewrites
from learnfold.catalog.states import plan_of
from learnfold.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.catalog.model import Field, Names


def read(scripts: Mapping[str, str]) -> Catalog:
    """The catalog that ``scripts`` (by subject, and ``event``) define; raises DefinitionError naming what breaks which rule."""
    reader = _Reader()
    reader.common(scripts[COMMON])
    for name in in_order({name: _statements(name, script) for name, script in scripts.items() if name != COMMON}):
        reader.job(name, scripts[name])
    return Catalog(reader.jobs)


class _Reader:
    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.shared: tuple[Field, ...] = ()  # the columns of every topic
        self.topics: dict[str, Topic] = {}
        self.rollups: dict[str, Rollup] = {}
        self.views: dict[str, View] = {}

    def common(self, script: str) -> None:
        statements = _statements(COMMON, script)
        if len(statements) != 1 or statements[0].expression:
            raise DefinitionError(f"subjects/{COMMON}.sql must hold one CREATE TABLE, of the columns of every topic")
        self.shared = fields(COMMON, statements[0])
        if not any(field.names == "owner" for field in self.shared):
            raise DefinitionError(
                f"subjects/{COMMON}.sql: no column holds the id of the person whose event it is, so nobody could be erased; "
                "end that column's comment in (whose event it is)"
            )

    def job(self, job: str, script: str) -> None:
        statements = _statements(job, script)
        title, _, rest = script.partition("\n\n")
        if not rest or not all(line.startswith("--") for line in title.splitlines()):
            raise DefinitionError(f"subjects/{job}.sql: it must begin with a comment that says what it is about")
        statements[0].comments = statements[0].comments[len(title.splitlines()) :] if statements[0].comments else None
        topics, rollups, views = [], [], []
        for statement in statements:
            name = statement.find(exp.Table).name  # type: ignore[union-attr]
            if name in self.topics or name in self.rollups or name in self.views:
                raise DefinitionError(f"subjects/{job}.sql: {name} is defined twice")
            if statement.kind == "VIEW":
                self.views[name] = self.view(job, name, statement)
                views.append(self.views[name])
            elif statement.expression:
                self.rollups[name] = self.rollup(job, name, statement)
                rollups.append(self.rollups[name])
            else:
                self.topics[name] = self.topic(job, name, statement)
                topics.append(self.topics[name])
        about = comment_text([line for line in title.splitlines() if not ORDER.fullmatch(line)])
        self.jobs[job] = Job(job, about, tuple(topics), tuple(rollups), tuple(views), self.after(topics, views))

    def after(self, topics: Sequence[Topic], views: Sequence[View]) -> tuple[str, ...]:
        """The other jobs whose rollups or views these views read."""
        own = {topic.name for topic in topics}
        read = {read.job for view in views for read in view.views}
        folded = {topic.name: job.name for job in self.jobs.values() for topic in job.topics}
        read |= {folded[rollup.topic.name] for view in views for rollup in view.rollups if rollup.topic.name not in own}
        return tuple(job for job in self.jobs if job in read)

    def topic(self, job: str, name: str, statement: exp.Create) -> Topic:
        columns = (*self.shared, *fields(job, statement))
        rules.names(job, name, [column.name for column in columns])
        return Topic(name, _comment(job, name, statement)[0], columns)

    def rollup(self, job: str, name: str, statement: exp.Create) -> Rollup:
        comment, _ = _comment(job, name, statement)
        query = statement.expression
        sources = rules.sources(query)
        unknown = sources - self.topics.keys()
        if unknown or len(sources) != 1:
            raise DefinitionError(
                f"subjects/{job}.sql: the rollup {name} must read one topic, not {', '.join(sorted(sources))}"
            )
        topic = self.topics[sources.pop()]
        owner = next((other.name for other in self.jobs.values() if topic in other.topics), job)
        if owner != job:
            raise DefinitionError(
                f"subjects/{job}.sql: the rollup {name} reads {topic.name} of another subject, which is folded there; "
                f"write the rollup in subjects/{owner}.sql"
            )
        rules.steady(job, name, query)
        merges = rules.rollup(job, name, query)
        inherited = {field.name: field.comment for field in topic.fields}
        names: dict[str, Names] = {field.name: field.names for field in topic.fields}
        columns = tuple(
            replace(
                column,
                merge=merges[column.name],
                key=merges[column.name] == "key",
                names=names_of(query, column.name, column.type, names),
            )
            for column in self.columns(job, name, query, inherited)
        )
        rules.exact(job, name, columns)
        reads = frozenset(column.name for column in query.find_all(exp.Column))
        return Rollup(name, comment, topic, columns, query.sql("duckdb", comments=False), _by_day(query), reads)

    def view(self, job: str, name: str, statement: exp.Create) -> View:
        comment, marks = _comment(job, name, statement)
        query = statement.expression
        sources = rules.sources(query)
        for source in sorted(sources):
            if source in self.topics:
                raise DefinitionError(
                    f"subjects/{job}.sql: the view {name} reads the topic {source}; a view reads rollups only"
                )
            if source not in self.rollups and source not in self.views:
                raise DefinitionError(
                    f"subjects/{job}.sql: the view {name} reads {source}, which no rollup or view above it is called"
                )
        rollups = tuple(rollup for rollup in self.rollups.values() if rollup.name in sources)
        views = tuple(view for view in self.views.values() if view.name in sources)
        rules.steady(job, name, query)
        rules.asks(job, name, query)
        merging.view(job, name, query, {rollup.name: rollup for rollup in rollups})
        key = rules.view_key(job, name, query, marks["key"])
        inherited = {column.name: column.comment for rollup in rollups for column in rollup.columns if column.key}
        inherited |= {column.name: column.comment for view in views for column in view.columns}
        read = [column for rollup in rollups for column in rollup.columns]
        names = _least_of_all(read + [column for view in views for column in view.columns])
        made = origins(query)
        columns = tuple(
            replace(
                column,
                key=column.name in key,
                names=names_of(query, column.name, column.type, names),
                source=_source(column, made[column.name]),
            )
            for column in self.columns(job, name, query, inherited)
        )
        checks = tuple(rules.check(job, name, text, [c.name for c in columns]) for text in marks["check"])
        view = View(name, job, comment, columns, rollups, checks, query.sql("duckdb", comments=False), views=views)
        below = {rollup.name: rollup for rollup in view.all_rollups}
        plan = plan_of(name, query, columns, below, {read.name: read.plan for read in views})
        where = f"subjects/{job}.sql: the view {name}"
        back = lookback.read(where, marks["looks back"], key, below, [read.name for read in views])
        return with_rewrites(replace(view, pushdown=pushdown_of(query, view), plan=plan, looks_back=back))

    def columns(self, job: str, name: str, query: exp.Query, inherited: dict[str, str]) -> list[Column]:
        """The columns of a query with their types, each with its own comment or the one of the column that it passes on."""
        if query.is_star:
            raise DefinitionError(f"subjects/{job}.sql: {name} must name its columns, not *")
        rules.names(job, name, [select.alias_or_name for select in query.selects])
        typed = self.typed(job, name, query)
        columns = []
        for select, result in zip(query.selects, typed.selects, strict=True):
            column = select.alias_or_name
            passed_on = isinstance(select, exp.Column)
            comment = comment_text(select.comments or []) or (inherited.get(column, "") if passed_on else "")
            if not comment:
                raise DefinitionError(f"subjects/{job}.sql: {name}.{column} has no comment that says what it holds")
            kind = type_name(result.type) or "UNKNOWN"
            if kind.startswith("DECIMAL("):  # what the sum of a decimal is, in every engine
                kind = f"DECIMAL(38, {kind.rstrip(')').split(',')[1].strip()})"
            if kind in {"UNKNOWN", "NULL", "TEXT", "DECIMAL"}:
                raise DefinitionError(f"subjects/{job}.sql: the type of {name}.{column} isn't known; CAST it")
            source = select.this.sql("duckdb", comments=False) if isinstance(select, exp.Alias) else column
            columns.append(Column(column, kind, comment, key=False, source=source))
        return columns

    def typed(self, job: str, name: str, query: exp.Query) -> exp.Query:
        schema: dict[str, object] = {
            topic.name: {f.name: f.type for f in topic.fields} for topic in self.topics.values()
        }
        schema |= {rollup.name: {c.name: c.type for c in rollup.columns} for rollup in self.rollups.values()}
        schema |= {view.name: {c.name: c.type for c in view.columns} for view in self.views.values()}
        try:
            typed = qualify(query.copy(), schema=schema, dialect="duckdb", quote_identifiers=False)
            return annotate_types(typed, schema=schema, dialect="duckdb")
        except SqlglotError as error:
            raise DefinitionError(f"subjects/{job}.sql: {name}: {rules.message_of(error)}") from error


def _source(column: Column, made: list[exp.Expr]) -> str | None:
    """What makes a column that a view passes on from a subquery; else its own SQL."""
    if column.source != column.name or len(made) != 1:
        return column.source
    return made[0].sql("duckdb", comments=False)


def _least_of_all(columns: list[Column]) -> dict[str, Names]:
    """Whom columns may name, by name; where one name stands for several columns, what is least known of any."""
    found: dict[str, Names] = {}
    for column in columns:
        if found.get(column.name) != "anyone":
            found[column.name] = column.names
    return found


def _by_day(query: exp.Query) -> str:
    """The rollup's SELECT with ``_day`` carried through."""
    query = query.copy()
    for select in query.find_all(exp.Select):
        select.expressions.insert(0, exp.column("_day"))
    return query.sql("duckdb", comments=False)


def _statements(job: str, script: str) -> list[exp.Create]:
    try:
        statements = [statement for statement in sqlglot.parse(script, read="duckdb") if statement is not None]
    except SqlglotError as error:
        raise DefinitionError(f"subjects/{job}.sql can't be read: {rules.message_of(error)}") from error
    for statement in statements:
        if isinstance(statement, exp.Command):
            raise DefinitionError(f"subjects/{job}.sql can't be read: {statement.sql()[:60]}")
        if not isinstance(statement, exp.Create) or statement.kind not in {"TABLE", "VIEW"}:
            raise DefinitionError(
                f"subjects/{job}.sql: only CREATE TABLE and CREATE VIEW belong here, not {statement.sql()[:60]}"
            )
    if not statements:
        raise DefinitionError(f"subjects/{job}.sql defines nothing")
    return statements  # type: ignore[return-value]


def _comment(job: str, name: str, statement: exp.Create) -> tuple[str, dict[str, list[str]]]:
    """The documentation above a statement, and its ``key:``, ``check:`` and ``looks back:`` lines."""
    marks: dict[str, list[str]] = {"key": [], "check": [], "looks back": []}
    words = []
    for line in statement.comments or []:
        kind, colon, rest = line.strip().partition(":")
        if colon and kind in marks:
            marks[kind].append(rest.strip())
        else:
            words.append(line)
    text = comment_text(words)
    if not text:
        raise DefinitionError(f"subjects/{job}.sql: {name} has no comment above it that says what it holds")
    return text, marks
